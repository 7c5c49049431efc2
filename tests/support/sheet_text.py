"""The text of a CSV file of orders."""

from tests.support.server import LINE

HEADER = "customer,product,host,days,features,contact_email,language\n"


def sheet(count: int, *wrong: str, name: str = "Bulk") -> str:
    """A CSV file of *count* correct rows, followed by the rows *wrong*."""
    host = LINE.replace('"', '""')
    right = (
        f'{name} {n % 7},bulk,"{host}",{n % 90 + 1},a b,x{n}@example.com,zh\n' for n in range(count)
    )
    return HEADER + "".join((*right, *wrong))

"""By what is told what is a customer's: its rows, names, addresses, and what they become."""

from typing import NamedTuple

from sqlalchemy import Connection

from license_server.catalog import catalog_store, customer_names
from license_server.catalog.catalog_store import Customer
from license_server.erasure import erasure_store


class Whose(NamedTuple):
    """Whose data is erased."""

    customer: Customer
    ids: tuple[int, ...]
    """Its row, and those of the customers that were merged into it."""
    names: frozenset[str]
    """What it is called, and was."""
    addresses: frozenset[str]
    """Of its contacts, in lower case."""

    @property
    def erased_name(self) -> str:
        """What it is called once that is done."""
        return customer_names.of_erased(self.customer.id)

    @property
    def mailbox(self) -> str:
        """In place of the addresses that mails went to: none, by its domain (RFC 2606)."""
        return f"erased@customer-{self.customer.id}.invalid"


def of(connection: Connection, customer: Customer) -> Whose:
    """What is *customer*'s."""
    rows = (customer, *catalog_store.merged_into(connection, customer.id))
    former = catalog_store.former_names(connection, customer.id)
    logged = erasure_store.former_addresses(connection, [one.id for one in rows])
    addresses = {one.contact_email for one in rows if one.contact_email} | logged
    return Whose(
        customer,
        tuple(one.id for one in rows),
        frozenset({customer.name, *former}),
        frozenset(address.lower() for address in addresses),
    )

"""Whether mails that go out agree with the licences that go with them (SPEC section 11.3)."""

from collections.abc import Iterator

from sqlalchemy import Connection

from license_server.mail import addresses
from license_server.mail.outbox_store import (
    BOUNCED,
    CANCELLED,
    CLAIMED,
    FAILED,
    SENDING,
    SENT,
    STATES,
)
from license_server.operations import ledger_rows

_ENDED = (SENT, FAILED, BOUNCED, CANCELLED)
_LEASED = (CLAIMED, SENDING)


def faults(connection: Connection) -> Iterator[tuple[int, str]]:
    """The number of each mail with which something is wrong, and what."""
    for row, number, product in ledger_rows.mails_beside(connection):
        state = row["state"]
        if state not in STATES:
            yield row["id"], f"there is no state {state}"
        elif (state in _ENDED) != (row["ended_at"] is not None):
            yield row["id"], f"it is {state}, and not ended as such a one is"
        elif (state in _LEASED) != (row["leased_by"] is not None):
            yield row["id"], f"it is {state}, and not leased as such a one is"
        if row["license"] is not None and number is None:
            yield row["id"], f"{row['license']}, whose file it has, does not exist"
        elif row["license"] is not None and product != row["product"]:
            yield row["id"], f"its product is not that of {row['license']}"
        if not addresses.is_address(row["recipient"]):
            yield row["id"], "it goes to no address"

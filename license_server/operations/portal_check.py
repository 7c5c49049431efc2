"""Whether what the customer portal keeps agrees with the rest (SPEC section 11.3)."""

from collections.abc import Iterator

from sqlalchemy import Connection

from license_server.operations import ledger_rows
from license_server.portal.portal_store import KINDS, ONE_TIME
from license_server.requests.wishes import WISHES


def faults(connection: Connection) -> Iterator[tuple[str, str]]:
    """The row with which something is wrong, and what."""
    for row, mail in ledger_rows.portal_links_beside(connection):
        name = f"portal_links/{row['id']}"
        if row["kind"] not in KINDS:
            yield name, f"there is no kind {row['kind']}"
        elif row["kind"] == ONE_TIME and row["uses"] > 1:
            yield name, f"it was used {row['uses']} times, and can be used once"
        if (row["uses"] == 0) != (row["used_at"] is None):
            yield name, "how often it was used, and when, does not fit"
        if row["mail"] is not None and mail is None:
            yield name, f"mail {row['mail']}, which brings it, does not exist"
    for row, same in ledger_rows.portal_requests_beside(connection):
        name = f"portal_requests/{row['request_id']}"
        if row["wish"] not in WISHES:
            yield name, f"there is no wish {row['wish']}"
        if not same:
            yield name, "its link is of another customer"

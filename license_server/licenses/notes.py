"""Notes on a licence. A note is an event, so nobody can change it later."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection

from license_server.actor import Actor
from license_server.audit import events
from license_server.catalog import customer_names, customers, fields
from license_server.catalog.faults import Faults
from license_server.licenses.license_store import StoredLicense

_LONGEST = 1000


def add(
    connection: Connection,
    stored: StoredLicense,
    members: Mapping[str, Any],
    actor: Actor,
    now: int,
) -> str:
    """Add the ``note`` in *members* to a licence's history; its text.

    Raises InputInvalidError, or NotFoundError where its customer is being erased.
    """
    if not customer_names.is_erased(stored.customer):
        customers.check_kept(connection, stored.customer)
    faults = Faults()
    faults.refuse_others(members, ("note",), "there is no such field; only note is allowed")
    text = faults.read("note", fields.clean_text, fields.present(members), "note", _LONGEST)
    if not text:
        faults.refuse("note", "it is missing")
    faults.check()
    events.record(connection, now, actor, "license.noted", stored.number, reason=text)
    return str(text)

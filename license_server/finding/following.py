"""Lets what is written be found: every event passes here, in the transaction of its act."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from sqlalchemy import Connection

from license_server.finding import finding_store
from license_server.finding.finding_store import Use
from license_server.finding.texts import Kind

TEXTS = {
    "licenses": ((Kind.LICENCE, ("host_name", "contract")),),
    "customers": (
        (Kind.CUSTOMER, ("name",)),
        (Kind.CONTACT, ("contact_name", "contact_email", "tags", "domains", "notes")),
    ),
    "products": ((Kind.PRODUCT, ("name",)),),
    "proposals": ((Kind.PROPOSAL, ("customer", "reason", "decision")),),
    "requests": (
        (Kind.REQUEST, ("customer", "sender_name", "sender_address", "subject", "reason")),
        (Kind.REQUEST, ("host_name", "host_key", "earlier", "license")),
    ),
}
"""The columns of a table by which a row of it is found. A name that it had goes on to find it."""
_ANEW = {"customers": Kind.CONTACT, "requests": Kind.REQUEST}
"""Of these tables, the texts that a row had find it no more once it is changed."""
_FIRST = (".added", ".filed")
"""How the names of acts end before which there was nothing to forget."""
_ON_LICENCE = "license."


def follow(
    connection: Connection,
    action: str,
    subject: str,
    rows: Iterable[tuple[str, Mapping[str, Any]]],
    reason: str | None,
) -> None:
    """Let what an event left be found: its *rows*, and the licence *subject* by its *reason*."""
    rows = list(rows)
    if not action.endswith(_FIRST):
        for table, row in rows:
            if table in _ANEW:
                finding_store.forget(connection, _ANEW[table], row["id"])
    own = [(table, row) for table, row in rows if table != "licenses" or row["number"] == subject]
    finding_store.add(connection, uses(own, reason))
    # A note leaves no row.
    if reason is not None and action.startswith(_ON_LICENCE) and not own:
        id_ = finding_store.licence_of(connection, subject)
        if id_ is not None:
            finding_store.add(connection, [Use(Kind.LICENCE, id_, reason)])


def uses(rows: Iterable[tuple[str, Mapping[str, Any]]], reason: str | None = None) -> Iterator[Use]:
    """The texts by which *rows* are found; a licence also by the *reason* of what was done to it.

    Of an act on a licence that replaces another, only the row of the new one is to be given.
    """
    for table, row in rows:
        for kind, columns in TEXTS.get(table, ()):
            yield from (Use(kind, row["id"], row[name]) for name in columns if row[name])
        if table == "licenses" and reason is not None:
            yield Use(Kind.LICENCE, row["id"], reason)

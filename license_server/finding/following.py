"""Lets what is written be found: every event passes here, in the transaction of its act."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

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


class Left(NamedTuple):
    """What an event left."""

    action: str
    subject: str
    rows: Sequence[tuple[str, Mapping[str, Any]]]
    """Each with the name of its table."""
    reason: str | None


def follow(connection: Connection, happened: Iterable[Left]) -> None:
    """Let what events left be found: their rows, and the licence of each by its reason."""
    found: list[Use] = []
    for action, subject, rows, reason in happened:
        if not action.endswith(_FIRST):
            for table, row in rows:
                if table in _ANEW:
                    finding_store.add(connection, found)
                    found = []
                    finding_store.forget(connection, _ANEW[table], row["id"])
        own = [one for one in rows if one[0] != "licenses" or one[1]["number"] == subject]
        found += uses(own, reason)
        # A note leaves no row.
        if reason is not None and action.startswith(_ON_LICENCE) and not own:
            id_ = finding_store.licence_of(connection, subject)
            if id_ is not None:
                found.append(Use(Kind.LICENCE, id_, reason))
    finding_store.add(connection, found)


def uses(rows: Iterable[tuple[str, Mapping[str, Any]]], reason: str | None = None) -> Iterator[Use]:
    """The texts by which *rows* are found; a licence also by the *reason* of what was done to it.

    Of an act on a licence that replaces another, only the row of the new one is to be given.
    """
    for table, row in rows:
        for kind, columns in TEXTS.get(table, ()):
            for name in columns:
                if row[name]:
                    yield Use(kind, row["id"], row[name])
        if table == "licenses" and reason is not None:
            yield Use(Kind.LICENCE, row["id"], reason)

"""Which licences somebody chose in the list: its rows, or all that its filters find."""

from collections.abc import Mapping

from sqlalchemy import Connection
from starlette.datastructures import QueryParams

from license_server.access.sessions import Session
from license_server.licenses import filters
from license_server.sheets import chosen, uploads
from license_server.web import forms
from license_server.web.session import on_one_line
from license_server.web.shown_licenses import FILTERS

FIELDS = ("numbers", "all", "from", *FILTERS)
"""The fields that choose licences."""
_CAP = 160 * 1024
"""The most characters of numbers that a form carries."""


def fields_of(query: QueryParams) -> dict[str, str]:
    """The fields that choose what an address does."""
    if query.get("from"):
        return {"from": query["from"]}
    if query.get("scope") == "all":
        return {name: query[name] for name in FILTERS if query.get(name)} | {"all": "yes"}
    return {"numbers": ",".join(query.getlist("number"))}


def numbers(
    connection: Connection, fields: Mapping[str, str], session: Session, now: int
) -> list[str]:
    """The numbers of the licences that *fields* choose, each once.

    Raises InputInvalidError, NotFoundError.
    """
    if fields.get("from"):
        return uploads.chosen_of(connection, fields["from"], session.actor).numbers
    if not fields.get("all"):
        return _numbers_in(fields.get("numbers", ""))
    given = {name: on_one_line(fields.get(name, "")) for name in FILTERS}
    return chosen.found_by(connection, filters.read(given, session.actor.products), now)


def _numbers_in(given: str) -> list[str]:
    """The numbers in a list, each once."""
    names = forms.names_in(on_one_line(given[:_CAP]))
    return list(dict.fromkeys(name[:32] for name in names))

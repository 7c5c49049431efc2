"""The list of API tokens: its columns, and which tokens it has."""

from typing import NamedTuple

from fastapi import Request
from sqlalchemy import Connection

from license_server.access import access_store, standing, tokens
from license_server.access.access_store import TOKEN_SORTS, StoredToken
from license_server.access.standing import Held
from license_server.web import list_page
from license_server.web.list_page import Column, DeskList
from license_server.web.list_shape import Source
from license_server.web.reader import Reader

_MARKS = {"revoked": "bad", "expired": "bad", "ended": "bad", "limited": "warn", "valid": "good"}


class Listed(NamedTuple):
    """A token, and how it stands."""

    held: Held
    standing: str

    @property
    def state(self) -> str:
        """How it stands; ``limited`` where it may do less than it was given."""
        less = self.standing == standing.VALID and self.held.given != self.held.permissions
        return "limited" if less else self.standing


def _why(one: Listed, to: Reader) -> str | None:
    """Who is behind a token that may do less than it was given, or nothing any more."""
    tr, person = to.catalogue.gettext, one.held.person
    if person is None or one.state not in ("ended", "limited"):
        return None
    ended = one.state == "ended"
    told = tr("with the account of %(email)s") if ended else tr("by the role of %(email)s")
    return told % {"email": person.email}


def _products(one: Listed, to: Reader) -> str:
    named = one.held.products
    return to.catalogue.gettext("all") if named is None else ", ".join(sorted(named))


def _expires(one: Listed, to: Reader) -> str:
    instant = one.held.token.expires_at
    return to.catalogue.gettext("never") if instant is None else to.when(instant)


def _used(one: Listed, to: Reader) -> str:
    instant = one.held.token.used_at
    return to.catalogue.gettext("not used yet") if instant is None else to.when(instant)


LIST = DeskList[Listed](
    "/tokens",
    {
        "name": Column(
            "Name", lambda one, _: one.held.token.name, lambda one: f"/tokens/{one.held.token.id}"
        ),
        "scopes": Column(
            "Scope", lambda one, _: ", ".join(one.held.token.scopes.split()), look="text"
        ),
        "products": Column("Products", _products),
        "created_at": list_page.at(lambda one: one.held.token.created_at, "Created"),
        "created_by": Column(
            "Created by", lambda one, _: one.held.person and one.held.person.email
        ),
        "expires_at": Column("Expires", _expires, look="number", zoned=True),
        "used_at": Column("Last used", _used, look="number", zoned=True),
        "state": Column(
            "State",
            lambda one, to: to.catalogue.gettext(one.state),
            look="text",
            mark=lambda one: _MARKS[one.state],
            aside=_why,
        ),
    },
    ("scopes", "products", "expires_at", "used_at", "state"),
    frozenset(TOKEN_SORTS),
    filters=("revoked",),
)


def of_revoked(request: Request) -> bool:
    """Whether the list is that of the tokens that were revoked."""
    return request.query_params.get("revoked") == "1"


def source(now: int, *, revoked: bool) -> Source[Listed]:
    """The tokens that were *revoked*, or not, by their names."""

    def listed(connection: Connection, rows: list[StoredToken]) -> list[Listed]:
        return [Listed(one, one.state(now)) for one in standing.held(connection, rows)]

    def after(
        connection: Connection, cursor: str | None, limit: int
    ) -> tuple[list[Listed], str | None]:
        last = tokens.token_by_id(connection, cursor).name if cursor else None
        rows = access_store.tokens_after(connection, last, limit + 1, revoked=revoked)
        following = rows[limit - 1].id if len(rows) > limit else None
        return listed(connection, rows[:limit]), following

    return Source(
        lambda connection: access_store.count_tokens(connection, revoked=revoked),
        lambda connection, count, order, offset, limit: listed(
            connection,
            access_store.tokens_in_order(connection, count, order, offset=offset, limit=limit),
        ),
        after,
    )

"""The list of users: its columns, and where its rows come from."""

from typing import NamedTuple

from sqlalchemy import Connection

from license_server.access import access_store
from license_server.access.access_store import USER_SORTS, StoredUser
from license_server.web import list_page
from license_server.web.list_page import Column, DeskList
from license_server.web.list_shape import Source, after_id
from license_server.web.reader import Reader


class Listed(NamedTuple):
    """A user, and where they are signed in."""

    user: StoredUser
    sessions: int
    since: int | None
    """When they signed in last, of those sessions."""


def _sessions(one: Listed, to: Reader) -> str | None:
    if not one.sessions:
        return None
    told = to.catalogue.ngettext("%(count)s session", "%(count)s sessions", one.sessions)
    return told % {"count": one.sessions}


def _since(one: Listed, to: Reader) -> str | None:
    since = to.catalogue.gettext("since %(since)s")
    return None if one.since is None else since % {"since": to.when(one.since)}


LIST = DeskList[Listed](
    "/people",
    {
        "email": Column(
            "Email address", lambda one, _: one.user.email, lambda one: f"/people/{one.user.id}"
        ),
        "role": Column("Role", lambda one, to: to.catalogue.gettext(one.user.role), look="number"),
        "codes": Column(
            "One-time codes",
            lambda one, to: to.catalogue.gettext("off" if one.user.totp is None else "on"),
            look="number",
            mark=lambda one: "warn" if one.user.totp is None else "good",
        ),
        "sessions": Column("Sessions", _sessions, look="number", aside=_since),
        "created_at": list_page.at(lambda one: one.user.created_at, "Added"),
        "state": Column(
            "State",
            lambda one, to: to.catalogue.gettext("disabled" if one.user.ended_at else "enabled"),
            look="number",
            mark=lambda one: "bad" if one.user.ended_at else None,
        ),
    },
    ("role", "codes", "sessions", "created_at", "state"),
    frozenset(USER_SORTS),
)


def source(now: int) -> Source[Listed]:
    """Who may or might sign in, the newest first."""

    def listed(connection: Connection, rows: list[StoredUser]) -> list[Listed]:
        here = access_store.open_sessions(connection, [one.id for one in rows], now)
        return [Listed(one, *here.get(one.id, (0, None))) for one in rows]

    return Source(
        access_store.count_users,
        lambda connection, count, order, offset, limit: access_store.users_in_order(
            connection, count, order, offset=offset, limit=limit
        ),
        after_id(access_store.users_before),
    ).told(listed)

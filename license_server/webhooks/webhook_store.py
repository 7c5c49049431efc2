"""Stored webhooks."""

from typing import Any, NamedTuple

from sqlalchemy import Connection, func, insert, select, update

from license_core import strictjson
from license_server.db import sorted_rows
from license_server.db.questions import Question, each
from license_server.db.sorted_rows import Count, SortedRows
from license_server.db.webhook_tables import webhooks
from license_server.deliveries import delivery_store

STATES = ("active", "paused", "removed")
ACTIVE, PAUSED, REMOVED = STATES
WHYS = ("asked", "gone", "failing", "restored")
"""Why a webhook is paused: somebody wants it, it answered 410, nothing reaches it for days, or the
server comes from a backup."""
ASKED, GONE, FAILING, RESTORED = WHYS


class Webhook(NamedTuple):
    """Somebody who is told of events."""

    id: int
    name: str
    url: str
    events: str | None
    products: str | None
    secret: bytes
    former_secret: bytes | None
    former_until: int | None
    created_at: int
    paused_at: int | None
    paused_why: str | None
    removed_at: int | None
    failing_since: int | None

    @property
    def event_names(self) -> list[str] | None:
        """The events that it is told of; None: all."""
        return _names(self.events)

    @property
    def product_names(self) -> list[str] | None:
        """The products of which it is told; None: all."""
        return _names(self.products)

    @property
    def state(self) -> str:
        """Whether it is told of events, or was, or is to be later."""
        if self.removed_at is not None:
            return REMOVED
        return ACTIVE if self.paused_at is None else PAUSED


def _names(text: str | None) -> list[str] | None:
    return None if text is None else list(strictjson.loads(text.encode("utf-8")))


_IS_KEPT = webhooks.c.removed_at.is_(None)
SORTS: dict[str, Any] = {
    "name": func.lower(webhooks.c.name),
    "created_at": webhooks.c.created_at,
    "state": func.coalesce(webhooks.c.paused_at, 0),
}
"""By what webhooks can be sorted."""


def add(connection: Connection, **values: Any) -> Webhook:
    """Store a webhook. Raises IntegrityError where its name is taken."""
    delivery_store.subscriptions_changed(connection)
    query = insert(webhooks).returning(*webhooks.c)
    return _of(connection.execute(query, values).one())


def change(connection: Connection, id_: int, **values: Any) -> Webhook:
    """The webhook with other values. Raises IntegrityError where its name is taken."""
    delivery_store.subscriptions_changed(connection)
    query = update(webhooks).where(webhooks.c.id == id_).values(values).returning(*webhooks.c)
    return _of(connection.execute(query).one())


def by_id(connection: Connection, id_: int) -> Webhook | None:
    """The webhook in this row, removed or not."""
    row = connection.execute(select(webhooks).where(webhooks.c.id == id_)).first()
    return None if row is None else _of(row)


def locked(connection: Connection, id_: int) -> Webhook | None:
    """The same, which nobody else changes before the commit."""
    query = select(webhooks).where(webhooks.c.id == id_).with_for_update()
    row = connection.execute(query).first()
    return None if row is None else _of(row)


def by_name(connection: Connection, name: str) -> Webhook | None:
    """The webhook that is called so, removed or not."""
    row = connection.execute(select(webhooks).where(webhooks.c.name == name)).first()
    return None if row is None else _of(row)


def listed(connection: Connection, *, removed: bool = False) -> list[Webhook]:
    """All webhooks in the order of their names; those that were removed only if asked for."""
    query = select(webhooks).order_by(func.lower(webhooks.c.name), webhooks.c.id)
    rows = connection.execute(query if removed else query.where(_IS_KEPT))
    return [_of(row) for row in rows]


def count(connection: Connection) -> Count:
    """How many webhooks there are, to a bound."""
    return sorted_rows.count(connection, select(webhooks.c.id).where(_IS_KEPT))


def after(connection: Connection, id_: int | None, limit: int) -> list[Webhook]:
    """At most *limit* webhooks in the order in which they were added, after the one in this row."""
    query = select(webhooks).where(_IS_KEPT).order_by(webhooks.c.id).limit(limit)
    if id_ is not None:
        query = query.where(webhooks.c.id > id_)
    return [_of(row) for row in connection.execute(query)]


def paused(connection: Connection) -> int:
    """How many webhooks are paused."""
    query = select(func.count()).where(_IS_KEPT, webhooks.c.paused_at.is_not(None))
    found: int = connection.execute(query).scalar_one()
    return found


def failed(connection: Connection, id_: int, now: int) -> int:
    """Note that an attempt failed; since when none has succeeded."""
    first = func.coalesce(webhooks.c.failing_since, now)
    query = update(webhooks).where(webhooks.c.id == id_).values(failing_since=first)
    since: int = connection.execute(query.returning(webhooks.c.failing_since)).scalar_one()
    return since


def succeeded(connection: Connection, id_: int) -> None:
    """Note that an attempt succeeded."""
    is_it = (webhooks.c.id == id_) & webhooks.c.failing_since.is_not(None)
    connection.execute(update(webhooks).where(is_it).values(failing_since=None))


class Named(NamedTuple):
    """What a webhook is called."""

    id: int
    name: str
    removed_at: int | None


def names() -> Question[list[Named]]:
    """What all webhooks are called, or were, in the order of their names."""
    query = select(webhooks.c.id, webhooks.c.name, webhooks.c.removed_at)
    return each(query.order_by(func.lower(webhooks.c.name), webhooks.c.id), Named)


class Paused(NamedTuple):
    """A webhook that is told nothing."""

    id: int
    name: str
    paused_why: str


def in_trouble() -> Question[list[Paused]]:
    """Those that nobody asked to pause."""
    query = select(webhooks.c.id, webhooks.c.name, webhooks.c.paused_why)
    query = query.where(_IS_KEPT, webhooks.c.paused_why != ASKED).order_by(webhooks.c.id)
    return each(query, Paused)


def _of(row: Any) -> Webhook:
    found = Webhook(*row)
    former = found.former_secret
    return found._replace(
        secret=bytes(found.secret), former_secret=None if former is None else bytes(former)
    )


in_order = SortedRows(select(webhooks), webhooks, SORTS, Webhook).in_order

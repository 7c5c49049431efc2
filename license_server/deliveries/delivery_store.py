"""Stored deliveries: what is to be sent to a webhook, and what came of each attempt."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    RowMapping,
    Select,
    bindparam,
    delete,
    func,
    insert,
    literal_column,
    or_,
    select,
    update,
)

from license_core import b64url, strictjson
from license_server.db import deferred, sorted_rows
from license_server.db.leases import WAITING, Queue
from license_server.db.sorted_rows import Count
from license_server.db.tables import (
    customers,
    licenses,
    products,
)
from license_server.db.webhook_tables import webhook_attempts, webhook_deliveries, webhooks

STATES = (WAITING, "delivered", "failed", "discarded")
"""What a delivery can be."""
QUEUE = Queue(webhook_deliveries, ("webhook_id", "lane"))
_SUBSCRIPTIONS = "subscriptions of webhooks"
_SUBSCRIBED = (
    select(webhooks.c.id, webhooks.c.events, webhooks.c.products)
    .where(webhooks.c.removed_at.is_(None))
    .order_by(webhooks.c.id)
)
_LICENCE = (
    select(licenses, customers.c.name, products.c.name)
    .join(customers, customers.c.id == licenses.c.customer_id)
    .join(products, products.c.id == licenses.c.product_id)
    .where(licenses.c.number == bindparam("number"))
)
_RANDOM_BYTES = 16
_AT_ONCE = 500


class Subscription(NamedTuple):
    """What a webhook is told of."""

    id: int
    events: frozenset[str] | None
    """None: all."""
    products: frozenset[str] | None
    """None: all, and what is of no product."""

    def wants(self, event: str) -> bool:
        """Whether it is told of an *event*, of some product or of none."""
        return self.events is None or event in self.events

    def wants_of(self, product: str | None) -> bool:
        """Whether it is told of what is of this *product*; None: of none."""
        return self.products is None or product in self.products


class NewDelivery(NamedTuple):
    """A delivery to be."""

    webhook_id: int
    event: str
    subject: str
    lane: str
    body: bytes
    created_at: int


class Delivery(NamedTuple):
    """What is sent to a webhook."""

    id: int
    message: str
    """The same at each attempt: the header ``webhook-id``."""
    webhook_id: int
    event: str
    subject: str
    lane: str
    body: bytes
    created_at: int
    state: str
    tries: int
    """How often it was tried since it waits."""
    due_at: int
    lease: str | None
    lease_until: int | None
    done_at: int | None

    @classmethod
    def of(cls, row: RowMapping) -> "Delivery":
        """A row of the table."""
        values = {name: row[name] for name in cls._fields}
        body = values["body"]
        if isinstance(body, str):  # SQLite takes whatever somebody writes by hand
            body = body.encode()
        return cls(**values | {"body": bytes(body)})


class Attempt(NamedTuple):
    """What came of sending a delivery once."""

    id: int
    delivery_id: int
    at: int
    milliseconds: int
    status: int | None
    """None: there was no answer."""
    problem: str | None
    """Why it counts as failed; None: it does not."""
    detail: str | None
    answer: bytes | None
    """The beginning of it."""


class DeliveryFilter(NamedTuple):
    """Which deliveries to list."""

    webhook_id: int | None = None
    event: str | None = None
    subject: str | None = None
    state: str | None = None
    since: int | None = None
    until: int | None = None


class Standing(NamedTuple):
    """How the deliveries of a webhook stand."""

    waiting: int = 0
    failed: int = 0
    delivered_at: int | None = None
    """When the last one arrived."""


def subscriptions(connection: Connection) -> list[Subscription]:
    """What each webhook is told of, one that is paused too."""
    return deferred.known(connection, _SUBSCRIPTIONS, _subscriptions)


def subscriptions_changed(connection: Connection) -> None:
    """What follows in this transaction looks at the webhooks anew."""
    deferred.forget(connection, _SUBSCRIPTIONS)


def _subscriptions(connection: Connection) -> list[Subscription]:
    return [
        Subscription(id_, _names(events), _names(of))
        for id_, events, of in connection.execute(_SUBSCRIBED)
    ]


def _names(text: str | None) -> frozenset[str] | None:
    return None if text is None else frozenset(strictjson.loads(text.encode("utf-8")))


def licence(connection: Connection, number: str) -> tuple[Mapping[str, Any], str, str] | None:
    """The row of a licence, with the names of its customer and its product."""
    row = connection.execute(_LICENCE, {"number": number}).first()
    if row is None:
        return None
    *values, customer, product = row
    return dict(zip((one.name for one in licenses.c), values, strict=True)), customer, product


def add(connection: Connection, new: Sequence[NewDelivery]) -> None:
    """Write deliveries by the commit at the latest, in this order; each waits, and is due."""
    seed = _random(connection) if new else b""
    for number, one in enumerate(new):
        drawn = hashlib.sha256(seed + number.to_bytes(4, "big")).digest()
        values = {"message": f"msg_{b64url.encode(drawn[:18])}", "due_at": one.created_at}
        deferred.add(connection, webhook_deliveries, [one._asdict() | values])


def _random(connection: Connection) -> bytes:
    """Unpredictable bytes, which the database draws."""
    drawn: Any = func.uuid_send(func.gen_random_uuid())
    if connection.dialect.name == "sqlite":
        drawn = func.randomblob(_RANDOM_BYTES)
    return bytes(connection.execute(select(drawn)).scalar_one())


def due(connection: Connection, now: int) -> list[int]:
    """The webhooks that something is to be sent to by now."""
    open_ = webhooks.c.paused_at.is_(None) & webhooks.c.removed_at.is_(None)
    waits = select(webhook_deliveries.c.id).where(
        webhook_deliveries.c.webhook_id == webhooks.c.id, QUEUE.is_due(now), QUEUE.is_first()
    )
    query = select(webhooks.c.id).where(open_, waits.exists()).order_by(webhooks.c.id)
    return list(connection.execute(query).scalars())


def take(
    connection: Connection, webhook_id: int, now: int, lease: str, seconds: int, limit: int
) -> list[Delivery]:
    """At most *limit* deliveries of a webhook, to be tried now under this *lease*.

    Nothing of one that was paused or removed meanwhile.
    """
    deferred.write(connection)
    open_ = select(webhooks.c.id).where(
        webhooks.c.id == webhook_id, webhooks.c.paused_at.is_(None), webhooks.c.removed_at.is_(None)
    )
    mine = webhook_deliveries.c.webhook_id.in_(open_)
    rows = QUEUE.take(connection, now, lease, seconds, limit, mine)
    return [Delivery.of(row) for row in rows]


def add_attempt(connection: Connection, delivery_id: int, at: int, **values: Any) -> None:
    """Write down what came of an attempt."""
    connection.execute(insert(webhook_attempts), {"delivery_id": delivery_id, "at": at} | values)


def by_id(connection: Connection, id_: int) -> Delivery | None:
    """The delivery of this id."""
    query = select(webhook_deliveries).where(webhook_deliveries.c.id == id_)
    row = connection.execute(query).mappings().first()
    return None if row is None else Delivery.of(row)


def attempts(connection: Connection, delivery_id: int, limit: int = 200) -> list[Attempt]:
    """What came of the attempts to send a delivery, the newest first."""
    table = webhook_attempts.c
    query = select(webhook_attempts).where(table.delivery_id == delivery_id)
    rows = connection.execute(query.order_by(table.id.desc()).limit(limit))
    return [_attempt(*row) for row in rows]


def last_attempts(connection: Connection, ids: Sequence[int]) -> dict[int, tuple[int, Attempt]]:
    """How often each of these deliveries was tried, and what came of the last attempt."""
    table = webhook_attempts.c
    counted = (
        select(table.delivery_id, func.count().label("times"), func.max(table.id).label("last"))
        .where(table.delivery_id.in_(list(ids)))
        .group_by(table.delivery_id)
        .subquery()
    )
    query = select(counted.c.times, webhook_attempts).join(counted, counted.c.last == table.id)
    return {row[2]: (row[0], _attempt(*row[1:])) for row in connection.execute(query)}


def _attempt(*values: Any) -> Attempt:
    found = Attempt(*values)
    return found._replace(answer=None if found.answer is None else bytes(found.answer))


def listed(
    connection: Connection, wanted: DeliveryFilter, *, before: int | None, limit: int
) -> list[Delivery]:
    """At most *limit* deliveries, the newest first; those with an id under *before*."""
    query = _wanted(select(webhook_deliveries), wanted)
    if before is not None:
        query = query.where(webhook_deliveries.c.id < before)
    rows = connection.execute(query.order_by(webhook_deliveries.c.id.desc()).limit(limit))
    return [Delivery.of(row) for row in rows.mappings()]


def count(connection: Connection, wanted: DeliveryFilter) -> Count:
    """How many deliveries are *wanted*, to a bound."""
    return sorted_rows.count(connection, _wanted(select(webhook_deliveries.c.id), wanted))


def _wanted(query: Select[Any], wanted: DeliveryFilter) -> Select[Any]:
    its = webhook_deliveries.c
    equal = {its[name]: getattr(wanted, name) for name in ("webhook_id", "event", "subject")}
    equal[its.state] = wanted.state
    query = query.where(*(column == value for column, value in equal.items() if value is not None))
    if wanted.since is not None:
        query = query.where(its.created_at >= wanted.since)
    if wanted.until is not None:
        query = query.where(its.created_at < wanted.until)
    return query


def standing(connection: Connection, webhook_ids: Sequence[int]) -> dict[int, Standing]:
    """How the deliveries of these webhooks stand."""
    its = webhook_deliveries.c
    query = (
        select(its.webhook_id, its.state, func.count(), func.max(its.done_at))
        .where(its.webhook_id.in_(list(webhook_ids)))
        .group_by(its.webhook_id, its.state)
    )
    found = {id_: Standing() for id_ in webhook_ids}
    for id_, state, counted, last in connection.execute(query):
        values: dict[str, Any] = {state: counted} if state in ("waiting", "failed") else {}
        if state == "delivered":
            values["delivered_at"] = last
        found[id_] = found[id_]._replace(**values)
    return found


class Backlog(NamedTuple):
    """How the deliveries of all webhooks stand."""

    due: int
    """Those whose time has come, of webhooks that are told something."""
    failed: int
    """Those that were given up, and are still kept."""


def backlog(connection: Connection, now: int) -> Backlog:
    """How the deliveries of all webhooks stand."""
    its = webhook_deliveries.c
    told = webhooks.c.paused_at.is_(None) & webhooks.c.removed_at.is_(None)
    due = select(func.count()).select_from(webhook_deliveries.join(webhooks)).where(told)
    due = due.where(its.state == literal_column(f"'{WAITING}'"), its.due_at <= now)
    failed = select(func.count()).where(its.state == literal_column("'failed'"))  # as the index has
    return Backlog(*(connection.execute(one).scalar_one() for one in (due, failed)))


def send_again(connection: Connection, wanted: ColumnElement[bool], now: int) -> int:
    """Let deliveries that wait no more be sent again, the same bytes; how many those are."""
    its = webhook_deliveries.c
    values = {"state": WAITING, "tries": 0, "due_at": now, "done_at": None}
    query = update(webhook_deliveries).where(wanted, its.state != WAITING).values(values)
    return connection.execute(query).rowcount


def is_one(id_: int) -> ColumnElement[bool]:
    """Whether it is the delivery of this id."""
    return webhook_deliveries.c.id == id_


def in_span(wanted: DeliveryFilter) -> ColumnElement[bool]:
    """Whether a delivery is *wanted*."""
    return webhook_deliveries.c.id.in_(_wanted(select(webhook_deliveries.c.id), wanted))


def discard(connection: Connection, webhook_id: int, now: int) -> int:
    """Let what waits for a webhook wait no more; how much that was."""
    deferred.write(connection)
    its = webhook_deliveries.c
    query = update(webhook_deliveries).where(its.webhook_id == webhook_id, its.state == WAITING)
    values = {"state": "discarded", "done_at": now, "lease": None, "lease_until": None}
    return connection.execute(query.values(values)).rowcount


def everything(connection: Connection) -> Iterator[Delivery]:
    """Every delivery."""
    query = select(webhook_deliveries).order_by(webhook_deliveries.c.id)
    yield from (Delivery.of(row._mapping) for row in deferred.streamed(connection, query))


def webhook_ids(connection: Connection) -> set[int]:
    """The ids of all webhooks, those that were removed among them."""
    return set(connection.execute(select(webhooks.c.id)).scalars())


def attempts_at_nothing(connection: Connection) -> list[int]:
    """The ids of deliveries that there are not, but attempts to send them."""
    its = webhook_attempts.c.delivery_id
    there = select(webhook_deliveries.c.id).where(webhook_deliveries.c.id == its)
    return list(connection.execute(select(its).where(~there.exists()).distinct()).scalars())


def forget(connection: Connection, instant: int) -> None:
    """Delete what was done before *instant*, and what a webhook that is paused waits with since."""
    deferred.write(connection)
    its = webhook_deliveries.c
    shut = select(webhooks.c.id).where(
        or_(webhooks.c.paused_at < instant, webhooks.c.removed_at < instant)
    )
    waits_in_vain = (its.state == WAITING) & (its.created_at < instant) & its.webhook_id.in_(shut)
    old = select(its.id).where(or_(its.done_at < instant, waits_in_vain)).limit(_AT_ONCE)
    while ids := list(connection.execute(old).scalars()):
        of_them = webhook_attempts.c.delivery_id.in_(ids)
        connection.execute(delete(webhook_attempts).where(of_them))
        connection.execute(delete(webhook_deliveries).where(its.id.in_(ids)))

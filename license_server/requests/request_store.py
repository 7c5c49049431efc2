"""Stored requests."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    and_,
    func,
    insert,
    literal_column,
    or_,
    select,
)

from license_server.db import sorted_rows
from license_server.db.among import among
from license_server.db.portal_tables import portal_requests
from license_server.db.questions import Question, each, known
from license_server.db.request_tables import request_messages, requests
from license_server.db.sorted_rows import Count, SortedRows
from license_server.db.tables import licenses
from license_server.requests.message_store import RECEIVED, REPLY

OPEN = ("new", "waiting")
CLOSED = ("issued", "refused", "expired")
STATES = (*OPEN, *CLOSED)
REPLIED, ANSWERED = "replied", "answered"
"""Of a new request: we wrote last, or they did, after us."""
STANDINGS = ("new", REPLIED, ANSWERED, *STATES[1:])
_OF_THREAD = 50
DUE, BY_RULE, RESTORED = "due", "issued", "restored"
"""A request that may be answered without a person, one that was, and one of which that is not
known: it may have been since the backup was made of which this server was restored."""


class StoredRequest(NamedTuple):
    """A request as it is stored."""

    id: int
    """Its number."""
    source: str
    received_at: int
    state: str
    """One of STATES."""
    open_key: str | None
    """What no two open ones share; None: it is closed."""
    customer: str | None
    product: str | None
    host: str | None
    """As an order takes it; None: the text has none."""
    host_key: str | None
    host_name: str | None
    earlier: str | None
    """The number of the licence that it speaks of, or that had its host before."""
    sender_name: str | None
    sender_address: str | None
    language: str | None
    subject: str | None
    message_id: str | None
    thread: str | None
    owner: str | None
    """The name of the actor who deals with it."""
    proposal: int | None
    """Which it waits for, or that was approved."""
    license: str | None
    """The number of the licence that answers it."""
    reason: str | None
    """Why it was refused, or came back from an approver."""
    closed_by: str | None
    closed_at: int | None
    repeats: int
    """How often it was sent again."""
    repeated_at: int | None
    follows: int | None
    """The request that its mail came after, in the same thread."""
    authenticated: str | None = None
    """The domain of the sender, where the receiving server vouches for it."""
    rule: str | None = None
    """DUE, BY_RULE, or why it waits for a person (rules.py); None: it does anyway."""
    wish: str | None = None
    """What it asks for, one of wishes.WISHES; None: it was not filed in the portal."""
    about: str | None = None
    """The number of the licence of which it asks that."""
    earlier_host: str | None = None
    """The hostname of the licence that it is about, or speaks of."""

    last_received: int | None = None
    """The last text of its conversation that came in; None: none is kept."""
    last_reply: int | None = None
    """The last one that was replied."""

    @property
    def standing(self) -> str:
        """One of STANDINGS: its state, and while it is new, whose turn it is to write."""
        if self.state != "new" or self.last_reply is None:
            return self.state
        return ANSWERED if (self.last_received or 0) > self.last_reply else REPLIED

    @property
    def row(self) -> dict[str, Any]:
        """The columns of its own table."""
        return {column.name: getattr(self, column.name) for column in requests.c}

    @property
    def called(self) -> str | None:
        """The hostname that it is known by: its own, else that of its licence."""
        return self.host_name or self.earlier_host

    @property
    def is_open(self) -> bool:
        """Whether something is still to be done about it."""
        return self.state in OPEN


class Filter(NamedTuple):
    """Which requests are wanted."""

    states: tuple[str, ...] = ()
    """Empty: all."""
    source: str | None = None
    owner: str | None = None
    host_key: str | None = None
    products: frozenset[str] | None = None
    """Of these products only; a request of no known product is of none."""


def _last(kind: str) -> Any:
    """The last text of a *kind* in the conversation about a request."""
    of = request_messages.c
    query = select(func.max(of.id)).where(of.request_id == requests.c.id, of.kind == kind)
    return query.correlate(requests).scalar_subquery()


_SPOKEN_OF = licenses.alias("spoken_of")
ALL: Select[Any] = select(
    *requests.c,
    portal_requests.c.wish,
    portal_requests.c.license.label("about"),
    _SPOKEN_OF.c.host_name.label("earlier_host"),
    _last(RECEIVED).label("last_received"),
    _last(REPLY).label("last_reply"),
).select_from(
    requests.outerjoin(portal_requests, portal_requests.c.request_id == requests.c.id).outerjoin(
        _SPOKEN_OF,
        _SPOKEN_OF.c.number == func.coalesce(portal_requests.c.license, requests.c.earlier),
    )
)
"""What a StoredRequest is made of."""


def add(connection: Connection, **values: Any) -> StoredRequest:
    """Store a request. Raises IntegrityError where an open one has its ``open_key``."""
    query = insert(requests).returning(*requests.c)
    return StoredRequest(*connection.execute(query, values).one())


def by_id(connection: Connection, id_: int) -> StoredRequest | None:
    """The request in this row."""
    return _first(connection, requests.c.id == id_)


def by_ids(
    ids: Sequence[int], of: frozenset[str] | None, limit: int
) -> Question[list[StoredRequest]]:
    """At most *limit* of these requests, the newest first; *of*: of these products only."""
    query = ALL.where(among(requests.c.id, ids), *_wanted(Filter(products=of)))
    return each(query.order_by(requests.c.id.desc()).limit(limit), StoredRequest)


def by_open_key(connection: Connection, key: str) -> StoredRequest | None:
    """The open request that has this key."""
    return _first(connection, requests.c.open_key == key)


def by_proposal(connection: Connection, id_: int) -> StoredRequest | None:
    """The request that waits for this proposal."""
    return _first(connection, requests.c.proposal == id_, requests.c.state == "waiting")


def of_host(
    connection: Connection, host_key: str, product: str | None, state: str, but: str
) -> StoredRequest | None:
    """The newest request of a host for a product in a *state*, *but* for those of one source."""
    return _first(
        connection,
        requests.c.host_key == host_key,
        requests.c.product.is_(None) if product is None else requests.c.product == product,
        requests.c.state == state,
        requests.c.source != but,
    )


def of_mail(
    connection: Connection, message_id: str, sender: str | None, host_key: str | None
) -> StoredRequest | None:
    """The newest request of a mail for a host; the same id from another sender is another mail."""
    of = requests.c
    same = of.host_key.is_(None) if host_key is None else of.host_key == host_key
    author = func.lower(func.coalesce(of.sender_address, "")) == (sender or "").lower()
    return _first(connection, of.message_id == message_id, author, same)


def of_thread(connection: Connection, message_ids: Sequence[str]) -> list[StoredRequest]:
    """At most a few requests in whose conversations these mails are, the newest first."""
    said = select(request_messages.c.request_id).where(
        request_messages.c.message_id.in_(message_ids)
    )
    query = ALL.where(or_(requests.c.message_id.in_(message_ids), requests.c.id.in_(said)))
    rows = connection.execute(query.order_by(requests.c.id.desc()).limit(_OF_THREAD))
    return [StoredRequest(*row) for row in rows]


def waiting_for_host(one: StoredRequest) -> Question[list[StoredRequest]]:
    """At most a few others that are open, and are for the host that *one* is for, newest first."""
    if one.host_key is None:
        return known([])
    query = ALL.where(
        requests.c.host_key == one.host_key,
        requests.c.state.in_(OPEN),
        requests.c.id != one.id,
    )
    return each(query.order_by(requests.c.id.desc()).limit(_OF_THREAD), StoredRequest)


def around_in_thread(one: StoredRequest) -> Question[list[StoredRequest]]:
    """The one before it in its thread, then at most a few that follow it, the newest first."""
    before = requests.c.id == one.follows
    query = ALL.where(or_(before, requests.c.follows == one.id))
    query = query.order_by(before.desc(), requests.c.id.desc())
    return each(query.limit(_OF_THREAD), StoredRequest)


def _first(connection: Connection, *wanted: ColumnElement[bool]) -> StoredRequest | None:
    query = ALL.where(*wanted).order_by(requests.c.id.desc()).limit(1)
    row = connection.execute(query).first()
    return None if row is None else StoredRequest(*row)


def change(
    connection: Connection, id_: int, states: Sequence[str], **changed: Any
) -> StoredRequest | None:
    """Change a request that is in one of *states*; None where it is in another by now."""
    query = (
        requests.update().where(requests.c.id == id_, requests.c.state.in_(states)).values(changed)
    )
    return by_id(connection, id_) if connection.execute(query).rowcount else None


def repeated(connection: Connection, id_: int, now: int) -> StoredRequest:
    """Count that a request was sent again."""
    query = (
        requests.update()
        .where(requests.c.id == id_)
        .values(repeats=requests.c.repeats + 1, repeated_at=now)
    )
    connection.execute(query)
    return StoredRequest(*connection.execute(ALL.where(requests.c.id == id_)).one())


def listed(
    connection: Connection,
    wanted: Filter,
    *,
    before: int | None = None,
    after: int | None = None,
    limit: int,
) -> list[StoredRequest]:
    """At most *limit* requests, the newest first; those with an id under *before*.

    With *after*, the oldest first: those with an id over it.
    """
    query = ALL.where(*_wanted(wanted)).limit(limit)
    if after is not None:
        query = query.where(requests.c.id > after).order_by(requests.c.id)
    else:
        query = query.order_by(requests.c.id.desc())
    if before is not None:
        query = query.where(requests.c.id < before)
    return [StoredRequest(*row) for row in connection.execute(query)]


def _wanted(wanted: Filter) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if wanted.states:
        found.append(requests.c.state.in_(wanted.states))
    for name in ("source", "owner", "host_key"):
        value = getattr(wanted, name)
        if value is not None:
            found.append(requests.c[name] == value)
    if wanted.products is not None:
        found.append(requests.c.product.in_(sorted(wanted.products)))
    return found


def due(connection: Connection, limit: int) -> list[int]:
    """At most *limit* requests that may be answered without a person, the oldest first."""
    is_due = requests.c.rule == literal_column(f"'{DUE}'")  # as the index has it
    query = select(requests.c.id).where(is_due, requests.c.state == "new")
    return list(connection.execute(query.order_by(requests.c.id).limit(limit)).scalars())


def set_rule(connection: Connection, id_: int, rule: str) -> bool:
    """Say of a request that is due what became of it; whether it was still due."""
    is_it = (requests.c.id == id_) & (requests.c.rule == DUE)
    return bool(connection.execute(requests.update().where(is_it).values(rule=rule)).rowcount)


def hold_due(connection: Connection) -> None:
    """Leave to a person all that would be answered without one, as after a restore."""
    query = requests.update().where(requests.c.rule == DUE)
    connection.execute(query.values(rule=RESTORED))


def count_by_rule(connection: Connection, customer: str, since: int) -> int:
    """How many requests of a customer were answered without a person *since* then.

    However long ago they came: what a server could not answer for a day counts when it does. What
    waits for approval counts until somebody has approved it.
    """
    query = select(func.count()).where(
        requests.c.customer == customer,
        requests.c.rule == BY_RULE,
        or_(
            requests.c.state == "waiting",
            and_(requests.c.state == "issued", requests.c.closed_at >= since),
        ),
    )
    found: int = connection.execute(query).scalar_one()
    return found


class Waiting(NamedTuple):
    """The queue in short."""

    number: int
    """How many are new."""
    oldest_at: int | None
    """When the oldest of them came."""


def waiting(of: frozenset[str] | None = None) -> Question[Waiting]:
    """How many requests nobody has dealt with yet; *of*: of these products only."""
    query = select(func.count(), func.min(requests.c.received_at)).where(
        *_wanted(Filter(("new",), products=of))
    )
    return Question(query, lambda rows: Waiting(*rows[0]))


def overdue(connection: Connection, received_before: int, limit: int) -> list[int]:
    """At most *limit* of the new requests that came, and came again, before that instant."""
    last = func.coalesce(requests.c.repeated_at, requests.c.received_at)
    query = select(requests.c.id).where(requests.c.state == "new", last < received_before)
    return list(connection.execute(query.order_by(requests.c.id).limit(limit)).scalars())


SORTS: dict[str, Any] = {
    "request": requests.c.id,
    "received_at": requests.c.received_at,
    "state": requests.c.state,
    "customer": func.lower(func.coalesce(requests.c.customer, "")),
    "product": func.lower(func.coalesce(requests.c.product, "")),
    "host": func.lower(func.coalesce(requests.c.host_name, requests.c.host_key, "")),
    "sender": func.lower(func.coalesce(requests.c.sender_address, requests.c.sender_name, "")),
    "owner": func.coalesce(requests.c.owner, ""),
}
"""By what requests can be sorted."""


def count(connection: Connection, wanted: Filter) -> Count:
    """How many requests ``listed`` has, to a bound."""
    return sorted_rows.count(connection, select(requests.c.id).where(*_wanted(wanted)))


in_order = SortedRows(ALL, requests, SORTS, StoredRequest).in_order

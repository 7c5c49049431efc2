"""Which licences somebody looks for: a bounded amount of work, however many licences there are.

Each condition tells licences by an index. Where one of them tells few, those are looked at one by
one. Where each tells many, the newest that the rarest of them tells are looked at, some at a time.
Whoever asks for what hardly any of them is gets a short page, and where to go on.
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, and_, func, or_, select, true

from license_server.models import begins, licenses
from license_server.store import parties
from license_server.words import words

_FEW = 500
"""A condition that tells no more licences than these is looked through as a whole."""
_STEPS = (500, 1500, 6000)
"""How many licences are looked at, step by step, before a short page is given."""
_AT_ONCE = 250
_WORDS = 8
# What a person hears or reads for a digit (Crockford's base 32).
_HEARD = str.maketrans("OIL", "011")
_END = func.coalesce(licenses.c.grace_until, licenses.c.expires_at)


class Filter(NamedTuple):
    """Which licences to list. *text* is what somebody types into a search field."""

    customer: str | None = None
    product: str | None = None
    host_key: str | None = None
    """The key, or its beginning."""
    host_name: str | None = None
    """The hostname, or its beginning."""
    number: str | None = None
    """The number, or its beginning."""
    state: str | None = None
    """One of STATES; or ``expired``: active, and over at *now*."""
    line: str | None = None
    expires_from: int | None = None
    expires_before: int | None = None
    text: str | None = None
    products: frozenset[str] | None = None
    """Only of these; None: of all."""


class Found(NamedTuple):
    """The ids of licences, the newest first, and under which to go on; None: that was all."""

    ids: list[int]
    below: int | None


class _Is(NamedTuple):
    """A column that has one of some values; its index tells them in the order of their ids."""

    column: Any
    values: Sequence[Any]

    @property
    def holds(self) -> ColumnElement[bool]:
        if len(self.values) == 1:
            return self.column == self.values[0]  # type: ignore[no-any-return]
        return self.column.in_(self.values)  # type: ignore[no-any-return]

    def newest(self, connection: Connection, before: int | None, most: int) -> list[int]:
        """At most *most* of them under *before*, the newest first."""
        ids: list[int] = []
        for value in self.values:
            query = _under(before).where(self.column == value).limit(most)
            ids += connection.execute(query).scalars()
        return sorted(ids, reverse=True)[:most]


class _All:
    """Every licence: what is walked where no condition tells them in order."""

    def newest(self, connection: Connection, before: int | None, most: int) -> list[int]:
        """At most *most* of them under *before*, the newest first."""
        return list(connection.execute(_under(before).limit(most)).scalars())


class _Within(NamedTuple):
    """A column within bounds; its index tells them, but in no order that helps."""

    column: Any
    holds: ColumnElement[bool]

    @property
    def some(self) -> Any:
        """A query for at most one more than few of them."""
        # In the index's order, so that it is used: they may stand anywhere in the table.
        return select(licenses.c.id).where(self.holds).order_by(self.column).limit(_FEW + 1)


def find(
    connection: Connection, wanted: Filter, now: int, *, before: int | None, limit: int
) -> Found:
    """At most *limit* licences, the newest first; those with an id under *before*.

    There may be fewer than *limit* although more follow.
    """
    conditions = _conditions(connection, wanted, now)
    if conditions is None:
        return Found([], None)
    ordered, bounded, rest = conditions
    told_apart: list[_Is | _Within] = [*ordered, *bounded]
    holds = and_(true(), *(one.holds for one in told_apart), *rest)
    if wanted.text is not None:
        told = _told_by(connection, wanted.text)
        if told.few is not None:
            return _among(connection, told.few, holds, before, limit)
        holds = and_(holds, told.holds)
    for one in bounded:
        few = list(connection.execute(one.some).scalars())
        if len(few) <= _FEW:
            return _among(connection, few, holds, before, limit)
    if not rest and not bounded and wanted.text is None and len(ordered) == 1:
        ids = ordered[0].newest(connection, before, limit + 1)
        return Found(ids[:limit], ids[limit - 1] if len(ids) > limit else None)
    return _walk(connection, ordered, holds, before, limit)


def _walk(
    connection: Connection,
    ordered: Sequence[_Is],
    holds: ColumnElement[bool],
    before: int | None,
    limit: int,
) -> Found:
    """Look through the newest that the rarest of *ordered* tells."""
    driving: _Is | _All = _All()
    oldest = None
    for one in ordered:
        newest = one.newest(connection, before, _FEW + 1)
        if len(newest) <= _FEW:
            return _among(connection, newest, holds, before, limit)
        if oldest is None or newest[-1] < oldest:
            driving, oldest = one, newest[-1]
    found: list[int] = []
    for step in _STEPS:
        seen = driving.newest(connection, before, step)
        if seen:
            query = _under(before).where(licenses.c.id >= seen[-1], holds)
            found += connection.execute(query.limit(limit + 1 - len(found))).scalars()
        if len(found) > limit:
            return Found(found[:limit], found[limit - 1])
        if len(seen) < step:
            return Found(found, None)
        before = seen[-1]
    return Found(found, before)


def _among(
    connection: Connection,
    ids: Sequence[int],
    holds: ColumnElement[bool],
    before: int | None,
    limit: int,
) -> Found:
    """Those of *ids* for which the rest *holds* too."""
    candidates = sorted((id_ for id_ in ids if before is None or id_ < before), reverse=True)
    found: list[int] = []
    for start in range(0, len(candidates), _AT_ONCE):
        some = candidates[start : start + _AT_ONCE]
        query = _under(None).where(licenses.c.id.in_(some), holds)
        found += connection.execute(query.limit(limit + 1 - len(found))).scalars()
        if len(found) > limit:
            return Found(found[:limit], found[limit - 1])
    return Found(found, None)


def _under(before: int | None) -> Any:
    query = select(licenses.c.id).order_by(licenses.c.id.desc())
    return query if before is None else query.where(licenses.c.id < before)


def _conditions(
    connection: Connection, wanted: Filter, now: int
) -> tuple[list[_Is], list[_Within], list[ColumnElement[bool]]] | None:
    """Those that tell in order, those that tell, and the rest; None where nothing can hold."""
    ordered: list[_Is] = []
    bounded: list[_Within] = []
    rest: list[ColumnElement[bool]] = []
    if wanted.line is not None:
        ordered.append(_Is(licenses.c.line, (wanted.line,)))
    if wanted.customer is not None:
        customer = parties.customer_by_name(connection, wanted.customer)
        if customer is None:
            return None
        ordered.append(_Is(licenses.c.customer_id, (customer.id,)))
    names = _product_names(wanted)
    if names is not None:
        ids = parties.product_ids(connection, names)
        if not ids:
            return None
        ordered.append(_Is(licenses.c.product_id, ids))
    if wanted.state is not None:
        state = "active" if wanted.state == "expired" else wanted.state
        ordered.append(_Is(licenses.c.state, (state,)))
    expires = licenses.c.expires_at
    if wanted.state == "expired":
        rest.append(now >= _END)
        bounded.append(_Within(expires, expires <= now))
    elif wanted.state == "active":
        rest.append(or_(_END.is_(None), now < _END))
    bounds = [
        *([expires >= wanted.expires_from] if wanted.expires_from is not None else []),
        *([expires < wanted.expires_before] if wanted.expires_before is not None else []),
    ]
    if bounds:
        bounded.append(_Within(expires, and_(*bounds)))
    for column, text in (
        (licenses.c.host_key, wanted.host_key),
        (licenses.c.host_name, None if wanted.host_name is None else _fold(wanted.host_name)),
        (licenses.c.number, wanted.number),
    ):
        if text is not None:
            bounded.append(_Within(column, begins(column, text)))
    return ordered, bounded, rest


def _product_names(wanted: Filter) -> frozenset[str] | None:
    if wanted.product is None:
        return wanted.products
    named = frozenset({wanted.product})
    return named if wanted.products is None else named & wanted.products


class _Told(NamedTuple):
    """The licences that somebody may mean who types a text."""

    few: list[int] | None
    """None: there are many."""
    holds: ColumnElement[bool]


def _told_by(connection: Connection, text: str) -> _Told:
    """By key, hostname, number or its last part; by product; by words of the customer's name."""
    typed = text.strip()
    ways = [
        _Within(licenses.c.host_key, begins(licenses.c.host_key, typed.lower())),
        _Within(licenses.c.host_name, begins(licenses.c.host_name, _fold(typed))),
        *(
            _Within(licenses.c.number, begins(licenses.c.number, number))
            for number in _numbers(connection, typed)
        ),
    ]
    products = parties.product_ids(connection, frozenset({typed}))
    if products:
        ways.append(_Within(licenses.c.product_id, licenses.c.product_id == products[0]))
    holds = [way.holds for way in ways]
    named = words(typed, whole=True)[:_WORDS]
    many = False
    if named:
        customers = parties.ids_named(connection, named, _FEW)
        if customers is None:
            many = True
            holds.append(and_(*(parties.named(licenses.c.customer_id, word) for word in named)))
        elif customers:
            ways.append(_Within(licenses.c.customer_id, licenses.c.customer_id.in_(customers)))
            holds.append(ways[-1].holds)
    ids: set[int] = set()
    for way in ways if not many else ():
        told = list(connection.execute(way.some).scalars())
        many = many or len(told) > _FEW
        if many:
            break
        ids.update(told)
    return _Told(None if many else list(ids), or_(*holds))


def _numbers(connection: Connection, typed: str) -> Iterator[str]:
    """How a number may begin that is typed from its beginning, or by its last part alone."""
    heard = typed.upper().translate(_HEARD)
    yield heard
    part = heard.replace(" ", "").replace("-", "")
    if not (1 <= len(part) <= 8 and part.isascii() and part.isalnum()):
        return
    query = select(func.min(licenses.c.number), func.max(licenses.c.number))
    first, last = connection.execute(query).one()
    if first is not None:
        for year in range(int(first[3:7]), int(last[3:7]) + 1):
            yield f"HS-{year:04}-{part}"


def _fold(name: str) -> str:
    """A hostname as hk1 has it: ASCII letters in lower case."""
    return "".join(c.lower() if c.isascii() else c for c in name)

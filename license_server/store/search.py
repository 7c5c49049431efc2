"""Which licences somebody looks for: a bounded amount of work, however many licences there are.

Each condition tells licences by an index. Where one of them tells few, those are looked at one by
one. Where each tells many, the newest that the rarest of them tells are looked at.
Whoever asks for what hardly any of them is gets a short page, and where to go on.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    and_,
    false,
    func,
    or_,
    select,
    true,
    union,
    union_all,
)

from license_server.models import begins, licenses
from license_server.store import parties
from license_server.words import words

_FEW = 250
"""A condition that tells no more licences than these is looked through as a whole."""
_LOOKED_AT = 500
"""How many licences are looked at before a short page is given."""
_WORDS = 8
_PART = 8
"""The characters of a number's last part."""
# What a person hears or reads for a digit (Crockford's base 32).
_HEARD = str.maketrans("OIL", "011")
_COLUMNS = tuple(
    licenses.c[name]
    for name in (
        *("id", "number", "customer_id", "product_id", "host_key", "host_name"),
        *("expires_at", "grace_until", "line", "state"),
    )
)
_BY_TIME = ("valid", "grace", "expired")
_MOST = 1_000_000
Columns = Any
"""The columns of a table or a query, by their names."""
Holds = Callable[[Columns], ColumnElement[bool]]


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
    """One of STATES; or of the active ones ``valid``, ``grace`` or ``expired`` at *now*."""
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

    def holds(self, of: Columns) -> ColumnElement[bool]:
        """Whether it is so in a row with the columns *of*."""
        return of[self.column.name].in_(self.values)  # type: ignore[no-any-return]

    def newest(self, before: int | None, most: int) -> Select[Any]:
        """A query for the ids of at most *most* of them under *before*, the newest first."""
        each = [
            _newest(before, most).where(self.column == value).subquery() for value in self.values
        ]
        ids = union_all(*(select(one.c.id) for one in each)).subquery()
        return select(ids.c.id).order_by(ids.c.id.desc()).limit(most)


class _Within(NamedTuple):
    """A column within bounds; its index tells them, but in no order that helps."""

    column: Any
    bounds: Callable[[Any], ColumnElement[bool]]

    def holds(self, of: Columns) -> ColumnElement[bool]:
        """Whether it is so in a row with the columns *of*."""
        return self.bounds(of[self.column.name])

    def some(self) -> Select[Any]:
        """A query for the ids of at most one more than few of them."""
        # In the index's order, so that it is used: they may stand anywhere in the table.
        found = select(licenses.c.id).where(self.bounds(self.column))
        return found.order_by(self.column).limit(_FEW + 1)


class _Wanted(NamedTuple):
    """What is asked for: all of it must hold."""

    ordered: list[_Is]
    bounded: list[_Within]
    rest: list[Holds]
    text: list[_Within]
    """One of these must hold, or one of *more*; none: no text is asked for."""
    more: list[Holds]

    def holds(self, of: Columns) -> ColumnElement[bool]:
        """Whether a row with the columns *of* is wanted."""
        every = [one.holds(of) for one in self.ordered] + [one.holds(of) for one in self.bounded]
        every += [one(of) for one in self.rest]
        if self.text:
            every.append(
                or_(*(one.holds(of) for one in self.text), *(one(of) for one in self.more))
            )
        return and_(true(), *every)


def find(
    connection: Connection, wanted: Filter, now: int, *, before: int | None, limit: int
) -> Found:
    """At most *limit* licences, the newest first; those with an id under *before*.

    There may be fewer than *limit* although more follow.
    """
    asked = _asked(connection, wanted, now)
    if asked is None:
        return Found([], None)
    query = _in_order(asked, before, limit + 1)
    if query is None:
        few = _few(connection, asked)
        if few is None:
            return _walk(connection, asked, before, limit)
        query = _looked_through(few, asked, before, limit)
    found = list(connection.execute(query).scalars())
    return Found(found[:limit], found[limit - 1] if len(found) > limit else None)


def _in_order(asked: _Wanted, before: int | None, most: int) -> Select[Any] | None:
    """A query for the wanted ones where one index tells just them, in order; None: none does."""
    if asked.bounded or asked.rest or asked.text or len(asked.ordered) > 1:
        return None
    return asked.ordered[0].newest(before, most) if asked.ordered else _newest(before, most)


def _few(connection: Connection, asked: _Wanted) -> Select[Any] | None:
    """A query for the ids of few licences, all those wanted among them; None: none tells few."""
    text = [] if asked.more else asked.text
    ways = [*asked.bounded, *text]
    if not ways:
        return None
    count = [select(func.count()).select_from(one.some().subquery()) for one in ways]
    counts = connection.execute(select(*(one.scalar_subquery() for one in count))).one()
    told = list(zip(counts, ways, strict=True))
    bounded, worded = told[: len(asked.bounded)], told[len(asked.bounded) :]
    least = min(bounded, key=lambda one: one[0], default=None)
    if least is not None and least[0] <= _FEW:
        return least[1].some()
    if worded and all(number <= _FEW for number, _ in worded):
        each = [one.some().subquery() for number, one in worded if number]
        return select(union(*(select(one.c.id) for one in each)).subquery()) if each else _nothing()
    return None


def _walk(connection: Connection, asked: _Wanted, before: int | None, limit: int) -> Found:
    """Look through the newest that the rarest condition tells."""
    driving = _rarest(connection, asked.ordered, before)
    newest = _newest(before, _LOOKED_AT) if driving is None else driving.newest(before, _LOOKED_AT)
    query = _looked_through(newest, asked, None, limit)
    found = list(connection.execute(query).scalars())
    if len(found) > limit:
        return Found(found[:limit], found[limit - 1])
    seen, oldest = _extent(connection, newest)
    return Found(found, oldest if seen == _LOOKED_AT else None)


def _rarest(connection: Connection, ordered: Sequence[_Is], before: int | None) -> _Is | None:
    """The one whose newest ones lie furthest back."""
    if len(ordered) < 2:
        return ordered[0] if ordered else None
    extents = [_extent(connection, one.newest(before, _FEW)) for one in ordered]
    return min(
        zip(extents, ordered, strict=True), key=lambda one: (one[0][0] == _FEW, one[0][1] or 0)
    )[1]


def _extent(connection: Connection, ids: Select[Any]) -> tuple[int, int | None]:
    """How many *ids* there are, and the lowest."""
    found = ids.subquery()
    count, lowest = connection.execute(select(func.count(), func.min(found.c.id))).one()
    return count, lowest


def _looked_through(
    ids: Select[Any], asked: _Wanted, before: int | None, limit: int
) -> Select[Any]:
    """A query for one more than *limit* of *ids* under *before*, for which all holds."""
    # The limit inside keeps a planner from looking elsewhere than among *ids*.
    seen = select(*_COLUMNS).where(licenses.c.id.in_(ids)).limit(_MOST).subquery()
    query = select(seen.c.id).where(asked.holds(seen.c))
    if before is not None:
        query = query.where(seen.c.id < before)
    return query.order_by(seen.c.id.desc()).limit(limit + 1)


def _newest(before: int | None, most: int) -> Select[Any]:
    query = select(licenses.c.id).order_by(licenses.c.id.desc()).limit(most)
    return query if before is None else query.where(licenses.c.id < before)


def _nothing() -> Select[Any]:
    return select(licenses.c.id).where(false())


def _asked(connection: Connection, wanted: Filter, now: int) -> _Wanted | None:
    """The conditions; None where nothing can meet them."""
    ordered: list[_Is] = []
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
        state = "active" if wanted.state in _BY_TIME else wanted.state
        ordered.append(_Is(licenses.c.state, (state,)))
    asked = _Wanted(ordered, list(_bounded(wanted, now)), list(_rest(wanted, now)), [], [])
    if wanted.text is not None:
        _add_text(connection, wanted.text.strip(), asked)
    return asked


def _product_names(wanted: Filter) -> frozenset[str] | None:
    if wanted.product is None:
        return wanted.products
    named = frozenset({wanted.product})
    return named if wanted.products is None else named & wanted.products


def _bounded(wanted: Filter, now: int) -> Iterator[_Within]:
    first, last = wanted.expires_from, wanted.expires_before
    if wanted.state in ("grace", "expired"):
        last = now + 1 if last is None else min(last, now + 1)
    if first is not None or last is not None:
        yield _Within(licenses.c.expires_at, lambda column: _from_to(column, first, last))
    for column, text in (
        (licenses.c.host_key, wanted.host_key),
        (licenses.c.host_name, None if wanted.host_name is None else _fold(wanted.host_name)),
        (licenses.c.number, wanted.number),
    ):
        if text is not None:
            yield _beginning(column, text)


def _from_to(column: Any, first: int | None, last: int | None) -> ColumnElement[bool]:
    bounds = [] if first is None else [column >= first]
    return and_(*bounds, *([] if last is None else [column < last]))


def _rest(wanted: Filter, now: int) -> Iterator[Holds]:
    if wanted.state == "expired":
        yield lambda of: func.coalesce(of.grace_until, of.expires_at) <= now
    elif wanted.state == "grace":
        yield lambda of: of.grace_until > now
    elif wanted.state == "valid":
        yield lambda of: or_(of.expires_at.is_(None), of.expires_at > now)
    elif wanted.state == "active":
        yield lambda of: or_(of.expires_at.is_(None), of.expires_at > now, of.grace_until > now)


def _beginning(column: Any, text: str) -> _Within:
    return _Within(column, lambda of: begins(of, text))


def _add_text(connection: Connection, typed: str, asked: _Wanted) -> None:
    """By key, hostname, number or its last part; by product; by words of the customer's name."""
    asked.text.append(_beginning(licenses.c.host_key, typed.lower()))
    asked.text.append(_beginning(licenses.c.host_name, _fold(typed)))
    whole, begun = _numbers(connection, typed)
    asked.text.extend(_beginning(licenses.c.number, number) for number in begun)
    if whole:
        asked.text.append(_Within(licenses.c.number, lambda column: column.in_(whole)))
    products = parties.product_ids(connection, (typed,))
    if products:
        asked.text.append(_Within(licenses.c.product_id, lambda column: column.in_(products)))
    named = words(typed, whole=True)[:_WORDS]
    if not named:
        return
    customers = parties.ids_named(connection, named, _FEW)
    if customers is None:
        asked.more.append(lambda of: and_(*(parties.named(of.customer_id, word) for word in named)))
    elif customers:
        asked.text.append(_Within(licenses.c.customer_id, lambda column: column.in_(customers)))


def _numbers(connection: Connection, typed: str) -> tuple[list[str], list[str]]:
    """The numbers, and the beginnings of numbers, that somebody may mean who types this."""
    heard = typed.upper().translate(_HEARD)
    part = heard.replace(" ", "").replace("-", "")
    if not (1 <= len(part) <= _PART and part.isascii() and part.isalnum()):
        return [], [heard]
    first, last = (
        connection.execute(select(end(licenses.c.number))).scalar_one()
        for end in (func.min, func.max)
    )
    years = range(int(first[3:7]), int(last[3:7]) + 1) if first else ()
    numbers = [f"HS-{year:04}-{part}" for year in years]
    return (numbers, [heard]) if len(part) == _PART else ([], [heard, *numbers])


def _fold(name: str) -> str:
    """A hostname as hk1 has it: ASCII letters in lower case."""
    return "".join(c.lower() if c.isascii() else c for c in name)

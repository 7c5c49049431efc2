"""Licence search, with a bounded amount of work however many licences there are.

Each condition tells licences by an index. Where one of them tells few, those are looked at one by
one. Where each tells many, the newest that the rarest of them tells are looked at.
Whoever asks for what hardly any of them is gets a short page, and where to go on.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
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

from license_server.catalog import catalog_store
from license_server.catalog.names import words
from license_server.db.tables import begins, licenses
from license_server.licenses.typed_numbers import numbers_meant

FEW = 250
"""A condition that tells no more licences than these is looked through as a whole."""
_MANY = 25_000
"""So many are looked through in an index alone."""
LOOKED_AT = 500
"""How many licences are looked at before a short page is given;"""
_PATIENTLY = (1, 2, 4, 8)
"""or so many times that, one after another."""
_WORDS = 8
_ONES = 20
"""So many customers of a name are looked through one by one."""
_TELLING = 6
"""Of several words, one that is shorter is no beginning of a key or a number."""
_COLUMNS = tuple(
    licenses.c[name]
    for name in (
        *("id", "number", "customer_id", "product_id", "host_key", "host_name"),
        *("expires_at", "grace_until", "line", "state"),
    )
)
_BY_TIME = ("valid", "grace", "expired")
_OF_END = ("id", "state", "product_id", "expires_at", "grace_until")
"""What the index of the ends has."""
_CUSTOMER = licenses.c.customer_id
_MOST = 1_000_000
_GRACE = licenses.c.grace_until - licenses.c.expires_at
_LONGEST_GRACE = (
    select(_GRACE).where(licenses.c.grace_until.is_not(None)).order_by(_GRACE.desc()).limit(1)
)
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
        return found.order_by(self.column).limit(FEW + 1)


class _Word(NamedTuple):
    """Something that was typed: one of the ways must hold."""

    host: list[_Within]
    """By the host, or the number."""
    products: list[int]
    customers: list[int] | None
    """None: they are many; *named* tells them."""
    named: tuple[str, ...]
    """The words that a customer's name must have."""
    ways: list[_Within]
    """All of it that an index tells."""

    @classmethod
    def of(
        cls,
        host: list[_Within],
        products: list[int],
        customers: list[int] | None = None,
        named: tuple[str, ...] = (),
    ) -> "_Word":
        """With its ways."""
        more = [(licenses.c.product_id, products), (licenses.c.customer_id, customers)]
        ways = host + [_one_of(column, ids) for column, ids in more if ids]
        return cls(host, products, customers if named else [], named, ways)

    def holds(self, of: Columns) -> ColumnElement[bool]:
        """Whether a row with the columns *of* is meant."""
        ways = [one.holds(of) for one in self.ways]
        if self.customers is None:
            ways.append(and_(*(catalog_store.named(of.customer_id, word) for word in self.named)))
        return or_(false(), *ways)


class _Text(NamedTuple):
    """What was typed into the search field."""

    each: list[_Word]
    """All of these must hold,"""
    whole: list[_Word]
    """or one of these, which take it together."""
    together: list[int] | None
    """The customers whose names have all the words; None: they are many."""

    def holds(self, of: Columns) -> ColumnElement[bool]:
        """Whether a row with the columns *of* is meant."""
        return or_(
            and_(true(), *(one.holds(of) for one in self.each)),
            *(one.holds(of) for one in self.whole),
        )

    def sets(self) -> Iterator[list[_Within]]:
        """Ways of which each set tells all that is meant, and more."""
        whole = [way for one in self.whole for way in one.ways]
        for one in self.each:
            if one.customers is not None:
                yield one.ways + whole
        if len(self.each) > 1 and self.together is not None:
            # Either the customer's name has all of the words, or one of them is of something else.
            other = [way for one in self.each for way in one.ways if way.column is not _CUSTOMER]
            yield [*other, _one_of(_CUSTOMER, self.together), *whole]


class _Asked(NamedTuple):
    """What is asked for: all of it must hold."""

    ordered: list[_Is]
    bounded: list[_Within]
    rest: list[Holds]
    text: _Text | None

    def holds(self, of: Columns) -> ColumnElement[bool]:
        """Whether a row with the columns *of* is wanted."""
        every = [one.holds(of) for one in self.ordered] + [one.holds(of) for one in self.bounded]
        every += [one(of) for one in self.rest]
        return and_(true(), *every, *([self.text.holds(of)] if self.text else []))


def find(
    connection: Connection, wanted: Filter, now: int, before: int | None, limit: int, patient: bool
) -> Found:
    """The ids for license_store.listed.

    There may be fewer than *limit* although more follow; *patient*: seldom.
    """
    asked = _asked(connection, wanted, now)
    if asked is None:
        return Found([], None)
    counts = _counts(connection, asked)
    asked = _implied(asked, counts)
    query = _in_order(asked, before, limit + 1)
    if query is None:
        few = _few(asked, counts)
        if few is not None:
            query = _looked_through(few, asked, before, limit)
        else:
            query = _by_end(connection, asked, before, limit)
            if query is None:
                looks = [LOOKED_AT * n for n in (_PATIENTLY if patient else (1,))]
                return _walk(connection, asked, before, limit, looks)
    found = list(connection.execute(query).scalars())
    return Found(found[:limit], found[limit - 1] if len(found) > limit else None)


def _in_order(asked: _Asked, before: int | None, most: int) -> Select[Any] | None:
    """A query for the wanted ones where one index tells just them, in order; None: none does."""
    if asked.bounded or asked.rest or asked.text or len(asked.ordered) > 1:
        return None
    return asked.ordered[0].newest(before, most) if asked.ordered else _newest(before, most)


def _counts(connection: Connection, asked: _Asked) -> dict[int, int]:
    """How many licences each way tells, by its identity; of more than few, one more than those."""
    ways = {id(way): way for ways in _sets(asked) for way in ways}
    if not ways:
        return {}
    count = [select(func.count()).select_from(one.some().subquery()) for one in ways.values()]
    counts = connection.execute(select(*(one.scalar_subquery() for one in count))).one()
    return dict(zip(ways, counts, strict=True))


def _sets(asked: _Asked) -> list[list[_Within]]:
    """Ways of which each set tells all that is wanted, and more."""
    return [[one] for one in asked.bounded] + list(asked.text.sets() if asked.text else ())


def _implied(asked: _Asked, counts: dict[int, int]) -> _Asked:
    """The same, where a word can only be that of a customer, or of a product, as a condition."""

    def nothing(ways: Iterable[_Within]) -> bool:
        return all(counts.get(id(way), 1) == 0 for way in ways)

    text = asked.text
    if text is None or not nothing(way for one in text.whole for way in one.ways):
        return asked
    ordered, left = list(asked.ordered), []
    for word in text.each:
        if nothing(word.host) and not word.products and 0 < len(word.customers or ()) <= _ONES:
            ordered.append(_Is(_CUSTOMER, word.customers or ()))
        elif nothing(word.host) and word.products and word.customers == []:
            ordered.append(_Is(licenses.c.product_id, word.products))
        else:
            left.append(word)
    return asked._replace(
        ordered=ordered, text=text._replace(each=left, whole=[]) if left else None
    )


def _few(asked: _Asked, counts: dict[int, int]) -> Select[Any] | None:
    """A query for the ids of few licences, all those wanted among them; None: none tells few."""
    told = [
        (sum(counts[id(way)] for way in ways), ways)
        for ways in _sets(asked)
        if all(id(way) in counts and counts[id(way)] <= FEW for way in ways)
    ]
    if not told:
        return None
    _, ways = min(told, key=lambda one: one[0])
    each = [way.some().subquery() for way in ways if counts[id(way)]]
    return select(union(*(select(one.c.id) for one in each)).subquery()) if each else _nothing()


def _by_end(
    connection: Connection, asked: _Asked, before: int | None, limit: int
) -> Select[Any] | None:
    """A query for the wanted ones where the index of their ends tells all of it, of not too many.

    None where it does not, or there are more.
    """
    ends = [one for one in asked.bounded if one.column is licenses.c.expires_at]
    told = all(one.column.name in _OF_END for one in asked.ordered)
    if not ends or len(asked.bounded) > 1 or asked.text or not told:
        return None
    columns = [licenses.c[name] for name in _OF_END]
    within = select(*columns).where(ends[0].bounds(licenses.c.expires_at))
    in_order = within.order_by(licenses.c.expires_at.desc())  # with the newest ids first, mostly
    if connection.execute(in_order.limit(1).offset(_MANY)).first() is not None:
        return None
    some = in_order.limit(_MANY).subquery()
    query = select(some.c.id).where(asked.holds(some.c))
    if before is not None:
        query = query.where(some.c.id < before)
    return query.order_by(some.c.id.desc()).limit(limit + 1)


def _walk(
    connection: Connection, asked: _Asked, before: int | None, limit: int, looks: Sequence[int]
) -> Found:
    """Look through the newest that the rarest condition tells: so many of them at a time."""
    driving = _rarest(connection, asked.ordered, before)
    ids: list[int] = []
    for most in looks:
        newest = _newest(before, most) if driving is None else driving.newest(before, most)
        query = _looked_through(newest, asked, None, limit - len(ids))
        ids += connection.execute(query).scalars()
        if len(ids) > limit:
            return Found(ids[:limit], ids[limit - 1])
        seen, before = _extent(connection, newest)
        if seen < most:
            return Found(ids, None)
    return Found(ids, before)


def _rarest(connection: Connection, ordered: Sequence[_Is], before: int | None) -> _Is | None:
    """The one whose newest ones lie furthest back."""
    if len(ordered) < 2:
        return ordered[0] if ordered else None
    extents = [_extent(connection, one.newest(before, FEW)) for one in ordered]
    return min(
        zip(extents, ordered, strict=True), key=lambda one: (one[0][0] == FEW, one[0][1] or 0)
    )[1]


def _extent(connection: Connection, ids: Select[Any]) -> tuple[int, int | None]:
    """How many *ids* there are, and the lowest."""
    found = ids.subquery()
    count, lowest = connection.execute(select(func.count(), func.min(found.c.id))).one()
    return count, lowest


def _looked_through(ids: Select[Any], asked: _Asked, before: int | None, limit: int) -> Select[Any]:
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


def _asked(connection: Connection, wanted: Filter, now: int) -> _Asked | None:
    """The conditions; None where nothing can meet them."""
    ordered: list[_Is] = []
    if wanted.line is not None:
        ordered.append(_Is(licenses.c.line, (wanted.line,)))
    if wanted.customer is not None:
        customer = catalog_store.customer_by_name(connection, wanted.customer)
        if customer is None:
            return None
        ordered.append(_Is(licenses.c.customer_id, (customer.id,)))
    names = _product_names(wanted)
    if names is not None:
        ids = catalog_store.product_ids(connection, names)
        if not ids:
            return None
        ordered.append(_Is(licenses.c.product_id, ids))
    if wanted.state is not None:
        state = "active" if wanted.state in _BY_TIME else wanted.state
        ordered.append(_Is(licenses.c.state, (state,)))
    text = None if wanted.text is None else _text(connection, wanted.text.strip())
    bounded = [*_ending(connection, wanted, now), *_bounded(wanted)]
    return _Asked(ordered, bounded, list(_rest(wanted, now)), text)


def _product_names(wanted: Filter) -> frozenset[str] | None:
    if wanted.product is None:
        return wanted.products
    named = frozenset({wanted.product})
    return named if wanted.products is None else named & wanted.products


def _ending(connection: Connection, wanted: Filter, now: int) -> Iterator[_Within]:
    """Between which instants they end."""
    first, last = wanted.expires_from, wanted.expires_before
    if wanted.state in ("grace", "expired"):
        last = now + 1 if last is None else min(last, now + 1)
    if wanted.state == "grace":
        longest = connection.execute(_LONGEST_GRACE).scalar() or 0
        first = max(first or 0, now - longest + 1)
    if first is not None or last is not None:
        yield _Within(licenses.c.expires_at, lambda column: _from_to(column, first, last))


def _bounded(wanted: Filter) -> Iterator[_Within]:
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


def _one_of(column: Any, ids: Sequence[int]) -> _Within:
    return _Within(column, lambda of: of.in_(ids))


def _text(connection: Connection, typed: str) -> _Text:
    """Each word is of the customer's name, the host, the key, the number, or the product.

    A key or a number may also be typed in parts. Of several words, short ones are of neither: they
    would be the beginning of too many.
    """
    each = [one for one in typed.split() if words(one)][:_WORDS] or [typed]
    whole = _Word.of(_of_host(connection, typed, typed), [])
    if len(each) == 1:
        signs_around = [] if each[0] == typed else [whole]
        return _Text([_word(connection, each[0], each[0])], signs_around, None)
    found = [_word(connection, one, one if len(one) >= _TELLING else None) for one in each]
    named = tuple(word for one in found for word in one.named)
    return _Text(found, [whole], catalog_store.ids_named(connection, named, FEW))


def _word(connection: Connection, name: str, number: str | None) -> _Word:
    """What *name* may be; as a key or a number, *number*."""
    products = catalog_store.product_ids(connection, (name,))
    named = tuple(words(name, whole=True)[:_WORDS])
    customers = catalog_store.ids_named(connection, named, FEW) if named else []
    return _Word.of(_of_host(connection, name, number), products, customers, named)


def _of_host(connection: Connection, name: str, number: str | None) -> list[_Within]:
    ways = [_beginning(licenses.c.host_name, _fold(name))]
    if number is not None:
        ways.append(_beginning(licenses.c.host_key, number.lower()))
        whole, begun = numbers_meant(connection, number)
        ways += [_beginning(licenses.c.number, one) for one in begun]
        if whole:
            ways.append(_Within(licenses.c.number, lambda column: column.in_(whole)))
    return ways


def _fold(name: str) -> str:
    """A hostname as hk1 has it: ASCII letters in lower case."""
    return "".join(c.lower() if c.isascii() else c for c in name)

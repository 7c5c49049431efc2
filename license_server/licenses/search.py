"""Licence search, with a bounded amount of work however many licences there are.

Each condition tells licences by an index. Where one of them tells few, those are looked at one by
one. Where each tells many, the newest that the rarest of them tells are looked at.
Whoever asks for what hardly any of them is gets a short page, and where to go on.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import (
    Connection,
    Select,
    false,
    func,
    select,
    union,
)

from license_server.catalog import catalog_store
from license_server.db.among import among
from license_server.db.sorted_rows import Count
from license_server.db.tables import licenses
from license_server.db.unindexed import unindexed
from license_server.finding import words
from license_server.finding.words import Words
from license_server.licenses import conditions, term_days, typed_text
from license_server.licenses.asked import Asked, implied, of_customers
from license_server.licenses.conditions import (
    Beginning,
    Between,
    Bounded,
    Counts,
    Is,
    Merged,
    Name,
    OneOf,
    Ordered,
    Rest,
    Standing,
    newest,
    newest_of,
)
from license_server.licenses.typed_text import Text, Typed

_MANY = 25_000
"""So many are looked through in an index alone."""
LOOKED_AT = 500
"""How many licences are looked at before a short page is given;"""
_PATIENTLY = 2
"""or so many times that, one after another; at once to count them."""
_GLANCE = 100
"""So many of the first of them are looked at before: of what is not rare, they fill a page."""
_SHOWN = 100
"""So many of those that were counted are known, for the page that shows them."""
_FEW = 9
"""The place of the names of what tells few."""
_MERGED = 3
"""Of more values than that, all licences are put in order, if they are not very many."""
_COLUMNS = tuple(
    licenses.c[name]
    for name in (
        *("id", "number", "customer_id", "product_id", "host_key", "host_name"),
        *("expires_at", "grace_until", "last_day", "line", "state"),
        *("plan", "kind", "contract"),
    )
)
_NOTHING = select(licenses.c.id).where(false())
_BY_TIME = ("valid", "grace", "expired")
_OF_END = ("id", "state", "product_id", "expires_at", "grace_until", "last_day")
"""What the index of the ends has;"""
_AT_END = [unindexed(licenses.c[name]).label(name) for name in _OF_END]
"""so that no other index is taken: some of these columns begin one."""
_MOST = 1_000_000
# The limit keeps a planner from looking elsewhere than among these ids.
_SEEN = select(*_COLUMNS).where(among(licenses.c.id, "ids")).limit(_MOST).subquery()
_GRACE = licenses.c.grace_until - licenses.c.expires_at
_LONGEST_GRACE = (
    select(_GRACE).where(licenses.c.grace_until.is_not(None)).order_by(_GRACE.desc()).limit(1)
)


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
    """The number of the first last day (term_days) that they may have;"""
    expires_until: int | None = None
    """and of the last one."""
    text: str | None = None
    plan: str | None = None
    kind: str | None = None
    """One of vocabulary.KINDS."""
    products: frozenset[str] | None = None
    """Only of these; None: of all."""
    customers: tuple[int, ...] | None = None
    """Only of those in these rows; None: of all."""


class Found(NamedTuple):
    """The ids of licences, the newest first, and under which to go on; None: that was all."""

    ids: list[int]
    below: int | None


class Search:
    """What is wanted of licences, read once: to be counted, and to be listed from any place on."""

    def __init__(
        self,
        connection: Connection,
        wanted: Filter,
        now: int,
        having: Typed | None = None,
        *,
        some: bool = False,
        as_whole: bool = True,
    ) -> None:
        """*having*: what has the words of it, where that was asked before.

        *some*: of words that very many customers have, of some of these; *as_whole*: also what has
        them in one piece.
        """
        self.connection = connection
        having = Typed(connection) if having is None else having
        self._asked, self._ids = _planned(having, wanted, now, some=some, as_whole=as_whole)
        self._newest: Found | None = None
        """The newest of what was looked through to be counted, more than _SHOWN where there are."""

    @property
    def some(self) -> bool:
        """Whether only some customers are asked for of those that were meant."""
        return self._asked is not None and self._asked.some

    def query(self, before: int | None, most: int) -> Select[Any] | None:
        """A query for the ids of at most *most*, where an index tells just what is wanted.

        None where it does not, and where they are known.
        """
        known = before is None and self._newest is not None and most <= _SHOWN
        return None if self._ids is None or known else self._ids(before, most)

    def found(self, before: int | None, limit: int, *, patient: bool) -> Found:
        """The ids for license_store.listed.

        There may be fewer than *limit* although more follow; *patient*: seldom.
        """
        if self._asked is None:
            return Found([], None)
        if before is None and self._newest is not None and limit < _SHOWN:
            return _part(self._newest, limit)
        if self._ids is not None:
            query = self._ids(before, limit + 1)
            return _part(Found(list(self.connection.execute(query).scalars()), None), limit)
        if self._asked.few is not None:
            return _of_few(self.connection, self._asked, self._asked.few, before, limit)
        looks = [LOOKED_AT] * (_PATIENTLY if patient else 1)
        return _walk(self.connection, self._asked, before, limit, looks)

    def count(self, most: int) -> Count:
        """How many there are, up to *most*; where no index tells, of the newest."""
        if self._asked is None:
            return Count(0, True, _NOTHING)
        if isinstance(self._ids, Unordered):
            number, newest_ids = self._ids.counted(self.connection, _SHOWN + 1)
            self._newest = Found(newest_ids, None)
            return Count(min(number, most), number <= most, self._ids(None, most + 1))
        if self._ids is not None:
            query = self._ids(None, most + 1)
            some = query.order_by(None).subquery()  # to order them takes longer than to count them
            counted = select(func.count()).select_from(some)
            found: int = self.connection.execute(counted).scalar_one()
            return Count(min(found, most), found <= most, query)
        if self._asked.few is not None:
            self._newest = _of_few(self.connection, self._asked, self._asked.few, None, most)
        else:
            looks = [LOOKED_AT * _PATIENTLY]
            self._newest = _walk(self.connection, self._asked, None, most, looks)
        ids, whole = self._newest.ids, self._newest.below is None
        return Count(len(ids), whole, select(licenses.c.id).where(among(licenses.c.id, ids)))


def _part(found: Found, limit: int) -> Found:
    """The first *limit* of them."""
    if len(found.ids) <= limit:
        return found
    return Found(found.ids[:limit], found.ids[limit - 1])


class Unordered(NamedTuple):
    """What tells just the wanted ones, not too many, in no order; asks for their ids."""

    query: Select[Any]
    id: Any
    """Its column."""

    def __call__(self, before: int | Name | None, most: int) -> Select[Any]:
        """A query for the newest *most* of them under *before*."""
        query = self.query
        under = query if before is None else query.where(self.id < conditions.bound(before))
        return under.order_by(self.id.desc()).limit(most)

    def counted(self, connection: Connection, most: int) -> tuple[int, list[int]]:
        """How many there are, and the newest *most* of them: they are read once for both."""
        every = self.query.cte("told")
        count = select(func.count()).select_from(every).scalar_subquery()
        query = select(every.c.id, count).order_by(every.c.id.desc()).limit(most)
        rows = connection.execute(query).all()
        return (rows[0][1] if rows else 0), [row[0] for row in rows]


Ids = Callable[[int | Name | None, int], Select[Any]] | Unordered
"""A query for the ids of at most so many licences with an id under another."""


def _planned(
    having: Typed, wanted: Filter, now: int, *, some: bool, as_whole: bool
) -> tuple[Asked | None, Ids | None]:
    """What is asked, None where nothing can be it; and what asks for the ids of just that.

    The latter is None where only a walk can tell. *some*, *as_whole*: as ``Search``.
    """
    connection = having.connection
    asked = _read(connection, wanted, now, having, as_whole=as_whole)
    if asked is None:
        return None, None
    counts = Counts(connection)
    asked = implied(having, asked, counts)
    ids, few = _by_index(asked, counts)
    if ids is None and few is None and asked.text is not None:
        asked = of_customers(having, asked, counts, some=some)
        ids, few = _by_index(asked, counts)
    if ids is None and few is None and asked.text is not None:
        few = _together(having, asked.text, counts)
    if few is not None:
        return (asked._replace(few=few) if few else None), None
    if ids is None:
        ids = _by_end(connection, asked)
    if ids is None and asked.text is not None:
        asked = asked._replace(leads=list(typed_text.leads(having, asked.text, counts)))
    return asked, ids


def _by_index(asked: Asked, counts: Counts) -> tuple[Ids | None, list[Bounded] | None]:
    """What asks an index that tells just what is wanted, or what tells few licences."""
    ids = _in_order(asked, counts)
    if ids is None:
        ids = _alone(asked, counts)
    return ids, None if ids is not None else _few(asked, counts)


def _in_order(asked: Asked, counts: Counts) -> Ids | None:
    """Asks the index that tells just the wanted ones, in order; None: none does."""
    if asked.bounded or asked.rest or asked.text or len(asked.ordered) > 1:
        return None
    if not asked.ordered:
        return newest
    one = asked.ordered[0]
    if isinstance(one, Is) and len(one.values) > _MERGED:
        way = OneOf(one.column, one.values)
        ids = _alone(asked._replace(ordered=[], bounded=[way]), counts)
        if ids is not None:
            return ids
    return one.newest


def _alone(asked: Asked, counts: Counts) -> Ids | None:
    """Asks the index that tells just the wanted ones, in no order, and not too many.

    None where none does, or they are more.
    """
    if asked.ordered or asked.rest or asked.text or len(asked.bounded) != 1:
        return None
    way = asked.bounded[0]
    counts.ask([way], conditions.SOME + 1)
    if counts.of(way) > conditions.SOME:
        return None
    some = way.some(conditions.SOME).subquery()
    return Unordered(select(some.c.id), some.c.id)


def _few(asked: Asked, counts: Counts) -> list[Bounded] | None:
    """Ways that tell few licences, all those wanted among them; None: none tell few."""
    sets = [[one] for one in asked.bounded] + list(asked.text.sets() if asked.text else ())
    counts.ask(way for ways in sets for way in ways)
    return _fewest(sets, counts)


def _together(having: Words, text: Text, counts: Counts) -> list[Bounded] | None:
    """Such ways for several words at once."""
    ways = text.together(having)
    if ways is None:
        return None
    counts.ask(ways)
    return _fewest([ways], counts)


def _fewest(sets: Iterable[list[Bounded]], counts: Counts) -> list[Bounded] | None:
    """Of the set of *sets* that tells the fewest, the ways that tell any; None: none tells few."""
    told = [ways for ways in sets if all(counts.of(way) <= words.FEW for way in ways)]
    if not told:
        return None
    fewest = min(told, key=lambda ways: sum(map(counts.of, ways)))
    return [way for way in fewest if counts.of(way)]


def _of_few(
    connection: Connection, asked: Asked, few: Sequence[Bounded], before: int | None, limit: int
) -> Found:
    """Look through the few licences that these tell, or take them as they are."""
    named, values = asked.named()
    ways, more = conditions.all_named(few, _FEW)
    values |= more if before is None else {**more, conditions.BEFORE: before}
    query = _looking_at_few(named, ways, before is not None, limit + 1)
    return _part(Found(list(connection.execute(query, values).scalars()), None), limit)


@lru_cache(256)
def _looking_at_few(
    named: Asked, few: tuple[Bounded, ...], goes_on: bool, most: int
) -> Select[Any]:
    """The query of ``_of_few``, which is made once for all values."""
    each = (one.some(words.FEW).subquery() for one in few)
    ids = union(*(select(one.c.id) for one in each)).subquery()
    query, id_ = select(ids.c.id), ids.c.id
    if not named.is_one_word:
        told = licenses.c.id.in_(select(ids.c.id))
        seen = select(*_COLUMNS).where(told).limit(_MOST).subquery()
        query, id_ = select(seen.c.id).where(named.holds(seen.c)), seen.c.id
    return Unordered(query, id_)(conditions.BEFORE if goes_on else None, most)


def _by_end(connection: Connection, asked: Asked) -> Ids | None:
    """Asks the index of their ends where it tells all of what is wanted, of not too many.

    None where it does not, or there are more.
    """
    ends = [
        one
        for one in asked.bounded
        if isinstance(one, Between) and one.column is licenses.c.expires_at
    ]
    told = all(one.column.name in _OF_END for one in asked.ordered)
    if not ends or len(asked.bounded) > 1 or asked.text or not told:
        return None
    within = ends[0].bounds(licenses.c.expires_at)
    in_order = select(licenses.c.expires_at).where(within).order_by(licenses.c.expires_at.desc())
    if connection.execute(in_order.limit(1).offset(_MANY)).first() is not None:
        return None
    some = select(*_AT_END).where(within).subquery()
    return Unordered(select(some.c.id).where(asked._replace(bounded=[]).holds(some.c)), some.c.id)


def _walk(
    connection: Connection, asked: Asked, before: int | None, limit: int, looks: Sequence[int]
) -> Found:
    """Look through the newest that the rarest condition tells: so many of them at a time."""
    driving = _rarest(connection, [*asked.ordered, *asked.leads], before)
    named, values = asked.named()
    wanted = _looking(named, limit + 1)
    found: list[int] = []
    for most in looks:
        newest_ids = (
            connection.execute(newest(before, most)).scalars().all()
            if driving is None
            else newest_of(connection, driving, before, most)
        )
        seen = 0
        while seen < len(newest_ids):
            part = _next_part(seen, len(found), limit + 1, len(newest_ids))
            found += connection.execute(wanted, values | {"ids": newest_ids[seen:part]}).scalars()
            if len(found) > limit:
                return Found(found[:limit], found[limit - 1])
            seen = part
        if len(newest_ids) < most:
            return Found(found, None)
        before = newest_ids[-1]
    return Found(found, before)


@lru_cache(256)
def _looking(named: Asked, most: int) -> Select[Any]:
    """A query for those of some licences that are wanted, which is made once for all values."""
    query = select(_SEEN.c.id).where(named.holds(_SEEN.c))
    return query.order_by(_SEEN.c.id.desc()).limit(most)


def _next_part(seen: int, found: int, wanted: int, most: int) -> int:
    """Up to where to look, after *seen* with so many found, for all that are *wanted*."""
    if seen == 0:
        return _GLANCE if wanted < _GLANCE < most else most
    enough = seen * wanted * 3 // (found * 2) if found else most
    return enough if seen < enough < most // 2 else most


def _rarest(
    connection: Connection, ordered: Sequence[Ordered | Merged], before: int | None
) -> Ordered | Merged | None:
    """The one whose newest ones lie furthest back."""
    if len(ordered) < 2:
        return ordered[0] if ordered else None
    reach = conditions.reach(connection, ordered, before, words.FEW)
    return min(
        zip(reach, ordered, strict=True), key=lambda one: (one[0].many == words.FEW, one[0].last)
    )[1]


def _read(
    connection: Connection, wanted: Filter, now: int, having: Typed, *, as_whole: bool
) -> Asked | None:
    """The conditions; None where nothing can meet them."""
    ordered: list[Ordered] = []
    if wanted.line is not None:
        ordered.append(Is(licenses.c.line, (wanted.line,)))
    if wanted.customer is not None:
        customer = catalog_store.customer_called(connection, wanted.customer)
        if customer is None:
            return None
        ordered.append(Is(licenses.c.customer_id, (customer.id,)))
    if wanted.customers is not None:
        ordered.append(Is(licenses.c.customer_id, wanted.customers))
    names = _product_names(wanted)
    if names is not None:
        ids = catalog_store.product_ids(connection, names)
        if not ids:
            return None
        ordered.append(Is(licenses.c.product_id, ids))
    if wanted.state is not None:
        state = "active" if wanted.state in _BY_TIME else wanted.state
        ordered.append(Is(licenses.c.state, (state,)))
    for column, value in ((licenses.c.plan, wanted.plan), (licenses.c.kind, wanted.kind)):
        if value is not None:
            ordered.append(Is(column, (value,)))
    text = None
    if wanted.text is not None:
        text = typed_text.read(having, wanted.text.strip(), as_whole=as_whole)
    bounded: list[Bounded] = [*_ending(connection, wanted, now), *_bounded(wanted)]
    return Asked(ordered, bounded, list(_rest(wanted, now)), text)


def _product_names(wanted: Filter) -> frozenset[str] | None:
    if wanted.product is None:
        return wanted.products
    named = frozenset({wanted.product})
    return named if wanted.products is None else named & wanted.products


def _ending(connection: Connection, wanted: Filter, now: int) -> Iterator[Between]:
    """Between which instants they end."""
    first, last = term_days.around(wanted.expires_from, wanted.expires_until)
    if wanted.state in ("grace", "expired"):
        last = now + 1 if last is None else min(last, now + 1)
    if wanted.state == "grace":
        longest = connection.execute(_LONGEST_GRACE).scalar() or 0
        first = max(first or 0, now - longest + 1)
    if first is not None or last is not None:
        yield Between(licenses.c.expires_at, first, last)


def _bounded(wanted: Filter) -> Iterator[Beginning]:
    for column, text in (
        (licenses.c.host_key, wanted.host_key),
        (licenses.c.host_name, None if wanted.host_name is None else _fold(wanted.host_name)),
        (licenses.c.number, wanted.number),
    ):
        if text is not None:
            yield Beginning(column, [text])


def _rest(wanted: Filter, now: int) -> Iterator[Rest]:
    first, last = wanted.expires_from, wanted.expires_until
    if first is not None or last is not None:
        yield Between(licenses.c.last_day, first, None if last is None else last + 1)
    if wanted.state in (*_BY_TIME, "active"):
        yield Standing(wanted.state, now)


def _fold(name: str) -> str:
    """A hostname as hk1 has it: ASCII letters in lower case."""
    return "".join(c.lower() if c.isascii() else c for c in name)

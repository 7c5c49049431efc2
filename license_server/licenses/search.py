"""Licence search, with a bounded amount of work however many licences there are.

Each condition tells licences by an index. Where one of them tells few, those are looked at one by
one. Where each tells many, the newest that the rarest of them tells are looked at.
Whoever asks for what hardly any of them is gets a short page, and where to go on.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from sqlalchemy import (
    Connection,
    Select,
    false,
    func,
    or_,
    select,
)

from license_server.catalog import catalog_store
from license_server.db.among import among
from license_server.db.sorted_rows import Count
from license_server.db.tables import licenses
from license_server.finding import words
from license_server.finding.words import Words
from license_server.licenses import conditions, term_days, typed_text
from license_server.licenses.asked import Asked, implied, of_customers
from license_server.licenses.conditions import (
    Beginning,
    Between,
    Bounded,
    Counts,
    Holds,
    Is,
    Merged,
    OneOf,
    Ordered,
    newest,
    newest_of,
)
from license_server.licenses.typed_text import Text

_MANY = 25_000
"""So many are looked through in an index alone."""
LOOKED_AT = 500
"""How many licences are looked at before a short page is given;"""
_PATIENTLY = (1, 1)
"""or so many times that, one after another."""
_COUNTED = (1, 3)
"""So to count them."""
_GLANCE = 100
"""So many of the first of them are looked at before: of what is not rare, they fill a page."""
_MERGED = 3
"""Of more values than that, all licences are put in order, if they are not very many."""
_COLUMNS = tuple(
    licenses.c[name]
    for name in (
        *("id", "number", "customer_id", "product_id", "host_key", "host_name"),
        *("expires_at", "grace_until", "last_day", "line", "state"),
        *("plan", "kind"),
    )
)
_NOTHING = select(licenses.c.id).where(false())
_BY_TIME = ("valid", "grace", "expired")
_OF_END = ("id", "state", "product_id", "expires_at", "grace_until", "last_day")
"""What the index of the ends has;"""
_HIDDEN = {"id": licenses.c.id + 0, "product_id": licenses.c.product_id + 0}
_HIDDEN["state"] = licenses.c.state.concat("")
_AT_END = [_HIDDEN.get(name, licenses.c[name]).label(name) for name in _OF_END]
"""so that no other index is taken: these columns begin some."""
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
    """One of kinds.KINDS."""
    products: frozenset[str] | None = None
    """Only of these; None: of all."""
    customers: tuple[int, ...] | None = None
    """Only of those in these rows; None: of all."""


class Found(NamedTuple):
    """The ids of licences, the newest first, and under which to go on; None: that was all."""

    ids: list[int]
    below: int | None
    some: bool = False
    """Whether these are only some, and others may be newer."""


def find(
    connection: Connection,
    wanted: Filter,
    now: int,
    before: int | None,
    limit: int,
    *,
    patient: bool,
) -> Found:
    """The ids for license_store.listed.

    There may be fewer than *limit* although more follow; *patient*: seldom.
    """
    asked, query = _query(connection, wanted, now, before, limit, Words(connection))
    return _found(connection, asked, query, before, limit, patient=patient)


def find_some(
    having: Words, wanted: Filter, now: int, limit: int, *, as_whole: bool = True
) -> Found:
    """At most *limit*, the newest; of words that very many customers have, of some of these.

    *as_whole*: also what has them in one piece.
    """
    connection = having.connection
    asked, query = _query(
        connection, wanted, now, None, limit, having, some=True, as_whole=as_whole
    )
    found = _found(connection, asked, query, None, limit, patient=True)
    return found._replace(some=asked is not None and asked.some)


def _found(
    connection: Connection,
    asked: Asked | None,
    query: Select[Any] | None,
    before: int | None,
    limit: int,
    *,
    patient: bool,
) -> Found:
    """What the *query* for what is *asked* finds, or a walk."""
    if asked is None:
        return Found([], None)
    if query is None:
        looks = [LOOKED_AT * n for n in (_PATIENTLY if patient else (1,))]
        return _walk(connection, asked, before, limit, looks)
    found = list(connection.execute(query).scalars().all())
    return Found(found[:limit], found[limit - 1] if len(found) > limit else None)


def count(connection: Connection, wanted: Filter, now: int, most: int) -> Count:
    """How many licences are wanted, up to *most*; where no index tells, of the newest."""
    asked, query = _query(connection, wanted, now, None, most, Words(connection))
    if asked is None:
        return Count(0, True, _NOTHING)
    if query is not None:
        found: int = connection.execute(
            select(func.count()).select_from(query.subquery())
        ).scalar_one()
        return Count(min(found, most), found <= most, query)
    ids, below, _ = _walk(connection, asked, None, most, [LOOKED_AT * n for n in _COUNTED])
    return Count(len(ids), below is None, select(licenses.c.id).where(among(licenses.c.id, ids)))


def _query(
    connection: Connection,
    wanted: Filter,
    now: int,
    before: int | None,
    limit: int,
    having: Words,
    *,
    some: bool = False,
    as_whole: bool = True,
) -> tuple[Asked | None, Select[Any] | None]:
    """What is asked, None where nothing can be it; and a query for one more than *limit* ids.

    No query where only a walk can tell. *some*, *as_whole*: as ``find_some``.
    """
    asked = _read(connection, wanted, now, having, as_whole=as_whole)
    if asked is None:
        return None, None
    counts = Counts(connection)
    asked = implied(having, asked, counts)
    query, few = _by_index(asked, counts, before, limit)
    if query is None and few is None and asked.text is not None:
        asked = of_customers(having, asked, counts, some=some)
        query, few = _by_index(asked, counts, before, limit)
    if query is None and few is None and asked.text is not None:
        few = _together(having, asked.text, counts)
    if few is not None:
        return (asked._replace(few=few) if few else None), None
    if query is None:
        query = _by_end(connection, asked, before, limit)
    if query is None and asked.text is not None:
        asked = asked._replace(leads=list(typed_text.leads(having, asked.text, counts)))
    return asked, query


def _by_index(
    asked: Asked, counts: Counts, before: int | None, limit: int
) -> tuple[Select[Any] | None, list[Bounded] | None]:
    """A query where an index tells just what is wanted, or what tells few licences."""
    query = _in_order(asked, counts, before, limit)
    if query is None:
        query = _alone(asked, counts, before, limit)
    return query, None if query is not None else _few(asked, counts)


def _in_order(asked: Asked, counts: Counts, before: int | None, limit: int) -> Select[Any] | None:
    """A query for the wanted ones where one index tells just them, in order; None: none does."""
    if asked.bounded or asked.rest or asked.text or len(asked.ordered) > 1:
        return None
    if not asked.ordered:
        return newest(before, limit + 1)
    one = asked.ordered[0]
    if isinstance(one, Is) and len(one.values) > _MERGED:
        way = OneOf(one.column, one.values)
        query = _alone(asked._replace(ordered=[], bounded=[way]), counts, before, limit)
        if query is not None:
            return query
    return one.newest(before, limit + 1)


def _alone(asked: Asked, counts: Counts, before: int | None, limit: int) -> Select[Any] | None:
    """A query for the wanted ones where one index tells just them, in no order, and not too many.

    None where none does, or they are more.
    """
    if asked.ordered or asked.rest or asked.text or len(asked.bounded) != 1:
        return None
    way = asked.bounded[0]
    counts.ask([way], conditions.SOME + 1)
    if counts.of(way) > conditions.SOME:
        return None
    some = way.some(conditions.SOME).subquery()
    query = select(some.c.id)
    if before is not None:
        query = query.where(some.c.id < before)
    return query.order_by(some.c.id.desc()).limit(limit + 1)


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


def _by_end(
    connection: Connection, asked: Asked, before: int | None, limit: int
) -> Select[Any] | None:
    """A query for the wanted ones where the index of their ends tells all of it, of not too many.

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
    query = select(some.c.id).where(asked._replace(bounded=[]).holds(some.c))
    if before is not None:
        query = query.where(some.c.id < before)
    return query.order_by(some.c.id.desc()).limit(limit + 1)


def _walk(
    connection: Connection, asked: Asked, before: int | None, limit: int, looks: Sequence[int]
) -> Found:
    """Look through the newest that the rarest condition tells: so many of them at a time.

    Or through all, where they are few.
    """
    if asked.few is None:
        driving = _rarest(connection, [*asked.ordered, *asked.leads], before)
    else:
        driving, looks = Merged((), asked.few, conditions.SOME), [words.FEW * len(asked.few) + 1]
    wanted = select(_SEEN.c.id).where(asked.holds(_SEEN.c))
    wanted = wanted.order_by(_SEEN.c.id.desc()).limit(limit + 1)
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
            found += connection.execute(wanted, {"ids": newest_ids[seen:part]}).scalars().all()
            if len(found) > limit:
                return Found(found[:limit], found[limit - 1])
            seen = part
        if len(newest_ids) < most:
            return Found(found, None)
        before = newest_ids[-1]
    return Found(found, before)


def _next_part(seen: int, found: int, wanted: int, most: int) -> int:
    """Up to where to look, after *seen* with so many found, for all that are *wanted*."""
    if seen == 0:
        return min(_GLANCE, most)
    enough = seen * wanted * 3 // (found * 2) if found else most
    return enough if seen < enough < most // 2 else most


def _rarest(
    connection: Connection, ordered: Sequence[Ordered | Merged], before: int | None
) -> Ordered | Merged | None:
    """The one whose newest ones lie furthest back."""
    if len(ordered) < 2:
        return ordered[0] if ordered else None
    ids = [newest_of(connection, one, before, words.FEW) for one in ordered]
    return min(
        zip(ids, ordered, strict=True),
        key=lambda one: (len(one[0]) == words.FEW, one[0][-1] if one[0] else 0),
    )[1]


def _read(
    connection: Connection, wanted: Filter, now: int, having: Words, *, as_whole: bool
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


def _rest(wanted: Filter, now: int) -> Iterator[Holds]:
    first, last = wanted.expires_from, wanted.expires_until
    if first is not None:
        yield lambda of: of.last_day >= first
    if last is not None:
        yield lambda of: of.last_day <= last
    if wanted.state == "expired":
        yield lambda of: func.coalesce(of.grace_until, of.expires_at) <= now
    elif wanted.state == "grace":
        yield lambda of: of.grace_until > now
    elif wanted.state == "valid":
        yield lambda of: or_(of.expires_at.is_(None), of.expires_at > now)
    elif wanted.state == "active":
        yield lambda of: or_(of.expires_at.is_(None), of.expires_at > now, of.grace_until > now)


def _fold(name: str) -> str:
    """A hostname as hk1 has it: ASCII letters in lower case."""
    return "".join(c.lower() if c.isascii() else c for c in name)

"""Stored texts: which text is where, and by which tails it is found (texts.py)."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Connection,
    Integer,
    Select,
    String,
    and_,
    bindparam,
    delete,
    func,
    intersect,
    literal_column,
    null,
    select,
    union_all,
)

from license_server.db import deferred
from license_server.db.among import among
from license_server.db.tables import begins, is_there, licenses, past, text_tails, text_uses, texts
from license_server.finding.texts import LONGEST, Kind, each_of, fold, id_of, tails


class Use(NamedTuple):
    """A text, and what it is a text of."""

    kind: Kind
    thing: int
    """The id of its row."""
    text: str


class Placed(NamedTuple):
    """A word whose bounds are parameters, called by its place."""

    place: int
    is_long: bool
    """Longer than a tail."""


TEXTS = 25_000
"""So many texts of a word are read in the index alone."""
_STATEMENTS = 32
"""So many statements are kept, of each shape of a search one."""
_MOST = 1_000_000
_BESIDE = -1
"""In place of a word."""
_TABLES = (texts, text_tails, text_uses)


def add(connection: Connection, uses: Iterable[Use]) -> None:
    """Let things be found by texts, by the commit at the latest."""
    things: dict[tuple[Kind, str], set[int]] = defaultdict(set)
    for kind, thing, text in uses:
        things[kind, text].add(thing)
    found, used = set[_Text](), set[tuple[int, int, int]]()
    for (kind, text), ids in things.items():
        folded = fold(text)
        if folded:
            id_ = id_of(kind, folded)
            found.add(_Text(id_, kind, text, folded))
            used.update([(id_, thing, int(kind)) for thing in ids])
    deferred.add_for(connection, _add_texts, found)
    deferred.add_unless_there(connection, text_uses, used)


class _Text(NamedTuple):
    id: int
    kind: Kind
    text: str
    folded: str


def _add_texts(connection: Connection, some: Collection[_Text]) -> None:
    """Add those texts that are not there yet, with their tails: most are those of other things."""
    if not some:
        return
    ids = among(texts.c.id, (one.id for one in some))
    there = set(connection.execute(select(texts.c.id).where(ids)).scalars())
    whole, ends = set[tuple[Any, ...]](), set[tuple[Any, ...]]()
    for id_, kind, text, folded in some:
        if id_ not in there or len(folded) > each_of(kind):  # another one may begin other words
            whole.add((id_, folded))
            ends.update((int(kind), tail, id_) for tail in tails(text, folded, each_of(kind)))
    for table, rows in ((texts, whole), (text_tails, ends)):
        deferred.add_unless_there(connection, table, rows)


def forget(connection: Connection, kind: Kind, thing: int) -> None:
    """Let a thing be found by none of its texts; what no other has is deleted."""
    deferred.write(connection)
    table = text_uses.c
    mine = and_(table.kind == int(kind), table.thing == thing)
    ids = list(connection.execute(select(table.text_id).where(mine)).scalars())
    connection.execute(delete(text_uses).where(mine))
    still = set(
        connection.execute(select(table.text_id).where(among(table.text_id, ids))).scalars()
    )
    gone = [id_ for id_ in ids if id_ not in still]
    for id_, folded in connection.execute(
        select(texts.c.id, texts.c.folded).where(among(texts.c.id, gone))
    ).all():
        of_it = text_tails.c.tail.in_({folded[at : at + LONGEST] for at in range(len(folded))})
        which = and_(text_tails.c.kind == int(kind), of_it, text_tails.c.text_id == id_)
        connection.execute(delete(text_tails).where(which))
    connection.execute(delete(texts).where(among(texts.c.id, gone)))


def forget_all(connection: Connection) -> None:
    """Let nothing be found."""
    for table in _TABLES:
        connection.execute(delete(table))


def licence_of(connection: Connection, number: str) -> int | None:
    """The id of the licence of this number."""
    query = select(licenses.c.id).where(licenses.c.number == number)
    return connection.execute(query).scalar()


def things(kinds: Collection[Kind], typed: str | Placed, most: int | None = None) -> Select[Any]:
    """A query for the ids of things with *typed*, which is folded and not empty.

    At most *most* of each of the *kinds*; one may come more than once.
    """
    each = []
    for kind in kinds:
        query = select(text_uses.c.thing.label("id"))
        query = query.join(text_tails, text_tails.c.text_id == text_uses.c.text_id)
        has_it = _has_word(*typed, kind) if isinstance(typed, Placed) else [_with_tail(kind, typed)]
        query = query.where(*has_it)
        if most is not None:  # in the index's order, so that it is used
            query = query.order_by(text_tails.c.tail).limit(most)
        each.append(query)
    if len(each) == 1:
        return each[0]
    return select(union_all(*(select(one.subquery().c.id) for one in each)).subquery().c.id)


def has(kinds: Collection[Kind], thing: Any, typed: Any) -> ColumnElement[bool]:
    """Whether the *thing*, a column of ids, has *typed* in one of its texts.

    A folded text, or a parameter for one.
    """
    its = and_(text_uses.c.kind.in_([int(kind) for kind in kinds]), text_uses.c.thing == thing)
    # Letters and digits: nothing means another thing to LIKE.
    with_it = and_(texts.c.id == text_uses.c.text_id, texts.c.folded.contains(typed))
    return is_there(select(text_uses.c.text_id).where(its, with_it))


def with_texts(thing: Any, ids: Sequence[Any]) -> ColumnElement[bool]:
    """Whether the *thing*, a column of ids, has one of these texts: ids, or parameters for them."""
    its = select(text_uses.c.text_id).where(text_uses.c.thing == thing)
    return is_there(its.where(text_uses.c.text_id.in_(ids)))


def newest_with(text_id: Any, before: Any, most: int) -> Select[Any]:
    """A query for the ids of at most *most* things under *before* with a text, the newest first.

    Ids, or parameters for them; None for *before*: all things.
    """
    query = select(text_uses.c.thing.label("id")).where(text_uses.c.text_id == text_id)
    if before is not None:
        query = query.where(text_uses.c.thing < before)
    return query.order_by(text_uses.c.thing.desc()).limit(most)


def texts_with(
    connection: Connection, kind: Kind, words: Sequence[str], few: int, most: int
) -> list[tuple[list[int], int]]:
    """Of each word, which is folded: the ids of the first *few* texts of a kind that have it.

    And how many of its tails have it, which is right up to *most*.
    """
    long, bounds = _bounds(words)
    ids: dict[int, list[int]] = defaultdict(list)
    counts: dict[int, int] = {}
    for place, text_id, count in connection.execute(_texts_with(long, kind, few, most), bounds):
        if count is None:
            ids[place].append(text_id)
        else:
            counts[place] = count
    return [(list(dict.fromkeys(ids[place])), counts[place]) for place in range(len(words))]


@lru_cache(_STATEMENTS)
def _texts_with(long: tuple[bool, ...], kind: Kind, few: int, most: int) -> CompoundSelect[Any]:
    """The query of ``texts_with``: texts, and of each word a count."""
    each = []
    for place, is_long in enumerate(long):
        first = _texts(place, is_long, kind, few).order_by(text_tails.c.tail).subquery()
        each.append(select(_number(place), first.c.text_id, null()))
        count = select(func.count()).select_from(_texts(place, is_long, kind, most + 1).subquery())
        each.append(select(_number(place), null(), count.scalar_subquery()))
    return union_all(*each)


def first_things(
    connection: Connection,
    words: Sequence[str],
    kinds: tuple[Kind, ...],
    most: int,
    beside: tuple[Select[Any], ...] = (),
) -> tuple[dict[tuple[str, Kind], list[int]], list[Any]]:
    """Of each word, which is folded and not empty: the ids of things of each kind that have it.

    The first *most* in the order of the index; one that has it twice comes twice. And the numbers
    that the queries *beside* it ask for, one each, in the same go.
    """
    long, bounds = _bounds(words)
    query = _first_things(long, kinds, most, beside)
    found: dict[tuple[int, int], list[int]] = {
        (place, kind): list(map(int, ids.split(","))) if ids else []
        for place, kind, ids in connection.execute(query, bounds)
    }
    things = {
        (word, kind): found[place, int(kind)] for place, word in enumerate(words) for kind in kinds
    }
    return things, [next(iter(found[_BESIDE, at]), None) for at in range(len(beside))]


@lru_cache(_STATEMENTS)
def _first_things(
    long: tuple[bool, ...], kinds: tuple[Kind, ...], most: int, beside: tuple[Select[Any], ...]
) -> CompoundSelect[Any]:
    """The query of ``first_things``; *long*: whether each word is longer than a tail.

    Of each word and kind it is one row, with the ids as one text: a row for each of some hundreds
    takes longer to be made and read than to be found.
    """
    each = [
        select(_number(_BESIDE), _number(at), one.scalar_subquery().cast(String))
        for at, one in enumerate(beside)
    ]
    for place, is_long in enumerate(long):
        for kind in kinds:
            some = _first(place, is_long, kind, most).subquery()
            ids = func.aggregate_strings(some.c.thing.cast(String), ",")
            each.append(select(_number(place), _number(kind), ids))
    return union_all(*each)


def _first(place: int, is_long: bool, kind: Kind, most: int) -> Select[Any]:
    """A query for the first *most* things with the word whose bounds are called by its *place*."""
    query = select(text_uses.c.thing)
    query = query.join(text_tails, text_tails.c.text_id == text_uses.c.text_id)
    query = query.where(*_has_word(place, is_long, kind))
    return query.order_by(text_tails.c.tail).limit(_number(most))


def _has_word(place: int, is_long: bool, kind: Kind) -> list[ColumnElement[bool]]:
    """That a tail begins with the word whose bounds are called by its *place*."""
    tail = text_tails.c.tail
    has_it = [text_tails.c.kind == _number(kind)]
    has_it += [tail >= bindparam(f"from{place}"), tail < bindparam(f"to{place}")]
    if is_long:
        has_it.append(_with_whole(bindparam(f"whole{place}", type_=String)))
    return has_it


def common_things(
    connection: Connection, kinds: tuple[Kind, ...], words: Sequence[str], most: int
) -> tuple[list[int], list[str]]:
    """The ids of things that have each of *words*, and those words that more than *most* have.

    Of such a word only so many are looked at.
    """
    long, bounds = _bounds(words)
    counts: dict[int, int] = {}
    ids = []
    for place, value in connection.execute(_common_things(long, kinds, most + 1), bounds).all():
        if place < 0:
            ids.append(value)
        else:
            counts[place] = value
    more = [word for place, word in enumerate(words) if counts[place] > most]
    return sorted(ids), more


@lru_cache(_STATEMENTS)
def _common_things(
    long: tuple[bool, ...], kinds: tuple[Kind, ...], most: int
) -> CompoundSelect[Any]:
    """The query of ``common_things``: things, and at the place of each word how many have it."""
    each = []
    for place, is_long in enumerate(long):
        of_kinds = [_first(place, is_long, kind, most).subquery() for kind in kinds]
        # Looked at twice, and therefore made once.
        each.append(union_all(*(select(one.c.thing) for one in of_kinds)).cte(f"word{place}"))
    # PostgreSQL takes them for few, and would look for each of one in all of another.
    both = intersect(*(select(one.c.thing) for one in each)).subquery()
    ids = select(_number(-1).label("place"), both.c.thing)
    counts = (
        select(_number(place).label("place"), func.count().label("thing")).select_from(one)
        for place, one in enumerate(each)
    )
    return union_all(ids, *counts)


def _number(value: int) -> ColumnElement[int]:
    """A number that is part of the statement, which a database then plans for it."""
    return literal_column(f"{value:d}", Integer)


def placed(word: str, place: int) -> tuple[Placed, dict[str, str]]:
    """A word as one whose bounds are parameters; and these by their names."""
    tail = word[:LONGEST]
    bounds = {f"from{place}": tail, f"to{place}": past(tail)}
    is_long = len(word) > LONGEST
    return Placed(place, is_long), bounds | ({f"whole{place}": word} if is_long else {})


def _bounds(words: Sequence[str]) -> tuple[tuple[bool, ...], dict[str, str]]:
    """Whether each word is longer than a tail, and the values of the queries above."""
    each = [placed(word, place) for place, word in enumerate(words)]
    bounds = {name: value for _, of_word in each for name, value in of_word.items()}
    return tuple(one.is_long for one, _ in each), bounds


def words_in_at_most(
    connection: Connection, kinds: tuple[Kind, ...], words: Sequence[str], most: int
) -> list[str]:
    """Those of *words* of which there are at most *most* tails. Of the others, more have each."""
    long, bounds = _bounds(words)
    row = connection.execute(_counts_of_tails(long, kinds, most), bounds).one()
    return [word for word, count in zip(words, row, strict=True) if count <= most]


@lru_cache(_STATEMENTS)
def _counts_of_tails(long: tuple[bool, ...], kinds: tuple[Kind, ...], most: int) -> Select[Any]:
    """The query of ``words_in_at_most``: of each word a number, which is right up to *most*."""
    counts = []
    for place, is_long in enumerate(long):
        each = (_texts(place, is_long, kind, most + 1).subquery() for kind in kinds)
        some = union_all(*(select(one.c.text_id) for one in each)).subquery()
        counts.append(select(func.count()).select_from(some).scalar_subquery())
    return select(*counts)


def things_at_a_glance(
    connection: Connection, kinds: tuple[Kind, ...], words: Sequence[str], texts: int, most: int
) -> list[int]:
    """As ``things_with_in_one_text``, of the first *texts* of each kind with the first of *words*.

    It reads no more of them than it takes for *most* texts of a kind.
    """
    long, bounds = _bounds(words)
    bounds |= {f"whole{place}": word for place, word in enumerate(words) if place or long[0]}
    query = _things_at_a_glance(long[0], len(words), kinds, texts, most)
    return sorted(connection.execute(query, bounds).scalars())


@lru_cache(_STATEMENTS)
def _things_at_a_glance(
    is_long: bool, count: int, kinds: tuple[Kind, ...], glance: int, most: int
) -> Select[Any]:
    """The query of ``things_at_a_glance``."""
    each = []
    for kind in kinds:
        first = _texts(0, is_long, kind, glance).order_by(text_tails.c.tail).subquery()
        with_all = select(first.c.text_id)
        for place in range(1, count):
            whole = texts.c.folded.contains(bindparam(f"whole{place}", type_=String))
            of_it = select(texts.c.id).where(texts.c.id == first.c.text_id, whole)
            with_all = with_all.where(is_there(of_it.correlate(first)))
        each.append(with_all.limit(_number(most)).subquery())
    some = union_all(*(select(one.c.text_id) for one in each)).subquery()
    query = select(text_uses.c.thing).join(some, some.c.text_id == text_uses.c.text_id)
    return query.distinct().limit(_number(most))


def things_with_in_one_text(
    connection: Connection, kinds: tuple[Kind, ...], words: Sequence[str], most: int
) -> list[int]:
    """The ids of things of which one text has all of *words*: some of them, at most *most*.

    It reads of each word up to TEXTS texts, and their things only where they have the others.
    """
    long, bounds = _bounds(words)
    found = connection.execute(_things_with_in_one_text(long, kinds, most), bounds)
    return sorted(found.scalars())


@lru_cache(_STATEMENTS)
def _things_with_in_one_text(
    long: tuple[bool, ...], kinds: tuple[Kind, ...], most: int
) -> Select[Any]:
    """The query of ``things_with_in_one_text``."""
    each = []
    for kind in kinds:
        of_words = (
            _texts(place, is_long, kind, TEXTS).subquery() for place, is_long in enumerate(long)
        )
        # PostgreSQL takes them for few, and would look for each of one in all of another.
        both = intersect(*(select(one.c.text_id) for one in of_words)).subquery()
        each.append(select(both.c.text_id))
    some = union_all(*each).subquery()
    query = select(text_uses.c.thing).join(some, some.c.text_id == text_uses.c.text_id)
    return query.distinct().limit(_number(most))


def _texts(place: int, is_long: bool, kind: Kind, most: int) -> Select[Any]:
    """A query for *most* texts with the word whose bounds are called by its *place*."""
    query = select(text_tails.c.text_id).where(*_has_word(place, is_long, kind))
    return query.limit(_number(most))


def those_with(
    connection: Connection, kinds: Collection[Kind], ids: Sequence[int], words: Iterable[str]
) -> list[int]:
    """Those of the things *ids*, of these kinds, of which one text or another has each word."""
    wholes = {f"whole{place}": word for place, word in enumerate(dict.fromkeys(words))}
    query = _those_with(tuple(kinds), len(wholes))
    return sorted(connection.execute(query, {"ids": ids, **wholes}).scalars())


@lru_cache(_STATEMENTS)
def _those_with(kinds: tuple[Kind, ...], count: int) -> Select[Any]:
    """The query of ``those_with``, for so many words."""
    its, of_kinds = text_uses.c, [int(kind) for kind in kinds]
    query = select(its.thing).where(its.kind.in_(of_kinds), among(its.thing, "ids")).distinct()
    once = query.limit(_MOST).subquery()  # the limit keeps it apart: of a thing, not of each text
    wholes = (bindparam(f"whole{place}", type_=String) for place in range(count))
    return select(once.c.thing).where(*(has(kinds, once.c.thing, whole) for whole in wholes))


def _with_tail(kind: Kind, typed: str) -> ColumnElement[bool]:
    """That a tail begins with *typed*; what is longer than a tail, that its text has it."""
    found = and_(text_tails.c.kind == int(kind), begins(text_tails.c.tail, typed[:LONGEST]))
    if len(typed) <= LONGEST:
        return found
    return and_(found, _with_whole(typed))


def _with_whole(typed: Any) -> ColumnElement[bool]:
    """That the text of a tail has *typed*, which may be longer than a tail."""
    whole = select(texts.c.id).where(
        texts.c.id == text_tails.c.text_id, texts.c.folded.contains(typed)
    )
    return is_there(whole.correlate(text_tails))

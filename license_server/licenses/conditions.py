"""Conditions on licences that an index tells, for the search (search.py)."""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple, Protocol

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    and_,
    bindparam,
    false,
    func,
    or_,
    select,
    union,
    union_all,
)

from license_server.db.among import among, as_rows
from license_server.db.tables import begins, licenses, past
from license_server.finding import finding_store, following, words
from license_server.finding.texts import Kind

SOME = 2500
"""So many that one index tells are put in order, where nothing else need be looked up of each."""
Columns = Any
"""The columns of a table or a query, by their names."""


class Name(str):
    """What a parameter is called that takes the place of a value."""

    __slots__ = ()


IN_ROW = tuple(name for _, names in following.TEXTS["licenses"] for name in names)
"""The columns of a licence by whose texts it is found."""
BEFORE = Name("before")
"""What the id is called under which licences are asked for."""
_APART = 100
"""So far apart are the places of conditions, which may be made of others."""


class Is(NamedTuple):
    """A column that has one of some values; its index tells them in the order of their ids."""

    column: Any
    values: Sequence[Any]

    def holds(self, of: Columns) -> ColumnElement[bool]:
        """Whether it is so in a row with the columns *of*."""
        return of[self.column.name].in_([bound(one) for one in self.values])  # type: ignore[no-any-return]

    def newest(self, before: int | Name | None, most: int) -> Select[Any]:
        """A query for the ids of at most *most* of them under *before*, the newest first."""
        each = [
            newest(before, most).where(self.column == bound(value)).subquery()
            for value in self.values
        ]
        ids = union_all(*(select(one.c.id) for one in each)).subquery()
        return select(ids.c.id).order_by(ids.c.id.desc()).limit(most)

    def named(self, place: int) -> "tuple[Is, dict[str, Any]]":
        """The same, with parameters in place of its values; and these by their names."""
        names = _names("is", place, self.values)
        return Is(self.column, names), dict(zip(names, self.values, strict=True))


class Told(NamedTuple):
    """Some texts, one of which a licence has; the index tells them as ``Is``."""

    texts: Sequence[int | Name]
    """Their ids, not many."""
    column: Any = licenses.c.id

    def holds(self, of: Columns) -> ColumnElement[bool]:
        """Whether a row with the columns *of* has one of them."""
        return finding_store.with_texts(of["id"], [bound(one) for one in self.texts])

    def newest(self, before: int | Name | None, most: int) -> Select[Any]:
        """A query for the ids of at most *most* of them under *before*, the newest first."""
        under = bound(before)
        each = [finding_store.newest_with(bound(one), under, most).subquery() for one in self.texts]
        # One licence may have two of them.
        ids = union(*(select(one.c.id) for one in each)).subquery()
        return select(ids.c.id).order_by(ids.c.id.desc()).limit(most)

    def named(self, place: int) -> "tuple[Told, dict[str, Any]]":
        """The same, with parameters in place of its texts; and these by their names."""
        names = _names("text", place, self.texts)
        return Told(names), dict(zip(names, self.texts, strict=True))


class Merged(NamedTuple):
    """Conditions of which one must hold; each is in order, or tells not too many."""

    ordered: Sequence[Is | Told]
    few: Sequence["Bounded"]
    most: int
    """So many each of the latter tells at most."""

    def newest(self, before: int | Name | None, most: int) -> Select[Any]:
        """A query for the ids of at most *most* of them under *before*, the newest first."""
        each = [one.newest(before, most).subquery() for one in self.ordered]
        each += [one.some(self.most).subquery() for one in self.few]
        ids = union(*(select(one.c.id) for one in each)).subquery()
        query = select(ids.c.id).order_by(ids.c.id.desc()).limit(most)
        return query if before is None else query.where(ids.c.id < bound(before))

    def named(self, place: int) -> "tuple[Merged, dict[str, Any]]":
        """The same, with parameters in place of all values; and these by their names."""
        first = place + len(self.ordered)
        ordered = [one.named(at) for at, one in enumerate(self.ordered, place)]
        few = [one.named(at) for at, one in enumerate(self.few, first)]
        values = {name: value for _, given in [*ordered, *few] for name, value in given.items()}
        named = Merged(tuple(one for one, _ in ordered), tuple(one for one, _ in few), self.most)
        return named, values


class Between(NamedTuple):
    """A column within bounds; its index tells them, but in no order that helps."""

    column: Any
    first: int | Name | None
    """At least that;"""
    last: int | Name | None
    """and less than that. None: no bound."""

    def holds(self, of: Columns) -> ColumnElement[bool]:
        """Whether it is so in a row with the columns *of*."""
        return self.bounds(of[self.column.name])

    def bounds(self, column: Any) -> ColumnElement[bool]:
        """Whether *column* is so."""
        bounds = [] if self.first is None else [column >= bound(self.first)]
        return and_(*bounds, *([] if self.last is None else [column < bound(self.last)]))

    def some(self, most: int) -> Select[Any]:
        """A query for the ids of at most *most* of them."""
        return _first_of(self.column, self.bounds(self.column), most)

    def named(self, place: int) -> "tuple[Between, dict[str, Any]]":
        """The same, with parameters in place of its values; and these by their names."""
        names = Name(f"first{place}"), Name(f"last{place}")
        given = [(name, value) for name, value in zip(names, self[1:], strict=True)]
        called = [None if value is None else name for name, value in given]
        return Between(self.column, *called), {n: v for n, v in given if v is not None}


class OneOf(NamedTuple):
    """A column that has one of some values; its index tells them, but in no order that helps."""

    column: Any
    values: Sequence[Any] | Name

    def holds(self, of: Columns) -> ColumnElement[bool]:
        """Whether it is so in a row with the columns *of*."""
        return among(of[self.column.name], self.values)

    def some(self, most: int) -> Select[Any]:
        """A query for the ids of at most *most* of them."""
        return _first_of(self.column, among(self.column, self.values), most)

    def named(self, place: int) -> "tuple[OneOf, dict[str, Any]]":
        """The same, with a parameter in place of its values; and these by its name."""
        name = Name(f"values{place}")
        return OneOf(self.column, name), {name: list(self.values)}


class Beginning(NamedTuple):
    """A column that begins with one of some texts."""

    column: Any
    texts: Sequence[str | Name]

    def holds(self, of: Columns) -> ColumnElement[bool]:
        """Whether it is so in a row with the columns *of*."""
        return or_(*(_begins(of[self.column.name], text) for text in self.texts))

    def some(self, most: int) -> Select[Any]:
        """A query for the ids of at most *most* of them; what begins with two comes twice."""
        each = [_first_of(self.column, _begins(self.column, text), most) for text in self.texts]
        if len(each) == 1:
            return each[0]
        some = union_all(*(select(one.subquery().c.id) for one in each)).subquery()
        return select(some.c.id).limit(most)

    def named(self, place: int) -> "tuple[Beginning, dict[str, Any]]":
        """The same, with parameters in place of its texts; and these by their names."""
        names = _names("begins", place, self.texts)
        values: dict[str, Any] = dict(zip(names, self.texts, strict=True))
        values |= {_past(name): past(values[name]) for name in names}
        return Beginning(self.column, names), values


class Using(NamedTuple):
    """What was typed is in one of a licence's texts: its hostname or contract, a note, a reason."""

    typed: str | Name
    """Folded, and not empty (finding/texts.py)."""
    ids: Sequence[int] | Name | None
    """The licences that have it; None: more than few."""
    column: Any = licenses.c.id
    placed: finding_store.Placed | None = None
    """Where it is a parameter."""
    stands: bool = False
    """Whether whatever text it stands in has it folded, too (``texts.stands_folded``)."""

    def holds(self, of: Columns) -> ColumnElement[bool]:
        """Whether it is so in a row with the columns *of*."""
        if self.ids is not None:
            return among(of["id"], self.ids) if self.ids else false()
        typed = bound(self.typed)
        # Most have it in a text of the row, which is read anyway.
        in_row = [of[name].contains(typed) for name in IN_ROW] if self.stands else []
        return or_(*in_row, finding_store.has((Kind.LICENCE,), of["id"], typed))

    def some(self, most: int) -> Select[Any]:
        """A query for the ids of at most *most* of them."""
        if self.ids is not None:
            return select(as_rows(self.ids).c.id)
        return finding_store.things((Kind.LICENCE,), self.placed or self.typed, most)

    def named(self, place: int) -> "tuple[Using, dict[str, Any]]":
        """The same, with parameters in place of what was typed; and these by their names."""
        placed, bounds = finding_store.placed(self.typed, place)
        typed, ids = Name(f"typed{place}"), Name(f"ids{place}")
        values: dict[str, Any] = {**bounds, typed: self.typed}
        if self.ids is None:
            return self._replace(typed=typed, placed=placed), values
        return self._replace(typed=typed, ids=ids, placed=placed), values | {ids: list(self.ids)}


class Standing(NamedTuple):
    """How a licence that is active stands at an instant."""

    state: str
    """``valid``, ``grace``, ``active`` or ``expired``."""
    now: int | Name

    def holds(self, of: Columns) -> ColumnElement[bool]:
        """Whether it is so in a row with the columns *of*."""
        now = bound(self.now)
        if self.state == "expired":
            return func.coalesce(of.grace_until, of.expires_at) <= now  # type: ignore[no-any-return]
        if self.state == "grace":
            return of.grace_until > now  # type: ignore[no-any-return]
        valid = or_(of.expires_at.is_(None), of.expires_at > now)
        return valid if self.state == "valid" else or_(valid, of.grace_until > now)

    def named(self, place: int) -> "tuple[Standing, dict[str, Any]]":
        """The same, with a parameter in place of the instant; and that by its name."""
        name = Name(f"now{place}")
        return Standing(self.state, name), {name: self.now}


Ordered = Is | Told
"""What an index tells in the order in which licences are listed."""
Bounded = Between | OneOf | Beginning | Using
"""What an index tells in no order that helps."""
Rest = Between | Standing
"""What no index need tell."""


class Counts:
    """How many licences each condition tells; each is counted once, up to a bound."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._counts: dict[int, tuple[Bounded, int, int]] = {}
        """By its identity, with the condition itself, so that nothing else gets that; the bound."""

    def ask(self, each: Iterable[Bounded], most: int | None = None) -> None:
        """Count what *each* tells, up to *most*, by itself one more than few."""
        most = words.FEW + 1 if most is None else most
        new: dict[int, Bounded] = {}
        for one in each:
            _, count, bound = self._counts.get(id(one), (one, 0, 0))
            if isinstance(one, Using) and (one.ids is not None or most <= words.FEW + 1):
                known = words.FEW + 1 if one.ids is None else len(one.ids)
                self._counts[id(one)] = (one, known, most)
            elif bound < most and count == bound:
                new[id(one)] = one
        if new:
            named = [one.named(place) for place, one in enumerate(new.values())]
            values = {name: value for _, given in named for name, value in given.items()}
            query = _counts(tuple(one for one, _ in named), most)
            row = self._connection.execute(query, values).one()
            for one, count in zip(new.values(), row, strict=True):
                self._counts[id(one)] = (one, count, most)

    def of(self, one: Bounded) -> int:
        """How many it tells."""
        if id(one) not in self._counts:
            self.ask([one])
        return self._counts[id(one)][1]

    def nothing(self, each: Iterable[Bounded]) -> bool:
        """Whether none of them tells any."""
        return all(self.of(one) == 0 for one in each)


@lru_cache(256)
def _counts(named: tuple[Bounded, ...], most: int) -> Select[Any]:
    """The query of ``Counts.ask``, which is made once for all values."""
    some = [one.some(most).subquery() for one in named]
    return select(*(select(func.count()).select_from(one).scalar_subquery() for one in some))


def newest(before: int | Name | None, most: int) -> Select[Any]:
    """A query for the ids of the newest *most* licences under *before*, the newest first."""
    query = select(licenses.c.id).order_by(licenses.c.id.desc()).limit(most)
    return query if before is None else query.where(licenses.c.id < bound(before))


def newest_of(
    connection: Connection, one: Ordered | Merged, before: int | None, most: int
) -> list[int]:
    """The ids of at most *most* that it tells under *before*, the newest first."""
    named, values = one.named(0)
    if before is not None:
        values[BEFORE] = before
    query = _newest_of(named, BEFORE if before is not None else None, most)
    return list(connection.execute(query, values).scalars())


@lru_cache(256)
def _newest_of(named: Ordered | Merged, before: Name | None, most: int) -> Select[Any]:
    """The query of ``newest_of``, which is made once for all values."""
    return named.newest(before, most)


class Reach(NamedTuple):
    """How far back the newest that a condition tells lie."""

    many: int
    last: int
    """The id of the oldest; 0: there is none."""


def reach(
    connection: Connection, each: Sequence[Ordered | Merged], before: int | None, most: int
) -> list[Reach]:
    """Of each, how far back its newest *most* under *before* lie."""
    named = [one.named(place * _APART) for place, one in enumerate(each)]
    values = {name: value for _, given in named for name, value in given.items()}
    if before is not None:
        values[BEFORE] = before
    query = _reach(tuple(one for one, _ in named), BEFORE if before is not None else None, most)
    row = connection.execute(query, values).one()
    return [Reach(*row[at : at + 2]) for at in range(0, len(row), 2)]


@lru_cache(256)
def _reach(named: tuple[Ordered | Merged, ...], before: Name | None, most: int) -> Select[Any]:
    """The query of ``reach``, which is made once for all values: of each, the two numbers."""
    some = [one.newest(before, most).subquery() for one in named]
    numbers = [
        select(number).select_from(one).scalar_subquery()
        for one in some
        for number in (func.count(), func.coalesce(func.min(one.c.id), 0))
    ]
    return select(*numbers)


def _first_of(column: Any, holds: ColumnElement[bool], most: int) -> Select[Any]:
    # In the index's order, so that it is used: they may stand anywhere in the table.
    return select(licenses.c.id).where(holds).order_by(column).limit(most)


def _names(of: str, place: int, values: Sequence[Any]) -> tuple[Name, ...]:
    return tuple(Name(f"{of}{place}_{number}") for number in range(len(values)))


def bound(one: Any) -> Any:
    """A value, or the parameter that is called so."""
    return bindparam(one) if isinstance(one, Name) else one


class _Named(Protocol):
    def named(self, place: int) -> tuple[Any, dict[str, Any]]: ...


def all_named(each: Iterable[_Named], place: int) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Conditions with parameters in place of all values, called by *place*; and these by name."""
    named = [one.named(place * _APART + at) for at, one in enumerate(each)]
    values = {name: value for _, given in named for name, value in given.items()}
    return tuple(one for one, _ in named), values


def _begins(column: Any, text: str | Name) -> ColumnElement[bool]:
    if not isinstance(text, Name):
        return begins(column, text)
    return and_(column >= bindparam(text), column < bindparam(_past(text)))


def _past(name: Name) -> Name:
    """The parameter for what follows all that begins with the text of another."""
    return Name(f"{name}_past")

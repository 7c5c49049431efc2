"""What somebody types into a search field, as conditions on licences."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, and_, false, or_, true

from license_core import received
from license_core.errors import LicenseError
from license_core.request import LicenseRequest
from license_server.db.errors import InputInvalidError
from license_server.db.tables import licenses
from license_server.finding import finding_store, words
from license_server.finding.texts import Kind, fold, stands_folded
from license_server.finding.words import Words
from license_server.licenses import conditions
from license_server.licenses.conditions import (
    Beginning,
    Bounded,
    Columns,
    Counts,
    Is,
    Merged,
    Name,
    OneOf,
    Told,
    Using,
)
from license_server.licenses.typed_numbers import FIRST_YEAR, LAST_YEAR, numbers_meant

CUSTOMER = licenses.c.customer_id
_KEY_BEGINS = re.compile("[0-9A-Fa-f]{1,40}")
_WORDS = 8
ONES = 20
"""So many customers, or products, of a name are looked through one by one."""
_TELLING = 6
"""Of several words, one that is shorter is no beginning of a key or a number."""
_QUOTES = "\"'“”„«»‘’"
_HOST_LINE = re.compile(
    rf"\[\s*[{_QUOTES}](?P<key>[0-9A-Fa-f]{{4,40}})[^{_QUOTES},]{{0,8}}[{_QUOTES}]\s*,"
    rf"\s*[{_QUOTES}](?P<name>[^{_QUOTES}]{{1,200}})"
)
"""The line of get_host_key; somebody may have shortened its key with an ellipsis."""


_FEWEST_SPOKEN = 18
"""Three groups of a telephone code have so many characters."""


class TypedHost(NamedTuple):
    """The host that a host key line or a telephone code names."""

    key: str
    """Or the beginning of it."""
    name: str


class Word(NamedTuple):
    """Something that was typed: one of the ways must hold."""

    host: Sequence[Bounded]
    """By the host, or the number."""
    products: Sequence[int] | None
    """None: they are many; so with customers."""
    customers: Sequence[int] | None
    folded: str | Name
    """What the name of a customer or a product must have; empty: none has it."""
    ways: Sequence[Bounded]
    """All of it that an index tells."""

    @classmethod
    def of(
        cls,
        host: list[Bounded],
        products: list[int] | None = None,
        customers: list[int] | None = None,
        folded: str = "",
    ) -> "Word":
        """With its ways."""
        more = [(licenses.c.product_id, products), (licenses.c.customer_id, customers)]
        ways = host + [OneOf(column, ids) for column, ids in more if ids]
        if not folded:
            products = customers = []
        return cls(host, products, customers, folded, ways)

    def without(self, tells_nothing: Callable[[Bounded], bool]) -> "Word":
        """The same, without the ways by the host, or the number, of which that is so."""
        gone = {id(way) for way in self.host if tells_nothing(way)}
        host, ways = ([way for way in of if id(way) not in gone] for of in (self.host, self.ways))
        return self._replace(host=host, ways=ways)

    def holds(self, of: Columns) -> ColumnElement[bool]:
        """Whether a row with the columns *of* is meant."""
        ways = [one.holds(of) for one in self.ways]
        folded = conditions.bound(self.folded)
        if self.customers is None:
            ways.append(finding_store.has((Kind.CUSTOMER,), of["customer_id"], folded))
        if self.products is None:
            ways.append(finding_store.has((Kind.PRODUCT,), of["product_id"], folded))
        return or_(false(), *ways)

    def named(self, place: int) -> "tuple[Word, dict[str, Any]]":
        """The same, to be held, with parameters in place of values; and these by their names."""
        ways, values = conditions.all_named(self.ways, place)
        folded = Name(f"word{place}")
        products, customers = (None if ids is None else () for ids in self[1:3])
        return Word((), products, customers, folded, ways), {**values, folded: self.folded}


class Text(NamedTuple):
    """What was typed into the search field."""

    each: Sequence[Word]
    """All of these must hold,"""
    whole: Sequence[Word]
    """or one of these, which take it together."""

    def holds(self, of: Columns) -> ColumnElement[bool]:
        """Whether a row with the columns *of* is meant."""
        return or_(
            and_(true(), *(one.holds(of) for one in self.each)),
            *(one.holds(of) for one in self.whole),
        )

    def named(self, place: int) -> "tuple[Text, dict[str, Any]]":
        """The same, to be held, with parameters in place of values; and these by their names."""
        each, values = conditions.all_named(self.each, place)
        whole, more = conditions.all_named(self.whole, place + _WORDS)
        return Text(each, whole), values | more

    def without(self, tells_nothing: Callable[[Bounded], bool]) -> "Text":
        """The same, without the ways by a host, or a number, of which that is so."""
        each, whole = ([one.without(tells_nothing) for one in of] for of in self)
        return Text(each, [one for one in whole if one.ways])

    def sets(self) -> Iterator[list[Bounded]]:
        """Ways of which each set tells all that is meant, and more."""
        whole = [way for one in self.whole for way in one.ways]
        for one in self.each:
            if one.customers is not None and one.products is not None:
                yield [*one.ways, *whole]

    def together(self, asked: Words) -> list[Bounded] | None:
        """Such a set for several words at once; None: there is none, or it tells very many."""
        if len(self.each) < 2 or any(one.products is None for one in self.each):
            return None
        ids = customers_with_all(asked, self.each)
        if ids is None:
            return None
        # Either the customer's name has all of the words, or one of them is of something else.
        other = [way for one in self.each for way in one.ways if way.column is not CUSTOMER]
        whole = [way for one in self.whole for way in one.ways]
        return [*other, OneOf(CUSTOMER, ids), *whole]


class Typed(Words):
    """Words of which licences are asked, too: with them, the years of all numbers are read."""

    BESIDE = (FIRST_YEAR, LAST_YEAR)

    def numbers_meant(self, typed: str) -> tuple[list[str], list[str]]:
        """The numbers, and the beginnings of numbers, that somebody may mean who types this."""
        return numbers_meant(typed, *self.beside())


def customers_with_all(asked: Words, each: Iterable[Word]) -> list[int] | None:
    """The customers whose names have each of the words; None: they are many."""
    return asked.things_with_all((Kind.CUSTOMER,), [one.folded for one in each])


def some_customers_with_all(asked: Words, each: Iterable[Word]) -> tuple[list[int], bool]:
    """The same, or some of them where they are many; and whether they are all."""
    return asked.some_with_all((Kind.CUSTOMER,), [one.folded for one in each])


def read(asked: Typed, typed: str, *, as_whole: bool = True) -> Text:
    """Each word is in a name, in a text of the licence, or the beginning of its number or key.

    A key or a number may also be typed in parts. Of several words, short ones are of neither: they
    would be the beginning of too many. In quotes it is taken together; *as_whole*: else that, too.
    """
    host = host_of(typed)
    if host is not None:
        key = Beginning(licenses.c.host_key, [host.key])
        return Text([Word.of([key, *_using(asked, host.name)])], [])
    inside = typed.strip(_QUOTES)
    each = [one for one in inside.split() if fold(one)][:_WORDS] or [inside]
    asked.ask(folded for one in (inside, *each) if (folded := fold(one)))
    if inside != typed and typed[:1] in _QUOTES:
        return Text([_word(asked, inside, inside)], [])
    if each == [inside]:
        return Text([_word(asked, inside, inside)], [])
    whole = [Word.of(_of_host(asked, inside, inside))] if as_whole else []
    if len(each) == 1:
        return Text([_word(asked, each[0], each[0])], whole)
    found = [_word(asked, one, one if len(one) >= _TELLING else None) for one in each]
    return Text(found, whole)


def host_of(typed: str) -> TypedHost | None:
    """The host of the line of get_host_key, or of its telephone code; None: it is neither."""
    line = _HOST_LINE.match(typed)
    if line is not None:
        return TypedHost(line["key"].lower(), line["name"])
    spoken = _spoken(typed)
    return TypedHost(spoken.key, spoken.name or "") if spoken is not None else None


def check(typed: str, field: str) -> None:
    """Raise InputInvalidError for a telephone code that was misheard: it says which group."""
    if len(typed) >= _FEWEST_SPOKEN:
        try:
            received.spoken(typed)
        except LicenseError as error:
            reason = error.facts.get("reason", error.sentence)
            raise InputInvalidError(field=field, reason=reason) from error


def _spoken(typed: str) -> LicenseRequest | None:
    """What a telephone code says; None where it is none that can be read."""
    try:
        return received.spoken(typed) if len(typed) >= _FEWEST_SPOKEN else None
    except LicenseError:
        return None


def is_one(typed: str) -> bool:
    """Whether it is taken in one piece anyway: a word, what is in quotes, a host key line."""
    return len(typed.split()) == 1 or typed[0] in _QUOTES or host_of(typed) is not None


def folded_words(typed: str) -> list[str]:
    """The words of it, as texts are looked for; what is in quotes is one."""
    inside = typed.strip(_QUOTES)
    each = [inside] if inside != typed and is_one(typed) else inside.split()
    return [folded for one in each[:_WORDS] if (folded := fold(one))]


def told(having: Words, word: Word) -> Told | None:
    """The texts of which one has *word*; None: they are many."""
    using = next((way for way in word.host if isinstance(way, Using)), None)
    return None if using is None else _told(having, using)


def _told(having: Words, using: Using) -> Told | None:
    ids = having.texts(using.typed)
    return Told(ids) if ids else None


def leads(having: Words, text: Text, counts: Counts) -> Iterator[Merged]:
    """What tells, the newest first, all licences that have a word of *text*, or it as a whole."""
    whole = [way for one in text.whole for way in one.ways]
    for word in text.each:
        if word.products is None or word.customers is None:
            continue
        ordered: list[Is | Told] = []
        left: list[Bounded] = []
        for way in [*word.ways, *whole]:
            if not isinstance(way, Using) or counts.of(way) <= words.FEW:
                left.append(way)
            elif (found := _told(having, way)) is not None:
                ordered.append(found)
            elif having.in_at_most(way.typed):
                left.append(way)
            else:
                break
        else:
            lead = _merged(ordered, left, counts)
            if lead is not None:
                yield lead


def _merged(ordered: list[Is | Told], left: Sequence[Bounded], counts: Counts) -> Merged | None:
    """These in order and what is *left*; None: that is too many, or nothing."""
    counts.ask(left, conditions.SOME + 1)
    few = [way for way in left if 0 < counts.of(way) <= conditions.SOME]
    for way in left:
        if counts.of(way) > conditions.SOME:
            if not isinstance(way, OneOf) or not 0 < len(way.values) <= ONES:
                return None
            ordered.append(Is(way.column, way.values))
    return Merged(ordered, few, conditions.SOME) if ordered or few else None


def _word(asked: Typed, name: str, number: str | None) -> Word:
    """What *name* may be; as a key or a number, *number*."""
    folded = fold(name)
    products, customers = (
        asked.things((kind,), folded) if folded else [] for kind in (Kind.PRODUCT, Kind.CUSTOMER)
    )
    return Word.of(_of_host(asked, name, number), products, customers, folded)


def _of_host(asked: Typed, name: str, number: str | None) -> list[Bounded]:
    ways: list[Bounded] = list(_using(asked, name))
    if number is not None:
        if _KEY_BEGINS.fullmatch(number):
            ways.append(Beginning(licenses.c.host_key, [number.lower()]))
        whole, begun = asked.numbers_meant(number)
        if begun:
            ways.append(Beginning(licenses.c.number, begun))
        if whole:
            ways.append(OneOf(licenses.c.number, whole))
    return ways


def _using(asked: Words, name: str) -> Iterator[Using]:
    folded = fold(name)
    if folded:
        ids = asked.things((Kind.LICENCE,), folded)
        yield Using(folded, ids, stands=stands_folded(folded))

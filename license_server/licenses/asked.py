"""What is asked of licences, as conditions; words that can mean one thing only become such."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, and_, true

from license_server.db.tables import licenses
from license_server.finding.words import Words
from license_server.licenses import conditions, typed_text
from license_server.licenses.conditions import (
    Bounded,
    Columns,
    Counts,
    Is,
    Merged,
    OneOf,
    Ordered,
    Rest,
    Using,
)
from license_server.licenses.typed_text import CUSTOMER, Text, Word

_APART = 100_000
"""So far apart are the places of the parts of what is asked."""


class Asked(NamedTuple):
    """What is asked for: all of it must hold."""

    ordered: Sequence[Ordered]
    bounded: Sequence[Bounded]
    rest: Sequence[Rest]
    text: Text | None
    some: bool = False
    """Whether only some customers are asked for of those that were meant."""
    few: Sequence[Bounded] | None = None
    """What tells few licences, all that is wanted among them; None: nothing does."""
    leads: Sequence[Merged] = ()
    """What tells, in order, all that is wanted, and more."""

    @property
    def is_one_word(self) -> bool:
        """Whether nothing is asked for but what has one word."""
        alone = not (self.ordered or self.bounded or self.rest)
        return alone and self.text is not None and len(self.text.each) == 1

    def holds(self, of: Columns) -> ColumnElement[bool]:
        """Whether a row with the columns *of* is wanted."""
        text = [] if self.text is None else [self.text]
        every = [*self.ordered, *self.bounded, *self.rest, *text]
        return and_(true(), *(one.holds(of) for one in every))

    def named(self) -> "tuple[Asked, dict[str, Any]]":
        """The same, to be held, with parameters in place of all values; and these by their names.

        So a query with it is made once for all values.
        """
        text = [] if self.text is None else [self.text]
        parts = (self.ordered, self.bounded, self.rest, text)
        named = [conditions.all_named(of, place * _APART) for place, of in enumerate(parts)]
        values = {name: value for _, given in named for name, value in given.items()}
        ordered, bounded, rest, texts = (of for of, _ in named)
        return Asked(ordered, bounded, rest, texts[0] if texts else None), values


def implied(having: Words, asked: Asked, counts: Counts) -> Asked:
    """The same, where a word can only be that of a customer, or of a product, as a condition."""
    text = asked.text
    if text is None:
        return asked
    counts.ask(way for one in (*text.each, *text.whole) for way in one.host)
    text = text.without(lambda way: counts.of(way) == 0)
    asked = asked._replace(text=text)
    if text.whole:
        return asked
    ordered, left = list(asked.ordered), []
    for word in text.each:
        if _is_of_customers(word, counts) and 0 < len(word.customers or ()) <= typed_text.ONES:
            ordered.append(Is(CUSTOMER, word.customers or ()))
        elif counts.nothing(word.host) and word.products and word.customers == []:
            ordered.append(Is(licenses.c.product_id, word.products))
        elif (
            counts.nothing(way for way in word.host if not isinstance(way, Using))
            and word.products == word.customers == []
            and (told := typed_text.told(having, word)) is not None
        ):
            ordered.append(told)
        else:
            left.append(word)
    remains = text._replace(each=left) if left else None
    return asked._replace(ordered=ordered, text=remains)


def _is_of_customers(word: Word, counts: Counts) -> bool:
    """Whether a word can only be that of a customer."""
    return word.products == [] and counts.nothing(word.host)


def of_customers(having: Words, asked: Asked, counts: Counts, *, some: bool) -> Asked:
    """The same, where all words can only be those of the same customers, as a condition.

    Nothing else than these words is known to be in few. *some*: of some, where these are many.
    """
    text = asked.text
    if text is None or not counts.nothing(way for one in text.whole for way in one.ways):
        return asked
    if not all(_is_of_customers(word, counts) for word in text.each):
        return asked
    ids: list[int] | None
    if some and len(text.each) > 1:
        ids, whole = typed_text.some_customers_with_all(having, text.each)
    else:
        ids, whole = typed_text.customers_with_all(having, text.each), True
    if ids is None:
        return asked
    asked = asked._replace(text=None)
    condition = OneOf(CUSTOMER, ids)
    if some and len(ids) > typed_text.ONES:
        counts.ask([condition], conditions.SOME + 1)
        if counts.of(condition) > conditions.SOME:
            ids, whole = ids[: typed_text.ONES], False
    asked = asked._replace(some=not whole)
    if 0 < len(ids) <= typed_text.ONES:
        return asked._replace(ordered=[*asked.ordered, Is(CUSTOMER, ids)])
    return asked._replace(bounded=[*asked.bounded, condition])

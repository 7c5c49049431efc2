"""Words that were typed, and what has each of them: asked once, for all kinds of things."""

from collections.abc import Collection, Iterable, Sequence
from typing import Any, ClassVar

from sqlalchemy import Connection, Select, select

from license_server.finding import finding_store
from license_server.finding.texts import Kind

FEW = 250
"""Of a word that more things have, only so many are known at first;"""
ENOUGH = 20
"""Things that one text of theirs tells fill a page: no others are looked for."""
TEXTS = 20
"""So many texts are looked through one by one."""
GLANCE, SOME = 1000, 50
"""where each of some words is in more, so many texts of one, for so many that have the others;"""
LOOKED_AT = 2500
"""or so many of each."""

_Asked = tuple[tuple[Kind, ...], tuple[str, ...]]


class Words:
    """What has each word, as the database says that *connection* reads.

    Words are folded (texts.py) and not empty.
    """

    BESIDE: ClassVar[tuple[Select[Any], ...]] = ()
    """Queries for a number each, which is read with the first words."""

    def __init__(self, connection: Connection, words: Iterable[str] = ()) -> None:
        """With *words* to ask for at once."""
        self.connection = connection
        self._beside: list[Any] | None = None
        self._first: dict[tuple[str, Kind], list[int]] = {}
        self._commons: dict[_Asked, tuple[list[int], list[str]]] = {}
        self._glances: dict[_Asked, list[int]] = {}
        self._in_one: dict[_Asked, list[int]] = {}
        self._rare: dict[_Asked, list[str]] = {}
        self._texts: dict[str, tuple[list[int], int]] = {}
        self.ask(words)

    def ask(self, words: Iterable[str]) -> None:
        """Read what has *words*, so that each is not asked for by itself."""
        new = [word for word in dict.fromkeys(words) if (word, Kind.LICENCE) not in self._first]
        if new:
            self._ask(new)

    def _ask(self, words: list[str]) -> None:
        beside = self.BESIDE if self._beside is None else ()
        found, numbers = finding_store.first_things(
            self.connection, words, tuple(Kind), FEW + 1, beside
        )
        self._first |= found
        self._beside = numbers if beside else self._beside

    def beside(self) -> list[Any]:
        """The numbers that BESIDE asks for."""
        if self._beside is None:
            query = select(*(one.scalar_subquery() for one in self.BESIDE))
            self._beside = list(self.connection.execute(query).one())
        return self._beside

    def things(self, kinds: Collection[Kind], word: str) -> list[int] | None:
        """The ids of what has *word*; None: more than few."""
        self.ask([word])
        each = [self._first[word, kind] for kind in kinds]
        return None if any(len(ids) > FEW for ids in each) else _once(each)

    def things_with_all(self, kinds: Collection[Kind], words: Sequence[str]) -> list[int] | None:
        """The ids of what has each of *words*; None: they are many, or not told at once."""
        found = self._with_all(kinds, words)
        return None if found is None or len(found) > FEW else found

    def some_with_all(
        self, kinds: Collection[Kind], words: Sequence[str]
    ) -> tuple[list[int], bool]:
        """The ids of what has each of *words*, or of few of that; and whether it is all.

        Where each word is in many, what has them in one text goes first.
        """
        self.ask(words)
        each = tuple(dict.fromkeys(words))
        of_many = len(each) > 1 and all(self.things(kinds, word) is None for word in each)
        had = self._had(kinds, each)
        if of_many and len(found := self._at_a_glance(had, each)) >= ENOUGH:
            return found, False
        ids = self._with_all(kinds, each)
        whole = ids is not None and len(ids) <= FEW
        if of_many and not whole and len(found := self._in_one_text(had, each)) >= ENOUGH:
            return found, False
        return (self._some(kinds, each) if ids is None else ids)[:FEW], whole

    def texts(self, word: str) -> list[int] | None:
        """The ids of the texts of licences that have *word*; None: more than TEXTS."""
        ids, _ = self._of_licences(word)
        return None if len(ids) > TEXTS else ids

    def in_at_most(self, word: str) -> bool:
        """Whether at most LOOKED_AT tails of texts of licences have *word*."""
        return self._of_licences(word)[1] <= LOOKED_AT

    def _of_licences(self, word: str) -> tuple[list[int], int]:
        """The first texts of licences that have *word*, and how many tails; all words are asked."""
        self.ask([word])
        if word not in self._texts:
            of = [one for one, kind in self._first if kind is Kind.LICENCE]
            new = [one for one in of if one not in self._texts]
            found = finding_store.texts_with(
                self.connection, Kind.LICENCE, new, TEXTS + 1, LOOKED_AT
            )
            self._texts |= zip(new, found, strict=True)
        return self._texts[word]

    def _at_a_glance(self, kinds: tuple[Kind, ...], words: tuple[str, ...]) -> list[int]:
        """What has all in one text, by a glance at some texts of the last word.

        Tails are in the order of what follows: those of a first word begin with one second word.
        """
        asked = (kinds, words)
        if asked not in self._glances:
            self._glances[asked] = finding_store.things_at_a_glance(
                self.connection, kinds, words[::-1], GLANCE, SOME
            )
        return self._glances[asked]

    def _in_one_text(self, kinds: tuple[Kind, ...], words: tuple[str, ...]) -> list[int]:
        asked = (kinds, words)
        if asked not in self._in_one:
            self._in_one[asked] = finding_store.things_with_in_one_text(
                self.connection, kinds, words, FEW
            )
        return self._in_one[asked]

    def _had(self, kinds: Collection[Kind], words: Sequence[str]) -> tuple[Kind, ...]:
        """Those of *kinds* of which something has one of *words*."""
        return tuple(k for k in kinds if any(self._first[word, k] for word in words))

    def _with_all(self, kinds: Collection[Kind], words: Sequence[str]) -> list[int] | None:
        """The ids of what has each of *words*; None: each is in too many for that."""
        self.ask(words)
        found = {word: self.things(kinds, word) for word in words}
        few = [ids for ids in found.values() if ids is not None]
        many = [word for word, ids in found.items() if ids is None]
        if not few:
            return self._with_all_of_many(kinds, many)
        ids = sorted(set(few[0]).intersection(*few[1:]))
        return self._those_with(kinds, ids, many)

    def _with_all_of_many(self, kinds: Collection[Kind], words: Sequence[str]) -> list[int] | None:
        if len(words) == 1:
            return None
        kinds = self._had(kinds, words)
        whole = self._in_not_too_many(kinds, tuple(words))
        found: list[int] = []
        cut = whole
        if whole:
            found, cut = self._common(kinds, tuple(whole))
        if cut:
            whole = [word for word in whole if word not in cut]
            found = self._common(kinds, tuple(whole))[0] if whole else []
        if not whole:
            return None
        return self._those_with(kinds, found, [word for word in words if word not in whole])

    def _in_not_too_many(self, kinds: tuple[Kind, ...], words: tuple[str, ...]) -> list[str]:
        asked = (kinds, words)
        if asked not in self._rare:
            self._rare[asked] = finding_store.words_in_at_most(self.connection, *asked, LOOKED_AT)
        return self._rare[asked]

    def _some(self, kinds: Collection[Kind], words: Sequence[str]) -> list[int]:
        """Some of what has each of *words*, which are in many."""
        kinds = self._had(kinds, words)
        if len(words) == 1:
            return _once(self._first[words[0], kind] for kind in kinds)
        return self._common(kinds, tuple(words))[0]

    def _common(
        self, kinds: tuple[Kind, ...], words: tuple[str, ...]
    ) -> tuple[list[int], list[str]]:
        """The things that so many of each word have in common, and the words that have more."""
        asked = (kinds, words)
        if asked not in self._commons:
            self._commons[asked] = finding_store.common_things(self.connection, *asked, LOOKED_AT)
        return self._commons[asked]

    def _those_with(
        self, kinds: Collection[Kind], ids: list[int], words: Sequence[str]
    ) -> list[int]:
        if not ids or not words:
            return ids
        return finding_store.those_with(self.connection, kinds, ids, words)


def _once(each: Iterable[Iterable[int]]) -> list[int]:
    return sorted({id_ for ids in each for id_ in ids})

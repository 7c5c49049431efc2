"""The sentences that the client prints, in its languages, and how one is found again in a mail.

A sentence is a template; what stands between its facts is looked for, without blanks: so that a
line that a terminal, a mail program or a quotation wrapped is found as well. The Chinese ones are
in the client's catalogue, which is installed beside the server's own.
"""

import gettext
import re
import string
import textwrap
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from typing import NamedTuple

from license_core.notices import NOTICES
from license_core.problems import PROBLEMS
from license_core.wording import printable

_CATALOGUE = ("license_cli", "locale/zh.mo")
_LEAST = 6
"""A template with fewer characters of its own is found everywhere."""
_GAP = 300
"""The most characters of a fact."""
_MOST_ADVICE = 40
"""The most lines of a remedy."""
_MESSAGE = re.compile(r"\s*(?:[0-9]+\.\s*)?\[[A-Z]\]")
_TRIES = 20
"""So often is the beginning of one sentence looked for."""


class Said(NamedTuple):
    """A sentence of the client that was found in a text."""

    slug: str
    facts: dict[str, str]
    """What stood in the places of its facts, without blanks."""
    is_problem: bool
    """Whether it refuses; else it is a notice or a detail."""
    end: int = 0
    """Where it ended in the text without blanks."""


class _Pattern(NamedTuple):
    slug: str
    literals: tuple[str, ...]
    """What stands before, between and behind its facts, without blanks."""
    names: tuple[str, ...]
    is_problem: bool

    def find(self, squeezed: str) -> tuple[dict[str, str], int] | None:
        """The facts of the first place where it is said, and where that ends."""
        at = squeezed.find(self.literals[0])
        for _ in range(_TRIES):
            if at < 0:
                return None
            found = self._facts(squeezed, at + len(self.literals[0]))
            if found is not None:
                return found
            at = squeezed.find(self.literals[0], at + 1)
        return None

    def _facts(self, squeezed: str, at: int) -> tuple[dict[str, str], int] | None:
        facts: dict[str, str] = {}
        for name, literal in zip(self.names, self.literals[1:], strict=True):
            end = squeezed.find(literal, at, at + _GAP + len(literal)) if literal else at + _GAP
            if end < 0:
                return None
            facts[name] = squeezed[at:end]
            at = end + len(literal)
        return facts, at


def find(text: str) -> Iterator[Said]:
    """The sentences of problems and notices in *text*, in the order of their tables."""
    squeezed = squeeze(text)
    told: set[str] = set()
    for pattern in _patterns():
        if pattern.slug not in told:
            found = pattern.find(squeezed)
            if found is not None:
                told.add(pattern.slug)
                facts, end = found
                yield Said(pattern.slug, facts, pattern.is_problem, end)


def advice_after(text: str, end: int) -> str:
    """The lines of a remedy that follow a sentence, which ended there in *text* without blanks.

    They end at a blank line, at the next message, and where the licence's own remedy begins.
    """
    lines, at, found = text.splitlines(), 0, []
    for line in lines:
        if at >= end:
            own = squeeze(line)
            if not own or _MESSAGE.match(line) or own.startswith(_ordering()):
                break
            found.append(printable(line.rstrip()))
        at += len(squeeze(line))
    return textwrap.dedent("\n".join(found[:_MOST_ADVICE]))


@cache
def _ordering() -> tuple[str, ...]:
    """How the remedy begins that follows those of what differs: to order another licence."""
    remedies = [row.remedy for row in PROBLEMS.values() if row.slug == "wrong-host"]
    return tuple(
        squeeze(catalogue.gettext(remedy).partition("{")[0])
        for remedy in remedies
        for catalogue in translations()
    )


def squeeze(text: str) -> str:
    """*text* without blanks."""
    return "".join(text.split())


@cache
def translations() -> tuple[gettext.NullTranslations, ...]:
    """The catalogues of the client: of English, which is what stands in the code, and Chinese."""
    package, path = _CATALOGUE
    with files(package).joinpath(path).open("rb") as stream:
        return gettext.NullTranslations(), gettext.GNUTranslations(stream)


@cache
def _patterns() -> tuple[_Pattern, ...]:
    rows = [(row.slug, row.sentence, True) for row in PROBLEMS.values()]
    rows += [(slug, row.sentence, False) for slug, row in NOTICES.items()]
    found = [
        _pattern(slug, catalogue.gettext(sentence), is_problem)
        for slug, sentence, is_problem in rows
        for catalogue in translations()
    ]
    return tuple(one for one in found if one is not None)


def _pattern(slug: str, template: str, is_problem: bool) -> _Pattern | None:
    literals, names = [""], []
    for literal, name, _, _ in string.Formatter().parse(template):
        literals[-1] += squeeze(literal)
        if name is not None:
            names.append(name)
            literals.append("")
    if not literals[0] and names:  # it begins with a fact, whose beginning nobody knows
        literals, names = literals[1:], names[1:]
    if sum(map(len, literals)) < _LEAST or not literals[0]:
        return None
    return _Pattern(slug, tuple(literals), tuple(names), is_problem)

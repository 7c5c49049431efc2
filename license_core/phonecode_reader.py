"""Reads telephone codes out of a text, and says which groups are wrong (SPEC section 4.5).

It is the vendor's: no client reads one.
"""

from __future__ import annotations

import re

from license_core.phonecode import A_LINE, COUNT, SIZE, fits, opened
from license_core.reason import Reason
from license_core.record import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_SIGNS = COUNT * SIZE
_ALIKE = dict(zip("OoIiLl", "001111"))
_NUMERALS = {
    sign: str(digit)
    for digit, signs in enumerate(
        (
            "\u3007\u96f6\u25cb\u6d1e",
            "\u4e00\u58f9\u5e7a\u5f0c",
            "\u4e8c\u8d30\u4e24\u5169",
            "\u4e09\u53c1",
            "\u56db\u8086",
            "\u4e94\u4f0d",
            "\u516d\u9646",
            "\u4e03\u67d2\u62d0",
            "\u516b\u634c",
            "\u4e5d\u7396\u52fe",
        )
    )
    for sign in signs
}
_OTHER_SIGNS = "OoIiLl" + "".join(_NUMERALS)
_BETWEEN = ' \t\n"_.,;:/()-'
_LETTERS = "[0-9A-Za-z]"
_WORD = rf"(?<!{_LETTERS})[0-9{_OTHER_SIGNS}]+(?!{_LETTERS})"
_MOST_SIGNS = 400
"""Numbers that go on for longer are a table."""
_FEWEST = 48
"""With fewer digits it is no telephone code; groups that are all right are the beginning of one."""
_MOST = 84
_BEGUN = 3
_NAME = (
    r'(?a)[ \t]*(?:[,;][ \t\n]*|\n[ \t]*(?=[^ \t\n]*[0-9"_-]))?'
    r'"?(?P<name>[0-9A-Za-z][0-9A-Za-z._-]{0,199})"?[ \t\n]*'
)


class Code(NamedTuple):
    """A telephone code that is right."""

    key: str
    profile: str
    start: int
    """Where it begins in the text,"""
    end: int
    """and where it ends."""


class Wrong(NamedTuple):
    """Digits that were meant as a telephone code, and are none."""

    groups: tuple[int, ...]
    """Which groups are wrong, from 1; empty: each fits by itself."""
    digits: int
    """How many there are."""
    begun: int = 0
    """Where the last groups are missing: how many there are, and all of them right."""

    @property
    def reason(self) -> Reason:
        """What is wrong, with the groups to ask for again."""
        if self.begun:
            return Reason(
                "groups 1 to {count} of the telephone code are right, and the rest of its {all} "
                "groups is missing",
                count=self.begun,
                all=COUNT,
            )
        if len(self.groups) == 1:
            line, place = divmod(self.groups[0] - 1, A_LINE)
            return Reason(
                "group {group} of the telephone code is wrong (line {line}, group {place})",
                group=self.groups[0],
                line=line + 1,
                place=place + 1,
            )
        if self.groups:
            listed = ", ".join(map(str, self.groups))
            return Reason("groups {groups} of the telephone code are wrong", groups=listed)
        if self.digits == _SIGNS:
            return Reason("each group of the telephone code is right, but they do not fit together")
        return Reason(
            "a telephone code has {right} digits, and this one has {digits}",
            right=_SIGNS,
            digits=self.digits,
        )


class Reading(NamedTuple):
    """What was found in a text."""

    codes: list[Code]
    wrong: Wrong | None
    """What is wrong with the first that was meant as one, where there is none that is right."""


def read(text: str) -> Reading:
    """The codes in *text*, of which ``pasted`` has undone what programs did."""
    codes: list[Code] = []
    wrong: Wrong | None = None
    for run in _runs(text):
        found = _codes_in(run)
        codes += found
        if not found and wrong is None:
            wrong = _judged([_digits(word[0]) for word in run])
    return Reading(codes, None if codes else wrong)


def name_after(rest: str) -> str | None:
    """The hostname that *rest*, all that follows a code, is; None where it is anything else."""
    found = re.fullmatch(_NAME, rest)
    name = found["name"].lower().rstrip(".") if found else "null"
    return None if name == "null" else name


def _digits(word: str) -> str:
    return "".join(_ALIKE.get(sign) or _NUMERALS.get(sign, sign) for sign in word)


def _runs(text: str) -> Iterator[list[re.Match[str]]]:
    """The words of digits that have nothing but signs of a list between them."""
    run: list[re.Match[str]] = []
    for word in re.finditer(_WORD, text):
        if not word[0].strip("OoIiLl"):
            continue
        if run and text[run[-1].end() : word.start()].strip(_BETWEEN):
            yield run
            run = []
        run.append(word)
    if run:
        yield run


def _codes_in(run: list[re.Match[str]]) -> list[Code]:
    """The codes that words of *run* make: some that follow each other, else those of six digits."""
    if sum(len(word[0]) for word in run) > _MOST_SIGNS:
        return []
    sixes = [word for word in run if len(word[0]) == SIZE]
    return _codes_of(run) or _codes_of(sixes)


def _codes_of(words: list[re.Match[str]]) -> list[Code]:
    codes, first = [], 0
    while first < len(words):
        end, digits = first, ""
        while end < len(words) and len(digits) < _SIGNS:
            digits += _digits(words[end][0])
            end += 1
        found = opened(_cut(digits)) if len(digits) == _SIGNS else None
        if found is None:
            first += 1
            continue
        codes.append(Code(*found, words[first].start(), words[end - 1].end()))
        first = end
    return codes


def _cut(digits: str) -> list[str]:
    return [digits[at : at + SIZE] for at in range(0, len(digits), SIZE)]


def _judged(words: list[str]) -> Wrong | None:
    """What is wrong with *words* that make no code; None where nobody meant one by them."""
    sixes = [word for word in words if len(word) == SIZE]
    digits = "".join(words)
    if len(sixes) == COUNT:
        return _compared(sixes, len(digits))
    if _BEGUN <= len(words) < COUNT and all(fits(word, at) for at, word in enumerate(words)):
        return Wrong((), len(digits), len(words))
    if not _FEWEST <= len(digits) <= _MOST or _fitting(digits) < _BEGUN:
        return None
    if len(words) == COUNT:
        return _compared(words, len(digits))
    if len(digits) == _SIGNS:
        return _compared(_cut(digits), len(digits))
    return Wrong(_without_one(digits), len(digits))


def _fitting(digits: str) -> int:
    """How many groups fit, counted from the beginning or from the end: the more of both."""
    first = range(COUNT) if len(digits) >= _SIGNS else range(len(digits) // SIZE)
    last = [(at, len(digits) - (COUNT - at) * SIZE) for at in range(COUNT)]
    return max(
        sum(fits(digits[at * SIZE : (at + 1) * SIZE], at) for at in first),
        sum(fits(digits[start : start + SIZE], at) for at, start in last if start >= 0),
    )


def _compared(parts: list[str], count: int) -> Wrong:
    wrong = tuple(at + 1 for at, part in enumerate(parts) if not fits(part, at))
    return Wrong(wrong, count)


def _without_one(digits: str) -> tuple[int, ...]:
    """The groups that may have other than six digits, where all others are right."""
    found = []
    for at in range(COUNT):
        before, behind = _cut(digits[: at * SIZE]), (COUNT - 1 - at) * SIZE
        after = _cut(digits[len(digits) - behind :]) if behind else []
        if len(digits) >= at * SIZE + behind and all(
            fits(part, place)
            for place, part in zip((*range(at), *range(at + 1, COUNT)), (*before, *after))
        ):
            found.append(at + 1)
    return tuple(found)

"""Reads host key lines out of a text (SPEC section 4.4).

It undoes what people's programs do to text, and would rather find no key than a wrong one: it takes
no digits out of a longer number, and completes none.
"""

from __future__ import annotations

import json
import re

from license_core.checkcode import LETTERS, check_of
from license_core.hostkey import DEFAULT_PROFILE, PROFILES
from license_core.possessive import compiled
from license_core.reason import Reason
from license_core.record import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_DIGITS = 40

# A word of digits. One that a letter, a digit or a hyphen touches is a part of something else, and
# so may be one after an equals sign that is none of a label: of quoted-printable.
_WORD = (
    r"(?<![0-9A-Za-z/%-])(?<![\0-@\[-`{-\x7f]=)(?<!=[0-9a-fA-F]{2}=)(?<!\A=)"
    r"[0-9a-fA-F]{4,}(?![0-9A-Za-z-])"
)
_PIECES = r"[0-9a-fA-F]{1,39}(?:\s+[0-9a-fA-F]{1,39}){1,3}"
_IN_QUOTES = rf'(?:"|[\[:] ?"\s+)(?P<quoted>{_PIECES})(?="|\s+"[,;\])}}])'
_IN_BRACKETS = rf"\[(?P<bracketed>{_PIECES})(?=,[^\[\]]{{0,300}}\])"
_WHITE = " \t\n"
_UNICODE_ESCAPE = r"\\+[uU](?=[0-9a-fA-F]{4})"
_COMMA = "[,;]"
# Possessive and with limits: nothing is looked at twice, however long the text is.
_NAME = (
    rf'(?P<gap>["\s]*+{_COMMA}?+\s*+)'
    r'(?:"++(?P<quoted>[^"]{1,2000}+)"(?=[\s"\\,;()\[\]{}]|\Z)'
    r'|(?P<plain>[^\s",;()\[\]{}]{1,2000}+))'
)
_PLAIN_NAME = "[0-9A-Za-z][0-9A-Za-z._-]*"
_LINE_ENDS = r' *+(?:[\t\n",;()\[\]{}]|\Z)'
_BRACKET_CLOSES = r" *+[\])}]"
_ELEMENT = (
    rf'(?ai)["\s]*+(?:{_COMMA}\s*+"++(?P<quoted>[^"]{{1,80}}+)"|{_COMMA}?+["\s]*+'
    rf"(?P<plain>hk1-(?:host|cluster|site)|check\s++[{LETTERS}]{{6}})(?![0-9A-Za-z_-]))"
)
_CHECK_ALONE = rf"(?ai)\s*+check\s++[{LETTERS}]{{6}}\s*+"

_NAMED = frozenset(PROFILES) - {DEFAULT_PROFILE}
_CONTAINER_NAME = 12
"""Digits that a container's hostname has, where nobody chose one."""
_LONGEST_WORD = 7
_LONGEST_NUMBER = 15
_TELEPHONE_NUMBER = 10
"""The digits that it has at least, and no end of a longer number that was wrapped."""
_MOST_ELEMENTS = 3
_LONGEST_NAME = 200
# Not by the tables of Unicode, of which each version of Python has others (SPEC section 4.4).
_NOT_PRINTED = (
    r"[\0-\x1f\x7f-\xa0\xad\u061c\u1680\u180e\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3000"
    r"\ud800-\uf8ff\ufdd0-\ufdef\ufeff\ufff9-\ufffb\ufffe\uffff\U000e0000-\U0010ffff]"
)
_LETTER_OR_DIGIT = (
    r"[0-9A-Za-z\xc0-\xd6\xd8-\xf6\xf8-\u1fff\u2c00-\u2dff\u2e80-\u2fff\u3040-\ufdff"
    r"\ufe70-\ufeff\U00010000-\U0001efff\U0001fb00-\U0010ffff]"
)

_LONGER = Reason("its 40 digits are next to more digits, so they may be part of a longer number")
_BROKEN = Reason("its 40 digits are in pieces that may not belong together")
_CAPITALS = Reason("40 digits in groups of capitals may be the fingerprint of a PGP key")


class HostLine(NamedTuple):
    """A host key line, as it was read."""

    key: str
    """40 lower-case hexadecimal digits."""
    name: str | None
    """The hostname."""
    profile: str
    check: str | None
    """What stands as its check code; None where there is none."""

    @property
    def fits(self) -> bool:
        """Whether the check code, where there is one, is that of the rest."""
        return self.check in (None, check_of(self.key, self.name, self.profile))


class Reading(NamedTuple):
    """What was found in a text."""

    lines: list[HostLine]
    doubtful: list[str]
    """Keys that may be a part of something longer: none was taken for one."""
    doubt: Reason | None
    """Why digits that could make a key were not taken for one."""


def read(text: str) -> Reading:
    """The lines in *text*, in their order."""
    from license_core.pasted import undamaged

    text = re.sub(f"{_IN_QUOTES}|{_IN_BRACKETS}", _joined, undamaged(text))
    found, doubtful, doubt = [], [], None
    for run in _runs(text):
        whole = [word for word in run if len(word[0]) == _DIGITS]
        refused = _refusal_of_whole(text, run) if whole else _refusal_of_groups(text, run)
        if refused is not None:
            doubt = refused
            doubtful += [word[0].lower() for word in whole]
        elif whole:
            found += [_line(word[0], text, word.end()) for word in whole]
        elif sum(len(word[0]) for word in run) == _DIGITS:
            found.append(_line("".join(word[0] for word in run), text, run[-1].end()))
    return Reading(found, doubtful, doubt)


def _joined(pieces: re.Match[str]) -> str:
    """The pieces of a key in quotes, or in the brackets of its line, as one."""
    written = pieces["quoted"] or pieces["bracketed"]
    digits = "".join(written.split())
    return pieces[0].replace(written, digits) if len(digits) == _DIGITS else pieces[0]


def _runs(text: str) -> Iterator[list[re.Match[str]]]:
    """The words of digits that have nothing but white space between them."""
    run: list[re.Match[str]] = []
    for word in re.finditer(_WORD, text):
        around = text[max(0, word.start() - 1) : word.start()] + text[word.end() : word.end() + 1]
        if len(word[0]) != _DIGITS and not around.isascii():
            continue  # a part of a word in another script, as in 2026年
        if run and text[run[-1].end() : word.start()].strip(_WHITE):
            yield run
            run = []
        run.append(word)
    if run:
        yield run


def _refusal_of_whole(text: str, run: list[re.Match[str]]) -> Reason | None:
    """Why the words of 40 digits in *run* may be a part of something longer."""
    named = None
    for former, word in zip(run, run[1:]):
        gap = text[former.end() : word.start()]
        is_key, was_key = len(word[0]) == _DIGITS, len(former[0]) == _DIGITS
        if was_key and len(word[0]) == _CONTAINER_NAME:
            named = word
            continue
        other = former if is_key else word
        if is_key != was_key and other is not named and not _is_apart(other[0], gap, was_key):
            return _LONGER
    return None


def _is_apart(word: str, gap: str, is_after: bool) -> bool:
    """Whether *word* beside a key is something of its own: a word, a date, a telephone number.

    The digits that 192 bits have more than a key are 8, those of 224 bits 16, of 256 bits 24.
    """
    if word.isdecimal():
        is_short = "\n" not in gap and (not is_after or len(word) <= _LONGEST_WORD)
        return (is_short or len(word) >= _TELEPHONE_NUMBER) and len(word) <= _LONGEST_NUMBER
    return word.isalpha() and len(word) <= _LONGEST_WORD


def _refusal_of_groups(text: str, run: list[re.Match[str]]) -> Reason | None:
    """Why the words in *run*, where they have 40 digits together, are no key in groups."""
    words = [word[0] for word in run]
    digits = "".join(words)
    if len(digits) != _DIGITS:
        return None
    if digits.isupper():
        return _CAPITALS
    *former, last = words
    is_even = len(former) > 1 and all(len(word) == len(words[0]) for word in former)
    if len(last) != len(words[0]):
        is_even = is_even and len(last) < len(words[0]) and not last.isdecimal()
    # A key has digits of both sorts; numbers and words have one.
    is_key = is_even and digits.islower() and not digits.isalpha()
    return None if is_key and _is_evenly_spaced(text, run) else _BROKEN


def _is_evenly_spaced(text: str, run: list[re.Match[str]]) -> bool:
    """Whether the same is between all groups of a line, and as many are on each line."""
    gaps = [text[former.end() : word.start()] for former, word in zip(run, run[1:])]
    lines = [1]
    for gap in gaps:
        if "\n" in gap:
            lines.append(1)
        else:
            lines[-1] += 1
    return len({gap for gap in gaps if "\n" not in gap}) <= 1 and len(set(lines)) == 1


def _line(digits: str, text: str, end: int) -> HostLine:
    """The line of the key that ends in *text* at *end*."""
    while text.startswith("_", end):  # emphasis
        end += 1
    name, at = _name_after(text, end)
    profile, check = DEFAULT_PROFILE, None
    for _ in range(_MOST_ELEMENTS):
        word, at = _element(text, at)
        if word in PROFILES:
            profile = word
        elif word.startswith("check") and word != "check":
            check = word[len("check") :]
    return HostLine(digits.lower(), name, profile, check)


def _element(text: str, at: int) -> tuple[str, int]:
    """The profile, the check or another word in quotes that is next, and where it ends; or none."""
    found = compiled(_ELEMENT).match(text, at)
    if found is None:
        return "", at
    return _lower("".join((found["quoted"] or found["plain"]).split())), found.end()


def _name_after(text: str, end: int) -> tuple[str | None, int]:
    """The name that follows a key, and where what follows the name begins."""
    found = compiled(_NAME).match(text, end)
    if found is None:
        return None, end
    gap, quoted, plain = found["gap"], found["quoted"], found["plain"]
    if not re.search(_COMMA, gap) and gap.count("\n") > 1:
        return None, end
    if quoted is not None:
        is_check = compiled(_CHECK_ALONE).fullmatch(quoted)
        return (None, end) if is_check else (_hostname(quoted), found.end())
    if _lower(plain) == "null":
        return None, found.end()
    is_name = _is_before_element(text, found) or _is_hostname(text, found)
    return (_hostname(plain), found.end()) if is_name else (None, end)


def _is_before_element(text: str, found: re.Match[str]) -> bool:
    word, _ = _element(text, found.end())
    is_one = _lower(found["plain"]) not in ("check", *PROFILES)
    return is_one and (word in _NAMED or (word.startswith("check") and word != "check"))


def _is_hostname(text: str, found: re.Match[str]) -> bool:
    """Whether an unquoted word is a hostname, and no word of a sentence, number or key."""
    plain = found["plain"]
    if not re.fullmatch(_PLAIN_NAME, plain) or not re.search("[A-Za-z]", plain):
        return False
    if not (plain.endswith(".") or compiled(_LINE_ENDS).match(text, found.end())):
        return False
    is_column = "\t" in found["gap"] or compiled(_BRACKET_CLOSES).match(text, found.end())
    return bool(is_column or re.search("[0-9_-]", plain)) and len(plain) != _DIGITS


def _hostname(quoted: str) -> str | None:
    name = re.sub(_UNICODE_ESCAPE, r"\\u", "".join(quoted.split()))
    if "\\" in name:
        try:
            name = str(json.loads(f'"{name}"'))
        except ValueError:
            pass  # no JSON escape: a backslash in a name is a backslash
    return _fold(name)


def _fold(name: str) -> str | None:
    """A hostname as hk1 has it; None for what cannot be one."""
    folded = _lower(name).rstrip(".")[:_LONGEST_NAME]
    is_one = re.search(_LETTER_OR_DIGIT, folded) and not re.search(_NOT_PRINTED, folded)
    return folded if is_one else None


def _lower(text: str) -> str:
    """*text* with A to Z in lower case, and no other letter."""
    return "".join(c.lower() if c.isascii() else c for c in text)

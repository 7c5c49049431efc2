"""The host key line: what ``get_host_key`` prints, written and read (SPEC section 4.4).

Writing it is strict. Reading it undoes what people's programs do to text, and would rather find no
key than a wrong one: it takes no digits out of a longer number, and completes none.
"""

import json
import re
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

from license_core.hostkey import DEFAULT_PROFILE, PROFILES
from license_core.reason import Reason

_DIGITS = 40
_PRIME = 2**24 - 3
_BASE = 1_000_003
_LETTERS = "ghjkmnpqrstvwxyz"
"""Of checks: no digit of a key, no vowel, nothing that is read as another."""
_USUAL_NAME = "[0-9a-z][0-9a-z_-]*"

# A word of digits. One that a letter, a digit or a hyphen touches is a part of something else.
_WORD = r"(?<![0-9A-Za-z/%-])[0-9a-fA-F]{4,}(?![0-9A-Za-z-])"
_QUOTED_PIECES = r'"([0-9a-fA-F]{1,39}(?:\s+[0-9a-fA-F]{1,39}){1,3})(?=")'
_WHITE = " \t\n"
_COMMA = "[,;]"
# Possessive and with limits: nothing is looked at twice, however long the text is.
_NAME = (
    rf'(?P<gap>["\s]*+{_COMMA}?+\s*+)'
    r'(?:"++(?P<quoted>[^"]{1,2000}+)"(?=[\s"\\,;()\[\]{}]|\Z)'
    r"|(?P<plain>[0-9A-Za-z][0-9A-Za-z._-]{0,1999}+))"
)
_NAME_ENDS = r'(?i) *+(?:[\t\n",;()\[\]{}]|\Z|(?<= )check )'
_BRACKET_CLOSES = r" *+[\])}]"
_ELEMENT = rf'["\s]*+{_COMMA}\s*+"++([^"]{{1,80}}+)"'
_CHECK = rf'(?i)["\s]*+{_COMMA}?+["\s]*+check\s++([{_LETTERS}]{{6}})(?![0-9A-Za-z])'
_CHECK_ALONE = rf"(?i)\s*+check\s++[{_LETTERS}]{{6}}\s*+"

_CONTAINER_NAME = 12
"""Digits that a container's hostname has, where nobody chose one."""
_LONGEST_WORD = 7
_LONGEST_NUMBER = 15
_SHORTEST_ON_A_LINE = 10
"""Digits of a telephone number: a shorter one on the next line may be the end of a longer one."""
_MOST_ELEMENTS = 3
_LONGEST_NAME = 200

_LONGER = Reason(
    "40 hexadecimal digits are there, but beside more digits, as a part of a longer number would be"
)
_BROKEN = Reason("40 hexadecimal digits are there, but in pieces that may not belong together")
_CAPITALS = Reason("40 hexadecimal digits in groups, in capitals, are the fingerprint of a PGP key")


class HostLine(NamedTuple):
    """A host key line, as it was read."""

    key: str
    """40 lower-case hexadecimal digits."""
    name: str | None
    """The hostname."""
    profile: str
    check: str | None
    """What stands as its check; None where there is none."""

    @property
    def fits(self) -> bool:
        """Whether the check, where there is one, is that of the rest."""
        return self.check in (None, check_of(self.key, self.name, self.profile))


class Reading(NamedTuple):
    """What was found in a text."""

    lines: list[HostLine]
    doubtful: list[str]
    """Keys that may be a part of something longer: none was taken for one."""
    doubt: Reason | None
    """Why digits that could make a key were not taken for one."""


def write(
    key: str, name: str | None, profile: str = DEFAULT_PROFILE, *, check: bool = False
) -> str:
    """A JSON array of key and hostname, in ASCII, with a profile other than ``hk1``.

    Who does not know the profile or the *check* passes it over.
    """
    more = [profile] if profile != DEFAULT_PROFILE else []
    if check:
        more.append(check_element(key, name, profile))
    return json.dumps([key, name, *more])


def check_element(key: str, name: str | None, profile: str) -> str:
    """What ``get_host_key --check`` adds to the line."""
    covered = name
    if name is not None and not re.fullmatch(_USUAL_NAME, name):
        covered = read(write(key, name, profile)).lines[0].name  # what is left of an odd name
    return f"check {check_of(key, covered, profile)}"


def check_of(key: str, name: str | None, profile: str) -> str:
    """The six letters that tell one wrong character, or two that were swapped.

    A polynomial over the code points, modulo a prime that is greater than each (SPEC 4.4).
    """
    sum_ = 0
    for character in f"{key}\n{name or ''}\n{profile}":
        sum_ = (sum_ * _BASE + ord(character)) % _PRIME
    return "".join(_LETTERS[sum_ >> bits & 15] for bits in range(20, -1, -4))


def read(text: str) -> Reading:
    """The lines in *text*, in their order."""
    from license_core.pasted import undamaged

    text = re.sub(_QUOTED_PIECES, _joined, undamaged(text))
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
    """The pieces of a key in quotes as one."""
    digits = "".join(pieces[1].split())
    return f'"{digits}' if len(digits) == _DIGITS else pieces[0]


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
    for former, word in pairwise(run):
        gap = text[former.end() : word.start()]
        sizes = len(former[0]), len(word[0])
        if sizes[0] != _DIGITS == sizes[1] and not _is_apart(former[0], gap):
            return _LONGER
        is_name = sizes[1] == _CONTAINER_NAME
        if sizes[1] != _DIGITS == sizes[0] and not (is_name or _is_apart(word[0], gap)):
            return _LONGER
    return None


def _is_apart(word: str, gap: str) -> bool:
    """Whether *word* is something of its own: a word of a language, or a number of people.

    A year or a date may stand beside a key, and on another line a telephone number.
    """
    if word.isdecimal():
        shortest = _SHORTEST_ON_A_LINE if "\n" in gap else 0
        return shortest <= len(word) <= _LONGEST_NUMBER
    return word.isalpha() and len(word) <= _LONGEST_WORD


def _refusal_of_groups(text: str, run: list[re.Match[str]]) -> Reason | None:
    """Why the words in *run*, where they have 40 digits together, are no key in groups."""
    words = [word[0] for word in run]
    digits = "".join(words)
    if len(digits) != _DIGITS:
        return None
    *former, last = words
    is_even = all(len(word) == len(words[0]) for word in former)
    if len(last) != len(words[0]):
        is_even = is_even and len(last) < len(words[0]) and len(former) > 1 and not last.isdecimal()
    if not is_even or not _is_evenly_spaced(text, run) or digits.isdecimal() or digits.isalpha():
        return _BROKEN
    return None if digits.islower() else _CAPITALS


def _is_evenly_spaced(text: str, run: list[re.Match[str]]) -> bool:
    """Whether the same is between all groups of a line, and as many are on each line."""
    gaps = [text[former.end() : word.start()] for former, word in pairwise(run)]
    lines = [1]
    for gap in gaps:
        if "\n" in gap:
            lines.append(1)
        else:
            lines[-1] += 1
    return len({gap for gap in gaps if "\n" not in gap}) <= 1 and len(set(lines)) == 1


def _line(digits: str, text: str, end: int) -> HostLine:
    """The line of the key that ends in *text* at *end*."""
    name, at = _name_after(text, end)
    profile, check = DEFAULT_PROFILE, None
    for _ in range(_MOST_ELEMENTS):
        element = re.compile(_ELEMENT).match(text, at)
        if element is None:
            break
        at, word = element.end(), "".join(element[1].split()).lower()
        if word in PROFILES:
            profile = word
        elif word.startswith("check"):
            check = word[len("check") :]
    alone = re.compile(_CHECK).match(text, at)
    if alone is not None:
        check = alone[1].lower()
    return HostLine(digits.lower(), name, profile, check)


def _name_after(text: str, end: int) -> tuple[str | None, int]:
    """The name that follows a key, and where what follows the name begins."""
    found = re.compile(_NAME).match(text, end)
    if found is None:
        return None, end
    gap, quoted, plain = found.groups()
    if not re.search(_COMMA, gap) and gap.count("\n") > 1:
        return None, end
    if quoted is not None:
        is_check = re.fullmatch(_CHECK_ALONE, quoted)
        return (None, end) if is_check else (_hostname(quoted), found.end())
    if plain.lower() == "null":
        return None, found.end()
    if not (plain.endswith(".") or re.compile(_NAME_ENDS).match(text, found.end())):
        return None, end  # a word of a sentence
    is_marked = "\t" in gap or re.compile(_BRACKET_CLOSES).match(text, found.end())
    return (_fold(plain), found.end()) if is_marked or _is_no_word(plain) else (None, end)


def _is_no_word(plain: str) -> bool:
    """Whether *plain* looks like a hostname, and neither like a word nor like a number or key."""
    has_letter = re.search("[A-Za-z]", plain)
    return bool(has_letter and re.search("[0-9_-]", plain) and len(plain) != _DIGITS)


def _hostname(quoted: str) -> str | None:
    name = "".join(quoted.split())
    if "\\" in name:
        try:
            name = str(json.loads(f'"{name}"'))
        except ValueError:
            pass  # no JSON escape: a backslash in a name is a backslash
    return _fold(name)


def _fold(name: str) -> str | None:
    """A hostname as hk1 has it; None for what cannot be one."""
    folded = "".join(c.lower() if c.isascii() else c for c in name).rstrip(".")[:_LONGEST_NAME]
    return folded if folded.isprintable() and any(map(str.isalnum, folded)) else None

"""What mail, chat and editors do to the characters and lines of a text, and how it is undone.

It is more than SPEC section 4.3 asks of every reader, for texts that could not be read as that
section says. Each step has a definite sign and undoes all that has it. None makes up a character:
one that stands for another by Unicode's own table becomes that one, and what neither is in a token
nor stands for a character of one goes away.
"""

from __future__ import annotations

import re
from itertools import islice
from unicodedata import category, decomposition, normalize

from license_core import armor, terminal, tokens
from license_core.kept import lru_cache
from license_core.possessive import compiled
from license_core.reason import Reason
from license_core.record import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_INVISIBLE = (
    r"[\0\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e"
    r"\u2060-\u206f\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffc\U000e0000-\U000e0fff]"
)
_BREAKS = r"\r\n?|[\x0b\x0c\x85\u2028\u2029]"
MARK = r">|:#*%+;/!$\u00b7\u00bb\u203a\u2022\u2023\u2502\u2503\u258c\u25aa\u25cb\u25cf\u25e6\uff1e"
"""What a program may put before a line, for a set of characters."""

_HYPHENS = r"[\u2010-\u2012\u2212]"
_DASHES = r"[\u2013-\u2015]"
_EN, _EM = r"\u2013", r"[\u2014\u2015]"
_HYPHENS_OF_EN_AND_EM = ((1, 1), (1, 2), (2, 2), (2, 3), (2, 1), (1, 3))
"""How many hyphens they stand for: a program has one rule for all of a text."""
_ESCAPED_DASH = r"(?m)^- (?=-)"  # RFC 9580 section 7.2
_DOTS = r"\.{2,}"  # RFC 5321 section 4.5.2
_FOREIGN = r"[^A-Za-z0-9_.-]+"
# All that is looked for: of tokens and markers, of what hides them and of what stands before them.
_SIGNS = rf"\x00-\x7f\s\u2408\u241b{MARK}{_HYPHENS[1:-1]}{_DASHES[1:-1]}{_INVISIBLE[1:-1]}"
_LETTER = r"[A-Za-z0-9_]"
_BEHIND_A_LETTER = rf"{_LETTER}([^\x00-\x7f])"

_PART = r"[A-Za-z0-9_.\u2013-\u2015-]"
_LONGEST_AFFIX = 120
_LONGEST_LINE = 1000
_MOST_STARTS = 8
_LEAST_LINES = 3
# BEGIN and END lines, whatever became of their dashes, blanks and letters.
_MARKER = r"(?i)(BEGIN|END)[_-]{0,9}LICENSE[_-]{0,9}(KEYSET|ROOTS|REVOCATIONS|REQUEST)?"
_LEAST_BODY = 100
"""A block has more characters between its markers than words about markers have."""

_PIECE = 256
INVISIBLE = Reason("invisible characters were put into it")
TYPOGRAPHIC = Reason("plain characters were replaced with typographic ones")
FRAMED = Reason("something was put before or after each of its lines")
_REARRANGED = Reason("its lines were changed, or it stands there more than once")


class Mended(NamedTuple):
    """The tokens of a text, and what had been done to it."""

    blocks: tokens.Blocks
    what: Reason


def mend(text: str) -> Mended | None:
    """The sound tokens that *text* shows once its characters and lines are put right, each once.

    None where it shows none, one that begins is not sound, a block has none, or its dashes can be
    read in two ways.
    """
    cleaned = clean(text)
    plainly = plain(cleaned)
    blocks = _only(plainly, plainly)
    if blocks is not None:
        return Mended(blocks, _what(text, cleaned, plainly))
    unframed = _without_affixes(plainly)
    blocks = None if unframed == plainly else _only(unframed, plainly)
    return None if blocks is None else Mended(blocks, FRAMED)


def clean(text: str) -> str:
    """*text* without colours and what no reader sees, and LF for each line break."""
    # Nor is a token left behind that a colour or link holds.
    holds_one = any(tokens.begins(one[0]) for one in re.finditer(terminal.COLOURS, text))
    text = terminal.overstruck(text) if holds_one else terminal.shown(text)
    return re.sub(_BREAKS, "\n", re.sub(_INVISIBLE, "", text))


def plain(text: str) -> str:
    """*text* with what Unicode says for full-width forms, ligatures and the like (NFKC).

    Only where that could be of a file: words for people stay. A letter with a mark is another one.
    """
    if text.isascii():
        return text
    text = "".join(map(_plain, _pieces(text)))
    marks = (one for one in set(re.findall(_BEHIND_A_LETTER, text)) if category(one) == "Mn")
    among = "".join(marks)
    return re.sub(f"{_LETTER}[{among}]", "\ufffd", text) if among else text


def signs(text: str) -> str:
    """*text* as far as a file could have it, or hide in it: any other character is U+FFFD."""
    return "".join(map(_signs, _pieces(text)))


def _pieces(text: str) -> Iterator[str]:
    """*text* in pieces: a long run of combining marks would take the square of its time."""
    return (text[at : at + _PIECE] for at in range(0, len(text), _PIECE))


def _is_plain(piece: str) -> bool:
    """Whether nothing in it stands for something else: of nearly all, and quickly told."""
    return normalize("NFKC", piece) == piece


def _plain(piece: str) -> str:
    return piece if _is_plain(piece) else "".join(map(compatible, piece))


def _signs(piece: str) -> str:
    def otherwise(one: re.Match[str]) -> str:
        return one[0] if _stands_for_a_sign(one[0]) else "\ufffd"

    return re.sub(f"[^{_SIGNS}]", "\ufffd" if _is_plain(piece) else otherwise, piece)


def compatible(one: str) -> str:
    """What Unicode says for a character, where that could be of a file; else the character."""
    return normalize("NFKC", one) if _stands_for_a_sign(one) else one


@lru_cache(maxsize=4096)
def _stands_for_a_sign(one: str) -> bool:
    return decomposition(one) != "" and re.search(f"[{_SIGNS}]", normalize("NFKC", one)) is not None


def _what(text: str, cleaned: str, plainly: str) -> Reason:
    if re.search(rf"{_INVISIBLE}|{terminal.COLOURS}", text):
        return INVISIBLE
    if not plainly.isascii() or plainly != cleaned:
        return TYPOGRAPHIC
    return _REARRANGED


def _only(text: str, marked: str) -> tokens.Blocks | None:
    """The tokens of *text*; *marked* still has its markers. None unless it allows one reading."""
    if not tokens.begins(text):
        return None
    found: dict[str, tokens.Blocks] = {}
    least = _counted(marked)
    for reading in _readings(re.sub(_ESCAPED_DASH, "", text)):
        blocks = tokens.scan(re.sub(_DOTS, ".", re.sub(_FOREIGN, " ", reading)))
        if blocks and all(len(blocks.get(label, ())) >= n for label, n in least.items()):
            once = {label: list(dict.fromkeys(of_label)) for label, of_label in blocks.items()}
            found[repr(once)] = once
    return next(iter(found.values())) if len(found) == 1 else None


def _readings(text: str) -> Iterator[str]:
    """*text* with hyphens for dashes, in each way that they can be meant."""
    text = re.sub(_HYPHENS, "-", text)
    if not re.search(_DASHES, text):
        yield text
        return
    for en, em in _HYPHENS_OF_EN_AND_EM:
        yield re.sub(_EM, "-" * em, re.sub(_EN, "-" * en, text))


def _counted(text: str) -> dict[str, int]:
    """How many blocks of each label *text* has: as SPEC reads it, or by its BEGIN or END lines."""
    try:
        blocks = armor.find_blocks(text)
    except armor.ArmorError:
        blocks = {}
    counts = {label: len(found) for label, found in blocks.items() if label in tokens.KNOWN}
    for label, of_label in _marked(re.sub(_FOREIGN, "", text)).items():
        counts[label] = max(counts.get(label, 0), *of_label.values())
    return counts


def _marked(text: str) -> dict[str, dict[str, int]]:
    """By label, how many blocks there are by their BEGIN lines and by their END lines."""
    markers = list(re.finditer(_MARKER, text))
    begins = [0, *(marker.end() for marker in markers)]
    ends = [*(marker.start() for marker in markers), len(text)]
    counts: dict[str, dict[str, int]] = {}
    for n, marker in enumerate(markers):
        word = marker[1].upper()
        body = ends[n + 1] - marker.end() if word == "BEGIN" else marker.start() - begins[n]
        if body >= _LEAST_BODY:
            label = " ".join(filter(None, (armor.LICENSE, (marker[2] or "").upper())))
            of_label = counts.setdefault(label, {})
            of_label[word] = of_label.get(word, 0) + 1
    return counts


def _without_affixes(text: str) -> str:
    """*text* without what stands before and after each line of a token: numbers, names, times."""
    affixes: dict[str, None] = {}
    for start in islice(re.finditer(tokens.STARTS, text), _MOST_STARTS):
        at = start.start()
        before = text[max(0, at - _LONGEST_AFFIX - 1) : at].rpartition("\n")[2]
        line, ended, _ = text[at : at + _LONGEST_LINE].partition("\n")
        after = compiled(rf"^{_PART}+").sub("", line) if ended else ""
        if _is_affix(before):
            affixes[rf"(?m)^[^\S\n]*+{_shape(before.lstrip())}"] = None
        if _is_affix(after):
            affixes[rf"(?m){_shape(after.rstrip())}[^\S\n]*+$"] = None
    for affix in affixes:
        undone, count = compiled(affix).subn("", text)
        if count >= _LEAST_LINES:
            text = undone
    return text


def _is_affix(text: str) -> bool:
    """Whether *text* has characters that could be taken for those of a token."""
    return len(text) <= _LONGEST_AFFIX and re.search(_PART, text) is not None


def _shape(text: str) -> str:
    """A pattern for *text* with any numbers and any blanks in place of its own."""
    # From the first of its kind on and possessive: nothing is looked at twice.
    kinds = {"digits": r"\d++", "blanks": r"(?<![^\S\n])[^\S\n]++"}
    return re.sub(
        r"(?P<digits>\d+)|(?P<blanks>[^\S\n]+)|[^\d\s]+",
        lambda piece: kinds.get(piece.lastgroup or "") or re.escape(piece[0]),
        text,
    )

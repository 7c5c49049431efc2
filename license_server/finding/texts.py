"""Texts as they are looked for: without case, accents, signs or spaces, by any part of them.

A text is found by the beginning of one of its tails. In what people type whole or in part (a
hostname, a mail address, the number of a contract) each character begins one; in a long text each
word does, after its first characters. So a search reads one range of one index, however short the
part is, in any script, and in either database.
"""

import hashlib
import unicodedata
from collections.abc import Iterator
from enum import IntEnum

LONGEST = 32
"""The characters of a tail; what is typed beyond them is looked for in the whole text."""
EACH = 200
"""So many characters of a text begin a tail each; after them, each word does."""
_UNSPACED = (
    *(("\u2e80", "\u2fdf"), ("\u3040", "\u30ff"), ("\u3400", "\u9fff"), ("\uac00", "\ud7af")),
    *(("\uf900", "\ufaff"), ("\U00020000", "\U0003ffff")),
)
"""Scripts without spaces: each character begins a word."""


class Kind(IntEnum):
    """What a text is found for. The numbers are in the database."""

    LICENCE = 1
    """Its hostname and contract, the notes on it, the reasons of what was done to it."""
    CUSTOMER = 2
    """Its name, and those that it had."""
    CONTACT = 3
    """Of a customer: the contact, the mail address, the tags, the notes."""
    PRODUCT = 4
    PROPOSAL = 5
    """Its reasons, and whom it is for."""
    REQUEST = 6
    """Who sent it, for whom, its subject, its host, and the licence that answers it."""
    CONVERSATION = 7
    """What was written about a request, until it is forgotten."""


def fold(text: str) -> str:
    """*text* as it is looked for; empty where there is no letter and no digit in it."""
    return "".join(filter(str.isalnum, _plain(text)))


def stands_folded(folded: str) -> bool:
    """Whether each text with *folded* in it, as it stands there, has it once it is folded, too.

    Characters beyond ASCII may become one with those beside them, as the parts of a syllable in
    Korean do.
    """
    return folded.isascii()


def id_of(kind: Kind, folded: str) -> int:
    """The id of a folded text: 64 bits of its SHA-256, so that nobody need ask for it."""
    digest = hashlib.sha256(f"{kind:d} {folded}".encode()).digest()
    return int.from_bytes(digest[:8], "big", signed=True)


def tails(text: str, folded: str, each: int = EACH) -> set[str]:
    """The tails of a text, which is *folded* so.

    The first *each* characters begin one; after them, each word does.
    """
    starts = range(len(folded)) if len(folded) <= each else _starts(_plain(text), each)
    return {folded[start : start + LONGEST] for start in starts}


def each_of(kind: Kind) -> int:
    """So many characters of a text of this *kind* begin a tail: none of what people wrote."""
    return 0 if kind is Kind.CONVERSATION else EACH


def _starts(plain: str, each: int) -> Iterator[int]:
    """Where in a long text, when it is folded, tails begin."""
    place, former = 0, " "
    for char in plain:
        if char.isalnum():
            if place < each or not former.isalnum() or _apart(former, char):
                yield place
            place += 1
        former = char


def _apart(former: str, char: str) -> bool:
    """Whether a word may begin between two characters that are no signs."""
    unspaced = any(first <= char <= last for first, last in _UNSPACED)
    return unspaced or former.isdigit() != char.isdigit()


def _plain(text: str) -> str:
    """*text* without case, width and accents."""
    if text.isascii():
        return text.lower()
    apart = unicodedata.normalize("NFKD", text).casefold()
    kept = "".join(char for char in apart if unicodedata.category(char) != "Mn")
    return unicodedata.normalize("NFKC", kept)

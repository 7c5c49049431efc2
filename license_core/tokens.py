"""Tokens by their own form, without BEGIN and END lines, and whether one is sound.

A token says itself where it begins and ends: its header has one spelling (SPEC section 5.1), its
signature 86 characters; a request has a checksum. So a text whose markers or lines were changed
still shows whether what it carries is whole. No key is needed, and none is asked: whether a
signature holds is for the check.
"""

from __future__ import annotations

import re

from license_core import armor, b64url, jws, strictjson, terminal
from license_core.possessive import compiled
from license_core.sha256 import sha256

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    Blocks = dict[str, list[str]]

_LABELS = {
    jws.LICENSE: armor.LICENSE,
    jws.KEYSET: armor.KEYSET,
    jws.ROOTS: armor.ROOTS,
    jws.REVOCATIONS: armor.REVOCATIONS,
}
_TYPES = {label: typ for typ, label in _LABELS.items()}
KNOWN = frozenset({*_TYPES, armor.REQUEST})
"""The labels of tokens."""
_HEADER = rb'\{"alg":"Ed25519","kid":"[A-Za-z0-9_-]{43}","typ":"([a-z+-]{1,40})"\}'
_SIGNED_START = b64url.encode(b'{"alg":"Ed25519","kid":"')
_SIGNED_BYTES = _SIGNED_START.encode("ascii")
_FOREIGN = bytes(one for one in range(256) if not chr(one).isalnum() or one > 127)
# Its last bits belong to a character of the key.
_REQUEST_START = b64url.encode(b'{"ver":1,"key":"')[:-1]
_STARTS = (_SIGNED_START.encode("ascii"), _REQUEST_START.encode("ascii"))
STARTS = rf"{_SIGNED_START}|{_REQUEST_START}"
"""How a token begins: the same for all keys and all hosts."""
_PART = r"(?: ?[A-Za-z0-9_-])"


def _spaced(text: str) -> str:
    """A pattern for *text*, wherever a line of it was broken."""
    return " ?".join(text)


_BROKEN_STARTS = rf"{_spaced(_SIGNED_START)}|{_spaced(_REQUEST_START)}"
# A header has at most 77 bytes more than its type. What follows a start is looked at once.
_TOKEN = (
    rf"(?:(?P<signed>{_spaced(_SIGNED_START)}{_PART}{{60,140}}+ ?\.{_PART}++ ?\.{_PART}{{86}})"
    rf"|{_spaced(_REQUEST_START)}{_PART}++ ?\.{_PART}{{8}})(?![A-Za-z0-9_])"
)
_CHECK_CHARACTERS = 8


def is_sound(label: str, token: str) -> bool:
    """Whether *token* is whole, as far as its form tells: it can be what a writer wrote.

    One under a label that is not known is not looked at.
    """
    if label == armor.REQUEST:
        return _is_request(token)
    if label not in _TYPES:
        return True
    return _type(token) == _TYPES[label]


def are_sound(blocks: Mapping[str, list[str]]) -> bool:
    """Whether all tokens are sound, in one of their readings, and at most one licence and list."""
    alone = (blocks.get(label, ()) for label in (armor.LICENSE, armor.REVOCATIONS))
    return all(len(found) <= 1 for found in alone) and all(
        any(is_sound(label, reading) for reading in armor.readings(token))
        for label, tokens in blocks.items()
        for token in tokens
    )


def in_armor(data: bytes) -> Blocks | None:
    """The blocks in *data*, as SPEC section 4.3 reads it; None where it has none, or damaged ones.

    None, too, where a token begins outside of its blocks.
    """
    try:
        blocks = armor.unwrap(data)
    except armor.ArmorError:
        return None
    if not blocks or not are_sound(blocks):
        return None
    signed = sum(len(of_label) for label, of_label in blocks.items() if label in _TYPES)
    return blocks if _begun(data) <= signed else None


def license_in(data: bytes) -> str | None:
    """The token of the licence that *data* has; None where it has none, or is damaged."""
    for token in (in_armor(data) or {}).get(armor.LICENSE, ()):
        return next(one for one in armor.readings(token) if is_sound(armor.LICENSE, one))
    return None


def is_hidden(data: bytes) -> bool:
    """Whether a token of a known type stands under another label, or outside of all blocks."""
    try:
        blocks = armor.unwrap(data)
    except armor.ArmorError:
        return False
    strange = (of for label, of in blocks.items() if label not in (*_TYPES, armor.REQUEST))
    if any(_type(token) in _LABELS for of_label in strange for token in of_label):
        return True
    return bool(blocks) and _begun(data) > sum(map(len, blocks.values()))


def begins(text: str) -> bool:
    """Whether a token begins anywhere in *text*, whatever stands between its characters."""
    return any(start in _letters(text) for start in _STARTS)


def beginnings(text: str) -> tuple[int, int]:
    """How many tokens begin in *text*, and how many BEGIN lines it shows."""
    letters = _letters(text)
    return sum(map(letters.count, _STARTS)), letters.upper().count(b"BEGINLICENSE")


def _letters(text: str) -> bytes:
    return text.encode("ascii", "ignore").translate(None, _FOREIGN)


def _begun(data: bytes) -> int:
    """How many signed tokens begin in *data*, whatever stands between their characters.

    As it is, or as a terminal shows it, where each of them may have a colour or be struck twice.
    """
    shown = terminal.shown(data.decode("utf-8", "replace").replace("\0", ""))
    return max(
        data.translate(None, _FOREIGN).count(_SIGNED_BYTES), _letters(shown).count(_SIGNED_BYTES)
    )


def scan(text: str) -> Blocks | None:
    """The tokens in *text*, which has nothing but their characters, words around them and blanks.

    A blank may stand before each character: there a line was broken, or something else stood. The
    tokens are in their order, and as often as they stand there; those of an unknown type are passed
    over, as are blocks of an unknown label. None where there is none, or one that begins is not
    sound.
    """
    found: Blocks = {}
    whole = compiled(_TOKEN)
    end = 0
    for start in re.finditer(_BROKEN_STARTS, text):
        token = whole.match(text, start.start())
        label = None if token is None or start.start() < end else _label(token)
        if token is None or label is None:
            return None  # so nothing is looked at twice
        end = token.end()
        if label:
            found.setdefault(label, []).append(token[0].replace(" ", ""))
    return found or None


def _label(token: re.Match[str]) -> str | None:
    """The label of a token; empty: of one that is not known; None: it is not sound."""
    text = token[0].replace(" ", "")
    if token["signed"] is None:
        return armor.REQUEST if _is_request(text) else None
    typ = _type(text)
    return None if typ is None else _LABELS.get(typ, "")


def _type(token: str) -> str | None:
    """The type of a signed token; None where it is not sound."""
    header, _, rest = token.partition(".")
    payload, dot, signature = rest.partition(".")
    if not dot or len(signature) != jws.SIGNATURE_CHARACTERS:
        return None
    try:
        found = re.fullmatch(_HEADER, b64url.decode(header))
        b64url.decode(signature)
        if found is None or not isinstance(strictjson.loads(b64url.decode(payload)), dict):
            return None
    except ValueError:
        return None
    return found[1].decode("ascii")


def _is_request(token: str) -> bool:
    body, _, check = token.partition(".")
    try:
        payload = b64url.decode(body)
    except ValueError:
        return False
    return check == b64url.encode(sha256(payload))[:_CHECK_CHARACTERS]

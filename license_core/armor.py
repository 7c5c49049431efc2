"""Armour: tokens as text that survives mail (SPEC section 4).

``unwrap`` takes the bytes of a file, finds its blocks and undoes what mail, chat and editors do to
text: line breaks of any kind, byte order marks, UTF-16, quoting, indentation, rewrapping, blank
lines, odd spaces, smart dashes, leftovers of quoted-printable. That tolerance is safe, since the
token that comes out is verified byte for byte.
"""

from __future__ import annotations

from license_core.kept import lru_cache
from license_core.reason import Reason

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

LICENSE = "LICENSE"
KEYSET = "LICENSE KEYSET"
ROOTS = "LICENSE ROOTS"
REVOCATIONS = "LICENSE REVOCATIONS"
REQUEST = "LICENSE REQUEST"
RETURN = "LICENSE RETURN"

_DASHES_OF_MARKERS = b"-----"
_MARKERS = {
    f"BEGIN {label}".encode(): (label, f"END {label}".encode())
    for label in (LICENSE, KEYSET, ROOTS, REVOCATIONS, REQUEST, RETURN)
}
_NO_MARKER = ("", b"")
_MOST_PARTS = 4 * 64
"""Between markers, of files that are read the shorter way: more is no file of ours."""
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
"""How a text in UTF-16 may begin."""

COLUMNS = 64
MAX_FILE = 64 * 1024
"""The most bytes that a file with a licence may have (SPEC section 4.1)."""
MAX_MENDED = 1024 * 1024
"""The most bytes of a file that is mended (SPEC section 4.3); a longer one is no mail."""

# Compiled when a file needs them: most are as `wrap` wrote them.
_DASH = "-\u2010-\u2015\u2212\ufe58\ufe63\uff0d"
_DASHES = frozenset("-\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe58\ufe63\uff0d")
# At most five dashes belong to an END line, so that a signature which ends in one keeps it.
_MOST_DASHES = 5
# A marker from its word on. Those before it are found from there: a text may be nothing but dashes.
_MARKER = rf"(BEGIN|END)\s+(LICENSE(?:\s+[A-Z]+)?)\s*[{_DASH}]{{1,{_MOST_DASHES}}}"
_WHITE = "\n \r\t\v\f\x1c\x1d\x1e\x1f\x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000"
_WHITE += "".join(map(chr, range(0x2000, 0x200B)))
"""White space of SPEC section 4.3, the most frequent first."""
_TOKEN = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_."
SOFT_BREAK = r"=[ \t]*(?:\r\n?|\n)"
"""Of quoted-printable (RFC 2045 section 6.7)."""
# Possessive: to go back over a run of 1 MiB would take 40 MiB of memory.
_ESCAPES = r"(?:=[0-9A-Fa-f]{2})++"
_QUOTE_MARK = r"[>|]"
_INVISIBLE = r"[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\0]"
_SINGLE_DASH = r"[\u2010-\u2013\u2212\ufe58\ufe63\uff0d]"
_LONG_DASH = r"[\u2014\u2015]"


class ArmorError(ValueError):
    """A block is there, but not whole."""


def is_mail(data: bytes) -> bool:
    """Whether *data* says how parts of it are encoded, as a mail does (RFC 2045 section 6)."""
    return b"content-transfer-encoding:" in data.lower()


def wrap(label: str, token: str) -> str:
    """The block of *token* under *label*: its ``lines``."""
    return "\n".join((*lines(label, token), ""))


def lines(label: str, token: str) -> Iterator[str]:
    """The lines of a block: BEGIN, 64 columns of *token* a line, END.

    No line begins with a dot, which SMTP doubles (RFC 5321 section 4.5.2): the one before it ends a
    character early.
    """
    yield f"-----BEGIN {label}-----"
    start = 0
    while start < len(token):
        end = start + COLUMNS
        end -= token.startswith(".", end)
        yield token[start:end]
        start = end
    yield f"-----END {label}-----"


def unwrap(data: bytes) -> dict[str, list[str]]:
    """The tokens in *data* by label, in the order in which they stand.

    A token is free of white space, but not yet known to be one. Where a long dash may stand for
    one hyphen or for two, see ``readings``. Raises ArmorError for a block that is cut off.
    """
    blocks = _untouched(data)
    return undo_mail(data) if blocks is None else blocks


def unwrap_pasted(text: str) -> dict[str, list[str]]:
    """The tokens in a *text* that was pasted, as ``unwrap`` finds those of a file."""
    return _mended(text, is_mail=True)


def is_as_issued(data: bytes) -> bool:
    """Whether *data* is a title and blocks as ``wrap`` wrote them, with nothing to undo."""
    return _untouched(data) is not None


def undo_mail(data: bytes) -> dict[str, list[str]]:
    """As ``unwrap``, which takes a shorter way where there is nothing to undo: all of SPEC 4.3."""
    return _mended(_decode(data), is_mail=len(data) <= MAX_MENDED)


def _mended(text: str, *, is_mail: bool) -> dict[str, list[str]]:
    """Steps 2 to 5 of SPEC section 4.3."""
    if not is_mail:
        return find_blocks(text)
    try:
        blocks = find_blocks(text)
    except ArmorError:
        blocks = {}
    if blocks and _are_tokens(blocks):
        return blocks
    return find_blocks(_mend(text))


def readings(token: str) -> tuple[str, ...]:
    """What *token* may have been: a long dash stands for one hyphen, or for two."""
    if token.isascii():
        return (token,)
    import re

    return (re.sub(_LONG_DASH, "-", token), re.sub(_LONG_DASH, "--", token))


def _untouched(data: bytes) -> dict[str, list[str]] | None:
    """The blocks of a file as it was issued: a title, then what ``wrap`` wrote; None for any other.

    The common case, at a fraction of the cost: nothing to mend in the blocks, nothing between or
    after them, and nothing before them that could be a marker which was damaged, or that makes
    the file another encoding's.
    """
    parts = data.split(_DASHES_OF_MARKERS, _MOST_PARTS)
    title = parts[0]
    # Not `in`, which takes bytes for a number first, and makes an error of that.
    if (
        len(parts) % 4 != 1
        or title.find(b"BEGIN") >= 0
        or title.find(b"END") >= 0
        or title.find(b"\0") >= 0
        or title.startswith(_UTF_16)
    ):
        return None
    blocks: dict[str, list[str]] = {}
    for at in range(1, len(parts), 4):
        begin, body, end, between = parts[at : at + 4]
        label, ends = _MARKERS.get(begin, _NO_MARKER)
        if end != ends or not label or between != b"\n":
            return None
        vouches = (label is KEYSET or label is ROOTS) and len(body) <= MAX_FILE
        token = _joined_before(body) if vouches else _joined(body)
        if token is None:
            return None
        if label in blocks:
            blocks[label].append(token)
        else:
            blocks[label] = [token]
    return blocks or None


def _joined(body: bytes) -> str | None:
    """The token in the lines of *body*, with the line ends around it.

    None where something else stands there, or may: a marker that is spelled over line ends.
    """
    if body[:1] != b"\n" or body[-1:] != b"\n" or len(body) < 2 or body.find(b"\nLICENSE") >= 0:
        return None
    token = body.replace(b"\n", b"")
    return None if token.translate(None, _TOKEN) else token.decode("ascii")


# One keyset, and the roots before it, come with all of a vendor's licences.
_joined_before = lru_cache(maxsize=8)(_joined)


def _are_tokens(blocks: dict[str, list[str]]) -> bool:
    return all(_is_token(token) for tokens in blocks.values() for token in tokens)


def _is_token(text: str) -> bool:
    return text.isascii() and not text.encode("ascii").translate(None, _TOKEN)


def _decode(data: bytes) -> str:
    """The text of *data*; bytes that are no text become U+FFFD, which no token has."""
    if data.startswith(_UTF_16):
        return data.decode("utf-16", "replace")
    if b"\0" in data:
        even, odd = data[::2].count(0), data[1::2].count(0)
        if max(even, odd) > len(data) // 8:
            return data.decode("utf-16-be" if even > odd else "utf-16-le", "replace")
    return data.decode("utf-8", "replace")


def find_blocks(text: str) -> dict[str, list[str]]:
    """The tokens between markers by label: steps 2 and 3 of SPEC section 4.3. Raises ArmorError."""
    import re  # most files are as they were issued

    blocks: dict[str, list[str]] = {}
    begun: str | None = None
    end = 0
    for marker in re.finditer(_MARKER, text):
        start = _start_of_marker(text, marker.start(), end)
        if start is None:
            continue
        word, label = marker[1], " ".join(marker[2].split())
        if word == "BEGIN":
            if begun is not None:
                raise ArmorError(Reason("BEGIN {label} has no matching END", label=begun))
            begun = label
        elif begun != label:
            raise ArmorError(Reason("END {label} has no matching BEGIN", label=label))
        else:
            blocks.setdefault(label, []).append(_token(text[end:start]))
            begun = None
        end = marker.end()
    if begun is not None:
        raise ArmorError(Reason("BEGIN {label} has no matching END", label=begun))
    return blocks


def _start_of_marker(text: str, word: int, end: int) -> int | None:
    """Where the marker begins whose word stands at *word*; None where no dash is before it.

    *end* is that of the marker before: what belongs to that one is no part of this one.
    """
    last = _end_of_words(text, word, end)
    first = last
    while first > max(end, last - _MOST_DASHES) and text[first - 1] in _DASHES:
        first -= 1
    return None if first == last else first


def _end_of_words(text: str, at: int, first: int) -> int:
    """Where the white space before *at* begins, which ends at *first* or later."""
    size = 16
    while at > first:
        start = max(first, at - size)
        kept = text[start:at].rstrip()
        if kept:
            return start + len(kept)
        at, size = start, size * 2
    return first


def _token(text: str) -> str:
    # Not ``split``: a long list may have a blank after each character.
    for space in _WHITE:
        text = text.replace(space, "")
    # Decoders differ in how many stand for a sequence that is no text.
    while "\ufffd\ufffd" in text:
        text = text.replace("\ufffd\ufffd", "\ufffd")
    return text


def _mend(text: str) -> str:
    """*text* without quoted-printable (RFC 2045 section 6.7), quote marks and smart dashes."""
    import re

    from license_core.possessive import compiled

    text = compiled(_ESCAPES).sub(
        lambda run: bytes.fromhex(run[0].replace("=", "")).decode("utf-8", "replace"),
        re.sub(SOFT_BREAK, "", text),
    )
    text = re.sub(_INVISIBLE, "", re.sub(_QUOTE_MARK, " ", text))
    return re.sub(_SINGLE_DASH, "-", text)

"""base64url without padding (RFC 7515 appendix C), one encoding only.

``base64`` of the standard library skips what it does not know and takes endings with stray bits;
a decoder that did so would let one licence have many texts. Here a text that is not what
``encode`` would have written is refused (SPEC section 2.2).
"""

from __future__ import annotations

import binascii

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_STANDARD = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_FROM_STANDARD = bytes.maketrans(b"+/", b"-_")
# What standard base64 writes in place of - and _ becomes a character that no base64 has.
_TO_STANDARD = bytes.maketrans(b"-_+/=", b"+/!!!")
_PADDING = (b"", b"", b"==", b"=")
# By what is left over of four characters: the last characters that leave no bit unused.
_LAST = (None, None, frozenset("AQgw"), frozenset("AEIMQUYcgkosw048"))


def encode(data: bytes) -> str:
    """The base64url text of *data*, without padding."""
    text = binascii.b2a_base64(data, newline=False).translate(_FROM_STANDARD)
    return text.rstrip(b"=").decode("ascii")


def decode(text: str) -> bytes:
    """The bytes that *text* encodes.

    Raises ValueError where *text* is not exactly what ``encode`` writes.
    """
    left_over = len(text) % 4
    try:
        standard = text.encode("ascii")
    except UnicodeEncodeError as error:
        raise ValueError("not base64url") from error
    if not standard.isalnum():  # the base64 of JSON mostly is
        standard = standard.translate(_TO_STANDARD)
        if standard.translate(None, _STANDARD):
            raise ValueError("not base64url")
    if left_over == 1:
        raise ValueError("not base64url")
    last = _LAST[left_over]
    if last is not None and text[-1] not in last:
        raise ValueError("not canonical base64url")
    return binascii.a2b_base64(standard + _PADDING[left_over])


def encoded(parts: Iterable[bytes]) -> Iterator[str]:
    """What ``encode`` writes of *parts* together, in pieces: of a long text few are in memory."""
    left = b""
    for part in parts:
        both = left + part
        end = len(both) - len(both) % 3
        left = both[end:]
        yield encode(both[:end])
    yield encode(left)


def decoded(pieces: Iterable[str]) -> Iterator[bytes]:
    """The bytes that *pieces* together encode, in parts. Raises ValueError as ``decode`` does."""
    left = ""
    for piece in pieces:
        both = left + piece
        end = len(both) - len(both) % 4
        left = both[end:]
        yield decode(both[:end])
    yield decode(left)


def decode_standard(text: str) -> bytes:
    """The bytes that *text* encodes in plain base64 with its padding (RFC 4648 section 4).

    Raises ValueError for any other character, and for padding that is none: as the strict mode of
    ``binascii`` does, which Python has from 3.11 on.
    """
    body = text.rstrip("=")
    if len(text) % 4 or len(text) - len(body) > 2 or body.encode().translate(None, _STANDARD):
        raise ValueError("its base64 is invalid")
    return binascii.a2b_base64(text)

"""base64url without padding (RFC 7515 appendix C), one encoding only.

``base64`` of the standard library skips what it does not know and takes endings with stray bits;
a decoder that did so would let one licence have many texts. Here a text that is not what
``encode`` would have written is refused (SPEC section 2.2).
"""

import binascii

_TO_STANDARD = bytes.maketrans(b"-_", b"+/")
_FROM_STANDARD = bytes.maketrans(b"+/", b"-_")


def encode(data: bytes) -> str:
    """The base64url text of *data*, without padding."""
    text = binascii.b2a_base64(data, newline=False).translate(_FROM_STANDARD)
    return text.rstrip(b"=").decode("ascii")


def decode(text: str) -> bytes:
    """The bytes that *text* encodes.

    Raises ValueError where *text* is not exactly what ``encode`` writes.
    """
    try:
        ascii_text = text.encode("ascii")
        data = binascii.a2b_base64(ascii_text.translate(_TO_STANDARD) + b"==")
    except (binascii.Error, UnicodeEncodeError) as error:
        raise ValueError("not base64url") from error
    # One encoding only: encode again, and compare.
    again = binascii.b2a_base64(data, newline=False).translate(_FROM_STANDARD)
    if again.rstrip(b"=") != ascii_text:
        raise ValueError("not canonical base64url")
    return data

"""The address that an operator declares to be this host's for good: LICENSE_PINNED_IP."""

from __future__ import annotations

import _socket as socket

PINNED_IP = "LICENSE_PINNED_IP"
WRAPPING = " \t\r\n\v\f\0\"'`[](){}<>,;\u00a0\u200b\ufeff\u2018\u2019\u201c\u201d\u3000"
_FULL_WIDTH = str.maketrans(
    {0x3002: ".", **{code: chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)}}
)


def read(text: str) -> str | None:
    """The address that *text* means, as inet_ntop writes it; None: nothing is declared.

    Blanks, quotes and brackets around it, capitals and full-width characters make no other
    address of it. What is none is given back as it stands, without what is around it.
    """
    bare = text.translate(_FULL_WIDTH).strip(WRAPPING)
    return address(bare) or bare or None


def address(text: str) -> str | None:
    """*text* as inet_ntop writes it; None where it is no address."""
    family = socket.AF_INET6 if ":" in text else socket.AF_INET
    try:
        return socket.inet_ntop(family, socket.inet_pton(family, text))
    except (OSError, ValueError):
        return None

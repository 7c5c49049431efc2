"""What clients are given to trust: the chain of roots, and the keyset that the last of them signed.

The row of a keyset holds the very text that stands in each licence file: its ROOTS and KEYSET
blocks (SPEC section 4.1). Where a keyset has one token and no roots before it, the row may hold
that token alone, as former servers wrote it.
"""

from license_core import armor


def blocks(stored: str) -> str:
    """The blocks of a licence file, as the row of a keyset holds them."""
    return stored if stored.startswith("-----BEGIN ") else armor.wrap(armor.KEYSET, stored)

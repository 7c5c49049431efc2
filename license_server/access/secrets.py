"""Random secrets: how long they are, and the hash that is stored of them."""

import hashlib
from collections.abc import Callable

Random = Callable[[int], bytes]


SECRET_BYTES = 32


def hash_of(secret: str) -> bytes:
    """What is stored of a secret that is random and long."""
    return hashlib.sha256(secret.encode("utf-8", "replace")).digest()

"""SHA-256 (FIPS 180-4) and HMAC (RFC 2104) over it, without OpenSSL.

``hashlib`` loads a second OpenSSL beside the one that verifies signatures: 5 MiB and some
milliseconds of every start. The interpreter's own module is enough for a few short texts; the
standard library's ``random`` takes the same way.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hashlib import sha256 as _sha256
else:
    try:
        if sys.version_info >= (3, 12):
            from _sha2 import sha256 as _sha256
        else:
            from _sha256 import sha256 as _sha256
    except ImportError:  # an interpreter that was built without it
        from hashlib import sha256 as _sha256

_BLOCK = 64
_INNER = bytes(n ^ 0x36 for n in range(256))
_OUTER = bytes(n ^ 0x5C for n in range(256))


def sha256(data: bytes) -> bytes:
    """The 32 bytes of the digest of *data*."""
    return _sha256(data).digest()


def hmac_sha256(key: bytes, data: bytes) -> bytes:
    """The 32 bytes of the code over *data* under *key*."""
    padded = (key if len(key) <= _BLOCK else sha256(key)).ljust(_BLOCK, b"\0")
    return sha256(padded.translate(_OUTER) + sha256(padded.translate(_INNER) + data))

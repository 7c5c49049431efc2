"""An Ed25519 public key (RFC 8032): its 32 bytes, PEM text, JWK and thumbprint.

The PEM reader knows the one DER prefix that an Ed25519 SubjectPublicKeyInfo can have (RFC 8410
section 4): a general loader would cost more time than the verification itself.
"""

from __future__ import annotations

import binascii
import sys

from license_core import b64url, ed25519
from license_core.exhaustion import is_memory_plenty
from license_core.kept import lru_cache
from license_core.reason import Reason
from license_core.sha256 import sha256

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Verify = Callable[[bytes, bytes], bool]

_SPKI_PREFIX = bytes.fromhex("302a300506032b6570032100")
_BEGIN, _END = "-----BEGIN PUBLIC KEY-----", "-----END PUBLIC KEY-----"
_FIELD = 2**255 - 19
_ORDER_8_Y = 0x05FC536D880238B13933C6D305ACDFD5F098EFF289F4C345B027B2C28F95E826
# y-coordinates of the points of order 1, 2, 4 and 8 (RFC 7748 section 7 on small orders): for such
# a key, signatures exist that hold for many messages.
_SMALL_ORDER_Y = (0, 1, _FIELD - 1, _ORDER_8_Y, _FIELD - _ORDER_8_Y)
_NOT_CANONICAL_Y = range(_FIELD, 2**255)
# As they are written, with either sign of x (RFC 8032 section 5.1.2): 48 texts of 32 bytes.
_REFUSED = frozenset(
    (y + sign).to_bytes(32, "little")
    for y in (*_SMALL_ORDER_Y, *_NOT_CANONICAL_Y)
    for sign in (0, 2**255)
)


_LIBRARY = "cryptography.hazmat.primitives.asymmetric.ed25519"
_left_to_plain = 16
"""Signatures that this process verifies in plain Python before it loads the library, which takes
as long as they do."""


class PublicKey:
    """An Ed25519 public key, named by its thumbprint."""

    __slots__ = ("_verify", "kid", "raw")

    def __init__(self, raw: bytes) -> None:
        """*raw*: 32 bytes. Raises ValueError for a small-order or non-canonical point."""
        if len(raw) != 32:
            raise ValueError(Reason("a key has 32 bytes, not {count}", count=len(raw)))
        if raw in _REFUSED:
            raise ValueError("the point is of small order or not canonical")
        self.raw = raw
        self.kid = thumbprint(raw)
        self._verify: Verify | None = None

    @classmethod
    def from_pem(cls, text: str) -> PublicKey:
        """Read ``-----BEGIN PUBLIC KEY-----`` (RFC 7468 section 13). Raises ValueError."""
        blocks = [rest.partition(_END) for rest in text.split(_BEGIN)[1:]]
        whole = [body for body, end, _ in blocks if end]
        if len(whole) != 1:
            raise ValueError(
                Reason(
                    "it has {count:# PUBLIC KEY block|# PUBLIC KEY blocks}, not exactly one",
                    count=len(whole),
                )
            )
        try:
            der = b64url.decode_standard("".join(whole[0].split()))
        except ValueError as error:
            raise ValueError("its base64 is invalid") from error
        if not der.startswith(_SPKI_PREFIX):
            raise ValueError("it is not an Ed25519 key")
        return cls(der[len(_SPKI_PREFIX) :])

    @classmethod
    def from_jwk(cls, jwk: dict[str, Any]) -> PublicKey:
        """Read the members ``kty``, ``crv`` and ``x`` (RFC 8037 section 2). Raises ValueError."""
        if jwk.get("kty") != "OKP" or jwk.get("crv") != "Ed25519":
            raise ValueError("it is not an Ed25519 key")
        x = jwk.get("x")
        if not isinstance(x, str):
            raise ValueError("its x is not a string")
        return cls(b64url.decode(x))

    def to_pem(self) -> str:
        """The SubjectPublicKeyInfo as PEM text, ending in a line break."""
        body = binascii.b2a_base64(_SPKI_PREFIX + self.raw).decode("ascii")
        return f"-----BEGIN PUBLIC KEY-----\n{body}-----END PUBLIC KEY-----\n"

    def to_jwk(self) -> dict[str, str]:
        """The JWK (RFC 8037 section 2) with its ``kid``."""
        return {"kty": "OKP", "crv": "Ed25519", "x": b64url.encode(self.raw), "kid": self.kid}

    def verifies(self, signature: bytes, message: bytes) -> bool:
        """Whether *signature* (64 bytes) over *message* was made with this key."""
        if self._verify is None and _library_pays():
            self._verify = by_library(self.raw)
        if self._verify is None:
            return ed25519.verifies(self.raw, signature, message)
        return self._verify(signature, message)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PublicKey) and self.raw == other.raw

    def __hash__(self) -> int:
        return hash(self.raw)

    def __repr__(self) -> str:
        return f"PublicKey({self.kid})"


_NOT_THE_LIBRARYS = (KeyboardInterrupt, SystemExit, MemoryError)


def _library_pays() -> bool:
    """Whether this process has loaded the library, or verifies so much that it should."""
    global _left_to_plain  # noqa: PLW0603 -- of the process, as what it has loaded is
    _left_to_plain -= 1
    return _LIBRARY in sys.modules or _left_to_plain < 0


def by_library(raw: bytes) -> Verify | None:
    """How ``cryptography`` verifies (signature, message) with the key *raw*; None without it."""
    library = _library()
    if library is None:
        return None
    read, refused = library
    try:
        verify = read(raw).verify
    except _NOT_THE_LIBRARYS:
        raise
    except BaseException:  # noqa: BLE001 -- the plain way judges by the same rule
        return None

    def verifies(signature: bytes, message: bytes) -> bool:
        try:
            verify(signature, message)
        except refused:
            return False
        except _NOT_THE_LIBRARYS:
            raise
        except BaseException:  # noqa: BLE001
            return ed25519.verifies(raw, signature, message)
        return True

    return verifies


@lru_cache(maxsize=1)
def _library() -> tuple[Callable[[bytes], Any], type[Exception]] | None:
    """What reads a key, and says that a signature is wrong; None where it cannot be loaded.

    One that was built for another system, or may not do Ed25519 (FIPS), fails in ways of its own.
    """
    if _LIBRARY not in sys.modules and not is_memory_plenty():
        return None  # it would end the process
    import warnings

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of an old Python: nothing that an operator can mend
            from cryptography.exceptions import InvalidSignature
            from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    except _NOT_THE_LIBRARYS:
        raise
    except BaseException:  # noqa: BLE001 -- a panic of Rust is no Exception
        return None
    return Ed25519PublicKey.from_public_bytes, InvalidSignature


def thumbprint(raw: bytes) -> str:
    """The RFC 7638 SHA-256 thumbprint of the key *raw*, as RFC 8037 appendix A.3 makes it."""
    canonical = f'{{"crv":"Ed25519","kty":"OKP","x":"{b64url.encode(raw)}"}}'
    return b64url.encode(sha256(canonical.encode("ascii")))

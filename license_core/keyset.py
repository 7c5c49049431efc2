"""The keyset: which keys may sign licences, signed by a root key (SPEC section 6).

A JWK Set (RFC 7517 section 5) with a version. A client trusts root keys only; a new signing key
reaches it inside the next licence.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from license_core import claims, jws, strictjson
from license_core.claims import ClaimError
from license_core.publickey import PublicKey

if TYPE_CHECKING:
    from license_core.signer import Signer

STATES = ("active", "retired", "revoked")


class SigningKey(NamedTuple):
    """A key that the vendor signs licences with, and what it may sign."""

    key: PublicKey
    nbf: int
    """Licences issued from this instant on, in seconds."""
    exp: int
    """… and before this one."""
    state: str = "active"
    """``active``; ``retired``: signs no more, what it signed holds; ``revoked``: nothing holds."""
    products: tuple[str, ...] | None = None
    """The products whose licences it may sign; None: all."""

    def to_dict(self) -> dict[str, Any]:
        """The JWK, with the members of SPEC section 6.1."""
        members = {
            **self.key.to_jwk(),
            "alg": "Ed25519",
            "use": "sig",
            "nbf": self.nbf,
            "exp": self.exp,
            "state": self.state,
            "products": None if self.products is None else list(self.products),
        }
        return {name: value for name, value in members.items() if value is not None}


class Keyset(NamedTuple):
    """The signing keys of a vendor, at one version."""

    iss: str
    version: int
    iat: int
    keys: tuple[SigningKey, ...]
    exp: int | None = None
    """Licences issued from this instant on need a later keyset; None: no end."""

    @classmethod
    def from_dict(cls, members: Any) -> "Keyset":
        """Read the members of SPEC section 6.1. Raises ClaimError."""
        if not isinstance(members, dict):
            raise ClaimError("payload", "it is not an object")
        entries = members.get("keys")
        if not isinstance(entries, list) or not entries:
            raise ClaimError("keys", "it is not an array of keys")
        keys = tuple(_signing_key(entry) for entry in entries)
        if len({entry.key.raw for entry in keys}) != len(keys):
            raise ClaimError("keys", "a key stands twice")
        get = claims.required
        return cls(
            get(claims.text(members, "iss"), "iss"),
            get(claims.integer(members, "version", least=1), "version"),
            get(claims.instant(members, "iat"), "iat"),
            keys,
            claims.instant(members, "exp"),
        )

    def to_dict(self) -> dict[str, Any]:
        """The members, in the order of SPEC section 6.1."""
        members = {
            "iss": self.iss,
            "version": self.version,
            "iat": self.iat,
            "exp": self.exp,
            "keys": [key.to_dict() for key in self.keys],
        }
        return {name: value for name, value in members.items() if value is not None}

    def sign(self, root: "Signer") -> str:
        """The token of this keyset, signed by *root*. Raises ClaimError if it is not valid."""
        payload = strictjson.dumps(self.to_dict())
        Keyset.from_dict(strictjson.loads(payload))
        return jws.sign(payload, root, jws.KEYSET)


class TrustedKeyset:
    """A keyset whose signature was verified, ready to verify licences."""

    __slots__ = ("_by_kid", "keyset", "license_headers")

    def __init__(self, keyset: Keyset) -> None:
        self.keyset = keyset
        self.license_headers: Mapping[str, PublicKey] = jws.headers(
            (entry.key for entry in keyset.keys), jws.LICENSE
        )
        self._by_kid = {entry.key.kid: entry for entry in keyset.keys}

    def entry(self, key: PublicKey) -> SigningKey:
        """What the keyset says of *key*."""
        return self._by_kid[key.kid]


@lru_cache(maxsize=32)
def open_keyset(token: str, roots: tuple[PublicKey, ...]) -> TrustedKeyset:
    """Verify *token* with the *roots*, then read it; the same keyset is verified once a process.

    Raises jws.TokenError where no root signed it, ClaimError or ValueError for what it says.
    """
    _, payload = jws.verify(token, jws.headers(roots, jws.KEYSET))
    return TrustedKeyset(Keyset.from_dict(strictjson.loads(payload)))


def _signing_key(entry: Any) -> SigningKey:
    if not isinstance(entry, dict):
        raise ClaimError("keys", "an entry is not an object")
    try:
        key = PublicKey.from_jwk(entry)
    except ValueError as error:
        raise ClaimError("keys", str(error)) from error
    if entry.get("kid") != key.kid:
        raise ClaimError("kid", "it is not the thumbprint of its key")
    if entry.get("alg") != "Ed25519":
        raise ClaimError("alg", "it is not Ed25519")
    get = claims.required
    return SigningKey(
        key,
        get(claims.instant(entry, "nbf"), "nbf"),
        get(claims.instant(entry, "exp"), "exp"),
        get(claims.one_of(entry, "state", STATES), "state"),
        claims.names(entry, "products"),
    )

"""The keyset: which keys may sign licences, signed by a root key (SPEC section 6).

A JWK Set (RFC 7517 section 5) with a version. A client trusts root keys only; a new signing key
reaches it inside the next licence.
"""

from __future__ import annotations

from license_core import (
    claims,
    jws,
    strictjson,
)
from license_core.armor import readings
from license_core.claims import ClaimError
from license_core.kept import lru_cache
from license_core.publickey import PublicKey
from license_core.reason import Reason
from license_core.record import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

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
    def from_dict(cls, members: Any) -> Keyset:
        """Read the members of SPEC section 6.1. Raises ClaimError."""
        if not isinstance(members, dict):
            raise ClaimError("payload", "it is not an object")
        entries = members.get("keys")
        if not isinstance(entries, list) or not entries:
            raise ClaimError("keys", "it is not an array of keys")
        keys = tuple(_signing_key(entry) for entry in entries)
        if len({entry.key.raw for entry in keys}) != len(keys):
            raise ClaimError("keys", "it contains a key twice")
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

    def sign(self, root: Signer) -> str:
        """The token of this keyset, signed by *root*. Raises ClaimError if it is not valid."""
        payload = strictjson.dumps(self.to_dict())
        Keyset.from_dict(strictjson.loads(payload))
        return jws.sign(payload, root, jws.KEYSET)


class TooFewSignersError(jws.TokenError):
    """Some trusted root keys signed it, but not as many as must."""

    def __init__(self, signed: int, needed: int) -> None:
        super().__init__(
            Reason(
                "{count} of {needed:# required root key|# required root keys} signed it",
                count=signed,
                needed=needed,
            )
        )
        self.signed, self.needed = signed, needed


class TrustedKeyset:
    """A keyset whose signatures were verified, ready to verify licences."""

    __slots__ = ("_by_kid", "keyset", "license_headers", "tokens")

    def __init__(self, keyset: Keyset, tokens: tuple[str, ...] = ()) -> None:
        self.keyset = keyset
        self.tokens = tokens
        """What it was read from: a token of each root key that signed it."""
        self._by_kid = {entry.key.kid: entry for entry in keyset.keys}
        self.license_headers: Mapping[str, PublicKey] = {
            jws.header(kid, jws.LICENSE): entry.key for kid, entry in self._by_kid.items()
        }

    def trusts(self, kid: str | None) -> bool:
        """Whether the key of this *kid* is there and not revoked."""
        entry = None if kid is None else self._by_kid.get(kid)
        return entry is not None and entry.state != "revoked"

    def entry(self, key: PublicKey) -> SigningKey:
        """What the keyset says of *key*."""
        return self._by_kid[key.kid]


@lru_cache(maxsize=32)
def open_keyset(
    tokens: tuple[str, ...], roots: tuple[PublicKey, ...], needed: int = 1
) -> TrustedKeyset:
    """The keyset of the highest version that at least *needed* of *roots* signed.

    Each root signs in a token of its own, all of them the same bytes. The first of equal versions
    counts; the same tokens are verified once a process. Where there is none, raises ValueError or
    ClaimError for one that enough signed and that is not valid; TooFewSignersError for one that
    fewer signed; else the jws.TokenError of the last token.
    """
    trusted = jws.headers(roots, jws.KEYSET)
    candidates = tokens
    if not all(map(str.isascii, tokens)):
        candidates = tuple(reading for token in tokens for reading in readings(token))
    newest: TrustedKeyset | None = None
    invalid: ValueError | None = None
    most = 0
    for payload, signers in jws.signed(candidates, trusted).items():
        most = max(most, len(signers))
        if len(signers) < needed:
            continue
        try:
            keyset = Keyset.from_dict(strictjson.loads(payload))
        except ValueError as error:
            invalid = error
            continue
        if newest is None or keyset.version > newest.keyset.version:
            newest = TrustedKeyset(keyset, tuple(signers.values()))
    if newest is not None:
        return newest
    if invalid is not None:
        raise invalid
    if most:
        raise TooFewSignersError(most, needed)
    jws.verify(candidates[-1], trusted)
    raise AssertionError("a token that was not verified before is verified now")


def read_key(entry: Any) -> PublicKey:
    """The key of an entry of a JWK Set, which names it by its thumbprint. Raises ClaimError."""
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
    return key


def _signing_key(entry: Any) -> SigningKey:
    key = read_key(entry)
    get = claims.required
    return SigningKey(
        key,
        get(claims.instant(entry, "nbf"), "nbf"),
        get(claims.instant(entry, "exp"), "exp"),
        get(claims.one_of(entry, "state", STATES), "state"),
        claims.names(entry, "products"),
    )

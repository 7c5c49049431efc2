"""The list of revoked licences, signed by a signing key (SPEC section 8).

A licence is listed by a digest of its number, in one run of fixed-length digests: a list of
100,000 is one string that is searched, not parsed.
"""

from __future__ import annotations

from license_core import (
    armor,
    b64url,
    claims,
    jws,
    strictjson,
)
from license_core.claims import ClaimError
from license_core.keyset import TrustedKeyset
from license_core.reason import Reason
from license_core.record import NamedTuple
from license_core.sha256 import sha256

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    from license_core.signer import Signer

DIGEST_BYTES = 12


class Revocations(NamedTuple):
    """The licences that a vendor has revoked, as of one number of the list."""

    iss: str
    number: int
    iat: int
    digests: bytes
    """Digests of ``DIGEST_BYTES`` each; ``of`` sorts them, a reader does not rely on it."""
    exp: int | None = None
    """When a later list should have come, in seconds."""
    kid: str | None = None
    """Of the key that signed it; None: it was not read from a token."""

    @classmethod
    def of(
        cls, numbers: Iterable[str], *, iss: str, number: int, iat: int, exp: int | None = None
    ) -> Revocations:
        """The list of the licences with these *numbers* (``jti``)."""
        return cls(iss, number, iat, b"".join(sorted({digest(jti) for jti in numbers})), exp)

    @classmethod
    def from_dict(cls, members: Any) -> Revocations:
        """Read the members of SPEC section 8.1. Raises ClaimError."""
        if not isinstance(members, dict):
            raise ClaimError("payload", "it is not an object")
        get = claims.required
        revoked = members.get("revoked")
        if not isinstance(revoked, str):
            raise ClaimError("revoked", "it is not a string")
        try:
            digests = b64url.decode(revoked)
        except ValueError as error:
            raise ClaimError("revoked", str(error)) from error
        if len(digests) % DIGEST_BYTES:
            raise ClaimError(
                "revoked", Reason("it is not made of {size}-byte digests", size=DIGEST_BYTES)
            )
        return cls(
            iss=get(claims.text(members, "iss"), "iss"),
            number=get(claims.integer(members, "number", least=1), "number"),
            iat=get(claims.instant(members, "iat"), "iat"),
            exp=claims.instant(members, "exp"),
            digests=digests,
        )

    def to_dict(self) -> dict[str, Any]:
        """The members, in the order of SPEC section 8.1."""
        members = {
            "iss": self.iss,
            "number": self.number,
            "iat": self.iat,
            "exp": self.exp,
            "revoked": b64url.encode(self.digests),
        }
        return {name: value for name, value in members.items() if value is not None}

    def sign(self, signer: Signer) -> str:
        """The token of this list. Raises ClaimError if it is not valid."""
        members = self.to_dict()
        Revocations.from_dict(members)
        return jws.sign(strictjson.dumps(members), signer, jws.REVOCATIONS)

    def lists(self, jti: str) -> bool:
        """Whether the licence with the number *jti* is listed."""
        # The whole run is searched: a list that is not in order revokes as much as one that is.
        wanted = digest(jti)
        at = self.digests.find(wanted)
        while at > 0 and at % DIGEST_BYTES:
            at = self.digests.find(wanted, at + 1)
        return at >= 0


def digest(jti: str) -> bytes:
    """How the licence with the number *jti* is listed: ``DIGEST_BYTES`` bytes."""
    return sha256(jti.encode("utf-8"))[:DIGEST_BYTES]


def digest_of_file(data: bytes) -> str:
    """What tells the file of a list from any other: its SHA-256, in hexadecimal digits."""
    return sha256(data).hex()


def open_revocations(token: str, keyset: TrustedKeyset) -> Revocations:
    """Verify *token* with a key of *keyset* that is not revoked, then read it.

    Raises jws.TokenError where no such key signed it, ClaimError or ValueError for what it says.
    """
    trusted = [entry.key for entry in keyset.keyset.keys if entry.state != "revoked"]
    key, payload = jws.verify(token, jws.headers(trusted, jws.REVOCATIONS))
    return Revocations.from_dict(strictjson.loads(payload))._replace(kid=key.kid)


def open_list(text: str, keyset: TrustedKeyset) -> Revocations:
    """Verify the token in the armoured *text*, in each of its readings. Raises as above."""
    readings = armor.readings(text)
    for reading in readings[:-1]:
        try:
            return open_revocations(reading, keyset)
        except jws.TokenError:
            continue  # the other reading may be the true one
    return open_revocations(readings[-1], keyset)


def open_only_list(blocks: Mapping[str, list[str]], keyset: TrustedKeyset) -> Revocations:
    """Verify the one revocation list in *blocks*, and read it. Raises ValueError."""
    tokens = blocks.get(armor.REVOCATIONS, [])
    if len(tokens) != 1:
        raise ValueError(
            Reason("it contains {count:# list|# lists}, not exactly one", count=len(tokens))
        )
    return open_list(tokens[0], keyset)

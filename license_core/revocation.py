"""The list of revoked licences, signed by a signing key (SPEC section 8).

A licence is listed by a digest of its number, in one run of fixed-length digests: a list of
100,000 is one string that is searched, not parsed. A shard is the part of a list whose digests
begin alike, so that a site needs a small part of a long one.
"""

from __future__ import annotations

import io

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
    from collections.abc import Iterable, Iterator, Mapping
    from typing import Any

    from license_core.signer import Signer

DIGEST_BYTES = 12
_PART = DIGEST_BYTES * 2**14
"""Bytes of digests of which the text is made at once."""


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
    prefix: str = ""
    """With which the digests begin that a shard is about, in hexadecimal digits; empty: all."""

    @classmethod
    def of(
        cls, numbers: Iterable[str], *, iss: str, number: int, iat: int, exp: int | None = None
    ) -> Revocations:
        """The list of the licences with these *numbers* (``jti``)."""
        return cls(iss, number, iat, _sorted(map(digest, numbers)), exp)

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
        _check_run(digests)
        return cls(
            iss=get(claims.text(members, "iss"), "iss"),
            number=get(claims.integer(members, "number", least=1), "number"),
            iat=get(claims.instant(members, "iat"), "iat"),
            exp=claims.instant(members, "exp"),
            digests=digests,
            prefix=_prefix(members),
        )

    def to_dict(self) -> dict[str, Any]:
        """The members, in the order of SPEC section 8.1."""
        members = {
            "iss": self.iss,
            "number": self.number,
            "iat": self.iat,
            "exp": self.exp,
            "prefix": self.prefix or None,
            "revoked": b64url.encode(self.digests),
        }
        return {name: value for name, value in members.items() if value is not None}

    def payload(self) -> Iterator[bytes]:
        """The JSON text of ``to_dict``, in parts: a long list is not in memory a second time."""
        text = strictjson.dumps(self._replace(digests=b"").to_dict())
        end = text.rindex(b'"')
        yield text[:end]
        for at in range(0, len(self.digests), _PART):
            yield b64url.encode(self.digests[at : at + _PART]).encode("ascii")
        yield text[end:]

    def sign(self, signer: Signer) -> str:
        """The token of this list. Raises ClaimError if it is not valid."""
        Revocations.from_dict(self._replace(digests=b"").to_dict())
        _check_run(self.digests)
        return jws.sign_parts(self.payload(), signer, jws.REVOCATIONS)

    def shard(self, prefix: str) -> Revocations:
        """The shard of this sorted list for the digests that begin with *prefix*."""
        digits = DIGEST_BYTES * 2
        least, most = (bytes.fromhex(prefix.ljust(digits, one)) for one in "0f")
        begin, end = self._at(least), self._at(most)
        end += DIGEST_BYTES * (self.digests[end : end + DIGEST_BYTES] == most)
        return self._replace(prefix=prefix, digests=self.digests[begin:end])

    def _at(self, wanted: bytes) -> int:
        """Where in the sorted run *wanted* is, or would be."""
        low, high = 0, len(self.digests) // DIGEST_BYTES
        while low < high:
            middle = (low + high) // 2
            at = middle * DIGEST_BYTES
            if self.digests[at : at + DIGEST_BYTES] < wanted:
                low = middle + 1
            else:
                high = middle
        return low * DIGEST_BYTES

    def covers(self, jti: str) -> bool:
        """Whether it says of the licence with the number *jti* if it is listed."""
        return digest(jti).hex().startswith(self.prefix)

    def lists(self, jti: str) -> bool:
        """Whether the licence with the number *jti* is listed."""
        # The whole run is searched: a list that is not in order revokes as much as one that is.
        wanted = digest(jti)
        at = self.digests.find(wanted)
        while at > 0 and at % DIGEST_BYTES:
            at = self.digests.find(wanted, at + 1)
        return at >= 0


def _sorted(digests: Iterable[bytes]) -> bytes:
    """*digests* in order, each once, one after the other: few at a time are objects."""
    run = bytearray()
    for one in digests:
        run += one
    beginnings, in_order = run[::DIGEST_BYTES], io.BytesIO()
    for byte in range(256):
        alike: set[bytes] = set()
        place = beginnings.find(byte)
        while place >= 0:
            alike.add(bytes(run[place * DIGEST_BYTES : (place + 1) * DIGEST_BYTES]))
            place = beginnings.find(byte, place + 1)
        in_order.writelines(sorted(alike))
    return in_order.getvalue()


def _check_run(digests: bytes) -> None:
    if len(digests) % DIGEST_BYTES:
        raise ClaimError(
            "revoked", Reason("it is not made of {size}-byte digests", size=DIGEST_BYTES)
        )


def _prefix(members: dict[str, Any]) -> str:
    prefix = claims.text(members, "prefix", longest=DIGEST_BYTES * 2) or ""
    if prefix.strip("0123456789abcdef"):
        raise ClaimError("prefix", "it is not lowercase hexadecimal digits")
    return prefix


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
        raise _not_one(len(tokens))
    return open_list(tokens[0], keyset)


def open_own_list(
    blocks: Mapping[str, list[str]], keyset: TrustedKeyset, jti: str | None
) -> tuple[str, Revocations]:
    """Verify all lists in *blocks*: the one that covers the licence *jti*, as it stands and read.

    There is only one where *jti* is None. Raises NotCoveredError where none covers it, ValueError
    for what else is wrong.
    """
    tokens = blocks.get(armor.REVOCATIONS, [])
    if len(tokens) != 1 and jti is None:
        raise _not_one(len(tokens))
    opened = [(token, open_list(token, keyset)) for token in tokens]
    own = [one for one in opened if jti is None or one[1].covers(jti)]
    if tokens and not own:
        raise NotCoveredError(Reason("it is for other licences than {number}", number=jti))
    if len(own) != 1:
        raise _not_one(len(own))
    return own[0]


class NotCoveredError(ValueError):
    """A file of lists has none that covers the licence."""


def _not_one(count: int) -> ValueError:
    return ValueError(Reason("it contains {count:# list|# lists}, not exactly one", count=count))

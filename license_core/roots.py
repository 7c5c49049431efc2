"""Root keys at one version, and how many of them must sign: the roots document (SPEC section 6.3).

A product ships the roots of version 0: its folder of trusted keys. From there on each version is
signed by enough keys of the one before it and by enough of its own, so a root can be rotated
without a new image, and nobody but the holders of the former roots can do it.
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
from license_core.keyset import read_key
from license_core.publickey import PublicKey
from license_core.reason import Reason
from license_core.record import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

    from license_core.signer import Signer


class SkippedError(ValueError):
    """The roots that are trusted signed later ones, but a version between is not there."""

    def __init__(self, known: int, found: int) -> None:
        super().__init__(
            Reason("version {known} is followed by version {found}", found=found, known=known)
        )
        self.known, self.found = known, found


class Roots(NamedTuple):
    """The root keys that a vendor trusts, at one version."""

    iss: str
    version: int
    """0: what the product ships; from 1 on: a document."""
    iat: int
    threshold: int
    """How many of the keys must sign a keyset, and the next roots."""
    keys: tuple[PublicKey, ...]

    @classmethod
    def shipped(cls, keys: Iterable[PublicKey], threshold: int = 1) -> Roots:
        """The roots of version 0, from which every chain begins."""
        return cls("", 0, 0, threshold, tuple(keys))

    @classmethod
    def from_dict(cls, members: Any) -> Roots:
        """Read the members of SPEC section 6.3. Raises ClaimError."""
        if not isinstance(members, dict):
            raise ClaimError("payload", "it is not an object")
        entries = members.get("keys")
        if not isinstance(entries, list) or not entries:
            raise ClaimError("keys", "it is not an array of keys")
        keys = tuple(read_key(entry) for entry in entries)
        if len(set(keys)) != len(keys):
            raise ClaimError("keys", "it contains a key twice")
        get = claims.required
        return cls(
            get(claims.text(members, "iss"), "iss"),
            get(claims.integer(members, "version", least=1), "version"),
            get(claims.instant(members, "iat"), "iat"),
            get(claims.integer(members, "threshold", least=1, most=len(keys)), "threshold"),
            keys,
        )

    def to_dict(self) -> dict[str, Any]:
        """The members, in the order of SPEC section 6.3."""
        return {
            "iss": self.iss,
            "version": self.version,
            "iat": self.iat,
            "threshold": self.threshold,
            "keys": [{**key.to_jwk(), "alg": "Ed25519", "use": "sig"} for key in self.keys],
        }

    def sign(self, root: Signer) -> str:
        """The token of these roots by one key; it counts beside those of enough others.

        Each signer signs the same bytes. Raises ClaimError if they are not valid.
        """
        payload = strictjson.dumps(self.to_dict())
        Roots.from_dict(strictjson.loads(payload))
        return jws.sign(payload, root, jws.ROOTS)


class Chain(NamedTuple):
    """The latest roots that documents lead to, and the tokens that they are proven by."""

    roots: Roots
    tokens: tuple[str, ...] = ()
    """In the order of the versions from 1 on; none for what the product ships."""
    former: tuple[Roots, ...] = ()
    """The versions before the latest, in their order."""


@lru_cache(maxsize=32)
def follow(tokens: tuple[str, ...], trusted: Roots) -> Chain:
    """Go from *trusted* to the latest roots that *tokens* prove, one version after the other.

    Where two tokens say different things of one version, the first that enough keys signed counts.
    What enough keys did not sign is passed over. Raises SkippedError, and ClaimError or ValueError
    for what enough keys did sign and is not valid.
    """
    *_, last = chains(tokens, trusted)
    return last


def chains(tokens: tuple[str, ...], trusted: Roots) -> Iterator[Chain]:
    """Each step of ``follow``: the chain to *trusted*, then to every version that it leads to."""
    candidates = tuple(reading for token in tokens for reading in readings(token))
    chain = Chain(trusted)
    yield chain
    while (link := _next(candidates, chain.roots)) is not None:
        former = (*chain.former, chain.roots)
        chain = Chain(link.roots, (*chain.tokens, *link.tokens), former)
        yield chain


def _next(tokens: tuple[str, ...], trusted: Roots) -> Chain | None:
    """The version after *trusted*, with the tokens that prove it; None: there is none."""
    later = 0
    for payload, signers in jws.signed(tokens, jws.headers(trusted.keys, jws.ROOTS)).items():
        if len(signers) < trusted.threshold:
            continue
        roots = Roots.from_dict(strictjson.loads(payload))
        if roots.version <= trusted.version:
            continue
        if roots.version > trusted.version + 1:
            later = roots.version
            continue
        own = jws.signed(tokens, jws.headers(roots.keys, jws.ROOTS)).get(payload, {})
        if len(own) < roots.threshold:
            reason = Reason(
                "{count:# of its own keys|# of its own keys} signed it; {needed} must",
                count=len(own),
                needed=roots.threshold,
            )
            raise ClaimError("threshold", reason)
        return Chain(roots, tuple({**signers, **own}.values()))
    if later:
        raise SkippedError(trusted.version, later)
    return None

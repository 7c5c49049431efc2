"""Giving a licence back: a host's secrets, and the text that an operator sends (SPEC 4.6).

A request names the digest of a secret that only its host knows, the vendor signs that digest into
the licence, and the text reveals the secret, once. It is evidence that whoever sent it had the
files of that host; it proves nothing against a snapshot of them that is restored.
"""

from __future__ import annotations

from license_core import armor, b64url, checked, claims, strictjson
from license_core.claims import ClaimError
from license_core.errors import LicenseError
from license_core.reason import Reason
from license_core.record import NamedTuple
from license_core.sha256 import sha256
from license_core.wording import printable, utc

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

VERSION = 1
SECRET_BYTES = 32
MAX_SECRETS = 8
"""A file has the secrets of so many host keys: of those that were asked for last."""
MAX_TEXT = 64 * 1024
"""The most characters that are looked at."""
_CONTEXT = b"hostseal return\n"


class LicenseReturnedError(LicenseError):
    """The licence was given back on this host, or one that was issued later in its place."""

    number: str


def digest_of(secret: bytes) -> str:
    """What a request and a licence name *secret* by: 43 characters of base64url."""
    return b64url.encode(sha256(_CONTEXT + secret))


class Returned(NamedTuple):
    """What a host says of a licence that it gave back."""

    number: str
    iat: int
    """When it was given back, in seconds, by the host's clock."""
    secret: bytes | None = None
    """What the licence names the digest of; None: it names none, or the host has lost it."""

    def to_text(self) -> str:
        """The text to send: words for people, then the block.

        No host key is in it, which a reader of requests might take for that of a request.
        """
        members: dict[str, Any] = {"ver": VERSION, "number": self.number, "iat": self.iat}
        if self.secret is not None:
            members["secret"] = b64url.encode(self.secret)
        return "\n".join(
            (
                "A licence was given back. Please send this whole text to your vendor.",
                "",
                f"{'Licence':<10}{printable(self.number)}",
                f"{'Removed':<10}{utc(self.iat)}",
                "",
                armor.wrap(armor.RETURN, checked.write(members)),
            )
        )


def parse(text: str) -> Returned | None:
    """The return text in what a person pasted; None where there is none.

    Raises ValueError where it is damaged, or there are those of several licences.
    """
    try:
        tokens = armor.unwrap_pasted(text[:MAX_TEXT]).get(armor.RETURN, [])
    except armor.ArmorError:
        if armor.RETURN not in text[:MAX_TEXT]:
            return None  # what is cut off is another thing
        raise
    found = {one.number: one for one in (checked.read(token, _read) for token in tokens)}
    if len(found) > 1:
        raise ValueError(Reason("it has the return texts of several licences"))
    return next(iter(found.values()), None)


def _read(members: Any) -> Returned:
    if not isinstance(members, dict):
        raise ClaimError("return", "it is not an object")
    if claims.integer(members, "ver") != VERSION:
        raise ClaimError("ver", "its version is not supported")
    number = claims.required(claims.text(members, "number"), "number")
    iat = claims.required(claims.instant(members, "iat"), "iat")
    secret = claims.digest(members, "secret")
    return Returned(number, iat, None if secret is None else b64url.decode(secret))


class Secrets(NamedTuple):
    """The secrets of a host, which nobody else may read: ``conf/license.return``."""

    of: tuple[tuple[str, bytes], ...] = ()
    """Host key and secret; the one that was asked for last is the first."""

    def of_key(self, key: str) -> bytes | None:
        """The secret that requests with the host key *key* name."""
        return dict(self.of).get(key)

    def fitting(self, digest: str | None) -> bytes | None:
        """The secret that *digest*, which a licence names, is of."""
        found = (secret for _, secret in self.of if digest_of(secret) == digest)
        return next(found, None)

    def asked(self, key: str, random: Callable[[int], bytes]) -> Secrets:
        """With a secret of *key*, which is drawn where there is none."""
        secret = self.of_key(key) or random(SECRET_BYTES)
        others = tuple(one for one in self.of if one[0] != key)
        return Secrets(((key, secret), *others[: MAX_SECRETS - 1]))

    def without(self, secret: bytes) -> Secrets:
        """What is left once *secret* was revealed: the next request names another."""
        return Secrets(tuple(one for one in self.of if one[1] != secret))

    def dump(self) -> bytes:
        """The bytes of the file."""
        listed = [{"key": key, "secret": b64url.encode(secret)} for key, secret in self.of]
        return strictjson.dumps({"ver": VERSION, "secrets": listed}) + b"\n"


def parse_secrets(data: bytes) -> Secrets:
    """Read what ``Secrets.dump`` wrote. Raises ValueError, which nobody is shown."""
    members = strictjson.loads(data)
    if not isinstance(members, dict) or claims.integer(members, "ver") != VERSION:
        raise ValueError
    listed = members.get("secrets")
    if not isinstance(listed, list):
        raise ValueError
    return Secrets(tuple(map(_secret, listed[:MAX_SECRETS])))


def _secret(members: Any) -> tuple[str, bytes]:
    if not isinstance(members, dict):
        raise ValueError
    key = claims.required(claims.host_key(members, "key"), "key")
    secret = claims.required(claims.digest(members, "secret"), "secret")
    return key, b64url.decode(secret)

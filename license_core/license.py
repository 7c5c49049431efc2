"""A licence: its claims as an object, and its state at an instant (SPEC section 5)."""

from __future__ import annotations

from license_core import claims, strictjson
from license_core.claims import ClaimError
from license_core.hostkey import (
    DEFAULT_PROFILE,
    LATER_PROFILES,
    PROFILES,
    tagged,
)
from license_core.reason import Reason
from license_core.record import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

VERSION = 1
MATCHES = ("exact", "anchored")
_PROFILES = tuple(PROFILES)
UNDERSTOOD = frozenset(LATER_PROFILES)
"""What this client knows beyond version 1, when ``must_understand`` names it."""


class UnsupportedError(ValueError):
    """The licence demands something that this version does not know."""


class HostBinding(NamedTuple):
    """To which host a licence is sealed, and how strictly."""

    key: str
    """40 lower-case hexadecimal digits."""
    name: str | None = None
    """The hostname, for people; it binds nothing by itself."""
    profile: str = DEFAULT_PROFILE
    match: str = "exact"
    """``exact``: the key must be equal. ``anchored``: machine and container must be."""
    tags: Mapping[str, str] | None = None
    """Component to tag (SPEC section 3.4); None where the request carried none."""
    layer: str | None = None
    """The tag of the container's layer; None where the request carried none."""
    return_digest: str | None = None
    """Of the secret by which it can be given back; None where the request carried none."""


class License(NamedTuple):
    """What the vendor signed. Instants are whole seconds since 1970-01-01T00:00:00Z."""

    iss: str
    """The vendor."""
    sub: str
    """The customer."""
    aud: str
    """The product."""
    jti: str
    """The licence's number."""
    iat: int
    nbf: int
    host: HostBinding
    exp: int | None = None
    """The first instant at which it no longer holds; None: perpetual."""
    edition: str | None = None
    features: tuple[str, ...] = ()
    limits: Mapping[str, int] | None = None
    notify_from: int | None = None
    """From when on the client warns."""
    grace_until: int | None = None
    """Until when a licence past ``exp`` is tolerated, with a warning."""
    maintenance_until: int | None = None
    """The last instant of release of the versions that it covers."""
    replaces: str | None = None
    """The number of the licence that this one replaces."""

    @classmethod
    def from_dict(cls, members: Any) -> License:
        """Read the claims. Unknown ones are ignored, unless ``must_understand`` names them.

        Raises ClaimError, or UnsupportedError for a licence of a later version.
        """
        if not isinstance(members, dict):
            raise ClaimError("payload", "it is not an object")
        _refuse_later(members)
        text, instant = claims.text, claims.instant
        iss, sub, aud = text(members, "iss"), text(members, "sub"), text(members, "aud")
        jti, iat, nbf = text(members, "jti"), instant(members, "iat"), instant(members, "nbf")
        if iss is None or sub is None or aud is None or jti is None or iat is None:
            missing = next(
                name for name in ("iss", "sub", "aud", "jti", "iat") if name not in members
            )
            raise ClaimError(missing, "it is missing")
        # Most licences have few of these: no call for one that is absent.
        return cls(
            iss,
            sub,
            aud,
            jti,
            iat,
            iat if nbf is None else nbf,
            _host(members),
            instant(members, "exp") if "exp" in members else None,
            text(members, "edition") if "edition" in members else None,
            (claims.names(members, "features") or ()) if "features" in members else (),
            claims.numbers(members, "limits") if "limits" in members else None,
            instant(members, "notify_from") if "notify_from" in members else None,
            instant(members, "grace_until") if "grace_until" in members else None,
            instant(members, "maintenance_until") if "maintenance_until" in members else None,
            text(members, "replaces") if "replaces" in members else None,
        )._in_order()

    def to_dict(self) -> dict[str, Any]:
        """The claims, in the order of SPEC section 5.2; what is None is left out."""
        host = {
            "key": self.host.key,
            "name": self.host.name,
            "profile": self.host.profile,
            "match": self.host.match,
            "tags": None if self.host.tags is None else dict(self.host.tags),
            "layer": self.host.layer,
            "return": self.host.return_digest,
        }
        members = {
            "ver": VERSION,
            "iss": self.iss,
            "sub": self.sub,
            "aud": self.aud,
            "jti": self.jti,
            "iat": self.iat,
            "nbf": self.nbf,
            "exp": self.exp,
            "host": {name: value for name, value in host.items() if value is not None},
            "edition": self.edition,
            "features": list(self.features) or None,
            "limits": dict(self.limits) if self.limits else None,
            "notify_from": self.notify_from,
            "grace_until": self.grace_until,
            "maintenance_until": self.maintenance_until,
            "replaces": self.replaces,
            # A client that does not know the profile says so, and not that a claim is wrong.
            "must_understand": [self.host.profile] if self.host.profile in UNDERSTOOD else None,
        }
        return {name: value for name, value in members.items() if value is not None}

    def payload(self) -> bytes:
        """The bytes to sign. Raises ClaimError if a verifier would refuse them."""
        members = self.to_dict()
        License.from_dict(members)
        return strictjson.dumps(members)

    def state(self, now: int) -> str:
        """``pending``, ``active``, ``notify``, ``grace`` or ``expired`` at *now* (seconds)."""
        if now < self.nbf:
            return "pending"
        if self.exp is None:
            return "active"
        if now < self.exp:
            notify = self.notify_from is not None and now >= self.notify_from
            return "notify" if notify else "active"
        return "grace" if self.grace_until is not None and now < self.grace_until else "expired"

    def _in_order(self) -> License:
        if self.exp is None:
            if self.grace_until is not None:
                raise ClaimError("grace_until", "the licence is perpetual")
        elif self.exp <= self.nbf:
            raise ClaimError("exp", "it is before the start of the term")
        elif self.grace_until is not None and self.grace_until < self.exp:
            raise ClaimError("grace_until", "it is before the licence expires")
        return self


def _refuse_later(members: dict[str, Any]) -> None:
    version = members.get("ver")
    if version != VERSION or version.__class__ is not int:
        version = claims.required(claims.integer(members, "ver"), "ver")
        raise UnsupportedError(Reason("version {version} of the licence format", version=version))
    if "must_understand" in members:
        demanded = claims.names(members, "must_understand") or ()
        unknown = [name for name in demanded if name not in UNDERSTOOD]
        if unknown:
            raise UnsupportedError(Reason("the claim {names}", names=", ".join(unknown)))


def _host(members: Mapping[str, Any]) -> HostBinding:
    host = claims.mapping(members, "host")
    if host is None:
        raise ClaimError("host", "it is missing")
    one_of = claims.one_of
    try:
        key = claims.host_key(host, "key") or claims.required(None, "key")
        name = claims.text(host, "name")
        profile = one_of(host, "profile", _PROFILES) or claims.required(None, "profile")
        return HostBinding(
            key,
            name,
            profile,
            one_of(host, "match", MATCHES) or "exact",
            claims.tags(host, "tags", tagged(profile)) if "tags" in host else None,
            claims.tag(host, "layer") if "layer" in host else None,
            claims.digest(host, "return") if "return" in host else None,
        )
    except ClaimError as error:
        raise ClaimError(f"host.{error.claim}", error.reason) from None

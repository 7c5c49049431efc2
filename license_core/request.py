"""Requests: what an operator sends to the vendor, whole or as the host key line.

Writing it is strict; reading it undoes what mail and chat do to text (SPEC section 4.4). A request
is not signed: it claims, and the vendor decides. It carries a checksum against damage.
"""

from __future__ import annotations

import re

from license_core import (
    armor,
    checked,
    claims,
    hostline_reader,
)
from license_core.claims import ClaimError
from license_core.errors import (
    RequestAmbiguousError,
    RequestDamagedError,
    RequestUnreadableError,
)
from license_core.hostkey import (
    DEFAULT_PROFILE,
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
MAX_TEXT = 64 * 1024
"""The most characters that are looked at."""
_RETURN = Reason("this is the text of a licence that was given back, not a request")

# A line just as `get_host_key` prints it. So short a name cannot hold a second key.
_PRINTED = (
    r'\["([0-9a-f]{40})", "([0-9a-z](?:[0-9a-z._-]{0,37}[0-9a-z_-])?)"'
    r'(?:, "(hk1-(?:host|cluster|site))")?\]\s*'
)


class LicenseRequest(NamedTuple):
    """What an operator asks for, and for which host."""

    key: str
    """40 lower-case hexadecimal digits."""
    name: str | None = None
    """The hostname."""
    profile: str = DEFAULT_PROFILE
    tags: Mapping[str, str] | None = None
    """Component to tag (SPEC section 3.4); None where only the bare line was sent."""
    gpus: int | None = None
    customer: str | None = None
    product: str | None = None
    replaces: str | None = None
    """The number of the licence that is installed now."""
    iat: int | None = None
    """When the request was made, in seconds, by the host's clock."""
    layer: str | None = None
    """The tag of the container's layer (SPEC section 3.4)."""
    machines: int | None = None
    """How many machines the site has, under hk1-site."""
    return_digest: str | None = None
    """Of the secret by which the licence can be given back (giveback.py)."""

    def to_dict(self) -> dict[str, Any]:
        """The members, in the order of SPEC section 4.4."""
        members = {
            "ver": VERSION,
            "key": self.key,
            "name": self.name,
            "profile": self.profile,
            "tags": None if self.tags is None else dict(self.tags),
            "layer": self.layer,
            "return": self.return_digest,
            "machines": self.machines,
            "gpus": self.gpus,
            "customer": self.customer,
            "product": self.product,
            "replaces": self.replaces,
            "iat": self.iat,
        }
        return {name: value for name, value in members.items() if value is not None}

    @classmethod
    def from_dict(cls, members: Any) -> LicenseRequest:
        """Read the members; unknown ones are ignored. Raises ClaimError."""
        if not isinstance(members, dict):
            raise ClaimError("request", "it is not an object")
        if claims.integer(members, "ver") != VERSION:
            raise ClaimError("ver", "its version is not supported")
        key = claims.required(claims.host_key(members, "key"), "key")
        name = claims.text(members, "name")
        profile = claims.one_of(members, "profile", tuple(PROFILES)) or DEFAULT_PROFILE
        return cls(
            key=key,
            name=name,
            profile=profile,
            tags=claims.tags(members, "tags", tagged(profile)) if "tags" in members else None,
            gpus=claims.integer(members, "gpus"),
            customer=claims.text(members, "customer"),
            product=claims.text(members, "product"),
            replaces=claims.text(members, "replaces"),
            iat=claims.instant(members, "iat"),
            layer=claims.tag(members, "layer"),
            machines=claims.integer(members, "machines"),
            return_digest=claims.digest(members, "return"),
        )

    def to_text(self) -> str:
        """The block to mail: armour around the members and their checksum.

        Raises ClaimError if a reader would refuse it.
        """
        members = self.to_dict()
        LicenseRequest.from_dict(members)
        return armor.wrap(armor.REQUEST, checked.write(members))


def parse(text: str) -> LicenseRequest:
    """Find the request in what a person pasted: a request block, else the bare line.

    Raises RequestUnreadableError, RequestDamagedError or RequestAmbiguousError.
    """
    if len(text) > MAX_TEXT:
        raise RequestUnreadableError(
            size=len(text),
            reason=Reason("it is longer than {most:# character|# characters}", most=MAX_TEXT),
        )
    printed = re.fullmatch(_PRINTED, text)
    if printed is not None:
        return LicenseRequest(printed[1], printed[2], printed[3] or DEFAULT_PROFILE)
    try:
        blocks = armor.unwrap_pasted(text)
    except armor.ArmorError as error:
        raise RequestDamagedError(reason=str(error)) from error
    tokens = blocks.get(armor.REQUEST, [])
    if not tokens and armor.LICENSE in blocks:
        # Its words for people name the host that it is for, and are no request of that host.
        reason = "this is a licence, not a request"
        raise RequestUnreadableError(size=len(text), reason=reason)
    found = {request.key: request for request in (_open(token) for token in tokens)}
    if not found:
        return _host_line(text, is_return=armor.RETURN in blocks)
    if len(found) != 1:
        raise RequestAmbiguousError(count=len(found))
    return next(iter(found.values()))


def _host_line(text: str, *, is_return: bool) -> LicenseRequest:
    """The host key line in *text*; several of one key are one."""
    lines, doubtful, doubt = hostline_reader.read(text)
    wrong = next((line for line in lines if not line.fits), None)
    if wrong is not None:
        reason = Reason(
            "the check code {check} does not match the host key and hostname, "
            "so at least one character is wrong",
            check=wrong.check,
        )
        raise RequestDamagedError(reason=reason)
    keys = {line.key for line in lines}
    if not keys:
        reason = _RETURN if is_return else doubt or _no_key(text)
        raise RequestUnreadableError(size=len(text), reason=reason)
    if len(keys.union(doubtful)) > 1:
        raise RequestAmbiguousError(count=len(keys.union(doubtful)))
    names = [line.name for line in lines if line.name is not None]
    profiles = [line.profile for line in lines if line.profile != DEFAULT_PROFILE]
    return LicenseRequest(
        key=lines[0].key,
        name=names[-1] if names else None,
        profile=profiles[-1] if profiles else DEFAULT_PROFILE,
    )


def _no_key(text: str) -> Reason:
    digits = max((len(run) for run in re.findall(r"[0-9a-fA-F]+", text)), default=0)
    return Reason(
        "a host key has 40 hexadecimal digits; the longest run here has {count}",
        count=digits,
    )


def _open(token: str) -> LicenseRequest:
    try:
        return checked.read(token, LicenseRequest.from_dict)
    except ValueError as error:
        raise RequestDamagedError(reason=str(error)) from error

"""Requests: what an operator sends to the vendor, whole or as the host key line.

Writing it is strict; reading it undoes what mail and chat do to text (SPEC section 4.4). A request
is not signed: it claims, and the vendor decides. It carries a checksum against damage.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from license_core import (
    armor,
    b64url,
    claims,
    strictjson,
)
from license_core.claims import ClaimError
from license_core.errors import (
    LicenseError,
    RequestAmbiguousError,
    RequestDamagedError,
    RequestUnreadableError,
)
from license_core.hostkey import (
    COMPONENTS,
    DEFAULT_PROFILE,
    PROFILES,
)
from license_core.reason import Reason
from license_core.sha256 import sha256

VERSION = 1
MAX_TEXT = 64 * 1024
"""The most characters that are looked at."""
_CHECK_CHARACTERS = 8

# Compiled by the vendor's side, when a text is read.
_INVISIBLE = r"[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\0>|]"
_HEX = "0-9a-fA-F\uff10-\uff19\uff21-\uff26\uff41-\uff46"
# Pieces of hexadecimal digits with only white space between. Where mail breaks a key its pieces are
# long; a word such as "a" after a key that lost its last digit must not complete it.
_RUN = rf"(?<![{_HEX}])[{_HEX}]{{4,}}(?:\s+[{_HEX}]{{4,}}(?![{_HEX}]))*"
_PIECE = rf"[{_HEX}]+"
_DIGITS = 40
# A line just as `get_host_key` prints it. So short a name cannot hold a second key.
_PRINTED = r'\["([0-9a-f]{40})", "([0-9a-z._-]{0,38}[0-9a-z_-])"(?:, "(hk1-host)")?\]\s*'
_QUOTES = "\"'`\u2018-\u201f\u2032\u2033\u300c-\u300f\u301d-\u301f\uff02\uff07\u00ab\u00bb"
_COMMAS = ",;\uff0c\u3001\uff1b"
_BRACKETS = r"\[\](){}\uff08\uff09\uff3b\uff3d\u3010\u3011\u3014\u3015\u3002"
# Possessive and with a limit: nothing is tried twice, however long the text is.
_NAME_AFTER = (
    rf"[\s{_QUOTES}]*+[{_COMMAS}]?+\s*+"
    rf"(?:[{_QUOTES}]++(?P<quoted>[^{_QUOTES}]{{1,2000}}+)[{_QUOTES}]"
    rf"|(?P<plain>[^\s{_QUOTES}{_COMMAS}{_BRACKETS}]{{1,2000}}+))"
)
# Read in ASCII: full-width forms are undone before.
_PROFILE_AFTER = (
    rf"[\s{_QUOTES}]*+[{_COMMAS}]\s*+[{_QUOTES}]++"
    rf"(?i:hk1[-\u2010-\u2015\u2212\ufe58\ufe63]host)[{_QUOTES}]"
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

    def to_dict(self) -> dict[str, Any]:
        """The members, in the order of SPEC section 4.4."""
        members = {
            "ver": VERSION,
            "key": self.key,
            "name": self.name,
            "profile": self.profile,
            "tags": None if self.tags is None else dict(self.tags),
            "gpus": self.gpus,
            "customer": self.customer,
            "product": self.product,
            "replaces": self.replaces,
            "iat": self.iat,
        }
        return {name: value for name, value in members.items() if value is not None}

    @classmethod
    def from_dict(cls, members: Any) -> "LicenseRequest":
        """Read the members; unknown ones are ignored. Raises ClaimError."""
        if not isinstance(members, dict):
            raise ClaimError("request", "it is not an object")
        if claims.integer(members, "ver") != VERSION:
            raise ClaimError("ver", "its version is not supported")
        return cls(
            key=claims.required(claims.host_key(members, "key"), "key"),
            name=claims.text(members, "name"),
            profile=claims.one_of(members, "profile", tuple(PROFILES)) or DEFAULT_PROFILE,
            tags=claims.tags(members, "tags", COMPONENTS) if "tags" in members else None,
            gpus=claims.integer(members, "gpus"),
            customer=claims.text(members, "customer"),
            product=claims.text(members, "product"),
            replaces=claims.text(members, "replaces"),
            iat=claims.instant(members, "iat"),
        )

    def to_text(self) -> str:
        """The block to mail: armour around the members and their checksum.

        Raises ClaimError if a reader would refuse it.
        """
        members = self.to_dict()
        LicenseRequest.from_dict(members)
        payload = strictjson.dumps(members)
        return armor.wrap(armor.REQUEST, f"{b64url.encode(payload)}.{_checksum(payload)}")


def bare_line(key: str, hostname: str | None, profile: str = DEFAULT_PROFILE) -> str:
    """The one line of ``get_host_key``: a JSON array of key and hostname, in ASCII.

    A third string names another profile than ``hk1``: who does not know it passes it over.
    """
    return json.dumps([key, hostname] + [profile] * (profile != DEFAULT_PROFILE))


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
        blocks = armor.unwrap(text.encode("utf-8", "replace"))
    except armor.ArmorError as error:
        raise RequestDamagedError(reason=str(error)) from error
    tokens = blocks.get(armor.REQUEST, [])
    if not tokens and armor.LICENSE in blocks:
        # Its words for people name the host that it is for, and are no request of that host.
        reason = "this is a licence, not a request"
        raise RequestUnreadableError(size=len(text), reason=reason)
    found = {request.key: request for request in (_open(token) for token in tokens)}
    if not found:
        found = {request.key: request for request in _bare(text)}
    if len(found) != 1:
        raise _refusal(text, len(found))
    return next(iter(found.values()))


def _refusal(text: str, count: int) -> LicenseError:
    if count:
        return RequestAmbiguousError(count=count)
    digits = max((len(run) for run in re.findall(r"[0-9a-fA-F]+", text)), default=0)
    reason = Reason(
        "a host key has 40 hexadecimal digits; the longest run here has {count}",
        count=digits,
    )
    return RequestUnreadableError(size=len(text), reason=reason)


def _open(token: str) -> LicenseRequest:
    error: ValueError | None = None
    for reading in armor.readings(token):
        try:
            body, _, check = reading.partition(".")
            payload = b64url.decode(body)
            if check != _checksum(payload):
                raise ValueError("its checksum is wrong")
            return LicenseRequest.from_dict(strictjson.loads(payload))
        except ValueError as refused:
            error = refused
    raise RequestDamagedError(reason=str(error)) from error


def _bare(text: str) -> list[LicenseRequest]:
    text = re.sub(_INVISIBLE, "", text)
    folded = _ascii(text)
    found = []
    for run in re.finditer(_RUN, text):
        pieces = [(m[0], run.start() + m.end()) for m in re.finditer(_PIECE, run[0])]
        for digits, end in _whole(pieces):
            name = re.compile(_NAME_AFTER).match(text, end)
            request = LicenseRequest(key=_ascii(digits).lower())
            if name is not None:
                request = request._replace(
                    name=_hostname(name), profile=_profile(folded, name.end())
                )
            found.append(request)
    return found


def _whole(pieces: list[tuple[str, int]]) -> Iterator[tuple[str, int]]:
    """Neighbours that make 40 digits together, and where they end; none is used twice."""
    first = 0
    while first < len(pieces):
        digits, last = "", first
        while len(digits) < _DIGITS and last < len(pieces):
            digits += pieces[last][0]
            last += 1
        if len(digits) == _DIGITS:
            yield digits, pieces[last - 1][1]
            first = last
        else:
            first += 1


def _profile(text: str, end: int) -> str:
    """The profile that is named after the name, which ends at *end* of a *text* in ASCII."""
    return "hk1-host" if re.compile(_PROFILE_AFTER).match(text, end) else DEFAULT_PROFILE


def _hostname(found: re.Match[str]) -> str | None:
    """A hostname as hk1 has it: ASCII letters in lower case."""
    if found["plain"] is not None:
        name = _ascii(found["plain"])
        return None if name == "null" else _fold(name)
    name = "".join(found["quoted"].split())
    if "\\" in name:
        try:
            name = str(json.loads(f'"{name}"'))
        except ValueError:
            pass  # no JSON escape: a backslash in a name is a backslash
    return _fold(_ascii(name))


def _fold(name: str) -> str | None:
    folded = "".join(c.lower() if c.isascii() else c for c in name).rstrip(".")
    return folded[:200] if folded.isprintable() and folded else None


def _ascii(text: str) -> str:
    """*text* with full-width forms as the ASCII that they stand for (U+FF01 to U+FF5E)."""
    return "".join(chr(ord(c) - 0xFEE0) if "\uff01" <= c <= "\uff5e" else c for c in text)


def _checksum(payload: bytes) -> str:
    return b64url.encode(sha256(payload))[:_CHECK_CHARACTERS]

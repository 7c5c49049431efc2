"""A claim: one named value of a signed object, read with its type and bounds checked.

Readers take the parsed object and the claim's name and return the value, or None where the claim
is absent and may be (SPEC section 2.3: types). All raise ClaimError.
"""

from __future__ import annotations

from license_core import b64url
from license_core.reason import Reason

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

MAX_INSTANT = 253402300799  # 9999-12-31T23:59:59Z, the last that calendars here can show
MAX_INTEGER = 2**53 - 1  # RFC 7493 section 2.2: what every JSON reader keeps exactly

_HEX = "0123456789abcdef"
_BEGINS_NAMES = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
_IN_NAMES = _BEGINS_NAMES + "._:-"
_LONGEST_NAME = 64


class ClaimError(ValueError):
    """A claim is missing, of the wrong type or out of bounds."""

    def __init__(self, claim: str, reason: str) -> None:
        super().__init__(Reason("{claim}: {reason}", claim=claim, reason=reason))
        self.claim = claim
        self.reason = reason


def required(value: Any, name: str) -> Any:
    """*value* itself, unless it is None."""
    if value is None:
        raise ClaimError(name, "it is missing")
    return value


def text(claims: Mapping[str, Any], name: str, *, longest: int = 200) -> str | None:
    """A string of 1 to *longest* characters, which can be written as UTF-8."""
    value = claims.get(name)
    if value.__class__ is str and 0 < len(value) <= longest:
        # No surrogate is printable: most texts are not looked through character by character.
        if value.isascii() or value.isprintable():
            return value
        if not any("\ud800" <= c <= "\udfff" for c in value):
            return value
        raise ClaimError(name, "it contains a lone surrogate")  # an argument that is not UTF-8
    if value is None and name not in claims:
        return None
    if not isinstance(value, str):
        raise ClaimError(name, "it is not a string")
    raise ClaimError(
        name,
        Reason(
            "it has {count:# character|# characters}; 1 to {most} are allowed",
            count=len(value),
            most=longest,
        ),
    )


def integer(
    claims: Mapping[str, Any], name: str, *, least: int = 0, most: int = MAX_INTEGER
) -> int | None:
    """A whole number; true, false and 1.0 are none."""
    value = claims.get(name)
    if type(value) is int and least <= value <= most:
        return value
    if value is None and name not in claims:
        return None
    if type(value) is not int:
        raise ClaimError(name, "it is not a whole number")
    raise ClaimError(
        name,
        Reason("{value} is not between {least} and {most}", value=value, least=least, most=most),
    )


def instant(claims: Mapping[str, Any], name: str) -> int | None:
    """Seconds since 1970-01-01T00:00:00Z, a whole number (RFC 7519 NumericDate, no fraction)."""
    value = claims.get(name)
    if value.__class__ is int and 0 <= value <= MAX_INSTANT:
        return value
    if value is None and name not in claims:
        return None
    return integer(claims, name, most=MAX_INSTANT)


def names(claims: Mapping[str, Any], name: str) -> tuple[str, ...] | None:
    """An array of distinct names (SPEC section 2.3)."""
    value = claims.get(name)
    if value is None and name not in claims:
        return None
    if value.__class__ is not list:
        raise ClaimError(name, "it is not an array")
    for item in value:
        if item.__class__ is not str or not choice_name(item):
            raise ClaimError(name, Reason("{value!r} is not a valid name", value=item))
    if len(set(value)) != len(value):
        raise ClaimError(name, "it contains a name twice")
    return tuple(value)


def mapping(claims: Mapping[str, Any], name: str) -> dict[str, Any] | None:
    """An object."""
    value = claims.get(name)
    if value is None and name not in claims:
        return None
    if value.__class__ is not dict:
        raise ClaimError(name, "it is not an object")
    return value


def numbers(claims: Mapping[str, Any], name: str) -> dict[str, int] | None:
    """An object from names to whole numbers."""
    value = mapping(claims, name)
    if value is None:
        return None
    for key, number in value.items():
        if not choice_name(key):
            raise ClaimError(name, Reason("{value!r} is not a valid name", value=key))
        if type(number) is not int:
            raise ClaimError(f"{name}.{key}", "it is not a whole number")
        if not 0 <= number <= MAX_INTEGER:
            reason = Reason(
                "{value} is not between {least} and {most}",
                value=number,
                least=0,
                most=MAX_INTEGER,
            )
            raise ClaimError(f"{name}.{key}", reason)
    return value


def host_key(claims: Mapping[str, Any], name: str) -> str | None:
    """40 lower-case hexadecimal digits (SPEC section 3.2)."""
    value = claims.get(name)
    if value.__class__ is str and len(value) == 40 and not value.strip(_HEX):
        return value
    if text(claims, name) is None:
        return None
    raise ClaimError(name, "it is not 40 lowercase hexadecimal digits")


def one_of(claims: Mapping[str, Any], name: str, allowed: tuple[str, ...]) -> str | None:
    """One of the strings in *allowed*."""
    value = claims.get(name)
    if value in allowed or text(claims, name) is None:
        return value
    raise ClaimError(
        name, Reason("{value!r} is not one of {allowed}", value=value, allowed=", ".join(allowed))
    )


def tags(claims: Mapping[str, Any], name: str, components: tuple[str, ...]) -> dict[str, str]:
    """An object from components to 16 hexadecimal digits; empty where absent (SPEC section 3.4)."""
    value = mapping(claims, name) or {}
    for component, tag in value.items():
        if component not in components:
            raise ClaimError(
                name, Reason("{value!r} is not a component of a host key", value=component)
            )
        if tag.__class__ is not str or len(tag) != 16 or tag.strip(_HEX):
            raise ClaimError(
                name, Reason("the tag of {name} is not 16 hexadecimal digits", name=component)
            )
    return value


def tag(claims: Mapping[str, Any], name: str) -> str | None:
    """16 lower-case hexadecimal digits."""
    value = claims.get(name)
    if value.__class__ is str and len(value) == 16 and not value.strip(_HEX):
        return value
    if value is None and name not in claims:
        return None
    raise ClaimError(name, Reason("the tag of {name} is not 16 hexadecimal digits", name=name))


def digest(claims: Mapping[str, Any], name: str) -> str | None:
    """43 characters of base64url: 32 bytes, such as a SHA-256."""
    value = text(claims, name)
    if value is None:
        return None
    try:
        if len(b64url.decode(value)) == 32:
            return value
    except ValueError:
        pass  # said below
    raise ClaimError(name, "it is not 43 characters of base64url")


def choice_name(value: str) -> bool:
    """Whether *value* may be the name of a product, feature, limit or edition."""
    if not 0 < len(value) <= _LONGEST_NAME:
        return False
    if value.isascii() and value.isalnum():  # most are
        return True
    # A text of which nothing is left when these are stripped consists of these.
    return value[0] in _BEGINS_NAMES and not value.strip(_IN_NAMES)

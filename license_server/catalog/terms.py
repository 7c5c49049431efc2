"""Terms: entitlements and days, in an order or as a product's defaults."""

from collections.abc import Callable, Iterable, Mapping, Sized
from typing import Any, TypeVar

from license_core import claims
from license_core.claims import ClaimError
from license_core.license import MATCHES
from license_core.reason import Reason
from license_server.catalog import typed
from license_server.catalog.faults import Faults
from license_server.catalog.fields import choice_name
from license_server.db.errors import InputInvalidError

S = TypeVar("S", bound=Sized)

DAY = 86400
"""In seconds."""
MAX_DAYS = 36_500
"""The longest term."""
MAX_NAMES = 200
"""The most features, and the most limits, of one licence."""
DURATIONS = ("days", "expires", "perpetual")
"""The ways to say how long a licence holds; an order has one of them."""
TERM = (*DURATIONS, "time_zone")
WARNINGS = ("notify_days", "grace_days")
"""What is counted from the end of a term."""
OUTSIDE = "{value} is not between {least} and {most}"
"""What is said of a number that is too small or too large."""
DEFAULTS = ("days", "edition", "features", "limits", "match", *WARNINGS)
"""The members of an order that a product, or a plan of it, may say where the order does not."""
CHANGES = ("edition", "features", "limits", "match", *WARNINGS)


def check_terms(members: Mapping[str, Any], faults: Faults) -> None:
    """Note what keeps *members* from being the defaults of a product."""
    faults.read("days", read_days, members, "days", 1)
    read_terms(members, faults)
    for member in WARNINGS:
        faults.read(member, read_days, members, member)


def read_terms(given: Mapping[str, Any], faults: Faults) -> dict[str, Any]:
    """What a licence allows, as far as *given* says; None for what is wrong."""
    return {
        member: faults.read(member, reader, given, member)
        for member, reader in _READERS.items()
        if member in given
    }


def read_days(given: Mapping[str, Any], member: str, least: int = 0) -> int | None:
    """A number of days. Raises ClaimError, InputInvalidError."""
    if isinstance(given.get(member), str):  # what was typed makes no number
        return read_typed(given[member], member, least, MAX_DAYS)
    return claims.integer(given, member, least=least, most=MAX_DAYS)


def _features(given: Mapping[str, Any], member: str) -> tuple[str, ...]:
    return _at_most(claims.names(given, member) or (), member)


def _limits(given: Mapping[str, Any], member: str) -> dict[str, int]:
    return _at_most(claims.numbers(given, member) or {}, member)


def _match(given: Mapping[str, Any], member: str) -> str | None:
    return claims.one_of(given, member, MATCHES)


_READERS: dict[str, Callable[[Mapping[str, Any], str], Any]] = {
    "edition": choice_name,
    "features": _features,
    "limits": _limits,
    "match": _match,
}


def _at_most(values: S, name: str) -> S:
    if len(values) > MAX_NAMES:
        raise ClaimError(
            name,
            Reason(
                "there are {count}, but at most {most} are allowed",
                count=len(values),
                most=MAX_NAMES,
            ),
        )
    return values


def limits_of(texts: Iterable[str]) -> dict[str, int]:
    """Limits such as ``gpus=4``, as people type them. Raises InputInvalidError."""
    made: dict[str, int] = {}
    for name, value, text in typed.limits(texts):
        if not name or isinstance(value, str):
            reason = Reason("{value!r} is not of the form gpus=4", value=text)
            raise InputInvalidError(field="limits", reason=reason)
        if not 0 <= value <= claims.MAX_INTEGER:
            most = claims.MAX_INTEGER
            reason = Reason(OUTSIDE, value=text, least=0, most=most)
            raise InputInvalidError(field="limits", reason=reason)
        if name in made:
            reason = Reason("{name} is given twice", name=name)
            raise InputInvalidError(field="limits", reason=reason)
        made[name] = value
    return made


def days_of(text: str, member: str, least: int = 0, most: int = MAX_DAYS) -> int:
    """The number of days that somebody typed. Raises InputInvalidError."""
    return read_typed(typed.number(text), member, least, most)


def read_typed(value: int | str, member: str, least: int, most: int) -> int:
    """*value*, if it is a number between these. Raises InputInvalidError."""
    if isinstance(value, str):
        reason = Reason(
            "{value!r} is not a whole number from {least} to {most}",
            value=value,
            least=least,
            most=most,
        )
        raise InputInvalidError(field=member, reason=reason)
    if not least <= value <= most:
        reason = Reason(OUTSIDE, value=value, least=least, most=most)
        raise InputInvalidError(field=member, reason=reason)
    return value

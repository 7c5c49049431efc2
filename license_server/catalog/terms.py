"""Terms: entitlements and days, in an order or as a product's defaults."""

from collections.abc import Callable, Iterable, Mapping, Sized
from typing import Any, TypeVar

from license_core import claims
from license_core.claims import ClaimError
from license_core.license import MATCHES
from license_core.reason import Reason
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
    """A number of days. Raises ClaimError."""
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
    """Limits such as ``gpus=4``. Raises InputInvalidError."""
    made: dict[str, int] = {}
    for text in texts:
        name, _, value = text.replace("＝", "=").partition("=")
        if not name or not (value.isascii() and value.isdigit()) or len(value) > 15:
            reason = Reason("{value!r} is not of the form gpus=4", value=text)
            raise InputInvalidError(field="limits", reason=reason)
        if name in made:
            reason = Reason("{name} is given twice", name=name)
            raise InputInvalidError(field="limits", reason=reason)
        made[name] = int(value)
    return made

"""Terms: entitlements and days, in an order or as a product's defaults."""

from collections.abc import Iterable, Mapping
from typing import Any

from license_core import claims
from license_core.claims import ClaimError
from license_core.license import MATCHES
from license_core.reason import Reason
from license_server.catalog.fields import choice_name
from license_server.db.errors import InputInvalidError

DAY = 86400
"""In seconds."""
MAX_DAYS = 36_500
"""The longest term."""
MAX_NAMES = 200
"""The most features, and the most limits, of one licence."""


TERM = ("days", "expires", "perpetual", "time_zone")


CHANGES = ("edition", "features", "limits", "match", "notify_days", "grace_days")


def check_terms(members: Mapping[str, Any]) -> None:
    """Raise ClaimError unless *members* are terms that a product may have as defaults."""
    claims.integer(members, "days", least=1, most=MAX_DAYS)
    read_terms(members)
    read_days(members, "notify_days")
    read_days(members, "grace_days")


def read_terms(given: Mapping[str, Any]) -> dict[str, Any]:
    """What a licence allows, as far as *given* says. Raises ClaimError."""
    found = {
        "edition": choice_name(given, "edition"),
        "features": _at_most(claims.names(given, "features") or (), "features"),
        "limits": _at_most(claims.numbers(given, "limits") or {}, "limits"),
        "match": claims.one_of(given, "match", MATCHES),
    }
    return {member: value for member, value in found.items() if member in given}


def read_days(given: Mapping[str, Any], member: str) -> int | None:
    """A number of days. Raises ClaimError."""
    return claims.integer(given, member, most=MAX_DAYS)


def _at_most(values: Any, name: str) -> Any:
    if len(values) > MAX_NAMES:
        raise ClaimError(
            name,
            Reason(
                "{count} are given; at most {most} are allowed", count=len(values), most=MAX_NAMES
            ),
        )
    return values


def limits_of(texts: Iterable[str]) -> dict[str, int]:
    """Limits such as ``gpus=4``. Raises InputInvalidError."""
    made: dict[str, int] = {}
    for text in texts:
        name, _, value = text.replace("＝", "=").partition("=")
        if not name or not (value.isascii() and value.isdigit()) or len(value) > 15:
            reason = Reason("{value!r} is not like gpus=4", value=text)
            raise InputInvalidError(field="limits", reason=reason)
        if name in made:
            reason = Reason("{name} is given twice", name=name)
            raise InputInvalidError(field="limits", reason=reason)
        made[name] = int(value)
    return made

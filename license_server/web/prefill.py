"""The form for a licence that replaces another: filled in as that one was."""

from collections.abc import Iterator
from datetime import UTC, date, time, tzinfo
from zoneinfo import ZoneInfo, available_timezones

from license_core.license import License
from license_server.catalog.terms import DAY
from license_server.web.reader import at

ZONES = ("UTC", "Asia/Shanghai", "Asia/Tokyo", "Europe/Berlin", "America/New_York")
"""Those that the form proposes."""


def fields(license_: License, zone: str, now: int) -> dict[str, str]:
    """What the form says for a licence like *license_* at the instant *now*.

    A licence says instants; *zone* is tried first for the time zone whose days they end. Its end
    stays, but where it is over: then it is as many days as it was.
    """
    filled = {
        "customer": license_.sub,
        "product": license_.aud,
        "edition": license_.edition or "",
        "features": ", ".join(license_.features),
        "limits": ", ".join(f"{name}={n}" for name, n in (license_.limits or {}).items()),
        "match": license_.host.match,
        "replaces": license_.jti,
    }
    name = zone_of(license_, zone)
    filled["time_zone"] = name
    if license_.maintenance_until is not None:
        filled["maintenance_until"] = last_day(license_.maintenance_until, name).isoformat()
    return filled | _term(license_, name, now)


def zone_of(license_: License, first: str) -> str:
    """A time zone in which *license_* ends with a day, *first* before others."""
    ends = [end for end in (license_.exp, license_.maintenance_until) if end is not None]
    return next((name for name in _names(first) if _end_days(ends, name)), first)


def last_day(end: int, zone: str) -> date:
    """The day in *zone* that is over at *end*."""
    return at(end - 1, _zone(zone)).date()


def _term(license_: License, zone: str, now: int) -> dict[str, str]:
    end = license_.exp
    if end is None:
        return {"term": "perpetual"}
    filled = {}
    if license_.notify_from is not None:
        filled["notify_days"] = str((end - license_.notify_from) // DAY)
    if license_.grace_until is not None:
        filled["grace_days"] = str((license_.grace_until - end) // DAY)
    if end > now:
        return filled | {"term": "expires", "expires": last_day(end, zone).isoformat()}
    issued = at(license_.iat, _zone(zone)).date()
    return filled | {"term": "days", "days": str((last_day(end, zone) - issued).days)}


def _names(first: str) -> Iterator[str]:
    yield first
    yield from ZONES
    yield from sorted(available_timezones())


def _end_days(instants: list[int], zone: str) -> bool:
    """Whether each of *instants* is a midnight there."""
    there = _zone(zone)
    return all(at(i, there).time() == time() for i in instants)


def _zone(name: str) -> tzinfo:
    return UTC if name == "UTC" else ZoneInfo(name)

"""The form for a licence, filled in: as an earlier one was, or as a plan says."""

from collections.abc import Iterator, Mapping
from datetime import time
from zoneinfo import available_timezones

from license_core.license import License
from license_server.catalog.plans import ProductPlan
from license_server.catalog.terms import DAY
from license_server.licenses import issuing
from license_server.licenses.acts import PLAN
from license_server.licenses.license_store import StoredLicense
from license_server.licenses.term_days import at, day_of, known_zone, last_number, zone_of
from license_server.web import forms

FILLED = "filled"
"""The field that names the plan by which the form was filled in."""
REQUEST = "request"
"""The field that names the request which the licence answers."""
ZONES = ("UTC", "Asia/Shanghai", "Asia/Tokyo", "Europe/Berlin", "America/New_York")
"""Those that the form proposes."""


def fields(stored: StoredLicense, zone: str, now: int) -> dict[str, str]:
    """What the form says for a licence like *stored* at the instant *now*.

    Where its time zone was not kept, *zone* is tried first for one whose days its instants end. Its
    end stays, but where it is over: then it is as many days as it was.
    """
    license_ = issuing.claims_of(stored)
    filled = {
        "customer": license_.sub,
        "product": license_.aud,
        "edition": license_.edition or "",
        "features": ", ".join(license_.features),
        "limits": ", ".join(f"{name}={n}" for name, n in (license_.limits or {}).items()),
        "match": license_.host.match,
        "replaces": license_.jti,
    }
    name = stored.time_zone or _zone_of(license_, zone)
    filled["time_zone"] = name
    if license_.maintenance_until is not None:
        filled["maintenance_until"] = _last_day(license_.maintenance_until, name)
    return filled | _term(license_, name, now)


def by_plan(
    fields: Mapping[str, str], plan: ProductPlan, former: ProductPlan | None
) -> dict[str, str]:
    """*fields* with what *plan* says.

    What the *former* one filled in, and nobody changed since, goes.
    """
    before, said = ({} if one is None else _said(one) for one in (former, plan))
    gone = {name: "" for name, text in before.items() if fields.get(name) == text}
    term = {"term": "days", "expires": ""} if "days" in said else {}
    return {**fields, **gone, **said, **term, PLAN: plan.name, FILLED: plan.name}


def _said(plan: ProductPlan) -> dict[str, str]:
    """What *plan* says, as it is typed."""
    return {name: forms.typed(value) for name, value in plan.terms.items()}


def _zone_of(license_: License, first: str) -> str:
    """A time zone in which *license_* ends with a day, *first* before others."""
    ends = [end for end in (license_.exp, license_.maintenance_until) if end is not None]
    return next((name for name in _names(first) if _end_days(ends, name)), first)


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
        return filled | {"term": "expires", "expires": _last_day(end, zone)}
    issued = at(license_.iat, known_zone(zone)).date()
    days = (day_of(last_number(end, zone)) - issued).days
    return filled | {"term": "days", "days": str(days)}


def _last_day(end: int, zone: str) -> str:
    return day_of(last_number(end, zone)).isoformat()


def _names(first: str) -> Iterator[str]:
    yield first
    yield from ZONES
    yield from sorted(available_timezones())


def _end_days(instants: list[int], zone: str) -> bool:
    """Whether each of *instants* is a midnight there."""
    there = zone_of(zone)
    return all(at(i, there).time() == time() for i in instants)

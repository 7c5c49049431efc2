"""When a product reminds of the end of its licences: days before it, and days to leave out.

A product has none until somebody sets them. What was due before they were set stays as it is, so
that nobody is flooded by the past.
"""

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from typing import Any, NamedTuple

from license_core import strictjson
from license_core.reason import Reason
from license_server.catalog.catalog_store import Product
from license_server.catalog.faults import Faults
from license_server.catalog.terms import OUTSIDE

MEMBERS = ("days", "quiet_weekends", "quiet_dates")
LEAST, MOST = -90, 1095
"""Days before the end of a licence; those under 0 are after it."""
MOST_REMINDERS = 12
MOST_DATES = 60
"""Dates, and spans of them."""
LONGEST_SPAN = 31
"""The days of a span."""
_SPAN = "/"
_SATURDAY = 5


class Rules(NamedTuple):
    """When a product reminds of the end of its licences."""

    days: tuple[int, ...]
    """Before the last day, the largest first; under 0: after it."""
    quiet_weekends: bool
    """Whether nothing is sent on Saturdays and Sundays."""
    quiet_dates: tuple[tuple[date, date], ...]
    """On which nothing is sent: first and last day of each span."""
    since: int
    """When they were set, in seconds: what was due before is not sent."""

    def is_quiet(self, day: date) -> bool:
        """Whether nothing is sent on a *day*."""
        if self.quiet_weekends and day.weekday() >= _SATURDAY:
            return True
        return any(first <= day <= last for first, last in self.quiet_dates)

    def told(self) -> dict[str, Any]:
        """They as ``read`` takes them."""
        dates = [_text(*span) for span in self.quiet_dates]
        return {
            "days": list(self.days),
            "quiet_weekends": self.quiet_weekends,
            "quiet_dates": dates,
        }


def of(product: Product | None) -> Rules | None:
    """The rules of a *product*; None: it reminds of nothing."""
    if product is None or product.reminders is None:
        return None
    found = strictjson.loads(product.reminders.encode("utf-8"))
    spans = tuple(_span(text) for text in found["quiet_dates"])
    return Rules(tuple(found["days"]), found["quiet_weekends"], spans, found["since"])


def told(product: Product) -> dict[str, Any]:
    """They as the audit log tells of them: a member each."""
    rules = of(product)
    return {} if rules is None else {f"reminders.{name}": it for name, it in rules.told().items()}


def read(given: Any, faults: Faults) -> Rules | None:
    """The rules that *given* are, set at no instant; *faults* takes what is wrong."""
    if not given and given in (None, {}):
        return None
    if not isinstance(given, dict):
        faults.refuse("reminders", "it is not an object")
        return None
    reason = Reason("there is no such field; the fields are {allowed}", allowed=", ".join(MEMBERS))
    for member in given:
        if member not in MEMBERS:
            faults.refuse(f"reminders.{member[:40]}", reason)
    days = _days(given, faults)
    weekends = given.get("quiet_weekends")
    if not isinstance(weekends, bool | None):
        faults.refuse("reminders.quiet_weekends", "it is neither true nor false")
    spans = tuple(_spans(given, faults))
    return Rules(days, weekends is True, spans, 0) if days else None


def kept(product: Product | None, rules: Rules | None, now: int) -> str | None:
    """*rules* as they are stored, from the instant *now* on; where they are as before, since then.

    None: there are none.
    """
    if rules is None:
        return None
    former = of(product)
    same = former is not None and former._replace(since=0) == rules
    since = former.since if same and former is not None else now
    return strictjson.dumps(rules.told() | {"since": since}).decode("utf-8")


def _days(given: Mapping[str, Any], faults: Faults) -> tuple[int, ...]:
    field, days = "reminders.days", given.get("days")
    if days is None or days == []:
        if len(given) > 0:
            faults.refuse(field, "it is missing")
        return ()
    if not isinstance(days, list):
        faults.refuse(field, "it is not a list")
        return ()
    if len(days) > MOST_REMINDERS:
        reason = "there are {count}, and at most {most} are allowed"
        faults.refuse(field, Reason(reason, count=len(days), most=MOST_REMINDERS))
        return ()
    for one in days:
        if not isinstance(one, int) or isinstance(one, bool):
            told = Reason(
                "{value!r} is not a whole number from {least} to {most}",
                value=str(one)[:40],
                least=LEAST,
                most=MOST,
            )
            faults.refuse(field, told)
            return ()
        if not LEAST <= one <= MOST:
            faults.refuse(field, Reason(OUTSIDE, value=one, least=LEAST, most=MOST))
            return ()
    return tuple(sorted(set(days), reverse=True))


def _spans(given: Mapping[str, Any], faults: Faults) -> Iterator[tuple[date, date]]:
    field, dates = "reminders.quiet_dates", given.get("quiet_dates") or []
    if not isinstance(dates, list):
        faults.refuse(field, "it is not a list")
        return
    if len(dates) > MOST_DATES:
        reason = "there are {count}, and at most {most} are allowed"
        faults.refuse(field, Reason(reason, count=len(dates), most=MOST_DATES))
        return
    for text in dates:
        try:
            first, last = _span(text)
        except (TypeError, ValueError, AttributeError):
            reason = Reason(
                "{value!r} is neither a date such as 2027-10-01 nor a span of dates such as "
                "2027-10-01/2027-10-07",
                value=str(text)[:40],
            )
            faults.refuse(field, reason)
            return
        if not first <= last < first + timedelta(LONGEST_SPAN):
            reason = "{value} is not a span of 1 to {most} days"
            faults.refuse(field, Reason(reason, value=text, most=LONGEST_SPAN))
            return
        yield first, last


def _span(text: str) -> tuple[date, date]:
    """The first and the last day of a date, or of a span as ISO 8601 has it. Raises ValueError."""
    first, sign, last = text.partition(_SPAN)
    begin = date.fromisoformat(first)
    end = date.fromisoformat(last) if sign else begin
    if begin.year >= date.max.year or end.year >= date.max.year:  # so that there are days around
        raise ValueError("beyond the calendar")
    return begin, end


def _text(first: date, last: date) -> str:
    return first.isoformat() if first == last else f"{first.isoformat()}{_SPAN}{last.isoformat()}"

"""When a term is reminded of, by the rules of its product. Pure: no clock, no database.

A reminder goes out in the morning of its day, where its term was ordered. On a quiet day it does
not: one before the end goes out on the last day before that is not quiet, one after the end on the
next. Of several that are due, the last one counts: a server that was off for a month sends one.
"""

from datetime import date, datetime, time, timedelta
from typing import NamedTuple

from license_server.catalog.reminders import Rules
from license_server.catalog.terms import DAY
from license_server.licenses import term_days

HOUR = 8
"""Of the morning."""
LATE = 31
"""So many days after its day a reminder of what is over is not sent any more."""
_MOST_QUIET = 60


class Term(NamedTuple):
    """Of a licence, what tells when it is reminded of."""

    last_day: int
    """Its number (term_days)."""
    zone: str
    expires_at: int
    since: int
    """When it was issued: what was due before is not sent."""


class Reminder(NamedTuple):
    """One of a term."""

    days: int
    """Before the last day; under 0: after it."""
    due_at: int

    @property
    def is_after(self) -> bool:
        """Whether it tells that the term is over."""
        return self.days < 0


def reminders(rules: Rules, term: Term) -> list[Reminder]:
    """All of a term, the first one first."""
    since = max(rules.since, term.since)
    found = [Reminder(days, _due_at(rules, term, days)) for days in rules.days]
    return [one for one in found if one.due_at >= since]


def _due_at(rules: Rules, term: Term, days: int) -> int:
    """The instant, in seconds, at which it is due."""
    there = term_days.known_zone(term.zone)
    day = moved(rules, term_days.day_of(term.last_day) - timedelta(days), later=days < 0)
    return int(datetime.combine(day, time(HOUR), there).timestamp())


def moved(rules: Rules, day: date, *, later: bool) -> date:
    """The nearest day, before or *later*, that is not quiet; the *day* itself where none is."""
    step = timedelta(1 if later else -1)
    other = day
    for _ in range(_MOST_QUIET):
        if not rules.is_quiet(other):
            return other
        other += step
    return day


def longest_shift(rules: Rules) -> int:
    """A bound of how many days ``moved`` moves."""
    spans = sum((last - first).days + 1 for first, last in rules.quiet_dates)
    if not rules.quiet_weekends:
        return min(spans, _MOST_QUIET)
    return min(spans + 2 * (spans // 5 + 2), _MOST_QUIET)


def due(given: list[Reminder], expires_at: int, now: int) -> Reminder | None:
    """Which of these reminders is to be given now, if it was not: the last that is due.

    None where that one is too late.
    """
    last = next((one for one in reversed(given) if one.due_at <= now), None)
    return None if last is None or is_too_late(last, expires_at, now) else last


def is_too_late(one: Reminder, expires_at: int, now: int) -> bool:
    """Whether *one* would tell of what is not so any more, or is long over."""
    return now >= (one.due_at + LATE * DAY if one.is_after else expires_at)


def upcoming(given: list[Reminder], now: int) -> Reminder | None:
    """The next one."""
    return next((one for one in given if one.due_at > now), None)

"""The days of a term: a licence ends with a day of the time zone in which it was ordered.

Instants are in seconds. The end of a term is the first instant after it, which nobody is told as a
day: the day that counts is the last one before it, and it is that of the licence, whoever reads.
In the ledger a day is its number: 1970-01-01 is 0.
"""

import re
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from license_core.claims import MAX_INSTANT

UTC_NAME = "UTC"
_DAY = 86400
_FIRST = date(1970, 1, 1).toordinal()
_EASTERNMOST = 13 * 3600
"""Where it is not known in which time zone a term was ordered, its end is taken for a midnight of
one that is as far east of Greenwich as this, or less."""
_OFFSET = re.compile(r"UTC([+-])([01][0-9]):([0-5][0-9])")
_WEST, _EAST = -12 * 60, 14 * 60
"""How far behind and ahead of Greenwich people live, in minutes."""
_NO_PLACES = ("localtime", "posixrules", "Factory", "posix/", "right/")
"""How names of the system's files begin that are no time zones of the IANA database."""


NO_ZONE = (KeyError, OSError, ValueError)
"""What is raised where a time zone is not known; ZoneInfoNotFoundError is a KeyError."""


class Day(NamedTuple):
    """A day of a term, as people are told it."""

    day: date
    zone: str
    """The name of the time zone of that day."""
    instant: int
    """When it begins, of a first day; of a last one, when it is over."""

    @property
    def there(self) -> tzinfo:
        """The time zone of that day; where this machine has it not, one in which it ends then."""
        try:
            return zone_of(self.zone)
        except NO_ZONE:
            return zone_of(zone_ending(self.instant))

    def __str__(self) -> str:
        return f"{self.day.isoformat()} ({self.zone})"


def first_of(begin: int | None, zone: str) -> Day | None:
    """The day of *zone* that *begin* is in; None: there is none."""
    return None if begin is None else Day(at(begin, zone_of(zone)).date(), zone, begin)


def last_of(end: int | None, zone: str) -> Day | None:
    """The last day in *zone* of what is over at *end*; None: it has no end."""
    return None if end is None else Day(day_of(last_number(end, zone)), zone, end)


def last_of_any(end: int | None, zone: str) -> Day | None:
    """As ``last_of``; where *end* is no midnight in *zone*, in one in which it is."""
    if end is None or _is_midnight(end, zone):
        return last_of(end, zone)
    return last_of(end, zone_ending(end))


@lru_cache(maxsize=1024)  # many lines of a sheet have the same term
def last_number(end: int, zone: str) -> int:
    """The number of the last day in *zone* before *end*; where this machine has it not, of its end.

    Its end is a midnight there.
    """
    try:
        there = zone_of(zone)
    except NO_ZONE:
        there = zone_of(zone_ending(end))
    return number_of(at(end - 1, there).date())


def day_of(number: int) -> date:
    """The day of this *number*."""
    return date.fromordinal(number + _FIRST)


def number_of(day: date) -> int:
    """The number of a *day*."""
    return day.toordinal() - _FIRST


def around(first: int | None, last: int | None) -> tuple[int | None, int | None]:
    """Bounds of the ends of terms whose last days are from *first* to *last*, in any time zone.

    From the one instant on, and before the other; there are other days within, too.
    """
    # The days of no time zone begin more than a day before or after those of UTC, and what is over
    # in the middle of a day has this as its last day, too.
    return (
        None if first is None else (first - 1) * _DAY,
        None if last is None else (last + 2) * _DAY,
    )


def zone_of(name: str) -> tzinfo:
    """The time zone *name*: of the IANA database, or such as ``UTC+08:00``.

    Raises one of NO_ZONE where there is none of that name.
    """
    if name == UTC_NAME:
        return UTC  # known without the system's time zone data
    fixed = _OFFSET.fullmatch(name)
    if fixed is None:
        return ZoneInfo(name)
    sign, hours, minutes = fixed.groups()
    ahead = timedelta(hours=int(hours), minutes=int(minutes))
    return timezone(-ahead if sign == "-" else ahead)


def known_zone(name: str) -> tzinfo:
    """The time zone *name*, in which something was ordered; UTC where this machine has it not."""
    try:
        return zone_of(name)
    except NO_ZONE:
        return UTC


def zone_to_order_in(name: str) -> tzinfo:
    """As ``zone_of``, for a new term: one where people live, which is everywhere the same."""
    there = zone_of(name)
    fixed = _OFFSET.fullmatch(name)
    ahead = there.utcoffset(None) if fixed else None
    if ahead is not None and not _WEST <= ahead.total_seconds() / 60 <= _EAST:
        raise KeyError(name)
    if name.startswith(_NO_PLACES):
        raise KeyError(name)
    return there


def zone_ending(end: int | None) -> str:
    """The name of a time zone in which *end* is midnight, for a term whose own was not kept."""
    if end is None:
        return UTC_NAME
    ahead = ((end + _EASTERNMOST) // _DAY * _DAY - end) // 60
    hours, minutes = divmod(abs(ahead), 60)
    return f"UTC{'-' if ahead < 0 else '+'}{hours:02}:{minutes:02}" if ahead else UTC_NAME


def end_of(day: date, there: tzinfo) -> int:
    """The first instant after *day*. Raises OverflowError, ValueError beyond the calendar."""
    midnight = datetime.combine(day + timedelta(days=1), time(), there)
    instant = int(midnight.astimezone(UTC).timestamp())
    if not 0 <= instant <= MAX_INSTANT:
        raise OverflowError("beyond the calendar")
    return instant


def at(instant: int, there: tzinfo) -> datetime:
    """An instant in the time zone *there*; in UTC where its calendar ends before that instant.

    Instants go to the end of the year 9999 in UTC, which is past the end of it further east.
    """
    try:
        return datetime.fromtimestamp(instant, there)
    except (OverflowError, ValueError):
        return datetime.fromtimestamp(instant, UTC)


def _is_midnight(end: int, zone: str) -> bool:
    try:
        there = zone_of(zone)
        return end_of(at(end - 1, there).date(), there) == end
    except (OverflowError, *NO_ZONE):
        return True  # at the end of the calendar, or as far as this machine knows

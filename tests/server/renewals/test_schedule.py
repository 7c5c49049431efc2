"""When a term is reminded of: by days, on working days, in its own time zone."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from license_server.catalog import reminders as stored_rules
from license_server.catalog.catalog_store import Product
from license_server.catalog.faults import Faults
from license_server.catalog.reminders import Rules
from license_server.catalog.terms import DAY
from license_server.licenses import term_days
from license_server.renewals import schedule
from license_server.renewals.schedule import LATE, Term

LAST = date(2027, 3, 31)  # a Wednesday
QUIET = ((date(2027, 3, 23), date(2027, 3, 26)),)  # Tuesday to Friday


def rules(*days: int, weekends: bool = False, dates: tuple[tuple[date, date], ...] = ()) -> Rules:
    return Rules(days, weekends, dates, 0)


def term(last: date = LAST, zone: str = "UTC", since: int = 0) -> Term:
    there = ZoneInfo(zone)
    return Term(term_days.number_of(last), zone, term_days.end_of(last, there), since)


def at(day: date, hour: int, zone: str = "UTC") -> int:
    return int(datetime(day.year, day.month, day.day, hour, tzinfo=ZoneInfo(zone)).timestamp())


def days_of(wanted: Rules, of: Term) -> list[date]:
    there = ZoneInfo(of.zone)
    return [
        datetime.fromtimestamp(one.due_at, there).date() for one in schedule.reminders(wanted, of)
    ]


def test_reminders_go_out_in_the_morning_of_their_days_where_the_term_was_ordered() -> None:
    for zone in ("UTC", "Asia/Shanghai", "America/New_York", "Pacific/Kiritimati"):
        found = schedule.reminders(rules(90, 7, 0, -1), term(zone=zone))
        wanted = [at(LAST - timedelta(days), 8, zone) for days in (90, 7, 0, -1)]
        assert [one.due_at for one in found] == wanted
        assert [one.is_after for one in found] == [False, False, False, True]


def test_reminder_before_the_end_moves_to_the_working_day_before_and_one_after_it_to_the_next() -> (
    None
):
    # 2027-03-27 is a Saturday, three days before 30 March; 3 April is a Saturday, too.
    wanted = rules(4, 3, -3, weekends=True)
    assert days_of(wanted, term()) == [date(2027, 3, 26), date(2027, 3, 26), date(2027, 4, 5)]
    wanted = rules(4, 3, weekends=True, dates=QUIET)  # the whole week before, too
    assert days_of(wanted, term()) == [date(2027, 3, 22), date(2027, 3, 22)]
    always = ((date(2026, 1, 1), date(2028, 1, 1)),)
    assert days_of(rules(5, dates=always), term()) == [LAST - timedelta(5)]


def test_what_was_due_before_it_was_set_or_issued_is_no_reminder() -> None:
    since = at(LAST - timedelta(30), 8)
    assert [one.days for one in schedule.reminders(rules(90, 30, 7), term(since=since))] == [30, 7]
    assert [one.days for one in schedule.reminders(rules(90, 30, 7), term(since=since + 1))] == [7]
    late = rules(90, 30, 7)._replace(since=since + 1)
    assert [one.days for one in schedule.reminders(late, term())] == [7]


@pytest.mark.parametrize(
    ("days_before", "wanted"),
    [(91, None), (90, 90), (31, 90), (30, 30), (8, 30), (7, 7), (0, 7), (-1, -1), (-31, -1)],
)
def test_of_several_that_are_due_the_last_one_counts(days_before: int, wanted: int | None) -> None:
    of = term()
    found = schedule.reminders(rules(90, 30, 7, -1), of)
    now = at(LAST - timedelta(days_before), 12)
    due = schedule.due(found, of.expires_at, now)
    assert (None if due is None else due.days) == wanted


def test_what_is_long_over_is_not_reminded_of() -> None:
    of = term()
    found = schedule.reminders(rules(7, -1), of)
    last = at(LAST + timedelta(1), 8)
    due = schedule.due(found, of.expires_at, last + LATE * DAY - 1)
    assert due is not None
    assert due.days == -1
    assert schedule.due(found, of.expires_at, last + LATE * DAY) is None
    without = schedule.reminders(rules(7), of)
    assert schedule.due(without, of.expires_at, of.expires_at) is None
    assert schedule.due(without, of.expires_at, of.expires_at - 1) is not None


def test_no_moved_day_is_further_away_than_the_bound_says() -> None:
    spans = [(date(2027, 3, 1) + timedelta(4 * n), 3) for n in range(6)]
    for count in range(len(spans) + 1):
        dates = tuple((first, first + timedelta(length)) for first, length in spans[:count])
        for weekends in (False, True):
            wanted = rules(1, weekends=weekends, dates=dates)
            bound = schedule.longest_shift(wanted)
            for offset in range(-40, 60):
                day = date(2027, 3, 1) + timedelta(offset)
                for later in (False, True):
                    moved = schedule.moved(wanted, day, later=later)
                    assert abs((moved - day).days) <= bound, (count, weekends, day, later)
                    assert not wanted.is_quiet(moved)


def test_rules_are_read_as_they_are_told_and_keep_their_instant_unless_they_change() -> None:
    faults = Faults()
    given = {"days": [7, 90, 7], "quiet_weekends": True, "quiet_dates": ["2027-01-01"]}
    found = stored_rules.read(given, faults)
    assert not faults
    assert found is not None
    assert found.days == (90, 7)
    product = Product(1, "p", 0, None, None, None, needs_approval=False)
    first = product._replace(reminders=stored_rules.kept(product, found, 100))
    assert stored_rules.of(first) == found._replace(since=100)
    again = first._replace(reminders=stored_rules.kept(first, found, 200))
    assert again == first
    other = first._replace(reminders=stored_rules.kept(first, found._replace(days=(30,)), 200))
    assert stored_rules.of(other) == found._replace(days=(30,), since=200)


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ([], "reminders"),
        ({}, None),
        ({"days": []}, "reminders.days"),
        ({"days": [1.5]}, "reminders.days"),
        ({"days": ["soon"]}, "reminders.days"),
        ({"days": [True]}, "reminders.days"),
        ({"days": [2000]}, "reminders.days"),
        ({"days": list(range(13))}, "reminders.days"),
        ({"days": [7], "quiet_weekends": 1}, "reminders.quiet_weekends"),
        ({"days": [7], "quiet_dates": ["2027-02-30"]}, "reminders.quiet_dates"),
        ({"days": [7], "quiet_dates": [7]}, "reminders.quiet_dates"),
        ({"days": [7], "quiet_dates": ["2027-03-02/2027-03-01"]}, "reminders.quiet_dates"),
        ({"days": [7], "quiet_dates": ["2027-03-01/2027-04-01"]}, "reminders.quiet_dates"),
        ({"days": [7], "quiet_dates": ["9999-12-31"]}, "reminders.quiet_dates"),
        ({"days": [7], "hours": 8}, "reminders.hours"),
        ("90", "reminders"),
    ],
)
def test_rules_that_mean_nothing_are_refused_at_their_member(
    given: object, field: str | None
) -> None:
    faults = Faults()
    stored_rules.read(given, faults)
    assert [fault.member for fault in faults][:1] == ([] if field is None else [field])


def test_instants_of_summer_time_are_at_eight_on_both_sides() -> None:
    of = term(last=date(2027, 4, 2), zone="Europe/Berlin")  # the clock changes on 28 March
    hours = [
        datetime.fromtimestamp(one.due_at, UTC).hour for one in schedule.reminders(rules(7, 2), of)
    ]
    assert hours == [7, 6]

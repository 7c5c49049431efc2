"""Instants in the reader's time zone, and last days in that of their licence."""

from datetime import datetime
from zoneinfo import ZoneInfo

from license_core.claims import MAX_INSTANT
from license_server.licenses import term_days
from license_server.licenses.term_days import at


def test_instant_outside_a_time_zones_range_is_shown_in_utc() -> None:
    assert at(MAX_INSTANT, ZoneInfo("Asia/Shanghai")).isoformat() == "9999-12-31T23:59:59+00:00"
    assert at(0, ZoneInfo("Asia/Shanghai")).isoformat() == "1970-01-01T08:00:00+08:00"


def test_last_day_is_right_when_the_next_day_has_no_midnight() -> None:
    zone = "America/Sao_Paulo"  # on 2018-11-04 the clocks went from 0:00 to 1:00
    end = int(datetime(2018, 11, 4, tzinfo=ZoneInfo(zone)).timestamp())
    last = term_days.last_of(end, zone)
    assert last is not None
    assert str(last) == f"2018-11-03 ({zone})"

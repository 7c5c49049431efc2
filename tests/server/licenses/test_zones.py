"""Time zones of terms: those where people live, and those that this machine has not."""

import shutil
import zoneinfo
from collections.abc import Iterator
from pathlib import Path

import pytest

from license_server.licenses import term_days
from tests.support.api import Caller, slug
from tests.support.desk import Desk, unique
from tests.support.server import OTHER_LINE

PLACE = "America/Ciudad_Juarez"


@pytest.mark.parametrize("zone", ["localtime", "posixrules", "Factory", "right/UTC", "UTC+19:59"])
def test_term_is_ordered_in_no_zone_that_differs_by_machine(desk: Desk, zone: str) -> None:
    reply = Caller(desk, "zones").issue(customer=unique(desk, "Z"), time_zone=zone)
    assert (slug(reply), reply.json()["errors"][0]["field"]) == ("input-invalid", "time_zone")


@pytest.mark.parametrize("zone", ["UTC+14:00", "UTC-12:00", "Pacific/Kiritimati", "GMT"])
def test_term_is_ordered_in_a_zone_where_people_live(desk: Desk, zone: str) -> None:
    reply = Caller(desk, "zones").issue(customer=unique(desk, "Z"), time_zone=zone)
    assert reply.status_code == 201, reply.text


@pytest.fixture
def of_elsewhere(desk: Desk, tmp_path: Path) -> Iterator[str]:
    """A licence whose term was ordered in a time zone that this machine has no longer."""
    made = Caller(desk, "zones").issue(customer=unique(desk, "Z"), time_zone=PLACE).json()
    older = tmp_path / "zoneinfo"
    shutil.copytree("/usr/share/zoneinfo", older)
    for file in older.rglob(Path(PLACE).name):
        file.unlink()
    zoneinfo.reset_tzpath(to=[str(older)])
    zoneinfo.ZoneInfo.clear_cache()
    term_days.last_number.cache_clear()
    yield made["id"]
    zoneinfo.reset_tzpath()
    zoneinfo.ZoneInfo.clear_cache()
    term_days.last_number.cache_clear()


def test_licence_of_a_zone_that_is_not_here_moves_and_keeps_its_last_day(
    desk: Desk, of_elsewhere: str
) -> None:
    root = Caller(desk, "elsewhere")
    before = root.get(f"/licenses/{of_elsewhere}").json()
    moved = root.post(f"/licenses/{of_elsewhere}/rehost", host=OTHER_LINE, reason="new host").json()
    for member in ("last_day", "time_zone", "expires_at"):
        assert moved[member] == before[member]


def test_renewal_in_a_zone_that_is_not_here_asks_for_another(desk: Desk, of_elsewhere: str) -> None:
    root = Caller(desk, "elsewhere")
    refused = root.post(f"/licenses/{of_elsewhere}/renew", days=30).json()
    assert [fault["field"] for fault in refused["errors"]] == ["time_zone"]
    assert PLACE in refused["detail"]
    renewed = root.post(f"/licenses/{of_elsewhere}/renew", days=30, time_zone="America/Denver")
    assert renewed.status_code == 201


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Asia/Shanghai", "UTC", "Etc/GMT+12"])
def test_last_day_is_looked_for_among_all_ends_that_may_have_it(zone: str) -> None:
    for end in range(20_000 * 86400, 20_002 * 86400, 3600):
        day = term_days.last_number(end, zone)
        first, last = term_days.around(day, day)
        assert first is not None and last is not None
        assert first <= end < last, end

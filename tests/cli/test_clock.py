"""Terms, grace and clock set-backs, with the client's process run under faketime."""

import os
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support import hosts
from tests.support.cli import DAY, NATIVE, NOW, PROGRAM, World, code
from tests.support.need import need

HOUR, YEAR = 3600, 365 * DAY
At = Callable[[int], int]


@pytest.fixture
def verify_at(world: World) -> At:
    """``verify`` at an instant, in seconds: its exit code."""
    if NATIVE:  # no library can tell it another time
        return lambda instant: world.run("verify", now=instant).exit_code
    faketime = shutil.which("faketime")
    if faketime is None:
        need("faketime", "apt-get install faketime")

    def run(instant: int) -> int:
        moment = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(instant))
        done = subprocess.run(
            [faketime, "-f", moment, *PROGRAM, *world.options(), "verify"],
            env=os.environ | {"TZ": "UTC"},
            capture_output=True,
            text=True,
        )
        assert "Traceback" not in done.stderr
        return done.returncode

    return run


def test_term_starts_and_ends_to_the_second(world: World, verify_at: At) -> None:
    world.put(world.file(world.claims(nbf=NOW + HOUR, exp=NOW + 2 * HOUR)))
    codes = [verify_at(NOW + seconds) for seconds in (3599, 3600, 3601, 7198, 7199, 7200, 7201)]
    early, late = code("license-not-yet-valid"), code("license-expired")
    assert codes == [early, 0, 0, 0, 0, late, late]


def test_grace_period_ends_to_the_second(world: World, verify_at: At) -> None:
    world.put(world.file(world.claims(exp=NOW + HOUR, grace_until=NOW + 2 * HOUR)))
    late = code("license-expired")
    assert [verify_at(NOW + seconds) for seconds in (3600, 7199, 7200)] == [0, 0, late]


@pytest.mark.parametrize(
    ("back", "slug"),
    [
        (HOUR, None),
        (23 * HOUR, None),
        (24 * HOUR, None),
        (24 * HOUR + 1, "clock-set-back"),
        (25 * HOUR, "clock-set-back"),
        (YEAR, "clock-set-back"),
    ],
)
def test_clock_may_lag_its_high_water_mark_by_one_day(
    world: World, verify_at: At, back: int, slug: str | None
) -> None:
    seen = NOW + 2 * YEAR
    world.put(world.file(world.claims(iat=seen - 30 * DAY - YEAR, exp=NOW + 5 * YEAR)))
    assert verify_at(seen - 30 * DAY) == 0
    assert verify_at(seen) == 0
    assert verify_at(seen - back) == (code(slug) if slug else 0)
    assert verify_at(seen) == 0


def test_ten_years_on_and_back_and_the_site_opens_again_by_itself(
    world: World, verify_at: At
) -> None:
    world.put()
    assert verify_at(NOW + HOUR) == 0
    late = code("license-expired")
    assert [verify_at(NOW + 10 * YEAR + hours * HOUR) for hours in range(3)] == [late] * 3
    assert verify_at(NOW + 2 * HOUR) == 0
    assert verify_at(NOW + 25 * HOUR) == 0
    assert verify_at(NOW + HOUR - 1) == code("clock-set-back")


def test_a_clock_that_stays_wrong_for_weeks_needs_a_new_licence(
    world: World, verify_at: At
) -> None:
    world.put()
    assert verify_at(NOW + HOUR) == 0
    for days in (0, 7):
        assert verify_at(NOW + 10 * YEAR + days * DAY) == code("license-expired")
    assert verify_at(NOW + 2 * HOUR) == code("clock-set-back")
    renewed = world.claims(jti="HS-2027-0000NEXT", iat=NOW + 3 * HOUR, nbf=NOW + 3 * HOUR)
    world.put(world.file(renewed))
    assert verify_at(NOW + 4 * HOUR) == 0
    assert verify_at(NOW + 5 * HOUR) == 0


def test_a_clock_that_leapt_is_named_beside_what_came_of_it(world: World) -> None:
    world.put()
    assert "clock-leapt" not in world.json("verify", now=NOW + HOUR).notices()
    leapt = world.json("verify", now=NOW + 72 * YEAR)
    assert (leapt.slugs(), leapt.notices()) == (["license-expired"], ["clock-leapt"])
    said = world.run("verify", now=NOW + 72 * YEAR)
    assert "but the latest time that was seen here is 2027-01-15 09:00:00 UTC" in said.err
    assert "clock-leapt" not in world.json("verify", now=NOW + 2 * HOUR).notices()


def test_expiry_after_2038_is_exact_to_the_second(world: World, verify_at: At) -> None:
    end = 2**31
    late = world.claims(iat=end - 30 * DAY, exp=end + 1)
    world.put(world.file(late, world.keyset(exp=end)))
    assert [verify_at(end + seconds) for seconds in (-1, 0, 1)] == [
        0,
        0,
        code("license-expired"),
    ]
    assert verify_at(end - 2 * DAY) == code("clock-set-back")


@pytest.mark.parametrize("state", ["missing", "corrupt", "foreign"])
def test_without_a_state_file_the_issue_date_bounds_the_clock(
    world: World, verify_at: At, tmp_path: Path, state: str
) -> None:
    world.put(world.file(world.claims(exp=NOW + 5 * YEAR)))
    assert verify_at(NOW + 2 * YEAR) == 0
    file = world.conf / "license.state"
    if state == "missing":
        file.unlink()
    elif state == "corrupt":
        file.write_bytes(file.read_bytes()[:-20])
    else:
        (tmp_path / "other").mkdir()
        other = World(tmp_path / "other")
        hosts.container(other.host, container_id="ab" * 32)
        other.put()
        other.run("verify", now=NOW + 3 * YEAR)
        file.write_bytes((other.conf / "license.state").read_bytes())
    assert verify_at(NOW + YEAR) == 0  # the mark is lost, and that is said
    assert verify_at(NOW - 2 * DAY) == code("clock-set-back")  # the licence itself is a mark

"""The metrics that ``guard`` writes."""

import pytest

from license_cli.watch import (
    STATES,
    UNCHECKED,
    Outcome,
    exposition,
)
from license_core.license import License
from tests.support.cli import DAY, NOW, World

pytestmark = pytest.mark.python_only("functions of the client in Python")


def parsed(text: bytes) -> dict[str, float]:
    lines = (line for line in text.decode().splitlines() if not line.startswith("#"))
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


@pytest.mark.parametrize(
    ("at", "exit_code", "state"),
    [
        (NOW - 1, 41, "pending"),
        (NOW, 0, "active"),
        (NOW + 300 * DAY, 0, "notify"),
        (NOW + 366 * DAY, 0, "grace"),
        (NOW + 380 * DAY, 40, "expired"),
        (NOW, 30, "refused"),
    ],
)
def test_metrics_report_the_state_of_the_licence(
    world: World, at: int, exit_code: int, state: str
) -> None:
    license_ = world.claims(notify_from=NOW + 300 * DAY, grace_until=NOW + 379 * DAY)
    found = parsed(exposition(Outcome(exit_code, (), license_, at)))
    expected = {f'license_state{{state="{name}"}}': float(name == state) for name in STATES}
    expected["license_checked_timestamp_seconds"] = at
    labels = 'product="darwin",number="HS-2027-0000TEST"'
    expected[f"license_expiry_timestamp_seconds{{{labels}}}"] = NOW + 365 * DAY
    assert found == expected


def test_metrics_cover_unchecked_and_perpetual_licences(world: World) -> None:
    found = parsed(exposition(Outcome(UNCHECKED)))
    assert [name for name, value in found.items() if value] == ['license_state{state="unchecked"}']
    perpetual: License = world.claims(exp=None)
    assert b"expiry" not in exposition(Outcome(0, (), perpetual, NOW))


def test_metrics_escape_a_hostile_licence_number(world: World) -> None:
    hostile = world.claims(jti='a"} 1\nlicense_state{state="x\\')
    text = exposition(Outcome(0, (), hostile, NOW)).decode()
    (line,) = [row for row in text.splitlines() if row.startswith("license_expiry")]
    assert line.endswith(f"}} {NOW + 365 * DAY}")
    assert r"a\"} 1\nlicense_state" in line

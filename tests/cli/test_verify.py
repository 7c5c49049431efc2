"""``verify``: valid licences, warnings, and host changes."""

import os
from pathlib import Path

import pytest

from tests.support import hosts
from tests.support.cli import DAY, NOW, NUMBER, World, code


def test_usage_error_names_the_help_of_its_command(world: World) -> None:
    assert "`python cmd/cli.py verify --help`" in world.run("verify", "--nonsense").err


def test_verify_prints_one_line_for_a_valid_licence(world: World) -> None:
    world.put()
    world.run("verify")
    done = world.run("verify")
    assert done.exit_code == 0
    (line,) = done.out.splitlines()
    assert line.startswith("[N]: ")
    assert NUMBER in line
    assert "2028-01-15" in line


def test_quiet_prints_only_warnings(world: World) -> None:
    world.put()
    assert world.run("verify", "--quiet").out == ""
    done = world.run("verify", "--quiet", now=NOW + 360 * DAY)
    assert (done.exit_code, done.out) == (0, "")
    assert "in 5 days" in done.err


@pytest.mark.parametrize(
    ("days_left", "options", "warned"),
    [
        (31, [], False),
        (30, [], True),
        (31, ["--warn-days", "31"], True),
        (1, ["--warn-days", "0"], False),
    ],
)
def test_verify_warns_when_expiry_is_near(
    world: World, days_left: int, options: list[str], warned: bool
) -> None:
    world.put()
    done = world.json("verify", *options, now=NOW + (365 - days_left) * DAY)
    assert done.exit_code == 0
    assert ("expires-soon" in done.notices()) is warned


def test_verify_warns_during_the_grace_period(world: World) -> None:
    world.put(world.file(world.claims(grace_until=NOW + 370 * DAY)))
    done = world.run("verify", now=NOW + 366 * DAY)
    assert done.exit_code == 0
    assert "[W]: The licence expired 2028-01-15 08:00:00 UTC; the grace period ends" in done.err


@pytest.mark.parametrize("tags", [True, False])
def test_verify_names_the_licensed_and_the_current_address(world: World, tags: bool) -> None:
    world.put(world.file(world.claims(tags=tags)))
    assert world.run("verify").exit_code == 0
    hosts.container(world.host, ip="172.17.0.3")
    done = world.run("verify")
    assert done.exit_code == code("wrong-host")
    assert (
        "The address was 172.17.0.2 when the licence was ordered and is now 172.17.0.3." in done.err
    )


def test_without_state_file_and_tags_the_change_is_unknown(world: World) -> None:
    world.put(world.file(world.claims(tags=False)))
    hosts.container(world.host, ip="172.17.0.3")
    done = world.json("verify")
    details = done.json()["problems"][0]["facts"]["details"]
    assert [detail["slug"] for detail in details] == ["change-unknown"]


def test_verify_recognises_another_container(world: World) -> None:
    world.put()
    hosts.container(world.host, container_id="ab" * 32)
    assert "this is not the licensed container" in world.run("verify").err


@pytest.mark.parametrize(
    "state", [b"", b"{", b"\xff" * 50, b'{"ver":1}', b"x" * 70000, b'{"ver":1,"hosts":[{}]}']
)
def test_damaged_state_file_is_reported_and_rewritten(world: World, state: bytes) -> None:
    world.put()
    (world.conf / "license.state").write_bytes(state)
    first = world.json("verify")
    assert (first.exit_code, "memory-invalid" in first.notices()) == (0, True)
    assert "memory-invalid" not in world.json("verify").notices()


def test_state_file_of_another_host_is_ignored_with_a_notice(world: World) -> None:
    world.put()
    world.run("verify", now=NOW + 300 * DAY)
    hosts.container(world.host, container_id="ab" * 32)
    world.put()
    done = world.json("verify", now=NOW + DAY)
    assert (done.exit_code, "memory-invalid" in done.notices()) == (0, True)


def test_renewed_licence_recovers_a_host_after_a_wrong_clock(world: World) -> None:
    world.put()
    for day in (293, 300):  # a battery was empty, and nobody saw it for a week
        assert world.run("verify", now=NOW + day * DAY).exit_code == 0
    assert world.run("verify", now=NOW + 10 * DAY).exit_code == code("clock-set-back")
    renewed = world.claims(jti="HS-2027-RENEWED0", iat=NOW + 9 * DAY, nbf=NOW + 9 * DAY)
    assert world.run("install", world.write(world.file(renewed)), now=NOW + 10 * DAY).exit_code == 0
    assert world.run("verify", now=NOW + 11 * DAY).exit_code == 0


def test_anchored_licence_tolerates_a_changed_address_with_a_notice(world: World) -> None:
    world.put(world.file(world.claims(match="anchored")))
    hosts.container(world.host, ip="172.17.0.3", hostname="other")
    done = world.json("verify")
    assert (done.exit_code, "host-drifted" in done.notices()) == (0, True)


def test_show_writes_no_file(world: World) -> None:
    world.put()
    before = sorted(os.listdir(world.conf))
    world.run("show")
    assert sorted(os.listdir(world.conf)) == before
    assert Path(world.license).read_bytes() == world.file()


def test_verify_mentions_a_missing_state_file_only_for_clock_problems(
    world: World,
) -> None:
    world.put()
    assert "no state file from earlier checks" in world.run("verify").err
    world.license.with_name("license.state").unlink()
    hosts.container(world.host, container_id="abcd" * 16)
    done = world.run("verify")
    assert done.exit_code == code("wrong-host")
    assert "memory" not in done.err
    world.license.with_name("license.state").unlink()
    assert "memory-missing" in world.json("verify").notices()
    world.license.with_name("license.state").unlink()
    hosts.container(world.host)
    world.put(world.file(world.claims(nbf=NOW + 9 * DAY)))
    done = world.run("verify")
    assert done.exit_code == code("license-not-yet-valid")
    assert "no state file from earlier checks" in done.err


def test_folder_in_the_place_of_the_licence_is_told_as_dockers(world: World) -> None:
    world.license.mkdir()
    done = world.run("verify")
    assert done.exit_code == code("file-unreadable")
    assert "it is a folder" in done.err
    assert "Docker creates a folder where the file that `-v` names does not exist" in done.err

"""The state file belongs to the licence's profile, and to each host that uses the folder."""

from pathlib import Path
from typing import Any

import pytest

from license_cli import memory
from license_core import hostkey
from license_core.facts import HostFacts
from license_core.installed import check_file
from license_core.license import HostBinding
from license_core.memory import Memory, dump
from license_core.paths import Place
from license_core.probe import read_facts
from tests.support import cases, hosts
from tests.support.cli import DAY, NOW, NUMBER, World, code


@pytest.fixture
def made_anew(world: World) -> World:
    """A container that is made anew, with a licence of the profile for that."""
    cases.bound()(world.host)
    facts = world.facts()
    key = hostkey.derive(facts, "hk1-host")
    binding = HostBinding(key.key, key.hostname, "hk1-host", tags=hostkey.tags(facts, "hk1-host"))
    world.put(world.file(world.claims()._replace(host=binding)))
    return world


@pytest.mark.parametrize("first", [("get_host_key", "--profile", "hk1-host"), ("verify",)])
def test_rm_and_run_under_hk1_host_keeps_the_state_file_and_its_clock_mark(
    made_anew: World, first: tuple[str, ...]
) -> None:
    assert made_anew.run(*first).exit_code == 0
    for number in range(3):
        cases.bound(container_id=f"{number:064x}")(made_anew.host)
        done = made_anew.json("verify", now=NOW + (10 + number) * DAY)
        assert done.exit_code == 0
        assert "memory-invalid" not in done.notices()
    cases.bound(container_id="ab" * 32)(made_anew.host)
    assert made_anew.run("verify", now=NOW + 5 * DAY).exit_code == code("clock-set-back")
    assert len((made_anew.conf / "license.state").read_bytes().splitlines()) == 1


@pytest.mark.python_only("functions of the client in Python")
def test_two_containers_on_one_folder_do_not_overwrite_each_others_memory(
    world: World, tmp_path: Path
) -> None:
    world.put()
    place = Place(str(world.conf), str(world.keys))
    roots = [world.host, hosts.container(tmp_path / "second", container_id=cases.OTHER_ID)]

    def verify(number: int, day: int) -> list[str]:
        facts = read_facts(str(roots[number]), {})
        before, _ = place.read_memory(facts)
        checked = check_file(place.read_license(), place, facts, NOW + day * DAY)
        assert memory.keep_all(place, before, checked, facts) is None
        return [problem.slug for problem in checked.report.problems] + [
            notice.slug for notice in checked.report.notices if "memory" in notice.slug
        ]

    assert verify(0, 10) == ["memory-missing"]
    assert verify(1, 20) == ["wrong-host", "memory-invalid"]
    assert verify(0, 11) == []
    assert verify(1, 21) == ["wrong-host"]
    assert verify(0, 2) == ["clock-set-back"]
    assert verify(0, 11) == []


def test_state_file_of_the_present_version_is_a_line_as_it_was(world: World) -> None:
    world.put()
    assert world.run("verify").exit_code == 0
    written: Any = (world.conf / "license.state").read_text()
    assert written.count("\n") == 1
    assert '"profile"' not in written


@pytest.mark.python_only("functions of the client in Python")
def test_a_check_told_of_the_wrong_cluster_or_of_none_leaves_the_mark_of_the_right_one(
    world: World,
) -> None:
    uid = "0b6ff6b7-2a4d-4c0e-9d3f-6a1c1f2e3d4c"
    place = Place(str(world.conf), str(world.keys))

    def facts(**handed: str) -> HostFacts:
        return read_facts(str(world.host), {**cases.POD, **handed})

    right = facts(LICENSE_CLUSTER_UID=uid)
    key = hostkey.derive(right, "hk1-cluster")
    binding = HostBinding(key.key, key.hostname, "hk1-cluster")
    world.put(world.file(world.claims()._replace(host=binding)))

    def verify(seen: HostFacts, day: int) -> list[str]:
        before, _ = place.read_memory(seen)
        checked = check_file(place.read_license(), place, seen, NOW + day * DAY)
        assert memory.keep_all(place, before, checked, seen) is None
        return [problem.slug for problem in checked.report.problems]

    assert verify(right, 20) == []
    assert verify(facts(LICENSE_CLUSTER_UID="1" + uid[1:]), 2) == ["wrong-host"]
    assert verify(facts(), 2) == ["host-cluster-unknown"]
    assert verify(right, 2) == ["clock-set-back"]
    assert verify(right, 20) == []


def test_of_two_lines_of_its_own_a_host_believes_the_one_that_knows_more(world: World) -> None:
    environ = {**cases.POD, "LICENSE_CLUSTER_UID": "0b6ff6b7-2a4d-4c0e-9d3f-6a1c1f2e3d4c"}
    seen = read_facts(str(world.host), environ)
    key = hostkey.derive(seen, "hk1-cluster")
    world.put(
        world.file(world.claims()._replace(host=HostBinding(key.key, key.hostname, key.profile)))
    )
    known = Memory(license_iat=world.now, license_jti=NUMBER)
    early, late = known._replace(seen_at=NOW + 2 * DAY), known._replace(seen_at=NOW + 20 * DAY)
    lines = [dump(early, seen), dump(late._replace(profile="hk1-cluster"), seen)]
    for both in (lines, lines[::-1]):
        (world.conf / "license.state").write_bytes(b"".join(both))
        done = world.run("verify", now=NOW + 5 * DAY, env=environ)
        assert done.exit_code == code("clock-set-back"), done.err

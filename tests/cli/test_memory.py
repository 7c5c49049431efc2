"""The state file belongs to the licence's profile, and to each host that uses the folder."""

from pathlib import Path
from typing import Any

import pytest

from license_cli import memory
from license_core import hostkey
from license_core.installed import check_file
from license_core.license import HostBinding
from license_core.paths import Place
from license_core.probe import read_facts
from tests.support import cases, hosts
from tests.support.cli import DAY, NOW, World, code


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

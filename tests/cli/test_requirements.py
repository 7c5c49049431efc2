"""requirements.toml: what a product needs, measured and reported by ``doctor``."""

import os
import socket
from pathlib import Path

import pytest

from license_core import (
    diagnosis,
    requirements,
)
from license_core.requirements import Requirements, Resources
from tests.support import hosts
from tests.support.cli import World, code
from tests.support.hosts import write

pytestmark = pytest.mark.python_only("doctor, which that client has not got")

WANTS = "cpus = 8\nmemory_gib = 64\ngpus = 4\ndisk_gib = 50\nports = [3001]\n"


def findings(world: World) -> list[str]:
    return [found["slug"] for found in world.json("doctor").json()["findings"]]


def test_doctor_reports_missing_gpus_with_the_docker_option(world: World) -> None:
    (world.conf / "requirements.toml").write_text("gpus = 4\n", "ascii")
    hosts.container(world.host, gpus=1)
    assert "gpus-short" in findings(world)
    assert "`--gpus 4`" in world.run("doctor").out
    hosts.container(world.host, gpus=4)
    assert "gpus-short" not in findings(world)


@pytest.mark.parametrize(
    "text",
    [
        "cpus = -1\n",
        "cpus = 1.5\n",
        "cpus = true\n",
        "ports = 3001\n",
        "ports = [0]\n",
        "ports = ['a']\n",
        f"ports = {list(range(1, 200))}\n",
        "cpu = 8\n",
        "cpus = \n",
        "\xff",
    ],
)
def test_malformed_requirements_are_rejected(world: World, text: str) -> None:
    world.put()
    (world.conf / "requirements.toml").write_bytes(text.encode("latin-1"))
    done = world.run("doctor")
    assert done.exit_code == code("settings-invalid")
    assert "requirements.toml is invalid" in " ".join(done.out.split())


def test_requirements_are_parsed() -> None:
    found = requirements.parse(WANTS.encode())
    assert found == Requirements(8, 64, 4, 50, (3001,))
    assert requirements.parse(b"") == Requirements()


def test_measure_finds_cpus_memory_disk_gpus_and_taken_ports(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        found = requirements.measure(str(tmp_path), 3, (port,))
    assert found.taken_ports == (port,)
    assert found.gpus == 3
    assert found.cpus is not None
    assert 1 <= found.cpus <= (os.cpu_count() or 1)
    assert found.memory_gib is not None
    assert found.memory_gib > 0
    assert found.disk_gib is not None
    assert requirements.measure("/nonexistent", 0, ()) == found._replace(
        taken_ports=(), gpus=0, disk_gib=None
    )


def test_pipe_among_the_cgroup_files_counts_as_no_limit(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "memory.max")
    assert requirements._first_line(str(tmp_path / "memory.max")) == ""
    (tmp_path / "cpu.max").write_text("200000 100000\n")
    assert requirements._first_line(str(tmp_path / "cpu.max")) == "200000 100000"


@pytest.mark.parametrize("version", [1, 2])
def test_limits_of_both_versions_of_control_groups_are_read(version: int, tmp_path: Path) -> None:
    files = {
        1: {
            "memory/memory.limit_in_bytes": "536870912\n",
            "cpu/cpu.cfs_quota_us": "100000\n",
            "cpu/cpu.cfs_period_us": "100000\n",
        },
        2: {"memory.max": "536870912\n", "cpu.max": "100000 100000\n"},
    }
    write(tmp_path, files[version])
    groups = str(tmp_path)
    assert (requirements._memory(groups), requirements._cpus(groups)) == (0.5, 1)
    none = {
        1: {
            "memory/memory.limit_in_bytes": "9223372036854771712\n",
            "cpu/cpu.cfs_quota_us": "-1\n",
        },
        2: {"memory.max": "max\n", "cpu.max": "max 100000\n"},
    }
    write(tmp_path, none[version])
    assert (requirements._memory(groups) or 0) < 1 << 20  # a number beyond all memory is no limit
    assert requirements._cpus(groups) == len(os.sched_getaffinity(0))


def test_unmeasurable_requirement_is_neither_met_nor_unmet() -> None:
    (want,) = diagnosis.wants(Requirements(cpus=1), Resources())
    assert (want.met, want.present) == (None, None)
    (port,) = diagnosis.wants(Requirements(ports=(3001,)), Resources())
    assert port.met is None


def test_doctor_advises_recreating_the_container_before_ordering(world: World) -> None:
    (world.conf / "requirements.toml").write_text("gpus = 4\nports = [1]\n", "ascii")
    hosts.container(world.host, gpus=2)
    page = world.run("doctor").out
    todo = page[page.rindex("What to do") :]
    assert todo.index("needs 4 GPUs") < todo.index("There is no licence")
    assert "--gpus 4 --env LICENSE_PINNED_IP" in " ".join(todo.replace("\\\n", "").split())
    assert "--gpus 2 " in world.run("get_host_key").err  # what is there would be missed


def test_doctor_also_shows_missing_gpus_as_compose_settings(world: World) -> None:
    (world.conf / "requirements.toml").write_text("gpus = 4\n", "ascii")
    told = world.run("doctor").out
    assert "`--gpus 4`" in told
    assert "- capabilities: [gpu]" in told
    assert "count: 4" in told


@pytest.mark.parametrize(("machine", "told"), [(2, "Use a larger machine"), (16, "--cpus 8")])
def test_container_is_told_of_no_more_cpus_than_its_machine_has(
    world: World, machine: int, told: str
) -> None:
    wanted = diagnosis.wants(Requirements(cpus=8), Resources(cpus=1, machine_cpus=machine))
    (notice,) = diagnosis.shortages(world.facts(), wanted, "conf")
    assert told in notice.remedy()

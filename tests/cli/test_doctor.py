"""doctor: what an operator sees of a host before and after a licence is ordered."""

import json
import os
import socket
from pathlib import Path
from typing import Any

import pytest

from license_core import requirements
from license_core.requirements import Requirements, Resources
from tests.support import hosts
from tests.support.cli import DAY, NOW, World, code

WANTS = "cpus = 8\nmemory_gib = 64\ngpus = 4\ndisk_gib = 50\nports = [3001]\n"


def parts(world: World) -> dict[str, str]:
    return {part["name"]: part["lasting"] for part in world.json("doctor").json()["components"]}


def findings(world: World) -> list[str]:
    return [found["slug"] for found in world.json("doctor").json()["findings"]]


@pytest.mark.parametrize(
    ("host", "lasting", "found"),
    [
        ({}, "may change", ["address-may-change", "address-pinned-by-compose"]),
        ({"nameserver": "127.0.0.11"}, "may change", ["address-unconfirmed"]),
        ({"container_id": None}, "stable", []),
    ],
    ids=["default bridge", "user-defined network", "bare machine"],
)
def test_each_way_of_being_connected_is_told(
    world: World, host: dict[str, Any], lasting: str, found: list[str]
) -> None:
    hosts.container(world.host, **host)
    assert parts(world)["ip"] == lasting
    assert findings(world) == found


def test_a_pinned_address_is_stable_and_nothing_is_said_of_it(world: World) -> None:
    done = world.json("doctor", env={"LICENSE_PINNED_IP": hosts.IP})
    assert [p["lasting"] for p in done.json()["components"] if p["name"] == "ip"] == ["stable"]
    assert done.json()["findings"] == []


def test_a_name_made_from_the_container_id_goes_with_the_container(world: World) -> None:
    assert parts(world)["hostname"] == "stable"
    hosts.container(world.host, hostname=hosts.CONTAINER_ID[:12])
    assert parts(world)["hostname"] == "until remade"


def test_what_is_not_there_is_missing_and_says_why(world: World) -> None:
    hosts.container(world.host, machine_id=None)
    assert parts(world)["machine_id"] == "missing"
    assert "no file holds one" in world.run("doctor").out
    hosts.container(world.host, machine_id=None, container_id=None)
    done = world.run("doctor")
    assert done.exit_code == 0
    assert "Host key    NONE" in done.out
    first = done.out.partition("What to do\n")[2].splitlines()[0]
    assert first.startswith(" 1. Neither a machine id nor a container id")
    assert "`systemd-machine-id-setup`" in done.out


def test_the_page_says_of_the_licence_what_verify_says(world: World) -> None:
    assert world.json("doctor").json()["license"]["problems"][0]["slug"] == "license-missing"
    world.put()
    assert world.json("doctor").json()["license"]["ok"] is True
    hosts.container(world.host, ip="172.17.0.9")
    page = world.run("doctor")
    assert (page.exit_code, "wrong-host, exit 30" in page.out) == (0, True)
    assert world.run("verify").exit_code == code("wrong-host")


def test_the_clock_is_held_against_what_was_seen(world: World) -> None:
    world.put()
    assert world.json("doctor").json()["clock"]["state"] == "no memory"
    world.run("verify", now=NOW + 100 * DAY)
    assert world.json("doctor", now=NOW + 100 * DAY).json()["clock"]["state"] == "in order"
    assert world.json("doctor", now=NOW + 50 * DAY).json()["clock"]["state"] == "set back"


def test_doctor_changes_nothing(world: World) -> None:
    world.put()

    def everything() -> dict[str, bytes]:
        return {str(p): p.read_bytes() for p in world.folder.rglob("*") if p.is_file()}

    before = everything()
    assert world.run("doctor").exit_code == 0
    assert everything() == before


def test_the_page_is_80_columns_wide_but_for_what_is_pasted(world: World) -> None:
    (world.conf / "requirements.toml").write_text(WANTS, "ascii")
    for line in world.run("doctor").out.splitlines():
        words = line.strip()
        pasted = line.startswith("        docker") or " " not in words  # or a long path
        assert len(line) <= 80 or pasted, line


def test_a_bundle_holds_no_address_and_no_id(world: World, tmp_path: Path) -> None:
    world.put()
    world.run("verify")
    hosts.container(world.host, ip="172.17.0.9")
    bundle = tmp_path / "bundle.json"
    done = world.run("doctor", "--bundle", str(bundle))
    assert done.exit_code == 0
    text = bundle.read_text("utf-8")
    for secret in (hosts.IP, "172.17.0.9", "172.17.0.1", hosts.MACHINE_ID, hosts.CONTAINER_ID[:12]):
        assert secret not in text, secret
    assert "--ip 172.30.0.10" in text  # what is only proposed stays readable
    assert json.loads(text)["license"]["problems"][0]["slug"] == "wrong-host"


@pytest.mark.parametrize("pinned", ['"', "a", ".", "\\", "172.17.0.2 "])
def test_a_bundle_is_json_whatever_the_operator_declares(
    world: World, tmp_path: Path, pinned: str
) -> None:
    bundle = tmp_path / "bundle.json"
    done = world.run("doctor", "--bundle", str(bundle), env={"LICENSE_PINNED_IP": pinned})
    assert done.exit_code == 0, done.err
    assert json.loads(bundle.read_text("utf-8"))["profile"] == "hk1"


def test_the_key_is_made_to_last_before_a_licence_is_ordered_for_it(world: World) -> None:
    todo = world.run("doctor").out.partition("What to do")[2]
    assert 0 < todo.index("Pin the address") < todo.index("cli.py request")
    world.put()
    hosts.container(world.host, ip="172.17.0.9")
    todo = world.run("doctor").out.partition("What to do")[2]
    assert 0 < todo.index("Pin the address") < todo.index("The address is not")


def test_hostile_names_do_not_move_the_cursor(world: World) -> None:
    hosts.container(world.host, hostname="a\x1b[2Jb")
    assert "\x1b" not in world.run("doctor").out


# What the product wants of the machine


def test_what_is_short_is_told_with_the_command_for_this_container(world: World) -> None:
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
def test_requirements_that_make_no_sense_are_refused(world: World, text: str) -> None:
    (world.conf / "requirements.toml").write_bytes(text.encode("latin-1"))
    done = world.run("doctor")
    assert done.exit_code == code("settings-invalid")
    assert "requirements.toml" in done.err


def test_requirements_are_read() -> None:
    found = requirements.parse(WANTS.encode())
    assert found == Requirements(8, 64, 4, 50, (3001,))
    assert requirements.parse(b"") == Requirements()


def test_this_machine_is_measured(tmp_path: Path) -> None:
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


def test_what_cannot_be_found_out_is_not_called_enough() -> None:
    from license_core import diagnosis

    (want,) = diagnosis.wants(Requirements(cpus=1), Resources())
    assert (want.met, want.present) == (None, None)

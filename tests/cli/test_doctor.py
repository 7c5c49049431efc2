"""``doctor``: host, clock and licence, with what to do about them."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from license_cli import doctor_page
from license_core import (
    diagnosis,
    evidence,
    hostkey,
    routes,
)
from license_core.requirements import Requirements, Resources
from license_core.verify import Report
from tests.support import hosts
from tests.support.cli import DAY, NOW, World, code

pytestmark = pytest.mark.python_only("doctor, which that client has not got")

PINNED_BY = ["address-pinned-by-compose", "address-pinned-by-podman"]
WANTS = "cpus = 8\nmemory_gib = 64\ngpus = 4\ndisk_gib = 50\nports = [3001]\n"


def parts(world: World) -> dict[str, str]:
    return {part["name"]: part["lasting"] for part in world.json("doctor").json()["components"]}


def findings(world: World) -> list[str]:
    return [found["slug"] for found in world.json("doctor").json()["findings"]]


@pytest.mark.parametrize(
    ("host", "lasting", "found"),
    [
        ({}, "may change", ["address-may-change", *PINNED_BY]),
        ({"nameserver": "127.0.0.11"}, "may change", ["address-unconfirmed", PINNED_BY[0]]),
        ({"container_id": None}, "stable", []),
    ],
    ids=["default bridge", "user-defined network", "bare machine"],
)
def test_doctor_says_how_long_the_address_lasts_on_each_network(
    world: World, host: dict[str, Any], lasting: str, found: list[str]
) -> None:
    hosts.container(world.host, **host)
    assert parts(world)["ip"] == lasting
    assert findings(world) == found


@pytest.mark.parametrize(
    "host",
    [
        {},
        {"nameserver": "127.0.0.11"},
        {"container_id": None},
        {"machine_id": None},
        {"cgroup": "0::/kubepods/besteffort/pod1/x\n"},
    ],
    ids=["default bridge", "user-defined network", "bare machine", "no machine id", "pod"],
)
def test_json_output_contains_no_unfilled_template(world: World, host: dict[str, Any]) -> None:
    (world.conf / "requirements.toml").write_text(WANTS, "ascii")
    for ip in (hosts.IP, "172.17.0.9", None):
        hosts.container(world.host, ip=ip, **host)
        world.put(world.file(world.claims(features=("ga",), limits={"gpus": 0})))
        for command in (["doctor"], ["verify", "--explain"], ["show"], ["get_host_key"]):
            assert re.findall(r"(?<!\{)\{[a-z_]+\}", world.json(*command).out) == [], command


def test_doctor_shows_the_source_of_each_part_of_the_host_key(world: World) -> None:
    whys = {part["name"]: part["why"] for part in world.json("doctor").json()["components"]}
    assert whys["machine_id"] == "/etc/machine-id, from the image: the same in every copy"
    shown = "from /proc/self/mountinfo; a container in this one's network shows it, too"
    assert whys["container_id"] == shown
    assert whys["ip"] == "assigned by docker's default network"
    page = " ".join(world.run("doctor").out.split())
    for why in whys.values():
        assert why in page


def test_pinned_address_is_stable_and_raises_no_finding(world: World) -> None:
    hosts.container(world.host, nameserver="127.0.0.11")
    done = world.json("doctor", env={"LICENSE_PINNED_IP": hosts.IP})
    assert [p["lasting"] for p in done.json()["components"] if p["name"] == "ip"] == ["stable"]
    assert done.json()["findings"] == []


def test_hostname_from_the_container_id_lasts_until_recreation(world: World) -> None:
    assert parts(world)["hostname"] == "stable"
    hosts.container(world.host, hostname=hosts.CONTAINER_ID[:12])
    assert parts(world)["hostname"] == "until remade"


def test_doctor_explains_missing_host_facts(world: World) -> None:
    hosts.container(world.host, machine_id=None)
    assert parts(world)["machine_id"] == "missing"
    assert "no file contains" in world.run("doctor").out
    hosts.container(world.host, machine_id=None, container_id=None)
    done = world.run("doctor")
    assert done.exit_code == code("host-unidentifiable")
    assert "Host key    NONE: This host cannot be identified" in done.out
    first = done.out.partition("What to do\n")[2].splitlines()[0]
    assert first.startswith(" 1. [E]: There is neither a machine id nor a container id")
    assert "`systemd-machine-id-setup`" in done.out


def test_doctor_reports_the_same_licence_problem_as_verify(world: World) -> None:
    assert world.json("doctor").json()["license"]["problems"][0]["slug"] == "license-missing"
    world.put()
    assert world.json("doctor").json()["license"]["ok"] is True
    hosts.container(world.host, ip="172.17.0.9")
    page = world.run("doctor")
    assert "wrong-host, exit 30" in page.out
    assert page.exit_code == world.run("verify").exit_code == code("wrong-host")


def test_doctor_compares_the_clock_with_its_high_water_mark(world: World) -> None:
    world.put()
    assert world.json("doctor").json()["clock"]["state"] == "no memory"
    world.run("verify", now=NOW + 30 * DAY)
    states = {1: "set back", 29: "in order", 60: "in order", 61: "leapt"}
    for day, state in states.items():
        assert world.json("doctor", now=NOW + day * DAY).json()["clock"]["state"] == state


def test_doctor_changes_no_file(world: World) -> None:
    world.put()

    def everything() -> dict[str, bytes]:
        return {str(p): p.read_bytes() for p in world.folder.rglob("*") if p.is_file()}

    before = everything()
    assert world.run("doctor").exit_code == 0
    assert everything() == before


def test_doctor_fits_80_columns_and_its_commands_can_be_pasted(world: World) -> None:
    (world.conf / "requirements.toml").write_text(WANTS, "ascii")
    hosts.evidence(world.host)
    told = world.run("doctor").out
    for line in told.splitlines():
        assert len(line) <= 80 or " " not in line.strip(), line  # or a long path
    pasted = told.replace(" \\\n", " ")
    (warning,) = (
        found
        for found in world.json("doctor").json()["findings"]
        if found["slug"] == "address-may-change"
    )
    commands = [line for line in warning["remedy"].splitlines() if line.startswith("  docker")]
    assert len(commands) == 2
    for command in commands:
        assert " ".join(command.split()) in " ".join(pasted.split())


def test_doctor_repeats_no_sentence(world: World) -> None:
    (world.conf / "requirements.toml").write_text("cpus = 8\nmemory_gib = 64\n", "ascii")
    hosts.container(world.host, container_id=None)
    found = doctor_page.lines(_examined(world, Resources(cpus=1, memory_gib=2)), "cli")
    sentences = [line for line in found if len(line) > 40]
    assert len(sentences) == len(set(sentences))
    assert sum("Use a larger machine" in line for line in sentences) == 1


def _examined(world: World, present: Resources) -> doctor_page.Examined:
    """The world's host, which is as large as *present*."""
    facts = world.facts()
    wanted = diagnosis.wants(Requirements(cpus=8, memory_gib=64), present)
    return doctor_page.Examined(
        key=hostkey.derive(facts),
        profile="hk1",
        facts=facts,
        traits=evidence.read(facts),
        routes=routes.considered(facts),
        memory=None,
        report=Report(NOW, ()),
        wanted=wanted,
        hazards=(),
        shortages=diagnosis.shortages(facts, wanted, "conf"),
    )


def test_exit_code_of_doctor_is_that_of_the_first_error_on_its_page(world: World) -> None:
    def exit_code() -> int:
        done = world.run("doctor")
        assert done.exit_code == world.json("doctor").json()["exit_code"]
        assert ("[E]:" in done.out) is (done.exit_code != 0)
        return done.exit_code

    assert exit_code() == code("license-missing")
    world.put()
    assert exit_code() == 0, "there are warnings: the address may change"
    hosts.container(world.host, ip="172.17.0.9")
    assert exit_code() == code("wrong-host")
    hosts.container(world.host, machine_id=None, container_id=None)
    assert exit_code() == code("host-unidentifiable"), "before the licence, which is for a host"


@pytest.mark.parametrize("content", ["", "cpus = many"])
def test_requirements_that_cannot_be_used_are_an_error_beside_the_page(
    world: World, content: str
) -> None:
    world.put()
    path = world.conf / "requirements.toml"
    path.write_text(content) if content else path.mkdir()
    slug = "settings-invalid" if content else "file-unreadable"
    done = world.run("doctor")
    assert (done.exit_code, done.out[:19]) == (code(slug), "Result      1 error")
    assert "conf/requirements.toml" in done.out
    assert world.json("doctor").json()["machine_problem"]["slug"] == slug


@pytest.mark.parametrize(
    ("on_machine", "here", "gpus", "says"),
    [
        (0, 0, "", "No NVIDIA driver is loaded on this machine"),
        (2, 0, "--gpus 2 ", "Use a larger machine"),
        (4, 1, "--gpus 4 ", "Start the container with `--gpus 4`"),
        (None, 0, "--gpus 4 ", "Start the container with `--gpus 4`"),
    ],
)
def test_no_more_gpus_are_advised_than_the_machine_has(
    world: World, on_machine: int | None, here: int, gpus: str, says: str
) -> None:
    present = Resources(gpus=here, machine_gpus=on_machine)
    facts = world.facts()._replace(gpus=here)
    wanted = diagnosis.wants(Requirements(gpus=4), present)
    pin = diagnosis.hazards(facts, wanted)[0].remedy()
    assert (f"--hostname {hosts.HOSTNAME} {gpus}--env" in pin) is True
    (short,) = diagnosis.shortages(facts, wanted, "conf")
    assert says in short.remedy()


def test_doctor_starts_with_the_result(world: World) -> None:
    assert world.run("doctor").out.startswith("Result      1 error, 1 warning.")
    world.put()
    hosts.container(world.host, nameserver="127.0.0.11")
    world.put()
    assert world.run("doctor").out.startswith("Result      No problems; see the note")
    hosts.container(world.host, container_id=None)
    world.put()
    done = world.run("doctor")
    assert done.out.startswith("Result      All is well")
    assert "What to do" not in done.out


def test_doctor_hides_the_host_key_when_the_pinned_address_differs(world: World) -> None:
    done = world.run("doctor", env={"LICENSE_PINNED_IP": "172.30.0.10"})
    assert "Host key    NONE: The host does not have its pinned address" in done.out
    assert "DIFFERS       172.30.0.10 (LICENSE_PINNED_IP)" in done.out
    (world.conf / "license.pin").write_text("172.30.0.10\n", "ascii")
    assert f"({world.conf}/license.pin)" in world.run("doctor").out


def test_support_bundle_contains_no_address_name_or_id_of_the_host(
    world: World, tmp_path: Path
) -> None:
    world.put()
    world.run("verify")
    hosts.container(world.host, ip="172.17.0.9", hostname="renamed-host")
    hosts.evidence(world.host)
    bundle = tmp_path / "bundle.json"
    done = world.run("doctor", "--bundle", str(bundle))
    assert done.exit_code == code("wrong-host")
    text = bundle.read_text("utf-8")
    ids = (hosts.MACHINE_ID, hosts.CONTAINER_ID[:12], hosts.GPU_UUID, *hosts.EVIDENCE.values())
    addresses = (hosts.IP, "172.17.0.9", "172.17.0.1", "192.0.2.53")
    for secret in (*addresses, *ids, hosts.HOSTNAME, "renamed-host"):
        assert secret not in text, secret
    assert "--ip 172.30.0." in text  # what is only proposed stays readable
    assert json.loads(text)["license"]["problems"][0]["slug"] == "wrong-host"


@pytest.mark.parametrize("pinned", ['"', "a", ".", "\\", "172.17.0.2 "])
def test_support_bundle_is_valid_json_for_any_pinned_address(
    world: World, tmp_path: Path, pinned: str
) -> None:
    world.put()
    bundle = tmp_path / "bundle.json"
    done = world.run("doctor", "--bundle", str(bundle), env={"LICENSE_PINNED_IP": pinned})
    is_none_or_right = pinned in ('"', "172.17.0.2 ")
    assert done.exit_code == (0 if is_none_or_right else code("pinned-address-invalid")), done.err
    assert json.loads(bundle.read_text("utf-8"))["profile"] == "hk1"


def test_doctor_advises_pinning_the_address_before_ordering(world: World) -> None:
    todo = world.run("doctor").out.partition("What to do")[2]
    assert 0 < todo.index("Pin the address") < todo.index("cli.py request")
    world.put()
    hosts.container(world.host, ip="172.17.0.9")
    todo = world.run("doctor").out.partition("What to do")[2]
    assert 0 < todo.index("Pin the address") < todo.index("The address has changed")


def test_escape_codes_in_the_hostname_are_not_printed(world: World) -> None:
    hosts.container(world.host, hostname="a\x1b[2Jb")
    assert "\x1b" not in world.run("doctor").out

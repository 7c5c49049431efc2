"""doctor: what an operator sees of a host before and after a licence is ordered."""

import contextlib
import fcntl
import io
import json
import os
import pty
import re
import socket
import struct
import subprocess
import sys
import termios
from pathlib import Path
from typing import Any

import pytest

from license_cli import doctor_page, paint
from license_core import (
    diagnosis,
    evidence,
    hostkey,
    requirements,
    routes,
)
from license_core.requirements import Requirements, Resources
from license_core.verify import Report
from tests.support import hosts
from tests.support.cli import CLI, DAY, NOW, World, code

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
def test_no_text_of_an_answer_in_json_is_an_unfilled_template(
    world: World, host: dict[str, Any]
) -> None:
    (world.conf / "requirements.toml").write_text(WANTS, "ascii")
    for ip in (hosts.IP, "172.17.0.9", None):
        hosts.container(world.host, ip=ip, **host)
        world.put(world.file(world.claims(features=("ga",), limits={"gpus": 0})))
        for command in (["doctor"], ["verify", "--explain"], ["show"], ["get_host_key"]):
            assert re.findall(r"\{[a-z_]+\}", world.json(*command).out) == [], command


def test_the_page_says_where_a_part_of_the_key_comes_from(world: World) -> None:
    whys = {part["name"]: part["why"] for part in world.json("doctor").json()["components"]}
    assert whys["machine_id"] == "/etc/machine-id, of the image: every copy has it"
    assert whys["container_id"] == "from /proc/self/mountinfo"
    assert whys["ip"] == "given by docker's default network"
    page = " ".join(world.run("doctor").out.split())
    for why in whys.values():
        assert why in page


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
    assert "Host key    NONE: This host cannot be told from others" in done.out
    first = done.out.partition("What to do\n")[2].splitlines()[0]
    assert first.startswith(" 1. [E]: Neither a machine id nor a container id")
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


def test_the_page_is_80_columns_wide_and_its_commands_can_be_pasted(world: World) -> None:
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
    assert len(commands) == 4
    for command in commands:
        assert " ".join(command.split()) in " ".join(pasted.split())


def test_nothing_is_said_twice_on_the_page(world: World) -> None:
    (world.conf / "requirements.toml").write_text("cpus = 8\nmemory_gib = 64\n", "ascii")
    hosts.container(world.host, container_id=None)
    found = doctor_page.lines(_examined(world, Resources(cpus=1, memory_gib=2)), "cli")
    sentences = [line for line in found if len(line) > 40]
    assert len(sentences) == len(set(sentences))
    assert sum("Use a machine that has as much" in line for line in sentences) == 1


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


def test_the_result_stands_first(world: World) -> None:
    assert world.run("doctor").out.startswith("Result      Errors: 1, warnings: 1.")
    world.put()
    hosts.container(world.host, nameserver="127.0.0.11")
    world.put()
    assert world.run("doctor").out.startswith("Result      Nothing is wrong; a note")
    hosts.container(world.host, container_id=None)
    world.put()
    done = world.run("doctor")
    assert done.out.startswith("Result      All is well")
    assert "What to do" not in done.out


def test_a_key_that_would_not_be_given_out_is_not_shown(world: World) -> None:
    done = world.run("doctor", env={"LICENSE_PINNED_IP": "172.30.0.10"})
    assert "Host key    NONE: The address is not the pinned one" in done.out
    assert "DIFFERS       172.30.0.10 (LICENSE_PINNED_IP)" in done.out


# Colour


class Terminal(io.StringIO):
    """A stream that a person reads."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("stream", "environ", "is_coloured"),
    [
        (Terminal(), {"TERM": "xterm"}, True),
        (Terminal(), {"TERM": "xterm", "NO_COLOR": ""}, True),
        (Terminal(), {"TERM": "xterm", "NO_COLOR": "1"}, False),
        (Terminal(), {"TERM": "dumb"}, False),
        (Terminal(), {}, False),
        (io.StringIO(), {"TERM": "xterm"}, False),
    ],
)
def test_colour_is_for_people_at_terminals(
    stream: io.StringIO, environ: dict[str, str], is_coloured: bool
) -> None:
    told = paint.mark("[E]: no", paint.brush(stream, environ))
    assert told == ("\x1b[31m[E]\x1b[0m: no" if is_coloured else "[E]: no")


def at_a_terminal(world: World, *arguments: str, columns: int = 0, **env: str) -> str:
    """What a command shows at a terminal, on both streams."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("4H", 24, columns, 0, 0))
    environ = {"PATH": os.environ["PATH"], "TERM": "xterm", "LC_ALL": "C.UTF-8"} | env
    line = [sys.executable, str(CLI), *world.options(), *arguments]
    with subprocess.Popen(line, stdout=theirs, stderr=theirs, env=environ) as process:
        os.close(theirs)
        shown = b""
        with contextlib.suppress(OSError), open(ours, "rb", buffering=0) as stream:
            while part := stream.read(65536):
                shown += part
    assert process.returncode in (0, code("license-missing"))
    return shown.decode()


@pytest.mark.parametrize("command", ["doctor", "verify"])
def test_a_terminal_shows_colour_and_the_same_words(world: World, command: str) -> None:
    shown = at_a_terminal(world, command)
    assert "\x1b[31m[E]\x1b[0m: There is no licence" in shown
    plain = at_a_terminal(world, command, NO_COLOR="1")
    assert "\x1b" not in plain
    without = re.sub(r"\x1b\[[0-9]*m", "", shown)
    assert re.sub(r"[0-9:-]+ [0-9:]+ UTC", "", without) == re.sub(
        r"[0-9:-]+ [0-9:]+ UTC", "", plain
    )


def test_json_and_bundles_are_never_coloured(world: World, tmp_path: Path) -> None:
    bundle = tmp_path / "bundle.json"
    shown = at_a_terminal(world, "--json", "doctor", "--bundle", str(bundle))
    assert "\x1b" not in shown
    assert "\x1b" not in bundle.read_text("utf-8")


# Evidence, which is never in a key


def evidence_of(world: World) -> dict[str, tuple[str | None, str]]:
    told = world.json("doctor").json()["evidence"]
    return {trait["name"]: (trait["value"], trait["lasting"]) for trait in told}


def test_evidence_is_shown_with_how_long_it_lasts_and_is_in_no_key(world: World) -> None:
    before = world.run("get_host_key").out
    assert {lasting for _, lasting in evidence_of(world).values()} == {"missing"}
    hosts.evidence(world.host)
    assert evidence_of(world) == {
        "mac": ("02:42:ac:11:00:02", "may change"),  # as Docker up to 27 makes it of the address
        "boot_id": (hosts.EVIDENCE["/proc/sys/kernel/random/boot_id"], "random"),
        "product_uuid": (hosts.EVIDENCE["/sys/class/dmi/id/product_uuid"], "stable"),
        "gpu": (hosts.GPU_UUID, "stable"),
    }
    assert world.run("get_host_key").out == before
    hosts.evidence(world.host, address="5e:12:ac:11:00:02", gpu="GPU-????????-????")
    assert evidence_of(world)["mac"] == ("5e:12:ac:11:00:02", "random")
    assert evidence_of(world)["gpu"] == (None, "missing")
    hosts.container(world.host, container_id=None)
    assert evidence_of(world)["mac"][1] == "stable"


@pytest.mark.parametrize("text", ["", "\x1b[2J", "a\nb", "f" * 65])
def test_evidence_that_makes_no_sense_is_missing(world: World, text: str) -> None:
    hosts.evidence(world.host, address=text, boot_id=text, product_uuid=text, gpu="")
    assert {lasting for _, lasting in evidence_of(world).values()} == {"missing"}
    assert "\x1b" not in world.run("doctor").out


def test_evidence_that_is_no_file_is_missing(world: World) -> None:
    (world.host / "sys/class/net/eth0/address").mkdir(parents=True)
    os.mkfifo(world.host / "proc/sys/kernel/random")
    assert {lasting for _, lasting in evidence_of(world).values()} == {"missing"}


# Routes

ROUTE = "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n"


def routed(world: World, four: str = "", six: str = "") -> list[tuple[Any, ...]]:
    hosts.write(world.host, {"/proc/net/route": ROUTE + four, "/proc/net/ipv6_route": six})
    told = world.json("doctor").json()["network"]["routes"]
    return [(route["device"], route["gateway"], route["chosen"]) for route in told]


def test_the_route_is_shown_that_the_address_belongs_to(world: World) -> None:
    subnet = "eth0\t000011AC\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0\n"
    bare = "ppp0\t00000000\t00000000\t0001\t0\t0\t50\t00000000\t0\t0\t0\n"
    ours = "eth0\t00000000\t010011AC\t0003\t0\t0\t100\t00000000\t0\t0\t0\n"
    down = "eth1\t00000000\t010011AC\t0000\t0\t0\t0\t00000000\t0\t0\t0\n"
    zero, one = "0" * 32, "fd" + "0" * 29 + "1"
    six = f"{zero} 00 {zero} 00 {one} 00000400 00000003 00000000 00000003     eth0\n"
    six += f"{zero} 00 {zero} 00 {zero} ffffffff 00000001 00000000 00200200       lo\n"
    assert routed(world, ours + subnet + bare + down, six) == [
        ("ppp0", None, False),
        ("eth0", "172.17.0.1", True),
        ("eth0", "fd00::1", False),
    ]
    told = world.run("doctor").out
    assert "chosen        default: eth0, gateway 172.17.0.1, metric 100\n" in told


def test_routes_that_make_no_sense_are_left_out(world: World) -> None:
    facts = world.facts()
    for text in ("", "\0\n", "eth0\t00\n", "eth0" + "\tzz" * 10, "a " * 9, "eth0 " + "-1 " * 9):
        hosts.write(world.host, {"/proc/net/route": text, "/proc/net/ipv6_route": text})
        assert routes.considered(facts) == ()


# The bundle


def test_a_bundle_holds_nothing_that_names_the_host(world: World, tmp_path: Path) -> None:
    world.put()
    world.run("verify")
    hosts.container(world.host, ip="172.17.0.9", hostname="renamed-host")
    hosts.evidence(world.host)
    bundle = tmp_path / "bundle.json"
    done = world.run("doctor", "--bundle", str(bundle))
    assert done.exit_code == 0
    text = bundle.read_text("utf-8")
    ids = (hosts.MACHINE_ID, hosts.CONTAINER_ID[:12], hosts.GPU_UUID, *hosts.EVIDENCE.values())
    addresses = (hosts.IP, "172.17.0.9", "172.17.0.1", "192.0.2.53")
    for secret in (*addresses, *ids, hosts.HOSTNAME, "renamed-host"):
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
    (want,) = diagnosis.wants(Requirements(cpus=1), Resources())
    assert (want.met, want.present) == (None, None)
    (port,) = diagnosis.wants(Requirements(ports=(3001,)), Resources())
    assert port.met is None


def test_what_makes_another_container_stands_before_a_licence_is_ordered(world: World) -> None:
    (world.conf / "requirements.toml").write_text("gpus = 4\nports = [1]\n", "ascii")
    hosts.container(world.host, gpus=2)
    page = world.run("doctor").out
    todo = page[page.rindex("What to do") :]
    assert todo.index("wants 4 GPUs") < todo.index("There is no licence")
    pinned = [line for line in todo.replace("\\\n", "").splitlines() if "run -d" in line]
    assert len(pinned) == 2
    assert all("--gpus 4 " in line for line in pinned)
    assert "--gpus 2 " in world.run("get_host_key").err  # what is there would be missed


@pytest.mark.parametrize("columns", [0, 50, 200])
def test_a_message_is_broken_between_words_at_a_terminal(world: World, columns: int) -> None:
    words = world.run("verify").err.split()
    shown = at_a_terminal(world, "--lang", "en", "verify", NO_COLOR="1", columns=columns)
    assert shown.split()[:3] == words[:3]
    lines = shown.splitlines()
    fitting = [line for line in lines if len(line) <= (columns or 80)]
    # What is longer is one path or command, which stays whole.
    assert all(
        line.count("`") == 2 or " " not in line.strip() for line in lines if line not in fitting
    )
    assert all(line.count("`") % 2 == 0 for line in lines)
    assert all(line.startswith(("[E]: ", "     ")) for line in lines)


def test_gpus_that_are_short_are_asked_for_with_compose_too(world: World) -> None:
    (world.conf / "requirements.toml").write_text("gpus = 4\n", "ascii")
    told = world.run("doctor").out
    assert "`--gpus 4`" in told
    assert "- capabilities: [gpu]" in told
    assert "count: 4" in told

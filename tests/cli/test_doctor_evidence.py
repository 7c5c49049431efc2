"""Extra host facts and routes in ``doctor``: shown, but not part of the host key."""

import os
from typing import Any

import pytest

from license_core import (
    routes,
)
from tests.support import hosts
from tests.support.cli import World

pytestmark = pytest.mark.python_only("doctor, which that client has not got")


def evidence_of(world: World) -> dict[str, tuple[str | None, str]]:
    told = world.json("doctor").json()["evidence"]
    return {trait["name"]: (trait["value"], trait["lasting"]) for trait in told}


def test_extra_host_facts_are_shown_but_not_part_of_the_host_key(world: World) -> None:
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


def test_only_the_gpus_of_this_container_are_listed(world: World) -> None:
    """The driver's folder lists those of the machine, in every container."""
    for minor in range(3):
        file = f"/proc/driver/nvidia/gpus/0000:0{minor}:00.0/information"
        text = f"Device Minor: \t {minor}\nGPU UUID: \t GPU-{minor}\n"
        hosts.write(world.host, {file: text})
    hosts.write(world.host, {"/dev/nvidia1": "", "/dev/nvidiactl": ""})
    assert evidence_of(world)["gpu"] == ("GPU-1", "stable")
    assert "GPU-0" not in world.run("doctor").out


@pytest.mark.parametrize("text", ["", "\x1b[2J", "a\nb", "f" * 65])
def test_malformed_host_facts_count_as_missing(world: World, text: str) -> None:
    hosts.evidence(world.host, address=text, boot_id=text, product_uuid=text, gpu="")
    assert {lasting for _, lasting in evidence_of(world).values()} == {"missing"}
    assert "\x1b" not in world.run("doctor").out


def test_host_facts_that_are_not_regular_files_count_as_missing(world: World) -> None:
    (world.host / "sys/class/net/eth0/address").mkdir(parents=True)
    os.mkfifo(world.host / "proc/sys/kernel/random")
    assert {lasting for _, lasting in evidence_of(world).values()} == {"missing"}


ROUTE = "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n"


def routed(world: World, four: str = "", six: str = "") -> list[tuple[Any, ...]]:
    hosts.write(world.host, {"/proc/net/route": ROUTE + four, "/proc/net/ipv6_route": six})
    told = world.json("doctor").json()["network"]["routes"]
    return [(route["device"], route["gateway"], route["chosen"]) for route in told]


def test_doctor_shows_which_default_route_is_used(world: World) -> None:
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
    assert "used          default: eth0, gateway 172.17.0.1, metric 100\n" in told


def test_malformed_routes_are_ignored(world: World) -> None:
    facts = world.facts()
    for text in ("", "\0\n", "eth0\t00\n", "eth0" + "\tzz" * 10, "a " * 9, "eth0 " + "-1 " * 9):
        hosts.write(world.host, {"/proc/net/route": text, "/proc/net/ipv6_route": text})
        assert routes.considered(facts) == ()

"""The client on bare machines with real networks, in private namespaces."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Any

import pytest

from license_core import request
from license_core.license import HostBinding
from license_core.probe import read_facts
from tests.support.cases import CASES, NAMESPACE, Case, Seen, said_of, see
from tests.support.cli import CLI, World, code
from tests.support.machine import (
    CABLE,
    SECOND_CABLE,
    V4,
    V4_ROUTE,
    V6_ROUTE,
    Machine,
    running_machine,
    started,
)

PROCESSES = ("unshare", "--pid", "--fork", "--mount-proc")
Start = Callable[[], AbstractContextManager[Machine]]


def ip_of(machine: Machine, **how: Any) -> str | None:
    page = machine.client("--json", "doctor", **how).json()
    (value,) = [part["value"] for part in page["components"] if part["name"] == "ip"]
    assert value is None or isinstance(value, str)
    return value


def order(machine: Machine, case: Case | None = None) -> str:
    """Order a licence and put it in place; the key."""
    asked = request.parse(machine.client("request").out)
    binding = HostBinding(
        asked.key, asked.name, match=case.match if case else "exact", tags=asked.tags
    )
    world = machine.world
    world.put(world.file(world.claims()._replace(host=binding)))
    done = machine.client("verify")
    assert done.exit_code == 0, done.err
    return asked.key


@pytest.mark.parametrize(
    ("network", "ip"),
    [
        ([], None),
        (V4_ROUTE, "10.0.0.2"),
        (V4, "10.0.0.2"),
        ([*V4, "ip address add 10.0.0.11/24 dev eth0", *V4_ROUTE[1:]], "10.0.0.2"),
        ([*V4, "ip route add default dev eth0"], "10.0.0.2"),
        (
            ["ip address add 10.5.0.2 peer 10.5.0.1/32 dev eth0", "ip route add default dev eth0"],
            "10.5.0.2",
        ),
        (V6_ROUTE, "2001:db8:1::2"),
        (V6_ROUTE[:1], "2001:db8:1::2"),
        ([*V6_ROUTE, *V4_ROUTE], "10.0.0.2"),
        ([*V6_ROUTE, *V4], "2001:db8:1::2"),
        (["ip address add 169.254.3.4/16 dev eth0", "ip route add default dev eth0"], None),
        (
            [
                "ip address add 10.0.0.2/24 dev eth0",
                "ip route add default via 10.0.0.1 metric 200",
                *SECOND_CABLE,
                "ip address add 10.1.0.2/24 dev eth1",
                "ip route add default via 10.1.0.1 metric 100",
            ],
            "10.1.0.2",
        ),
        (
            [
                "ip address add 10.9.0.2/24 dev eth0",
                *SECOND_CABLE,
                "ip address add 10.10.0.2/24 dev eth1",
            ],
            "10.9.0.2",
        ),
    ],
    ids=[
        "no interface",
        "one default route",
        "no route",
        "two addresses",
        "no gateway",
        "point to point",
        "IPv6 only",
        "IPv6 without a route",
        "dual stack",
        "dual stack, routed by IPv6 alone",
        "link-local only",
        "two default routes with metrics",
        "two interfaces and no route",
    ],
)
def test_address_is_the_kernels_source_address(
    machine: Machine, network: list[str], ip: str | None
) -> None:
    machine.do(*CABLE, *network)
    assert ip_of(machine) == ip
    asked = machine.client("--json", "get_host_key")
    assert (asked.exit_code, asked.notices()) == (0, [])
    order(machine)

    without = machine.client("--json", "get_host_key", netlink=False)
    assert without.json() == asked.json()
    assert ip_of(machine, root=machine.recorded()) == ip


def test_host_with_only_loopback_has_a_key_without_address(machine: Machine) -> None:
    asked = machine.client("--json", "get_host_key")
    assert (asked.exit_code, asked.notices(), ip_of(machine)) == (0, [], None)
    assert machine.client("--json", "get_host_key", netlink=False).json() == asked.json()


def test_doctor_shows_the_same_network_without_netlink(machine: Machine) -> None:
    machine.do(*CABLE, *V6_ROUTE, *V4_ROUTE, *SECOND_CABLE, "ip link add docker0 type bridge")
    pages = [
        machine.client("--json", "doctor", netlink=there).json()["network"]
        for there in (True, False)
    ]
    assert pages[0] == pages[1]
    names = {interface["name"] for interface in pages[0]["interfaces"]}
    assert {"docker0", "eth0", "eth1"} <= names


def test_route_src_hint_decides_the_address(machine: Machine) -> None:
    hint = "ip route replace default via 10.0.0.1 src"
    machine.do(*CABLE, *V4, "ip address add 10.0.0.9/24 dev eth0", f"{hint} 10.0.0.9")
    assert ip_of(machine) == "10.0.0.9"
    assert ip_of(machine, netlink=False) == "10.0.0.9"
    order(machine)
    machine.do(f"{hint} 10.0.0.2")
    refused = machine.client("verify")
    assert refused.exit_code == code("wrong-host")
    assert (
        "The address was 10.0.0.9 when the licence was ordered and is now 10.0.0.2." in refused.err
    )


def test_second_default_route_invalidates_only_while_preferred(
    machine: Machine,
) -> None:
    machine.do(*CABLE, *V4, "ip route add default via 10.0.0.1 metric 100")
    order(machine)
    machine.do(*SECOND_CABLE, "ip address add 10.1.0.2/24 dev eth1")
    machine.do("ip route add default via 10.1.0.1 metric 200")
    assert machine.client("verify").exit_code == 0
    machine.do("ip route add default via 10.1.0.1 metric 50")
    refused = machine.client("verify")
    assert refused.exit_code == code("wrong-host")
    assert (
        "The address was 10.0.0.2 when the licence was ordered and is now 10.1.0.2." in refused.err
    )
    machine.do("ip link set eth1 down")
    assert machine.client("verify").exit_code == 0


def test_verify_names_a_vanished_network_as_the_change(machine: Machine) -> None:
    machine.do(*CABLE, *V4_ROUTE)
    order(machine)
    machine.do("ip link delete eth0")
    refused = machine.client("--json", "verify")
    assert said_of(refused) == ["wrong-host", "ip-changed"]


def test_addresses_are_those_of_the_c_library_where_the_kernel_tells_none(
    machine: Machine,
) -> None:
    # Without a route there is no source address to ask for.
    machine.do(*CABLE, "ip address add 10.0.0.11/24 dev eth0")
    asked = machine.client("--json", "get_host_key").json()
    machine.do("mount -t tmpfs tmpfs /proc")
    assert ip_of(machine, netlink=False) == "10.0.0.11"
    assert machine.client("--json", "get_host_key", netlink=False).json() == asked


def test_host_key_is_the_same_in_a_namespace_of_processes(world: World) -> None:
    """As a service of systemd with PrivatePIDs= has it."""
    here = read_facts("/", {})
    if here.engine is not None or here.machine_id is None or os.geteuid() != 0:
        pytest.skip("this is no bare machine with a machine id, or not its root")
    client = [sys.executable, str(CLI), "--conf", str(world.conf), "--keys", str(world.keys)]
    own, inside, renamed = (
        subprocess.run([*spaces, *client, "get_host_key"], capture_output=True, text=True)
        for spaces in ([], [*PROCESSES], [*PROCESSES, "--uts"])
    )
    assert own.returncode == 0, own.stderr
    assert (inside.returncode, inside.stdout) == (0, own.stdout)
    assert renamed.returncode == code("host-unidentifiable")
    assert "without `unshare`" in " ".join(renamed.stderr.split())


# The rows of docs/CASES.md


def plugged_in(machine: Machine) -> Machine:
    machine.do(*CABLE, *V4_ROUTE)
    return machine


def restarted(start: Start) -> Iterator[Machine]:
    with start() as machine:
        yield plugged_in(machine)
    with start() as machine:
        yield plugged_in(machine)


def changed(line: str) -> Callable[[Start], Iterator[Machine]]:
    def happening(start: Start) -> Iterator[Machine]:
        with start() as machine:
            yield plugged_in(machine)
            machine.do(line)
            yield machine

    return happening


STORIES = {
    "Machine: restart": restarted,
    "Machine: renamed": changed("echo renamed > /proc/sys/kernel/hostname"),
    "Machine: new address": changed(
        "ip address flush dev eth0; ip address add 10.0.0.3/24 dev eth0;"
        "ip route add default via 10.0.0.1"
    ),
    "Machine: reinstalled": changed(
        "mkdir /run/etc; echo ab12ab12ab12ab12ab12ab12ab12ab12 > /run/etc/machine-id;"
        "mount --bind /run/etc/machine-id /etc/machine-id"
    ),
}


@pytest.mark.parametrize("case", [c for c in CASES if c.real == NAMESPACE], ids=lambda c: c.what)
def test_bare_machine_confirms_the_cases_page(case: Case, world: World, tmp_path: Path) -> None:
    with ExitStack() as stack:
        started(stack, world)  # skips where none can be made
    happening = STORIES[case.what](lambda: running_machine(world))
    machine = next(happening)
    before = machine.client("--json", "get_host_key").notices()
    key = order(machine, case)
    machine = next(happening)
    now = machine.client("--json", "get_host_key").json()["host_key"]
    (world.conf / "license.state").unlink()  # so that the licence alone explains
    done = machine.client("--json", "verify")
    assert list(happening) == []
    seen = Seen(now == key, before, said_of(done), done.exit_code)
    assert seen == see(case, tmp_path / "files")

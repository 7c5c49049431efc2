"""The client in Go asks a kernel as this one does: machines whose networks are real."""

import json
import random
import shlex
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.support import native_hosts
from tests.support.cli import REPOSITORY, World
from tests.support.machine import CABLE, SECOND_CABLE, Machine, started
from tests.support.native_hosts import Question

NETWORKS, NETWORKS_TORTURE = 6, 300

BEGINNINGS = [[*CABLE], [*CABLE, *SECOND_CABLE], []]
STEPS = [
    "ip address add 10.0.0.2/24 dev eth0",
    "ip address add 10.0.0.9/24 dev eth0 valid_lft 3600 preferred_lft 3600",
    "ip address add 192.168.50.5/24 dev eth1",
    "ip address add 2001:db8:1::2/64 dev eth0 nodad",
    "ip address add 2001:db8:1::9/64 dev eth1 nodad valid_lft 3600 preferred_lft 0",
    "sysctl -qw net.ipv6.conf.eth0.use_tempaddr=2",
    "ip address add fd00:1::2/64 dev eth0 nodad mngtmpaddr valid_lft 7200 preferred_lft 3600",
    "ip address add ::ffff:0:5/96 dev eth0 nodad",
    "ip address add ::5:6/96 dev eth0 nodad",
    "ip address add 10.77.0.1 peer 10.77.0.2 dev eth1",
    "ip route add default via 10.0.0.1",
    "ip route add default via 192.168.50.1 metric 50",
    "ip route add default via 10.0.0.1 src 10.0.0.9 metric 20",
    "ip route add default via 2001:db8:1::1",
    "ip route add 172.16.0.0/12 via 10.0.0.1",
    "ip route add unreachable default metric 5",
    "ip tuntap add tun0 mode tun; ip address add 10.8.0.6/24 dev tun0; ip link set tun0 up",
    "ip route add 0.0.0.0/1 dev tun0; ip route add 128.0.0.0/1 dev tun0",
    "ip route add default dev tun0 metric 10",
    "ip -6 address add fd00:8::6/64 dev tun0 nodad; ip -6 route add 2000::/3 dev tun0",
    "ip link add docker0 up type bridge; ip address add 172.17.0.1/16 dev docker0",
    "ip link add own0 type bridge; ip address add 10.3.0.1/24 dev own0; ip link set own0 up",
    "ip link set eth1 master own0",
    "ip tuntap add tap9 mode tap; ip link set tap9 master own0",
    "ip link add vlan7 link eth0 type vlan id 7; ip address add 10.5.0.2/24 dev vlan7",
    "ip link add vx0 type vxlan id 7 dstport 4789; ip address add 10.4.0.2/24 dev vx0",
    "ip link add gre9 type gre local 10.0.0.2 remote 10.0.0.1; ip addr add 10.6.0.2/24 dev gre9",
    "ip link add d0 up type dummy; ip address add 10.1.0.2/24 dev d0",
    "ip link add $'\\xff' type veth peer name far9; ip address add 10.1.1.2/24 dev $'\\xff'",
    "ip link add mac0 link eth0 type macvlan; ip address add 10.2.0.2/24 dev mac0",
    "ip link set eth0 down",
]
CLEAR = (
    "for one in /sys/class/net/*; do ip link delete ${one##*/}; done 2>/dev/null; "
    "ip address flush dev lo scope global; ip route flush table all; ip -6 route flush table all"
)


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return native_hosts.build(tmp_path_factory.mktemp("go"))


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    with ExitStack() as stack:
        yield started(stack, World(tmp_path_factory.mktemp("machine")))


def answers(machine: Machine, *command: str, netlink: bool = True) -> Any:
    asked = machine.world.folder / "asked"
    asked.write_text(json.dumps(Question("/", {})._asdict()))
    within = [] if netlink else [sys.executable, "-m", "tests.support.without_netlink"]
    line = f"cd {REPOSITORY} && {shlex.join([*within, *command])} < {asked}"
    done = machine.shell.run(line)
    assert done.exit_code == 0, done.err
    return json.loads(done.out)


@pytest.mark.parametrize(
    "count", [NETWORKS, pytest.param(NETWORKS_TORTURE, marks=pytest.mark.torture)]
)
def test_networks_at_random_are_read_alike(count: int, program: Path, machine: Machine) -> None:
    chance = random.Random(count)
    known = set()
    for number in range(count):
        steps = chance.sample(STEPS, chance.randrange(1, 14))
        lines = [*chance.choice(BEGINNINGS), *sorted(steps, key=STEPS.index)]
        # Some go ill, as where there is no such interface.
        machine.shell.run(f"({'; '.join([CLEAR, *lines])}) > /dev/null 2>&1")
        netlink = number % 3 > 0
        for _ in range(3):  # the kernel may be at it still: temporary addresses come by themselves
            ours = answers(machine, sys.executable, "-m", native_hosts.__name__, netlink=netlink)
            found = answers(machine, str(program), netlink=netlink)
            if found == ours:
                break
        assert found == ours, (netlink, lines)
        known.add(found["facts"]["IP"])
    assert len(known) > 3

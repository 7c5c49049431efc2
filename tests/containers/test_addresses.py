"""The address that lasts, on machines whose networks are real (SPEC section 3.1)."""

import sys
from typing import Any

import pytest

from license_core import request
from license_core.license import HostBinding
from tests.support.cli import REPOSITORY, code
from tests.support.machine import CABLE, SECOND_CABLE, V4, V4_ROUTE, V6_ROUTE, Machine

TUN = [
    "ip tuntap add tun0 mode tun",
    "ip address add 10.8.0.6/24 dev tun0",
    "ip -6 address add fd00:8::6/64 dev tun0 nodad",
    "ip link set tun0 up",
]
HALVES = [f"ip route add {half} dev tun0" for half in ("0.0.0.0/1", "128.0.0.0/1")]
DOCKER0 = [
    "ip link add docker0 type bridge",
    "ip address add 172.17.0.1/16 dev docker0",
    "ip link set docker0 up",
]
LAN = ["ip address add 192.168.50.5/24 dev eth0"]


def part(machine: Machine, **how: Any) -> dict[str, Any]:
    page = machine.client("--json", "doctor", **how).json()
    (found,) = [part for part in page["components"] if part["name"] == "ip"]
    return dict(found)


def ip_of(machine: Machine, **how: Any) -> str | None:
    value = part(machine, **how)["value"]
    assert value is None or isinstance(value, str)
    return value


def order(machine: Machine, key: str | None = None) -> None:
    asked = request.parse(machine.client("request").out)
    binding = HostBinding(key or asked.key, asked.name, tags=None if key else asked.tags)
    world = machine.world
    world.put(world.file(world.claims()._replace(host=binding)))


DISPLACED = {
    "a bridge of Docker, without a route": ([*LAN, *DOCKER0], "192.168.50.5"),
    "a bridge with another name and no way out": (
        [*LAN, "ip link add own0 type bridge", "ip address add 10.3.0.1/24 dev own0"],
        "192.168.50.5",
    ),
    "a VPN of two halves": ([*V4_ROUTE, *TUN, *HALVES], "10.0.0.2"),
    "a VPN with a lower metric": (
        [
            *V4,
            "ip route add default via 10.0.0.1 metric 100",
            *TUN,
            "ip route add default dev tun0 metric 50",
        ],
        "10.0.0.2",
    ),
    "a VPN that took the default route away": (
        [*V4, "ip route add 203.0.113.9/32 via 10.0.0.1", *TUN, "ip route add default dev tun0"],
        "10.0.0.2",
    ),
    "a VPN that keeps the src hint of the route beside it": (
        [
            *V4,
            "ip address add 10.0.0.9/24 dev eth0",
            "ip route add default via 10.0.0.1 src 10.0.0.9",
            *TUN,
            *HALVES,
        ],
        "10.0.0.9",
    ),
    "a VPN for IPv6": ([*V6_ROUTE, *TUN, "ip -6 route add 2000::/3 dev tun0"], "2001:db8:1::2"),
    "a VPN for IPv4 on a host with IPv6 alone": ([*V6_ROUTE, *TUN, *HALVES], "2001:db8:1::2"),
    "a VPN in WireGuard's way": (
        [
            *V4_ROUTE,
            *TUN,
            "ip route add default dev tun0 table 51820",
            "ip rule add not fwmark 51820 table 51820",
        ],
        "10.0.0.2",
    ),
    "nothing but a tunnel": ([*TUN, *HALVES], "10.8.0.6"),
    "nothing but a bridge of Docker": (DOCKER0, "172.17.0.1"),
}


@pytest.mark.parametrize(("network", "ip"), DISPLACED.values(), ids=DISPLACED.keys())
def test_bridges_and_tunnels_never_displace_the_hosts_own_address(
    machine: Machine, network: list[str], ip: str
) -> None:
    machine.do(*CABLE, *network)
    assert ip_of(machine) == ip
    if "own0" not in str(network):  # whether a bridge has a way out is not in files
        assert ip_of(machine, netlink=False) == ip


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ([*CABLE, *LAN], DOCKER0),
        ([*CABLE, *V4_ROUTE], [*TUN, *HALVES]),
        ([*CABLE, *V4_ROUTE], [*TUN, "ip route replace default dev tun0"]),
        ([*CABLE, *V4_ROUTE, *DOCKER0], ["ip link delete docker0"]),
        (
            [*CABLE, *V4_ROUTE],
            ["ip tuntap add tun9 mode tun", "ip link add $'\\xff' type veth peer name far9"],
        ),
    ],
)
def test_a_licence_holds_when_an_engine_or_a_vpn_comes_and_goes(
    machine: Machine, before: list[str], after: list[str]
) -> None:
    machine.do(*before)
    order(machine)
    assert machine.client("verify").exit_code == 0
    machine.do(*after)
    done = machine.client("--json", "verify")
    assert (done.exit_code, done.notices()) == (0, [])


def test_a_licence_that_was_issued_for_the_displacing_address_goes_on_holding(
    machine: Machine,
) -> None:
    """SPEC section 3.7: what the former rule takes now is accepted beside the new one."""
    machine.do(*CABLE, *LAN, *SECOND_CABLE, "ip address add 172.17.0.1/16 dev eth1")
    former = request.parse(machine.client("request").out).key  # 172.17.0.1 is the lowest
    machine.do("ip link delete eth1", *DOCKER0)
    order(machine, former)
    done = machine.client("--json", "verify")
    assert (done.exit_code, done.notices()[-1]) == (0, "former-address")
    assert machine.client("--json", "get_host_key").json()["host_key"] != former
    machine.do("ip link delete docker0")
    assert machine.client("verify").exit_code == code("wrong-host")


def test_a_temporary_address_is_never_taken_while_a_lasting_one_exists(machine: Machine) -> None:
    machine.do(
        *CABLE,
        "sysctl -qw net.ipv6.conf.eth0.use_tempaddr=2",
        "ip address add 2001:db8:1::2/64 dev eth0 nodad mngtmpaddr valid_lft 7200 "
        "preferred_lft 3600",
        "ip -6 route add default via 2001:db8:1::1",
        "while ! ip -6 address show dev eth0 temporary | grep -q inet6; do :; done",
        "while ip -6 address show dev eth0 tentative | grep -q inet6; do :; done",
    )
    assert ip_of(machine) == "2001:db8:1::2"
    assert ip_of(machine, netlink=False) == "2001:db8:1::2"
    assert ip_of(machine, root=machine.recorded()) == "2001:db8:1::2"


@pytest.mark.parametrize("how", ["get_host_key", "request"])
def test_an_address_that_a_server_lends_is_said_to_change_before_an_order(
    machine: Machine, how: str
) -> None:
    machine.do(
        *CABLE,
        "ip address add 10.0.0.2/24 dev eth0 valid_lft 3600 preferred_lft 3600",
        "ip route add default via 10.0.0.1",
    )
    told = machine.client(how)
    assert told.exit_code == 0
    assert "the address 10.0.0.2, which is lent to this host on eth0" in told.err
    assert "may change" in told.err
    assert part(machine)["lasting"] == "may change"
    # Who knows that the server keeps it for this host says so.
    assert machine.client(how, env={"LICENSE_PINNED_IP": "10.0.0.2"}).err == ""


def test_lent_address_that_a_licence_is_for_is_to_be_kept_not_changed(machine: Machine) -> None:
    machine.do(
        *CABLE,
        "ip address add 10.0.0.2/24 dev eth0 valid_lft 3600 preferred_lft 3600",
        "ip route add default via 10.0.0.1",
    )
    order(machine)
    told = machine.client("verify")
    assert told.exit_code == 0
    assert "have the server reserve it for this host, or give it to eth0 for good" in told.err
    assert "Before you order a licence" not in told.err


def test_the_key_stays_while_interfaces_come_and_go(machine: Machine) -> None:
    """Probes in one process beside pairs that are made and removed as fast as they can be."""
    machine.do(*CABLE, *V4_ROUTE, "ip tuntap add tun9 mode tun")
    script = (
        "import sys\n"
        "from license_core.probe import read_facts\n"
        "from license_core.hostkey import derive\n"
        "print(len({derive(read_facts('/', {})).key for _ in range(2000)}))\n"
    )
    (machine.world.folder / "probe.py").write_text(script)
    machine.do(
        "(while [ ! -e /run/end ]; do ip link add a0 type veth peer name b0; "
        "ip address add 10.7.0.1/24 dev a0; ip link set a0 up; ip link delete a0; done) & ",
        f"PYTHONPATH={REPOSITORY} {sys.executable} {machine.world.folder}/probe.py > /run/keys",
        "touch /run/end",
        "test $(cat /run/keys) = 1",
    )


def test_check_waits_for_a_network_that_is_not_up_yet(machine: Machine) -> None:
    machine.do(*CABLE, *V4_ROUTE)
    order(machine)
    machine.do("ip address flush dev eth0", *DOCKER0)
    said = machine.world.folder / "err"
    machine.do(
        f"(until grep -qs 'not up yet' {said}; do :; done; {'; '.join(V4_ROUTE)}) &>/dev/null &"
    )
    done = machine.client("verify", "--wait-network", "300")
    assert done.exit_code == 0
    assert "The network is not up yet; waiting for at most 300 seconds." in done.err


def test_check_does_not_wait_where_no_network_would_help(machine: Machine) -> None:
    machine.do(*CABLE, *V4_ROUTE)
    order(machine)
    machine.do("ip address flush dev eth0", "ip address add 10.0.0.3/24 dev eth0", V4_ROUTE[-1])
    done = machine.client("verify", "--wait-network", "3000")
    assert done.exit_code == code("wrong-host")
    assert "not up yet" not in done.err


def test_check_gives_up_when_the_time_is_over(machine: Machine) -> None:
    machine.do(*CABLE, *V4_ROUTE)
    order(machine)
    machine.do("ip address flush dev eth0")
    done = machine.client("verify", "--wait-network", "1")
    assert done.exit_code == code("wrong-host")
    assert "This machine has no address now. Is the network up?" in done.err


def test_licensed_address_that_is_not_used_any_more_is_named_with_its_interface(
    machine: Machine,
) -> None:
    machine.do(*CABLE, *V4, "ip route add default via 10.0.0.1 metric 100")
    order(machine)
    machine.do(*SECOND_CABLE, "ip address add 10.1.0.2/24 dev eth1")
    machine.do("ip route add default via 10.1.0.1 metric 50")
    for _ in ("memory", "tags"):
        refused = machine.client("verify")
        told = (
            "This host still has 10.0.0.2 on eth0; its default route now goes by eth1 (10.1.0.2)."
        )
        assert told in refused.err
        assert "Let the default route go by eth0 again" in refused.err
        assert "container" not in refused.err
        (machine.world.conf / "license.state").unlink(missing_ok=True)


def test_licensed_address_on_an_interface_that_is_down_is_not_said_to_be_routed_past(
    machine: Machine,
) -> None:
    machine.do(*CABLE, *V4_ROUTE)
    order(machine)
    machine.do(*SECOND_CABLE, "ip address add 9.1.0.2/24 dev eth1", "ip link set eth0 down")
    refused = machine.client("verify")
    assert (
        "This host still has 10.0.0.2 on eth0, but has no default route; 9.1.0.2 on eth1 counts"
    ) in refused.err
    assert "If eth0 is down (`ip -brief link` shows it), bring it up" in refused.err
    assert "metric" not in refused.err


@pytest.mark.parametrize("forgotten", [False, True])
def test_on_a_machine_nothing_is_said_of_containers(machine: Machine, forgotten: bool) -> None:
    """Each change of a machine is told with what is done on a machine about it."""
    machine.do(*CABLE, *V4_ROUTE)
    order(machine)
    changes = {
        "echo renamed > /proc/sys/kernel/hostname": "hostnamectl set-hostname studio2_gpu",
        "ip address flush dev eth0": "Is the network up?",
        "ip address add 10.0.0.3/24 dev eth0": "Give it 10.0.0.2 again",
    }
    for change, remedy in changes.items():
        machine.do(change)
        if forgotten:
            (machine.world.conf / "license.state").unlink(missing_ok=True)
        refused = machine.client("verify")
        assert remedy in refused.err
        assert "container" not in refused.err
        machine.do("echo studio2_gpu > /proc/sys/kernel/hostname")
    assert ip_of(machine) == "10.0.0.3"

"""From a host's files to host facts, host key and warnings."""

import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from license_core import hostkey, stability
from license_core.errors import LicenseError
from license_core.facts import HostFacts
from license_core.probe import read_facts
from tests.support import cases, hosts
from tests.support.hosts import CONTAINER_ID, IP, MACHINE_ID, container, mountinfo, write

HOSTS, HOSTS_TORTURE = 200, 1000


def facts(root: Path, **environ: str) -> HostFacts:
    return read_facts(str(root), environ)


def test_facts_of_a_docker_container_are_read(tmp_path: Path) -> None:
    found = facts(container(tmp_path, gpus=4))
    assert found[:4] == (hosts.HOSTNAME, IP, MACHINE_ID, CONTAINER_ID)
    assert (found.engine, found.gateway, found.gpus) == ("docker", "172.17.0.1", 4)
    assert stability.network_mode(found) == "default-bridge"


@pytest.mark.parametrize("count", [HOSTS, pytest.param(HOSTS_TORTURE, marks=pytest.mark.torture)])
def test_hosts_that_share_names_and_ids_have_keys_of_their_own(count: int, tmp_path: Path) -> None:
    chance = random.Random(3)
    keys = set()
    for n in range(count):
        container(
            tmp_path,
            ip=f"172.17.{n % 4}.{2 + n // 4}",
            hostname=f"gpu{n % 10}",
            machine_id=f"{chance.getrandbits(128):032x}" if n % 3 else MACHINE_ID,
            container_id=f"{chance.getrandbits(256):064x}",
        )
        keys.add(hostkey.derive(facts(tmp_path)).key)
    assert len(keys) == count


@pytest.mark.parametrize("component", hostkey.COMPONENTS)
def test_each_component_changes_the_key_and_differs_from_missing(
    tmp_path: Path, component: str
) -> None:
    known = facts(container(tmp_path))
    values: list[dict[str, Any]] = [
        {component: value} for value in (getattr(known, component), None, "", "!missing", "x")
    ]
    keys = {hostkey.derive(known._replace(**value)).key for value in values}
    assert len(keys) == 5


@pytest.mark.parametrize(
    ("cgroup", "mounts", "expected"),
    [
        ("0::/\n", mountinfo(CONTAINER_ID), CONTAINER_ID),
        (f"12:pids:/docker/{CONTAINER_ID}\n", "", CONTAINER_ID),
        (f"0::/system.slice/docker-{CONTAINER_ID}.scope\n", "", CONTAINER_ID),
        (f"0::/kubepods/besteffort/pod12/{CONTAINER_ID}\n", "", CONTAINER_ID),
        (f"0::/kubepods.slice/cri-containerd-{CONTAINER_ID}.scope\n", "", CONTAINER_ID),
        (f"0::/docker/{'ab' * 32}/nested/{CONTAINER_ID}\n", "", CONTAINER_ID),
        (f"0::/docker/{CONTAINER_ID}\n", mountinfo("ab" * 32), CONTAINER_ID),
        ("0::/\n", mountinfo(CONTAINER_ID, "/srv/elsewhere/containers"), CONTAINER_ID),
        ("0::/\n", mountinfo(CONTAINER_ID, "/x/overlay-containers"), CONTAINER_ID),
        ("0::/\n", mountinfo(CONTAINER_ID, "/x/vfs-containers", "userdata/"), CONTAINER_ID),
        (f"0::/machine.slice/libpod-{CONTAINER_ID}.scope\n", "", CONTAINER_ID),
        (f"0::/machine.slice/libpod-{CONTAINER_ID}.scope/container\n", "", CONTAINER_ID),
        (f"9:name=systemd:/libpod_parent/libpod-{CONTAINER_ID}\n", "", CONTAINER_ID),
        (f"0::/kubepods.slice/kubepods-pod12.slice/crio-{CONTAINER_ID}.scope\n", "", CONTAINER_ID),
        (f"8:pids:/process_api/{MACHINE_ID}\n0::/\n", "", None),
        ("0::/\n", mountinfo(None), None),
        ("0::/\n", mountinfo(CONTAINER_ID, "/home/user/backup"), None),
        (f"0::/docker/{CONTAINER_ID}a\n", "", None),
        (f"0::/docker/{CONTAINER_ID[:-1]}\n", "", None),
        ("", "garbage\n\n1 2 3\n", None),
    ],
)
def test_container_id_is_found_in_cgroup_or_mountinfo(
    tmp_path: Path, cgroup: str, mounts: str, expected: str | None
) -> None:
    container(tmp_path, cgroup=cgroup)
    write(tmp_path, {"/proc/self/mountinfo": mounts})
    assert facts(tmp_path).container_id == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"{MACHINE_ID}\n", MACHINE_ID),
        (f"{MACHINE_ID}\r\n", MACHINE_ID),
        (f"  {MACHINE_ID.upper()}  ", MACHINE_ID),
        ("", None),
        ("\n", None),
        ("uninitialized\n", None),
        ("0" * 32, None),
        (MACHINE_ID[:-1], None),
        (f"{MACHINE_ID}0", None),
        (f"{MACHINE_ID[:8]}-{MACHINE_ID[8:]}", None),
    ],
)
def test_machine_id_is_normalised_or_ignored(
    tmp_path: Path, text: str, expected: str | None
) -> None:
    container(tmp_path)
    write(tmp_path, {"/etc/machine-id": text})
    assert facts(tmp_path).machine_id == expected


def test_dbus_machine_id_is_the_fallback(tmp_path: Path) -> None:
    container(tmp_path, machine_id=None)
    write(tmp_path, {"/var/lib/dbus/machine-id": MACHINE_ID})
    assert facts(tmp_path).machine_id == MACHINE_ID


def test_bind_mounted_machine_id_allows_hk1_host(tmp_path: Path) -> None:
    container(tmp_path)
    with pytest.raises(LicenseError, match="machine id"):
        hostkey.derive(facts(tmp_path), "hk1-host")
    bound = "711 699 8:1 /etc/machine-id /etc/machine-id ro - ext4 /dev/sda1 rw\n"
    write(tmp_path, {"/proc/self/mountinfo": mountinfo(CONTAINER_ID) + bound})
    key = hostkey.derive(facts(tmp_path), "hk1-host")
    write(tmp_path, {"/proc/self/mountinfo": mountinfo("ab" * 32) + bound})
    assert hostkey.derive(facts(tmp_path), "hk1-host") == key


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("Studio2_GPU\n", "studio2_gpu"),
        ("host.example.com.\n", "host.example.com"),
        ("工作站\n", "工作站"),
        ("ÄB\n", "Äb"),
        ("(none)\n", None),
        ("\n", None),
    ],
)
def test_hostname_is_lowercased_in_ascii_only(
    tmp_path: Path, raw: str, expected: str | None
) -> None:
    container(tmp_path)
    write(tmp_path, {"/proc/sys/kernel/hostname": raw})
    assert facts(tmp_path).hostname == expected


def _routes(*rows: str) -> str:
    head = "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n"
    return head + "".join(f"{row}\n" for row in rows)


def _locals(*addresses: str) -> str:
    return "Local:\n" + "".join(f"     |-- {a}\n        /32 host LOCAL\n" for a in addresses)


def test_default_route_with_the_lowest_metric_gives_the_address(tmp_path: Path) -> None:
    container(tmp_path)
    routes = _routes(
        "eth0\t00000000\t010011AC\t0003\t0\t0\t200\t00000000\t0\t0\t0",
        "eth1\t00000000\t01001EAC\t0003\t0\t0\t100\t00000000\t0\t0\t0",
        "eth0\t000011AC\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0",
        "eth1\t00001EAC\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0",
    )
    write(
        tmp_path,
        {"/proc/net/route": routes, "/proc/net/fib_trie": _locals("172.17.0.2", "172.30.0.10")},
    )
    assert facts(tmp_path).ip == "172.30.0.10"


def test_lowest_usable_address_is_used_without_a_route(tmp_path: Path) -> None:
    container(tmp_path)
    trie = _locals("127.0.0.1", "169.254.3.4", "10.9.0.2", "10.10.0.2")
    write(tmp_path, {"/proc/net/route": _routes(), "/proc/net/fib_trie": trie})
    assert facts(tmp_path).ip == "10.9.0.2"


@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("fib_trie", "     |-- 2001:db8::2\n        /32 host LOCAL"),
        ("fib_trie", "     |-- 10.9.0.1%eth0\n        /32 host LOCAL"),
        ("fib_trie", "     |-- 010.9.0.1\n        /32 host LOCAL"),
        ("fib_trie", "     |--\n        /32 host LOCAL"),
        ("route", "eth1\t000009AC\t00000000\t0001\t0\t0\t-1\t0000FFFF\t0\t0\t0"),
        ("route", "eth1\t00000000\t0x0009AC\t0003\t0\t0\t0\t00000000\t0\t0\t0"),
        ("route", "eth1\t00000000\t01_009AC\t0003\t0\t0\t0\t00000000\t0\t0\t0"),
        ("route", "eth1\t00000000\t010009AC\t100000003\t0\t0\t0\t00000000\t0\t0\t0"),
        ("if_inet6", "20010db800000000000000000000000g 02 40 00 80     eth0"),
        ("if_inet6", "20010db8000000000000000000000002 02 40 00 -1     eth0"),
    ],
)
def test_line_that_makes_no_sense_is_passed_over(tmp_path: Path, file: str, line: str) -> None:
    known = facts(container(tmp_path))
    path = tmp_path / "proc/net" / file
    text = path.read_text() if path.exists() else ""
    path.write_text(f"{text}{line}\n")
    assert facts(tmp_path) == known


def test_interface_that_no_kernel_has_is_looked_up_nowhere(tmp_path: Path) -> None:
    container(tmp_path, ip=None)
    six = "20010db8000000000000000000000002 02 40 00 80     "
    for name in ("a\0b", "../../../etc"):
        write(
            tmp_path,
            {"/proc/net/if_inet6": f"{six}{name}\n", "/etc/ifindex": "1", "/etc/iflink": "1"},
        )
        assert (facts(tmp_path).ip, facts(tmp_path).own_link) == ("2001:db8::2", False)


def test_network_is_lost_whose_hosts_file_names_a_name_beyond_ascii(tmp_path: Path) -> None:
    container(tmp_path, ip=None, hostname="\u00c4B")
    write(tmp_path, {"/etc/hosts": "172.17.0.2 \u00c4B\n"})
    assert facts(tmp_path).network_lost


def test_link_local_address_does_not_count(tmp_path: Path) -> None:
    container(tmp_path)
    trie = _locals("127.0.0.1", "169.254.3.4")
    write(tmp_path, {"/proc/net/route": _routes(), "/proc/net/fib_trie": trie})
    assert facts(tmp_path).ip is None
    assert stability.network_mode(facts(tmp_path)) == "none"


def test_global_ipv6_address_is_used_without_ipv4(tmp_path: Path) -> None:
    container(tmp_path)
    six = "20010db8000000000000000000000002 02 40 00 80     eth0\n"
    link_local = "fe800000000000000000000000000002 02 40 20 80     eth0\n"
    write(
        tmp_path,
        {
            "/proc/net/route": _routes(),
            "/proc/net/fib_trie": _locals("127.0.0.1"),
            "/proc/net/if_inet6": link_local + six,
        },
    )
    assert facts(tmp_path).ip == "2001:db8::2"


@pytest.mark.parametrize(
    ("nameserver", "environ", "mode"),
    [
        ("192.0.2.53", {}, "default-bridge"),
        ("127.0.0.11", {}, "user-defined"),
        ("192.0.2.53", {"KUBERNETES_SERVICE_HOST": "10.0.0.1"}, "pod"),
    ],
)
def test_network_mode_is_read_from_nameserver_and_environment(
    tmp_path: Path, nameserver: str, environ: dict[str, str], mode: str
) -> None:
    found = facts(container(tmp_path, nameserver=nameserver), **environ)
    assert stability.network_mode(found) == mode


def test_dockerenv_file_alone_does_not_mean_docker(tmp_path: Path) -> None:
    container(tmp_path, container_id=None)
    write(tmp_path, {"/.dockerenv": ""})
    found = facts(tmp_path)
    assert (found.engine, stability.notices(found)) == (None, ())


def test_podman_is_detected_and_named_in_the_warning(tmp_path: Path) -> None:
    (notice,) = stability.notices(facts(hosts.podman(tmp_path)))
    assert "podman" in notice.sentence
    assert "podman network create" in notice.remedy()


@pytest.mark.parametrize(
    ("ip", "nameserver", "mode"),
    [
        ("10.88.0.5", "192.0.2.53", "default-bridge"),
        ("10.89.0.5", "10.89.0.1", "user-defined"),
        ("10.89.0.5", "192.0.2.53", "user-defined"),  # its resolv.conf was overwritten
        ("10.88.0.5", "10.88.0.1", "default-bridge"),  # it was told to answer for names
    ],
)
def test_podman_network_is_user_defined_when_its_gateway_is_the_dns(
    tmp_path: Path, ip: str, nameserver: str, mode: str
) -> None:
    found = facts(hosts.podman(tmp_path, ip=ip, nameserver=nameserver))
    assert stability.network_mode(found) == mode


def test_own_container_id_is_found_in_another_containers_network(tmp_path: Path) -> None:
    hosts.podman(tmp_path)
    own = (tmp_path / "proc/self/mountinfo").read_text().splitlines()[-1]
    folder = "/run/containers/storage/overlay-containers"
    owner = mountinfo("ab" * 32, folder, "userdata/")
    write(tmp_path, {"/proc/self/mountinfo": f"{owner}{own}\n"})
    found = facts(tmp_path)
    assert (found.container_id, found.network_container) == (CONTAINER_ID, "ab" * 32)


@pytest.mark.parametrize(
    ("ip", "numbers", "kind", "device", "mode"),
    [
        ("192.168.7.20", (2, 2), "", "eth1", "host"),
        ("192.168.7.20", (5, 2), "vlan", "eth1", "host"),
        ("192.168.7.20", (5, 2), "macvlan", "eth1", "default-bridge"),
        ("192.168.7.20", (45, 46), "", "docker0", "host"),  # the machine is a container itself
        (IP, (45, 46), "", "docker0", "default-bridge"),  # an engine runs inside of this one
        (IP, (45, 46), "", "eth1", "default-bridge"),
    ],
)
def test_host_network_is_detected_by_its_link_or_bridges(
    tmp_path: Path, ip: str, numbers: tuple[int, int], kind: str, device: str, mode: str
) -> None:
    container(tmp_path, ip=ip)
    dev = f"Inter-|\n face |\n    lo: 0\n  eth0: 0\n  {device}: 0\n"
    uevent = {"/sys/class/net/eth0/uevent": f"DEVTYPE={kind}\nINTERFACE=eth0\n"}
    write(tmp_path, hosts.link("eth0", *numbers) | {"/proc/net/dev": dev} | uevent)
    assert stability.network_mode(facts(tmp_path)) == mode


def test_default_bridge_counts_when_it_has_the_default_route(
    tmp_path: Path,
) -> None:
    cases.two_networks(IP)(tmp_path)
    assert stability.network_mode(facts(tmp_path)) == "default-bridge"
    # An own network may have got that subnet, where the default one was moved.
    container(tmp_path, nameserver="127.0.0.11")
    assert stability.network_mode(facts(tmp_path)) == "user-defined"


@pytest.mark.parametrize("ip", ["172.30.0.2", "172.30.7.2"])
def test_proposed_subnet_does_not_overlap_the_hosts_own(tmp_path: Path, ip: str) -> None:
    (notice,) = stability.notices(facts(container(tmp_path, ip=ip)))
    assert "172.30." not in notice.remedy()


def test_facts_of_this_machine_are_read_repeatably() -> None:
    found = read_facts("/", {})
    assert found.hostname
    assert read_facts("/", {}) == found


# Hostile files


def _fifo(path: Path) -> None:
    os.mkfifo(path)


def _folder(path: Path) -> None:
    path.mkdir()


def _loop(path: Path) -> None:
    path.symlink_to(path.name)


def _huge(path: Path) -> None:
    with path.open("wb") as stream:
        stream.truncate(1 << 34)


def _device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def _masked(path: Path) -> None:
    path.symlink_to("/dev/null")


def _noise(path: Path) -> None:
    path.write_bytes(os.urandom(4096))


READ = [
    "etc/machine-id",
    "proc/self/cgroup",
    "proc/self/mountinfo",
    "proc/sys/kernel/hostname",
    "etc/resolv.conf",
    "proc/net/route",
    "proc/net/fib_trie",
    "proc/net/if_inet6",
    "proc/net/dev",
    "sys/class/net/eth0/iflink",
]


@pytest.mark.parametrize("make", [_fifo, _folder, _loop, _huge, _device, _masked, _noise])
@pytest.mark.parametrize("name", READ)
def test_hostile_host_file_never_hangs_or_crashes(
    tmp_path: Path, name: str, make: Callable[[Path], None]
) -> None:
    container(tmp_path)
    (tmp_path / name).unlink(missing_ok=True)
    make(tmp_path / name)
    try:
        hostkey.derive(facts(tmp_path))
    except LicenseError as error:
        assert str(tmp_path) in error.sentence


@pytest.mark.parametrize("seed", range(30))
def test_corrupted_host_files_never_crash(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    container(tmp_path)
    for name in READ:
        path = tmp_path / name
        if path.exists():
            data = bytearray(path.read_bytes())
            for _ in range(chance.randrange(1, 8)):
                data[chance.randrange(len(data))] = chance.choice(b"\0 \t\n:/0f|-\xff")
            path.write_bytes(bytes(data))
    try:
        hostkey.derive(facts(tmp_path))
    except LicenseError as error:
        assert error.exit_code


def test_missing_root_folder_cannot_be_identified(tmp_path: Path) -> None:
    shutil.rmtree(tmp_path)
    with pytest.raises(LicenseError, match="machine id"):
        hostkey.derive(facts(tmp_path))

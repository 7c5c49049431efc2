"""Hosts that no engine makes: each file of fragments that are drawn, nearly right ones less often.

What two readers of hosts have to agree on is here beside what any host shows. A host is drawn, and
then some of its files are drawn anew, again and again.
"""

import os
import random
import shutil
import socket
from collections.abc import Callable, Sequence
from pathlib import Path

from license_core import sitefile
from license_core.engine import NAMESPACES

_ID, _OTHER = "5f0c1b7e" * 8, "ab" * 32
_WHITE = ["\n", "\n", "\n", "\r\n", "\x0b", "\x1c", "\x85", "\u2028", "\r", "\n\n"]
_NAMES = ["eth0", "eth1", "br-0123456789ab", "docker0", "tun3", "zt0a1b2c3d", "wg0", "bond0"]
_NAMES += ["virbr0", "kube-ipvs0", "veth1a", "lo", "a/b", "wg", "docker_gwbridge", "loopback0"]
_ADDRESSES = ["172.17.0.2", "172.17.0.9", "10.88.0.5", "192.168.7.20", "10.9.0.2", "127.0.0.1"]
_ADDRESSES += ["169.254.3.4", "0.0.0.0", "010.1.1.1", "10.1.1", "2001:db8::2", "10.1.1.1%eth0", ""]
_SIXES = ["2001:db8::2", "2001:db8::10", "fd00::1", "fe80::2", "::1", "::9:1", "::ffff:1.2.3.4"]
_FOLDERS = ["/var/lib/docker/containers", "/run/overlay-containers", "/x/vfs-containers", "/c"]
_FOLDERS += ["/containers", "/x/-containers", "/nerdctl/containers/default", "/containers/a/b", ""]
_FOLDERS += ["/containers/"]
_ROOTS = ["/", "/@", "/@/lxc/1", "/var/lib/machines/gpu", "/ostree/deploy/os", f"/vfs/{_OTHER}"]
_ROOTS += ["/rootfs", "/io.containerd.x/1", "/machinesx", "", f"/{_ID}{_ID}"]
_KINDS = ["ext4", "overlay", "tmpfs", "ramfs", "squashfs", "btrfs", "zfs", "9p", "virtiofs", "-"]
_KINDS += ["aufs", "fuse.lxcfs", "fuse.x", "devtmpfs", "erofs", "xfs", ""]
_SOURCES = ["/dev/sda1", "tank/containerd/1", "rpool/data/subvol-101-disk-0", "rpool/lxcx", "none"]
_SOURCES += [f"/dev/mapper/docker-8:1-{_OTHER}", "tank/subvol-1-disk-x", "\udcff"]
_UPPERS = ["", "/c/snapshots/12/fs", f"/o/{_OTHER}/diff", f"{_OTHER}/diff", "snapshots/7/fs"]
_UPPERS += [
    "/snapshots/3/fs",
    "/cow/upper",
    f"/o/{_OTHER}/fs",
    "/snapshots/x/fs",
    "/o/caf\u00e9\u3000x",
    "/o/\udce4",
]
_PLACES = ["/", "/etc/hosts", "/etc/hostname", "/etc/resolv.conf", "/run/.containerenv", "/dev"]
_PLACES += ["/etc/machine-id", "/etc", "/var/lib/dbus/machine-id", "/proc/cpuinfo", "/init", "/run"]
_PLACES += ["/var", "/run/secrets/kubernetes.io/s", "/var/run/secrets/kubernetes.io/s"]
_PLACES += ["/dev/termination-log"]
_CGROUPS = ["0::/", f"9:pids:/docker/{_ID}", f"0::/docker/{_ID}/x/{_OTHER}.scope", f"0::/{_ID}a"]
_CGROUPS += ["0::/kubepods/x", "0::/lxc.payload.x", "0::/machine.slice/x/payload", "1::/ecs/x"]
_CGROUPS += ["0::/payload/machine.slice/", f"0::/libpod-{_ID}.scope", "0::/dockerx/"]
_MACHINE_IDS = ["9c1d" * 8, "9C1D" * 8, "0" * 32, "9c1d" * 7, "\u00a09c1d" + "9c1d" * 7, "", "x"]
_HOSTNAMES = ["gpu1", "GPU1.", "(none)", " \t", "\u00c4b", "\u5de5\u4f5c\u7ad9", "a\udcffb", ".."]
_HOSTNAMES += ["x" * 250, "a\u2029b"]
_LINES = ["nameserver 127.0.0.11", "nameserver 192.0.2.53", "nameserver", " nameserver\u3000::1 x"]
_HOSTS = ["172.17.0.2 gpu1", "127.0.0.1 gpu1", "10.0.0.2 host.containers.internal", "::1 gpu1"]
_HOSTS += ["10.0.0.2 GPU1 x", "# 10.0.0.2 gpu1", "10.0.0.9 \u00c4B", "10.0.0.9 \u00c4b"]
_TYPES = ["1", "769", "512", "65534", "772", "0001", "x", "\u0661", "000512", ""]
_UEVENTS = ["", "DEVTYPE=bridge\n", "DEVTYPE=wireguard\n", "DEVTYPE=vlan\n", "DEVTYPE=vlan"]
_UEVENTS += [
    "DEVTYPE=\n",
    "A=1\nDEVTYPE=vxlan\nDEVTYPE=vlan\n",
    "DEVTYPE=a b\nDEVTYPE=gre\n",
    "XDEVTYPE=gre\n",
]
_NUMBERS = ["0", "00000000", "0003", "0001", "0203", "-1", "+3", "1_0", "0x1", "fffffffff", "64"]
_SITES = [_SITE := "0f" * 32, _SITE, "0F" * 32, "0f" * 31, f"{_SITE} x"]
_MACHINES = [sitefile.machine_tag(_SITE, "9c1d" * 8), "ab" * 8, "cd" * 8, "AB" * 8, "ab" * 7]
_MEMBERS = ["", "", " studio-1", "\u3000x", "\x1cx", "\x0b\udcff", "\t\u00e9 \n"]
_UID = "0b6ff6b7-2a4d-4c0e-9d3f-6a1c1f2e3d4c"
_UIDS = [f"{_UID}\n", f"'{_UID.upper()}' ", "0-0", _UID[1:], "\udce2\udc82x", "\u0130" * 70, ""]
_ENVIRONMENTS: dict[str, list[str]] = {
    "LICENSE_PINNED_IP": [
        "172.17.0.2",
        " \uff11\uff17\uff12\u3002\uff11\uff17.0.9 ",
        "[2001:DB8::2]",
    ],
    "KUBERNETES_SERVICE_HOST": ["10.0.0.1"],
    "container": ["podman", "lxc"],
    "LICENSE_CLUSTER_UID": ["/uid", _UID, "/none", "none"],
    "LICENSE_SITE": ["/site", "/site//", "/none", "site", "/"],
}
_ENVIRONMENTS["LICENSE_PINNED_IP"] += [
    "gpu1",
    "10.88.0.77",
    "\u3002",
    "::ffff:1.2.3.4",
    "172.17.0.1",
]
_LINKS = ["4026531836", "4026531840", "4026532301", "4026532405", "1", "x", "04026532405"]


def write(root: Path, chance: random.Random, share: float = 1.0) -> Path:
    """Draw the host anew; with a *share* below 1 so many of its files, and leave the others."""
    if share == 1.0:
        shutil.rmtree(root, ignore_errors=True)
    for path, make in _FILES.items():
        if chance.random() < share:
            _put(root / path.lstrip("/"), make(chance) if chance.random() < 0.93 else None)
    for path in _MARKS:
        if chance.random() < share:
            _put(root / path.lstrip("/"), "" if chance.random() < 0.04 else None)
    (root / "proc/self/ns").mkdir(parents=True, exist_ok=True)
    for space in (*NAMESPACES, "net", "mnt"):
        if chance.random() < share:
            link = root / "proc/self/ns" / space
            link.unlink(missing_ok=True)
            own = NAMESPACES.get(space) if chance.random() < 0.95 else None
            if chance.random() < 0.8:
                os.symlink(own or f"{space}:[{_drawn(chance, _LINKS)}]", link)
    return root


def environment(chance: random.Random) -> dict[str, str]:
    """What an operator or an engine may hand in."""
    return {
        name: _drawn(chance, values)
        for name, values in _ENVIRONMENTS.items()
        if chance.random() < 0.25
    }


def _put(file: Path, text: str | None) -> None:
    if text is None:
        file.unlink(missing_ok=True)
    else:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text.encode("utf-8", "surrogateescape"))


def _drawn(chance: random.Random, options: Sequence[str]) -> str:
    """One of these: the first are drawn the most."""
    return options[int(len(options) * chance.random() ** 2)]


def _joined(chance: random.Random, most: int, make: Callable[[random.Random], str]) -> str:
    return "".join(make(chance) + _drawn(chance, _WHITE) for _ in range(chance.randrange(most)))


def _mount(chance: random.Random) -> str:
    place = _drawn(chance, _PLACES)
    root = _drawn(chance, _ROOTS)
    if chance.random() < 0.5:
        file = _drawn(chance, ["", "userdata/"]) + place.rpartition("/")[2]
        root = f"{_drawn(chance, _FOLDERS)}/{_drawn(chance, (_ID, _OTHER, _ID[1:]))}/{file}"
    elif chance.random() < 0.1:
        root = _drawn(chance, ["/k/pods/1/etc-hosts", "/k/pods/1/containers/x", "/pods//etc-hosts"])
    upper = _drawn(chance, _UPPERS)
    options = f"rw,upperdir={upper},x" if upper else "rw"
    dash = _drawn(chance, ["-", "-", "-", "- -", ""])
    shared = _drawn(chance, ["", "shared:1 ", "- "])
    end = f"{dash} {_drawn(chance, _KINDS)} {_drawn(chance, _SOURCES)} {options}"
    return f"22 1 8:1 {root} {place} rw {shared}{end}"


def _kernel(chance: random.Random) -> str:
    address = _drawn(
        chance, ["000011AC", "00000000", "010011AC", "0007A8C0", "0000580A", "0000A8C0"]
    )
    return _drawn(chance, [address, address, address, address.lower(), _drawn(chance, _NUMBERS)])


def _route(chance: random.Random) -> str:
    mask = _drawn(chance, ["00000000", "0000FFFF", "00FFFFFF", "FFFFFFFF", "000000FF", "x"])
    flags = _drawn(chance, ["0003", "0001", _drawn(chance, _NUMBERS)])
    metric = _drawn(chance, ["0", "100", "200", _drawn(chance, _NUMBERS)])
    fields = [_drawn(chance, _NAMES), _kernel(chance), _kernel(chance), flags]
    fields += ["0", "0", metric, mask, "0", "0", "0"]
    return "\t".join(fields[: chance.choice((11, 11, 11, 8, 7))])


def _route_of_six(chance: random.Random) -> str:
    zero, gateway = "0" * 32, _drawn(chance, ["0" * 32, "fe80" + "0" * 27 + "1", "0" * 30, "x"])
    length, metric, flags = (_drawn(chance, ["00", "40", "00000003", *_NUMBERS]) for _ in range(3))
    flags = _drawn(chance, ["00000003", flags])
    return " ".join(
        [zero, length, zero, "00", gateway, metric, "0", "0", flags, _drawn(chance, _NAMES)]
    )


def _local(chance: random.Random) -> str:
    end = _drawn(
        chance, ["/32 host LOCAL", "/32 host LOCAL", "/32 link BROADCAST", "/32  host LOCAL"]
    )
    return f"     |-- {_drawn(chance, _ADDRESSES)}{_drawn(chance, _WHITE)}        {end}"


def _six(chance: random.Random) -> str:
    packed = socket.inet_pton(socket.AF_INET6, _drawn(chance, _SIXES)).hex()
    packed = _drawn(chance, [packed, packed, packed, packed[2:], packed.upper()])
    scope, flags = _drawn(chance, ["00", "00", "20"]), _drawn(chance, ["80", "01", "81", "x", "-1"])
    return f"{packed} 02 40 {scope} {flags}     {_drawn(chance, _NAMES)}"


def _devices(chance: random.Random) -> str:
    names = [_drawn(chance, _NAMES) for _ in range(3)]
    return "Inter-|\n face |\n" + "".join(f" {name}: 0\n" for name in names)


def _site(chance: random.Random) -> str:
    head = _drawn(chance, ["hostseal-site 1", " hostseal-site\t1", "hostseal-site 2", ""])
    rows = [
        _drawn(chance, _MACHINES) + _drawn(chance, _MEMBERS) for _ in range(chance.randrange(4))
    ]
    return "\n".join([head, _drawn(chance, _SITES), *rows, ""])


def _one(*options: str) -> Callable[[random.Random], str]:
    return lambda chance: _drawn(chance, options)


def _some(most: int, make: Callable[[random.Random], str]) -> Callable[[random.Random], str]:
    return lambda chance: _joined(chance, most, make)


_CARD = "/proc/driver/nvidia/gpus/0000:0{}:00.0/information"
_ABOUT = ("Device Minor: \t 0\n", "Device Minor: 007\n", "Device Minor: x\n", "")
_FILES: dict[str, Callable[[random.Random], str]] = {
    "/proc/self/mountinfo": _some(8, _mount),
    "/proc/self/cgroup": _some(2, _one(*_CGROUPS)),
    "/proc/net/route": _some(5, _route),
    "/proc/net/ipv6_route": _some(3, _route_of_six),
    "/proc/net/fib_trie": _some(6, _local),
    "/proc/net/if_inet6": _some(3, _six),
    "/proc/net/dev": _devices,
    "/proc/net/udp": _one("", "  1: 0B00007F:A5B0 0\n", "  1: 0100007F:A5B0 0\n"),
    "/etc/resolv.conf": _some(2, _one(*_LINES)),
    "/etc/hosts": _some(3, _one(*_HOSTS)),
    "/etc/machine-id": _one(*_MACHINE_IDS),
    "/var/lib/dbus/machine-id": _one(*_MACHINE_IDS),
    "/proc/sys/kernel/hostname": _one(*_HOSTNAMES),
    "/etc/hostname": _one(*_HOSTNAMES),
    "/proc/sys/kernel/osrelease": _one("6.1.0\n", "5.15-Microsoft-WSL2\n"),
    "/uid": _one(*_UIDS),
    "/site/license.site": _site,
    **{_CARD.format(card): _one("", f"Model: x\n{about}") for card, about in enumerate(_ABOUT)},
    **{f"/sys/class/net/{name}/uevent": _one(*_UEVENTS) for name in _NAMES[:4]},
    **{f"/sys/class/net/{name}/type": _one(*_TYPES) for name in _NAMES[:4]},
    **{f"/sys/class/net/{name}/ifindex": _one("2", "3") for name in _NAMES[:2]},
    **{f"/sys/class/net/{name}/iflink": _one("3", "2") for name in _NAMES[:2]},
}
_MARKS = ["/dev/nvidiactl", "/dev/nvidia0", "/dev/nvidia7", "/.singularity.d", "/dev/dxg"]
_MARKS += ["/run/.containerenv", "/run/systemd/container", "/run/host/container-manager"]
_MARKS += ["/sys/class/net/eth0/tun_flags", "/sys/class/net/eth1/tun_flags"]
"""Files that say something by being there."""

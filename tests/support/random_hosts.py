"""Hosts at random: what is in a key, and what stands around it and is not.

A host is a value; ``write`` makes the folder that a probe reads. ``with_other`` changes a part of
its key, ``shaken`` all that is in none.
"""

import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from license_core import hostkey
from tests.support import hosts, other_engines
from tests.support.other_engines import BOUND, OWN_PID, UNKNOWN, Shown

HEADER = "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n"


def _docker(identity: int) -> Shown:
    return Shown(hosts.mountinfo(f"{identity:064x}"))


def _docker_cgroup(identity: int) -> Shown:
    return Shown(hosts.mountinfo(None), f"9:pids:/docker/{identity:064x}\n0::/\n")


def _podman(identity: int) -> Shown:
    folder = "/run/containers/storage/overlay-containers"
    mounts = hosts.mountinfo(f"{identity:064x}", folder, "userdata/")
    return Shown(mounts, files={"/run/.containerenv": ""})


def _pod(identity: int) -> Shown:
    cgroup = f"0::/kubepods.slice/kubepods-pod1.slice/cri-containerd-{identity:064x}.scope\n"
    return Shown(hosts.mountinfo(None), cgroup)


def _machine(identity: int) -> Shown:
    return Shown("22 1 8:1 / / rw shared:1 - ext4 /dev/sda1 rw\n", pid=OWN_PID)


KINDS: dict[str, Callable[[int], Shown]] = {
    "docker": _docker,
    "docker, by its control group": _docker_cgroup,
    "docker, a disk of its own": other_engines.docker_on_an_own_disk,
    "podman": _podman,
    "pod": _pod,
    "nerdctl": UNKNOWN["containerd with nerdctl"],
    "ctr": UNKNOWN["containerd with ctr"],
    "machine": _machine,
    "machine with WSL": other_engines.wsl,
    "machine, processes of its own": other_engines.processes_of_its_own,
    "machine of an image": other_engines.squashfs,
    "machine on ZFS": other_engines.MACHINES["ZFS"],
}
IDENTIFIED = {kind for kind in KINDS if not kind.startswith("machine")}
"""Those whose identity is a part of the key."""
ONLY_BOUND = {"ctr"}
"""Those that have a key only with the machine's own id."""


class RandomHost(NamedTuple):
    """A host; the first five are what its key is of."""

    kind: str
    hostname: str
    ip: str | None
    machine_id: str | None
    identity: int
    bound: bool
    noise: int
    """The seed of all that is in no key."""

    @property
    def parts(self) -> tuple[object, ...]:
        """What the key is of, as this host was made: two with the same parts are one."""
        identity = (self.kind in ONLY_BOUND, self.identity) if self.kind in IDENTIFIED else None
        return self.hostname, self.ip, self.machine_id, identity

    @property
    def has_key(self) -> bool:
        """Whether there is anything to identify it by."""
        if self.kind in ONLY_BOUND:
            return self.bound and self.machine_id is not None
        return self.kind in IDENTIFIED or self.machine_id is not None

    def with_other(self, part: str, chance: random.Random) -> "RandomHost":
        """The same host with another *part*."""
        made = self
        while getattr(made, part) == getattr(self, part):
            made = made._replace(**{part: getattr(random_host(chance), part)})
        return made

    def shaken(self, chance: random.Random) -> "RandomHost":
        """The same host with other things around it."""
        return self._replace(noise=chance.getrandbits(32))

    def write(self, root: Path) -> Path:
        """The folder of this host, in place of what is there."""
        shutil.rmtree(root, ignore_errors=True)
        chance = random.Random(self.noise)
        mounts = [BOUND] if self.bound and self.machine_id is not None else []
        mounts += chance.sample(_MOUNTS, chance.randrange(len(_MOUNTS)))
        shown = KINDS[self.kind](self.identity)
        if chance.random() < 0.5:
            shown = shown._replace(mountinfo="".join(mounts) + shown.mountinfo)
            mounts = []
        if self.kind != "docker, by its control group":
            names = chance.sample(_CONTROLLERS, chance.randrange(len(_CONTROLLERS)))
            shown = shown._replace(cgroup="".join(names) + shown.cgroup)
        name = "".join(chance.choice((c.upper(), c)) if c.isascii() else c for c in self.hostname)
        other_engines.write(
            root,
            shown,
            "".join(mounts),
            ip=self.ip,
            hostname=name + chance.choice(("", ".", "..", " ")),
            machine_id=self.machine_id
            and chance.choice((self.machine_id, self.machine_id.upper())),
            nameserver=chance.choice(("127.0.0.11", "192.0.2.53")),
        )
        hosts.write(root, _around(chance, self.ip))
        for name in ("net", "mnt"):
            if chance.random() < 0.8:
                number = chance.randrange(0xF0000000, 0xF0000800)
                os.symlink(f"{name}:[{number}]", root / "proc/self/ns" / name)
        return root


_MOUNTS = [
    "90 22 0:50 / /var/lib/docker/overlay2/x/merged rw - overlay overlay rw,upperdir=/x/diff\n",
    "91 22 0:61 / /sys/fs/cgroup ro - cgroup2 cgroup rw\n",
    "92 22 0:62 / /dev/shm rw - tmpfs shm rw,size=65536k\n",
    "93 22 8:2 / /data rw - xfs /dev/sdb1 rw\n",
    f"94 22 8:1 /backup/{'ab' * 32}/hosts /mnt/hosts rw - ext4 /dev/sda1 rw\n",
    "95 22 8:1 /a\\040folder /mnt/a\\040b rw - ext4 /dev/sda1 rw\n",
    "96 22 - broken\n",
]
_CONTROLLERS = [f"{n}:{name}:/\n" for n, name in enumerate(("pids", "blkio", "cpu", "memory"), 3)]
_BRIDGES = [("docker0", "10.240.0.1"), ("br-0123456789ab", "10.241.0.1"), ("virbr0", "10.242.0.1")]
_BRIDGES += [("tun9", "10.243.0.1"), ("wg0", "10.244.0.1")]


def _around(chance: random.Random, ip: str | None) -> dict[str, str]:
    """Bridges, tunnels and a second card, none of which has the default route; files of no key."""
    found = hosts.network(ip)
    for device, address in chance.sample(_BRIDGES, chance.randrange(len(_BRIDGES))) if ip else []:
        more = hosts.network(address, device=device)
        rows = more["/proc/net/route"].splitlines(keepends=True)
        found["/proc/net/route"] += rows[-1]  # of its subnet; its default route is left out
        found["/proc/net/fib_trie"] += more["/proc/net/fib_trie"]
        found["/proc/net/dev"] += more["/proc/net/dev"].splitlines(keepends=True)[-1]
    if chance.random() < 0.5:
        found["/proc/net/dev"] += "  dummy0: 0\n"
    if chance.random() < 0.5:
        found["/proc/sys/kernel/random/boot_id"] = f"{chance.getrandbits(128):032x}\n"
    for gpu in range(chance.randrange(3)):
        found[f"/proc/driver/nvidia/gpus/0000:0{gpu}:00.0/information"] = "Model: a GPU\n"
    if chance.random() < 0.3:
        found["/.dockerenv"] = ""
    return found


def random_host(chance: random.Random) -> RandomHost:
    """A host; many of the parts are those of others, so that one alone often differs."""
    machine_ids = [None, *(f"{n:032x}" for n in range(1, 6)), f"{chance.getrandbits(128) | 1:032x}"]
    return RandomHost(
        kind=chance.choice(list(KINDS)),
        hostname=chance.choice(["gpu1", "gpu2", "工作站", f"host-{chance.randrange(1000)}"]),
        ip=chance.choice([None, "172.17.0.2", f"172.17.{chance.randrange(256)}.9", "192.168.7.20"]),
        machine_id=chance.choice(machine_ids),
        identity=chance.choice([1, 2, chance.getrandbits(200) | 1]),
        bound=chance.random() < 0.5,
        noise=chance.getrandbits(32),
    )


def spoilt(root: Path, chance: random.Random) -> None:
    """Turn some bytes of some files of a host."""
    files = [path for path in sorted(root.rglob("*")) if path.is_file() and not path.is_symlink()]
    for path in chance.sample(files, min(len(files), 4)):
        data = bytearray(path.read_bytes() or b"\0")
        for _ in range(chance.randrange(1, 8)):
            at = chance.randrange(len(data))
            match chance.randrange(3):
                case 0:
                    data[at] = chance.choice(b"\0 \t\n:/0f|-\xff")
                case 1:
                    data[at:at] = data[: chance.randrange(len(data) + 1)]
                case _:
                    del data[at + 1 :]
        path.write_bytes(bytes(data))


PARTS = ("hostname", "ip", "machine_id", "identity")
assert len(PARTS) == len(hostkey.COMPONENTS)

"""Scans without regular expressions, held against the expressions that say the same."""

import random
import re
from collections.abc import Callable
from typing import Any

import pytest

from license_core import enginepaths, hostline, interfaces

TURNS = 1500
ID = "0123456789abcdef" * 4
# What paths are made of: whole parts, and what makes one of another.
PARTS = [
    *("docker", "ecs", "garden", "lxc", "lxd", "incus", "lxc.payload", "machines", "rootfs"),
    *("containers", "overlay-containers", "a-b-containers", "-containers", "containerd", "pods"),
    *("io.containerd", "io.containerd.snapshotter", "snapshots", "fs", "diff", "hostname", "hosts"),
    *("resolv.conf", "etc-hosts", "etc-hosts2", "subvol-1-disk-2", "subvol--disk-", "12", "x1"),
    *(ID, ID[:-1], f"{ID}0", ID.upper(), f"{ID[:-1]}g", "upperdir=", "upperdir", "é", "٣", "³"),
]
JOINS = ["/", "", "-", ",", "=", "//"]
MEANT = [
    f"/var/lib/docker/containers/{ID}/hostname",
    f"/storage/overlay-containers/{ID}/userdata/hosts",
    f"{ID}/resolv.conf",
    f"containers/default/{ID}/hosts",
    "pods/12/containers/x1",
    "pods/12/etc-hosts",
    f"docker/{ID}",
    "lxc.payload.x1",
    f"index=off,upperdir=/var/lib/docker/overlay2/{ID}/diff",
    f"upperdir=/x/{ID}/fs",
    "upperdir=/snapshots/12/fs",
    f"{ID}/diff",
    "/io.containerd.snapshotter/snapshots/12/fs",
    "tank/subvol-1-disk-2",
    "/@/lxd/x1",
]
HEX64 = r"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])"
TUNNELS = r"(?:(?:tun|tap|wg|ppp|tailscale|ipsec|utun)[0-9]+|zt[0-9a-z]{8,})\Z"
ENGINES = (
    r"(?:docker|cni|podman|cni-podman|virbr|lxcbr|lxdbr|incusbr|mpqemubr|nerdctl|cbr|vmnet|vboxnet"
    r"|waydroid)[0-9]+\Z|br-[0-9a-f]{12}\Z|docker_gwbridge\Z|kube-|nodelocaldns\Z|cilium_|flannel"
    r"|weave"
)
STEMS = re.findall("[a-z_-]{2,}", TUNNELS + ENGINES)


def searched(pattern: str) -> Callable[[str], Any]:
    return lambda text: re.search(pattern, text) is not None


def group(pattern: str) -> Callable[[str], Any]:
    return lambda text: found[1] if (found := re.search(pattern, text)) else None


def both(pattern: str) -> Callable[[str], Any]:
    return lambda text: found.groups() if (found := re.search(pattern, text)) else None


SCANS: dict[str, tuple[Callable[[str], Any], Callable[[str], Any]]] = {
    "ids": (enginepaths.ids, lambda text: re.findall(HEX64, text)),
    "container": (
        enginepaths.container,
        both(r"/(?:([a-z0-9]+)-)?containers/([0-9a-f]{64})/"),
    ),
    "on_own_disk": (
        enginepaths.on_own_disk,
        group(r"^/([0-9a-f]{64})/(?:hostname|hosts|resolv\.conf)\Z"),
    ),
    "with_namespace": (
        enginepaths.with_namespace,
        group(r"/containers/[^/]+/([0-9a-f]{64})/"),
    ),
    "is_of_pod": (
        enginepaths.is_of_pod,
        searched(r"/pods/[^/]+/(?:etc-hosts|containers/)"),
    ),
    "is_of_engine": (
        enginepaths.is_of_engine,
        searched(r"/(?:docker|ecs|garden|lxc|lxd|incus)/|/lxc\.payload"),
    ),
    "upper": (enginepaths.upper, group(r"(?:^|,)upperdir=([^,]+)")),
    "layer": (
        enginepaths.layer,
        group(r"(?:^|/)([0-9a-f]{64}/diff|snapshots/[0-9]+/fs)\Z"),
    ),
    "is_engines_layer": (
        enginepaths.is_engines_layer,
        searched(r"/(?:[0-9a-f]{64}/(?:diff|fs)|snapshots/[0-9]+/fs)\Z"),
    ),
    "is_engines_subvolume": (
        enginepaths.is_engines_subvolume,
        searched(
            r"/(?:machines|lxc|lxd|incus|containers|docker|rootfs|io\.containerd[^/]*)(?:/|\Z)"
        ),
    ),
    "is_engines_dataset": (
        enginepaths.is_engines_dataset,
        searched(
            r"/(?:containers|lxc|lxd|incus|docker|containerd|subvol-[0-9]+-disk-[0-9]+)(?:/|\Z)"
        ),
    ),
}


def path(chance: random.Random) -> str:
    """A path that means something, of which parts are replaced, left out or joined otherwise."""
    parts = chance.choice(MEANT).split("/")
    for at in range(len(parts)):
        if not chance.randrange(6):
            parts[at] = chance.choice(PARTS)
    joins = [chance.choice(JOINS) if not chance.randrange(12) else "/" for _ in parts]
    text = "".join(f"{join}{part}" for join, part in zip(joins, parts, strict=True))
    return text[chance.randrange(2) :] + chance.choice(["", "", "", "/", "/x", text])


@pytest.mark.parametrize("name", SCANS)
def test_path_is_scanned_as_the_expression_reads_it(name: str) -> None:
    scan, read = SCANS[name]
    chance = random.Random(name)
    found = 0
    for _ in range(TURNS):
        text = path(chance)
        assert scan(text) == read(text), text
        found += bool(scan(text))
    assert found > 10


def test_names_of_interfaces_are_scanned_as_the_expressions_read_them() -> None:
    chance = random.Random(7)
    ranks = set()
    for _ in range(3 * TURNS):
        stem = chance.choice(STEMS)
        end = "".join(chance.choices(chance.choice(["0123", "09af", "09azAZ_-٣"]), k=12))
        name = chance.choice(["", "", "", "x"]) + stem + end[: chance.choice([0, 1, 7, 8, 12])]
        is_tunnel, is_engine = re.match(TUNNELS, name), re.match(ENGINES, name)
        rank = interfaces.TUNNEL if is_tunnel else interfaces.ENGINE if is_engine else 0
        assert interfaces.rank(name) == rank, name
        ranks.add(rank)
    assert len(ranks) == 3


def test_usual_names_are_those_that_a_reader_leaves_alone() -> None:
    chance = random.Random(8)
    usual = "[0-9a-z](?:[0-9a-z._-]{0,98}[0-9a-z_-])?"
    for _ in range(TURNS):
        name = "".join(chance.choices("a0._-", k=chance.choice([0, 1, 2, 3, 99, 100, 101])))
        name = name[:-1] + chance.choice(["", "b", "A", "é", "\n"])
        assert hostline._is_usual(name) == bool(re.fullmatch(usual, name)), name

"""Case by case: a host before and after a change, and what the client says about it.

Here a host is a folder of files. That engines really do what the files say is shown in
tests/containers, for each case whose ``real`` says so.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from license_core import hostkey
from license_core.license import HostBinding
from license_core.probe import read_facts
from tests.support import hosts, other_engines
from tests.support.cli import Done, World

DOCKER, PODMAN, NAMESPACE = "Docker", "podman", "network namespace"
CONTAINERD, RUNC, LXC, NSPAWN = "containerd", "runc", "LXC", "systemd-nspawn"
POD = {"KUBERNETES_SERVICE_HOST": "10.96.0.1"}
OTHER_ID = "c0ffee00" * 8
Make = Callable[[Path], object]


def container(**values: Any) -> Make:
    """A container of Docker, by default on its default network."""
    return lambda root: hosts.container(root, **values)


def own_network(**values: Any) -> Make:
    """A container of Docker on a network that somebody made."""
    return container(nameserver="127.0.0.11", **values)


def two_networks(ip: str) -> Make:
    """A container whose default route leaves by Docker's default network, on another beside it."""

    def make(root: Path) -> None:
        hosts.container(root, ip=ip, nameserver="127.0.0.11")
        second = hosts.network("172.30.0.10", device="eth1")
        for name, text in second.items():
            lines = text.splitlines(keepends=True)
            # Of the second network all but its default route.
            more = lines[2:] if name.endswith("route") else lines[-1:] if "dev" in name else lines
            path = root / name.lstrip("/")
            path.write_text(path.read_text() + "".join(more))

    return make


def podman(**values: Any) -> Make:
    """A container of podman, by default on its default network."""
    return lambda root: hosts.podman(root, **values)


def podman_own_network(**values: Any) -> Make:
    """A container of podman on a network that somebody made: its gateway answers for names."""
    return podman(**{"ip": hosts.IP, "nameserver": "172.17.0.1"} | values)


def host_network(make: Make) -> Make:
    """A container on the network of its machine, whose interface ends at itself."""

    def made(root: Path) -> None:
        make(root)
        hosts.write(root, hosts.link("eth0", 2, 2))

    return made


def guest(**values: Any) -> Make:
    """A container in the network of another: the files over /etc are those of the other."""

    def make(root: Path) -> None:
        hosts.container(root, cgroup=f"0::/docker/{hosts.CONTAINER_ID}\n", **values)
        hosts.write(root, {"/proc/self/mountinfo": hosts.mountinfo(OTHER_ID)})

    return make


def joined(links: dict[str, str], layer: str, **values: Any) -> Make:
    """A container of Docker in a control group of its own, with these namespaces and this layer."""

    def make(root: Path) -> None:
        hosts.container(root, nameserver="127.0.0.11", **values)
        upper = f"/var/lib/docker/overlay2/{layer * 64}/diff"
        hosts.write(
            root, {"/proc/self/mountinfo": hosts.mountinfo(hosts.CONTAINER_ID, upper=upper)}
        )
        other_engines.namespaces(root, links)

    return make


def bound(**values: Any) -> Make:
    """A container into which the machine's own id is bound."""

    def make(root: Path) -> None:
        container_id = values.get("container_id", hosts.CONTAINER_ID)
        hosts.container(root, **values)
        line = "799 699 8:1 /etc/machine-id /etc/machine-id ro - ext4 /dev/sda1 rw\n"
        hosts.write(root, {"/proc/self/mountinfo": hosts.mountinfo(container_id) + line})

    return make


def engine(record: other_engines.Record, number: int = 1, mounts: str = "", **more: Any) -> Make:
    """A container of an engine beside Docker and podman, with these mounts beside its own."""
    return lambda root: other_engines.write(root, record(number), mounts, **more)


class Case(NamedTuple):
    what: str
    before: Make
    after: Make
    env: dict[str, str] = {}  # noqa: RUF012  # a tuple's default, never changed
    match: str = "exact"
    profile: str = "hk1"
    real: str = ""
    """Where it is shown to be so: DOCKER, PODMAN, NAMESPACE; empty: in files alone."""
    address_lost: bool = False
    quiet: bool = False
    """Whether a warning beforehand would be a false alarm."""
    copyable: bool = False
    """Whether nothing of the licence may tell what differs: its host has no secret of its own."""


PINNED = {"LICENSE_PINNED_IP": hosts.IP}
NAMELESS = hosts.CONTAINER_ID[:12]
MOVED, LAN = "172.17.0.3", "192.168.7.20"


def docker(what: str, before: Make, after: Make, **more: Any) -> Case:
    return Case(f"Docker, {what}", before, after, real=DOCKER, **more)


def with_podman(what: str, before: Make, after: Make, **more: Any) -> Case:
    return Case(f"podman, {what}", before, after, real=PODMAN, **more)


def machine(what: str, **after: Any) -> Case:
    before = container(container_id=None)
    changed = container(**{"container_id": None} | after)
    return Case(f"Machine: {what}", before, changed, real=NAMESPACE, quiet=True)


_DEFAULT_LOST: dict[str, Any] = {
    "before": container(),
    "after": container(ip=MOVED),
    "address_lost": True,
}
_PINNED_QUIET: dict[str, Any] = {"env": PINNED, "quiet": True}


def _of_other_engines() -> list[Case]:
    found = []
    for name, record, real in (
        ("containerd (ctr)", other_engines.ctr, CONTAINERD),
        ("runc", other_engines.runc, RUNC),
        ("LXC", other_engines.lxc, LXC),
        ("systemd-nspawn", other_engines.nspawn, NSPAWN),
        ("Fargate", other_engines.fargate, ""),
        ("gVisor", other_engines.gvisor, ""),
        ("Kata", other_engines.kata, ""),
    ):
        image, copy = engine(record), engine(record, 2, ip=MOVED)
        found.append(Case(f"{name}, machine id of the image: a copy", image, copy, real=real))
        one = engine(record, mounts=other_engines.BOUND)
        other = engine(record, 2, other_engines.BOUND, ip=MOVED)
        for match in ("exact", "anchored") if real else ():
            what = f"{name}, machine id mounted, {match} licence: a copy on the same machine"
            is_copyable = record is not other_engines.ctr
            found.append(Case(what, one, other, match=match, real=real, copyable=is_copyable))
    for name, record in (
        ("Apptainer", other_engines.apptainer),
        ("containerd (ctr) on ZFS, processes of the machine", other_engines.ctr_on_zfs),
    ):
        image, copy = engine(record), engine(record, 2)
        found.append(Case(f"{name}, machine id of the image: a copy", image, copy))
    one, other = (engine(other_engines.nerdctl, number) for number in (1, 2))
    found.append(Case("containerd (nerdctl): removed and run again", one, other))
    return found


CASES = [
    docker("default network: restart alone", container(), container()),
    docker("default network: another container took the address", **_DEFAULT_LOST),
    docker("default network: two containers restarted in the other order", **_DEFAULT_LOST),
    docker("default network: the daemon restarted, several `--restart always`", **_DEFAULT_LOST),
    docker(
        "default network moved (`bip`)", container(), container(ip="10.200.0.2"), address_lost=True
    ),
    docker("`--ip` without `--network`: ignored, and the address was taken", **_DEFAULT_LOST),
    docker(
        "custom network, address pinned and declared: restart",
        own_network(),
        own_network(),
        **_PINNED_QUIET,
    ),
    docker(
        "custom IPv4 and IPv6 network, pinned and declared: restart",
        own_network(),
        own_network(),
        **_PINNED_QUIET,
    ),
    docker("custom network, nothing declared: restart", own_network(), own_network()),
    docker(
        "custom network, nothing declared: the address was given to another",
        own_network(),
        own_network(ip=MOVED),
        address_lost=True,
    ),
    docker(
        "pinned and declared, but the address was stolen",
        own_network(),
        own_network(ip=MOVED),
        **_PINNED_QUIET,
    ),
    docker("connected to a custom network, then restarted", own_network(), own_network()),
    docker("two custom networks: restart", own_network(), own_network()),
    docker(
        "two networks, default route on the default one: address taken",
        two_networks(hosts.IP),
        two_networks(MOVED),
        address_lost=True,
    ),
    docker(
        "host network: restart",
        host_network(container(ip=LAN)),
        host_network(container(ip=LAN)),
        quiet=True,
    ),
    docker("no network: restart", container(ip=None), container(ip=None), quiet=True),
    docker("network of another container: both restarted", guest(), guest()),
    docker(
        "network of another container, whose address was taken",
        guest(),
        guest(ip=MOVED),
        address_lost=True,
    ),
    # Their keys are the same (SPEC section 3.1), and only a whole request tells them apart.
    docker(
        "network of another container, private control groups: run in that other",
        joined(other_engines.OWN_NETWORK, "1"),
        joined(other_engines.JOINED, "2"),
        **_PINNED_QUIET,
    ),
    docker(
        "network of another container, private control groups: ordered in that other",
        joined(other_engines.JOINED, "2"),
        joined(other_engines.OWN_NETWORK, "1"),
        env=PINNED,
    ),
    docker(
        "removed and run again with the same flags",
        own_network(),
        own_network(container_id=OTHER_ID),
        **_PINNED_QUIET,
    ),
    docker(
        "removed and run again, no `--hostname`",
        own_network(hostname=NAMELESS),
        own_network(hostname=OTHER_ID[:12], container_id=OTHER_ID),
        **_PINNED_QUIET,
    ),
    docker(
        "`commit`, and the copy run in its place or elsewhere",
        own_network(),
        own_network(container_id=OTHER_ID),
        **_PINNED_QUIET,
    ),
    docker(
        "recreated, machine id mounted, profile hk1-host, pinned",
        bound(nameserver="127.0.0.11"),
        bound(nameserver="127.0.0.11", container_id=OTHER_ID),
        profile="hk1-host",
        **_PINNED_QUIET,
    ),
    docker("anchored licence: the address drifts", match="anchored", **_DEFAULT_LOST),
    docker(
        "anchored licence in another container",
        container(),
        container(container_id=OTHER_ID),
        match="anchored",
    ),
    with_podman("default network: restart", podman(), podman(ip="10.88.0.6"), address_lost=True),
    with_podman(
        "custom network, address pinned and declared: restart",
        podman_own_network(),
        podman_own_network(),
        **_PINNED_QUIET,
    ),
    with_podman(
        "custom network, address pinned, nothing declared: restart",
        podman_own_network(),
        podman_own_network(),
        quiet=True,
    ),
    with_podman(
        "custom network, nothing pinned: restart",
        podman_own_network(),
        podman_own_network(ip=MOVED),
        address_lost=True,
    ),
    with_podman(
        "host network: restart",
        host_network(podman(ip=LAN)),
        host_network(podman(ip=LAN)),
        quiet=True,
    ),
    with_podman(
        "removed and run again with the same flags",
        podman_own_network(),
        podman_own_network(container_id=OTHER_ID),
        **_PINNED_QUIET,
    ),
    Case(
        "Kubernetes: the container restarted",
        container(ip="10.244.1.7"),
        container(ip="10.244.1.7", container_id=OTHER_ID),
        POD,
    ),
    Case(
        "Kubernetes: the pod was recreated",
        container(ip="10.244.1.7"),
        container(ip="10.244.1.9", container_id=OTHER_ID),
        POD,
        address_lost=True,
    ),
    Case(
        "Kubernetes: the pod was recreated; hk1-host, anchored",
        bound(ip="10.244.1.7"),
        bound(ip="10.244.1.9", container_id=OTHER_ID),
        POD,
        match="anchored",
        profile="hk1-host",
    ),
    Case(
        "Kubernetes: the pod was recreated; hk1-host, exact",
        bound(ip="10.244.1.7"),
        bound(ip="10.244.1.9", container_id=OTHER_ID),
        POD,
        profile="hk1-host",
        address_lost=True,
    ),
    Case(
        "Kubernetes, empty environment (sudo, cron): the pod was recreated",
        engine(other_engines.pod, ip="10.244.1.7"),
        engine(other_engines.pod, 2, ip="10.244.1.9"),
        address_lost=True,
        copyable=True,
    ),
    Case(
        "CRI-O: the pod was recreated",
        engine(other_engines.pod_of_crio, ip="10.244.1.7"),
        engine(other_engines.pod_of_crio, 2, ip="10.244.1.9"),
        address_lost=True,
    ),
    *_of_other_engines(),
    Case(
        "Docker, a disk of its own for the folder of containers: removed and run again",
        engine(other_engines.docker_on_an_own_disk, nameserver="127.0.0.11"),
        engine(other_engines.docker_on_an_own_disk, 2, nameserver="127.0.0.11"),
        **_PINNED_QUIET,
    ),
    Case(
        "podman, a tmpfs on /run (`--read-only`): restart",
        engine(other_engines.podman_with_a_tmpfs_on_run, ip="10.88.0.5"),
        engine(other_engines.podman_with_a_tmpfs_on_run, ip="10.88.0.6"),
        address_lost=True,
    ),
    Case(
        "Docker, no machine id in the image, and one appears",
        own_network(machine_id=None),
        own_network(),
        PINNED,
    ),
    Case(
        "Anchored licence: address and name drift",
        container(),
        container(ip="172.17.0.9", hostname="renamed"),
        match="anchored",
    ),
    machine("restart"),
    machine("renamed", hostname="renamed"),
    machine("new address", ip=MOVED),
    machine("reinstalled", machine_id="ab" * 16),
    Case(
        "Machine, processes in a namespace of their own (`unshare --pid`): run outside",
        engine(other_engines.processes_of_its_own),
        engine(other_engines.MACHINES["a disk"]),
        quiet=True,
    ),
    Case(
        "Machine, processes and devices of their own (`PrivatePIDs=`, `PrivateDevices=`)",
        engine(other_engines.processes_and_devices),
        engine(other_engines.processes_and_devices),
    ),
    Case(
        "WSL 2: Windows gave it another address",
        engine(other_engines.wsl, ip="172.24.7.20"),
        engine(other_engines.wsl, ip="172.29.9.31"),
        address_lost=True,
    ),
    Case(
        "WSL 2, anchored licence: Windows gave it another address",
        engine(other_engines.wsl, ip="172.24.7.20"),
        engine(other_engines.wsl, ip="172.29.9.31"),
        match="anchored",
        address_lost=True,
    ),
    *(
        Case(
            f"Machine, machine id in a system image (squashfs), {match} licence: a copy",
            engine(other_engines.squashfs),
            engine(other_engines.squashfs, ip=MOVED),
            match=match,
            copyable=True,
        )
        for match in ("exact", "anchored")
    ),
    Case(
        "Machine, root on ZFS: restart",
        engine(other_engines.MACHINES["ZFS"]),
        engine(other_engines.MACHINES["ZFS"]),
        quiet=True,
    ),
    Case(
        "Machine, machine id in memory (live, diskless): started anew",
        engine(other_engines.MACHINES["a disk"], mounts=other_engines.IN_MEMORY),
        engine(
            other_engines.MACHINES["a disk"], mounts=other_engines.IN_MEMORY, machine_id="ab" * 16
        ),
    ),
]


class Seen(NamedTuple):
    """The outcome of a case. Where no key is given out, there is no licence either."""

    survives: bool
    said_before: list[str]
    said_after: list[str]
    exit_code: int


def see(case: Case, folder: Path, make: Callable[[Path], World] = World) -> Seen:
    """The outcome of the case, observed on its files, in a world that *make* makes."""
    world = make(folder)
    case.before(world.host)
    before = world.json("get_host_key", "--profile", case.profile, env=case.env)
    if before.exit_code:  # no key, no licence
        return Seen(False, before.slugs(), [], before.exit_code)
    facts = read_facts(str(world.host), case.env)
    key = hostkey.derive(facts, case.profile)
    binding = HostBinding(
        key.key,
        key.hostname,
        profile=case.profile,
        match=case.match,
        tags=hostkey.tags(facts, case.profile),
        layer=hostkey.layer_tag(facts, case.profile),
    )
    world.put(world.file(world.claims()._replace(host=binding)))
    assert world.run("verify", env=case.env).exit_code == 0
    case.after(world.host)
    now = hostkey.derive(read_facts(str(world.host), case.env), case.profile)
    (world.conf / "license.state").unlink()  # so that the licence alone explains
    done = world.json("verify", env=case.env)
    return Seen(now.key == key.key, before.notices(), said_of(done), done.exit_code)


def said_of(done: Done) -> list[str]:
    """The problems of an answer, what differs, and whether a drift was tolerated."""
    said = [
        slug
        for problem in done.json()["problems"]
        for slug in (problem["slug"], *(d["slug"] for d in problem["facts"].get("details", ())))
    ]
    return said + [slug for slug in done.notices() if slug == "host-drifted"]

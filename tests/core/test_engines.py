"""What engines leave to be seen inside: which is which, and that no two copies share a licence."""

import itertools
import os
from pathlib import Path

import pytest

from license_core import hostkey, joined, stability
from license_core.errors import LicenseError
from license_core.facts import HostFacts
from license_core.hostkey import VERSION_2
from license_core.license import HostBinding
from license_core.probe import read_facts
from license_core.settings import Settings
from license_core.verify import Report, check
from tests.support import hosts, other_engines
from tests.support.cli import DAY, World
from tests.support.other_engines import (
    BOUND,
    IN_MEMORY,
    JOINED,
    MACHINES,
    OWN_NETWORK,
    UNKNOWN,
    Shown,
    docker_on_an_own_disk,
    pod,
    pod_of_crio,
    podman_with_a_tmpfs_on_run,
    squashfs,
    wsl,
)

OTHER_IP, OTHER_MACHINE = "172.17.0.9", "0f" * 16


def facts(root: Path, shown: Shown, more: str = "", **values: str | None) -> HostFacts:
    return read_facts(str(other_engines.write(root, shown, more, **values)), {})


def licence(world: World, host: HostFacts, profile: str, match: str, iat: int) -> bytes | None:
    """A licence for *host*; None where it has no key to order one with."""
    try:
        key = hostkey.derive(host, profile)
    except LicenseError:
        return None
    binding = HostBinding(key.key, key.hostname, profile, match, hostkey.tags(host, profile))
    return world.file(world.claims()._replace(host=binding, iat=iat, nbf=iat))


def checked(world: World, data: bytes, host: HostFacts) -> Report:
    return check(
        data,
        roots=(world.root.public_key,),
        facts=host,
        now=world.now + DAY,
        settings=Settings(product="darwin"),
        memory=None,
    )


@pytest.mark.parametrize("name", UNKNOWN)
def test_two_copies_of_an_unknown_engine_never_share_a_licence(name: str, tmp_path: Path) -> None:
    world = World(tmp_path / "vendor", now=VERSION_2)
    record, root = UNKNOWN[name], tmp_path / "host"
    for mounts in ("", BOUND, IN_MEMORY):
        host = facts(root, record(1), mounts)
        assert host.engine == "unknown"
        # Elsewhere, though name and address be the same; and beside it on the same machine.
        machine_id = OTHER_MACHINE if mounts == BOUND else hosts.MACHINE_ID
        elsewhere = facts(root, record(1), mounts, machine_id=machine_id)
        beside = facts(root, record(2), mounts, ip=OTHER_IP)
        for profile, match in itertools.product(("hk1", "hk1-host"), ("exact", "anchored")):
            data = licence(world, host, profile, match, world.now)
            if mounts != BOUND and host.container_id is None:
                assert data is None, "an image can carry all that this licence is for"
            if data is None:
                assert mounts != BOUND
                continue
            assert checked(world, data, host).ok
            assert elsewhere == host or not checked(world, data, elsewhere).ok
            # An anchored licence of that profile is for the machine, by design.
            is_machines = profile == "hk1-host" and match == "anchored"
            assert is_machines or not checked(world, data, beside).ok, (profile, match, mounts)


@pytest.mark.parametrize("name", UNKNOWN)
def test_operator_of_an_unknown_engine_is_told_before_ordering(name: str, tmp_path: Path) -> None:
    host = facts(tmp_path, UNKNOWN[name](1), BOUND)
    assert [notice.slug for notice in stability.notices(host)] == ["engine-unknown"]
    assert stability.network_mode(host) == "unknown"
    assert host.engine_sign is not None
    bare = facts(tmp_path, UNKNOWN[name](1))
    if bare.container_id is None:
        with pytest.raises(LicenseError, match=host.engine_sign):
            hostkey.derive(bare)


@pytest.mark.parametrize("name", UNKNOWN)
@pytest.mark.parametrize("match", ["exact", "anchored"])
def test_what_was_issued_for_an_unknown_engine_before_goes_on_holding(
    name: str, match: str, tmp_path: Path
) -> None:
    world = World(tmp_path / "vendor", now=VERSION_2 - DAY)
    host = facts(tmp_path / "host", UNKNOWN[name](1))
    then = host._replace(engine=None, container_id=None)
    data = licence(world, then, "hk1", match, VERSION_2 - 1)
    assert data is not None
    report = checked(world, data, host)
    assert report.ok
    assert "container-as-machine" in [notice.slug for notice in report.notices]
    later = licence(world, then, "hk1", match, VERSION_2)
    assert later is not None
    assert not checked(world, later, host).ok


@pytest.mark.parametrize("name", MACHINES)
def test_machine_is_no_container(name: str, tmp_path: Path) -> None:
    host = facts(tmp_path, MACHINES[name](1))
    assert (host.engine, host.container_id, host.once_bare) == (None, None, False)
    assert hostkey.derive(host).key == hostkey.derive(host._replace(root="/")).key


def test_containers_on_a_disk_of_their_own_are_dockers_and_told_apart(tmp_path: Path) -> None:
    one, other = (facts(tmp_path, docker_on_an_own_disk(n)) for n in (1, 2))
    assert (one.engine, one.container_id, one.once_bare) == ("docker", f"{1:064x}", True)
    assert hostkey.derive(one) != hostkey.derive(other)


def test_pod_is_known_by_its_mounts_where_the_environment_is_empty(tmp_path: Path) -> None:
    root = other_engines.write(tmp_path, pod(1))
    hidden, shown = (
        read_facts(str(root), environ) for environ in ({}, {"KUBERNETES_SERVICE_HOST": "10.0.0.1"})
    )
    assert hidden.engine == shown.engine == "kubernetes"
    assert hostkey.derive(hidden) == hostkey.derive(shown)
    assert hostkey.is_copyable(hidden)
    with pytest.raises(LicenseError, match="machine id"):
        hostkey.derive(hidden, "hk1-host")


def test_pod_of_crio_is_no_container_of_podman(tmp_path: Path) -> None:
    host = facts(tmp_path, pod_of_crio(1))
    assert (host.engine, host.container_id) == ("kubernetes", f"{1:064x}")


@pytest.mark.parametrize("environ", [{}, {"container": "podman"}])
def test_podman_without_its_file_is_podman(environ: dict[str, str], tmp_path: Path) -> None:
    root = other_engines.write(tmp_path, podman_with_a_tmpfs_on_run(1))
    host = read_facts(str(root), environ)
    assert (host.engine, host.container_id) == ("podman", f"{1:064x}")


def test_machine_id_in_memory_is_neither_bound_nor_stable(tmp_path: Path) -> None:
    hosts.container(tmp_path)
    mounts = hosts.mountinfo(hosts.CONTAINER_ID) + IN_MEMORY
    hosts.write(tmp_path, {"/proc/self/mountinfo": mounts})
    host = read_facts(str(tmp_path), {})
    assert (host.machine_id_bound, host.machine_id_lasts, host.once_bound) == (False, False, True)
    with pytest.raises(LicenseError, match="machine id"):
        hostkey.derive(host, "hk1-host")
    machine = facts(tmp_path, MACHINES["a disk"](1), IN_MEMORY)
    assert [notice.slug for notice in stability.notices(machine)] == ["machine-id-may-change"]
    live = facts(tmp_path, MACHINES["a live system"](1))
    assert [notice.slug for notice in stability.notices(live)] == ["machine-id-may-change"]


def test_container_without_a_machine_id_is_told_that_one_may_appear(tmp_path: Path) -> None:
    root = hosts.container(tmp_path, machine_id=None, nameserver="127.0.0.11")
    host = read_facts(str(root), {"LICENSE_PINNED_IP": hosts.IP})
    assert [notice.slug for notice in stability.notices(host)] == ["machine-id-missing"]


def test_machine_id_of_a_system_image_binds_no_anchored_licence(tmp_path: Path) -> None:
    world = World(tmp_path / "vendor", now=VERSION_2)
    host = facts(tmp_path / "host", squashfs(1))
    assert [notice.slug for notice in stability.notices(host)] == ["machine-id-of-image"]
    assert hostkey.tags(host).keys() == {"machine_id"}
    elsewhere = host._replace(ip=OTHER_IP)
    for match, iat, holds_there in (
        ("exact", VERSION_2, False),
        ("anchored", VERSION_2, False),
        ("anchored", VERSION_2 - 1, True),  # issued when it was taken for the machine's own
    ):
        data = licence(world, host, "hk1", match, iat)
        assert data is not None
        assert checked(world, data, host).ok
        assert checked(world, data, elsewhere).ok is holds_there, (match, iat)
    on_a_disk = facts(tmp_path / "host", squashfs(1), BOUND)
    assert (on_a_disk.machine_id_of_image, stability.notices(on_a_disk)) == (False, ())


def test_address_of_wsl_is_warned_of_unless_it_is_that_of_windows(tmp_path: Path) -> None:
    host = facts(tmp_path, wsl(1))
    assert [notice.slug for notice in stability.notices(host)] == ["address-of-wsl"]
    mirrored = host._replace(interfaces=(*host.interfaces, ("loopback0", "")))
    assert stability.notices(mirrored) == ()
    assert hostkey.derive(mirrored).key == hostkey.derive(host).key


def test_shell_in_a_namespace_of_processes_is_told_to_leave_it(tmp_path: Path) -> None:
    hidden = facts(tmp_path, UNKNOWN["processes and devices of its own"](1))
    with pytest.raises(LicenseError) as refused:
        hostkey.derive(hidden)
    assert "run it without `unshare`" in refused.value.remedy()
    other = facts(tmp_path, UNKNOWN["Apptainer"](1))
    with pytest.raises(LicenseError) as refused:
        hostkey.derive(other)
    assert "unshare" not in refused.value.remedy()


@pytest.mark.parametrize(
    ("links", "told"), [(JOINED, True), (OWN_NETWORK, False), ({}, False)], ids=str
)
def test_container_in_an_older_network_is_told_whose_key_it_has(
    links: dict[str, str], told: bool, tmp_path: Path
) -> None:
    root = hosts.container(tmp_path, nameserver="127.0.0.11")
    other_engines.namespaces(root, links)
    guest, environ = read_facts(str(root), {}), {"LICENSE_PINNED_IP": hosts.IP}
    assert guest.in_older_network is told
    slugs = [notice.slug for notice in stability.notices(read_facts(str(root), environ))]
    assert slugs == ["network-of-another"] * told
    assert stability.notices(read_facts(str(root), environ), "hk1-host") == ()
    known = hosts.container(tmp_path, cgroup=f"0::/docker/{hosts.CONTAINER_ID}\n")
    assert not read_facts(str(known), environ).in_older_network


LAYER = "3c" * 32


@pytest.mark.parametrize(
    ("root", "layer"),
    [
        (f"/ / rw - overlay overlay rw,upperdir=/data/overlay2/{LAYER}/diff", f"{LAYER}/diff"),
        (f"/ / rw - overlay overlay rw,lowerdir=l/A:l/B,upperdir={LAYER}/diff", f"{LAYER}/diff"),
        ("/ / rw - overlay overlay rw,upperdir=/c/snapshots/12/fs,workdir=w", "snapshots/12/fs"),
        (f"/var/lib/docker/vfs/dir/{LAYER} / rw - ext4 /dev/sda1 rw", LAYER),
        (f"/@/docker/btrfs/subvolumes/{LAYER} / rw - btrfs /dev/sda2 rw", LAYER),
        (f"/ / rw - zfs tank/docker/{LAYER} rw", LAYER),
        (f"/rootfs / rw - xfs /dev/mapper/docker-8:1-12-{LAYER} rw", LAYER),
        ("/ / rw - overlay overlay rw,upperdir=/cow/upper", None),
        ("/ / rw - fuse.fuse-overlayfs fuse-overlayfs rw,user_id=0", None),
    ],
)
def test_layer_of_a_container_is_known_under_every_storage_driver(
    root: str, layer: str | None, tmp_path: Path
) -> None:
    hosts.container(tmp_path)
    mounts = hosts.mountinfo(hosts.CONTAINER_ID).splitlines(keepends=True)
    mounts[0] = f"699 650 0:50 {root}\n"
    hosts.write(tmp_path, {"/proc/self/mountinfo": "".join(mounts)})
    host = read_facts(str(tmp_path), {})
    assert (host.engine, host.layer) == ("docker", layer)
    assert (hostkey.layer_tag(host) is None) is (layer is None)
    assert hostkey.layer_tag(host, "hk1-host") is None


@pytest.mark.parametrize(
    ("made_at", "slept", "older"),
    [
        (1000, 0.0, False),  # the address came when the first process was started
        (1200, 0.0, False),  # and later, as in the container that has the network
        (991, 0.0, False),  # nearly at once: the figures are rounded
        (990, 0.0, True),
        (500, 3.0, True),
        (500, 5.0, False),  # a machine that has slept may be why
        (0xFFFFFF00 - 300_000, 0.0, True),  # the kernel's count has begun anew
        (0xFFFFFF00, 0.0, False),  # after 497 days its clocks may be further apart than that
        (None, 0.0, False),
    ],
)
def test_network_is_older_whose_address_came_before_the_first_process(
    made_at: int | None, slept: float, older: bool, tmp_path: Path
) -> None:
    rest = " ".join(["S", *["0"] * 18, str(10 * os.sysconf("SC_CLK_TCK")), "0", "0"])
    hosts.write(tmp_path, {"/proc/1/stat": f"1 (a ) 7 b) {rest}\n"})
    assert joined.is_older(str(tmp_path), made_at, slept) is older


def test_container_on_the_machines_network_is_no_guest(tmp_path: Path) -> None:
    root = hosts.container(tmp_path, ip="192.168.7.20")
    hosts.write(root, hosts.link("eth0", 2, 2))
    other_engines.namespaces(root, JOINED)
    assert stability.notices(read_facts(str(root), {})) == ()


def test_this_very_process_is_judged_by_its_own_namespaces() -> None:
    host = read_facts("/", {})
    if host.engine is None:
        assert os.readlink("/proc/self/ns/pid") == other_engines.OWN_PID

"""Containers of engines beside Docker and podman, as recorded: what the kernel shows inside.

A container is told from its copy by *number*, which stands wherever the engine puts something of
its own; whatever an image carries is the same in both. ``ctr``, ``runc``, ``lxc-execute`` and
``systemd-nspawn`` of Debian 12 said this of themselves; tests/containers/test_other_engines.py
asks them again. The others are from public reports.
"""

import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from tests.support import hosts

FOREIGN_PID = "pid:[4026532325]"
OWN_PID, OWN_CGROUP = "pid:[4026531836]", "cgroup:[4026531835]"
OWN_NAMESPACES = {
    "uts": "uts:[4026531838]",
    "ipc": "ipc:[4026531839]",
    "user": "user:[4026531837]",
}
JOINED = {"net": "net:[4026532301]", "mnt": "mnt:[4026532405]"}
OWN_NETWORK = {"net": "net:[4026532301]", "mnt": "mnt:[4026532297]"}
_KERNEL_OF_WSL = {"/proc/sys/kernel/osrelease": "5.15.167.4-microsoft-standard-WSL2\n"}


class Shown(NamedTuple):
    """What a kernel shows in a container."""

    mountinfo: str
    cgroup: str = "0::/\n"
    pid: str | None = FOREIGN_PID
    """The namespace of processes; None: it cannot be read."""
    cgroup_namespace: str | None = OWN_CGROUP
    files: dict[str, str] = {}  # noqa: RUF012  # a tuple's default, never changed
    namespaces: dict[str, str] = {}  # noqa: RUF012
    """The links of other namespaces than these two."""


Record = Callable[[int], Shown]


def _root(fields: str, number: str = "119 94") -> str:
    return f"{number} 0:45 {fields}\n120 119 0:48 / /proc rw,nosuid - proc proc rw\n"


def _overlay(upper: str = "") -> str:
    more = f",upperdir={upper}" if upper else ""
    return _root(f"/ / rw,relatime - overlay overlay rw,lowerdir=/images/1{more}")


def _over_etc(folder: str, prefix: str = "", kind: str = "ext4 /dev/sda1") -> str:
    return "".join(
        f"{700 + n} 119 8:1 {folder}{prefix}{name} /etc/{name} rw - {kind} rw\n"
        for n, name in enumerate(("resolv.conf", "hostname", "hosts"))
    )


def _id(number: int) -> str:
    return f"{number:064x}"


def nerdctl(number: int) -> Shown:
    folder = f"/var/lib/nerdctl/1935db59/containers/default/{_id(number)}/"
    snapshots = "/var/lib/containerd/io.containerd.snapshotter.v1.overlayfs/snapshots"
    return Shown(_overlay(f"{snapshots}/{number}/fs") + _over_etc(folder), pid=None)


def ctr(number: int) -> Shown:
    snapshots = "/var/lib/containerd/io.containerd.snapshotter.v1.overlayfs/snapshots"
    return Shown(_overlay(f"{snapshots}/{number}/fs"), f"0::/default/gpu{number}\n")


def ctr_in_the_machines_processes(number: int) -> Shown:
    return ctr(number)._replace(pid=OWN_PID)


def runc(number: int) -> Shown:
    root = _root("/srv/bundle/rootfs / ro,relatime - ext4 /dev/sda1 rw")
    return Shown(root, f"0::/gpu{number}\n")


def nspawn(number: int) -> Shown:
    root = _root(f"/var/lib/machines/gpu{number} / rw,relatime shared:1 - ext4 /dev/sda1 rw")
    files = {"/run/host/container-manager": "systemd-nspawn"}
    return Shown(root, cgroup_namespace="cgroup:[4026532181]", files=files)


def nspawn_on_an_own_disk(number: int) -> Shown:
    root = _root("/ / rw,relatime shared:1 - ext4 /dev/loop0 rw")
    return Shown(root, files={"/run/systemd/container": "systemd-nspawn\n"}, pid=None)


def lxc(number: int) -> Shown:
    root = _root(f"/var/lib/lxc/gpu{number}/rootfs / rw,relatime - ext4 /dev/sda1 rw")
    return Shown(root, pid=None)


def lxc_on_an_own_disk(number: int) -> Shown:
    """As Proxmox makes them: nothing but its namespaces and lxcfs shows it."""
    root = _root("/ / rw,relatime - zfs rpool/data/subvol-101-disk-0 rw,xattr,posixacl")
    lxcfs = "88 120 0:61 /proc/cpuinfo /proc/cpuinfo rw - fuse.lxcfs lxcfs rw,allow_other\n"
    return Shown(root + lxcfs, "0::/init.scope\n", pid=None)


def lxc_in_the_machines_cgroups(number: int) -> Shown:
    root = _root("/ / rw,relatime - ext4 /dev/mapper/pve-vm--101--disk--0 rw")
    return Shown(root, f"0::/lxc.payload.gpu{number}/init.scope\n", pid=None)


def fargate(number: int) -> Shown:
    task, name = f"{number:032x}", f"{number + 1000:010d}"
    return Shown("", f"9:memory:/ecs/{task}/{task}-{name}\n0::/\n", pid=None)


def gvisor(number: int) -> Shown:
    root = "14 13 0:15 / / rw - 9p none rw,trans=fd,rfdno=4,wfdno=4,aname=/\n"
    return Shown(root, "", pid="pid:[1]", cgroup_namespace=None)


def kata(number: int) -> Shown:
    root = f"/{_id(number)}/rootfs"
    return Shown(_root(f"{root} / rw,relatime - virtiofs kataShared rw"), pid=None)


def krun(number: int) -> Shown:
    return Shown(_root("/ / rw,relatime - virtiofs /dev/root rw"), pid=OWN_PID)


def changed_root(number: int) -> Shown:
    return Shown("120 119 0:48 / /proc rw,nosuid - proc proc rw\n", pid=OWN_PID)


def btrfs_machine(number: int) -> Shown:
    root = f"/@/var/lib/machines/gpu{number} / rw,relatime - btrfs /dev/sda2 rw,subvolid=300"
    return Shown(_root(root), pid=None)


def apptainer(number: int) -> Shown:
    """In the namespaces of the machine, but for its mounts: its image shows it."""
    session = "/var/lib/apptainer/mnt/session"
    overlay = f"overlay rw,lowerdir={session}/rootfs,upperdir={session}/tmpfs/upper"
    root = f"60 59 0:70 / / rw,nodev,relatime - overlay {overlay}\n"
    return Shown(root, pid=OWN_PID, files={"/.singularity.d/runscript": ""})


def ctr_on_zfs(number: int) -> Shown:
    """With ``--with-ns=pid:…`` of the machine: the name of its dataset shows it."""
    return Shown(_root(f"/ / rw,noatime - zfs tank/containerd/{number} rw,xattr"), pid=OWN_PID)


def on_a_device_of_its_own(number: int) -> Shown:
    """As Docker's devicemapper has them."""
    device = f"/dev/mapper/docker-8:1-1234-{_id(number)}"
    return Shown(_root(f"/ / rw,relatime - xfs {device} rw"), pid=OWN_PID)


def runc_in_wsl(number: int) -> Shown:
    return runc(number)._replace(files=_KERNEL_OF_WSL)


def ctr_in_wsl(number: int) -> Shown:
    return ctr(number)._replace(files=_KERNEL_OF_WSL)


def own_disk_in_wsl(number: int) -> Shown:
    """Nothing but its processes shows that it is no distribution."""
    root = _root("/ / rw,relatime - ext4 /dev/loop0 rw")
    return Shown(root, files=_KERNEL_OF_WSL)


def own_init(number: int) -> Shown:
    """With a program of the machine as its first, which is bound in."""
    root = _root("/ / rw,relatime - ext4 /dev/loop0 rw")
    return Shown(root + "83 119 8:1 /init /init ro - ext4 /dev/sda1 rw\n")


def processes_and_devices(number: int) -> Shown:
    """A service of a machine that hides processes and devices from it."""
    dev = "24 22 0:70 / /dev rw - tmpfs tmpfs rw,size=4096k\n"
    root = _root("/ / rw,relatime - ext4 /dev/sda1 rw", "22 1")
    return Shown(root + dev, namespaces=OWN_NAMESPACES)


def private_cgroups(number: int) -> Shown:
    root = _root("/ / rw,relatime - ext4 /dev/sda1 rw", "22 1")
    return Shown(root, pid=None, cgroup_namespace="cgroup:[4026532181]")


UNKNOWN: dict[str, Record] = {
    "containerd with nerdctl": nerdctl,
    "containerd with ctr": ctr,
    "containerd, --pid=host": ctr_in_the_machines_processes,
    "runc": runc,
    "systemd-nspawn": nspawn,
    "systemd-nspawn, a disk of its own": nspawn_on_an_own_disk,
    "LXC": lxc,
    "LXC, a disk of its own": lxc_on_an_own_disk,
    "LXC, control groups of the machine": lxc_in_the_machines_cgroups,
    "Fargate": fargate,
    "gVisor": gvisor,
    "Kata": kata,
    "krun": krun,
    "changed root": changed_root,
    "a subvolume of btrfs": btrfs_machine,
    "control groups of its own": private_cgroups,
    "Apptainer": apptainer,
    "containerd on ZFS": ctr_on_zfs,
    "a device of its own": on_a_device_of_its_own,
    "runc in WSL": runc_in_wsl,
    "containerd in WSL": ctr_in_wsl,
    "a disk of its own in WSL": own_disk_in_wsl,
    "an init from outside": own_init,
    "processes and devices of its own": processes_and_devices,
}


def docker_on_an_own_disk(number: int) -> Shown:
    """Docker whose folder of containers is a file system of its own."""
    return Shown(_overlay() + _over_etc(f"/{_id(number)}/"), pid=None)


def pod(number: int) -> Shown:
    """A pod of containerd, in a shell whose environment is empty: sudo, cron."""
    pods = "/var/lib/kubelet/pods/6a1f4d3e-0000-4000-8000-5e5e5e5e5e5e"
    cri = f"/var/lib/containerd/io.containerd.grpc.v1.cri/sandboxes/{_id(number)}"
    token = "tmpfs rw,size=1048576k"
    return Shown(
        _overlay(
            f"/var/lib/containerd/io.containerd.snapshotter.v1.overlayfs/snapshots/{number}/fs"
        )
        + f"701 119 8:1 {pods}/etc-hosts /etc/hosts rw - ext4 /dev/sda1 rw\n"
        f"702 119 8:1 {pods}/containers/gpu/1c2d3e4f /dev/termination-log rw - ext4 /dev/sda1 rw\n"
        f"703 119 8:1 {cri}/hostname /etc/hostname rw - ext4 /dev/sda1 rw\n"
        f"704 119 8:1 {cri}/resolv.conf /etc/resolv.conf rw - ext4 /dev/sda1 rw\n"
        f"705 119 0:60 / /run/secrets/kubernetes.io/serviceaccount ro - tmpfs {token}\n"
    )


def pod_of_crio(number: int) -> Shown:
    """One of CRI-O, which has podman's file."""
    folder = "/var/run/containers/storage/overlay-containers"
    slices = "/kubepods.slice/kubepods-pod12.slice"
    return Shown(
        _overlay() + _over_etc(f"{folder}/{_id(99)}/userdata/"),
        f"0::{slices}/crio-{_id(number)}.scope\n",
        files={"/run/.containerenv": ""},
    )


def podman_with_a_tmpfs_on_run(number: int) -> Shown:
    """``podman run --read-only``: its file in /run is out of sight."""
    folder = "/run/containers/storage/overlay-containers"
    tmpfs = "710 119 0:70 / /run rw,nosuid,nodev - tmpfs tmpfs rw,size=65536k\n"
    return Shown(_overlay() + _over_etc(f"{folder}/{_id(number)}/userdata/") + tmpfs)


_DEV = "24 22 0:5 / /dev rw,nosuid - devtmpfs udev rw,mode=755\n"


def wsl(number: int) -> Shown:
    """A distribution of WSL 2, with names of processes, hosts and semaphores of its own."""
    return Shown(
        _root("/ / rw,relatime - ext4 /dev/sdc rw,discard,errors=remount-ro", "22 1")
        + _DEV
        + "82 22 0:32 / /mnt/wsl rw,relatime shared:1 - tmpfs none rw\n"
        "83 22 0:2 /init /init ro - rootfs rootfs rw,size=8101876k\n"
        "84 22 0:69 / /mnt/c rw,noatime - 9p C:\\134 rw,aname=drvfs;path=C:\\\n",
        files=_KERNEL_OF_WSL,
        namespaces=OWN_NAMESPACES | {"uts": "uts:[4026532323]", "ipc": "ipc:[4026532324]"},
    )


def wsl_of_2021(number: int) -> Shown:
    root = _root("/ / rw,relatime - ext4 /dev/sdb rw,discard", "22 1")
    init = "36 22 0:18 /init /init ro,relatime - 9p tools ro,dirsync,aname=tools;fmask=022\n"
    return Shown(
        root + _DEV + init,
        "0::/\n",
        files={"/proc/sys/kernel/osrelease": "4.19.104-Microsoft-standard\n"},
    )


def processes_of_its_own(number: int) -> Shown:
    """``unshare --pid --fork --mount-proc`` on a machine, or a service with ``PrivatePIDs=``."""
    root = _root("/ / rw,relatime shared:1 - ext4 /dev/sda1 rw", "22 1")
    return Shown(root + _DEV, namespaces=OWN_NAMESPACES)


def squashfs(number: int) -> Shown:
    """A machine whose root is an image that nobody writes to."""
    return Shown(_root("/ / ro,relatime - squashfs /dev/loop0 ro", "22 1"), pid=OWN_PID)


MACHINES: dict[str, Record] = {
    "WSL": wsl,
    "WSL of 2021": wsl_of_2021,
    "processes of its own": processes_of_its_own,
    "a squashfs": squashfs,
    "ZFS": lambda _: Shown(
        _root("/ / rw,relatime - zfs rpool/ROOT/ubuntu_1x2y3z rw,xattr,posixacl", "22 1"),
        pid=OWN_PID,
    ),
    "an application of snap": lambda _: Shown(
        _root("/ / ro,relatime - squashfs /dev/loop3 ro", "22 1")
        + "25 22 8:1 /etc /etc rw,relatime shared:1 - ext4 /dev/sda1 rw\n",
        pid=OWN_PID,
    ),
    "a plain root made of an image of Apptainer": lambda _: Shown(
        _root("/ / rw - tmpfs rootfs rw,size=16g", "22 1"),
        pid=OWN_PID,
        files={"/.singularity.d/runscript": ""},
    ),
    "composefs": lambda _: Shown(
        _root("/ / ro,relatime - overlay composefs ro,lowerdir=/run/ostree/lower::/objects", "22 1")
        + "25 22 8:4 /ostree/deploy/os/deploy/1.0/etc /etc rw - xfs /dev/sda4 rw\n",
        pid=OWN_PID,
    ),
    "a disk": lambda _: Shown(_root("/ / rw shared:1 - ext4 /dev/sda1 rw", "22 1"), pid=OWN_PID),
    "a record without namespaces": lambda _: Shown(
        _root("/ / rw shared:1 - xfs /dev/sda1 rw", "22 1"), pid=None, cgroup_namespace=None
    ),
    "a subvolume": lambda _: Shown(
        _root("/@ / rw - btrfs /dev/sda2 rw,subvol=/@", "22 1"), pid=None
    ),
    "a snapshot": lambda _: Shown(
        _root("/@/.snapshots/1/snapshot / rw - btrfs /dev/sda2 rw", "22 1"), pid=None
    ),
    "ostree": lambda _: Shown(
        _root(f"/ostree/deploy/os/deploy/{_id(7)}.0 / ro - xfs /dev/sda4 rw", "22 1"), pid=None
    ),
    "a live system": lambda _: Shown(
        _root("/ / rw - overlay /cow rw,lowerdir=/filesystem.squashfs,upperdir=/cow/upper", "22 1"),
        pid=OWN_PID,
    ),
    "a machine that runs containers": lambda _: Shown(
        _root("/ / rw shared:1 - ext4 /dev/sda1 rw", "22 1")
        + f"90 22 0:50 / /var/lib/docker/overlay2/{_id(7)}/merged rw - overlay overlay rw\n"
        "91 22 0:61 / /var/lib/lxcfs rw - fuse.lxcfs lxcfs rw\n"
        "92 22 0:62 / /var/lib/kubelet/pods/6a1f/volumes/kubernetes.io~secret/t rw - tmpfs t r\n",
        "0::/system.slice/docker.service\n",
        pid=OWN_PID,
    ),
    "a service with a resolver of its own": lambda _: Shown(
        _root("/ / rw shared:1 - ext4 /dev/sda1 rw", "22 1")
        + "93 22 8:1 /etc/netns/lan/resolv.conf /etc/resolv.conf rw - ext4 /dev/sda1 rw\n",
        "0::/system.slice/payload.service\n",
        pid=OWN_PID,
    ),
    "without systemd": lambda _: Shown(_root("/ / rw - ext4 /dev/sda1 rw", "22 1"), "", pid=None),
}

BOUND = "799 119 8:1 /etc/machine-id /etc/machine-id ro - ext4 /dev/sda1 rw\n"
IN_MEMORY = "799 119 0:24 /machine-id /etc/machine-id ro - tmpfs tmpfs rw,mode=755\n"


def write(root: Path, shown: Shown, more: str = "", **values: str | None) -> Path:
    """A host that shows this, with *more* mounts; *values* are those of ``hosts.container``."""
    hosts.container(root, **{"container_id": None, "cgroup": shown.cgroup} | values)  # type: ignore[arg-type]
    mountinfo = shown.mountinfo + more
    files = {"/proc/self/mountinfo": mountinfo} | shown.files | hosts.link("eth0", 45, 46)
    hosts.write(root, files)
    spaces = {"pid": shown.pid, "cgroup": shown.cgroup_namespace, **shown.namespaces}
    return namespaces(root, spaces)


def namespaces(root: Path, links: Mapping[str, str | None]) -> Path:
    """The namespaces of a process of the host, in place of those it had; None: out of sight."""
    folder = root / "proc/self/ns"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name, link in links.items():
        if link is not None:
            os.symlink(link, folder / name)
    return root

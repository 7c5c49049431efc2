"""Which engine's container this is, by what the kernel shows of it (SPEC section 3.1).

Pure: from texts to an Engine. No single sign is enough, so all are looked at. Whatever shows that
this root, these namespaces or these cgroups are not the machine's own makes a container, of an
engine that may be unknown: then nothing that an image can carry tells it from its copies.
"""

from __future__ import annotations

from license_core import enginepaths
from license_core.record import NamedTuple
from license_core.sha256 import sha256

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import TypeVar

    Found = TypeVar("Found")

UNKNOWN = "unknown"
CGROUP, MOUNTINFO = "/proc/self/cgroup", "/proc/self/mountinfo"
KERNEL = "/proc/sys/kernel/osrelease"
NAMESPACES = {
    "pid": "pid:[4026531836]",
    "cgroup": "cgroup:[4026531835]",
    "uts": "uts:[4026531838]",
    "ipc": "ipc:[4026531839]",
    "user": "user:[4026531837]",
}
"""What ``/proc/self/ns/<name>`` links to in the namespaces that the kernel itself began with."""
OWN_FILE = "/run/.containerenv"
_APPTAINER = "/.singularity.d"
MARKS = ("/run/systemd/container", "/run/host/container-manager", _APPTAINER)
"""Files that a container has from its init process, systemd-nspawn or Apptainer, and no machine."""

_NETWORK_FILES = ("/etc/hostname", "/etc/hosts", "/etc/resolv.conf")
_POD_SECRETS = ("/var/run/secrets/kubernetes.io", "/run/secrets/kubernetes.io")
_POD_FILES = ("/etc/hosts", "/dev/termination-log")
# Roots that engines stack or hand in from outside. A machine may stack its own, too.
_STACKED = ("overlay", "aufs", "fuse-overlayfs", "fuse.fuse-overlayfs")
_HANDED_IN = ("9p", "gofer", "virtiofs")
# What ostree has deployed has a root of its own, too.
_DEPLOYED = "/ostree/deploy/"
# A distribution of WSL has the init of WSL, from outside its own root.
_INIT_OF_WSL = "/init"


class Mount(NamedTuple):
    """What is mounted on a place (proc(5), mountinfo)."""

    root: str
    """Its folder or file within the file system."""
    kind: str = ""
    """The type of the file system; empty where the line does not say."""
    options: str = ""
    """Those of the file system."""
    source: str = ""
    """What is mounted: a device, a dataset."""


class Engine(NamedTuple):
    """What runs this container, and how it is known."""

    name: str | None = None
    """``docker``, ``podman``, ``kubernetes`` or ``unknown``; None on a machine's own root."""
    container_id: str | None = None
    container_id_file: str | None = None
    network_container: str | None = None
    """The container that this one has its network from, where that is another."""
    layer_digest: str | None = None
    """An id of the layer that this container writes to, where one is seen."""
    layer: str | None = None
    """The engine's own name of that layer, wherever it keeps it."""
    sign: str | None = None
    """Of an unknown engine: the file that shows that this is no machine."""
    once_bare: bool = False
    """Whether version 1 of the rules took this container for a machine (SPEC section 3.7)."""
    is_wsl: bool = False
    """Whether this is a distribution of WSL, which is a machine of its own."""

    @property
    def is_docker_by_network(self) -> bool:
        """Whether it is Docker's, and its id stands in nothing but the files of its network."""
        return self.name == "docker" and self.container_id_file == MOUNTINFO


def mounts(mountinfo: str) -> dict[str, Mount]:
    """What is mounted, by its place; of several mounts on one place the last, which is on top."""
    found = {}
    for line in mountinfo.splitlines():
        fields = line.split()
        if len(fields) > 4:
            rest = fields[fields.index("-", 6) + 1 :] if "-" in fields[6:] else []
            kind, source, options = (*rest[:3], "", "", "")[:3]
            found[fields[4]] = Mount(fields[3], kind, options, source)
    return found


def recognise(
    cgroup: str,
    mounted: Mapping[str, Mount],
    namespaces: Mapping[str, str],
    files: Iterable[str],
    environ: Mapping[str, str],
    *,
    machine_id_bound: bool,
    kernel: str = "",
) -> Engine:
    """The engine of a process with this *cgroup*, which sees *mounted*.

    *namespaces* are those of NAMESPACES that could be read, *files* those of OWN_FILE and MARKS
    that exist, *kernel* is its release.
    """
    files = frozenset(files)
    container_id, file, driver = _container_id(cgroup, mounted)
    pod = bool(environ.get("KUBERNETES_SERVICE_HOST"))
    was_bare = container_id is None and not pod and OWN_FILE not in files
    name, sign = None, None
    is_wsl = _is_wsl(mounted, kernel)
    if pod or _is_pod(cgroup, mounted):
        name = "kubernetes"
    elif OWN_FILE in files or driver or environ.get("container") == "podman" or "libpod" in cgroup:
        name = "podman"
    elif container_id is not None:
        name = "docker"
    else:
        container_id = _mounted_from(mounted, _NETWORK_FILES, enginepaths.on_own_disk)
        name = "docker" if container_id else None
        sign = None if name else _sign(cgroup, mounted, namespaces, files, is_wsl=is_wsl)
        if sign is not None:
            name = UNKNOWN
            container_id = _mounted_from(mounted, _NETWORK_FILES, enginepaths.with_namespace)
            if container_id is None and machine_id_bound and sign != _APPTAINER:
                container_id = _layer_digest(mounted)  # with Apptainer all have the same
        file = MOUNTINFO if container_id else None
    return Engine(
        name,
        container_id,
        file,
        _network_container(container_id, mounted),
        _layer_digest(mounted),
        _layer(mounted),
        sign,
        once_bare=was_bare and name is not None,
        is_wsl=is_wsl and name is None,
    )


def _container_id(
    cgroup: str, mounted: Mapping[str, Mount]
) -> tuple[str | None, str | None, str | None]:
    """The container's own id, where it stands, and the storage driver that its folder names.

    The cgroup comes first: with ``--network container:X`` the files of the network are those of X.
    """
    places = (OWN_FILE, *_NETWORK_FILES)
    driver, found = _mounted_from(mounted, places, enginepaths.container) or (None, None)
    in_cgroup = enginepaths.ids(cgroup)
    if in_cgroup:
        return in_cgroup[-1], CGROUP, driver
    return found, MOUNTINFO if found else None, driver


def _network_container(container_id: str | None, mounted: Mapping[str, Mount]) -> str | None:
    found = container_id and _mounted_from(mounted, _NETWORK_FILES, enginepaths.container)
    owner = found[1] if found else None
    return owner if owner != container_id else None


def _mounted_from(
    mounted: Mapping[str, Mount], places: tuple[str, ...], find: Callable[[str], Found | None]
) -> Found | None:
    """What *find* finds in the root of the first of *places* that has it."""
    for place in places:
        mount = mounted.get(place)
        found = find(mount.root) if mount else None
        if found:
            return found
    return None


def _is_pod(cgroup: str, mounted: Mapping[str, Mount]) -> bool:
    """Whether this is a pod of Kubernetes, also where sudo or cron has emptied the environment."""
    return (
        "kubepods" in cgroup
        or any(place.startswith(_POD_SECRETS) for place in mounted)
        or _mounted_from(mounted, _POD_FILES, enginepaths.is_of_pod) is not None
    )


def _sign(
    cgroup: str,
    mounted: Mapping[str, Mount],
    namespaces: Mapping[str, str],
    files: frozenset[str],
    *,
    is_wsl: bool,
) -> str | None:
    """The file that shows that root, namespaces or cgroups are not the machine's own."""
    others = [name for name, own in NAMESPACES.items() if namespaces.get(name, own) != own]
    if "pid" in others and not (is_wsl or _is_pid_alone(mounted, namespaces)):
        return "/proc/self/ns/pid"
    if "cgroup" in others:
        return "/proc/self/ns/cgroup"
    if enginepaths.is_of_engine(cgroup) or _is_nspawn(cgroup):
        return CGROUP
    if _is_foreign(mounted, is_own_pid=namespaces.get("pid") == NAMESPACES["pid"]):
        return MOUNTINFO
    # A machine that was made of an image of Apptainer has its folder, too, but on a plain root.
    root = mounted.get("/", Mount(""))
    is_plain = root.kind not in (*_STACKED, "squashfs") and not root.kind.startswith("fuse.")
    return next((m for m in MARKS if m in files and not (is_plain and m == _APPTAINER)), None)


def _is_wsl(mounted: Mapping[str, Mount], kernel: str) -> bool:
    """Whether this is a distribution of WSL: on its machine each has namespaces of its own."""
    init = mounted.get(_INIT_OF_WSL)
    return "microsoft" in kernel.lower() and init is not None and init.root == _INIT_OF_WSL


def _is_pid_alone(mounted: Mapping[str, Mount], namespaces: Mapping[str, str]) -> bool:
    """Whether all but the namespace of processes is seen to be the machine's own.

    So it is with ``unshare --pid`` and services that hide the processes of others. An engine gives
    a container a name of its own, and never all devices.
    """
    dev = mounted.get("/dev")
    return (dev is not None and dev.kind == "devtmpfs") and all(
        namespaces.get(name) == own for name, own in NAMESPACES.items() if name != "pid"
    )


def _is_nspawn(cgroup: str) -> bool:
    """Whether a line shows what systemd-nspawn starts: ``/payload`` below ``/machine.slice/``."""
    below = (line.partition("/machine.slice/")[2] for line in cgroup.split("\n"))
    return any("/payload" in groups for groups in below)


def _is_foreign(mounted: Mapping[str, Mount], *, is_own_pid: bool) -> bool:
    """Whether what is mounted shows that this root is not the machine's own."""
    if not any(mount.kind for mount in mounted.values()):
        return False  # no record, or none that says what is mounted
    root = mounted.get("/")
    if root is None:
        return True  # a changed root, of which the mount is out of sight
    if all(file in mounted for file in _NETWORK_FILES) or any(
        mount.kind == "fuse.lxcfs" and place.startswith("/proc/")
        for place, mount in mounted.items()
    ):
        return True
    if root.kind in _STACKED:
        # A live or an immutable system stacks its root, too: its processes are the machine's.
        upper = enginepaths.upper(root.options)
        return not is_own_pid or (upper is not None and enginepaths.is_engines_layer(upper))
    if root.kind in _HANDED_IN:
        return True
    if root.kind == "btrfs":
        return enginepaths.is_engines_subvolume(root.root)
    if root.kind == "zfs" and enginepaths.is_engines_dataset(root.source):
        return True
    if enginepaths.ids(root.source):
        return True  # a device or a dataset that an engine has named
    return root.root != "/" and not root.root.startswith(_DEPLOYED)


def _layer_digest(mounted: Mapping[str, Mount]) -> str | None:
    """An id of the layer that this container writes to: no other on its machine has that."""
    upper = enginepaths.upper(mounted["/"].options) if "/" in mounted else None
    return sha256(f"hostseal layer\n{upper}".encode()).hex() if upper else None


def _layer(mounted: Mapping[str, Mount]) -> str | None:
    """The engine's own name of the layer, folder or device that this container writes to."""
    root = mounted.get("/", Mount(""))
    found = enginepaths.layer(enginepaths.upper(root.options) or "")
    if found:
        return found
    # Drivers that stack nothing have a folder, a dataset or a device for each container.
    named = enginepaths.ids(f"{root.source} {root.root}")
    return named[-1] if named else None

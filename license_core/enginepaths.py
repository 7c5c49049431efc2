"""What the paths of mounts, layers and cgroups say of a container's engine (SPEC section 3.1).

Pure, and without regular expressions: each start of the client looks at some of these paths, and
would wait for the library that compiles such expressions.
"""

from __future__ import annotations

_HEX = frozenset("0123456789abcdef")
_DRIVER = "abcdefghijklmnopqrstuvwxyz0123456789"
_DIGITS = "0123456789"
_FILES = ("hostname", "hosts", "resolv.conf")
_GROUPS = tuple(f"/{name}/" for name in ("docker", "ecs", "garden", "lxc", "lxd", "incus"))
_SUBVOLUMES = frozenset({"machines", "lxc", "lxd", "incus", "containers", "docker", "rootfs"})
_DATASETS = frozenset({"containers", "lxc", "lxd", "incus", "docker", "containerd"})


def ids(text: str) -> list[str]:
    """The runs of exactly 64 hexadecimal digits in *text*."""
    if len(text) < 64:
        return []
    runs = "".join(character if character in _HEX else " " for character in text).split()
    return [run for run in runs if len(run) == 64]


def container(path: str) -> tuple[str | None, str] | None:
    """The storage driver, where it is named, and the id in ``/DRIVER-containers/ID/`` of *path*."""
    parts = path.split("/")
    for folder, id_ in zip(parts[1:], parts[2:-1]):
        driver, _, rest = folder.rpartition("-")
        is_folder = folder == "containers" or (
            rest == "containers" and driver and not driver.strip(_DRIVER)
        )
        if is_folder and _is_id(id_):
            return driver or None, id_
    return None


def on_own_disk(path: str) -> str | None:
    """The id in ``/ID/hostname``: a folder of containers that is a disk of its own."""
    parts = path.split("/")
    is_file = len(parts) == 3 and not parts[0] and parts[2] in _FILES
    return parts[1] if is_file and _is_id(parts[1]) else None


def with_namespace(path: str) -> str | None:
    """The id in ``/containers/NAMESPACE/ID/``, as nerdctl has it."""
    parts = path.split("/")
    for folder, namespace, id_ in zip(parts[1:], parts[2:], parts[3:-1]):
        if folder == "containers" and namespace and _is_id(id_):
            return id_
    return None


def is_of_pod(path: str) -> bool:
    """Whether it is in a pod's folder: ``/pods/UID/etc-hosts`` or ``/pods/UID/containers/``."""
    parts = path.split("/")
    for at in range(1, len(parts) - 2):
        if parts[at] == "pods" and parts[at + 1]:
            is_folder = parts[at + 2] == "containers" and at + 3 < len(parts)
            if is_folder or parts[at + 2].startswith("etc-hosts"):
                return True
    return False


def is_of_engine(cgroup: str) -> bool:
    """Whether a *cgroup* has a name that an engine gives."""
    return "/lxc.payload" in cgroup or any(group in cgroup for group in _GROUPS)


def upper(options: str) -> str | None:
    """The folder that an overlay with these *options* writes to."""
    for option in options.split(","):
        name, _, folder = option.partition("=")
        if name == "upperdir" and folder:
            return folder
    return None


def layer(path: str) -> str | None:
    """The end of *path* that is an engine's own name of a layer, wherever it keeps it.

    Docker shortens long paths to it.
    """
    parts = path.split("/")
    if len(parts) >= 2 and parts[-1] == "diff" and _is_id(parts[-2]):
        return "/".join(parts[-2:])
    is_snapshot = len(parts) >= 3 and parts[-3] == "snapshots" and parts[-1] == "fs"
    return "/".join(parts[-3:]) if is_snapshot and _is_number(parts[-2]) else None


def is_engines_layer(path: str) -> bool:
    """Whether *path* is a layer in a folder of an engine."""
    parts = path.split("/")
    if len(parts) >= 3 and parts[-1] == "fs" and _is_id(parts[-2]):
        return True
    found = layer(path)
    return found is not None and len(found) < len(path)


def is_engines_subvolume(path: str) -> bool:
    """Whether a part of *path* is a folder that an engine keeps its containers' roots in."""
    return any(
        part in _SUBVOLUMES or part.startswith("io.containerd") for part in path.split("/")[1:]
    )


def is_engines_dataset(path: str) -> bool:
    """Whether a part of *path* is a dataset that an engine makes for its containers."""
    return any(part in _DATASETS or _is_disk(part) for part in path.split("/")[1:])


def _is_disk(part: str) -> bool:
    """Whether it is named as Proxmox names the disk of a container: ``subvol-100-disk-0``."""
    words = part.split("-")
    is_one = len(words) == 4 and words[::2] == ["subvol", "disk"]
    return is_one and _is_number(words[1]) and _is_number(words[3])


def _is_id(part: str) -> bool:
    return len(part) == 64 and _HEX.issuperset(part)


def _is_number(part: str) -> bool:
    return bool(part) and not part.strip(_DIGITS)

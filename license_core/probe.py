"""The only room that reads a host: files under a root, and its network (SPEC section 3.1).

A root other than ``/`` makes a folder a host: everything is then read from files below it. A file
that is not there means that this host has no such thing; one that cannot be read is an error.
"""

import os
import re
from collections.abc import Mapping

from license_core import addresses, gpus, hostfile
from license_core.errors import FileUnreadableError
from license_core.facts import HostFacts
from license_core.place import absolute
from license_core.reason import Reason

PINNED_IP = "LICENSE_PINNED_IP"

# Compiled where a text may hold one: most hosts need neither.
_HEX64 = r"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])"
_CONTAINER_FOLDER = r"/(?:overlay-)?containers/([0-9a-f]{64})/"
_CONTAINER_FILES = ("/etc/hostname", "/etc/hosts", "/etc/resolv.conf")
_CGROUP, _MOUNTINFO = "/proc/self/cgroup", "/proc/self/mountinfo"
_MACHINE_ID_FILES = ("/etc/machine-id", "/var/lib/dbus/machine-id")


def read_facts(root: str | os.PathLike[str], environ: Mapping[str, str]) -> HostFacts:
    """What can be known of the host under *root*.

    *environ* is the environment that says ``LICENSE_PINNED_IP`` and ``KUBERNETES_SERVICE_HOST``.
    Raises FileUnreadableError for a file that is there but cannot be read.
    """
    root = absolute(os.fspath(root))
    network = addresses.live() if root == "/" else _recorded(root)
    mounts = _mounts(_text(root, _MOUNTINFO))
    container_id, container_id_file = _container_id(_text(root, _CGROUP), mounts)
    machine_id, machine_id_file = _machine_id(root)
    return HostFacts(
        hostname=_hostname(root),
        ip=network.ip,
        machine_id=machine_id,
        container_id=container_id,
        machine_id_file=machine_id_file,
        container_id_file=container_id_file,
        machine_id_bound=machine_id_file in mounts,
        engine=_engine(root, container_id, environ),
        interfaces=network.interfaces,
        gateway=network.gateway,
        nameservers=_nameservers(_text(root, "/etc/resolv.conf")),
        pinned_ip=environ.get(PINNED_IP) or None,
        gpus=gpus.count(root),
        root=root,
    )


def _recorded(root: str) -> addresses.Addresses:
    try:
        return addresses.recorded(root)
    except ValueError as error:
        path = os.path.join(root, "proc/net")
        raise FileUnreadableError(
            path=path, reason=Reason("it is no record ({error})", error=error)
        ) from error


def _bytes(root: str, path: str) -> bytes | None:
    file = os.path.join(root, path.lstrip("/"))
    try:
        return hostfile.read(file)
    except OSError as error:
        raise FileUnreadableError(path=file, reason=error.strerror or str(error)) from error


def _text(root: str, path: str) -> str:
    """The text of a file; empty where there is none."""
    return (_bytes(root, path) or b"").decode("utf-8", "replace")


def _hostname(root: str) -> str | None:
    """The kernel's own name; only ASCII letters are folded, so that no Unicode table matters."""
    if root == "/":
        raw = os.fsencode(os.uname().nodename)
    else:
        raw = _bytes(root, "/proc/sys/kernel/hostname") or _bytes(root, "/etc/hostname") or b""
    name = raw.strip().rstrip(b".").lower().decode("utf-8", "backslashreplace")
    return None if name in ("", "(none)") else name


def _machine_id(root: str) -> tuple[str | None, str | None]:
    """The machine id and the file that it stands in (systemd's machine-id(5))."""
    for path in _MACHINE_ID_FILES:
        value = _text(root, path).strip().lower()
        if len(value) == 32 and not value.strip("0123456789abcdef") and value.strip("0"):
            return value, path
    return None, None


def _mounts(mountinfo: str) -> dict[str, str]:
    """The root within its file system of each mount point (proc(5), mountinfo fields 4 and 5)."""
    fields = (line.split() for line in mountinfo.splitlines())
    return {line[4]: line[3] for line in fields if len(line) > 4}


def _container_id(cgroup: str, mounts: Mapping[str, str]) -> tuple[str | None, str | None]:
    """The container's own id and where it stands: in its cgroup, else in what was mounted.

    The cgroup comes first: with ``--network container:X`` the mounted files are those of X.
    """
    in_cgroup = re.findall(_HEX64, cgroup) if len(cgroup) >= 64 else []
    if in_cgroup:
        return str(in_cgroup[-1]), _CGROUP
    for file in _CONTAINER_FILES:
        source = mounts.get(file)
        found = re.search(_CONTAINER_FOLDER, source) if source else None
        if found:
            return found[1], _MOUNTINFO
    return None, None


def _engine(root: str, container_id: str | None, environ: Mapping[str, str]) -> str | None:
    """What runs this container. /.dockerenv alone is no sign: it is seen on plain machines too."""
    if os.path.exists(os.path.join(root, "run/.containerenv")):
        return "podman"
    if environ.get("KUBERNETES_SERVICE_HOST"):
        return "kubernetes"
    return "docker" if container_id else None


def _nameservers(resolv_conf: str) -> tuple[str, ...]:
    fields = (line.split() for line in resolv_conf.splitlines())
    return tuple(line[1] for line in fields if len(line) > 1 and line[0] == "nameserver")

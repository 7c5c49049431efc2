"""Reads the host: files under a root, and its network; nothing else does (SPEC section 3.1).

A root other than ``/`` makes a folder a host: everything is then read from files below it. A file
that is not there means that this host has no such thing; one that cannot be read is an error.
"""

import os
import re
from collections.abc import Mapping

from license_core import (
    addresses,
    gpus,
    hostfile,
    interfaces,
)
from license_core.errors import FileUnreadableError
from license_core.facts import HostFacts
from license_core.paths import absolute

PINNED_IP = "LICENSE_PINNED_IP"

# Compiled where a text may hold one: most hosts need neither.
_HEX64 = r"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])"
_CONTAINER_FOLDER = r"/(?:[a-z0-9]+-)?containers/([0-9a-f]{64})/"
_OWN_FILE = "/run/.containerenv"
_NETWORK_FILES = ("/etc/hostname", "/etc/hosts", "/etc/resolv.conf")
_CGROUP, _MOUNTINFO = "/proc/self/cgroup", "/proc/self/mountinfo"
_MACHINE_ID_FILES = ("/etc/machine-id", "/var/lib/dbus/machine-id")


def read_facts(root: str | os.PathLike[str], environ: Mapping[str, str]) -> HostFacts:
    """What can be known of the host under *root*.

    *environ* is the environment that says ``LICENSE_PINNED_IP`` and ``KUBERNETES_SERVICE_HOST``.
    Raises FileUnreadableError for a file that is there but cannot be read.
    """
    root = absolute(os.fspath(root))
    network = addresses.live() if root == "/" else addresses.recorded(root)
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
        former_ip=network.former_ip,
        ip_is_lent=network.is_lent,
        gateway=network.gateway,
        nameservers=_nameservers(_text(root, "/etc/resolv.conf")),
        pinned_ip=environ.get(PINNED_IP) or None,
        gpus=gpus.count(root),
        own_link=container_id is not None and _own_link(root, network),
        network_container=_network_container(container_id, mounts),
        root=root,
    )


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

    The cgroup comes first: with ``--network container:X`` the files of the network are those of X.
    """
    in_cgroup = re.findall(_HEX64, cgroup) if len(cgroup) >= 64 else []
    if in_cgroup:
        return str(in_cgroup[-1]), _CGROUP
    mounted = _mounted_from(mounts, (_OWN_FILE, *_NETWORK_FILES))
    return mounted, _MOUNTINFO if mounted else None


def _network_container(container_id: str | None, mounts: Mapping[str, str]) -> str | None:
    """The container that this one has its network from, where that is another."""
    owner = _mounted_from(mounts, _NETWORK_FILES) if container_id else None
    return owner if owner != container_id else None


def _mounted_from(mounts: Mapping[str, str], files: tuple[str, ...]) -> str | None:
    """The container in whose folder the first of *files* that an engine has mounted stands."""
    for file in files:
        source = mounts.get(file)
        found = re.search(_CONTAINER_FOLDER, source) if source else None
        if found:
            return found[1]
    return None


def _own_link(root: str, network: addresses.Addresses) -> bool:
    """Whether the interface of the address ends at itself, or at its parent as a VLAN does."""
    device = next((name for name, address in network.interfaces if address == network.ip), None)
    if not device:
        return False
    number, other = interfaces.numbers(root, device)
    return bool(number) and (number == other or interfaces.is_vlan(root, device))


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

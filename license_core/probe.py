"""Reads the host: files under a root, and its network; nothing else does (SPEC section 3.1).

A root other than ``/`` makes a folder a host: everything is then read from files below it. A file
that is not there means that this host has no such thing; one that cannot be read is an error.
"""

from __future__ import annotations

import os

from license_core import (
    addresses,
    engine,
    gpus,
    hostfile,
    interfaces,
    joined,
    pin,
)
from license_core.errors import FileUnreadableError
from license_core.facts import HostFacts
from license_core.paths import absolute

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

_DOCKERS_DNS, _LISTENS = "127.0.0.11", " 0B00007F:"
_MACHINE_ID_FILES = ("/etc/machine-id", "/var/lib/dbus/machine-id")
_IN_MEMORY = ("tmpfs", "ramfs")
_IMAGES = ("squashfs", "erofs", "iso9660", "udf", "cramfs", "romfs")
"""File systems that are made once, and nobody can write to."""


def read_facts(root: str | os.PathLike[str], environ: Mapping[str, str]) -> HostFacts:
    """What can be known of the host under *root*.

    *environ* is the environment that says ``LICENSE_PINNED_IP``, ``LICENSE_CLUSTER_UID``,
    ``LICENSE_SITE`` and ``KUBERNETES_SERVICE_HOST``.
    Raises FileUnreadableError for a file that is there but cannot be read.
    """
    root = absolute(os.fspath(root))
    network = addresses.live() if root == "/" else addresses.recorded(root)
    mounts = engine.mounts(_text(root, engine.MOUNTINFO))
    machine_id, machine_id_file = _machine_id(root)
    nameservers = _nameservers(root)
    bound = mounts.get(machine_id_file or "")
    in_memory = bound is not None and bound.kind in _IN_MEMORY
    place, holder = _holder(machine_id_file or "", mounts)
    found = engine.recognise(
        _text(root, engine.CGROUP),
        mounts,
        _namespaces(root),
        [file for file in (engine.OWN_FILE, *engine.MARKS) if _exists(root, file)],
        environ,
        machine_id_bound=bound is not None and not in_memory,
        kernel=_text(root, engine.KERNEL),
    )
    # The stacked root of a live system keeps nothing; a container's is kept with the container.
    is_live = found.name is None and not place and holder.kind == "overlay"
    belongs = {}
    if environ.get("LICENSE_CLUSTER_UID") or environ.get("LICENSE_SITE"):
        from license_core import belonging

        belongs = belonging.facts(environ, lambda path: _bytes(root, path))
    return HostFacts(
        hostname=_hostname(root),
        ip=network.ip,
        machine_id=machine_id,
        container_id=found.container_id,
        machine_id_file=machine_id_file,
        container_id_file=found.container_id_file,
        machine_id_bound=bound is not None and not in_memory,
        machine_id_lasts=holder.kind not in _IN_MEMORY and not is_live,
        machine_id_of_image=found.name is None and (is_live or holder.kind in _IMAGES),
        engine=found.name,
        engine_sign=found.sign,
        once_bare=found.once_bare,
        once_bound=in_memory,
        interfaces=network.interfaces,
        former_ip=network.former_ip,
        ip_is_lent=network.is_lent,
        gateway=network.gateway,
        nameservers=nameservers,
        network_lost=network.ip is None and _had_network(root, nameservers),
        pinned_ip=pin.read(environ.get(pin.PINNED_IP, "")),
        gpus=gpus.count(root),
        own_link=found.container_id is not None and _own_link(root, network),
        network_container=found.network_container,
        in_older_network=found.is_docker_by_network
        and joined.is_older(root, network.made_at, joined.slept()),
        layer_digest=found.layer_digest,
        layer=found.layer if found.name == "docker" else None,
        is_wsl=found.is_wsl,
        root=root,
        **belongs,
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


def _holder(file: str, mounts: Mapping[str, engine.Mount]) -> tuple[str, engine.Mount]:
    """The mount that *file* is on, and its place, which is empty for ``/``."""
    place = file
    while place and place not in mounts:
        place = place.rpartition("/")[0]
    return place, mounts.get(place or "/") or engine.Mount("")


def _namespaces(root: str) -> dict[str, str]:
    found = {}
    for name in engine.NAMESPACES:
        try:
            found[name] = os.readlink(os.path.join(root, "proc/self/ns", name))
        except (OSError, ValueError):
            pass  # a record without them, or a kernel
    return found


def _exists(root: str, path: str) -> bool:
    return os.path.exists(os.path.join(root, path.lstrip("/")))


def _own_link(root: str, network: addresses.Addresses) -> bool:
    """Whether the interface of the address ends at itself, or at its parent as a VLAN does."""
    device = next((name for name, address in network.interfaces if address == network.ip), None)
    if not device:
        return False
    number, other = interfaces.numbers(root, device)
    return bool(number) and (number == other or interfaces.is_vlan(root, device))


def _nameservers(root: str) -> tuple[str, ...]:
    """Those of resolv.conf; and Docker's own, which listens in the container whatever stands there.

    So a resolv.conf that somebody has overwritten does not hide on which network this is.
    """
    fields = (line.split() for line in _text(root, "/etc/resolv.conf").splitlines())
    named = [line[1] for line in fields if len(line) > 1 and line[0] == "nameserver"]
    if _DOCKERS_DNS not in named and _LISTENS in _text(root, "/proc/net/udp"):
        named.append(_DOCKERS_DNS)
    return tuple(named)


def _had_network(root: str, nameservers: tuple[str, ...]) -> bool:
    """Whether the files of an engine tell of a network that a container without one has had."""
    if _DOCKERS_DNS in nameservers:
        return True
    names = {_hostname(root), "host.containers.internal"}
    text = (_bytes(root, "/etc/hosts") or b"").lower().decode("utf-8", "replace")
    lines = (line.split() for line in text.splitlines())
    return any(
        names.intersection(words[1:]) and not words[0].startswith(("127.", "::1", "#"))
        for words in lines
        if words
    )

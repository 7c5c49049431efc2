"""A product's hardware requirements (conf/requirements.toml), and what the machine has.

Only ``doctor`` asks: a machine that is too small is no reason to refuse a licence.
"""

from __future__ import annotations

import os

from license_core import hostfile, tomlfile
from license_core.gpus import on_machine
from license_core.reason import Reason
from license_core.record import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

_GIB = 1 << 30
_MOST_PORTS = 100
_GROUPS = "/sys/fs/cgroup"


class Requirements(NamedTuple):
    """What the product wants; None or empty: nothing is said of it."""

    cpus: int | None = None
    memory_gib: int | None = None
    gpus: int | None = None
    disk_gib: int | None = None
    """Free, where the product stands."""
    ports: tuple[int, ...] = ()
    """TCP ports to be free."""


class Resources(NamedTuple):
    """What there is. None: it could not be found out."""

    cpus: int | None = None
    memory_gib: float | None = None
    gpus: int | None = None
    disk_gib: float | None = None
    machine_cpus: int | None = None
    """Those of the machine that a container with fewer runs on."""
    machine_memory_gib: float | None = None
    machine_gpus: int | None = None
    """Those of the machine, also where a container was given fewer."""
    taken_ports: tuple[int, ...] | None = None
    """Those of the wanted ports that somebody listens on."""


def parse(data: bytes) -> Requirements:
    """Read the TOML text *data*. Raises ValueError with a reason for people."""
    values = tomlfile.loads(tomlfile.text_of(data))
    unknown = sorted(values.keys() - set(Requirements._fields))
    if unknown:
        raise ValueError(Reason("unknown requirement: {names}", names=", ".join(unknown)))
    for name in ("cpus", "memory_gib", "gpus", "disk_gib"):
        value = values.get(name)
        if value is not None and (type(value) is not int or not 0 <= value <= 1_000_000):
            raise ValueError(Reason("{name} is not a whole number from 0 to 1000000", name=name))
    values["ports"] = _ports(values.get("ports", []))
    return Requirements(**values)


def _ports(value: Any) -> tuple[int, ...]:
    good = isinstance(value, list) and len(value) <= _MOST_PORTS
    if not good or not all(type(port) is int and 0 < port < 65536 for port in value):
        raise ValueError(
            Reason(
                "ports is not an array of at most {most:# TCP port|# TCP ports}", most=_MOST_PORTS
            )
        )
    return tuple(value)


def measure(folder: str, gpus: int | None, ports: tuple[int, ...]) -> Resources:
    """What this machine, or this container where it is limited, has; free disk at *folder*."""
    total = _meminfo().get("MemTotal")
    return Resources(
        _cpus(),
        _memory(),
        gpus,
        _disk(folder),
        os.cpu_count(),
        None if total is None else total / _GIB,
        on_machine(),
        tuple(filter(_is_taken, ports)),
    )


def _cpus(groups: str = _GROUPS) -> int:
    """The CPUs that this process may use, by the limits of both versions of control groups."""
    found = [len(os.sched_getaffinity(0))]
    limits = [_first_line(f"{groups}/cpu.max").partition(" ")[::2]]
    for name in ("cpu", "cpu,cpuacct"):
        folder = f"{groups}/{name}/cpu.cfs"
        limits.append((_first_line(f"{folder}_quota_us"), _first_line(f"{folder}_period_us")))
    for quota, period in limits:
        if _is_number(quota) and _is_number(period) and int(period):
            found.append(int(quota) // int(period))
    return max(1, min(found))


def _memory(groups: str = _GROUPS) -> float | None:
    """The memory in GiB, by those limits; of version 1 no limit is a number beyond all memory."""
    files = ("memory.max", "memory/memory.limit_in_bytes")
    limits = (_first_line(f"{groups}/{file}") for file in files)
    sizes = [int(limit) for limit in limits if _is_number(limit)]
    total = _meminfo().get("MemTotal")
    if total is not None:
        sizes.append(total)
    return min(sizes) / _GIB if sizes else None


def _meminfo() -> Mapping[str, int]:
    """The sizes in /proc/meminfo (proc(5)), in bytes."""
    try:
        rows = (line.split() for line in _text("/proc/meminfo").splitlines())
        return {row[0].rstrip(":"): int(row[1]) * 1024 for row in rows if len(row) == 3}
    except ValueError:
        return {}


def _disk(folder: str) -> float | None:
    try:
        found = os.statvfs(folder)
    except OSError:
        return None
    return found.f_bavail * found.f_frsize / _GIB


def _is_number(text: str) -> bool:
    """Whether *text* is a number as the kernel writes one: of 64 bits."""
    return text.isdigit() and len(text) <= 20


def _first_line(path: str) -> str:
    return _text(path).partition("\n")[0].strip()


def _text(path: str) -> str:
    """The text of a file; empty where there is none, or a pipe in its place."""
    try:
        return (hostfile.read(path) or b"").decode("ascii", "replace")
    except OSError:
        return ""


def _is_taken(port: int) -> bool:
    """Whether somebody listens on TCP *port*, so that it could not be listened on."""
    import _socket as socket

    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(("0.0.0.0", port))  # noqa: S104  # asks, and closes at once; never listens
    except PermissionError:
        return False  # a low port: whether it is taken cannot be seen by this user
    except OSError:
        return True
    finally:
        listening.close()
    return False

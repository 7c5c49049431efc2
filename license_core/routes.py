"""The default routes of a host, and the one its address belongs to (SPEC section 3.6).

From ``/proc/net/route`` and ``/proc/net/ipv6_route`` (proc(5)) under the host's root, for
``doctor``: which address goes into a key was decided by the kernel, or by addresses.py where a host
is a record. A line that makes no sense is left out.
"""

import _socket as socket
import os
from collections.abc import Callable
from typing import NamedTuple

from license_core import hostfile
from license_core.facts import HostFacts

_UP, _REJECT = 0x1, 0x200
_MOST = 20


class Route(NamedTuple):
    """A default route."""

    device: str
    gateway: str | None
    """None: the other side of the device is reached without one."""
    metric: int
    """The lower, the sooner it is taken."""
    chosen: bool = False
    """Whether the address that speaks for the host is of this route."""


def considered(facts: HostFacts) -> tuple[Route, ...]:
    """The default routes, IPv4 before IPv6, the lower metric first; one is the chosen one."""
    four = sorted(_read(facts.root, "route", _route4), key=lambda route: route.metric)
    six = sorted(_read(facts.root, "ipv6_route", _route6), key=lambda route: route.metric)
    ip = facts.ip or ""
    devices = {name for name, address in facts.interfaces if address == ip}
    family = six if ":" in ip else four
    chosen = next((route for route in family if route.device in devices), None)
    return tuple(route._replace(chosen=route is chosen) for route in (*four, *six)[:_MOST])


def _read(root: str, name: str, parse: Callable[[list[str]], Route | None]) -> list[Route]:
    try:
        data = hostfile.read(os.path.join(root, "proc/net", name)) or b""
    except OSError:
        return []  # the address itself says what matters
    found = []
    for line in data.decode("ascii", "replace").splitlines():
        try:
            route = parse(line.split())
        except (ValueError, OverflowError, IndexError):
            continue  # the heading, or no record
        if route is not None:
            found.append(route)
    return found


def _route4(fields: list[str]) -> Route | None:
    destination, gateway, flags, metric, mask = (fields[i] for i in (1, 2, 3, 6, 7))
    if int(destination, 16) or int(mask, 16) or not _is_used(flags):
        return None
    packed = int(gateway, 16).to_bytes(4, "little")
    return Route(fields[0], _gateway(socket.AF_INET, packed), int(metric))


def _route6(fields: list[str]) -> Route | None:
    destination, length, gateway, metric, flags, device = (fields[i] for i in (0, 1, 4, 5, 8, 9))
    if int(destination, 16) or int(length, 16) or not _is_used(flags) or device == "lo":
        return None
    return Route(device, _gateway(socket.AF_INET6, bytes.fromhex(gateway)), int(metric, 16))


def _is_used(flags: str) -> bool:
    return int(flags, 16) & (_UP | _REJECT) == _UP


def _gateway(family: int, packed: bytes) -> str | None:
    return socket.inet_ntop(family, packed) if any(packed) else None

"""The routes of a host, and the default one that its address belongs to (SPEC section 3.6).

From ``/proc/net/route`` and ``/proc/net/ipv6_route`` (proc(5)) under a root. A line that makes no
sense is left out.
"""

from __future__ import annotations

import _socket as socket
import os

from license_core import hostfile
from license_core.facts import HostFacts
from license_core.record import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_UP, _REJECT = 0x1, 0x200
_MOST = 20
_LEAST_FIELDS = 8


class Hop(NamedTuple):
    """A line of the table of routes."""

    device: str
    network: int
    length: int
    """Of the network's prefix, in bits: 0 for a default route."""
    gateway: str | None
    """None: the other side of the device is reached without one."""
    metric: int
    """The lower, the sooner it is taken."""


class Route(NamedTuple):
    """A default route."""

    device: str
    gateway: str | None
    metric: int
    chosen: bool = False
    """Whether the address that speaks for the host is of this route."""


def considered(facts: HostFacts) -> tuple[Route, ...]:
    """The default routes, IPv4 before IPv6, the lower metric first; one is the chosen one."""
    four, six = (
        [
            Route(hop.device, hop.gateway, hop.metric)
            for hop in read(facts.root, family)
            if not hop.length
        ]
        for family in (socket.AF_INET, socket.AF_INET6)
    )
    ip = facts.ip or ""
    devices = {name for name, address in facts.interfaces if address == ip}
    chosen = next(
        (route for route in (six if ":" in ip else four) if route.device in devices), None
    )
    return tuple(route._replace(chosen=route is chosen) for route in (*four, *six)[:_MOST])


def read(root: str, family: int) -> list[Hop]:
    """The routes of a family that are in use: the lower metric first."""
    four = family == socket.AF_INET
    name, parse = ("route", _hop4) if four else ("ipv6_route", _hop6)
    return sorted(_read(root, name, parse), key=lambda hop: hop.metric)


def _read(root: str, name: str, parse: Callable[[list[str]], Hop | None]) -> list[Hop]:
    try:
        data = hostfile.read(os.path.join(root, "proc/net", name)) or b""
    except OSError:
        return []  # this kernel or this record has no such family
    found = []
    for line in data.decode("ascii", "replace").splitlines():
        fields = line.split()
        if len(fields) < _LEAST_FIELDS:
            continue  # an empty line, and no error for each of a million
        try:
            hop = parse(fields)
        except (ValueError, OverflowError, IndexError):
            continue  # the heading, or no record
        if hop is not None:
            found.append(hop)
    return found


def _hop4(fields: list[str]) -> Hop | None:
    network, gateway, mask = (_packed4(fields[i]) for i in (1, 2, 7))
    if not _is_used(fields[3]):
        return None
    length = bin(int.from_bytes(mask, "big")).count("1")
    metric = number(fields[6], 10)
    told = _gateway(socket.AF_INET, gateway)
    return Hop(fields[0], int.from_bytes(network, "big"), length, told, metric)


def number(text: str, base: int = 16) -> int:
    """The number of 32 bits that *text* is, in nothing but digits. Raises ValueError."""
    if text.strip("0123456789abcdefABCDEF"):
        raise ValueError
    found = int(text, base)
    if found >> 32:
        raise ValueError
    return found


def _packed4(text: str) -> bytes:
    return number(text).to_bytes(4, "little")


def _hop6(fields: list[str]) -> Hop | None:
    network, length, gateway, metric, flags, device = (fields[i] for i in (0, 1, 4, 5, 8, 9))
    if not _is_used(flags) or device == "lo":
        return None
    told = _gateway(socket.AF_INET6, _packed6(gateway))
    place = int.from_bytes(_packed6(network), "big")
    return Hop(device, place, number(length), told, number(metric))


def _packed6(text: str) -> bytes:
    packed = bytes.fromhex(text)
    if len(packed) != 16:
        raise ValueError
    return packed


def _is_used(flags: str) -> bool:
    return number(flags) & (_UP | _REJECT) == _UP


def _gateway(family: int, packed: bytes) -> str | None:
    return socket.inet_ntop(family, packed) if any(packed) else None

"""The addresses of a host, and the one in its key (SPEC section 3.1, component ``ip``).

Two readers of one answer: ``live`` asks the kernel that this process runs on, ``recorded`` reads
the files that the kernel showed to another host, under a root folder.
"""

import _socket as socket  # without what `socket` wraps around it: 3 ms of every start
import os
from collections.abc import Iterable
from typing import Any, NamedTuple

from license_core import hostfile

_SOMEWHERE_V4 = ("192.0.2.1", 9)  # TEST-NET-1, RFC 5737; connecting a UDP socket sends nothing
_SOMEWHERE_V6 = ("2001:db8::1", 9)  # RFC 3849

_UP = 0x1
_GLOBAL_SCOPE = "00"


class Addresses(NamedTuple):
    """What a host's network says of it."""

    ip: str | None
    """The source address of the default route, else the lowest usable address."""
    gateway: str | None = None
    """The IPv4 gateway of the default route."""
    interfaces: tuple[tuple[str, str], ...] = ()
    """(interface, address); an interface without one has the address ``""``."""


def live() -> Addresses:
    """The addresses of the host that this process runs on."""
    interfaces, gateway = _listed()
    ip = _source(socket.AF_INET, _SOMEWHERE_V4) or _source(socket.AF_INET6, _SOMEWHERE_V6)
    return Addresses(ip or _lowest(address for _, address in interfaces), gateway, interfaces)


def _source(family: int, somewhere: tuple[str, int]) -> str | None:
    """The address that a packet to *somewhere* would come from; honours metrics and ``src``."""
    try:
        probe = socket.socket(family, socket.SOCK_DGRAM)
        try:
            probe.connect(somewhere)
            return _usable(probe.getsockname()[0])
        finally:
            probe.close()
    except OSError:
        return None  # no route, or no such family: this host has no such address


def _listed() -> tuple[tuple[tuple[str, str], ...], str | None]:
    try:
        import netifaces
    except ImportError:  # an image without the wheel: the kernel's own record says the same
        kept = recorded("/")
        return kept.interfaces, kept.gateway
    found: list[tuple[str, str]] = []
    for name in sorted(netifaces.interfaces()):
        families = netifaces.ifaddresses(name)
        addresses = [
            address
            for family in (socket.AF_INET, socket.AF_INET6)
            for entry in families.get(family, [])
            if (address := _usable(entry.get("addr", "")))
        ]
        bare = [] if name == "lo" else [""]
        found.extend((name, address) for address in addresses or bare)
    default: Any = netifaces.gateways().get("default", {})  # typed wider than it is
    gateway = default.get(socket.AF_INET)
    return tuple(found), gateway[0] if gateway else None


def _usable(text: str) -> str | None:
    """*text* as inet_ntop writes it; None for loopback, link-local, unspecified or no address."""
    text = text.partition("%")[0]
    family = socket.AF_INET6 if ":" in text else socket.AF_INET
    try:
        packed = socket.inet_pton(family, text)
    except OSError:
        return None
    if family == socket.AF_INET:
        if packed[0] in (0, 127) or packed[:2] == b"\xa9\xfe":
            return None
    elif packed[:15] == bytes(15) or (packed[0] == 0xFE and packed[1] & 0xC0 == 0x80):
        return None
    return socket.inet_ntop(family, packed)


def _order(address: str) -> tuple[int, bytes]:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return family, socket.inet_pton(family, address)


def _lowest(addresses: Iterable[str]) -> str | None:
    """The lowest address, IPv4 before IPv6."""
    return min((address for address in addresses if address), key=_order, default=None)


def recorded(root: str) -> Addresses:
    """The addresses that ``proc/net`` under *root* shows.

    The source of a default route is the lowest local address in the subnet of its interface; the
    ``src`` hint of a route is not in these files.
    """
    routes = _routes(root)
    local = [a for a in _fib_locals(root) if _usable(a)]
    six = _if_inet6(root)
    interfaces = sorted(
        {(_interface_of(address, routes), address) for address in local}
        | set(six)
        | {(name, "") for name in _device_names(root)}
    )
    named = {name for name, address in interfaces if address}
    interfaces = [(name, a) for name, a in interfaces if a or (name not in named and name != "lo")]
    ip, gateway = _default_source(routes, interfaces)
    if ip is None:
        device = _default_device6(root)
        ip = _lowest(address for name, address in six if name == device)
    return Addresses(ip or _lowest(a for _, a in interfaces), gateway, tuple(interfaces))


class _Route(NamedTuple):
    device: str
    destination: int
    gateway: int
    metric: int
    mask: int


def _read(root: str, name: str) -> str:
    try:
        data = hostfile.read(os.path.join(root, "proc/net", name))
    except OSError:
        data = None
    # Where there is none, this kernel or this record has no such family.
    return (data or b"").decode("ascii", "replace")


def _routes(root: str) -> list[_Route]:
    routes = []
    for line in _read(root, "route").splitlines()[1:]:
        fields = line.split()
        if len(fields) >= 8 and int(fields[3], 16) & _UP:
            numbers = [int.from_bytes(bytes.fromhex(fields[i]), "little") for i in (1, 2, 7)]
            routes.append(_Route(fields[0], numbers[0], numbers[1], int(fields[6]), numbers[2]))
    return routes


def _fib_locals(root: str) -> list[str]:
    """The addresses that /proc/net/fib_trie marks as ``/32 host LOCAL``."""
    found: list[str] = []
    address = ""
    for line in _read(root, "fib_trie").splitlines():
        head, _, rest = line.strip().partition(" ")
        if head == "|--":
            address = rest.strip()
        elif head == "/32" and rest == "host LOCAL" and address not in found:
            found.append(address)
    return found


def _if_inet6(root: str) -> list[tuple[str, str]]:
    found = []
    for line in _read(root, "if_inet6").splitlines():
        fields = line.split()
        if len(fields) == 6 and fields[3] == _GLOBAL_SCOPE:
            address = _usable(socket.inet_ntop(socket.AF_INET6, bytes.fromhex(fields[0])))
            if address:
                found.append((fields[5], address))
    return found


def _device_names(root: str) -> list[str]:
    lines = _read(root, "dev").splitlines()[2:]
    return [line.partition(":")[0].strip() for line in lines]


def _number(address: str) -> int:
    return int.from_bytes(socket.inet_pton(socket.AF_INET, address), "big")


def _interface_of(address: str, routes: list[_Route]) -> str:
    """The interface whose connected subnet holds *address*; ``""`` where none does."""
    number = _number(address)
    connected = [r for r in routes if r.mask and not r.gateway and number & r.mask == r.destination]
    return max(connected, key=lambda r: r.mask).device if connected else ""


def _default_source(
    routes: list[_Route], interfaces: list[tuple[str, str]]
) -> tuple[str | None, str | None]:
    defaults = sorted((r for r in routes if not r.mask), key=lambda r: r.metric)
    for route in defaults:
        of_device = [a for name, a in interfaces if name == route.device and a and ":" not in a]
        loose = [a for name, a in interfaces if name == "" and a]
        source = _lowest(of_device) or _lowest(loose)
        if source is not None:
            gateway = socket.inet_ntop(socket.AF_INET, route.gateway.to_bytes(4, "big"))
            return source, gateway if route.gateway else None
    return None, None


def _default_device6(root: str) -> str | None:
    for line in _read(root, "ipv6_route").splitlines():
        fields = line.split()
        if len(fields) == 10 and fields[0] == "0" * 32 and fields[1] == "00" and fields[9] != "lo":
            return fields[9]
    return None

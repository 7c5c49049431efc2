"""The addresses of a host, and the one in its key (SPEC section 3.1, component ``ip``).

Two readers of one answer: ``live`` asks the kernel that this process runs on, ``recorded`` reads
the files that the kernel showed to another host, under a root folder. Which of the addresses lasts
is decided in one place, ``_lasting``.
"""

from __future__ import annotations

import _socket as socket  # without what `socket` wraps around it: 3 ms of every start
import os

from license_core import hostfile, interfaces, netlink, routes
from license_core.kept import lru_cache
from license_core.record import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

    Source = Callable[[int, str | None, bool], str | None]
    """From a family, an interface (None: any), and whether a temporary address will not do, to the
    address that a packet to somewhere would come from."""

    Ways = Callable[[int], list[routes.Hop]]
    """From a family to its routes: the lower metric first."""

_V4, _V6 = socket.AF_INET, socket.AF_INET6
_SOMEWHERE = {
    _V4: "192.0.2.1",  # TEST-NET-1, RFC 5737; connecting a UDP socket sends nothing
    _V6: "2001:db8::1",  # RFC 3849
}
_UNICAST_IF = {_V4: (0, 50), _V6: (41, 76)}  # IP_UNICAST_IF, IPV6_UNICAST_IF
_ADDR_PREFERENCES, _PREFER_PUBLIC = (41, 72), 0x2  # RFC 5014
_GLOBAL_SCOPE = "00"


class Addresses(NamedTuple):
    """What a host's network says of it."""

    ip: str | None
    """The address that speaks for the host."""
    gateway: str | None = None
    """The IPv4 gateway of the default route."""
    interfaces: tuple[tuple[str, str], ...] = ()
    """(interface, address); an interface without one has the address ``""``."""
    former_ip: str | None = None
    """The address that the rule of version 1 takes, where it is another one."""
    is_lent: bool = False
    """Whether ``ip`` ends unless a server or a router lends it again."""
    made_at: int | None = None
    """When ``ip`` was given to its interface (``netlink.Address``); None where that is not told."""


class _Held(NamedTuple):
    """An address that the host has."""

    device: str
    text: str
    is_temporary: bool = False
    is_lent: bool = False
    made_at: int | None = None


class _Network(NamedTuple):
    ranks: Mapping[str, int]
    """Of every interface with an address, by its name."""
    held: tuple[_Held, ...]
    source: Source
    ways: Ways
    bare: Collection[str] = ()
    """The interfaces without an address."""


def live() -> Addresses:
    """The addresses of the host that this process runs on."""
    try:
        links, listed = netlink.links(), netlink.addresses()
    except OSError:  # a sandbox may forbid to ask; the kernel's own record says the same
        network = _recorded("/")
        is_seen = network.held or network.bare
        return _addresses((network if is_seen else _listed())._replace(source=_asked))
    held = [
        _Held(links[one.interface].name, text, one.is_temporary, one.is_lent, one.made_at)
        for one in listed
        if one.interface in links and (text := _usable(one.text))
    ]
    ranks = {
        link.name: interfaces.rank(
            link.name,
            link.kind,
            link.hardware,
            [port.kind for port in links.values() if port.master == index]
            if link.kind == "bridge"
            else None,
        )
        for index, link in links.items()
    }
    by_name = sorted(held, key=lambda one: (one.device, ":" in one.text))
    bare = ranks.keys() - {one.device for one in held}
    return _addresses(_Network(ranks, tuple(by_name), _asked, _ways("/"), bare))


def _listed() -> _Network:
    """What the C library lists, where the kernel has no record for us."""
    from license_core import listing  # no common host needs it

    listed = [(name, _usable(text)) for name, text in listing.interfaces()]
    ranks = {name: interfaces.rank(name) for name, _ in listed}
    held = sorted({_Held(name, text) for name, text in listed if text})
    bare = ranks.keys() - {one.device for one in held}
    return _Network(ranks, tuple(held), _asked, _ways("/"), bare)


def recorded(root: str) -> Addresses:
    """The addresses that ``proc/net`` under *root* shows.

    The source of a route is the lowest address of its interface; the ``src`` hint of a route is
    not in these files, nor whether an address is lent.
    """
    return _addresses(_recorded(root))


def _addresses(network: _Network) -> Addresses:
    ip, former = _lasting(network), _former(network)
    held = network.held
    shown = [(one.device, one.text) for one in held]
    shown += [(name, "") for name in network.bare if name != "lo"]
    return Addresses(
        ip,
        _gateway(network, ip),
        tuple(sorted(shown, key=lambda pair: pair[0])),
        former if former != ip else None,
        any(one.is_lent for one in held if one.text == ip),
        next((one.made_at for one in held if one.text == ip), None),
    )


def _lasting(network: _Network) -> str | None:
    """The address that speaks for the host (SPEC section 3.1)."""
    ranks = {one.text: network.ranks.get(one.device, interfaces.OWN) for one in network.held}
    best = min(ranks.values(), default=interfaces.OWN)
    pairs = {(one.device, one.text) for one in network.held}
    for family in (_V4, _V6):
        said = network.source(family, None, True)
        if said is not None and ranks.get(said, best) == best:
            return said
        for device in _ways_out(network.ways(family)) if said else ():
            if network.ranks.get(device) == best:
                said = network.source(family, device, True)
                if (device, said) in pairs:
                    return said
    first = [one for one in network.held if ranks[one.text] == best]
    return _lowest(one.text for one in first if not one.is_temporary) or _lowest(
        one.text for one in first
    )


def _ways(root: str) -> Ways:
    """The routes under *root*, each family read once."""

    @lru_cache(maxsize=2)
    def read(family: int) -> list[routes.Hop]:
        return routes.read(root, family)

    return read


def _ways_out(ways: Iterable[routes.Hop]) -> Iterable[str]:
    """The interfaces of the routes that have a gateway: the widest first, then by their metric."""
    ways = sorted(ways, key=lambda hop: (hop.length, hop.metric))
    return dict.fromkeys(hop.device for hop in ways if hop.gateway is not None or not hop.length)


def _former(network: _Network) -> str | None:
    """The address that the rule of version 1 takes, whatever its interface is."""
    return (
        network.source(_V4, None, False)
        or network.source(_V6, None, False)
        or _lowest(one.text for one in network.held)
    )


def _gateway(network: _Network, ip: str | None) -> str | None:
    """That of the default route of *ip*, else of the first one."""
    devices = {one.device for one in network.held if one.text == ip}
    ways = [hop for hop in network.ways(_V4) if not hop.length]
    return next((hop.gateway for hop in ways if hop.device in devices), None) or next(
        (hop.gateway for hop in ways), None
    )


def _asked(family: int, device: str | None, public: bool) -> str | None:
    """What the kernel says, which honours metrics and ``src`` hints."""
    try:
        probe = socket.socket(family, socket.SOCK_DGRAM)
    except OSError:
        return None  # no such family
    try:
        if public and family == _V6:
            probe.setsockopt(*_ADDR_PREFERENCES, _PREFER_PUBLIC)
        if device is not None:
            index = socket.if_nametoindex(device).to_bytes(4, "big")
            probe.setsockopt(*_UNICAST_IF[family], index)
        probe.connect((_SOMEWHERE[family], 9))
        return _usable(probe.getsockname()[0])
    except OSError:
        return None  # no route: this host has no such address
    finally:
        probe.close()


def _reading(ways: Ways, held: Iterable[_Held]) -> Source:
    """Answers from a record: the lowest address of the interface of the default route."""
    known: dict[tuple[int, str], list[_Held]] = {}
    for one in held:
        known.setdefault((_V6 if ":" in one.text else _V4, one.device), []).append(one)

    def source(family: int, device: str | None, public: bool) -> str | None:
        defaults = [hop.device for hop in ways(family) if not hop.length]
        for name in dict.fromkeys(defaults if device is None else [device]):
            # An address without a subnet of its own may be of any interface.
            for place in (name, ""):
                found = _lowest(
                    one.text
                    for one in known.get((family, place), ())
                    if not (public and one.is_temporary)
                )
                if found:
                    return found
        return None

    return source


def _usable(text: str) -> str | None:
    """*text* as inet_ntop writes it; None for loopback, link-local, unspecified or no address."""
    text = text.partition("%")[0]
    family = _V6 if ":" in text else _V4
    try:
        packed = socket.inet_pton(family, text)
    except (OSError, ValueError):
        return None
    if family == _V4:
        if packed[0] in (0, 127) or packed[:2] == b"\xa9\xfe":
            return None
    elif packed[:15] == bytes(15) or (packed[0] == 0xFE and packed[1] & 0xC0 == 0x80):
        return None
    return socket.inet_ntop(family, packed)


def _order(address: str) -> tuple[int, bytes]:
    family = _V6 if ":" in address else _V4
    return family, socket.inet_pton(family, address)


def _lowest(addresses: Iterable[str]) -> str | None:
    """The lowest address, IPv4 before IPv6."""
    return min(addresses, key=_order, default=None)


def _recorded(root: str) -> _Network:
    ways = _ways(root)
    subnets: dict[int, dict[int, str]] = {}
    """By the length and the number of its prefix: the interface of a connected subnet."""
    for hop in ways(_V4):
        if hop.length and hop.gateway is None:
            of_length = subnets.setdefault(hop.length, {})
            of_length.setdefault(hop.network >> (32 - hop.length), hop.device)
    four = [_Held(_interface_of(text, subnets), text) for text in _fib_locals(root)]
    held = tuple(sorted({*four, *_if_inet6(root)}))
    devices = {one.device for one in held} - {""}
    ranks = {name: interfaces.recorded_rank(root, name) for name in devices}
    bare = {*_device_names(root)} - devices
    return _Network(ranks, held, _reading(ways, held), ways, bare)


def _read(root: str, name: str) -> str:
    try:
        data = hostfile.read(os.path.join(root, "proc/net", name))
    except OSError:
        data = None
    # Where there is none, this kernel or this record has no such family.
    return (data or b"").decode("ascii", "replace")


def _fib_locals(root: str) -> list[str]:
    """The addresses that /proc/net/fib_trie marks as ``/32 host LOCAL``, each once."""
    found: dict[str, None] = {}
    address = ""
    for line in _read(root, "fib_trie").splitlines():
        head, _, rest = line.strip().partition(" ")
        if head == "|--":
            address = rest.strip()
        elif head == "/32" and rest == "host LOCAL" and _is_of_host(address):
            found[address] = None
    return list(found)


def _is_of_host(text: str) -> bool:
    """Whether *text* is an IPv4 address that may speak for a host."""
    return ":" not in text and _usable(text) == text


def _if_inet6(root: str) -> Iterator[_Held]:
    for line in _read(root, "if_inet6").splitlines():
        fields = line.split()
        try:
            text = _usable(socket.inet_ntop(_V6, bytes.fromhex(fields[0])))
            if len(fields) == 6 and fields[3] == _GLOBAL_SCOPE and text:
                yield _Held(fields[5], text, bool(routes.number(fields[4]) & netlink.TEMPORARY))
        except (ValueError, IndexError):
            continue  # a line that makes no sense is left out


def _device_names(root: str) -> list[str]:
    lines = _read(root, "dev").splitlines()[2:]
    names = (line.partition(":")[0].strip() for line in lines)
    return [name for name in names if name and "/" not in name and "\0" not in name]


def _interface_of(address: str, subnets: Mapping[int, Mapping[int, str]]) -> str:
    """The interface whose connected subnet holds *address*; ``""`` where none does."""
    number = int.from_bytes(socket.inet_pton(_V4, address), "big")
    for length in sorted(subnets, reverse=True):
        device = subnets[length].get(number >> (32 - length))
        if device is not None:
            return device
    return ""

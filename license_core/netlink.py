"""Asks the kernel for its links and addresses, by rtnetlink(7).

One dump of each: an interface that comes or goes meanwhile is in it or is not, and ends nothing.
"""

from __future__ import annotations

import _socket as socket
from _struct import Struct  # `struct` adds nothing to it

from license_core.record import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

FOREVER = 0xFFFFFFFF
TEMPORARY = 0x01
"""The flag of an IPv6 address that is drawn anew every day (IFA_F_TEMPORARY)."""

_AF_NETLINK, _NETLINK_ROUTE = 16, 0
_GETLINK, _GETADDR = 18, 22
_REQUEST_DUMP = 0x1 | 0x300
_DONE, _ERROR, _INTERRUPTED = 3, 2, 0x10
_TRIES = 5
_MOST = 1 << 17
_SECONDS = 5.0
_GROUPS = 0x1 | 0x10 | 0x40 | 0x100 | 0x400
"""Links, addresses and routes of both families."""

_HEADER = Struct("=IHHII")
_ATTRIBUTE = Struct("=HH")
_LINK = Struct("=BxHiII")
_ADDRESS = Struct("=BBBBI")
_LIFETIMES = Struct("=IIII")
_NUMBER = Struct("=I")
_IFNAME, _MASTER, _LINKINFO, _INFO_KIND = 3, 10, 18, 1
_IFA_ADDRESS, _IFA_LOCAL, _IFA_CACHEINFO, _IFA_FLAGS = 1, 2, 6, 8


class UnansweredError(OSError):
    """The kernel refuses to tell, or what it tells makes no sense."""


class Link(NamedTuple):
    """An interface."""

    name: str
    """A byte that is no UTF-8 is written as ``\\xNN``."""
    kind: str
    """``bridge``, ``tun``, ``veth``, …; empty for what has no kind, such as a network card."""
    hardware: int
    """ARPHRD_… of if_arp.h."""
    master: int
    """The index of the bridge or bond that it is a port of; 0: none."""


class Address(NamedTuple):
    """An address of an interface."""

    interface: int
    """Its index."""
    text: str
    """As inet_ntop writes it."""
    is_temporary: bool
    """Of IPv6: whether it is drawn anew every day."""
    is_lent: bool
    """Whether it ends unless a server or a router lends it again."""
    made_at: int | None = None
    """When it was given to the interface, in hundredths of a second of ``CLOCK_MONOTONIC``, as a
    number of 32 bits."""


def links() -> dict[int, Link]:
    """The interfaces, by their index. Raises OSError where the kernel cannot be asked."""
    found = {}
    for body in _dump(_GETLINK, _LINK.pack(0, 0, 0, 0, 0)):
        if len(body) < _LINK.size:
            continue
        _, hardware, index, _, _ = _LINK.unpack_from(body)
        of = dict(_attributes(body, _LINK.size))
        info = dict(_attributes(of.get(_LINKINFO, b""), 0))
        master = of.get(_MASTER, b"")
        found[index] = Link(
            _text(of.get(_IFNAME, b"")),
            _text(info.get(_INFO_KIND, b"")),
            hardware,
            _NUMBER.unpack(master)[0] if len(master) == _NUMBER.size else 0,
        )
    return found


def addresses() -> list[Address]:
    """The addresses of all interfaces. Raises OSError where the kernel cannot be asked."""
    found = []
    for body in _dump(_GETADDR, _ADDRESS.pack(0, 0, 0, 0, 0)):
        if len(body) < _ADDRESS.size:
            continue
        family, _, flags, _, index = _ADDRESS.unpack_from(body)
        of = dict(_attributes(body, _ADDRESS.size))
        packed = of.get(_IFA_LOCAL) or of.get(_IFA_ADDRESS) or b""
        if (family, len(packed)) not in ((socket.AF_INET, 4), (socket.AF_INET6, 16)):
            continue
        if len(more := of.get(_IFA_FLAGS, b"")) == _NUMBER.size:
            (flags,) = _NUMBER.unpack(more)
        times = of.get(_IFA_CACHEINFO, b"")
        valid, made_at = FOREVER, None
        if len(times) == _LIFETIMES.size:
            _, valid, made_at, _ = _LIFETIMES.unpack(times)
        is_temporary = family == socket.AF_INET6 and bool(flags & TEMPORARY)
        text = socket.inet_ntop(family, packed)
        found.append(Address(index, text, is_temporary, valid != FOREVER, made_at))
    return found


def watch() -> socket.socket:
    """A socket that has something to read once a link, an address or a route has changed.

    Raises OSError where the kernel cannot be asked.
    """
    listening = socket.socket(_AF_NETLINK, socket.SOCK_DGRAM, _NETLINK_ROUTE)
    try:
        listening.bind((0, _GROUPS))
        listening.settimeout(0)
    except OSError:
        listening.close()
        raise
    return listening


def drain(listening: socket.socket) -> None:
    """Forget what a socket of ``watch`` has to say."""
    try:
        while listening.recv(_MOST):
            pass
    except OSError:
        pass  # nothing more, or more than fitted in: something has changed


def _dump(kind: int, body: bytes) -> list[bytes]:
    """The messages of a dump, without their headers; asked again where it changed meanwhile."""
    for _ in range(_TRIES):
        found, is_whole = _ask(kind, body)
        if is_whole:
            break
    return found  # where it never rests, what there was at last


def _ask(kind: int, body: bytes) -> tuple[list[bytes], bool]:
    asking = socket.socket(_AF_NETLINK, socket.SOCK_DGRAM, _NETLINK_ROUTE)
    try:
        asking.settimeout(_SECONDS)
        asking.bind((0, 0))
        asking.send(_HEADER.pack(_HEADER.size + len(body), kind, _REQUEST_DUMP, 1, 0) + body)
        found: list[bytes] = []
        is_whole = True
        while True:
            data = asking.recv(_MOST)
            for told, flags, message in _messages(data):
                is_whole = is_whole and not flags & _INTERRUPTED
                if told == _DONE:
                    return found, is_whole
                if told == _ERROR:
                    raise UnansweredError
                found.append(message)
    finally:
        asking.close()


def _messages(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    at = 0
    while at + _HEADER.size <= len(data):
        length, kind, flags, _, _ = _HEADER.unpack_from(data, at)
        if length < _HEADER.size:
            raise UnansweredError
        yield kind, flags, data[at + _HEADER.size : at + length]
        at += length + 3 & ~3


def _attributes(body: bytes, at: int) -> Iterator[tuple[int, bytes]]:
    while at + _ATTRIBUTE.size <= len(body):
        length, kind = _ATTRIBUTE.unpack_from(body, at)
        if length < _ATTRIBUTE.size:
            return
        yield kind & 0x3FFF, body[at + _ATTRIBUTE.size : at + length]
        at += length + 3 & ~3


def _text(raw: bytes) -> str:
    return raw.rstrip(b"\0").decode("utf-8", "backslashreplace")

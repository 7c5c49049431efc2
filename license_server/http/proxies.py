"""The real client behind trusted proxies: X-Forwarded-For and X-Forwarded-Proto.

A header counts only where a trusted proxy sent it. Each proxy appends whom it heard from, so the
addresses are read from the right: the first that is no trusted proxy is the client. What stands
further left anybody may have written.
"""

from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address

from license_server.settings import Network

_FOR, _PROTO = b"x-forwarded-for", b"x-forwarded-proto"
Headers = Iterable[tuple[bytes, bytes]]


def client(peer: str, headers: Headers, trusted: Sequence[Network]) -> str:
    """The address of who calls; *peer* is that of the connection."""
    address = _address(peer)
    if address is None or not within(peer, trusted):
        return peer
    hops = ",".join(value.decode("latin-1") for name, value in headers if name == _FOR)
    for hop in reversed(hops.split(",")):
        found = _address(hop)
        if found is None:
            break  # no proxy of ours writes this: whoever sent it stands here
        address = found
        if not within(str(address), trusted):
            break
    return str(address)


def scheme(peer: str, headers: Headers, trusted: Sequence[Network]) -> str | None:
    """``https`` or ``http``, where a trusted proxy says so."""
    if not within(peer, trusted):
        return None
    told = ",".join(value.decode("latin-1") for name, value in headers if name == _PROTO)
    last = told.rpartition(",")[2].strip().lower()
    return last if last in ("http", "https") else None


def forwarded(headers: Headers) -> bool:
    """Whether any proxy says that it passed this request on."""
    return any(name in (_FOR, b"forwarded", b"via", b"x-real-ip") for name, _ in headers)


def within(address: str, networks: Sequence[Network]) -> bool:
    """Whether *address* is in one of *networks*."""
    found = _address(address)
    return found is not None and any(found in network for network in networks)


def _address(text: str) -> IPv4Address | IPv6Address | None:
    """The address that a hop is, which may have a port; of IPv4 within IPv6, that of IPv4."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        found = ip_address(text)
    except ValueError:
        return None
    if isinstance(found, IPv6Address):
        return found.ipv4_mapped or found
    return found

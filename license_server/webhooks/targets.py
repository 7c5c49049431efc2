"""Where webhooks may go: which URLs, and which addresses (RFC 6890; OWASP on SSRF).

What may be reached from a server's network only, such as its own ports, its neighbours, or the
metadata of a cloud, is none of anybody's business who can name a URL. An address is judged as what
it stands for: IPv4 within IPv6 (mapped, 6to4, NAT64, Teredo) is judged as that IPv4 address.
"""

from collections.abc import Collection
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from typing import NamedTuple

import httpx

from license_core.reason import Reason
from license_server.db.errors import InputInvalidError
from license_server.settings import Network

LONGEST = 1000
_NAT64 = IPv6Network("64:ff9b::/96")
_NEVER = tuple(
    map(ip_network, ("64:ff9b:1::/48", "::/96", "fec0::/10", "192.88.99.0/24", "100::/64"))
)
"""Beside what Python knows not to be global: local NAT64, IPv4 without a mark, site-local, the
former 6to4 relay, the place where things vanish."""
_PORTS = {"https": 443, "http": 80}


class Target(NamedTuple):
    """Where a URL leads."""

    scheme: str
    host: str
    """A name, or an address without brackets."""
    port: int


def read(url: str, allowed: Collection[Network]) -> Target:
    """Where *url* leads; a network of *allowed* may be a private one, and needs no TLS.

    A name is not resolved: that is done, and judged, at each attempt. Raises InputInvalidError.
    """
    try:
        parts = httpx.URL(url)
        host = parts.host
        port = _PORTS.get(parts.scheme, 0) if parts.port is None else parts.port
        plain = url.isascii() and url.isprintable() and " " not in url and len(url) <= LONGEST
        if not plain or parts.scheme not in _PORTS or not host or not 0 < port < 65536:
            raise ValueError("another form")
    except (httpx.InvalidURL, ValueError) as error:
        reason = "it is not a URL such as https://crm.example.com/hooks/licences"
        raise InputInvalidError(field="url", reason=reason) from error
    if parts.userinfo or parts.fragment:
        reason = "it has a user name or a fragment, which are not sent"
        raise InputInvalidError(field="url", reason=reason)
    refused = scheme_refused(parts.scheme, None, allowed)
    if literal(host) is not None:
        refused = refusal(host, allowed) or scheme_refused(parts.scheme, host, allowed)
    if refused is not None:
        raise InputInvalidError(field="url", reason=refused)
    return Target(parts.scheme, host, port)


def literal(host: str) -> IPv4Address | IPv6Address | None:
    """The address that *host* is; None: it is a name."""
    try:
        return ip_address(host.partition("%")[0])
    except ValueError:
        return None


def refusal(address: str, allowed: Collection[Network]) -> Reason | None:
    """Why nothing is sent to an *address*; None: it may be sent."""
    found = literal(address)
    if found is None:
        return Reason("{address} is not an address", address=address[:64])
    meant = _meant(found)
    if _is_allowed(meant, allowed) or _is_public(meant):
        return None
    return Reason(
        "{address} is not a public address, and LICENSE_SERVER_WEBHOOK_NETWORKS does not name its "
        "network",
        address=str(meant),
    )


def scheme_refused(scheme: str, address: str | None, allowed: Collection[Network]) -> str | None:
    """Why *scheme* may not be spoken to an *address* (None: not known yet), or None."""
    if scheme == "https":
        return None
    found = None if address is None else literal(address)
    may = bool(allowed) if found is None else _is_allowed(_meant(found), allowed)
    reason = "http:// is for the networks that LICENSE_SERVER_WEBHOOK_NETWORKS names; use https://"
    return None if may else reason


def _is_allowed(address: IPv4Address | IPv6Address, allowed: Collection[Network]) -> bool:
    return any(address in network for network in allowed)


def _is_public(address: IPv4Address | IPv6Address) -> bool:
    odd = address.is_multicast or address.is_reserved or address.is_unspecified
    return address.is_global and not odd and not any(address in network for network in _NEVER)


def _meant(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """The address that is reached by *address*."""
    if isinstance(address, IPv4Address):
        return address
    teredo = address.teredo
    inner = address.ipv4_mapped or address.sixtofour or (teredo[1] if teredo else None)
    if inner is None and address in _NAT64:
        inner = IPv4Address(address.packed[-4:])
    return address if inner is None else inner

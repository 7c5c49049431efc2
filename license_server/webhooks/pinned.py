"""The way out to webhooks: a name is resolved once, its addresses are judged, and one is used.

So what a name resolves to cannot change between the look and the connection (DNS rebinding). TLS is
verified against the name. No redirect is followed, no proxy of the environment is used, and no
connection is kept: the next one is looked at again.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Collection, Sequence

import httpx

from license_server.settings import Network
from license_server.webhooks import targets

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""The addresses of a name, for a port."""
_MOST_TRIED = 4
_NOWHERE = ".invalid"
_PORTS = {"https": 443, "http": 80}


class TargetRefusedError(httpx.ConnectError):
    """Nothing is sent there."""


async def resolve(host: str, port: int) -> Sequence[str]:
    """The addresses that the system knows for a name. Raises OSError.

    What is to be found nowhere is not asked for (RFC 6761, section 6.4).
    """
    if host.rstrip(".").endswith(_NOWHERE):
        raise OSError("the name is not to be found")
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


class PinnedTransport(httpx.AsyncBaseTransport):
    """Sends requests to public addresses, and to those of the networks that are allowed."""

    def __init__(self, allowed: Collection[Network], resolve: Resolve) -> None:
        self._allowed, self._resolve = allowed, resolve
        limits = httpx.Limits(max_keepalive_connections=0)
        self._inner = httpx.AsyncHTTPTransport(limits=limits)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """The answer. Raises TargetRefusedError, or what httpx raises."""
        url, host = request.url, request.url.raw_host.decode("ascii").strip("[]")
        addresses = await self._addresses(host, url.port or _PORTS[url.scheme])
        for address in addresses:
            refused = targets.refusal(address, self._allowed)
            refused_scheme = targets.scheme_refused(url.scheme, address, self._allowed)
            if refused or refused_scheme:
                raise TargetRefusedError(f"{refused or refused_scheme}")
        failure: httpx.TransportError = httpx.ConnectError("the name has no address")
        for address in addresses[:_MOST_TRIED]:
            try:
                return await self._inner.handle_async_request(_pinned(request, host, address))
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:  # nothing was sent yet
                failure = error
        raise failure

    async def _addresses(self, host: str, port: int) -> Sequence[str]:
        if targets.literal(host) is not None:
            return [host]
        try:
            return await self._resolve(host, port)
        except (OSError, UnicodeError) as error:
            raise httpx.ConnectError(f"the name {host} has no address") from error

    async def aclose(self) -> None:
        """Close what is open."""
        await self._inner.aclose()


def _pinned(request: httpx.Request, host: str, address: str) -> httpx.Request:
    """*request* to one address; the name stays in ``Host`` and in what TLS is verified against."""
    return httpx.Request(
        request.method,
        request.url.copy_with(host=address),
        headers=request.headers,
        stream=request.stream,
        extensions=request.extensions | {"sni_hostname": host},
    )


def client(allowed: Collection[Network], resolve: Resolve, seconds: float) -> httpx.AsyncClient:
    """What sends to webhooks."""
    return httpx.AsyncClient(
        transport=PinnedTransport(allowed, resolve),
        timeout=seconds,
        follow_redirects=False,
        trust_env=False,
    )

"""One attempt: a request, and what it came to. Only 2xx counts as told."""

import asyncio
from collections.abc import Callable, Sequence
from typing import NamedTuple

import httpx

from license_server.deliveries.delivery_store import Delivery
from license_server.webhooks import signature
from license_server.webhooks.pinned import TargetRefusedError

SECONDS = 10
"""Within which an answer must be there."""
KEPT = 1024
"""So many bytes of an answer are read, and kept."""
GONE = 410
_LONGEST = 300
_SAID = {
    "Content-Type": "application/json",
    "User-Agent": "Hostseal",
    "Accept-Encoding": "identity",
}


PROBLEMS = ("refused", "unreachable", "timeout", "redirect", "gone", "status")
"""Why an attempt counts as failed: nothing may be sent there, nobody is there, it took too long, it
leads elsewhere, it wants no more, or it answered something else than 2xx."""
REFUSED, UNREACHABLE, TIMEOUT, REDIRECT, GONE_, STATUS = PROBLEMS


class Outcome(NamedTuple):
    """What an attempt came to."""

    milliseconds: int
    status: int | None = None
    """None: there was no answer."""
    problem: str | None = None
    """One of PROBLEMS; None: it succeeded."""
    detail: str | None = None
    answer: bytes | None = None
    """The beginning of it."""
    asked: int | None = None
    """For so many seconds the other side wants no more (Retry-After)."""


async def send(
    client: httpx.AsyncClient,
    url: str,
    delivery: Delivery,
    secrets: Sequence[str],
    now: int,
    passing: Callable[[], float],
    seconds: float = SECONDS,
) -> Outcome:
    """Send *delivery* to *url*, signed at *now*; *passing*: any clock that only goes on."""
    begun = passing()

    def took() -> int:
        return round(1000 * (passing() - begun))

    headers = signature.headers(secrets, delivery.message, now, delivery.body) | _SAID
    try:
        async with asyncio.timeout(seconds):
            async with client.stream("POST", url, content=delivery.body, headers=headers) as reply:
                answer = await _beginning(reply)
    except TimeoutError:
        return Outcome(took(), problem=TIMEOUT)
    except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
        return Outcome(took(), problem=_kind(error), detail=_words(str(error)))
    problem, detail = _fault(reply)
    return Outcome(took(), reply.status_code, problem, detail, answer, _asked(reply))


async def _beginning(reply: httpx.Response) -> bytes:
    """The first bytes of an answer; one that breaks off has answered all the same."""
    read = b""
    try:
        async for part in reply.aiter_raw():
            read += part
            if len(read) >= KEPT:
                break
    except httpx.TransportError:
        return read[:KEPT]
    return read[:KEPT]


def _fault(reply: httpx.Response) -> tuple[str | None, str | None]:
    """Why an answer counts as a failure, if it does, and where it leads."""
    if reply.is_success:
        return None, None
    if reply.status_code == GONE:
        return GONE_, None
    if 300 <= reply.status_code < 400:
        return REDIRECT, _words(reply.headers.get("location", ""))
    return STATUS, None


def _asked(reply: httpx.Response) -> int | None:
    text = reply.headers.get("retry-after", "")
    is_number = text.isascii() and text.isdigit() and len(text) < 9
    return int(text) if is_number else None


def _kind(error: Exception) -> str:
    if isinstance(error, TargetRefusedError):
        return REFUSED
    return TIMEOUT if isinstance(error, httpx.TimeoutException) else UNREACHABLE


def _words(text: str) -> str | None:
    """*text* on one line, as a database takes it."""
    plain = "".join(c if c.isprintable() else " " for c in text)
    return " ".join(plain.split())[:_LONGEST] or None

"""A question to a service over HTTP and its short answer: all of it, the head too, in one time."""

import asyncio
import json
import os
import ssl
from typing import Any, NamedTuple

import httpx

MOST = 256 * 1024
"""Bytes of an answer."""
_LOST = (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError)
"""A connection that was kept had ended meanwhile."""


class Reply(NamedTuple):
    """What a service answers."""

    status: int
    content: bytes


def new_client(context: ssl.SSLContext | bool, *, proxies: bool = True) -> httpx.AsyncClient:
    """Who asks; *proxies*: whether those of the environment lie between."""
    return httpx.AsyncClient(
        timeout=None,  # noqa: S113  # all of it together has one
        verify=context,
        follow_redirects=False,
        trust_env=proxies,
        headers={"User-Agent": "Hostseal", "Accept-Encoding": "identity"},
    )


async def answered(
    client: httpx.AsyncClient, question: httpx.Request, within: float, *, again: bool = False
) -> Reply:
    """The answer of *question* within so many seconds; *again*: it may be asked twice.

    Raises TimeoutError, httpx.HTTPError, or ValueError for what is no question or too long.
    """
    async with asyncio.timeout(within):
        try:
            return await _once(client, question)
        except _LOST:
            if not again:
                raise
            return await _once(client, question)


async def _once(client: httpx.AsyncClient, question: httpx.Request) -> Reply:
    reply, content = await client.send(question, stream=True), b""
    try:
        async for piece in reply.aiter_raw():
            content += piece
            if len(content) > MOST:
                raise ValueError("its answer is too long")
    finally:
        await reply.aclose()
    return Reply(reply.status_code, content)


def members(content: bytes) -> dict[str, Any]:
    """Those of the JSON object *content*; empty where it is none, or nested too deeply."""
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        found = None
    return found if isinstance(found, dict) else {}


def is_token(text: str) -> bool:
    """Whether *text* can stand in a header or a line: nothing in it ends one."""
    return bool(text) and text.isascii() and text.isprintable() and " " not in text


def why(error: BaseException) -> str:
    """What kept a question from its answer, as the system says it where it does."""
    at: BaseException | None = error
    while at is not None:
        if isinstance(at, BaseExceptionGroup):
            at = at.exceptions[0]
        if isinstance(at, OSError) and at.strerror and not isinstance(at, ssl.SSLError):
            number = at.errno or 0  # below 0 it is of a name that was not found
            return os.strerror(number) if number > 0 else at.strerror
        at = at.__cause__ or at.__context__
    return str(error)

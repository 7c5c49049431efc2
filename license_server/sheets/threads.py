"""The threads that work on CSV files: few, so that other requests keep theirs.

They are no pool of their own: a server that stops does not wait for the end of an import.
"""

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, TypeVar

import anyio.to_thread
from anyio import CapacityLimiter

from license_server.db import turns

T = TypeVar("T")
TURNS = CapacityLimiter(2)
"""How many jobs run at once."""
_LOOKS = CapacityLimiter(1)


async def one_at_a_time(work: Callable[..., T], *arguments: Any) -> T:
    """The result of *work* on a sheet or another large form; one such work is done at a time."""
    return await anyio.to_thread.run_sync(work, *arguments, limiter=_LOOKS)


async def pieces(made: Iterator[bytes]) -> AsyncIterator[bytes]:
    """Those of a file that is *made* while it is sent, each by a work of its own."""
    while some := await one_at_a_time(next, made, b""):
        yield some


async def by_itself(work: Callable[..., T], *arguments: Any) -> T:
    """The result of *work*, in a thread that nobody else waits for, nor for what it reads."""
    with turns.by_itself():
        return await anyio.to_thread.run_sync(work, *arguments, limiter=CapacityLimiter(1))

"""The threads that work on CSV files: few, so that other requests keep theirs.

They are no pool of their own: a server that stops does not wait for the end of an import.
"""

from collections.abc import Callable
from typing import Any, TypeVar

import anyio.to_thread
from anyio import CapacityLimiter

T = TypeVar("T")
TURNS = CapacityLimiter(2)
"""How many jobs run at once."""
_LOOKS = CapacityLimiter(1)


async def one_at_a_time(work: Callable[..., T], *arguments: Any) -> T:
    """The result of *work* on a sheet or another large form; one such work is done at a time."""
    return await anyio.to_thread.run_sync(work, *arguments, limiter=_LOOKS)


async def by_itself(work: Callable[..., T], *arguments: Any) -> T:
    """The result of *work*, in a thread that nobody else waits for."""
    return await anyio.to_thread.run_sync(work, *arguments, limiter=CapacityLimiter(1))

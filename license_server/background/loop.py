"""Background loops: what the server repeats while it runs."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

_PAUSE = 1.0  # seconds


@asynccontextmanager
async def every_second(work: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
    """Do *work* every second meanwhile; what is being done at the end is given up."""
    task = asyncio.create_task(_on(work))
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _on(work: Callable[[], Awaitable[None]]) -> None:
    while True:
        await asyncio.sleep(_PAUSE)
        await work()

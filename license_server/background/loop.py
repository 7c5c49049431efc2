"""Background loops: what the server repeats while it runs."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import structlog

from license_core.errors import LicenseError
from license_server.db import turns

_PAUSE = 1.0
"""Seconds before the first time, and at least between two."""
Work = Callable[[], Awaitable[None]]
Sleep = Callable[[float], Awaitable[object]]
_log = structlog.get_logger()


@asynccontextmanager
async def repeated(
    work: Work,
    failure: str,
    seconds: float = _PAUSE,
    sleep: Sleep = asyncio.sleep,
    passing: Callable[[], float] = time.monotonic,
) -> AsyncIterator[None]:
    """Begin *work* every so many *seconds* meanwhile; what is being done at the end is given up.

    No error ends it: *work* is tried again, and *failure* is told with the error, once for as long
    as that is the same.
    """
    with turns.by_itself():
        task = asyncio.create_task(_on(work, failure, seconds, sleep, passing))
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _on(
    work: Work, failure: str, seconds: float, sleep: Sleep, passing: Callable[[], float]
) -> None:
    told: str | None = None
    pause = min(_PAUSE, seconds)
    await sleep(pause)
    while True:
        begun = passing()
        try:
            await work()
            told = None
        except Exception as error:  # noqa: BLE001  # whatever it is, the next time may do
            said = f"{type(error).__name__}: {error}"
            if told != said:
                tell(failure, error)
            told = said
        await sleep(max(pause, seconds - (passing() - begun)))


def tell(failure: str, error: Exception, **facts: object) -> None:
    """Tell the log: what a LicenseError says, and of any other where it comes from."""
    if isinstance(error, LicenseError):
        _log.warning(failure, slug=error.slug, sentence=error.sentence, **facts)
    else:
        _log.error(failure, exc_info=error, **facts)

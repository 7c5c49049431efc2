"""What the server repeats while it runs goes on whatever happens."""

import asyncio

from structlog.testing import capture_logs

from license_core.errors import NotFoundError
from license_server.background.loop import repeated
from tests.support.waiting import LONG


def test_a_loop_goes_on_after_any_error_and_tells_each_once() -> None:
    a, b = (NotFoundError(what="licence", name=name) for name in ("a", "b"))
    comes = [KeyError("a"), KeyError("a"), None, KeyError("a"), ValueError("b"), a, a, b]
    done = asyncio.Event()

    async def work() -> None:
        if not comes:
            done.set()
            return
        error = comes.pop(0)
        if error is not None:
            raise error

    async def run() -> None:
        async with repeated(work, "not looked at", 0):
            await asyncio.wait_for(done.wait(), LONG)

    with capture_logs() as logs:
        asyncio.run(run())
    assert [one["event"] for one in logs] == ["not looked at"] * 5
    assert all(one["exc_info"] for one in logs[:3])
    assert [(one["slug"], one["sentence"]) for one in logs[3:]] == [
        (error.slug, error.sentence) for error in (a, b)
    ]
    assert not any("exc_info" in one for one in logs[3:])


def test_work_begins_after_a_second_and_then_every_so_many_seconds_however_long_it_takes() -> None:
    now, begun = 0.0, list[float]()
    done = asyncio.Event()
    takes: list[float] = [0, 4, 29.5, 100, 0]

    async def work() -> None:
        nonlocal now
        begun.append(now)
        now += takes.pop(0)
        if not takes:
            done.set()

    async def sleep(seconds: float) -> None:
        nonlocal now
        now += seconds
        if done.is_set():
            await asyncio.Event().wait()

    async def run() -> None:
        async with repeated(work, "not looked at", 30, sleep, lambda: now):
            await asyncio.wait_for(done.wait(), LONG)

    asyncio.run(run())
    assert begun == [1, 31, 61, 91.5, 192.5]


def test_a_loop_that_fails_as_the_server_ends_does_not_break_the_end() -> None:
    begun = asyncio.Event()

    async def work() -> None:
        begun.set()
        raise RuntimeError

    async def run() -> None:
        async with repeated(work, "not looked at", 0):
            await asyncio.wait_for(begun.wait(), LONG)

    with capture_logs():
        asyncio.run(run())

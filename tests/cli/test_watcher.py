"""``Watcher``: a product is told when its licence changes state."""

import threading
from collections.abc import Callable
from typing import Any

import pytest

from license_core import Change, Report, Watcher, check_installed, watch
from tests.support.cli import DAY, NOW, World

pytestmark = pytest.mark.python_only("the library of Python")

Step = Callable[[], object]


class Watched:
    """A watcher that does a step instead of waiting, and ends after the last."""

    def __init__(self, world: World) -> None:
        self.now = NOW + DAY
        self.waited: list[float] = []
        self.told: list[Change] = []
        self._world = world

    def run(self, *steps: Step, interval: float = 1.0) -> list[str]:
        """The states that were told."""
        left = list(steps)

        def wait(seconds: float) -> bool:
            self.waited.append(seconds)
            if left:
                left.pop(0)()
                return False
            return True

        def clock() -> float:
            return sum(self.waited)

        Watcher(self.told.append, self.check, interval=interval, wait=wait, clock=clock).run()
        return [change.state for change in self.told]

    def at(self, day: int) -> Step:
        """Go to that day."""
        return lambda: setattr(self, "now", NOW + day * DAY)

    def put(self, **changes: Any) -> Step:
        """Install such a licence."""
        return lambda: self._world.put(self._world.file(self._world.claims(**changes)))

    def check(self) -> Report:
        world = self._world
        return check_installed(world.conf, world.keys, root=world.host, now=self.now)


@pytest.fixture
def watched(world: World) -> Watched:
    return Watched(world)


def test_every_change_of_state_is_told_once(watched: Watched) -> None:
    end = NOW + 40 * DAY
    watched.put(exp=end, notify_from=end - 9 * DAY, grace_until=end + 5 * DAY)()
    told = watched.run(*map(watched.at, (1, 30, 31, 32, 40, 45, 46, 2)), interval=60)
    assert told == ["active", "notify", "grace", "expired", "active"]
    former = [change.former and change.former.state for change in watched.told]
    assert former == [None, *told[:-1]]
    assert set(watched.waited) == {60}


def test_another_number_or_problem_is_told_in_the_same_state(watched: Watched) -> None:
    watched.put(jti="HS-1")()
    renewed, same = watched.put(jti="HS-2"), watched.put(jti="HS-2", features=())
    wrong, expired = watched.put(aud="other"), watched.put(exp=NOW + 1)
    told = watched.run(renewed, same, wrong, expired, lambda: None)
    assert told == ["active", "active", "refused", "expired"]
    assert watched.told[1].report.license is not None
    assert watched.told[1].report.license.jti == "HS-2"


def test_licence_that_is_being_replaced_is_waited_for(watched: Watched, world: World) -> None:
    def away() -> None:
        world.license.write_bytes(b"half")

    def nothing() -> None:
        pass

    watched.put(jti="HS-1")()
    assert watched.run(away, nothing, watched.put(jti="HS-2"), interval=60) == ["active"] * 2
    assert watched.waited == [60, 1, 1, 60]
    watched.told.clear()
    assert watched.run(away, *[nothing] * 5, nothing, interval=60) == ["active", "refused"]
    assert watched.waited[4:] == [60, 1, 1, 1, 1, 1, 60, 60]


@pytest.mark.parametrize("interval", [0, -1, float("nan"), float("inf")])
def test_interval_that_cannot_be_waited_for_is_refused(interval: float) -> None:
    with pytest.raises(ValueError, match="can be waited for"):
        watch(print, interval=interval)


def test_licence_that_is_away_counts_after_the_gap_by_the_clock(
    watched: Watched, world: World
) -> None:
    watched.put()()
    steps = [world.license.unlink, *[lambda: None] * 3]
    clock = iter((100.0, 104.9, 105.0))
    watcher = Watcher(
        watched.told.append,
        watched.check,
        interval=1e-9,
        wait=lambda _: not steps or steps.pop(0)() is not None,
        clock=lambda: next(clock),
    )
    watcher.run()
    assert [change.state for change in watched.told] == ["active", "refused"]


def test_check_that_fails_is_refused_and_does_not_end_the_watch(watched: Watched) -> None:
    watched.put()()
    error, holds = MemoryError(), [True, False, True]

    def check() -> Report:
        if holds.pop(0):
            return watched.check()
        raise error

    Watcher(watched.told.append, check, gap=0, wait=lambda _: not holds).run()
    assert [change.state for change in watched.told] == ["active", "refused", "active"]
    problem = watched.told[1].report.problems[0]
    assert (problem.slug, problem.__cause__) == ("memory-exhausted", error)


def test_failing_callback_is_told_as_of_any_thread_and_called_again(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    failed: list[threading.ExceptHookArgs] = []
    monkeypatch.setattr(threading, "excepthook", failed.append)

    def fail(change: Change) -> None:
        watched.told.append(change)
        raise RuntimeError(change.state)

    watched.put()()
    steps = [watched.at(400)]
    watcher = Watcher(fail, watched.check, wait=lambda _: not steps or steps.pop()() is not None)
    watcher.run()
    assert [str(one.exc_value) for one in failed] == ["active", "expired"]


def test_watch_runs_in_a_thread_of_its_own_until_it_is_stopped(world: World) -> None:
    world.put()
    told: list[tuple[str, str]] = []
    called = threading.Event()

    def callback(change: Change) -> None:
        told.append((change.state, threading.current_thread().name))
        called.set()

    watcher = watch(callback, world.conf, world.keys, product="darwin", interval=1000)
    assert called.wait(60)
    watcher.stop()
    watcher.stop()
    assert [name for _, name in told] == ["hostseal-watcher"]
    assert "hostseal-watcher" not in [thread.name for thread in threading.enumerate()]
    assert watcher.report is not None
    assert watcher.report.license is not None

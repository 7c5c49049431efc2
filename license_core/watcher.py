"""A thread that tells a running product when its licence changes state."""

from __future__ import annotations

import sys
import threading
import time

from license_core.errors import LicenseError
from license_core.installed import check_installed
from license_core.record import NamedTuple
from license_core.unforeseen import problem_of
from license_core.verify import Report

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os
    from collections.abc import Callable

_SECONDS_BETWEEN_LOOKS = 1.0
"""How often a licence that is being replaced is looked for."""


class Change(NamedTuple):
    """What has changed of a licence."""

    report: Report
    """How it stands now."""
    former: Report | None
    """How it stood before; None: this is the first look."""

    @property
    def state(self) -> str:
        """``Report.state`` as it is now."""
        return self.report.state


class Watcher:
    """Looks at the licence at an interval, and calls back when it is another than before.

    That is its state, its number or its primary problem; the first look is always told. It calls
    from one thread, which ends with the process and is not there in one that forks off. A look that
    fails finds a licence that is refused.
    """

    def __init__(
        self,
        callback: Callable[[Change], object],
        check: Callable[[], Report] = check_installed,
        *,
        interval: float = 1.0,
        gap: float = 5.0,
        wait: Callable[[float], bool] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """*check* says how the licence stands, and *wait* waits so many seconds: True ends all.

        While somebody replaces a licence that held, it may be away, or half there, for *gap*
        seconds of *clock* (SPEC section 7.5). Raises ValueError where *interval* is not more than 0
        seconds, or more than a thread can wait.
        """
        if not 0 < interval <= threading.TIMEOUT_MAX:
            raise ValueError("the interval is not a time that can be waited for")
        self._callback = callback
        self._check = check
        self._interval = interval
        self._gap = gap
        self._ended = threading.Event()
        self._wait = wait or self._ended.wait
        self._clock = clock
        self._away_since: float | None = None
        self._report: Report | None = None
        self._thread = threading.Thread(target=self.run, name="hostseal-watcher", daemon=True)

    @property
    def report(self) -> Report | None:
        """The latest report that counts; None before the first look."""
        return self._report

    def start(self) -> Watcher:
        """Look from now on, in a thread of its own."""
        self._thread.start()
        return self

    def run(self) -> None:
        """Look until ``stop``: for a product that has a thread to spare."""
        while not self._ended.is_set() and not self._wait(self._look()):
            pass

    def stop(self) -> None:
        """Look no more; nothing is called back once this has returned, unless it is called so."""
        self._ended.set()
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join()

    def _look(self) -> float:
        """Look once; in how many seconds to look again."""
        report, former = self._checked(), self._report
        if report.license is None and former is not None and former.ok:
            at = self._clock()
            if self._away_since is None:
                self._away_since = at
            if at - self._away_since < self._gap:
                return min(self._interval, _SECONDS_BETWEEN_LOOKS)
        self._away_since, self._report = None, report
        if former is None or _told(former) != _told(report):
            self._tell(Change(report, former))
        return self._interval

    def _checked(self) -> Report:
        try:
            return self._check()
        except Exception as error:  # noqa: BLE001  # the former report would stand for ever
            problem = error if isinstance(error, LicenseError) else problem_of(error)
            return Report(int(time.time()), (problem,))

    def _tell(self, change: Change) -> None:
        """Call back. What that raises is told as of any thread, and the next change as well."""
        try:
            self._callback(change)
        except Exception:  # noqa: BLE001  # it is the product's own, and no reason to look no more
            kind, error, trace = sys.exc_info()
            told = (kind, error, trace, threading.current_thread())
            threading.excepthook(threading.ExceptHookArgs(told))


def watch(
    callback: Callable[[Change], object],
    conf: str | os.PathLike[str] | None = None,
    keys: str | os.PathLike[str] | None = None,
    *,
    product: str | None = None,
    interval: float = 1.0,
) -> Watcher:
    """Call *callback* when the installed licence changes, from now on; ``stop`` ends it.

    *conf*, *keys* and *product* are those of ``check_installed``.
    """
    return Watcher(
        callback, lambda: check_installed(conf, keys, product=product), interval=interval
    ).start()


def _told(report: Report) -> tuple[object, ...]:
    number = report.license.jti if report.license else None
    return report.state, number, report.problems[0].slug if report.problems else None

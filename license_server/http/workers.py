"""Several processes that serve one address, and the one that starts, watches and stops them.

They are forked, so they share what is loaded, and a passphrase that somebody typed. uvicorn's own
supervisor starts each anew, by the name of an application. Each is joined to the first process by
a pair of sockets: a byte says that it is ready, the end of one says that the other is gone.
"""

import os
import selectors
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn

import structlog

from license_core.errors import OutputFailedError
from license_server.http.server import LIMIT

_PAUSE, _LONGEST_PAUSE = 1.0, 30.0
"""Seconds until another is started in place of one that ended; longer, where that never ran."""
_TICK = 1.0
_ENDS = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)
_READY = b"r"
_log = structlog.get_logger()


class Lifeline:
    """What a worker has of the process that started it."""

    def __init__(self, other: socket.socket) -> None:
        self._other = other
        threading.Thread(target=self._watch, name="lifeline", daemon=True).start()

    def ready(self) -> None:
        """Tell that this worker answers."""
        self._other.send(_READY)

    def _watch(self) -> None:
        """End with the other."""
        while self._other.recv(1):
            pass
        os.kill(os.getpid(), signal.SIGTERM)


@dataclass
class _Worker:
    pid: int
    channel: socket.socket
    ready: bool = False


class Supervisor:
    """The process that starts workers."""

    def __init__(
        self,
        count: int,
        listening: socket.socket,
        ready: Callable[[], None],
        ended: Callable[[int], None],
    ) -> None:
        """*count* workers answer at *listening*; *ready* tells of it once all of them do.

        *ended* is told the process id of each that has ended.
        """
        self._count, self._listening, self._ready, self._ended = count, listening, ready, ended
        self._workers: list[_Worker] = []
        self._code: int | None = None
        """With what to end; None: it goes on."""
        self._deadline = 0.0
        self._unsaid: Exception | None = None
        self._told = False
        self._next, self._pause = 0.0, _PAUSE

    def run(self) -> Lifeline:
        """Returns in each worker; in this process never.

        It ends with 0 once SIGTERM or SIGHUP has ended the workers, 130 after SIGINT, or as the
        first worker did where that could not begin. SIGHUP that was ignored before stays so.
        Raises what *ready* could not say.
        """
        former = {number: signal.getsignal(number) for number in _ENDS}
        for number in _ENDS:
            if former[number] != signal.SIG_IGN:
                signal.signal(number, lambda number, _: self._stop(number))
        while True:
            while self._code is None and self._lacks() and time.monotonic() >= self._next:
                channel = self._start()
                if channel is not None:
                    for number in _ENDS:
                        signal.signal(number, former[number])
                    signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDS)
                    return Lifeline(channel)
            if self._code is not None and not self._workers:
                self._end(self._code)
            self._wait()

    def _lacks(self) -> bool:
        """Whether another worker is to be started: at first one, which may tell what is wrong."""
        begun = self._told or any(worker.ready for worker in self._workers)
        return len(self._workers) < (self._count if begun else 1)

    def _start(self) -> socket.socket | None:
        """Start a worker; its side of the channel where this is the worker, signals held back."""
        ours, its = socket.socketpair()
        signal.pthread_sigmask(signal.SIG_BLOCK, _ENDS)
        pid = os.fork()
        if pid == 0:
            for one in (ours, *(worker.channel for worker in self._workers)):
                one.close()
            return its
        its.close()
        self._workers.append(_Worker(pid, ours))
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDS)
        return None

    def _wait(self) -> None:
        """Wait until a worker says something, or for a moment."""
        with selectors.DefaultSelector() as selector:
            for worker in self._workers:
                selector.register(worker.channel, selectors.EVENT_READ, worker)
            found = [key.data for key, _ in selector.select(_TICK)]
        for worker in found:
            if worker.channel.recv(1):
                worker.ready, self._pause = True, _PAUSE
            else:
                self._reap(worker)
        if not self._told and self._code is None and self._all_ready():
            self._tell()
        if self._code is not None and time.monotonic() > self._deadline:
            self._signal(signal.SIGKILL)

    def _all_ready(self) -> bool:
        return sum(worker.ready for worker in self._workers) == self._count

    def _tell(self) -> None:
        self._told = True
        try:
            self._ready()
        except (OutputFailedError, BrokenPipeError) as error:
            self._unsaid = error
            self._stop(signal.SIGTERM)

    def _reap(self, worker: _Worker) -> None:
        """Note that a worker has ended; another is started in its place, or all is over."""
        self._workers.remove(worker)
        worker.channel.close()
        code = os.waitstatus_to_exitcode(os.waitpid(worker.pid, 0)[1])
        self._ended(worker.pid)
        if self._code is not None:
            return
        if code > 0 and not worker.ready and not self._told and not self._workers:
            self._code = code  # it has said why
            return
        if not worker.ready:
            self._pause = min(self._pause * 2, _LONGEST_PAUSE)
        self._next = time.monotonic() + self._pause
        _log.error("worker ended", pid=worker.pid, code=code, seconds=self._pause)

    def _stop(self, number: int) -> None:
        if self._code is None:
            self._code = 130 if number == signal.SIGINT else 0
            self._deadline = time.monotonic() + LIMIT + _TICK
            self._listening.close()  # who comes now is refused, and not kept waiting
        self._signal(signal.SIGTERM)

    def _signal(self, number: int) -> None:
        for worker in self._workers:
            os.kill(worker.pid, number)  # it is there until it is reaped

    def _end(self, code: int) -> NoReturn:
        if self._unsaid is not None:
            raise self._unsaid
        sys.exit(code)

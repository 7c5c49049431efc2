"""The process around a watch; it can be the first one of a container.

A guard is two processes. The inner one watches: it checks, and is the parent of the program. The
keeper, around it, hands every signal on to the program, reaps what has lost its parent, and sees
that the inner one lives. If either is killed the other is there to end the program.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys
from contextlib import contextmanager, suppress
from types import FrameType

from license_cli import processes
from license_core.errors import ProgramNotStartedError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any, NoReturn

_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36
_AWAITED = signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}
"""What the keeper hears of; all but SIGCHLD is handed on."""
_ENDING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT)
"""What ends a watch whose program has not started, or that has none."""


_SECONDS_TO_END = 1.0
"""How long what is left has to end where both the keeper and the watch have failed."""


class ToldToEnd(BaseException):
    """The keeper says that it is over, or has been killed."""


class Inner:
    """What the inner process has of its keeper."""

    def __init__(self, keeper: int, pipe: int, before: set[int]) -> None:
        self._keeper = keeper
        self._pipe = pipe
        self._before = before
        self._is_told = False
        signal.signal(signal.SIGTERM, self._raise)
        _prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if not self.is_kept:
            os.kill(os.getpid(), signal.SIGTERM)  # it was killed before the kernel knew of our wish

    @property
    def is_kept(self) -> bool:
        """Whether the keeper is there."""
        return os.getppid() == self._keeper

    def end_all(self, seconds: float) -> None:
        """End all that was started under this guard; what does not within *seconds* is killed."""
        root = self._keeper if self.is_kept else os.getpid()
        processes.end(root, seconds, self._before)

    @contextmanager
    def interruptible(self) -> Iterator[None]:
        """In here, and nowhere else, ToldToEnd is raised."""
        if self._is_told:  # while some library could not let it through
            raise ToldToEnd
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
        try:
            yield
        finally:
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})

    @staticmethod
    def prepare_program() -> None:
        """In the program's process, before it is the program's.

        It is told to end if this process dies, whatever becomes of the keeper.
        """
        _prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        plain_signals()

    def is_starting(self) -> None:
        """Say that the program is about to be there: signals wait for it now."""
        self._say(program=None)

    def has_started(self, program: int) -> None:
        """Say that the program is there, the leader of a group: it gets the signals from now on."""
        self._say(program=program)
        with suppress(ProcessLookupError):
            os.kill(self._keeper, signal.SIGCHLD)  # look

    def run(self, watch: Callable[[Inner], int]) -> NoReturn:
        """Do *watch* in this process, and end it; what goes wrong is for the keeper to raise."""
        code = 1
        try:
            code = watch(self)
        except ProgramNotStartedError as error:
            self._say(not_started=error.facts)
        except BaseException as error:  # noqa: BLE001  # no traceback gets out
            self._say(defect=f"{type(error).__name__}: {error}")
        finally:
            if not self.is_kept:
                self.end_all(_SECONDS_TO_END)
            with suppress(OSError):
                sys.stderr.flush()
            os._exit(code)

    def _say(self, **what: Any) -> None:
        with suppress(BrokenPipeError):  # the keeper was killed; SIGTERM says that too
            os.write(self._pipe, f"{json.dumps(what)}\n".encode())

    def _raise(self, _: int, __: FrameType | None) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        self._is_told = True
        raise ToldToEnd


class Keeper:
    """The outer process."""

    def __init__(self, inner: int, pipe: int, before: set[int], ending: set[int]) -> None:
        self._inner = inner
        self._pipe = pipe
        self._before = before
        self._ending = ending
        self._program: int | None = None
        self._early: list[int] = []
        self._status: int | None = None
        self._wrong: Exception | None = None

    def keep(self, seconds: float) -> int:
        """Hand signals on until the inner process has ended, and then end what is left.

        The exit code of the inner process; if it was killed, minus the signal's number. What is
        left has *seconds* to end before it is killed. Raises what the inner process could not.
        """
        while self._status is None:
            number = signal.sigwait(_AWAITED)
            self._listen()
            if number != signal.SIGCHLD:
                self._hand_on(number)
            self._reap()
        processes.end(os.getpid(), seconds, self._before, self._reap)
        self._listen()
        while signal.sigtimedwait(_AWAITED, 0):
            pass  # too late
        plain_signals()
        os.close(self._pipe)
        if self._wrong is not None:
            raise self._wrong
        if os.WIFSIGNALED(self._status):
            return -os.WTERMSIG(self._status)
        return os.WEXITSTATUS(self._status)

    def _listen(self) -> None:
        said = b""
        with suppress(BlockingIOError):
            said = os.read(self._pipe, 1 << 16)
        for line in said.splitlines():
            what = json.loads(line)
            if "not_started" in what:
                self._wrong = ProgramNotStartedError(**what["not_started"])
            elif "defect" in what:
                self._wrong = RuntimeError(what["defect"])
            else:
                self._program, self._ending = what["program"], set()
                if self._program is not None:
                    for early in self._early:  # they came while it was being started
                        self._hand_on(early)

    def _hand_on(self, number: int) -> None:
        if self._program is not None:
            with suppress(ProcessLookupError):  # it has ended meanwhile
                os.killpg(self._program, number)
            return
        self._early.append(number)
        if number in self._ending:
            os.kill(self._inner, signal.SIGTERM)

    def _reap(self) -> None:
        """Ask for the end of whatever has ended; a watch that was stopped goes on."""
        with suppress(ChildProcessError):
            while True:
                number, status = os.waitpid(-1, os.WNOHANG | os.WUNTRACED)
                if number == 0:
                    return
                if os.WIFSTOPPED(status):
                    if number == self._inner:
                        os.kill(number, signal.SIGCONT)
                elif number == self._inner:
                    self._status = status


def split() -> Inner | Keeper:
    """Become two processes; each gets its own part."""
    sys.stdout.flush()
    sys.stderr.flush()
    ending = {
        int(one) for one in _ENDING if signal.getsignal(one) != signal.SIG_IGN
    }  # see nohup(1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    keeper = os.getpid()
    before = processes.descendants(keeper)  # a shell that became this guard may have had children
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)
    here, there = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
    inner = os.fork()
    if inner == 0:
        os.close(here)
        return Inner(keeper, there, before)
    os.close(there)
    return Keeper(inner, here, before, ending)


def plain_signals() -> None:
    """In a process that becomes another's: signals reach it."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


_LIBC = ctypes.CDLL(None)


def _prctl(option: int, value: int) -> None:
    """prctl(2); a kernel that does not know *option* goes without."""
    _LIBC.prctl(option, value, 0, 0, 0)

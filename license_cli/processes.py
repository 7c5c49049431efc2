"""What a process has started, itself or through others (proc(5)), and how all of it is ended."""

from __future__ import annotations

import glob
import os
import select
import signal
import time
from contextlib import suppress

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection

_SECONDS_BETWEEN_LOOKS = 0.05
_SECONDS_TO_DIE = 5.0
"""How long one that was killed is waited for; what sits in a system call dies only after that."""


def has_ended_within(child: int, seconds: float) -> bool:
    """Wait for *seconds* at most; whether the process *child* of this one has ended meanwhile.

    Who started it still has to wait for it.
    """
    try:
        descriptor = os.pidfd_open(child)
    except (AttributeError, OSError):  # Python 3.8, and Linux before 5.3
        return _looked_at_within(child, seconds)
    try:
        return bool(select.select([descriptor], [], [], seconds)[0])
    finally:
        os.close(descriptor)


def _looked_at_within(child: int, seconds: float) -> bool:
    options = os.WEXITED | os.WNOWAIT | os.WNOHANG
    deadline = time.monotonic() + seconds
    while os.waitid(os.P_PID, child, options) is None:
        left = deadline - time.monotonic()
        if left <= 0:
            return False
        time.sleep(min(_SECONDS_BETWEEN_LOOKS, left))
    return True


def descendants(root: int, besides: Collection[int] = ()) -> set[int]:
    """The numbers of all that descend from *root* and run; not *besides* and what descends from it.

    One that has ended does not, even where a container's first process never asks for its end.
    """
    children: dict[int, list[int]] = {}
    ended = set()
    for path in glob.iglob("/proc/[0-9]*/stat"):
        with suppress(OSError), open(path, "rb") as stream:
            text = stream.read()
            number, (state, parent) = int(text.split()[0]), text.rpartition(b")")[2].split()[:2]
            children.setdefault(int(parent), []).append(number)
            if state in (b"Z", b"X"):
                ended.add(number)
    found, parents = set(), [root]
    while parents:
        mine = [one for one in children.get(parents.pop(), []) if one not in besides]
        found.update(mine)
        parents += mine
    return found - ended


def end(
    root: int, seconds: float, besides: Collection[int], reap: Callable[[], object] = int
) -> None:
    """End all that descends from *root*, but not this process, nor *besides* with descendants.

    Each is told to end, and killed where it does not within *seconds*. *reap* is called before
    each look.
    """
    told: set[int] = set()
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline + _SECONDS_TO_DIE:
        reap()
        left = descendants(root, besides) - {os.getpid()}
        if not left:
            return
        if time.monotonic() >= deadline:
            _signal(left, signal.SIGKILL)
        else:
            _signal(left - told, signal.SIGTERM)
            told |= left
        time.sleep(_SECONDS_BETWEEN_LOOKS)


def _signal(numbers: set[int], number: int) -> None:
    for one in numbers:
        with suppress(ProcessLookupError, PermissionError):  # it has ended, or is another user's
            os.kill(one, number)

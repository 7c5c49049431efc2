"""What a process has started, itself or through others (proc(5)), and how all of it is ended."""

import glob
import os
import signal
import time
from collections.abc import Callable, Collection
from contextlib import suppress

_SECONDS_BETWEEN_LOOKS = 0.05
_SECONDS_TO_DIE = 5.0
"""How long one that was killed is waited for; what sits in a system call dies only after that."""


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

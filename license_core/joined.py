"""Whether a container was started in a network that was there before it (SPEC section 3.1).

Docker makes the network of a container with the container itself. One that is older is another
container's (``--network container:X``), or the machine's.
"""

from __future__ import annotations

import os
import time

from license_core import hostfile

_FIRST_NUMBER = 0xF0000000
"""Of what proc(5) numbers as it is made; a sandbox that has no such kernel has others."""
_HUNDREDTHS = 100
_ROUND = 1 << 32
"""After so many hundredths of a second the kernel's count begins anew."""
_SURELY = 10
"""By so many at least an address must be older: both figures are rounded, and not of one clock."""
_DRIFT = 20_000
"""One in so many: how far the kernel's two clocks may have drifted apart since it started."""
_FIRST_PROCESS = "proc/1/stat"
_STARTED = 22 - 3
"""The place of ``starttime`` behind the name of a process, which may hold anything."""


def slept() -> float:
    """For how many seconds this machine has slept since it was started."""
    try:
        return time.clock_gettime(time.CLOCK_BOOTTIME) - time.clock_gettime(time.CLOCK_MONOTONIC)
    except (OSError, AttributeError):
        return 0.0  # another kernel, which has no such clock


def is_older(root: str, made_at: int | None, slept: float) -> bool:
    """Whether the network of the host under *root* is older than its first process.

    *made_at* is when its address was given to it, as ``netlink.Address`` has it; None where that
    is not known. *slept* is for how many seconds the machine has slept.
    """
    started_at = None if made_at is None else _started_at(root, slept)
    if made_at is not None and started_at is not None:
        before = (started_at - made_at + _ROUND // 2) % _ROUND - _ROUND // 2
        if abs(before) >= _SURELY + made_at // _DRIFT:
            return before > 0
    # A number that is free again is given anew, so that these can mislead: only where the times
    # do not tell.
    return _number(root, "net") < _number(root, "mnt")


def _number(root: str, namespace: str) -> int:
    """The number of a namespace of this process; 0 where it cannot be read."""
    try:
        link = os.readlink(os.path.join(root, "proc/self/ns", namespace))
    except (OSError, ValueError):
        return 0
    digits = link[len(namespace) + 2 : -1]
    number = int(digits) if digits.isascii() and digits.isdigit() else 0
    return number if number >= _FIRST_NUMBER else 0


def _started_at(root: str, slept: float) -> int | None:
    """When the first process was started: in hundredths of a second that the machine was awake.

    At least: what the machine has slept since is taken off, too.
    """
    try:
        data = hostfile.read(os.path.join(root, _FIRST_PROCESS)) or b""
        ticks = int(data.rpartition(b")")[2].split()[_STARTED])
    except (OSError, ValueError, IndexError):
        return None  # another kernel, or a record without it
    return round((ticks / os.sysconf("SC_CLK_TCK") - slept) * _HUNDREDTHS)

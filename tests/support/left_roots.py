"""Roots of booted systems in temporary folders: one that a killed test left is cleared away."""

import fcntl
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.support.running import runs

_PREFIX = "hostseal-root-"
_LOCK = "lock"
_BOOTS = "systemd-nspawn"
_PATIENCE = 60
"""Seconds for a system to shut down."""


@contextmanager
def new() -> Iterator[Path]:
    """A new folder for a root, held by this process; those that nobody holds are cleared first."""
    clear()
    with tempfile.TemporaryDirectory(prefix=_PREFIX) as folder, _lock(Path(folder)).open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # it is let go of, however this process ends
        yield Path(folder)


def clear() -> list[Path]:
    """Stop what runs in folders that nobody holds, and remove them; which these were."""
    return [one for one in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*") if _cleared(one)]


def _lock(folder: Path) -> Path:
    path = folder / _LOCK
    path.touch()
    return path


def _cleared(folder: Path) -> bool:
    try:
        with (folder / _LOCK).open() as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            for pid in _booted_in(folder):
                _stop(pid)
            shutil.rmtree(folder, ignore_errors=True)
            return True
    except OSError:  # somebody is at it, or it has just been made
        return False


def _booted_in(folder: Path) -> Iterator[int]:
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            words = (process / "cmdline").read_text().split("\0")
            if words[0].endswith(_BOOTS) and any(word.startswith(f"{folder}/") for word in words):
                yield int(process.name)


def _stop(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
        end = time.monotonic() + _PATIENCE
        while runs(pid) and time.monotonic() < end:
            time.sleep(0.05)
        os.kill(pid, signal.SIGKILL)

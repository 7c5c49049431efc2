"""What several processes count together: prometheus_client's way, each in files of its own."""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from prometheus_client import CollectorRegistry, multiprocess, values

_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
_MEMORY = Path("/dev/shm")  # noqa: S108  # a folder of our own is made in it
_FOLDER, _NEW_FOLDER = "hostseal-metrics-", "hostseal-new-metrics-"


@contextmanager
def counting_together() -> Iterator[None]:
    """What this process, and those that it forks, count from here on is one; it forgets it last.

    What others left who were killed all at once is cleared away.
    """
    parent = _MEMORY if os.access(_MEMORY, os.W_OK | os.X_OK) else Path(tempfile.gettempdir())
    for left in parent.glob(f"{_FOLDER}*"):
        _clear(left)
    pid, new = os.getpid(), Path(tempfile.mkdtemp(prefix=_NEW_FOLDER, dir=parent))
    held = os.open(new, os.O_RDONLY)  # by each that is forked, too
    fcntl.flock(held, fcntl.LOCK_EX)
    folder = new.rename(parent / new.name.replace(_NEW_FOLDER, _FOLDER))
    os.environ[_VARIABLE] = str(folder)
    # It was chosen when the library was imported.
    values.ValueClass = values.get_value_class()  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        if os.getpid() == pid or os.getppid() != pid:  # or it was killed
            shutil.rmtree(folder, ignore_errors=True)
        os.close(held)


def _clear(folder: Path) -> None:
    """Remove a *folder* that no process holds any more; another user's stays."""
    with suppress(OSError):
        held = os.open(folder, os.O_RDONLY | os.O_NOFOLLOW | os.O_DIRECTORY)
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)
        finally:
            os.close(held)


def are_shared() -> bool:
    """Whether others count, too."""
    return _VARIABLE in os.environ


def all_counted() -> CollectorRegistry:
    """What all of them have counted."""
    registry = CollectorRegistry()
    multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return registry


def ended(pid: int) -> None:
    """A process has ended: what it was is over, what it counted stays."""
    multiprocess.mark_process_dead(pid)  # type: ignore[no-untyped-call]

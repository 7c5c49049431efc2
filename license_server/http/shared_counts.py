"""What several processes count together: prometheus_client's way, each in files of its own."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from prometheus_client import CollectorRegistry, multiprocess, values

_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
_MEMORY = Path("/dev/shm")  # noqa: S108  # a folder of our own is made in it


@contextmanager
def counting_together() -> Iterator[None]:
    """What this process, and those that it forks, count from here on is one; it forgets it last."""
    place = _MEMORY if os.access(_MEMORY, os.W_OK | os.X_OK) else None
    pid, folder = os.getpid(), tempfile.mkdtemp(prefix="hostseal-metrics-", dir=place)
    os.environ[_VARIABLE] = folder
    # It was chosen when the library was imported.
    values.ValueClass = values.get_value_class()  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        if os.getpid() == pid or os.getppid() != pid:  # or it was killed
            shutil.rmtree(folder, ignore_errors=True)


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

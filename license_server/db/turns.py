"""Whose turn it is to use one of the connections that a process has.

One is the writer's, whatever else is going on. The others are of who reads: what somebody waits for
goes before what runs by itself, which has half of them at the most.
"""

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar

from license_core.errors import DatabaseUnavailableError

CONNECTIONS = 4
"""To PostgreSQL, of one process: twenty share the 100 that a server has unless told otherwise."""
PATIENCE = 10.0
"""Seconds that a read waits for a connection."""
_runs_by_itself: ContextVar[bool] = ContextVar("runs_by_itself", default=False)


@contextmanager
def by_itself() -> Iterator[None]:
    """Nobody waits for what is read meanwhile, also by tasks and threads that this begins."""
    token = _runs_by_itself.set(True)
    try:
        yield
    finally:
        _runs_by_itself.reset(token)


class Turns:
    """Those of one process."""

    def __init__(self, connections: int, patience: float = PATIENCE) -> None:
        """Of so many *connections*, two at least; who reads waits *patience* seconds."""
        readers = connections - 1
        self._patience = patience
        self._all = threading.BoundedSemaphore(readers)
        self._by_themselves = threading.BoundedSemaphore(max(1, readers // 2))

    @contextmanager
    def taken(self) -> Iterator[None]:
        """A turn to read. Raises DatabaseUnavailableError where all are taken for too long."""
        needed = [self._by_themselves, self._all] if _runs_by_itself.get() else [self._all]
        with ExitStack() as given_back:
            for one in needed:
                if not one.acquire(timeout=self._patience):
                    raise DatabaseUnavailableError(reason="too many reads are waiting")
                given_back.callback(one.release)
            yield

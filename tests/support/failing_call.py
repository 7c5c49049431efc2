"""One call of the system that fails, in this process."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch


@contextmanager
def failing(edge: str, at: int, code: int, folder: str) -> Iterator[list[str]]:
    """The *at*-th call of *edge* that is about *folder* fails; which one that was."""
    real: Callable[..., Any] = getattr(os, edge.removeprefix("os."))
    calls: list[str] = []
    failed: list[str] = []

    def call(*arguments: Any, **more: Any) -> Any:
        first = arguments[0]
        path = os.readlink(f"/proc/self/fd/{first}") if isinstance(first, int) else str(first)
        writes = edge != "os.open" or (len(arguments) > 1 and arguments[1] & os.O_CREAT)
        if path.startswith(folder) and writes:
            calls.append(path)
            if len(calls) == at:
                failed.append(path)
                raise OSError(code, os.strerror(code))
        return real(*arguments, **more)

    with patch(edge, call):
        yield failed

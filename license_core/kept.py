"""Keeps the last answers of a function: ``functools.lru_cache``, without ``functools``.

What counts them is part of the interpreter; the module around it takes as long to import as a
quarter of the interpreter's own start.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from functools import lru_cache
    from typing import Any

    __all__ = ["lru_cache"]
else:
    try:
        from _functools import _lru_cache_wrapper as _keeping
    except ImportError:  # it is CPython's own
        from functools import lru_cache
    else:
        from license_core.record import NamedTuple

        class CacheInfo(NamedTuple):
            """What ``cache_info`` tells."""

            hits: int
            misses: int
            maxsize: int
            currsize: int

        def lru_cache(maxsize: int) -> Any:
            """Let a function keep the last *maxsize* of its answers."""

            def of(function: Any) -> Any:
                keeping = _keeping(function, maxsize, False, CacheInfo)
                keeping.__wrapped__ = function
                keeping.__doc__, keeping.__module__ = function.__doc__, function.__module__
                keeping.__name__, keeping.__qualname__ = function.__name__, function.__qualname__
                return keeping

            return of

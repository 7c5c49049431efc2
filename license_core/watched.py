"""Files that were read, and whether they are still what they were (SPEC section 7.5)."""

from __future__ import annotations

import os

from license_core.record import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

_TICK = 100_000_000
"""Nanoseconds in which a file may change twice and bear one time: kernels count in coarser steps
than they tell."""


class Watched(NamedTuple):
    """Files and folders as they were at one look."""

    paths: tuple[str, ...]
    seen: tuple[object, ...]
    newest: int
    """The latest change that any of them bears, in nanoseconds."""

    @classmethod
    def of(cls, paths: Sequence[str]) -> Watched:
        """*paths* as they are now; what is not there is watched as such."""
        seen = _look(paths)
        newest = max((one[0] for one in seen if isinstance(one, tuple)), default=0)
        return cls(tuple(paths), seen, newest)

    def is_unchanged(self) -> bool:
        """Whether each is still the same, as far as the system tells."""
        return _look(self.paths) == self.seen

    def is_settled(self, at: int) -> bool:
        """Whether a change after *at*, in nanoseconds, is certain to show."""
        return self.newest < at - _TICK


def _look(paths: Sequence[str]) -> tuple[object, ...]:
    found: list[object] = []
    for path in paths:
        try:
            told = os.stat(path)
        except OSError as error:
            found.append(error.errno)
        except ValueError:  # no file has such a name
            found.append(None)
        else:
            found.append(
                (told.st_ctime_ns, told.st_mtime_ns, told.st_size, told.st_ino, told.st_dev)
            )
    return tuple(found)

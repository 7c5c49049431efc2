"""Tells a lack of memory from a defect: it shows as a MemoryError, in errno, or as an import.

What is not written in Python ends the process where it gets no memory, and nobody can tell of it:
such a library is loaded only where there is plenty.
"""

from __future__ import annotations

import errno

_PLENTY = 64 << 20
"""More than any library that the client loads ever takes, in bytes."""
_LOADER_SAYS = ("map segment", "allocate memory")
"""What the system's loader says of a library for which there was no room."""


def is_memory_plenty() -> bool:
    """Whether native code may be loaded. Nothing is touched: an allocator maps so much, no more."""
    try:
        bytes(_PLENTY)
    except MemoryError:
        return False
    return True


def is_of_memory(error: BaseException) -> bool:
    """Whether *error* came of too little memory."""
    if isinstance(error, OSError) and error.errno == errno.ENOMEM:
        return True
    if isinstance(error, ImportError) and any(words in str(error) for words in _LOADER_SAYS):
        return True
    # An import that ran out of memory can lose the error that says so.
    if isinstance(error, SystemError) and "without exception set" in str(error):
        return True
    return isinstance(error, MemoryError)

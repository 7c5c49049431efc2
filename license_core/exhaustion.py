"""Tells a lack of memory from a defect: it shows as a MemoryError, in errno, or as an import."""

import errno

_LOADER_SAYS = ("map segment", "allocate memory")
"""What the system's loader says of a library for which there was no room."""


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

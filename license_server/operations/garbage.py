"""Garbage collection, as a process wants it that holds much and throws away little at a time."""

import gc

_THRESHOLD = 50_000
"""New objects until the youngest are looked through; the interpreter's own 700 are less than what
a batch of licences keeps, which would be looked through again and again."""


def settle() -> None:
    """What is loaded stays: it is not looked through again, which would take 80 ms each time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_THRESHOLD)

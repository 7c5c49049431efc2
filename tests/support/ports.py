"""Ports of loopback for what cannot be told to take any: free ones, and one that refuses."""

import itertools
import os
import socket
from contextlib import suppress

REFUSES = 1
"""The port at which every connection is refused: nobody listens there."""
_FIRST, _END, _EACH = 12_000, 32_000, 40
"""Below those that the kernel gives to who asks for any; so many for each process of tests."""
_NEXT = itertools.count(os.getpid() * _EACH)


def free() -> int:
    """A port that nobody listens on; this process gives it once."""
    for number in _NEXT:
        port = _FIRST + number % (_END - _FIRST)
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
    raise AssertionError


def listens(port: int) -> bool:
    """Whether somebody does."""
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), 5):
        return True
    return False

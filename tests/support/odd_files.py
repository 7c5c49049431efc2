"""What can stand in the place of a file, and is none that can be read."""

import os
import socket
from collections.abc import Callable
from pathlib import Path


def _link(path: Path) -> None:
    path.symlink_to("not/there")


def _loop(path: Path) -> None:
    path.symlink_to(path.name)


def _link_to_folder(path: Path) -> None:
    path.symlink_to(".")


def _socket(path: Path) -> None:
    folder = os.open(path.parent, os.O_RDONLY)
    try:  # an address has at most 108 bytes, and the folder of a test is long
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind(f"/proc/self/fd/{folder}/{path.name}")
    finally:
        os.close(folder)


def _device(path: Path) -> None:
    path.symlink_to("/dev/null")


def _endless(path: Path) -> None:
    path.symlink_to("/dev/zero")


ODD: dict[str, Callable[[Path], None]] = {
    "a link that leads nowhere": _link,
    "a link to itself": _loop,
    "a folder": Path.mkdir,
    "a link to a folder": _link_to_folder,
    "a named pipe": os.mkfifo,
    "a socket": _socket,
    "a device": _device,
    "an endless device": _endless,
}
"""From what it is to what puts it at a path where nothing is."""


def put(what: str, path: Path) -> None:
    """Put *what* in the place of whatever is at *path*."""
    if path.is_dir() and not path.is_symlink():
        path.rmdir()
    path.unlink(missing_ok=True)
    ODD[what](path)

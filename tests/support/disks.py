"""A small file system of its own, in memory."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.need import need


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[Path]:
    """*folder* as a new file system of *size*, such as ``2m``."""
    if os.geteuid() != 0:
        need("a file system of its own", "run the tests as root")
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)

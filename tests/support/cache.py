"""What tests fetch or build once, in ``.cache``: it stays from run to run, and any of it may go."""

import fcntl
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

CACHE = Path(__file__).resolve().parents[2] / ".cache"


class UnavailableError(Exception):
    """It cannot be had or made here; the text says why."""


def kept(place: Path, make: Callable[[Path], None]) -> Path:
    """The file or folder *place*, which *make* has written once, wherever it was told to.

    Raises UnavailableError.
    """
    place.parent.mkdir(parents=True, exist_ok=True)
    with place.with_name(f"{place.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # others wait, and find it
        if not place.exists():
            partial = place.with_name(f"{place.name}.tmp")
            try:
                make(partial)
                partial.rename(place)
            except subprocess.CalledProcessError as error:
                said = (error.stderr or error.stdout or b"").decode(errors="replace").strip()
                told = f"{error.cmd[0]} ended with {error.returncode}: {said[-300:]}"
                raise UnavailableError(told) from error
            finally:
                if partial.is_dir():
                    shutil.rmtree(partial)
                partial.unlink(missing_ok=True)
    return place

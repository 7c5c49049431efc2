"""The other Pythons of this machine, from 3.8 on, which the client has to run on as well.

They get click and tomli in plain Python (requirements/plain.txt), and no compiled wheel.
"""

import functools
import os
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
PLAIN = Path(sys.prefix) / "plain"
_OLDEST = (3, 8)
_TOLD = "import sys; print(*sys.version_info[:2])"


@functools.cache
def others() -> dict[str, str]:
    """The path of each other Python by its version, such as ``3.8``, oldest first."""
    folders = [Path(name) for name in os.environ.get("PATH", "").split(os.pathsep) if name]
    folders += sorted(Path("~/.pyenv/versions").expanduser().glob("*/bin"))
    versions: dict[tuple[int, int], str] = {}
    for path in (path for folder in folders for path in sorted(folder.glob("python3.*[0-9]"))):
        done = subprocess.run([path, "-c", _TOLD], capture_output=True, text=True, check=False)
        version = tuple(map(int, done.stdout.split())) if done.returncode == 0 else (0, 0)
        if version >= _OLDEST and version != sys.version_info[:2]:
            versions.setdefault(version, str(path))  # type: ignore[arg-type]
    return {f"{major}.{minor}": versions[major, minor] for major, minor in sorted(versions)}


def environment() -> dict[str, str]:
    """Where another Python finds the client and what that needs; nothing of this Python's."""
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.pathsep.join([str(REPOSITORY), str(PLAIN)]),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONNOUSERSITE": "1",
    }

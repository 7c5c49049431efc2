"""The other Pythons of this machine, from 3.8 on, which the client has to run on as well.

They get click and tomli in plain Python (requirements/plain.txt), and no compiled wheel. The client
is that of this repository, or the one file.
"""

import contextlib
import functools
import json
import os
import re
import subprocess
import sys
import sysconfig
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from tests.support import cache, made_pythons

REPOSITORY = Path(__file__).resolve().parents[2]
PLAIN = Path(sys.prefix) / "plain"
HERE = f"3.{sys.version_info[1]}"
SUPPORTED = tuple(
    re.findall(
        r'"Programming Language :: Python :: (3\.\d+)"', (REPOSITORY / "pyproject.toml").read_text()
    )
)
"""Every version that the client promises to run on."""
OTHERS = tuple(version for version in SUPPORTED if version != HERE)
MUSL = "musl"
"""What stands for a version, where the Python for musl is meant."""
_OLDEST = (3, 8)
_ANSWERING = "tests.vectors.ours"
ARCHIVED = """
import runpy, sys
sys.path.insert(0, sys.argv[1])
start = runpy.run_path(sys.argv[1], run_name="start")
start["launcher"](sys.argv[1], start["__loader__"])
import license_core
assert license_core.__file__.startswith(sys.argv[1])
"""
"""How the one file starts, before anything is run of it."""
_ARCHIVED_ANSWERING = f'{ARCHIVED}runpy.run_module("{{}}", run_name="__main__")'
_TOLD = "import sys; print(*sys.version_info[:2])"


def where_to_get(version: str) -> str:
    """How a machine that lacks a Python comes by it."""
    return "make pythons" if version == SUPPORTED[-1] else f"pyenv install {version}"


@functools.cache
def others() -> dict[str, str]:
    """The path of each other Python by its version, such as ``3.8``, oldest first."""
    folders = [Path(name) for name in os.environ.get("PATH", "").split(os.pathsep) if name]
    folders += sorted(Path("~/.pyenv/versions").expanduser().glob("*/bin"))
    folders += sorted(made_pythons.PYTHONS.glob("*/usr/bin"))
    versions: dict[tuple[int, int], str] = {}
    for path in (path for folder in folders for path in sorted(folder.glob("python3.*[0-9]"))):
        done = subprocess.run([path, "-c", _TOLD], capture_output=True, text=True, check=False)
        version = tuple(map(int, done.stdout.split())) if done.returncode == 0 else (0, 0)
        if version >= _OLDEST and version != sys.version_info[:2]:
            versions.setdefault(version, str(path))  # type: ignore[arg-type]
    return {f"{major}.{minor}": versions[major, minor] for major, minor in sorted(versions)}


def another(version: str) -> str:
    """The path of another Python; skips where this machine has none of that version."""
    if version not in others():
        pytest.skip(f"another Python {version} is missing: {where_to_get(version)}")
    return others()[version]


def named_python(version: str) -> str:
    """The other Python by a path whose last part is ``python``, as operators have it."""
    place = cache.CACHE / "named" / version / "python"
    place.parent.mkdir(parents=True, exist_ok=True)
    if not place.is_symlink():
        with contextlib.suppress(FileExistsError):
            place.symlink_to(others()[version])
    return str(place)


def oldest() -> str:
    """The oldest Python of this machine; where it has no other, this one."""
    return next(iter(others().values()), sys.executable)


def environment(*places: Path) -> dict[str, str]:
    """Where another Python finds the client and what that needs; nothing of this Python's.

    *places* are by default those of this repository.
    """
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.pathsep.join(map(str, places or (REPOSITORY, PLAIN))),
        "PYTHONPYCACHEPREFIX": str(cache.CACHE / "compiled"),
        "PYTHONNOUSERSITE": "1",
    }


def library(version: str, package: str = "cryptography") -> Path | None:
    """A folder with the last *package* that a Python can have; None where none can be had.

    Of this Python it is what is installed here. Others fetch it once, into ``.cache``; ``musl`` is
    the one for musl.
    """
    if version not in {*others(), MUSL}:
        return Path(sysconfig.get_path("platlib"))

    def fetch(place: Path) -> None:
        options = ["--quiet", "--disable-pip-version-check", "--only-binary=:all:"]
        line = ["-m", "pip", "install", *options, "--target", str(place), package]
        # Where it has no pip, this one's can fetch for it.
        ways = [[sys.executable, *line, *_foreign(version)]]
        if version in others():
            ways.insert(0, [others()[version], *line])
        if all(subprocess.run(way, capture_output=True).returncode for way in ways):
            raise cache.UnavailableError(package)

    try:
        return cache.kept(cache.CACHE / "library" / version / package, fetch)
    except cache.UnavailableError:
        return None


def _foreign(version: str) -> list[str]:
    """The options with which another Python's pip fetches for one."""
    if version == MUSL:
        return ["--python-version", "3.13", "--platform", "musllinux_1_2_x86_64"]
    return ["--python-version", version]


def run(python: str, *arguments: str, **more: Any) -> "subprocess.CompletedProcess[str]":
    """A command of *python*, whose imports are the client, click and tomli alone."""
    env = environment() | more.pop("env", {})
    return subprocess.run(
        [python, *arguments], env=env, cwd=REPOSITORY, capture_output=True, text=True, **more
    )


def answers(
    python: str, vectors: Iterable[Path], archive: Path | None, library: Path | None = None
) -> list[Any]:
    """What the client answers to *vectors*: that of the repository, or that in the one file.

    *library* is a folder with ``cryptography``; None: there is none.
    """
    return asked(python, _ANSWERING, map(str, vectors), archive, library)


def asked(
    python: str,
    module: str,
    questions: Iterable[str],
    archive: Path | None = None,
    library: Path | None = None,
) -> list[Any]:
    """What a *module*, as a program, answers to each of *questions* with a line of JSON."""
    places = [*([library] if library else []), *([REPOSITORY] if archive else [REPOSITORY, PLAIN])]
    line = ["-c", _ARCHIVED_ANSWERING.format(module), str(archive)] if archive else ["-m", module]
    lines = "".join(f"{question}\n" for question in questions)
    # -S: no packages of this Python's own.
    done = run(python, "-S", *line, env=environment(*places), input=lines)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return list(map(json.loads, done.stdout.splitlines()))

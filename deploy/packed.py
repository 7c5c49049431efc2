"""The server with its pinned packages, installed into a folder for some machine.

The same sources give the same files: every version is pinned with its SHA-256, and what is made
here has the time SOURCE_DATE_EPOCH, by default that of the last commit.
"""

import os
import platform
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
PYTHON = "3.11"
"""Debian 12's: what the packages are installed for."""
WHEELS = {"amd64": "x86_64", "arm64": "aarch64"}
"""The architectures, and what wheels call them."""
_MANYLINUX = ("manylinux_2_28", "manylinux_2_17", "manylinux2014")


class UnavailableError(Exception):
    """It cannot be made here; the text says why."""


def here() -> str:
    """The architecture of this machine, as Debian calls it."""
    return next((name for name, of in WHEELS.items() if of == platform.machine()), "amd64")


def version() -> str:
    """Of this source, as pyproject.toml tells it."""
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))["project"]
    return str(project["version"])


def epoch() -> str:
    """The time of every file, in seconds."""
    told = os.environ.get("SOURCE_DATE_EPOCH")
    if told:
        return told
    line = ["git", "log", "-1", "--format=%ct"]
    done = subprocess.run(line, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    if done.returncode:
        raise UnavailableError("no git history here: set SOURCE_DATE_EPOCH to a time in seconds")
    return done.stdout.strip()


def install(architecture: str, place: Path) -> None:
    """Install the pinned packages into the new folder *place*, and the server as it is here."""
    tags = [f"{name}_{WHEELS[architecture]}" for name in _MANYLINUX]
    told = [word for tag in tags for word in ("--platform", tag)]
    told += ["--python-version", PYTHON, "--implementation", "cp", "--only-binary", ":all:"]
    pip = [sys.executable, "-m", "pip", "-qq", "--disable-pip-version-check"]
    env = os.environ | {"SOURCE_DATE_EPOCH": epoch()}
    with tempfile.TemporaryDirectory() as wheels:
        make = ["wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", wheels]
        subprocess.run([*pip, *make, str(REPOSITORY)], env=env, check=True)
        own = ["--no-index", "--find-links", wheels, "hostseal"]
        pinned = ["--require-hashes", "--requirement", str(REPOSITORY / "requirements/server.txt")]
        for what in (pinned, own):
            line = [*pip, "install", "--no-deps", "--no-compile", *told, "--target", str(place)]
            subprocess.run([*line, *what], env=env, check=True)
    shutil.rmtree(place / "bin", ignore_errors=True)  # its scripts name the Python of this machine
    for path in place.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)  # nothing there is run by itself


def settle_modes(folder: Path) -> None:
    """Give what is in *folder* the modes of an installed file, whatever umask it was made with."""
    for path in folder.rglob("*"):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)

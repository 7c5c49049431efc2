"""Namespaces of a test's own: a command for what follows it to run in."""

import os
import shutil
import subprocess

from tests.support.need import need

_AS_ROOT = () if os.geteuid() == 0 else ("--user", "--map-root-user")


def first_process() -> tuple[str, ...]:
    """What follows is process 1, as in a container."""
    return _command("--pid", "--fork", "--kill-child", "--mount-proc")


def own_mounts() -> tuple[str, ...]:
    """What follows may mount, and nobody else sees it."""
    return _command("--mount")


def _command(*options: str) -> tuple[str, ...]:
    command = ("unshare", *_AS_ROOT, *options)
    if shutil.which("unshare") is None or subprocess.run([*command, "true"]).returncode != 0:
        need("a namespace", "apt-get install util-linux; it needs root or user namespaces")
    return command

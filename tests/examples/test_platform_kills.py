"""The example platform under kills at random moments: services never run unwatched for long."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.support.platform import copied, environment_of, real_client, stop

INTERVAL = 1
NAMES = ("start.sh", "guard", "services.sh", "services/", "verify")
SLOW = '#!/bin/sh\nsleep "$SLOW"\nexec "$PYTHON" "$@"\n'


class Process(NamedTuple):
    """One of the platform's processes."""

    pid: int
    parent: int
    name: str
    """One of NAMES; of a service, what became of it."""


def processes(platform: Path) -> list[Process]:
    """All that run of the platform, by the folder in their environment or their command."""
    found = []
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            state, parent = (folder / "stat").read_text().rpartition(")")[2].split()[:2]
            line = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode("latin-1")
            environment = (folder / "environ").read_bytes().decode("utf-8", "replace").split("\0")
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
        if state not in "ZX" and (f"PLATFORM_HOME={platform}" in environment):
            name = next((one for one in NAMES if one in line), "")
            if "sleep 86400000" in line:
                name = "services/"
            found.append(Process(int(folder.name), int(parent), name))
        elif f"{platform}/start.sh" in line:
            found.append(Process(int(folder.name), int(parent), "start.sh"))
    return found


def is_watched(running: list[Process]) -> bool:
    """Whether both processes of a guard are there."""
    guards = {one.pid: one.parent for one in running if one.name == "guard"}
    return any(parent in guards for parent in guards.values())


def unwatched(platform: Path, until: float) -> tuple[float, list[Process]]:
    """The longest time that services ran without a guard, watched until *until* and then on while
    there is such a time; and what runs at the end."""
    longest, since = 0.0, None
    while True:
        now, running = time.monotonic(), processes(platform)
        alone = any(one.name == "services/" for one in running) and not is_watched(running)
        since = (since or now) if alone else None
        longest = max(longest, now - since if since else 0.0)
        time.sleep(0.01)
        if (now > until and not alone) or longest > 60:
            return longest, running


def kill_rounds(folder: Path, rounds: int, seed: int) -> tuple[float, dict[str, int]]:
    """Start, kill something at a random moment, look, and stop; *rounds* times.

    The longest time without a guard, and what was killed how often.
    """
    chance = random.Random(seed)
    platform = copied(folder / "platform")
    cli = real_client(platform, folder)
    python = folder / "python"
    python.write_text(SLOW)
    python.chmod(0o755)
    path, longest, killed = os.environ["PATH"], 0.0, dict.fromkeys(NAMES, 0)
    for _ in range(rounds):
        slow = chance.choice([0, 0, 0, 0.2, 1])
        environment = environment_of(path, cli, str(python)) | {
            "LICENSE_GUARD_SECONDS": str(INTERVAL),
            "PYTHON": sys.executable,
            "SLOW": str(slow),
        }
        starting = subprocess.Popen(
            ["sh", str(platform / "start.sh")],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for _ in range(chance.choice([1, 1, 2])):
            moment = time.monotonic() + chance.uniform(0, 2 + 3 * slow)
            longest = max(longest, unwatched(platform, moment)[0])
            # The platform's own, and each kind as often as another.
            kinds: dict[str, list[int]] = {}
            for one in processes(platform):
                if one.name:
                    kinds.setdefault(one.name, []).append(one.pid)
            if kinds:
                name = chance.choice(sorted(kinds))
                killed[name] += 1
                try:
                    os.kill(chance.choice(kinds[name]), signal.SIGKILL)
                except ProcessLookupError:
                    continue
        longest = max(longest, unwatched(platform, time.monotonic() + INTERVAL)[0])
        starting.wait(60)
        stop(path, platform)
        left = [one for one in processes(platform) if one.name]
        assert not left, left
    return longest, killed


def test_services_do_not_stay_unwatched_after_random_kills(tmp_path: Path) -> None:
    longest, _ = kill_rounds(tmp_path, 2, 1)
    assert longest < 60


@pytest.mark.torture
def test_services_are_never_unwatched_for_longer_than_the_interval(tmp_path: Path) -> None:
    longest, killed = kill_rounds(tmp_path, 200, 20261129)
    print(f"\n200 rounds: at most {longest:.2f} s without a guard; killed: {killed}")
    assert longest <= INTERVAL + 1

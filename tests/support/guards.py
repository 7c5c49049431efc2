"""A guard for tests: around a program, with a client that says what the test wants."""

import json
import os
import select
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tests.support.cli import DAY, NATIVE, NOW, REPOSITORY, World

SECONDS = 60
PROGRAM = """
import json, sys
from license_cli.watch import Check, Watch
client, seconds, interval, metrics, on_end, patience, gap, files, *program = sys.argv[1:]
watch = Watch(
    Check([client], float(seconds)), float(interval), metrics or None, on_end or None,
    program_seconds=float(patience), command_seconds=float(patience),
    gap_seconds=float(gap), files=json.loads(files),
)
sys.exit(watch.run(program))
"""
Start = Callable[..., "subprocess.Popen[str]"]
"""What ``watch`` is, for the fixture of that name."""


def answer(world: World, exit_code: int = 0, *, readable: bool = True, **changes: Any) -> str:
    """What ``verify --json`` says; of a licence that is not *readable* it knows nothing."""
    problem = {"sentence": "It is over.", "remedy": "Renew it.", "exit_code": exit_code}
    return json.dumps(
        {
            "ok": exit_code == 0,
            "problems": [problem] if exit_code else [],
            "notices": [],
            "license": world.claims(**changes).to_dict() if readable else None,
            "checked_at": NOW + DAY,
        }
    )


class Client:
    """A client that says one thing after another, and the last for ever."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "client"
        self._folder = folder / "answers"
        self._folder.mkdir()

    def says(self, *scripts: str) -> "Client":
        for number, script in enumerate(scripts):
            (self._folder / str(number)).write_text(script)
        self.path.write_text(
            f'#!/bin/sh\ncd "{self._folder}"\nn=$(ls done.* 2>/dev/null | wc -l)\n'
            f'[ "$n" -lt {len(scripts)} ] || n={len(scripts) - 1}\n'
            ': >"done.$(ls | wc -l)"; . "./$n"\n'
        )
        self.path.chmod(0o755)
        return self

    @property
    def checks(self) -> int:
        return len(list(self._folder.glob("done.*")))


def say(text: str, exit_code: int = 0) -> str:
    return f"cat <<'EOF'\n{text}\nEOF\nexit {exit_code}\n"


def watch(
    client: Client | str,
    *program: str,
    seconds: float = SECONDS,
    interval: float = 0.05,
    metrics: str = "",
    on_end: str = "",
    patience: float = 10.0,
    gap: float = 0.0,
    files: Sequence[str] = (),
    inside: tuple[str, ...] = (),
) -> "subprocess.Popen[str]":
    """A guard around *program*; *inside* comes before its command."""
    path = client if isinstance(client, str) else str(client.path)
    env = dict(os.environ)
    if NATIVE:
        limits = {
            "Client": [path],
            "CheckSeconds": seconds,
            "Interval": interval,
            "GapSeconds": gap,
            "Metrics": metrics,
            "OnEnd": on_end,
            "Files": files,
            "ProgramSeconds": patience,
            "CommandSeconds": patience,
        }
        env["HOSTSEAL_TEST_WATCH"] = json.dumps(limits)
        line = [f"{NATIVE}-edges", "--conf=/", "--keys=/", "guard", "--"]
    else:
        numbers = (str(seconds), str(interval))
        line = [sys.executable, "-c", PROGRAM, path, *numbers, metrics, on_end]
        line += [str(patience), str(gap), json.dumps(files)]
    return subprocess.Popen(
        [*inside, *line, *program],
        cwd=REPOSITORY,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(pid: int) -> None:
    """Fails unless the process ends."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        assert select.select([descriptor], [], [], SECONDS)[0], "it was left running"
    finally:
        os.close(descriptor)

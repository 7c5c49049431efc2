"""An operator who pastes what is printed: on the machine, or in the container."""

import re
import shlex
import subprocess
from pathlib import Path
from typing import NamedTuple

from tests.support.containers.engine import PATH, Container, Engine
from tests.support.containers.stories import CLI


class Pasted(NamedTuple):
    """What came of it."""

    exit_code: int
    out: str
    err: str


def lines_of(remedy: str) -> list[str]:
    """The lines of a remedy that are to be pasted."""
    return [line.strip() for line in remedy.splitlines() if line.startswith("  ")]


def options_of(remedy: str) -> list[str]:
    """The options for a new container that a remedy names."""
    (line,) = [line for line in lines_of(remedy) if line.startswith("--")]
    return shlex.split(line)


def paste(remedy: str, container: Container, folder: Path) -> list[Pasted]:
    """Paste a remedy line by line: those of the client in *container*, others on its machine.

    An address that is taken is varied, as the remedy says. *folder* is for commands that stand for
    the engine's.
    """
    lines = [line for line in lines_of(remedy) if not line.startswith("--")]
    outside = [line for line in lines if CLI not in line]
    done = [_on_machine(container.engine, outside, folder)] if outside else []
    taken = re.search(r"--ip (\S+)\.(\d+) licnet", remedy)
    if taken and done and re.search("already in use|already allocated", done[0].err):
        former, free = f"{taken[1]}.{taken[2]}", f"{taken[1]}.{2 + (int(taken[2]) - 1) % 125}"
        back = re.search("`(.* network disconnect licnet .*)`\\) and run it again", remedy)
        assert back is not None
        _on_machine(container.engine, [back[1]], folder)
        return paste(remedy.replace(former, free), container, folder)
    for line in lines:
        if CLI in line:
            inside = container.exec("sh", "-c", line, env=["PYTHONDONTWRITEBYTECODE=1"])
            done.append(Pasted(inside.returncode, inside.stdout, inside.stderr))
    return done


def _on_machine(engine: Engine, lines: list[str], folder: Path) -> Pasted:
    """In one shell, in which variables last."""
    commands = folder / "commands"
    commands.mkdir(exist_ok=True)
    command = commands / Path(next(word for word in engine.command if _is_engine(word))).name
    command.write_text(f'#!/bin/sh\nexec {shlex.join(engine.command)} "$@"\n')
    command.chmod(0o755)
    done = subprocess.run(
        ["sh", "-c", "\n".join(lines)],
        env=engine.environment | {"PATH": f"{commands}:{PATH}"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    return Pasted(done.returncode, done.stdout, done.stderr)


def _is_engine(word: str) -> bool:
    return word.endswith(("/docker", "/podman"))

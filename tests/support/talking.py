"""Processes to talk with: lines in, lines out, and a shell that runs one line after another."""

import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from tests.support.cli import Done

LOOP = """
while read -r line; do
  eval "$line" </dev/null >"$folder/out" 2>"$folder/err"
  echo "rc=$?"
done
"""
"""The end of a shell's script that a Shell talks with; ``folder`` is set before."""


class SilentError(Exception):
    """A process ended without the word that was waited for; what it said instead."""


@contextmanager
def talking(
    command: Sequence[str | Path], env: Mapping[str, str]
) -> Iterator["subprocess.Popen[str]"]:
    """A process that is waited for at the end, when nobody speaks to it any more."""
    process = subprocess.Popen(
        command,
        env=env,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    with process:
        yield process


def heard(process: "subprocess.Popen[str]", word: str) -> str:
    """The next line of what *process* says that begins with *word*. Raises SilentError."""
    assert process.stdout is not None
    told = []
    for line in process.stdout:
        if line.strip().startswith(word):
            return line.strip()
        told.append(line)
    raise SilentError("".join(told))


class Shell(NamedTuple):
    """A shell in LOOP, which writes what a line says to the files ``out`` and ``err``."""

    process: "subprocess.Popen[str]"
    folder: Path

    def run(self, line: str) -> Done:
        """Run one *line*."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()
        code = int(heard(self.process, "rc=").removeprefix("rc="))
        out, err = ((self.folder / name).read_text("utf-8") for name in ("out", "err"))
        return Done(code, out, err)

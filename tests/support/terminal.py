"""A command at a terminal where somebody answers its question."""

import os
import pty
from collections.abc import Mapping, Sequence
from pathlib import Path


def answered(
    line: Sequence[str],
    answer: bytes,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> tuple[int, str]:
    """Run *line*, and type *answer* where it asks yes or no: its exit code and all it says."""
    process, terminal = pty.fork()
    if process == 0:
        os.chdir(cwd or Path.cwd())
        os.execve(line[0], list(line), dict(os.environ if env is None else env))
    said, asked = b"", False
    while True:
        try:
            piece = os.read(terminal, 4096)
        except OSError:  # the other end is closed
            break
        said += piece
        if b"[y/N]" in said and not asked:
            os.write(terminal, answer)
            asked = True
        if not piece:
            break
    os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]), said.decode()

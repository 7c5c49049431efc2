"""A command at a terminal where somebody answers its question."""

import fcntl
import os
import pty
import struct
import subprocess
import termios
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


def shown(
    line: Sequence[str], columns: int, rows: int, env: Mapping[str, str] | None = None
) -> tuple[str, str]:
    """What *line* says on a terminal of that size, and beside it."""
    terminal, end = pty.openpty()
    fcntl.ioctl(end, termios.TIOCSWINSZ, struct.pack("4H", rows, columns, 0, 0))
    environment = {**os.environ, "TERM": "xterm", **(env or {})}
    with subprocess.Popen(line, stdout=end, stderr=subprocess.PIPE, env=environment) as process:
        os.close(end)
        said = b""
        while True:
            try:
                piece = os.read(terminal, 65536)
            except OSError:  # the other end is closed
                break
            said += piece
        assert process.stderr is not None
        beside = process.stderr.read().decode()
    os.close(terminal)
    return said.decode().replace("\r\n", "\n"), beside

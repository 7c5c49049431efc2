"""Colour and line wrapping: only on terminals."""

import contextlib
import fcntl
import io
import os
import pty
import re
import struct
import subprocess
import termios
from pathlib import Path

import pytest

from license_cli import paint
from tests.support.cli import PROGRAM, World, code


class Terminal(io.StringIO):
    """A stream that a person reads."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("stream", "environ", "is_coloured"),
    [
        (Terminal(), {"TERM": "xterm"}, True),
        (Terminal(), {"TERM": "xterm", "NO_COLOR": ""}, True),
        (Terminal(), {"TERM": "xterm", "NO_COLOR": "1"}, False),
        (Terminal(), {"TERM": "dumb"}, False),
        (Terminal(), {}, False),
        (io.StringIO(), {"TERM": "xterm"}, False),
    ],
)
def test_colour_is_used_only_on_capable_terminals(
    stream: io.StringIO, environ: dict[str, str], is_coloured: bool
) -> None:
    told = paint.mark("[E]: no", paint.brush(stream, environ))
    assert told == ("\x1b[31m[E]\x1b[0m: no" if is_coloured else "[E]: no")


def at_a_terminal(world: World, *arguments: str, columns: int = 0, **env: str) -> str:
    """What a command shows at a terminal, on both streams."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("4H", 24, columns, 0, 0))
    environ = {"PATH": os.environ["PATH"], "TERM": "xterm", "LC_ALL": "C.UTF-8"} | env
    line = [*PROGRAM, *world.options(), *arguments]
    with subprocess.Popen(line, stdout=theirs, stderr=theirs, env=environ) as process:
        os.close(theirs)
        shown = b""
        with contextlib.suppress(OSError), open(ours, "rb", buffering=0) as stream:
            while part := stream.read(65536):
                shown += part
    assert process.returncode in (0, code("license-missing"))
    return shown.decode()


@pytest.mark.parametrize("command", ["doctor", "verify"])
def test_terminal_shows_the_same_text_in_colour(world: World, command: str) -> None:
    shown = at_a_terminal(world, command)
    assert "\x1b[31m[E]\x1b[0m: There is no licence" in shown
    plain = at_a_terminal(world, command, NO_COLOR="1")
    assert "\x1b" not in plain
    without = re.sub(r"\x1b\[[0-9]*m", "", shown)
    assert re.sub(r"[0-9:-]+ [0-9:]+ UTC", "", without) == re.sub(
        r"[0-9:-]+ [0-9:]+ UTC", "", plain
    )


@pytest.mark.python_only("doctor, which that client has not got")
def test_json_and_bundles_are_never_coloured(world: World, tmp_path: Path) -> None:
    bundle = tmp_path / "bundle.json"
    shown = at_a_terminal(world, "--json", "doctor", "--bundle", str(bundle))
    assert "\x1b" not in shown
    assert "\x1b" not in bundle.read_text("utf-8")


@pytest.mark.parametrize("columns", [0, 50, 200])
def test_messages_wrap_between_words_on_a_terminal(world: World, columns: int) -> None:
    words = world.run("verify").err.split()
    shown = at_a_terminal(world, "--lang", "en", "verify", NO_COLOR="1", columns=columns)
    assert shown.split()[:3] == words[:3]
    lines = shown.splitlines()
    fitting = [line for line in lines if len(line) <= (columns or 80)]
    # What is longer is one path or command, which stays whole.
    assert all(
        line.count("`") == 2 or " " not in line.strip() for line in lines if line not in fitting
    )
    assert all(line.count("`") % 2 == 0 for line in lines)
    assert all(line.startswith(("[E]: ", "     ")) for line in lines)

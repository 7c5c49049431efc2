"""Holds a command of a page against the program that would run it, and runs nothing."""

import re
import shutil
import subprocess
from collections.abc import Callable, Sequence
from functools import cache, partial
from itertools import takewhile

import click

from license_cli import click_group
from license_server.cli import main
from license_server.settings import ServerSettings
from tests.support.need import need
from tests.support.server import REPOSITORY

_INSIDE = {"run": ("hostseal-server:",), "exec": ("hostseal",), "compose": ("server", "init")}
"""How an image, a container or a service begins; what follows is for the program in there."""


def check(words: Sequence[str]) -> None:
    """Fail where *words* name a program, a command or an option that there is not."""
    PROGRAMS[words[0]](words[1:])


def _click(group: click.Group, words: Sequence[str]) -> None:
    command: click.Command = group
    # with a group's settings, as click keeps what it first makes of a command
    context, rest = click.Context(group, **group.context_settings), list(words)
    while isinstance(command, click.Group) and rest:
        _, rest, _ = command.make_parser(context).parse_args(rest)
        if rest:
            _, found, rest = command.resolve_command(context, rest)
            assert found is not None
            command, context = found, click.Context(found, context)
    if rest:
        command.make_parser(context).parse_args(rest)


def _launcher(words: Sequence[str]) -> None:
    assert words[0] == "cmd/cli.py"
    _click(click_group.cli, words[1:])


def _settings(words: Sequence[str]) -> None:
    given = dict(word.split("=", 1) for word in words)
    assert all(name.startswith("LICENSE_SERVER_") for name in given)
    assert ServerSettings.misspelt(given) == []


def _make(words: Sequence[str]) -> None:
    line = ["make", "--dry-run", "KEY=release.key.pem", *words]
    done = subprocess.run(line, cwd=REPOSITORY, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def _docker(words: Sequence[str]) -> None:
    is_composed = words[0] == "compose"
    line = words[1:] if is_composed else words
    begins = _INSIDE.get(words[0], ())
    at = (n for n, word in enumerate(line) if n and word.startswith(begins))
    end = next(at, len(line))
    if not is_composed:  # Compose takes its time for each page of help
        _options(("docker", line[0]), line[1:end])
    inside = line[end + 1 :]
    if inside and line[0] == "exec":
        assert inside[0] == "license-server", inside
    _click(main.cli, inside[1:] if line[0] == "exec" else inside)


def _plain(program: str, words: Sequence[str]) -> None:
    _options((program,), words)


def _kubectl(words: Sequence[str]) -> None:
    command = list(takewhile(lambda word: not word.startswith("-"), words))
    _options(("kubectl", *command), words)


def _options(line: tuple[str, ...], words: Sequence[str]) -> None:
    told = re.findall(r"(?<![\w-])--?\w[\w-]*", _help(*line))
    for word in words:
        if re.match("--?[a-zA-Z]", word):
            assert word.partition("=")[0] in told, f"{' '.join(line)} knows no {word}"


@cache
def _help(*line: str) -> str:
    tool = shutil.which(line[0]) or need(line[0], f"apt-get install {line[0]}")
    done = subprocess.run([tool, *line[1:], "--help"], capture_output=True, text=True)
    assert done.returncode == 0, (line, done.stderr)
    return done.stdout


PROGRAMS: dict[str, Callable[[Sequence[str]], None]] = {
    "license-server": partial(_click, main.cli),
    "python": _launcher,
    "export": _settings,
    "make": _make,
    "docker": _docker,
    "kubectl": _kubectl,
    **{name: partial(_plain, name) for name in ("systemctl", "journalctl", "systemd-analyze")},
}
"""By what a command begins with, what holds it."""

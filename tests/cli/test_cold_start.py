"""What the common commands start with: their own reader of a command line, and few modules."""

import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import pytest

from license_cli import click_group, plain_line
from license_cli.app import in_front
from license_cli.session import Call
from tests.support import pythons
from tests.support.cli import CLI, World

DEAR = (
    *("argparse", "click", "collections", "contextlib", "copyreg", "cryptography", "dataclasses"),
    *("datetime", "enum", "functools", "gettext", "hashlib", "importlib", "inspect", "json"),
    *("license_cli.click_group", "locale", "operator", "random", "re", "shlex", "socket"),
    *("struct", "subprocess", "tempfile", "tomllib", "types", "typing", "weakref"),
)
"""Modules that cost more than they are worth where an answer is all that is asked."""
COMMON = ("get_host_key", "verify", "verify --quiet", "--json verify", "--json get_host_key")
WORDS = (
    *("--conf /c", "--keys k", "--root=/r", "--root /", "--json", "--lang en", "--lang=zh"),
    *("-q", "--quiet", "--warn-days 3", "--warn-days=3650", "--require export", "--require=a"),
    *("--wait-network 5", "--explain", "--check", "--profile hk1", "--profile=hk1-host"),
)
ODD = (
    *("--lang xx", "--warn-days 3651", "--warn-days -1", "--warn-days", "--warn-days 1_0", "-qq"),
    *("--quie", "--quiet=1", "--require", "--require ''", "--require=", "--", "more", "-q=1", "="),
    *("--profile hk9", "--profile", "--help", "-h", "--version", "--conf", "--warn-days=٣", "''"),
    *("--warn-days 1234567890", "--warn-days= 3", "--wait-network=", "--json=1", "--conf -x"),
)


def imported(line: list[str], **more: Any) -> set[str]:
    done = subprocess.run(line, capture_output=True, text=True, **more)
    assert done.returncode == 0, done.stderr
    rows = [row for row in done.stderr.splitlines() if row.startswith("import time:")]
    return {row.rpartition("|")[2].strip() for row in rows}


@pytest.mark.parametrize("version", ["", "3.8", "3.13"])
def test_common_commands_import_nothing_dear(present: World, version: str, tmp_path: Path) -> None:
    python = pythons.others().get(version, "") if version else sys.executable
    if not python:
        pytest.skip(f"another Python {version} is missing: pyenv install {version}")
    present.put()
    start = [python, "-X", "importtime"]
    env = {"LC_ALL": "C.UTF-8", "PYTHONPYCACHEPREFIX": str(tmp_path)}
    bare = imported([*start, "-c", "pass"], env=env)
    for command in COMMON:
        line = [*start, str(CLI), *present.options(), *command.split()]
        named = imported(line, env=env) - bare
        assert named & {*DEAR} == set(), command
        assert "license_cli.plain_line" in named


def test_only_another_language_loads_a_catalogue(present: World) -> None:
    present.put()
    line = [sys.executable, "-X", "importtime", str(CLI), *present.options(), "verify"]
    chinese = imported(line, env={"LC_ALL": "zh_CN.UTF-8"})
    assert "gettext" in chinese
    assert not chinese & {"click", "license_cli.wrap", "license_cli.paint"}


def read_by_click(words: list[str], monkeypatch: pytest.MonkeyPatch) -> tuple[Any, ...] | None:
    """What click makes of a line of a common command; None where it has something to say."""
    given: list[tuple[Any, ...]] = []
    for name in ("verify", "get_host_key"):
        module = plain_line._module(name)

        def run(session: Any, name: str = name, **values: Any) -> None:
            given.append((name, values))

        monkeypatch.setattr(module, "run", run)
    call = Call(1_800_000_000, "/home")
    try:
        click_group.cli.main(list(words), prog_name="cli.py", standalone_mode=False, obj=call)
    except click.ClickException:
        return None
    if not given:
        return None  # help, a version
    ((name, values),) = given
    return name, values, call.named, call.as_json


def test_both_readers_of_a_command_line_say_the_same(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    chance = random.Random(18)
    plain = 0
    for turn in range(600):
        parts = chance.choices(WORDS, k=chance.randrange(6))
        if turn % 3 == 0:
            parts.insert(chance.randrange(len(parts) + 1), chance.choice(ODD))
        parts.insert(chance.randrange(len(parts) + 1), chance.choice(("verify", "get_host_key")))
        words = [word.strip("'") for part in parts for word in part.split(" ")]
        words = in_front(words)
        line, by_click = plain_line.read(words), read_by_click(words, monkeypatch)
        if line is None:
            continue
        as_json = line.named["as_json"]
        named = {name: line.named[name] for name in ("conf", "keys", "root")}
        assert (line.command, line.given, named, as_json) == by_click, words
        plain += 1
    assert plain > 150
    assert plain_line.read(["verify", "-q"]) is not None


@pytest.mark.parametrize("odd", ODD)
def test_what_is_odd_is_left_to_click(odd: str) -> None:
    words = in_front(["verify", *(word.strip("'") for word in odd.split(" "))])
    line = plain_line.read(words)
    assert line is None or odd in ("--require ''", "--require=")

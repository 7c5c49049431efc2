"""Another user's data folder, and files that this user may not write or read: told as what it is.

Root without its right to everything calls the commands, in one process, on what user 65534 owns.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from license_server.cli.lazy import Later
from license_server.cli.main import cli
from tests.support import server
from tests.support.need import need
from tests.support.problems import exit_code
from tests.support.unprivileged import unprivileged

OTHER = 65534
CALL = """
import contextlib, io, json, sys
from license_server.cli.main import main
told = []
for arguments in json.load(sys.stdin):
    said = io.StringIO()
    with contextlib.redirect_stderr(said):
        code = main(arguments)
    told.append((arguments, code, said.getvalue()))
print("\\n" + json.dumps(told))
"""


def leaves(command: click.Command, *words: str) -> Iterator[list[str]]:
    """The words of each command that has no other below it."""
    loaded = command.load() if isinstance(command, Later) else command
    below = getattr(loaded, "commands", {})
    for name, one in below.items():
        yield from leaves(one, *words, name)
    if not below:
        yield list(words)


def told(data: Path, calls: list[list[str]]) -> list[tuple[list[str], int, str]]:
    """The exit code and the words of each call."""
    done = subprocess.run(
        [*unprivileged(), sys.executable, "-c", CALL],
        input=json.dumps(calls),
        env=server.environment(data),
        cwd=server.REPOSITORY,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return [(words, code, said) for words, code, said in json.loads(done.stdout.splitlines()[-1])]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A server's folder that may be given away."""
    if os.geteuid() != 0:
        need("another user", "run these tests as root")
    (tmp_path / "way").mkdir()
    return server.make(tmp_path / "way" / "server").data


@pytest.mark.parametrize("given", [".", "keys", "hostseal.db"])
def test_every_command_says_whose_the_folder_is(folder: Path, given: str) -> None:
    path = folder / given
    path.chmod(0o700 if path.is_dir() else 0o600)
    os.chown(path, OTHER, OTHER)
    first = {"init", "restore", "root"}
    calls = [words for words in leaves(cli) if words[0] not in first]
    assert len(calls) > 50
    for words, code, said in told(folder, calls if given == "." else calls[:2]):
        assert code == exit_code("file-unreadable"), (words, said)
        assert f"Cannot read {path}: it belongs to nobody" in said, words
        assert "sudo -E -u nobody" in said, words
        assert f"chown -R root {folder}`" in said, words
    if given == ".":
        assert {
            code for _, code, _ in told(folder, [[*words, "--help"] for words in calls[:3]])
        } == {0}


def test_folder_on_the_way_is_named(folder: Path) -> None:
    os.chown(folder.parent, OTHER, OTHER)
    folder.parent.chmod(0o700)
    try:
        ((_, code, said),) = told(folder, [["list"]])
    finally:
        os.chown(folder.parent, 0, 0)
    assert code == exit_code("file-unreadable")
    assert f"Cannot read {folder.parent}: it belongs to nobody" in said
    assert "chown" not in said


def test_output_and_input_of_another_user_are_told(folder: Path, tmp_path: Path) -> None:
    shut = tmp_path / "shut"
    shut.mkdir(mode=0o700)
    (shut / "file").write_text("a new passphrase of this test\n")
    os.chown(shut, OTHER, OTHER)
    file = str(shut / "file")
    issue = ["issue", "--customer", "ACME", "--product", "darwin", "--host", server.LINE]
    writing = [
        ["backup"],
        ["audit", "checkpoint"],
        ["audit", "export"],
        ["export", "customers"],
        ["export", "licenses"],
        [*issue, "--days", "9", "--yes"],
    ]
    for words, code, said in told(folder, [[*words, "-o", file] for words in writing]):
        assert code == exit_code("folder-not-writable"), (words, said)
        assert f"Cannot write to {shut}: Permission denied" in said
    reading = [
        ["passphrase", "change", "--new-file"],
        ["restore"],
        ["import", "customers"],
        ["fsck", "--checkpoint"],
    ]
    for words, code, said in told(folder, [[*words, file] for words in reading]):
        assert code == exit_code("file-unreadable"), (words, said)
        assert f"may not enter {shut}" in said, (words, said)

"""What is in the place of a file and cannot be read is never taken for a missing file."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support import odd_files
from tests.support.cli import Done, World
from tests.support.unprivileged import unprivileged
from tests.support.vendor import keyset, revocations

READ = {
    "license.dat": "verify",
    "license.trust": "verify",
    "license.revocations": "verify",
    "license.pin": "verify",
    "hostseal.toml": "verify",
    "requirements.toml": "doctor",
    "root.pub.pem": "verify",
}
"""Each file that the client must be able to read where it is there, with a command that does."""


def place(world: World, name: str) -> Path:
    return (world.keys if name.endswith(".pem") else world.conf) / name


def problems(answer: Any) -> list[Any]:
    """What an answer calls wrong, that of doctor also of what is beside the licence."""
    found = answer.get("problems", [])
    return [*found, answer["machine_problem"]] if answer.get("machine_problem") else list(found)


def unreadable(done: Done) -> list[str]:
    """The files that an answer says it cannot read."""
    found = problems(done.json())
    return [one["facts"]["path"] for one in found if one["slug"] == "file-unreadable"]


@pytest.fixture
def furnished(world: World) -> World:
    """A licence that is valid, with every file that may be there."""
    world.put()
    (world.conf / "license.trust").write_bytes(keyset(world, 3))
    (world.conf / "license.revocations").write_bytes(revocations(world, 1))
    (world.conf / "license.pin").write_text(str(world.facts().ip), "ascii")
    (world.conf / "requirements.toml").write_text("cpus = 1\n", "ascii")
    assert world.run("verify").exit_code == 0
    return world


@pytest.mark.parametrize("name", READ)
def test_what_cannot_be_read_in_place_of_a_file_is_refused_by_name(
    furnished: World, name: str
) -> None:
    path = place(furnished, name)
    found = {}
    for what in odd_files.ODD:
        odd_files.put(what, path)
        found[what] = unreadable(furnished.json(READ[name]))
    assert found == {what: [str(path)] for what in odd_files.ODD}


def test_an_unreadable_state_file_is_not_called_missing(furnished: World) -> None:
    for what in odd_files.ODD:
        odd_files.put(what, furnished.conf / "license.state")
        told = set(furnished.json("verify").notices())
        assert told & {"memory-invalid", "memory-unreadable"}, what
        assert "memory-missing" not in told, what


def test_install_and_show_name_a_source_that_cannot_be_read(world: World) -> None:
    source = world.folder / "mailed.dat"
    for what in odd_files.ODD:
        odd_files.put(what, source)
        for command in ("install", "show"):
            done = world.json(command, str(source))
            assert unreadable(done) == [str(source)], what
            assert "no such file" not in done.out


def test_no_key_is_given_while_the_declared_address_cannot_be_read(world: World) -> None:
    declared = world.conf / "license.pin"
    for what in odd_files.ODD:
        odd_files.put(what, declared)
        for command in ("get_host_key", "request"):
            assert unreadable(world.json(command)) == [str(declared)], what
    declared.unlink()
    assert world.run("pin", str(world.facts().ip)).exit_code == 0
    assert world.run("get_host_key").exit_code == 0


AS_NOBODY = """
import os, sys
sys.path.insert(0, sys.argv.pop(1))
from license_cli import app
commands, options = eval(sys.argv.pop(1)), sys.argv[1:]
for path, command in commands.items():
    os.chmod(path, 0)
    app.main(["--json", *options, command], 1800086400)
    print(end="\\0", flush=True)
    os.chmod(path, 0o644)
"""


@pytest.mark.python_only("functions of the client in Python")
def test_a_file_without_permission_is_refused_by_name(furnished: World) -> None:
    commands = {str(place(furnished, name)): command for name, command in READ.items()}
    line = [sys.executable, "-c", AS_NOBODY, os.getcwd(), repr(commands), *furnished.options()]
    limited = [*unprivileged(), *line]
    said = subprocess.run(limited, capture_output=True, text=True, check=True).stdout
    found = [problems(json.loads(answer))[0] for answer in said.split("\0") if answer]
    assert [one["facts"]["path"] for one in found] == list(commands)
    assert {one["facts"]["reason"] for one in found} == {"Permission denied"}


def test_the_remedy_for_a_broken_link_mends_it(world: World) -> None:
    world.put()
    link = world.conf / "license.revocations"
    link.symlink_to(world.folder / "nowhere")
    said = world.run("verify").err
    assert f"`unlink {link}`" in said
    link.unlink()
    assert world.run("verify").exit_code == 0

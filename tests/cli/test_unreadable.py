"""What is there and cannot be read is never told as what is not there."""

import json
import os
import shutil
import subprocess
import sys

import pytest

from tests.support.cli import PROGRAM, REPOSITORY, World, code
from tests.support.unprivileged import unprivileged


def test_state_file_that_cannot_be_read_is_told_and_left(present: World) -> None:
    present.put()
    present.run("verify", now=present.now)
    state = present.conf / "license.state"
    before = state.read_bytes()
    state.chmod(0)
    line = [*unprivileged(), *PROGRAM, *present.options(), "--json", "verify"]
    answer = json.loads(subprocess.run(line, capture_output=True).stdout)
    told = {one["slug"]: one["sentence"] for one in answer["notices"]}
    assert answer["ok"] is True
    assert f"({state}) cannot be read: Permission denied" in told["memory-unreadable"]
    assert "memory-not-written" not in told
    assert state.read_bytes() == before


def test_profile_of_a_licence_that_cannot_be_read_is_not_taken_for_certain(world: World) -> None:
    world.license.mkdir()
    for command in ("get_host_key", "request"):
        done = world.run(command)
        assert done.exit_code == 0
        assert f"[W]: The installed licence ({world.license}) cannot be read: it is a" in done.err
        assert "cannot be read" not in world.run(command, "--profile", "hk1").err
    world.license.rmdir()
    assert "cannot be read" not in world.run("get_host_key").err


@pytest.mark.parametrize(
    "barred", ["license_cli", "license_core", "license_cli/app.py", "license_cli/commands/show.py"]
)
def test_code_that_cannot_be_read_is_not_said_to_be_missing(present: World, barred: str) -> None:
    present.put()
    site = present.folder / "site"
    for name in ("license_core", "license_cli", "cmd"):
        plain = shutil.ignore_patterns("__pycache__")  # what Python has compiled is code, too
        shutil.copytree(REPOSITORY / name, site / name, ignore=plain)
    (site / barred).chmod(0)
    # An interpreter that has the client's own packages, and finds none of the client elsewhere.
    line = [*unprivileged(), sys.executable, "-S", str(site / "cmd" / "cli.py"), *present.options()]
    elsewhere = os.pathsep.join(path for path in sys.path if "site-packages" in path)
    done = subprocess.run(
        [*line, "show"], env={"PYTHONPATH": elsewhere}, capture_output=True, text=True
    )
    (site / barred).chmod(0o755)
    assert done.returncode == code("file-unreadable"), done.stderr
    assert f"{site}/{barred}" in done.stderr
    assert "`ls -ld " in done.stderr
    assert "not installed" not in done.stderr

"""Every file that the client writes, by every cause for which it cannot be: one remedy a cause."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.cli import NATIVE, OTHER, REPOSITORY, Done, code
from tests.support.namespaces import own_mounts
from tests.support.unprivileged import unprivileged
from tests.support.unwritable import CAUSES, NAMED, WRITES

SLUGS = {
    "read-only": "folder-not-writable",
    "full": "disk-full",
    "not allowed": "folder-not-writable",
    "folder": "path-is-folder",
    "quota": "disk-full",
}
HELPS = {
    "read-only": "{conf} is mounted read-only. Give the container a folder there",
    "full": "Free some space (`df -h {conf}`",
    "not allowed": "Run the command as the owner of {conf} (`ls -ld {conf}`)",
    "folder": "Remove it",
    "quota": "A quota is used up: `quota -s` shows it",
}
HELPS_NAMED = HELPS | {
    "read-only": "{conf} is mounted read-only. Name a file in a folder that can be written",
    "folder": "Name a file",
}
READ_FIRST = ("license.trust", "license.revocations")
"""A folder in the place of one of these is met where it is read."""


IN_PYTHON, WHY = "quota", "a failure put into the process of Python"

Outcome = Callable[[str, str], tuple[Path, Done]]


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """Of a cause and the name of a file: the folder conf/, and what the write comes to."""
    folder, found = tmp_path_factory.mktemp("unwritable"), {}
    not_here = {"not allowed", IN_PYTHON} if NATIVE or OTHER else {"not allowed"}
    rest = [cause for cause in CAUSES if cause not in not_here]
    for inside, causes in ((unprivileged(), ["not allowed"]), (own_mounts(), rest)):
        line = [*inside, sys.executable, "-m", "tests.support.unwritable", str(folder), *causes]
        done = subprocess.run(line, cwd=REPOSITORY, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        found.update(json.loads(done.stdout))
    return lambda cause, name: (folder / cause / name / "conf", Done(*found[cause][name]))


@pytest.mark.parametrize("name", WRITES)
@pytest.mark.parametrize(
    "cause",
    [
        *(cause for cause in CAUSES if cause != IN_PYTHON),
        pytest.param(IN_PYTHON, marks=pytest.mark.python_only(WHY)),
    ],
)
def test_every_write_that_is_refused_names_its_cause_and_what_helps(
    outcome: Outcome, cause: str, name: str
) -> None:
    conf, done = outcome(cause, name)
    slug, helps = SLUGS[cause], (HELPS_NAMED if name in NAMED else HELPS)[cause]
    told, exit_code = done.json().get("problems"), code(slug)
    if name == "license.state":  # what is only remembered ends no check
        slug = "memory-unreadable" if cause == "folder" else "memory-not-written"
        told = [one for one in done.json()["notices"] if one["slug"] == slug]
        exit_code = 0
    elif cause == "folder" and name in READ_FIRST:
        slug = "file-unreadable"
        exit_code = code(slug)
    (one,) = told
    assert (one["slug"], done.exit_code) == (slug, exit_code)
    assert helps.format(conf=conf) in one["remedy"]

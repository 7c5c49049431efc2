"""The client on every Python from 3.8 on that this machine has, without a compiled wheel."""

import json
import os
import sys
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from tests.support import cache, commonest, made_pythons, onefile
from tests.support.cli import CLI, NUMBER, REPOSITORY, World, code
from tests.support.pythons import (
    HERE,
    MUSL,
    OTHERS,
    PLAIN,
    SUPPORTED,
    another,
    answers,
    library,
    others,
    run,
    where_to_get,
)
from tests.vectors.ours import CASES, Vector, answer

pytestmark = pytest.mark.python_only("packages, and other Pythons")

COMMANDS = ("", "verify", "install /nonexistent", "--lang zh verify")
_EACH_OF_OLDEST, _EACH_OF_OTHERS = 3, 12
"""Of the vectors the oldest Python is given one in so many; the others fewer, through the one file.

In `make torture` each is given all of them.
"""


@pytest.fixture(params=OTHERS)
def python(request: pytest.FixtureRequest) -> str:
    """The interpreter of a version."""
    found = another(str(request.param))
    if not PLAIN.is_dir():
        pytest.skip("click in plain Python is missing: make .venv/dev.stamp")
    return found


def client(python: str, world: World, *arguments: str, exit_code: int = 0, **more: Any) -> str:
    """What a command of the client prints."""
    done = run(python, str(CLI), *world.options(), *arguments, **more)
    assert "Traceback" not in done.stderr, done.stderr
    assert done.returncode == exit_code, done.stderr
    return done.stdout


def test_promised_versions_begin_with_the_one_that_pip_asks_for() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    assert project["requires-python"] == f">={SUPPORTED[0]}"


def test_vectors_have_the_same_answers(python: str) -> None:
    is_oldest = python == next(iter(others().values()))
    vectors = CASES[:: _EACH_OF_OLDEST if is_oldest else _EACH_OF_OTHERS]
    given = answers(python, vectors, None if is_oldest else onefile.kept())
    assert dict(zip(vectors, given, strict=True)) == _answered(vectors)


@pytest.mark.torture
@pytest.mark.parametrize("version", [*SUPPORTED, MUSL])
def test_every_vector_has_the_same_answer_by_every_way(version: str) -> None:
    """The repository and the one file, with and without ``cryptography``."""
    python = _for_musl() if version == MUSL else {HERE: sys.executable, **others()}.get(version)
    if python is None:
        pytest.skip(f"another Python {version} is missing: {where_to_get(version)}")
    expected = _answered(CASES)
    for archive in (None, onefile.kept()):
        for found in (None, library(version)):
            given = dict(zip(CASES, answers(python, CASES, archive, found), strict=True))
            assert given == expected, (archive, found)
    assert library(version) is not None, "the vectors passed, but without cryptography alone"


@pytest.mark.parametrize(
    "python",
    [
        pytest.param(version, marks=() if version in ("3.8", "3.13") else pytest.mark.torture)
        for version in OTHERS
    ],
    indirect=True,
)
def test_operator_gets_from_the_key_to_a_watched_product(present: World, python: str) -> None:
    line = client(python, present, "get_host_key")
    assert line == present.spawn("get_host_key").stdout.decode()
    assert "-----END LICENSE REQUEST-----" in client(python, present, "request")
    client(python, present, "verify", exit_code=code("license-missing"))
    (present.conf / "hostseal.toml").write_text('product = "\\u0064arwin"\n')
    mailed = present.write(b"\n> ".join(present.file().split(b"\n")))
    assert "license.dat" in client(python, present, "install", mailed)
    number = f"[N]: Licence {NUMBER} "
    assert client(python, present, "verify").startswith(number)
    assert (
        client(python, present, "show").split("Here")[0]
        == (present.spawn("show").stdout.decode().split("Here")[0])
    )
    assert json.loads(client(python, present, "--json", "doctor"))["host_key"]
    watched = client(
        python, present, "guard", "--", "sh", "-c", "echo started; exit 7", exit_code=7
    )
    assert watched == "started\n"


@pytest.mark.parametrize(
    "python", ["3.8", pytest.param("3.13", marks=pytest.mark.torture)], indirect=True
)
def test_commonest_tests_of_the_client_pass(python: str) -> None:
    (version,) = (version for version, path in others().items() if path == python)
    done = commonest.run(HOSTSEAL_TEST_PYTHON=version)
    assert done.returncode == 0, done.stdout


def test_what_is_refused_is_told_in_the_same_words(present: World, python: str) -> None:
    present.put(present.file(present.claims(aud="other")))
    (present.conf / "license.revocations").write_bytes(present.revocations("HS-1"))
    for line in COMMANDS:
        arguments = line.split()
        here = present.spawn(*arguments, env={"PATH": os.environ["PATH"]})
        there = run(python, str(CLI), *present.options(), *arguments)
        assert there.returncode == here.returncode, arguments
        for mine, theirs in ((here.stdout, there.stdout), (here.stderr, there.stderr)):
            assert _without_python(theirs) == _without_python(mine.decode()), arguments


def _for_musl() -> str:
    try:
        return str(made_pythons.musl())
    except cache.UnavailableError as error:
        pytest.skip(f"Python for musl is missing: {error}")


def _answered(vectors: Iterable[Path]) -> dict[Path, Any]:
    """What this Python answers."""
    return {path: answer(Vector(path)) for path in vectors}


def _without_python(text: str) -> str:
    """*text* without the paths of interpreters in it, and as one line."""
    named = (word for word in text.split() if "python" not in word)
    return " ".join(named)

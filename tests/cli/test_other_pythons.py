"""The client on every Python from 3.8 on that this machine has, without a compiled wheel."""

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from tests.support.cli import CLI, NUMBER, REPOSITORY, World, code
from tests.support.pythons import PLAIN, environment, others
from tests.vectors.ours import CASES, Vector, answer

VERSIONS = [f"3.{minor}" for minor in range(8, 15) if (3, minor) != sys.version_info[:2]]
COMMANDS = ("", "verify", "install /nonexistent", "--lang zh verify")
_EACH_OF_OTHERS = 6
"""The oldest Python is given every vector; of the others each is given one in six."""


@pytest.fixture(params=VERSIONS)
def python(request: pytest.FixtureRequest) -> str:
    """The interpreter of a version."""
    version = str(request.param)
    if version not in others():
        pytest.skip(f"another Python {version} is missing: pyenv install {version}")
    if not PLAIN.is_dir():
        pytest.skip("click in plain Python is missing: make .venv/dev.stamp")
    return others()[version]


def run(python: str, *arguments: str, **more: Any) -> "subprocess.CompletedProcess[str]":
    """A command of *python*, whose imports are the client, click and tomli alone."""
    env = environment() | more.pop("env", {})
    return subprocess.run(
        [python, *arguments], env=env, cwd=REPOSITORY, capture_output=True, text=True, **more
    )


def client(python: str, world: World, *arguments: str, exit_code: int = 0, **more: Any) -> str:
    """What a command of the client prints."""
    done = run(python, str(CLI), *world.options(), *arguments, **more)
    assert "Traceback" not in done.stderr, done.stderr
    assert done.returncode == exit_code, done.stderr
    return done.stdout


def test_vectors_have_the_same_answers(python: str) -> None:
    vectors = CASES if python == next(iter(others().values())) else CASES[::_EACH_OF_OTHERS]
    asked = "".join(f"{path}\n" for path in vectors)
    done = run(python, "-m", "tests.vectors.ours", input=asked)
    assert (done.returncode, done.stderr) == (0, "")
    given = dict(zip(vectors, map(json.loads, done.stdout.splitlines()), strict=True))
    assert given == {path: answer(Vector(path)) for path in vectors}


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


def _without_python(text: str) -> str:
    """*text* without the paths of interpreters in it, and as one line."""
    named = (word for word in text.split() if "python" not in word)
    return " ".join(named)

"""The verifiers in examples/verifiers pass every vector and agree with ours."""

import json
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.support.need import need
from tests.vectors.ours import CASES, ROOT, Vector, answer

FOLDER = Path(__file__).resolve().parents[2] / "examples" / "verifiers"


class Verifier(NamedTuple):
    """How a verifier is run."""

    command: tuple[str, ...]
    needs: tuple[tuple[str, str], ...]
    """Programs, and the package of Debian that has each."""
    processes: int = 1
    """Among which the vectors are shared out: a shell starts a program for nearly every step."""


VERIFIERS = {
    "JavaScript": Verifier(("node", "verify.js"), (("node", "nodejs"),)),
    "Java": Verifier(("java", "Verify.java"), (("java", "default-jdk-headless"),)),
    "shell": Verifier(("sh", "verify.sh"), (("openssl", "openssl"), ("awk", "mawk")), 2),
}


def run(verifier: Verifier, paths: list[Path]) -> dict[str, dict[str, Any]]:
    """The answers of a verifier, by the names of the vectors."""

    def ask(paths: list[Path]) -> list[str]:
        asked = "".join(f"{path}\n" for path in paths)
        done = subprocess.run(
            [*verifier.command, ROOT], cwd=FOLDER, input=asked, capture_output=True, text=True
        )
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout.split("\n")[:-1]

    shares = [paths[first :: verifier.processes] for first in range(verifier.processes)]
    with ThreadPoolExecutor(verifier.processes) as pool:
        said = list(pool.map(ask, shares))
    return {
        path.stem: json.loads(line)
        for share, lines in zip(shares, said, strict=True)
        for path, line in zip(share, lines, strict=True)
    }


def available(language: str) -> Verifier:
    verifier = VERIFIERS[language]
    for program, package in verifier.needs:
        if shutil.which(program) is None:
            need(program, f"apt-get install {package}")
    if language == "Java":
        _need_a_compiler()
    return verifier


def _need_a_compiler() -> None:
    """A runtime without one cannot run a source file."""
    modules = subprocess.run(["java", "--list-modules"], capture_output=True, text=True).stdout
    if "jdk.compiler@" not in modules:
        need("the compiler of Java", "apt-get install default-jdk-headless")


@pytest.mark.parametrize("language", VERIFIERS)
def test_verifier_passes_every_vector_and_agrees_with_ours(language: str) -> None:
    vectors = {path.stem: Vector(path) for path in CASES}
    given = run(available(language), CASES)
    broken = {
        name: (given[name], vector.promised())
        for name, vector in vectors.items()
        if given[name] | vector.promised() != given[name]
    }
    assert broken == {}
    assert given == {name: answer(vector) for name, vector in vectors.items()}

"""The verifiers in other languages, each one process that is asked vector after vector."""

import fcntl
import json
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any, NamedTuple, Self

from tests.support import native_client
from tests.support.cli import REPOSITORY
from tests.support.need import need
from tests.vectors.ours import ROOT

FOLDER = REPOSITORY / "examples" / "verifiers"
_BUILT = REPOSITORY / ".cache" / "native"
"""Where what has to be compiled is kept; a build with nothing new takes a moment."""
_AT_ONCE = 200
"""Paths that are written before answers are read: they fit into a pipe."""


class Verifier(NamedTuple):
    """How a verifier is run."""

    command: tuple[str, ...]
    needs: tuple[tuple[str, str], ...]
    """Programs, and the package of Debian that has each."""
    processes: int = 1
    """Among which vectors are shared out: a shell starts a program for nearly every step."""
    every: int = 1
    """Of mutated vectors it is asked one in so many."""
    package: str = ""
    """The package of native/ that is to be built first; none."""


VERIFIERS = {
    "JavaScript": Verifier(("node", "verify.js"), (("node", "nodejs"),)),
    "Java": Verifier(
        ("java", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "Verify.java"),
        (("java", "default-jdk-headless"),),
    ),
    "Go": Verifier((str(_BUILT / "verifier"),), (("go", "golang-go"),), package="verifier"),
    "shell": Verifier(("sh", "verify.sh"), (("openssl", "openssl"), ("awk", "mawk")), 2, 5),
}
"""A further one needs an entry here, and prints a line of JSON for each path that it reads."""


class Running:
    """A verifier that runs: it reads paths of vectors and answers each with a line."""

    def __init__(self, verifier: Verifier) -> None:
        self.verifier = verifier
        self._said = tempfile.TemporaryFile()  # noqa: SIM115  # closed with the processes
        self._processes = [
            subprocess.Popen(
                [*verifier.command, ROOT],
                cwd=FOLDER,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._said,
            )
            for _ in range(verifier.processes)
        ]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._processes:
            with process:
                _pipe(process.stdin).close()
        self._said.close()

    def answers(self, paths: Sequence[Path]) -> list[Any]:
        """An answer for each of *paths*. AssertionError where the verifier dies, or complains."""
        found: list[Any] = []
        for first in range(0, len(paths), _AT_ONCE):
            found += self._ask(paths[first : first + _AT_ONCE])
        self._said.seek(0)
        assert self._said.read() == b""
        return found

    def _ask(self, paths: Sequence[Path]) -> list[Any]:
        count = len(self._processes)
        for number, process in enumerate(self._processes):
            share = "".join(f"{path}\n" for path in paths[number::count])
            _pipe(process.stdin).write(share.encode())
            _pipe(process.stdin).flush()
        found = []
        for number, path in enumerate(paths):
            line = _pipe(self._processes[number % count].stdout).readline()
            assert line, f"it ended at {path}: {self._last_words()}"
            found.append(json.loads(line))
        return found

    def _last_words(self) -> str:
        self._said.seek(0)
        return self._said.read().decode()[-2000:]


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    assert pipe is not None
    return pipe


def available(language: str) -> Verifier:
    """The verifier of *language*; the test is skipped where it cannot be run here."""
    verifier = VERIFIERS[language]
    for program, package in verifier.needs:
        if shutil.which(program) is None:
            need(program, f"apt-get install {package}")
    if language == "Java":
        _need_a_compiler()
    if verifier.package:
        _build(verifier.package, Path(verifier.command[0]))
    return verifier


def _build(package: str, binary: Path) -> None:
    """Compile a *package* of native/ into *binary*, by one process at a time."""
    binary.parent.mkdir(parents=True, exist_ok=True)
    with open(binary.parent / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        native_client.build(f"./{package}", binary)


def _need_a_compiler() -> None:
    """A runtime without one cannot run a source file."""
    modules = subprocess.run(["java", "--list-modules"], capture_output=True, text=True).stdout
    if "jdk.compiler@" not in modules:
        need("the compiler of Java", "apt-get install default-jdk-headless")

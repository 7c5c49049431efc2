"""Commands as processes that need not start Python: each is forked from one that has imported all.

The process that forks writes nothing, so a shim in it (tests/support/shim.c) begins to count anew
in each command.
"""

import gc
import json
import os
import pkgutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import IO, Any

import license_server
from tests.support.server import REPOSITORY

_FACES = ("license_server.api", "license_server.web", "license_server.app", "license_server.http")


class Forks:
    """The process that forks, as a test talks to it."""

    def __init__(self, process: "subprocess.Popen[bytes]", folder: Path) -> None:
        self._process, self._folder = process, folder

    def run(self, *arguments: str, env: Mapping[str, str]) -> "subprocess.CompletedProcess[str]":
        """Run ``license-server``, with nothing to read."""
        said = [str(self._folder / name) for name in ("stdout", "stderr")]
        asked = {"arguments": arguments, "env": dict(env), "said": said}
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(asked).encode() + b"\n")
        self._process.stdin.flush()
        code = int(self._process.stdout.readline())
        out, err = (Path(path).read_text("utf-8") for path in said)
        return subprocess.CompletedProcess(arguments, code, out, err)


@contextmanager
def forks(folder: Path, env: Mapping[str, str]) -> Iterator[Forks]:
    """A process that forks, with *env* around it; what its commands say passes through *folder*."""
    line = [sys.executable, "-m", "tests.support.forked"]
    with subprocess.Popen(
        line, env=env, cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        try:
            yield Forks(process, folder)
        finally:
            process.kill()


def _serve(asked: IO[bytes], answers: int) -> None:
    """Fork for each line of *asked*; in a child that returns, to become the command."""
    for line in asked:
        command = json.loads(line)
        child = os.fork()
        if child == 0:
            os.close(answers)
            _become(command)
            return
        _, status = os.waitpid(child, 0)
        os.write(answers, b"%d\n" % os.waitstatus_to_exitcode(status))
    os._exit(0)


def _become(command: dict[str, Any]) -> None:
    for number, path in enumerate((os.devnull, *command["said"])):
        flags = os.O_RDONLY if number == 0 else os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        opened = os.open(path, flags)
        os.dup2(opened, number)
        os.close(opened)
    os.environ.clear()
    os.environ.update(command["env"])
    sys.argv[1:] = command["arguments"]


if __name__ == "__main__":
    from license_server.cli import main

    for found in pkgutil.walk_packages(license_server.__path__, "license_server."):
        if not found.name.startswith(_FACES) and "__main__" not in found.name:
            import_module(found.name)
    gc.freeze()  # what is there already is not looked through in every child
    with os.fdopen(os.dup(0), "rb") as given:
        _serve(given, os.dup(1))
    sys.exit(main.main())

"""``license-server`` as processes that need not start Python: forked from one that imported all.

The process that forks writes nothing, so a shim in it (tests/support/shim.c) begins to count anew
in each of them.
"""

import array
import atexit
import gc
import json
import os
import pkgutil
import runpy
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from importlib import import_module
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

REPOSITORY = Path(__file__).resolve().parents[2]
COMMAND = "license_server"
_MOST = 65_536
"""Bytes of what is asked for."""


class Forked:
    """A process of the command, as ``subprocess.Popen`` is one."""

    def __init__(self, asked: socket.socket, stdout: IO[bytes] | None) -> None:
        self._asked, self.stdout = asked, stdout
        self._said = b""
        self.returncode: int | None = None
        while b"\n" not in self._said:
            self._hear()
        first, _, self._said = self._said.partition(b"\n")
        self.pid = int(first)

    def wait(self, timeout: float | None = None) -> int:
        """Its exit code, or less than 0: the signal. Raises subprocess.TimeoutExpired."""
        until = None if timeout is None else time.monotonic() + timeout
        while self.returncode is None:
            left = None if until is None else max(0, until - time.monotonic())
            if not select.select([self._asked], [], [], left)[0]:
                raise subprocess.TimeoutExpired("license-server", timeout or 0)
            self._hear()
            if self._said.endswith(b"\n"):
                self.returncode = int(self._said)
        return self.returncode

    def poll(self) -> int | None:
        """Its exit code; None while it runs."""
        try:
            return self.wait(0)
        except subprocess.TimeoutExpired:
            return None

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        if self.poll() is None:
            with suppress(ProcessLookupError):  # it ended just now, which is told soon
                os.kill(self.pid, number)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it at once."""
        self.send_signal(signal.SIGKILL)

    def _hear(self) -> None:
        heard = self._asked.recv(64)
        assert heard, "what forks has died"
        self._said += heard

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        if self.stdout is not None:
            self.stdout.close()
        self.wait()
        self._asked.close()


class Forks:
    """The process that forks, as a test talks to it, with *env* around it."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="hostseal-forks-")
        self.address = f"{self._folder.name}/socket"
        line = [sys.executable, "-m", "tests.support.forked", self.address]
        # It ends when its standard input does: with this process, however that ends.
        self._process = subprocess.Popen(
            line, env=env, cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == b"ready\n"

    def close(self) -> None:
        """End it; what it has forked goes on."""
        self._process.kill()
        self._process.communicate()
        self._folder.cleanup()

    def start(
        self,
        *arguments: str,
        env: Mapping[str, str],
        stderr: IO[bytes],
        cwd: Path = REPOSITORY,
        module: str = COMMAND,
    ) -> Forked:
        """Start ``license-server``, with nothing to read, and a pipe to read what it prints.

        Another *module* is the command with something changed.
        """
        reading, writing = os.pipe()
        with open(os.devnull, "rb") as empty, os.fdopen(writing, "wb") as printed:
            files = (empty.fileno(), printed.fileno(), stderr.fileno())
            asked = ask(self.address, arguments, env, str(cwd), files, module)
        return Forked(asked, os.fdopen(reading, "rb"))

    def run(
        self, *arguments: str, env: Mapping[str, str], module: str = COMMAND
    ) -> "subprocess.CompletedProcess[str]":
        """Run ``license-server``, with nothing to read."""
        with (
            tempfile.TemporaryFile() as err,
            self.start(*arguments, env=env, stderr=err, module=module) as done,
        ):
            assert done.stdout is not None
            out = done.stdout.read().decode()
            code = done.wait(120)
            err.seek(0)
            return subprocess.CompletedProcess(arguments, code, out, err.read().decode())


@cache
def shared() -> Forks:
    """What forks for all tests of this process."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    made = Forks(kept)
    atexit.register(made.close)
    return made


def ask(
    address: str,
    arguments: Sequence[str],
    env: Mapping[str, str],
    cwd: str,
    files: tuple[int, ...],
    module: str = COMMAND,
) -> socket.socket:
    """Ask what forks at *address* for a process; it answers with a line for its id, and its end."""
    made = socket.socket(socket.AF_UNIX)
    made.connect(address)
    asked = {"arguments": arguments, "env": dict(env), "cwd": cwd, "module": module}
    text = json.dumps(asked).encode()
    rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", files))
    made.sendmsg([text], [rights])
    made.shutdown(socket.SHUT_WR)
    return made


def write_shim(place: Path) -> None:
    """Make *place* a command ``license-server`` for scripts, forked as others are."""
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(
        f"#!{sys.executable}\nimport os, sys\nsys.path.append({str(REPOSITORY)!r})\n"
        "from tests.support.forked import Forked, ask\n"
        f"told = ({shared().address!r}, sys.argv[1:], dict(os.environ), os.getcwd(), (0, 1, 2))\n"
        "sys.exit(Forked(ask(*told), None).wait())\n"
    )
    place.chmod(0o755)


def _serve(listening: socket.socket) -> str:
    """Fork for each that asks; in a child that returns, to become the command of a module."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for those who wait
    while True:
        ready, _, _ = select.select([listening.fileno(), 0], [], [])
        if 0 in ready:
            os._exit(0)
        asking, _ = listening.accept()
        with asking:
            if os.fork() == 0:
                listening.close()
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                if (module := _forked(asking)) is not None:
                    return module
                os._exit(0)


def _forked(asking: socket.socket) -> str | None:
    """The module of the command that this is; None: it has ended."""
    text, rights, _, _ = asking.recvmsg(_MOST, socket.CMSG_SPACE(12))
    while more := asking.recv(_MOST):
        text += more
    files = array.array("i", rights[0][2])
    child = os.fork()
    if child == 0:
        asking.close()
        return _become(json.loads(text), files)
    for number in (0, 1, 2, *files):
        os.close(number)
    asking.sendall(b"%d\n" % child)
    _, status = os.waitpid(child, 0)
    asking.sendall(b"%d\n" % os.waitstatus_to_exitcode(status))
    return None


def _become(command: dict[str, Any], files: "array.array[int]") -> str:
    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)
    os.chdir(command["cwd"])
    os.environ.clear()
    os.environ.update(command["env"])
    time.tzset()
    sys.argv = [str(REPOSITORY / "license_server" / "__main__.py"), *command["arguments"]]
    return str(command["module"])


if __name__ == "__main__":
    import license_server
    from license_server.cli import main

    for found in pkgutil.walk_packages(license_server.__path__, "license_server."):
        if "__main__" not in found.name:
            import_module(found.name)
    gc.freeze()  # what is there already is not looked through in every child
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(sys.argv[1])
        one.listen()
        os.write(1, b"ready\n")
        asked_for = _serve(one)
    if asked_for == COMMAND:
        sys.exit(main.main())
    runpy.run_module(asked_for, run_name="__main__")

"""A container engine for the tests: the few commands they need, alike for Docker and podman.

The engine has a network of its own with nothing but loopback, so containers reach each other and
nobody else, and addresses start from the same pool on every machine. Nothing of it outlives the
process that started it. What starts one: `docker.py`, `podman.py`.
"""

import ctypes
import json
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from tests.support.containers.image import BASE_IMAGE

PROJECT = Path(__file__).resolve().parents[3]
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

_NETWORK = 0x40000000  # CLONE_NEWNET
_COMMAND_SECONDS = 60.0
_STOP_SECONDS = 30.0
# Ends at once on SIGTERM, and reaps the orphans that a start script leaves to process 1.
_IDLE = ("/bin/sh", "-c", "trap 'exit 0' TERM; sleep infinity & wait")


class EngineUnavailableError(Exception):
    """No such engine can run here."""


class EngineError(Exception):
    """A command of the engine failed; `stderr` is what it said."""

    def __init__(self, args: tuple[str, ...], stderr: str) -> None:
        super().__init__(f"{' '.join(args)}: {stderr.strip()}")
        self.stderr = stderr


@dataclass(frozen=True)
class Container:
    """A container by its name; it may be running, stopped or gone."""

    engine: "Engine"
    name: str

    @property
    def id(self) -> str:
        """The container id: 64 hex digits."""
        return str(self._inspect()["Id"])

    def exec(
        self,
        *argv: str,
        user: str | None = None,
        env: Iterable[str] = (),
        stdin: str | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """Runs a command inside, with `env` as NAME=value; its exit code is the caller's to judge.

        As with the engine itself, 126 and 127 also mean that the command could not be run at all.
        """
        options = [] if stdin is None else ["--interactive"]
        options += _option("--user", user) + _each("--env", env)
        return self.engine.call("exec", *options, self.name, *argv, stdin=stdin, check=False)

    def read(self, path: str) -> str:
        """The text of a file as the container sees it; EngineError if it cannot be read."""
        return self.engine.call("exec", self.name, "cat", path).stdout

    def stop(self) -> None:
        self.engine.call("stop", "--time", "1", self.name)

    def start(self) -> None:
        self.engine.call("start", self.name)

    def restart(self) -> None:
        self.engine.call("restart", "--time", "1", self.name)

    def remove(self) -> None:
        self.engine.call("rm", "--force", self.name)

    def commit(self, image: str) -> str:
        """Makes an image of what the container has written, and returns the image's name."""
        self.engine.call("commit", self.name, image)
        return image

    def ip(self, network: str | None = None) -> str:
        """The IPv4 address on `network`, or on its only one; empty while stopped."""
        return self._on(network)["IPAddress"]

    def mac(self) -> str:
        """The MAC address on the only network."""
        return self._on(None)["MacAddress"]

    def _on(self, network: str | None) -> dict[str, str]:
        networks = self._inspect()["NetworkSettings"]["Networks"]
        if network is None:
            (network,) = networks
        return dict(networks[network])

    # JSON of a foreign program, whose shape is its own.
    def _inspect(self) -> dict:  # type: ignore[type-arg]
        (details,) = json.loads(self.engine.call("container", "inspect", self.name).stdout)
        return dict(details)


@dataclass(frozen=True)
class Engine:
    """An engine that runs in the private namespaces of `process`."""

    home: Path
    process: "subprocess.Popen[bytes]"
    command: tuple[str, ...]
    environment: dict[str, str]

    def call(
        self, *args: str, stdin: str | None = None, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """Runs one command of the engine; EngineError if it fails and `check` is set."""
        done = subprocess.run(
            [*self.command, *args],
            env=self.environment,
            input=stdin if stdin is not None else "",
            capture_output=True,
            text=True,
            timeout=_COMMAND_SECONDS,
        )
        if check and done.returncode != 0:
            raise EngineError(args, done.stderr)
        return done

    def on_machine(self, *argv: str) -> None:
        """Runs a command on what the containers take for their machine: its network, its /run."""
        subprocess.run(
            [*within(self.process), *argv], env={"PATH": PATH}, check=True, capture_output=True
        )

    def listening(self) -> socket.socket:
        """A socket that listens on that machine, at all of its addresses; whoever has it is here.

        Containers reach it by the name that ``--add-host NAME:host-gateway`` gives it.
        """
        made: list[socket.socket] = []

        def listen() -> None:  # a thread may be in a network of its own, and its socket stays there
            with open(f"/proc/{self.process.pid}/ns/net", "rb") as network:
                assert ctypes.CDLL(None).setns(network.fileno(), _NETWORK) == 0
            made.append(socket.create_server(("0.0.0.0", 0)))

        thread = threading.Thread(target=listen)
        thread.start()
        thread.join()
        return made[0]

    def import_base(self, image: bytes) -> None:
        """Makes the base image of a tar."""
        self._import("-", BASE_IMAGE, image)

    def import_image(self, tar: Path, name: str) -> str:
        """Makes an image of a tar that holds nothing of this machine; its *name*."""
        self._import(str(tar), name, b"")
        return name

    def _import(self, tar: str, name: str, data: bytes) -> None:
        subprocess.run(
            [*self.command, "import", tar, name],
            env=self.environment,
            input=data,
            capture_output=True,
            check=True,
            timeout=_COMMAND_SECONDS,
        )

    def run(
        self,
        name: str,
        *command: str,
        network: str | None = None,
        ip: str | None = None,
        hostname: str | None = None,
        env: Iterable[str] = (),
        binds: Iterable[str] = (),
        user: str | None = None,
        image: str = BASE_IMAGE,
        options: Iterable[str] = (),
        is_apart: bool = False,
    ) -> Container:
        """Starts a container, idle by default, that sees this interpreter and this checkout.

        One that *is_apart* sees nothing of this machine but `binds`.

        `env` holds NAME=value, `binds` holds SOURCE:TARGET (writable) or SOURCE:TARGET:ro, and
        `options` whatever else `run` takes. A name has two characters or more.
        """
        arguments = ["--detach", "--name", name]
        arguments += _option("--network", network) + _option("--ip", ip)
        arguments += _option("--hostname", hostname) + _option("--user", user)
        arguments += _each("--env", env)
        if not is_apart:
            arguments += _each("--volume", (f"{path}:{path}:ro" for path in shared_paths()))
        arguments += _each("--volume", binds)
        self.call("run", *arguments, *options, image, *(command or _IDLE))
        return Container(self, name)

    def network_create(
        self,
        name: str,
        *,
        subnet: str | None = None,
        gateway: str | None = None,
        ip_range: str | None = None,
        options: Iterable[str] = (),
    ) -> str:
        """Makes a bridge network and returns its name."""
        arguments = _option("--subnet", subnet) + _option("--gateway", gateway)
        arguments += _option("--ip-range", ip_range)
        self.call("network", "create", *arguments, *options, name)
        return name

    def network_connect(self, network: str, container: Container, *, ip: str | None = None) -> None:
        self.call("network", "connect", *_option("--ip", ip), network, container.name)

    def network_disconnect(self, network: str, container: Container) -> None:
        self.call("network", "disconnect", network, container.name)

    def clear(self) -> None:
        """Removes every container, every network that was made, and every image but the base."""
        if containers := self._listed("ps", "--all", "--quiet"):
            self.call("rm", "--force", "--volumes", *containers)
        self.call("network", "prune", "--force")
        for image in self._listed("images", "--format", "{{.Repository}}:{{.Tag}}"):
            if not image.endswith(BASE_IMAGE):
                self.call("rmi", "--force", image)

    def stop(self) -> None:
        """Ends the engine and whatever runs in it."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        try:
            self.process.wait(timeout=_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()  # --kill-child: the process namespace dies with it
            self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()

    def _listed(self, *args: str) -> list[str]:
        return self.call(*args).stdout.split()


def not_found(*tools: str) -> list[str]:
    """Those of `tools`, by name or path, that this machine lacks."""
    return [tool for tool in tools if shutil.which(tool, path=PATH) is None]


def spawn(
    script: str, *arguments: str, env: dict[str, str], output: IO[bytes] | int
) -> "subprocess.Popen[bytes]":
    """Runs a script of this folder as the first process of private namespaces.

    It lives until its standard input ends: whoever holds the pipe has closed it, or has died.
    """
    namespaces = ["--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
    path = str(Path(__file__).with_name(script))
    return subprocess.Popen(
        ["unshare", *namespaces, "--propagation", "private", "bash", path, *arguments],
        env={"PATH": PATH} | env,
        stdin=subprocess.PIPE,
        stdout=output,
        stderr=subprocess.STDOUT,
        start_new_session=True,  # Ctrl-C is for pytest, which then stops the engine in order
    )


def within(process: "subprocess.Popen[bytes]") -> tuple[str, ...]:
    """The start of a command line that runs in the namespaces of a `spawn`ed process."""
    own = f"/proc/{process.pid}/ns"
    spaces = (f"--net={own}/net", f"--mount={own}/mnt", f"--pid={own}/pid_for_children")
    return ("nsenter", *spaces, "--")


def shared_paths() -> list[Path]:
    """The folders that a container needs to run this interpreter on this checkout, each once."""
    shared = [Path("/usr"), PROJECT]
    for path in (Path(sys.base_prefix).resolve(), Path(sys.prefix).absolute()):
        if not any(path.is_relative_to(known) for known in shared):
            shared.append(path)
    return shared


def _option(name: str, value: str | None) -> list[str]:
    return [] if value is None else [name, value]


def _each(name: str, values: Iterable[str]) -> list[str]:
    return [word for value in values for word in (name, value)]

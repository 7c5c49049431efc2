"""A Docker engine of our own: a daemon in private namespaces, and the few verbs that tests need.

The daemon sees a network of its own with nothing but loopback, so containers reach each other and
nobody else, and addresses start from the same pool on every machine. Nothing of it outlives the
process that started it: see `dockerd.sh`.
"""

import io
import json
import os
import select
import shutil
import socket
import subprocess
import sys
import tarfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

DOCKER = "/usr/bin/docker"  # by its full path: another `docker` may come first in PATH
DOCKERD = "/usr/sbin/dockerd"
PROJECT = Path(__file__).resolve().parents[2]
MACHINE_ID = "5e1f0c7a9b3d4e2f8a6b1c0d9e8f7a6b"  # baked into the image, so every container has it
OPERATOR = "operator"  # the unprivileged user of the image
BASE_IMAGE = "base:test"

_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_START_SECONDS = 60.0
_COMMAND_SECONDS = 60.0
# Ends at once on SIGTERM, and reaps the orphans that a start script leaves to process 1.
_IDLE = ("/bin/sh", "-c", "trap 'exit 0' TERM; sleep infinity & wait")


class EngineUnavailableError(Exception):
    """No Docker engine can run here."""


class DockerError(Exception):
    """A docker command failed; `stderr` is what it said."""

    def __init__(self, args: tuple[str, ...], stderr: str) -> None:
        super().__init__(f"docker {' '.join(args)}: {stderr.strip()}")
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

        As with docker itself, 126 and 127 also mean that the command could not be run at all.
        """
        options = [] if stdin is None else ["--interactive"]
        options += _option("--user", user) + _each("--env", env)
        return self.engine.docker("exec", *options, self.name, *argv, stdin=stdin, check=False)

    def read(self, path: str) -> str:
        """The text of a file as the container sees it; DockerError if it cannot be read."""
        return self.engine.docker("exec", self.name, "cat", path).stdout

    def stop(self) -> None:
        self.engine.docker("stop", "--time", "1", self.name)

    def start(self) -> None:
        self.engine.docker("start", self.name)

    def restart(self) -> None:
        self.engine.docker("restart", "--time", "1", self.name)

    def remove(self) -> None:
        self.engine.docker("rm", "--force", self.name)

    def commit(self, image: str) -> str:
        """Makes an image of what the container has written, and returns the image's name."""
        self.engine.docker("commit", self.name, image)
        return image

    def ip(self, network: str | None = None) -> str:
        """The IPv4 address on `network`, or on its only one; empty while stopped."""
        networks = self._inspect()["NetworkSettings"]["Networks"]
        if network is None:
            (network,) = networks
        return str(networks[network]["IPAddress"])

    # JSON of a foreign program, whose shape is its own.
    def _inspect(self) -> dict:  # type: ignore[type-arg]
        (details,) = json.loads(self.engine.docker("container", "inspect", self.name).stdout)
        return dict(details)


@dataclass(frozen=True)
class Engine:
    """A running daemon, reached over the socket in `home`."""

    home: Path

    def docker(
        self, *args: str, stdin: str | None = None, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """Runs one docker command; DockerError if it fails and `check` is set."""
        done = subprocess.run(
            [DOCKER, *args],
            env=_environment(self.home),
            input=stdin if stdin is not None else "",
            capture_output=True,
            text=True,
            timeout=_COMMAND_SECONDS,
        )
        if check and done.returncode != 0:
            raise DockerError(args, done.stderr)
        return done

    def run(
        self,
        name: str,
        *,
        network: str | None = None,
        ip: str | None = None,
        hostname: str | None = None,
        env: Iterable[str] = (),
        binds: Iterable[str] = (),
        user: str | None = None,
        image: str = BASE_IMAGE,
        options: Iterable[str] = (),
    ) -> Container:
        """Starts an idle container that sees this interpreter and this checkout, read-only.

        `env` holds NAME=value, `binds` holds SOURCE:TARGET (writable) or SOURCE:TARGET:ro, and
        `options` whatever else `docker run` takes. A name has two characters or more.
        """
        arguments = ["--detach", "--name", name]
        arguments += _option("--network", network) + _option("--ip", ip)
        arguments += _option("--hostname", hostname) + _option("--user", user)
        arguments += _each("--env", env)
        arguments += _each("--volume", (f"{path}:{path}:ro" for path in _shared_paths()))
        arguments += _each("--volume", binds)
        self.docker("run", *arguments, *options, image, *_IDLE)
        return Container(self, name)

    def network_create(
        self,
        name: str,
        *,
        subnet: str | None = None,
        gateway: str | None = None,
        ip_range: str | None = None,
    ) -> str:
        """Makes a bridge network and returns its name."""
        options = _option("--subnet", subnet) + _option("--gateway", gateway)
        self.docker("network", "create", *options, *_option("--ip-range", ip_range), name)
        return name

    def network_connect(self, network: str, container: Container, *, ip: str | None = None) -> None:
        self.docker("network", "connect", *_option("--ip", ip), network, container.name)

    def network_disconnect(self, network: str, container: Container) -> None:
        self.docker("network", "disconnect", network, container.name)

    def clear(self) -> None:
        """Removes every container, every network that was made, and every image but the base."""
        if containers := self._listed("ps", "--all", "--quiet"):
            self.docker("rm", "--force", "--volumes", *containers)
        for identity in self._listed("network", "ls", "--filter", "type=custom", "--quiet"):
            self.docker("network", "rm", identity)
        for image in self._listed("images", "--format", "{{.Repository}}:{{.Tag}}"):
            if image != BASE_IMAGE:
                self.docker("rmi", "--force", image)

    def _listed(self, *args: str) -> list[str]:
        return self.docker(*args).stdout.split()


def missing_here() -> str | None:
    """What keeps an engine from running on this machine, and its cure; None if nothing is known."""
    tools = [DOCKER, DOCKERD, "unshare", "ip", "iptables"]
    missing = [tool for tool in tools if shutil.which(tool, path=_PATH) is None]
    if missing:
        return (
            f"no Docker engine: {', '.join(missing)} not found; "
            "apt-get install docker.io iptables iproute2 util-linux"
        )
    if os.geteuid() != 0:
        return "a Docker engine of our own needs root: run these tests as root"
    return None


@contextmanager
def running_engine(home: Path) -> Iterator[Engine]:
    """Runs a daemon with its data in `home` for as long as the context lasts.

    Raises EngineUnavailableError with the daemon's last words where it does not come up.
    """
    try:
        daemon = _start(home, "overlay2")
    except EngineUnavailableError as error:
        # vfs copies whole images, so it is only for file systems where overlay2 cannot mount.
        if "error initializing graphdriver" not in str(error):
            raise
        daemon = _start(home, "vfs")
    try:
        engine = Engine(home)
        subprocess.run(
            [DOCKER, "import", "-", BASE_IMAGE],
            env=_environment(home),
            input=_base_image(),
            stdout=subprocess.DEVNULL,
            check=True,
            timeout=_COMMAND_SECONDS,
        )
        yield engine
    finally:
        _stop(daemon)


def _start(home: Path, driver: str) -> subprocess.Popen[bytes]:
    log = home / f"dockerd-{driver}.log"
    ready = home / "ready.sock"
    ready.unlink(missing_ok=True)
    namespaces = ["--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
    script = str(Path(__file__).with_name("dockerd.sh"))
    # dockerd tells its readiness as a systemd service does: see sd_notify(3).
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notified, log.open("wb") as output:
        notified.bind(str(ready))
        daemon = subprocess.Popen(
            ["unshare", *namespaces, "--propagation", "private", "bash", script, str(home), driver],
            env=_environment(home) | {"NOTIFY_SOCKET": str(ready)},
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C is for pytest, which then stops the daemon in order
        )
        ended = os.pidfd_open(daemon.pid)
        try:
            readable, _, _ = select.select([notified.fileno(), ended], [], [], _START_SECONDS)
        finally:
            os.close(ended)
        if notified.fileno() in readable:
            return daemon
    _stop(daemon)
    last_words = " | ".join(log.read_text(errors="replace").splitlines()[-3:])
    raise EngineUnavailableError(f"dockerd did not come up with {driver}: {last_words}")


def _stop(daemon: subprocess.Popen[bytes]) -> None:
    assert daemon.stdin is not None
    daemon.stdin.close()
    try:
        daemon.wait(timeout=30)
    except subprocess.TimeoutExpired:
        daemon.kill()  # --kill-child: the process namespace dies with it
        daemon.wait()


def _environment(home: Path) -> dict[str, str]:
    """A daemon and a client that no setting of this machine's user reaches."""
    return {
        "PATH": _PATH,
        "DOCKER_HOST": f"unix://{home}/d.sock",
        "DOCKER_CONFIG": str(home / "client"),
    }


def _shared_paths() -> list[Path]:
    """The folders that a container needs to run this interpreter on this checkout, each once."""
    shared = [Path("/usr"), PROJECT]
    for path in (Path(sys.base_prefix).resolve(), Path(sys.prefix).absolute()):
        if not any(path.is_relative_to(known) for known in shared):
            shared.append(path)
    return shared


def _base_image() -> bytes:
    """A tar of empty folders and of links into /usr, which each container mounts."""
    texts = {
        "etc/machine-id": f"{MACHINE_ID}\n",
        "etc/passwd": (
            f"root:x:0:0:root:/root:/bin/sh\n{OPERATOR}:x:1000:1000::/home/{OPERATOR}:/bin/sh\n"
        ),
        "etc/group": f"root:x:0:\n{OPERATOR}:x:1000:\n",
    }
    files = {name: text.encode() for name, text in texts.items()}
    # Finds libraries in /usr/local/lib, where some interpreters keep their own.
    linker_cache = Path("/etc/ld.so.cache")
    if linker_cache.exists():
        files["etc/ld.so.cache"] = linker_cache.read_bytes()

    # /root is open, as an interpreter of root's may be mounted below it.
    folders = {"usr": 0o755, "etc": 0o755, "root": 0o755, "home": 0o755, f"home/{OPERATOR}": 0o755}
    folders |= {"tmp": 0o1777, "proc": 0o555, "sys": 0o555, "dev": 0o755, "run": 0o755}
    folders |= {"var": 0o755, "opt": 0o755}

    output = io.BytesIO()
    with tarfile.open(fileobj=output, mode="w") as tar:
        for name, mode in folders.items():
            entry = tarfile.TarInfo(name)
            entry.type, entry.mode = tarfile.DIRTYPE, mode
            if name.endswith(OPERATOR):
                entry.uid = entry.gid = 1000
            tar.addfile(entry)
        for name in ("bin", "sbin", "lib", "lib64"):
            entry = tarfile.TarInfo(name)
            entry.type, entry.linkname = tarfile.SYMTYPE, f"usr/{name}"
            tar.addfile(entry)
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.mode, entry.size = 0o644, len(content)
            tar.addfile(entry, io.BytesIO(content))
    return output.getvalue()


def _option(name: str, value: str | None) -> list[str]:
    return [] if value is None else [name, value]


def _each(name: str, values: Iterable[str]) -> list[str]:
    return [word for value in values for word in (name, value)]

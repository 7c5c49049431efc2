"""A Docker daemon for the tests (see `docker.sh`)."""

import json
import os
import select
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.containers.engine import Engine, EngineUnavailableError, not_found, spawn
from tests.support.containers.image import base_image

DOCKER = "/usr/bin/docker"  # by its full path: another `docker` may come first in PATH
DOCKERD = "/usr/sbin/dockerd"

_START_SECONDS = 240.0


def missing_here() -> str | None:
    """What keeps Docker from running on this machine, and its cure; None if nothing is known."""
    missing = not_found(DOCKER, DOCKERD, "unshare", "ip", "iptables")
    if missing:
        return (
            f"no Docker engine: {', '.join(missing)} not found; "
            "apt-get install docker.io iptables iproute2 util-linux"
        )
    if os.geteuid() != 0:
        return "a Docker engine of our own needs root: run these tests as root"
    return None


@contextmanager
def running_docker(home: Path) -> Iterator[Engine]:
    """Runs a daemon with its data in `home` for as long as the context lasts.

    Raises EngineUnavailableError with the daemon's last words where it does not come up.
    """
    try:
        engine = _start(home, "overlay2")
    except EngineUnavailableError as error:
        # vfs copies whole images, so it is only for file systems where overlay2 cannot mount.
        if "error initializing graphdriver" not in str(error):
            raise
        engine = _start(home, "vfs")
    try:
        engine.import_base(base_image())
        yield engine
    finally:
        engine.stop()


def restart_daemon(engine: Engine, **settings: str) -> None:
    """Ends the daemon, and with it every container, and starts it with these settings."""
    assert engine.process.stdin is not None
    (engine.home / "daemon.json").write_text(json.dumps(settings))
    with _notified(engine.home) as notified:
        engine.process.stdin.write(b"again\n")
        engine.process.stdin.flush()
        # It says STOPPING=1 when it ends and READY=1 when it is back.
        while b"READY=1" not in _said(notified, engine.process):
            pass


@contextmanager
def _notified(home: Path) -> Iterator[socket.socket]:
    """Where dockerd tells its readiness, as a systemd service does: see sd_notify(3)."""
    ready = home / "ready.sock"
    ready.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notified:
        notified.bind(str(ready))
        yield notified


def _said(notified: socket.socket, process: "subprocess.Popen[bytes]") -> bytes:
    """The daemon's next message. Raises EngineUnavailableError if it ends or stays silent."""
    ended = os.pidfd_open(process.pid)
    try:
        readable, _, _ = select.select([notified.fileno(), ended], [], [], _START_SECONDS)
    finally:
        os.close(ended)
    if notified.fileno() not in readable:
        raise EngineUnavailableError("dockerd said nothing")
    return notified.recv(4096)


def _start(home: Path, driver: str) -> Engine:
    environment = {
        "DOCKER_HOST": f"unix://{home}/d.sock",
        "DOCKER_CONFIG": str(home / "client"),  # no setting of this machine's user
    }
    log = home / f"dockerd-{driver}.log"
    with _notified(home) as notified, log.open("wb") as output:
        told = environment | {"NOTIFY_SOCKET": str(home / "ready.sock")}
        process = spawn("docker.sh", str(home), driver, env=told, output=output)
        engine = Engine(home, process, (DOCKER,), environment)
        try:
            _said(notified, process)
        except EngineUnavailableError as error:
            engine.stop()
            last_words = " | ".join(log.read_text(errors="replace").splitlines()[-3:])
            raise EngineUnavailableError(f"dockerd with {driver}: {last_words}") from error
    return engine

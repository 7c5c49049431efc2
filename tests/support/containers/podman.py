"""podman for the tests, in namespaces of its own (see `podman.sh`)."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.containers.engine import (
    PATH,
    Engine,
    EngineError,
    EngineUnavailableError,
    not_found,
    spawn,
    within,
)
from tests.support.containers.image import base_image

PODMAN = "/usr/bin/podman"
NETAVARK, AARDVARK = "/usr/lib/podman/netavark", "/usr/lib/podman/aardvark-dns"

_CONF = """\
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
static_dir = "{home}/root/libpod"
volume_path = "{home}/root/volumes"
[network]
network_backend = "netavark"
network_config_dir = "{home}/networks"
"""
_STORAGE = """\
[storage]
driver = "{driver}"
graphroot = "{home}/root"
runroot = "/run/containers"
"""


def missing_here() -> str | None:
    """What keeps podman from running on this machine, and its cure; None if nothing is known."""
    missing = not_found(PODMAN, NETAVARK, AARDVARK, "unshare", "nsenter", "ip", "iptables")
    if missing:
        return (
            f"no podman: {', '.join(missing)} not found; "
            "apt-get install podman netavark aardvark-dns runc iptables iproute2 util-linux"
        )
    if os.geteuid() != 0:
        return "podman as machines run it needs root: run these tests as root"
    return None


@contextmanager
def running_podman(home: Path) -> Iterator[Engine]:
    """Runs podman with its data in `home` for as long as the context lasts.

    Raises EngineUnavailableError with its last words where it cannot run.
    """
    try:
        engine = _start(home, "overlay")
    except EngineUnavailableError as error:
        # vfs copies whole images, so it is only for file systems where overlay cannot mount.
        if "overlay" not in str(error):
            raise
        engine = _start(home, "vfs")
    try:
        engine.import_base(base_image())
        yield engine
    finally:
        engine.stop()


def _start(home: Path, driver: str) -> Engine:
    # Nothing is read from, or written to, this machine's own /etc/containers and /var/lib.
    (home / "containers.conf").write_text(_CONF.format(home=home))
    (home / "storage.conf").write_text(_STORAGE.format(home=home, driver=driver))
    environment = {
        "PATH": PATH,
        "HOME": str(home),
        "CONTAINERS_CONF": str(home / "containers.conf"),
        "CONTAINERS_STORAGE_CONF": str(home / "storage.conf"),
    }
    # /run is the namespace's own; podman takes no runroot of more than 50 characters.
    folders = ("--root", f"{home}/root", "--runroot", "/run/containers", "--tmpdir", "/run/libpod")
    process = spawn(
        "podman.sh", str(home), PODMAN, *folders, env=environment, output=subprocess.PIPE
    )
    engine = Engine(home, process, (*within(process), PODMAN, *folders), environment)
    assert process.stdout is not None
    try:
        if process.stdout.readline() != b"ready\n":
            raise EngineUnavailableError(
                f"podman: {process.stdout.read().decode(errors='replace')}"
            )
        engine.call("info")
    except EngineError as error:
        engine.stop()
        raise EngineUnavailableError(str(error)) from error
    except EngineUnavailableError:
        engine.stop()
        raise
    return engine

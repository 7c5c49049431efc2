"""The example's platform for tests: a copy, with a client of the test's own or the real one."""

import os
import select
import shutil
import subprocess
import time
from pathlib import Path

from tests.support.cli import World

REPOSITORY = Path(__file__).resolve().parents[2]
EXAMPLE = REPOSITORY / "examples" / "darwin-platform"
UNCHECKED, NO_SERVICE = 70, 71
HOLDS = "echo '[N]: Licence X holds'"
GUARD = 'while [ "$1" != -- ]; do shift; done; shift; exec "$@"'
"""A guard that has seen a licence that holds, and then looks away."""
SHELLS = ("dash", "bash", "busybox")


def shell_folder(shell: str, folder: Path) -> str | None:
    """A PATH on which *shell*, one of SHELLS, is ``sh``; None where this machine has no such one.

    BusyBox brings its own commands too.
    """
    found = shutil.which(shell)
    if found is None:
        return None
    folder.mkdir()
    (folder / "sh").symlink_to(found)
    if shell == "busybox":
        listed = subprocess.run([found, "--list"], capture_output=True, text=True, check=True)
        for applet in set(listed.stdout.split()) - {"sh", "busybox"}:
            (folder / applet).symlink_to(found)
    return f"{folder}:{os.environ['PATH']}"


def copied(folder: Path) -> Path:
    """A copy of the example, at *folder*."""
    shutil.copytree(EXAMPLE, folder)
    return folder


def client(platform: Path, verify: str = HOLDS, guard: str = GUARD) -> Path:
    """A client in the shell's language, that does *verify* or *guard*."""
    path = platform / "client"
    path.write_text(f'if [ "$1" = guard ]; then\n{guard}\nfi\n{verify}', "ascii")
    return path


def start(
    path: str,
    platform: Path,
    cli: Path | str,
    python: str = "/bin/sh",
    *arguments: str,
    cwd: Path | None = None,
    inside: tuple[str, ...] = (),
    **environment: str,
) -> "subprocess.CompletedProcess[str]":
    """start.sh, run to its end with nobody at the keyboard; commands are looked for on *path*.

    *inside* comes before its command.
    """
    return subprocess.run(
        [*inside, sh(path), str(platform / "start.sh"), *arguments],
        env=environment_of(path, cli, python) | environment,
        cwd=cwd or "/",
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )


def sh(path: str) -> str:
    """The shell on *path*."""
    return str(shutil.which("sh", path=path))


def stop(
    path: str, platform: Path, inside: tuple[str, ...] = ()
) -> "subprocess.CompletedProcess[str]":
    """stop.sh, run to its end; *inside* comes before its command."""
    return subprocess.run(
        [*inside, sh(path), str(platform / "stop.sh")],
        env={"PATH": path},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )


def environment_of(path: str, cli: Path | str, python: str) -> dict[str, str]:
    """What start.sh is told of its client."""
    return {"PATH": path, "LICENSE_CLI": str(cli), "LICENSE_PYTHON": python}


def pid(platform: Path, service: str) -> int:
    """The number of a service, or of ``license_guard``."""
    return int((platform / "run" / f"{service}.pid").read_text().split()[0])


def running(platform: Path) -> dict[str, int]:
    """The numbers of what start.sh has started and stop.sh has not stopped."""
    names = ("redis", "scheduler", "designer", "license_guard")
    return {name: pid(platform, name) for name in names if noted(platform, name)}


def noted(platform: Path, service: str) -> bool:
    """Whether a service has been started and not been stopped."""
    return (platform / "run" / f"{service}.pid").is_file()


def ended(number: int) -> None:
    """Fails unless the process ends; one that nobody has waited for yet has ended too."""
    try:
        process = os.pidfd_open(number)
    except ProcessLookupError:
        return
    try:
        assert select.select([process], [], [], 60)[0], "it was left running"
    finally:
        os.close(process)


def real_client(platform: Path, folder: Path) -> Path:
    """The real client with a licence that holds, looking at a recorded container."""
    world = World(folder / "world", now=int(time.time()))
    shutil.copy(world.keys / "root.pub.pem", platform / "keys")
    (platform / "conf" / "license.dat").write_bytes(world.file())
    # Not every machine has an id of its own.
    launcher = platform / "cli.py"
    real = str(REPOSITORY / "cmd" / "cli.py")
    launcher.write_text(
        "import runpy, sys\n"
        f"sys.argv[1:1] = ['--root', {str(world.host)!r}]\n"
        f"runpy.run_path({real!r}, run_name='__main__')\n",
        "utf-8",
    )
    return launcher

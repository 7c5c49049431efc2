"""containerd, runc, LXC and systemd-nspawn: containers of one image, in which the client runs.

A container is a shell that reads lines from a pipe. Nothing of it outlives the process that
started it, as in `engine.py`.
"""

import hashlib
import io
import json
import shlex
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from tests.support.cli import CLI, Done
from tests.support.containers.engine import (
    PATH,
    EngineUnavailableError,
    not_found,
    shared_paths,
    spawn,
    within,
)
from tests.support.containers.image import base_image
from tests.support.talking import LOOP, Shell, SilentError, heard, talking

PROGRAMS = {
    "containerd": "ctr",
    "runc": "runc",
    "LXC": "lxc-execute",
    "systemd-nspawn": "systemd-nspawn",
}
PACKAGES = {
    "containerd": "containerd",
    "runc": "runc",
    "LXC": "lxc",
    "systemd-nspawn": "systemd-container",
}
_LOOP = f"""
folder=$1
echo up
{LOOP}"""


class Others(NamedTuple):
    """The machine that such containers run on."""

    process: "subprocess.Popen[bytes]"
    home: Path


class OtherContainer(NamedTuple):
    """A running container."""

    shell: Shell
    """Its folder is seen inside at the same path."""

    def client(self, *arguments: str) -> Done:
        """One command of the client inside."""
        folder = self.shell.folder
        places = ["--conf", str(folder / "conf"), "--keys", str(folder / "keys")]
        environment = ["env", "-i", f"PATH={PATH}", "LC_ALL=C.UTF-8", "PYTHONDONTWRITEBYTECODE=1"]
        line = shlex.join([*environment, sys.executable, str(CLI), *places, *arguments])
        done = self.shell.run(line)
        assert "Traceback" not in done.err
        return done


def missing_here(engine: str) -> str | None:
    """What keeps the engine from running on this machine, and its cure."""
    missing = not_found(PROGRAMS[engine], "unshare", "nsenter", "ip")
    return (
        f"{', '.join(missing)} not found; apt-get install {PACKAGES[engine]}" if missing else None
    )


@contextmanager
def running_others(home: Path) -> Iterator[Others]:
    """A machine for containers, for as long as the context lasts."""
    (home / "image.tar").write_bytes(_archive(base_image()))
    process = spawn("others.sh", str(home), env={}, output=subprocess.PIPE)
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        said = process.stdout.readline()
        if said != b"ready\n":
            raise EngineUnavailableError(said.decode() + process.stdout.read().decode())
        yield Others(process, home)
    finally:
        process.stdin.close()
        process.wait(timeout=30)
        process.stdout.close()


@contextmanager
def running(
    others: Others, engine: str, name: str, folder: Path, machine_id: Path | None
) -> Iterator[OtherContainer]:
    """A container of *engine* from the image, into which *machine_id* is bound if it is given."""
    binds = {str(path): (str(path), "ro") for path in shared_paths()}
    binds[str(folder)] = (str(folder), "rw")
    if machine_id is not None:
        binds["/etc/machine-id"] = (str(machine_id), "ro")
    command = ["/bin/sh", "-c", _LOOP, "sh", str(folder)]
    line = _COMMANDS[engine](others.home / name, name, binds, command)
    with talking([*within(others.process), *line], {"PATH": PATH}) as process:
        try:
            heard(process, "up")
        except SilentError as error:
            raise EngineUnavailableError(str(error)) from error
        yield OtherContainer(Shell(process, folder))


Binds = dict[str, tuple[str, str]]


def _rootfs(home: Path) -> Path:
    root = home / "rootfs"
    root.mkdir(parents=True)
    with tarfile.open(fileobj=io.BytesIO(base_image())) as archive:
        # Python before 3.11.4 knows no filters, and trusts what it unpacks.
        trusted = {"filter": "fully_trusted"} if hasattr(tarfile, "fully_trusted_filter") else {}
        archive.extractall(root, **trusted)  # type: ignore[arg-type]
    return root


def _ctr(home: Path, name: str, binds: Binds, command: list[str]) -> list[str]:
    mounts = [
        word
        for target, (source, mode) in binds.items()
        for word in ("--mount", f"type=bind,src={source},dst={target},options=rbind:{mode}")
    ]
    image = "docker.io/library/base:test"
    options = ["--rm", "--net-host", *mounts]
    return ["ctr", "-a", "/run/containerd.sock", "run", *options, image, name, *command]


def _runc(home: Path, name: str, binds: Binds, command: list[str]) -> list[str]:
    _rootfs(home)
    subprocess.run(["runc", "spec", "--bundle", str(home)], check=True, env={"PATH": PATH})
    path = home / "config.json"
    config: dict[str, Any] = json.loads(path.read_text())
    config["process"] |= {"terminal": False, "args": command}
    config["root"]["readonly"] = False
    config["hostname"] = name
    config["mounts"] += [
        {"destination": target, "type": "bind", "source": source, "options": ["rbind", mode]}
        for target, (source, mode) in binds.items()
    ]
    spaces = config["linux"]["namespaces"]
    config["linux"]["namespaces"] = [space for space in spaces if space["type"] != "network"]
    path.write_text(json.dumps(config))
    return ["runc", "--root", "/run/runc", "run", "--bundle", str(home), name]


def _lxc(home: Path, name: str, binds: Binds, command: list[str]) -> list[str]:
    root = _rootfs(home)
    folder = home / "lxc" / name
    folder.mkdir(parents=True)
    lines = [
        f"lxc.uts.name = {name}",
        f"lxc.rootfs.path = dir:{root}",
        "lxc.net.0.type = none",
        "lxc.mount.auto = proc:mixed sys:ro",
        *(
            f"lxc.mount.entry = {source} {target[1:]} none bind,{mode},"
            f"create={'file' if target == '/etc/machine-id' else 'dir'} 0 0"
            for target, (source, mode) in binds.items()
        ),
    ]
    (folder / "config").write_text("".join(f"{line}\n" for line in lines))
    return ["lxc-execute", "-P", str(home / "lxc"), "-n", name, "--", *command]


def _nspawn(home: Path, name: str, binds: Binds, command: list[str]) -> list[str]:
    root = _rootfs(home)
    options = [
        f"--bind{'' if mode == 'rw' else '-ro'}={source}:{target}"
        for target, (source, mode) in binds.items()
    ]
    basics = ["--register=no", "--keep-unit", "--quiet", "--pipe", f"--machine={name}"]
    return ["systemd-nspawn", *basics, f"--directory={root}", *options, *command]


_COMMANDS = {"containerd": _ctr, "runc": _runc, "LXC": _lxc, "systemd-nspawn": _nspawn}


def _archive(layer: bytes) -> bytes:
    """An archive as ``docker save`` writes one, of an image with this one layer."""
    digest = f"sha256:{hashlib.sha256(layer).hexdigest()}"
    config = {
        "architecture": "amd64",
        "os": "linux",
        "config": {},
        "rootfs": {"type": "layers", "diff_ids": [digest]},
    }
    manifest = [
        {
            "Config": "config.json",
            "RepoTags": ["docker.io/library/base:test"],
            "Layers": ["layer.tar"],
        }
    ]
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w") as archive:
        for name, data in (
            ("config.json", json.dumps(config).encode()),
            ("layer.tar", layer),
            ("manifest.json", json.dumps(manifest).encode()),
        ):
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return written.getvalue()

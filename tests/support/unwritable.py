"""Every file that the client writes, where the system refuses it.

``python -m tests.support.unwritable FOLDER CAUSE...`` in mounts of its own: what each write comes
to by each cause is one JSON object on standard output.
"""

import errno
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

from tests.support.cli import Done, World
from tests.support.vendor import keyset

Write = Callable[[World], Done]


def _renewal(world: World) -> Done:
    return world.json("install", world.write(world.file(world.claims(jti="HS-2027-0000NEXT"))))


WRITES: dict[str, Write] = {
    "license.dat": _renewal,
    "license.dat.old": _renewal,
    "license.trust": lambda world: world.json("install", world.write(keyset(world, 4))),
    "license.revocations": lambda world: world.json(
        "install", world.write(world.revocations("HS-2027-000OTHER"))
    ),
    "license.state": lambda world: world.json("verify"),
    "license.pin": lambda world: world.json("pin", "172.17.0.2", env={"LICENSE_PINNED_IP": ""}),
    "request.txt": lambda world: world.json("request", "-o", str(world.conf / "request.txt")),
    "bundle.json": lambda world: world.json("doctor", "--bundle", str(world.conf / "bundle.json")),
}
NAMED = ("request.txt", "bundle.json")
"""Those that the operator names."""


@contextmanager
def _read_only(world: World, _: str) -> Iterator[None]:
    subprocess.run(["mount", "--bind", world.conf, world.conf], check=True)
    subprocess.run(["mount", "-o", "remount,bind,ro", world.conf], check=True)
    yield


@contextmanager
def _full(world: World, _: str) -> Iterator[None]:
    kept = {path.name: path.read_bytes() for path in world.conf.iterdir()}
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", world.conf], check=True)
    for name, data in kept.items():
        (world.conf / name).write_bytes(data)
    try:
        with (world.conf / "full").open("wb", 0) as stream:
            while stream.write(bytes(4096)):
                pass
    except OSError:
        pass  # it is full now
    yield


@contextmanager
def _not_allowed(world: World, _: str) -> Iterator[None]:
    world.conf.chmod(0o555)
    yield


@contextmanager
def _folder(world: World, name: str) -> Iterator[None]:
    path = world.conf / name
    path.unlink(missing_ok=True)
    (path / "kept").mkdir(parents=True)
    yield


@contextmanager
def _quota(_world: World, _: str) -> Iterator[None]:
    def rename(*_: object) -> None:
        raise OSError(errno.EDQUOT, os.strerror(errno.EDQUOT))

    with patch("os.rename", rename):  # only a kernel with quotas says it by itself
        yield


CAUSES = {
    "read-only": _read_only,
    "full": _full,
    "not allowed": _not_allowed,
    "folder": _folder,
    "quota": _quota,
}


def outcomes(cause: str, folder: Path) -> dict[str, Done]:
    """What each write comes to."""
    found = {}
    for name, write in WRITES.items():
        world = World(folder / name)
        world.put()
        before = world.license.read_bytes()
        with CAUSES[cause](world, name):
            found[name] = write(world)
        if world.license.is_file():
            assert world.license.read_bytes() == before, "nothing was changed"
    return found


if __name__ == "__main__":
    place, *causes = sys.argv[1:]
    made = {cause: outcomes(cause, Path(place) / cause) for cause in causes}
    sys.stdout.write(json.dumps(made))

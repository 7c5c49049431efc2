"""A write that fails in the middle of an install leaves every file as it was."""

import errno
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support import odd_files
from tests.support.cli import World, new_signer
from tests.support.failing_call import failing
from tests.support.trusting import files, install
from tests.support.vendor import entry, keyset, license_block, revocations, roots

EDGES = ("os.open", "os.rename", "os.link", "os.fsync", "os.fchmod")


def licence_under_new_roots(world: World) -> bytes:
    """A licence that holds with new roots only, which have to be remembered."""
    fresh, signing = new_signer(), new_signer()
    rotated = roots(world, 1, fresh, by=[world.root, fresh])
    later = world.claims(jti="HS-2027-LATER", iat=world.now + 1)
    proof = keyset(world, 1, entry(world, world.signing), entry(world, signing), by=[fresh])
    return license_block(world, later, by=signing) + rotated + proof


def keyset_and_list(world: World) -> bytes:
    return keyset(world, 4) + revocations(world, 6)


@pytest.mark.parametrize("made", [licence_under_new_roots, keyset_and_list])
@pytest.mark.python_only("a failure put into the process of Python")
def test_a_failing_write_anywhere_leaves_every_file_as_it_was(
    world: World, made: Callable[[World], bytes]
) -> None:
    install(world, world.file())
    install(world, world.file(world.claims(jti="HS-2027-NEXT")))  # there is a former one, too
    install(world, revocations(world, 5))
    before = files(world)
    source = world.write(made(world))
    failures = 0
    for edge in EDGES:
        for at in range(1, 12):
            with failing(edge, at, errno.ENOSPC, str(world.conf)) as failed:
                done = world.run("install", source)
            if done.exit_code != 0:
                assert failed, done.err
                failures += 1
                assert files(world) == before, (edge, failed)
                continue
            restore(world, before)
            if not failed:
                break
            # Of what may be lost, or where a copy does as well.
            assert edge == "os.link" or "license.state" in failed[0] or os.path.isdir(failed[0])
    assert failures >= 8


def restore(world: World, before: dict[str, bytes]) -> None:
    assert not list(world.conf.glob("*.tmp"))
    for path in world.conf.iterdir():
        path.unlink()
    for name, data in before.items():
        (world.conf / name).write_bytes(data)


def test_a_folder_in_the_way_of_the_backup_leaves_the_trust_file_as_it_was(world: World) -> None:
    install(world, world.file())
    (world.conf / "license.dat.old" / "kept").mkdir(parents=True)
    licence = world.license.read_bytes()
    assert world.run("install", world.write(licence_under_new_roots(world))).exit_code != 0
    assert world.license.read_bytes() == licence
    assert sorted(path.name for path in world.conf.iterdir()) == [
        "hostseal.toml",
        "license.dat",
        "license.dat.old",
        "license.state",
    ]


def _device(path: Path) -> None:
    """The node of a device that the kernel has not, for root; else a pipe."""
    if os.geteuid() == 0:
        os.mknod(path, stat.S_IFCHR | 0o600, os.makedev(240, 0))
    else:
        os.mkfifo(path)


@pytest.mark.parametrize("kind", ["a named pipe", "a socket", "a device"])
def test_nothing_that_is_written_takes_the_place_of_what_is_no_file(
    world: World, kind: str
) -> None:
    put = _device if kind == "a device" else odd_files.ODD[kind]
    later = world.write(world.file(world.claims(jti="HS-2027-NEXT")), "next.dat")
    install(world, world.file())
    for name, words, code in (
        ("license.dat.old", ["install", later], 63),
        ("license.state", ["verify"], 0),
        ("license.dat", ["install", later], 63),
    ):
        path = world.conf / name
        path.unlink(missing_ok=True)
        put(path)
        before = path.lstat()
        assert world.run(*words).exit_code == code, name
        assert (path.lstat().st_ino, path.lstat().st_mode) == (before.st_ino, before.st_mode)
        path.unlink()
    assert not list(world.conf.glob("*.tmp"))

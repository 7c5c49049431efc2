"""``install``: a licence is put in place completely, or nothing changes."""

import base64
import errno
import os
import re
import subprocess
import sys
from pathlib import Path
from unittest.mock import patch

import pytest

from tests.support.cli import CLI, DAY, NOW, NUMBER, World, code
from tests.support.damage import SORTS
from tests.vectors import material


def test_install_copies_every_byte_and_keeps_the_former_file(world: World) -> None:
    first, second = world.file(), world.file(world.claims(jti="HS-2027-SECOND00"))
    assert world.run("install", world.write(first)).exit_code == 0
    assert world.license.read_bytes() == first
    done = world.run("install", world.write(second))
    assert world.license.read_bytes() == second
    assert (world.conf / "license.dat.old").read_bytes() == first
    assert "HS-2027-SECOND00" in done.out
    assert "license.dat.old" in done.out


def test_reinstalling_the_same_licence_keeps_the_backup(world: World) -> None:
    first, second = world.file(), world.file(world.claims(jti="HS-2027-SECOND00"))
    world.run("install", world.write(first))
    source = world.write(second)
    world.run("install", source)
    quoted = world.write(b"> " + second.replace(b"\n", b"\n> "), "quoted.dat")
    for again in (source, str(world.license), quoted, source):
        done = world.run("install", again)
        assert done.exit_code == 0
        assert "license.dat.old" not in done.out
        assert world.license.read_bytes() == Path(again).read_bytes()
        assert (world.conf / "license.dat.old").read_bytes() == first


def test_the_backup_stays_the_last_other_licence_whatever_became_of_the_present_one(
    world: World,
) -> None:
    first, second = world.file(), world.file(world.claims(jti="HS-2027-SECOND00"))
    backup = world.conf / "license.dat.old"
    world.put(first)
    source = world.write(second)
    for worse in (first, second[:-200], second + second, b"junk", b""):
        world.put(worse)
        assert world.run("install", source).exit_code == 0
        assert backup.read_bytes() == first


def test_what_is_no_licence_is_kept_where_there_is_no_former_one(world: World) -> None:
    backup = world.conf / "license.dat.old"
    for content in (b"a file that was named by mistake", b"another"):
        world.put(content)
        assert world.run("install", world.write(world.file())).exit_code == 0
        assert backup.read_bytes() == content


def test_a_licence_that_nothing_vouches_for_any_more_is_kept(world: World) -> None:
    stranger = material.file(material.token(material.payload()))
    world.put(stranger)
    assert world.run("verify").exit_code != 0
    assert world.run("install", world.write(world.file())).exit_code == 0
    assert (world.conf / "license.dat.old").read_bytes() == stranger


def test_failed_install_changes_no_file(world: World) -> None:
    first = world.file()
    world.put(first)
    (world.conf / "license.dat.old" / "kept").mkdir(parents=True)
    renewed = world.write(world.file(world.claims(jti="HS-2027-0000NEXT")))
    done = world.run("install", renewed)
    assert done.exit_code == code("path-is-folder"), done.err
    assert f"{world.license}.old is a folder" in done.err
    assert world.license.read_bytes() == first
    assert sorted(path.name for path in world.conf.glob("license.dat*")) == [
        "license.dat",
        "license.dat.old",
    ]


@pytest.mark.parametrize("had_backup", [True, False])
@pytest.mark.python_only("a failure put into the process of Python")
def test_install_onto_a_mounted_file_leaves_the_backup_as_it_was(
    world: World, had_backup: bool
) -> None:
    former, backup = world.file(), world.conf / "license.dat.old"
    world.put(former)
    if had_backup:
        backup.write_bytes(b"the one before")
    rename = os.rename

    def busy(source: str, target: str) -> None:
        if target == str(world.license):
            raise OSError(errno.EBUSY, os.strerror(errno.EBUSY))  # as a mount point is
        rename(source, target)

    renewed = world.write(world.file(world.claims(jti="HS-2027-0000NEXT")))
    with patch("os.rename", busy):
        done = world.run("install", renewed)
    assert done.exit_code == code("file-is-mounted"), done.err
    assert world.license.read_bytes() == former
    assert backup.exists() is had_backup
    assert not had_backup or backup.read_bytes() == b"the one before"
    assert not list(world.conf.glob("*.tmp"))


@pytest.mark.python_only("a failure put into the process of Python")
def test_install_succeeds_where_folders_cannot_be_synced(world: World) -> None:
    world.put()
    renewed = world.file(world.claims(jti="HS-2027-0000NEXT"))
    source = world.write(renewed)

    def fsync(descriptor: int) -> None:
        if os.path.isdir(f"/proc/self/fd/{descriptor}"):
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))  # a file system without it

    with patch("os.fsync", fsync):
        done = world.run("install", source)
    assert (done.exit_code, world.license.read_bytes()) == (0, renewed), done.err


@pytest.mark.parametrize(("former", "expected"), [(None, 0o644), (0o640, 0o640), (0o644, 0o644)])
def test_installed_files_keep_owner_and_mode_under_any_umask(
    world: World, former: int | None, expected: int
) -> None:
    source = world.write(world.file())
    written = (world.license, world.conf / "license.state")
    owner = os.geteuid()
    if former is not None:
        world.put()
        world.run("verify")
        owner = 65534 if owner == 0 else owner
        for path in written:
            path.chmod(former)
            os.chown(path, owner, -1)
    umask = os.umask(0o077)
    try:
        assert world.run("install", source, now=NOW + 9 * DAY).exit_code == 0
    finally:
        os.umask(umask)
    for path in written:
        assert (path.stat().st_mode & 0o777, path.stat().st_uid) == (expected, owner), path


def test_install_reads_standard_input(world: World) -> None:
    file = world.file()
    assert world.run("install", "-", stdin=file).exit_code == 0
    assert world.license.read_bytes() == file


@pytest.mark.parametrize("slug", ["wrong-host", "wrong-product", "license-expired", "mail"])
def test_install_rejects_an_invalid_licence_and_keeps_the_former_one(
    world: World, slug: str
) -> None:
    former = world.file()
    world.put(former)
    binding = world.claims().host._replace(key="ab" * 20, tags=None)
    files = {
        "wrong-host": world.file(world.claims(host=binding)),
        "wrong-product": world.file(world.claims(aud="other")),
        "license-expired": world.file(world.claims(iat=NOW - 9, nbf=NOW - 9, exp=NOW)),
        "mail": b"Dear customer, your licence is attached.\n",
    }
    done = world.run("install", world.write(files[slug]))
    assert done.exit_code == code("license-block-missing" if slug == "mail" else slug)
    assert world.license.read_bytes() == former
    assert not (world.conf / "license.dat.old").exists()
    assert not list(world.conf.glob("*.tmp"))


def test_rejected_first_licence_leaves_no_file(world: World) -> None:
    done = world.run("install", world.write(world.file()[:500]))
    assert done.exit_code == code("license-damaged")
    assert not world.license.exists()


def test_install_follows_a_symlink_at_license_dat(world: World) -> None:
    volume = world.folder / "volume"
    volume.mkdir()
    world.license.symlink_to(volume / "license.dat")
    assert world.run("install", world.write(world.file())).exit_code == 0
    assert world.license.is_symlink()
    assert (volume / "license.dat").read_bytes() == world.file()


@pytest.mark.python_only("fetching over HTTP, which that client does not")
def test_install_checks_a_licence_fetched_from_a_url(world: World) -> None:
    from tests.support.loopback import answering

    with answering(200, world.file(), "application/octet-stream") as url:
        assert world.run("install", url).exit_code == 0
    former = world.license.read_bytes()
    for body in (b"<html>Welcome to the hotel's network</html>", b"x" * 70000, b""):
        with answering(200, body, "text/html") as url:
            assert world.run("install", url).exit_code in {
                code("license-block-missing"),
                code("file-too-large"),
            }
        assert world.license.read_bytes() == former


def test_request_that_is_installed_is_to_be_sent(world: World) -> None:
    refused = world.run("install", world.write(world.run("request").out.encode()))
    assert refused.exit_code == code("license-block-missing")
    assert "Send this file to your vendor" in refused.err
    assert "Check that this is the file" not in refused.err


def test_remedies_repeat_the_folders_of_the_command(world: World) -> None:
    assert "`python cmd/cli.py install FILE`" in world.run("verify").err
    elsewhere = world.run("verify", home=Path("/opt/darwin"))
    folders = f"--conf {world.conf} --keys {world.keys}"
    assert f"`python cmd/cli.py {folders} install FILE`" in elsewhere.err
    told = world.json("verify", home=Path("/opt/darwin")).json()["problems"][0]["remedy"]
    assert f"`python cmd/cli.py {folders} request`" in told


def test_remedy_can_be_pasted_when_folders_come_from_start_sh(
    present: World, tmp_path: Path
) -> None:
    platform = tmp_path / "a platform" / "deep"
    platform.mkdir(parents=True)
    detour = os.path.relpath(CLI, platform)
    environment = {
        "PATH": "/usr/bin:/bin",
        "LICENSE_CONF": str(present.conf),
        "LICENSE_KEYS": f"{platform}/../../keys",
    }
    line = [sys.executable, f"{platform}/{detour}", "--root", str(present.host), "verify"]
    done = subprocess.run(line, env=environment, capture_output=True, text=True)
    command = re.search("run `(.*install) FILE`", done.stderr)
    assert command
    assert "/.." not in command[1]
    source = present.write(present.file())
    pasted = f"{command[1]} {source}".replace("cli.py ", f"cli.py --root {present.host} ")
    ran = subprocess.run(["sh", "-c", pasted], env={"PATH": "/usr/bin:/bin"}, capture_output=True)
    assert ran.returncode == 0, ran.stderr
    assert present.license.read_bytes() == present.file()


@pytest.mark.parametrize("label", ["REV0CATIONS", "REVOCATION5", "吊销", ""])
def test_a_list_whose_label_is_damaged_is_not_left_behind(world: World, label: str) -> None:
    listed = world.revocations(NUMBER).replace(b"REVOCATIONS", label.encode())
    done = world.run("install", world.write(world.file() + listed))
    assert done.exit_code == code("license-damaged" if label else "license-several")
    assert not world.license.exists()


@pytest.mark.parametrize(
    "sort",
    [
        "bold of nroff",
        "underlined by nroff",
        "underlined by a typewriter",
        "bold of nroff as cat -v shows it",
        "each line struck twice by a typewriter",
        "a colour for each character",
    ],
)
def test_a_list_in_the_dress_of_a_terminal_is_not_left_behind(world: World, sort: str) -> None:
    listed = SORTS[sort](world.revocations(NUMBER).decode()).encode()
    done = world.run("install", world.write(world.file() + listed))
    assert done.exit_code == code("license-revoked"), done
    assert not world.license.exists()


def test_the_remedy_for_a_parcel_in_the_licences_place_mends_it(world: World) -> None:
    world.put(base64.b64encode(world.file()))
    done = world.run("verify")
    assert done.exit_code == code("license-block-missing")
    assert "Run `python cmd/cli.py install FILE` with this very file" in done.err
    assert world.run("install", str(world.license)).exit_code == 0
    assert world.run("verify").exit_code == 0


def test_an_archive_that_is_too_large_is_to_be_unpacked_not_cut(world: World) -> None:
    done = world.run("install", world.write(b"PK\3\4" + bytes(70_000)))
    assert done.exit_code == code("file-too-large")
    assert "Unpack it: `unzip FILE`" in done.err
    assert "Copy only the part" not in done.err

"""All shards of a list in a folder: found by a licence's digest, replaced whole, served."""

import errno
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from license_core.errors import (
    DiskFullError,
    FolderMissingError,
    FolderNotWritableError,
    LicenseError,
    PathIsFolderError,
)
from license_core.keyset import Keyset, SigningKey, TrustedKeyset
from license_core.revocation import Revocations, digest
from license_core.roots import Roots
from license_server.db.errors import InputInvalidError
from license_server.signing import revocation_store, shard_folder
from license_server.signing.issuer import Issuer
from license_server.signing.list_file import FILE
from license_server.signing.revocation_shards import Shards
from license_server.signing.revocation_store import StoredList
from license_server.signing.shard_folder import Written
from tests.support import ports, server
from tests.support.cli import DAY, NUMBER, World
from tests.support.containers.engine import PATH
from tests.support.ledger import new_ledger
from tests.support.need import need

_NGINX = """\
daemon off; user root; pid {folder}/pid; error_log {folder}/error.log;
events {{ }}
http {{
  access_log off;
  client_body_temp_path {folder}/b; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f;
  uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  server {{ listen 127.0.0.1:{port}; {locations} }}
}}
"""


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "world")


def shards(world: World, number: int, *revoked: str, whole: bool = True) -> Shards:
    """List *number*, published by the vendor of *world*."""
    key = SigningKey(world.signing.public_key, world.now - DAY, world.now + 3650 * DAY)
    trusted = TrustedKeyset(Keyset("Example Vendor", 3, world.now - DAY, (key,)))
    roots = Roots.shipped([world.root.public_key], 1)
    issuer = Issuer("Example Vendor", world.signing, trusted, world.keyset(), roots, roots)
    listed = Revocations.of(revoked, iss="Example Vendor", number=number, iat=world.now)
    token = listed.sign(world.signing) if whole else revocation_store.unsigned(listed)
    stored = StoredList(number, token, world.now, world.now + DAY, 3, world.keyset())
    return Shards(stored, issuer)


def put(world: World, folder: Path, made: Shards, digits: int | None = None) -> Written:
    return shard_folder.write(folder, made, world.now, digits, lambda: None)


def names(folder: Path) -> dict[str, int]:
    """The files that are there, and when each was changed."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.stat().st_mtime_ns for path in files}


MANY = [f"HS-2027-{n}" for n in range(2000)]


def test_folder_has_each_shard_and_written_again_it_stays_as_it_is(
    world: World, tmp_path: Path
) -> None:
    folder, made = tmp_path / "lists", shards(world, 7, *MANY)
    assert put(world, folder, made) == Written(1, 17, 0)
    for number in (NUMBER, *MANY[:3]):
        there = folder / digest(number).hex()[:1] / FILE
        assert there.read_bytes() == made.of([number], world.now).body
    assert (folder / FILE).read_bytes() == made.whole().body
    before = names(folder)
    assert put(world, folder, made) == Written(1, 0, 0)
    assert names(folder) == before


def test_another_cut_goes_once_the_new_one_stands(world: World, tmp_path: Path) -> None:
    folder = tmp_path / "lists"
    assert put(world, folder, shards(world, 6, "HS-1")) == Written(0, 1, 0)
    put(world, folder, shards(world, 7, *MANY))
    (folder / "robots.txt").write_text("of somebody else")
    (folder / "a" / "note").write_text("of somebody else")
    (folder / "b" / f".{FILE}.new").write_text("begun by who was killed")
    with pytest.raises(InputInvalidError, match=r"list 8 needs 1"):
        put(world, folder, shards(world, 8, *MANY), 0)
    assert put(world, folder, shards(world, 8, *MANY, whole=False), 2) == Written(2, 256, 18)
    left = {f"{n:02x}/{FILE}" for n in range(256)} | {"robots.txt", "a/note"}
    assert names(folder).keys() == left
    assert not (folder / "b").exists()
    assert put(world, folder, shards(world, 9, "HS-1")) == Written(2, 257, 0)  # addresses stay


def test_write_that_fails_leaves_what_was_there(world: World, tmp_path: Path) -> None:
    folder = tmp_path / "lists"
    put(world, folder, shards(world, 7, *MANY))
    (folder / "ff").write_text("no folder")
    before = names(folder)
    with pytest.raises(LicenseError, match="/ff"):
        put(world, folder, shards(world, 8, *MANY), 2)
    assert names(folder) == before
    assert not (folder / "00").exists()


def test_folder_in_the_place_of_a_list_changes_nothing(world: World, tmp_path: Path) -> None:
    folder = tmp_path / "lists"
    put(world, folder, shards(world, 7, *MANY))
    (folder / "7" / FILE).unlink()
    (folder / "7" / FILE).mkdir()
    before = names(folder)
    with pytest.raises(PathIsFolderError) as refused:
        put(world, folder, shards(world, 8, *MANY))
    assert str(folder / "7" / FILE) in str(refused.value)
    assert names(folder) == before


def test_replacing_that_fails_leaves_nothing_beside(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, replace, done = tmp_path / "lists", os.replace, list[Path]()

    def fails(new: Path, path: Path) -> None:
        if len(done) == 5:
            raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))
        done.append(path)
        replace(new, path)

    monkeypatch.setattr(os, "replace", fails)
    with pytest.raises(FolderNotWritableError, match="/4: Operation not permitted"):
        put(world, folder, shards(world, 7, *MANY))
    assert names(folder).keys() == {str(path.relative_to(folder)) for path in done}


def test_full_disk_names_a_folder_that_is_there(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "lists"
    put(world, folder, shards(world, 6))

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    before = names(folder)
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(DiskFullError, match=f"left in {folder}:"):
        put(world, folder, shards(world, 6), 2)
    assert names(folder) == before
    assert not (folder / "00").exists()


def test_list_that_is_short_but_not_whole_is_in_shards(world: World, tmp_path: Path) -> None:
    """LICENSE_SERVER_REVOCATIONS_BYTES may be lower than the length of a shard."""
    folder, made = tmp_path / "lists", shards(world, 7, "HS-1", whole=False)
    put(world, folder, shards(world, 6, "HS-1"))
    assert made.digits == 0
    assert put(world, folder, made) == Written(1, 16, 1)
    with pytest.raises(InputInvalidError, match=r"list 7 needs 1"):
        put(world, folder, made, 0)


def test_folder_that_is_named_like_a_shard_is_no_cut(world: World, tmp_path: Path) -> None:
    folder, elsewhere = tmp_path / "lists", tmp_path / "elsewhere"
    put(world, folder, shards(world, 7), 1)
    for name in (f"2026/{FILE}", f"000/.{FILE}.new"):  # an archive; begun by who was killed
        (folder / name).parent.mkdir()
        (folder / name).write_text("no shard")
    elsewhere.write_text("of somebody else")
    (folder / "a" / f".{FILE}.new").symlink_to(elsewhere)
    assert put(world, folder, shards(world, 8)) == Written(1, 17, 2)
    assert elsewhere.read_text() == "of somebody else"


def test_folder_that_cannot_be_is_named(world: World, tmp_path: Path) -> None:
    made, file = shards(world, 7), tmp_path / "file"
    file.write_text("no folder")
    for place in (file, file / "lists", tmp_path / "none" / "lists"):
        with pytest.raises(FolderMissingError) as refused:
            put(world, place, made)
        assert str(place) in str(refused.value)


def test_command_writes_the_shards_of_the_list_in_force(tmp_path: Path) -> None:
    ledger = new_ledger(tmp_path, None)
    env, folder = server.environment(ledger.settings.data), tmp_path / "lists"
    words = ("revocations", "shards", str(folder), "--digits", "1")
    none = server.at_once(*words, env=env)
    assert "no revocation list" in none.stderr
    revoked = ledger.issue(1)
    ledger.end("revoke", revoked, "x")
    ledger.publish()
    done = server.at_once(*words, env=env)
    assert done.returncode == 0, done.stderr
    assert "16 shards; new files: 17, removed: 0." in done.stderr
    line = done.stderr.splitlines()[-1].removeprefix("A licence's shard: ")
    told = subprocess.run(
        ["/bin/sh", "-c", f"printf %s {line.replace('NUMBER', revoked)}"],
        env={"PATH": PATH},
        capture_output=True,
        check=True,
    )
    shard = (folder / told.stdout.decode()).read_bytes()
    assert shard != (folder / FILE).read_bytes()
    assert ledger.faults() == []
    ledger.site.database.close()


@contextmanager
def serving(folder: Path, lists: Path) -> Iterator[str]:
    """nginx as docs/KEYS.md has it, with the files of *lists*; its address."""
    program, port = shutil.which("nginx", path=PATH), ports.free()
    if program is None:
        need("nginx", "apt-get install nginx")
    page = (server.REPOSITORY / "docs/KEYS.md").read_text("utf-8")
    shown = page.partition("```nginx\n")[2].partition("```")[0]
    locations = shown.replace("/srv/lists", str(lists))
    assert locations.count(str(lists)) == 1
    folder.mkdir()
    config = folder / "nginx.conf"
    config.write_text(_NGINX.format(folder=folder, port=port, locations=locations), "utf-8")
    line = [program, "-c", str(config), "-p", str(folder)]
    with subprocess.Popen(line, stderr=subprocess.DEVNULL) as process:
        try:
            server.until(process, lambda: ports.listens(port))
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


def test_site_installs_its_shard_from_a_web_server_of_files(world: World, tmp_path: Path) -> None:
    world.put()
    lists, prefix = tmp_path / "lists", digest(NUMBER).hex()
    put(world, lists, shards(world, 7, *MANY))
    with serving(tmp_path / "nginx", lists) as address:
        for path in (f"{prefix[:1]}/{FILE}", f"shard/{prefix}"):
            done = world.run("install", f"{address}/{path}")
            assert done.exit_code == 0, done.err
        present = world.conf / FILE
        assert world.json("verify").json()["revocations"]["number"] == 7
        small = present.read_bytes()
        put(world, lists, shards(world, 8, *MANY, NUMBER), 3)
        assert world.run("install", f"{address}/{prefix[:1]}/{FILE}").exit_code != 0  # it is gone
        assert present.read_bytes() == small
        world.run("install", f"{address}/shard/{prefix}")  # this address is for ever
        assert world.json("verify").slugs() == ["license-revoked"]
        assert len(present.read_bytes()) < len(small)

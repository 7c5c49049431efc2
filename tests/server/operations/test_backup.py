"""``backup`` of a running server, and ``restore``: everything acknowledged, or nothing."""

import hashlib
import io
import json
import os
import random
import re
import shutil
import sqlite3
import stat
import subprocess
import sys
import tarfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import Connection

from license_core.verify import open_license
from license_server.access import invitations, tokens
from license_server.actor import COMMAND, Actor
from license_server.audit import audit_store
from license_server.catalog import customers
from license_server.licenses import issuing
from license_server.operations import backup, backup_file
from license_server.operations.data_folder import open_database
from license_server.operations.errors import BackupInvalidError
from license_server.permissions import ROLES
from license_server.portal import links, mailing, visits
from license_server.portal.errors import PortalLinkOverError
from license_server.settings import ServerSettings
from license_server.sheets import jobs, uploads
from license_server.sheets.job_state import RUNNING, Job, Progress
from tests.support import server
from tests.support.postgres import new_database
from tests.support.problems import exit_code
from tests.support.server import LINE
from tests.support.stored_rows import everything

PATH = "/api/v1/licenses"
ORDER = {"customer": "上海数据", "product": "darwin", "days": 30, "host": LINE}


def url_of(kind: str) -> str | None:
    return None if kind == "sqlite" else new_database()


def back_up(data: Path, url: str | None, file: Path, *more: str) -> None:
    done = server.at_once("backup", "-o", str(file), *more, env=server.environment(data, url))
    assert done.returncode == 0, done.stderr


def restore(data: Path, url: str | None, file: Path, *more: str) -> Any:
    return server.at_once("restore", str(file), *more, env=server.environment(data, url))


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> ServerSettings:
    """A quiet server with three licences, one of which was replaced, a letter and tags."""
    data = server.make(tmp_path_factory.mktemp("source") / "server").data
    env = server.environment(data)
    issue = ("issue", "--customer", "ACME", "--product", "darwin", "--host", LINE, "-o", "-")
    for _ in range(2):
        done = server.at_once(*issue, "--days", "9", env=env)
        assert done.returncode == 0, done.stderr
    number = done.stderr.split()[0]
    done = server.at_once(*issue, "--days", "10", "--replaces", number, env=env)
    assert done.returncode == 0, done.stderr
    letter = data.with_name("letter.txt")
    letter.write_text("{number}\n\nשלום {customer}\n", "utf-8")
    for words in (
        ("change", "darwin", "--command", "start=-", "--command", "client=./owl"),
        ("letter", "set", "darwin", "moved", "zh", str(letter)),
    ):
        done = server.at_once("product", *words, env=env)
        assert done.returncode == 0, done.stderr
    for asked in (("change", "ACME", "--tags", "VIP, key account"), ("list", "--tag", "vip")):
        done = server.at_once("customer", *asked, env=env)
        assert done.returncode == 0, done.stderr
    return server.settings(data)


@pytest.fixture(scope="module")
def file(source: ServerSettings, tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("backup") / "backup.tar"
    back_up(source.data, None, made, "--with-keys")
    return made


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("sqlite", "postgresql"),
        ("postgresql", "sqlite"),
        pytest.param("sqlite", "sqlite", marks=pytest.mark.torture),
        pytest.param("postgresql", "postgresql", marks=pytest.mark.torture),
    ],
)
def test_licences_acknowledged_before_a_backup_are_restored(
    tmp_path: Path, before: str, after: str
) -> None:
    file, new = tmp_path / "backup.tar", tmp_path / "restored" / "server"
    acknowledged: list[str] = []
    with server.running_server(tmp_path, url_of(before)) as running:
        ending, reached = threading.Event(), threading.Semaphore(0)

        def load() -> None:
            with httpx.Client(base_url=running.url, headers=running.bearer, timeout=60) as client:
                while not ending.is_set():
                    reply = client.post(PATH, json=ORDER)
                    assert reply.status_code == 201
                    acknowledged.append(reply.json()["id"])
                    reached.release()

        threads = [threading.Thread(target=load) for _ in range(3)]
        for thread in threads:
            thread.start()
        for _ in range(20):
            assert reached.acquire(timeout=60)
        safe = list(acknowledged)
        back_up(running.data, running.database, file, "--with-keys")
        ending.set()
        for thread in threads:
            thread.join()
        assert len(acknowledged) > len(safe)  # it went on serving
    url = url_of(after)
    done = restore(new, url, file, "--thorough")
    assert done.returncode == 0, done.stderr
    roots = server.roots(new)
    database = open_database(server.settings(new, url))
    with database.reading() as connection:
        for number in safe:
            opened = open_license(issuing.file_of(issuing.find(connection, number)), roots=roots)
            assert opened.license.jti == number
        assert len(audit_store.trail(connection, [safe[0]])) == 1
    database.close()
    with server.serving(new, url) as (address, _):
        reply = httpx.post(f"{address}{PATH}", json=ORDER, headers=running.bearer, timeout=60)
        assert reply.status_code == 201, reply.text
        assert reply.json()["id"] not in acknowledged


def test_restore_reproduces_every_row_and_key(
    source: ServerSettings, file: Path, tmp_path: Path
) -> None:
    new = tmp_path / "new"
    done = restore(new, None, file)
    assert done.returncode == 0, done.stderr
    assert everything(server.settings(new)) == everything(source)
    for path in source.data.rglob("*.pem"):
        restored = new / path.relative_to(source.data)
        assert restored.read_bytes() == path.read_bytes()
        assert stat.S_IMODE(restored.stat().st_mode) == stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_imports_with_large_csv_files_are_restored(tmp_path: Path, kind: str) -> None:
    """Together they are more than any file of a backup may hold."""
    url = url_of(kind)
    settings = server.make(tmp_path / "server", url)
    actor, file = Actor("user:issuer@example.com", ROLES["issuer"]), tmp_path / "backup.tar"
    database = open_database(settings)

    def fill(connection: Connection) -> None:
        for number in range(5):
            sheet = f"customer,product,host\n{number}".ljust(6_000_000).encode()
            id_ = uploads.keep(connection, sheet, actor, 1)
            jobs.begin(connection, Job(id_, RUNNING, 1, Progress(1), {"darwin": "rules"}), actor)

    database.write(fill)
    database.close()
    back_up(settings.data, url, file)
    with tarfile.open(file) as tar:
        assert max(member.size for member in tar) < 20_000_000
    done = restore(tmp_path / "new", None, file)
    assert done.returncode == 0, done.stderr
    assert everything(server.settings(tmp_path / "new")) == everything(settings)


def test_backup_contains_private_keys_only_on_request_and_encrypted(
    source: ServerSettings, file: Path, tmp_path: Path
) -> None:
    without = tmp_path / "without.tar"
    back_up(source.data, None, without)
    assert b"PRIVATE KEY" not in without.read_bytes()
    assert stat.S_IMODE(without.stat().st_mode) == 0o600
    data = file.read_bytes()
    keys = list((source.data / "keys").glob("*.pem"))
    assert re.findall(rb"BEGIN ([A-Z ]*)PRIVATE KEY", data) == [b"ENCRYPTED "] * len(keys)
    for secret in (server.PASSWORD, server.PASSPHRASE):
        assert secret.encode() not in data
    done = restore(tmp_path / "new", None, without)
    assert done.returncode == 0, done.stderr
    assert "copy yours to" in done.stdout


def test_backup_contains_no_sessions_or_sign_in_attempts(file: Path) -> None:
    with tarfile.open(file) as tar:
        names = tar.getnames()
    assert not [name for name in names if "sessions" in name or "attempts" in name]


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_restore_never_overwrites_a_server(tmp_path: Path, file: Path, kind: str) -> None:
    url = url_of(kind)
    settings = server.make(tmp_path / "server", url)
    before = everything(settings)
    folders = [settings.data] if kind == "sqlite" else [settings.data, tmp_path / "another"]
    for data in folders:
        done = restore(data, url, file)
        assert done.returncode == exit_code("already-initialised"), done.stderr
    assert everything(settings) == before
    assert [path.name for path in tmp_path.iterdir()] == ["server"]


def refused(tmp_path: Path, damaged: Path, *more: str) -> str:
    done = restore(tmp_path / "new", None, damaged, *more)
    assert done.returncode == exit_code("backup-invalid"), done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "new").exists()
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]
    return str(done.stderr)


def test_restore_rejects_files_that_are_not_backups(tmp_path: Path, file: Path) -> None:
    for name, data in {
        "text": b"hello" * 999,
        "empty": b"",
        "half": file.read_bytes()[: file.stat().st_size // 2],
    }.items():
        (tmp_path / name).write_bytes(data)
        refused(tmp_path, tmp_path / name)
    refused(tmp_path, tmp_path / "missing")


def test_restore_detects_every_bit_flip_that_matters(tmp_path: Path, file: Path) -> None:
    """A changed bit is refused, or is in what says nothing: a date of tar, padding."""
    whole = file.read_bytes()
    with backup_file.opened(file) as kept:
        good = (kept.manifest, kept.keys)
    chance, found = random.Random(1), 0
    for _ in range(300):
        place = chance.randrange(len(whole))
        changed = bytearray(whole)
        changed[place] ^= 1 << chance.randrange(8)
        damaged = tmp_path / "damaged"
        damaged.write_bytes(changed)
        try:
            with backup_file.opened(damaged) as kept:
                assert (kept.manifest, kept.keys) == good
        except BackupInvalidError:
            found += 1
    assert found > 100


def forged(file: Path, to: Path, change: Callable[[str, bytes], bytes], **manifest: Any) -> None:
    """A backup whose digests are right, with other contents."""
    with tarfile.open(file) as tar, tarfile.open(to, "w") as new:
        told = json.loads(tar.extractfile("manifest.json").read())  # type: ignore[union-attr]
        for name in tar.getnames():
            if name.startswith("manifest."):
                continue
            data = change(name, tar.extractfile(name).read())  # type: ignore[union-attr]
            told["files"][name] = {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
            _put(new, name, data)
        data = json.dumps(told | manifest).encode()
        _put(new, "manifest.json", data)
        _put(new, "manifest.sha256", hashlib.sha256(data).hexdigest().encode())


def _put(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(data)
    tar.addfile(info, io.BytesIO(data))


@pytest.mark.parametrize("more", [(), ("--thorough",)], ids=["sample", "thorough"])
def test_restore_rejects_a_licence_that_does_not_verify(
    tmp_path: Path, file: Path, more: tuple[str, ...]
) -> None:
    def change(name: str, data: bytes) -> bytes:
        if not name.startswith("tables/licenses/"):
            return data
        first, rest = data.split(b"\n", 1)
        row = json.loads(first)
        head, payload, signature = row["token"].split(".")
        row["token"] = f"{head}.{payload}.{signature[:-4]}AAAA"
        return json.dumps(row).encode() + b"\n" + rest

    forged(file, tmp_path / "forged.tar", change)
    assert "does not verify" in refused(tmp_path, tmp_path / "forged.tar", *more)


def test_restore_rejects_a_missing_row(tmp_path: Path, file: Path) -> None:
    def change(name: str, data: bytes) -> bytes:
        return b"\n".join(data.split(b"\n")[1:]) if "audit_events" in name else data

    forged(file, tmp_path / "forged.tar", change)
    assert "audit_events has" in refused(tmp_path, tmp_path / "forged.tar")


@pytest.mark.parametrize(
    ("version", "slug"), [("0001", "schema-outdated"), ("9999", "schema-newer")]
)
def test_restore_rejects_a_backup_of_another_schema_version(
    tmp_path: Path, file: Path, version: str, slug: str
) -> None:
    forged(file, tmp_path / "forged.tar", lambda _, data: data, schema=version)
    done = restore(tmp_path / "new", None, tmp_path / "forged.tar")
    assert done.returncode == exit_code(slug), done.stderr
    assert not (tmp_path / "new").exists()


def test_restore_rejects_file_names_outside_the_folder(tmp_path: Path, file: Path) -> None:
    def names() -> Iterator[str]:
        yield from ("../root.pub.pem", "/root.pub.pem", "keys/../x.pem", "tables/../../x.jsonl")

    for name in names():
        with tarfile.open(tmp_path / "evil.tar", "w") as tar:
            _put(tar, name, b"")
        assert "which does not belong in a backup" in refused(tmp_path, tmp_path / "evil.tar")


def edited(table: str, change: Callable[[dict[str, Any]], Any]) -> Callable[[str, bytes], bytes]:
    """Change the first row of a table."""

    def one(name: str, data: bytes) -> bytes:
        if not name.startswith(f"tables/{table}/"):
            return data
        first, rest = data.split(b"\n", 1)
        row = json.loads(first)
        return json.dumps(change(row) or row).encode() + b"\n" + rest

    return one


MALFORMED: dict[str, tuple[Callable[[str, bytes], bytes], str]] = {
    "a column that nobody knows": (
        edited("licenses", lambda row: row.update(colour="red")),
        "tables/licenses/000001.jsonl, line 1: it has a column 'colour'",
    ),
    "a missing column": (
        edited("users", lambda row: row.pop("role") and None),
        "tables/users/000001.jsonl, line 1: its column role is missing",
    ),
    "a number that is a text": (
        edited("users", lambda row: row.update(created_at="today")),
        "tables/users/000001.jsonl, line 1: its column created_at is not an integer",
    ),
    "a number that no database holds": (
        edited("users", lambda row: row.update(created_at=1 << 63)),
        "its column created_at is not an integer",
    ),
    "a yes that is a number": (
        edited("products", lambda row: row.update(needs_approval=1)),
        "its column needs_approval is not true or false",
    ),
    "bytes that are none": (
        edited("audit_events", lambda row: row.update(link="?")),
        "tables/audit_events/000001.jsonl, line 1: its column link is not base64url",
    ),
    "nothing where something must be": (
        edited("customers", lambda row: row.update(name=None)),
        "tables/customers/000001.jsonl, line 1: its column name is null",
    ),
    "a row that is a list": (
        edited("customers", list),
        "tables/customers/000001.jsonl, line 1: it is not an object",
    ),
    "a line that is no JSON": (
        lambda name, data: b"x" + data if name.startswith("tables/products/") else data,
        "tables/products/000001.jsonl, line 1: it is not JSON",
    ),
    "a customer who is not there": (
        edited("licenses", lambda row: row.update(customer_id=99)),
        "tables/licenses/000001.jsonl, lines 1 to 3: FOREIGN KEY constraint failed",
    ),
    "a row that is there twice": (
        lambda name, data: data * 2 if name.startswith("tables/users/") else data,
        "tables/users/000001.jsonl, lines 1 to 2: UNIQUE constraint failed",
    ),
    "a keyset that is not there": (
        edited("licenses", lambda row: row.update(keyset_version=9)),
        "the keyset of licence HS-",
    ),
    "a root key that is none": (
        lambda name, data: b"-" if name == "root.pub.pem" else data,
        "root.pub.pem is not a public key",
    ),
    "a token that is none": (
        edited("licenses", lambda row: row.update(token="nothing")),
        "does not verify",
    ),
}


@pytest.mark.parametrize("what", MALFORMED)
def test_restore_names_what_is_malformed(tmp_path: Path, file: Path, what: str) -> None:
    change, told = MALFORMED[what]
    forged(file, tmp_path / "forged.tar", change)
    assert told in refused(tmp_path, tmp_path / "forged.tar", "--thorough")


@pytest.mark.parametrize(
    ("manifest", "told"),
    [
        ({"made_at": "yesterday"}, "made_at of its manifest"),
        ({"made_at": 10**20}, "made_at of its manifest"),
        ({"schema": 7}, "schema of its manifest"),
        ({"rows": [1]}, "rows of its manifest"),
        ({"rows": {"licenses": -1}}, "rows of its manifest"),
        ({"rows": {"colours": 1}}, "a table 'colours', which this server does not know"),
        ({"files": None}, "files of its manifest"),
        ({"format": 2}, "a format that this server does not support"),
        ({"files": {"tables/x/000001.jsonl": {}}}, "does not match the manifest"),
    ],
)
def test_restore_names_what_is_malformed_in_a_manifest(
    tmp_path: Path, file: Path, manifest: dict[str, Any], told: str
) -> None:
    forged(file, tmp_path / "forged.tar", lambda _, data: data, **manifest)
    assert told in refused(tmp_path, tmp_path / "forged.tar")


def test_restore_names_a_member_that_is_twice_there_or_no_file(tmp_path: Path, file: Path) -> None:
    with tarfile.open(tmp_path / "twice.tar", "w") as tar:
        _put(tar, "root.pub.pem", b"")
        _put(tar, "root.pub.pem", b"")
    assert "it has root.pub.pem twice" in refused(tmp_path, tmp_path / "twice.tar")
    with tarfile.open(tmp_path / "link.tar", "w") as tar:
        link = tarfile.TarInfo("root.pub.pem")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
    assert "root.pub.pem is not a plain file" in refused(tmp_path, tmp_path / "link.tar")


def test_drafts_stay_behind_and_those_of_a_former_backup_are_taken(
    tmp_path: Path, file: Path
) -> None:
    with tarfile.open(file) as tar:
        assert not [name for name in tar.getnames() if "drafts" in name]
    row = {"actor": "user:a@b.example", "id": "x", "path": "/", "fields": "{}", "created_at": 1}
    data = json.dumps(row).encode() + b"\n"
    former = tmp_path / "former.tar"
    with tarfile.open(file) as tar, tarfile.open(former, "w") as new:
        told = json.loads(tar.extractfile("manifest.json").read())  # type: ignore[union-attr]
        for name in tar.getnames():
            if not name.startswith("manifest."):
                _put(new, name, tar.extractfile(name).read())  # type: ignore[union-attr]
        name = "tables/drafts/000001.jsonl"
        told["files"][name] = {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        told["rows"]["drafts"] = 1
        _put(new, name, data)
        manifest = json.dumps(told).encode()
        _put(new, "manifest.json", manifest)
        _put(new, "manifest.sha256", hashlib.sha256(manifest).hexdigest().encode())
    done = restore(tmp_path / "new", None, former)
    assert done.returncode == 0, done.stderr


def test_backup_that_could_not_be_restored_is_not_made(
    source: ServerSettings, tmp_path: Path
) -> None:
    shutil.copytree(source.data, tmp_path / "server")
    database = sqlite3.connect(tmp_path / "server" / "hostseal.db")
    with database:
        database.execute("update licenses set token = 'nothing' where id = 2")
    database.close()
    out = tmp_path / "backup.tar"
    out.write_bytes(b"the last good one")
    env = server.environment(tmp_path / "server")
    done = server.at_once("backup", "-o", str(out), env=env)
    assert done.returncode == exit_code("backup-not-made"), done.stderr
    assert "could not be restored (licence HS-" in done.stderr
    assert out.read_bytes() == b"the last good one"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["backup.tar", "server"]


@pytest.mark.parametrize("kind", ["named so that no backup can hold it", "not a file", "too long"])
def test_backup_names_the_key_that_it_cannot_take(
    source: ServerSettings, tmp_path: Path, kind: str
) -> None:
    shutil.copytree(source.data, data := tmp_path / "server")
    if kind == "not a file":
        (key := data / "root-2.pub.pem").mkdir()
    elif kind == "too long":
        (key := data / "root-2.pub.pem").write_bytes(b"-" * 99_999)
    else:
        (key := data / "root copy.pub.pem").write_bytes(b"-")
    done = server.at_once("backup", "-o", str(tmp_path / "b.tar"), env=server.environment(data))
    assert done.returncode != 0
    assert str(key) in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["server"]


def test_restore_check_checks_and_restores_nothing(tmp_path: Path, file: Path) -> None:
    done = restore(tmp_path / "new", None, file, "--check", "--thorough")
    assert done.returncode == 0, done.stderr
    assert f"{file} can be restored" in done.stdout
    assert list(tmp_path.iterdir()) == []
    forged(file, tmp_path / "forged.tar", edited("users", lambda row: row.update(colour="red")))
    refused(tmp_path, tmp_path / "forged.tar", "--check")


def test_backup_says_whether_the_root_key_is_in_it(source: ServerSettings, tmp_path: Path) -> None:
    shutil.copytree(source.data, data := tmp_path / "server")
    env, out = server.environment(data), tmp_path / "backup.tar"
    done = server.at_once("backup", "-o", str(out), "--with-keys", env=env)
    assert "included, also the root key" in done.stderr
    assert f"[W]: The root key is in {out}" in done.stderr
    (data / "keys" / "root.key.pem").unlink()
    done = server.at_once("backup", "-o", str(out), "--with-keys", env=env)
    assert "included, but not the root key" in done.stderr
    assert "[W]: The root key" not in done.stderr


def test_what_goes_to_standard_output_is_said_to_be_unchecked(
    source: ServerSettings, tmp_path: Path
) -> None:
    env = server.environment(source.data)
    with (tmp_path / "backup.tar").open("wb") as stream:
        line = [sys.executable, "-m", "license_server", "backup", "-o", "-"]
        done = subprocess.run(line, env=env, cwd=server.REPOSITORY, stdout=stream, stderr=-1)
    assert done.returncode == 0
    assert b"cannot be read back" in done.stderr
    assert restore(tmp_path / "new", None, tmp_path / "backup.tar").returncode == 0


def test_full_disk_is_told_without_speaking_of_a_file_that_was_never_there(
    source: ServerSettings,
) -> None:
    done = server.at_once("backup", "-o", "/dev/full", env=server.environment(source.data))
    assert done.returncode == exit_code("disk-full")
    assert "An earlier file of that name is unchanged." in done.stderr


def test_restore_lists_what_is_valid_again(source: ServerSettings, tmp_path: Path) -> None:
    shutil.copytree(source.data, data := tmp_path / "server")
    env, out = server.environment(data), tmp_path / "backup.tar"
    for words in (
        ("token", "create", "crm", "--scope", "licenses:read"),
        ("token", "create", "over", "--scope", "licenses:read"),
        ("token", "revoke", "over"),
        ("user", "invite", "new@example.com", "--role", "reader"),
    ):
        done = server.at_once(*words, env=env)
        assert done.returncode == 0, done.stderr
    made, now = open_database(server.settings(data)), int(time.time())
    ready = server.settings(data).model_copy(update={"mail_from": "support@vendor.example"})
    contact = {"contact_email": "li@customer.example"}
    made.write(lambda c: customers.change(c, 1, contact, COMMAND, now))
    mailed = made.write(lambda c: _mailed_link(c, ready, now))
    made.write(lambda c: links.invite(c, 1, links.read({}), COMMAND, now, os.urandom, 9))
    back_up(data, None, out)
    assert server.at_once("token", "revoke", "crm", env=env).returncode == 0
    made.write(lambda c: visits.enter(c, mailed, now, 1, os.urandom, "192.0.2.1"))
    made.close()
    done = restore(tmp_path / "new", None, out)
    assert "portal links: 2 (customer 1)" in done.stdout
    restored = open_database(server.settings(tmp_path / "new"))
    with pytest.raises(PortalLinkOverError, match="withdrawn"):
        restored.write(lambda c: visits.enter(c, mailed, now, 1, os.urandom, "192.0.2.1"))
    restored.close()
    assert f"accounts: {server.EMAIL} (administrator)" in done.stdout
    assert "API tokens: crm (to end one: license-server token revoke NAME)" in done.stdout
    assert "invitations: new@example.com (reader)" in done.stdout
    assert "over" not in done.stdout


def _mailed_link(connection: Connection, settings: ServerSettings, now: int) -> str:
    """Mail a one-time link to the contact of the first customer; its secret."""
    address, key = "li@customer.example", b"k" * 32
    letter = mailing.Letter("Your link", mailing.PLACE)
    (mail,) = mailing.send(connection, settings, address, lambda _: letter, key, now, os.urandom)
    return links.secret_of_mail(key, mail.message_id)


def test_restore_does_not_list_what_had_ended_with_its_maker(
    source: ServerSettings, tmp_path: Path
) -> None:
    shutil.copytree(source.data, data := tmp_path / "server")
    env, out = server.environment(data), tmp_path / "backup.tar"
    assert (
        server.at_once("user", "add", "gone@example.com", "--role", "reader", env=env).returncode
        == 0
    )
    gone = Actor("user:gone@example.com", ROLES["administrator"])
    made = open_database(server.settings(data))
    made.write(lambda c: tokens.new_token(c, "orphan", gone, 1, os.urandom, tokens.PROGRAM))
    now = int(time.time())
    made.write(lambda c: invitations.invite(c, "pal@example.com", "reader", gone, now, os.urandom))
    made.close()
    assert server.at_once("user", "end", "gone@example.com", env=env).returncode == 0
    back_up(data, None, out)
    done = restore(tmp_path / "new", None, out)
    assert "Valid again" in done.stdout
    assert "orphan" not in done.stdout
    assert "pal@example.com" not in done.stdout


@pytest.mark.parametrize("now", [-5, 8**11, 253_096_300_799, 10**12])
def test_backup_restores_whatever_the_clock_said(
    source: ServerSettings, tmp_path: Path, now: int
) -> None:
    database, file = open_database(source), tmp_path / "backup.tar"
    with database.snapshot() as connection, file.open("wb") as stream:
        keys = backup.key_files(source, with_keys=False)
        backup.write(connection, keys, stream.write, now, lambda _: None)
    database.close()
    done = restore(tmp_path / "new", None, file)
    assert done.returncode == 0, done.stderr

"""``backup`` and ``restore`` take little memory, however large the ledger and its texts are."""

import os
import time
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import insert

from license_server.actor import COMMAND, Actor
from license_server.db.tables import idempotency_keys
from license_server.operations import data_folder
from license_server.permissions import ROLES
from license_server.sheets import importer, order_sheet, uploads
from tests.bench.bulk import make_sheet
from tests.support import forked, server
from tests.support import peak as measured_peak
from tests.support.postgres import new_database

MOST = 64
"""MiB above what the command takes for a new server."""
LICENCES = 100_000
KINDS = pytest.mark.parametrize("kind", ["sqlite", "postgresql"])


def peak(data: Path, url: str | None, *arguments: str) -> float:
    """The most MiB that a command takes, which succeeds."""
    env = server.environment(data, url)
    done = forked.shared().run(*arguments, env=env, module=measured_peak.__name__)
    assert done.returncode == 0, done.stderr
    return int(done.stderr.split()[-1]) / 1024


def peaks(folder: Path, data: Path, url: str | None, kind: str) -> dict[str, float]:
    """What each command takes that has to do with a backup."""
    file, new = folder / "backup.tar", folder / "restored"
    there = None if kind == "sqlite" else new_database()
    return {
        "backup": peak(data, url, "backup", "-o", str(file)),
        "restore": peak(new, there, "restore", str(file)),
        "fsck": peak(new, there, "fsck"),
    }


def check(folder: Path, kind: str, data: Path, url: str | None) -> None:
    """Each takes little more than for a server that is new."""
    (folder / "idle").mkdir()
    idle_url = None if kind == "sqlite" else new_database()
    idle = server.make(folder / "idle" / "server", idle_url).data
    before, after = peaks(folder / "idle", idle, idle_url, kind), peaks(folder, data, url, kind)
    for command, most in after.items():
        print(f"{kind}: {command} {most:.0f} MiB, of a new server {before[command]:.0f} MiB")
        assert most - before[command] <= MOST, command


@pytest.mark.parametrize("kind", ["sqlite", pytest.param("postgresql", marks=pytest.mark.torture)])
def test_large_sheets_and_long_texts_take_little_memory(tmp_path: Path, kind: str) -> None:
    """What once made files of exit code 0 that no restore took."""
    url = None if kind == "sqlite" else new_database()
    settings = server.make(tmp_path / "server", url)
    database = data_folder.open_database(settings)
    text = "x" * 65_536
    for number in range(16):
        sheet = f"customer,product,host\n{number}".ljust(3_300_000).encode()
        person = Actor(f"user:issuer{number}@example.com", ROLES["issuer"])
        database.write(partial(uploads.keep, content=sheet, actor=person, now=1))
    kept = {"actor": "token:x", "fingerprint": b"", "created_at": 1, "body": text.encode()}
    for number in range(11):
        rows = [kept | {"key": f"{number}-{row}"} for row in range(100)]
        database.write(lambda c, rows=rows: c.execute(insert(idempotency_keys), rows))  # type: ignore[misc]
    database.close()
    check(tmp_path, kind, settings.data, url)


@KINDS
@pytest.mark.torture
def test_ledger_of_100_000_licences_takes_little_memory(tmp_path: Path, kind: str) -> None:
    url = None if kind == "sqlite" else new_database()
    settings = server.make(tmp_path / "server", url)
    make_sheet(tmp_path / "orders.csv", LICENCES)
    database, issuer = data_folder.open_vault(settings)
    with (tmp_path / "orders.csv").open("rb") as stream:
        lines, now = order_sheet.read(stream, "utf-8"), int(time.time())
        for _ in importer.issue(database, issuer, lines, COMMAND, now, os.urandom, "all"):
            pass
    database.close()
    check(tmp_path, kind, settings.data, url)

"""A data folder as an older commit of this repository wrote it: by its own code, in all tables."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.server import REPOSITORY

SUPPORT_DESK = "f464aea0"
"""Of 30 November 2026, with requests, mails, the portal and webhooks; its schema is 0026."""
_CODE = ("license_core", "license_server", "license_cli", "alembic", "tests/support")
_WRITE = """
import sys
from pathlib import Path
here, folder = sys.argv[1:]
sys.path.insert(0, here)
from sqlalchemy import LargeBinary, String, Text, func, insert, select
try:
    from license_server.db.tables import metadata
except ModuleNotFoundError:  # before the server had packages
    from license_server.models import metadata
from tests.support import ledger as kept
assert kept.__file__.startswith(here)
ledger = kept.new_ledger(Path(folder), None)
kept.walk(ledger)

SAID = {
    "mailbox_mails": {"outcome": "list", "digest": "0" * 64, "requests": 0},
    "reminders": {"outcome": "declined"},
    "webhook_deliveries": {
        "event": "license.issued",
        "state": "delivered",
        "done_at": 1,
        "body": b'{"type":"license.issued","timestamp":"2026-11-18T11:06:40Z","data":{}}',
    },
}

def value(column, connection):
    said = SAID.get(column.table.name, {})
    if column.name in said:
        return said[column.name]
    if column.table.name == "reminders" and column.name in ("line", "license"):
        of = metadata.tables["licenses"].c
        return connection.execute(select(of.line).order_by(of.id).limit(1)).scalar_one()
    if column.foreign_keys:
        (other,) = column.foreign_keys
        return connection.execute(select(other.column).limit(1)).scalar_one()
    if isinstance(column.type, LargeBinary):
        return bytes(32)
    return "x" if isinstance(column.type, String | Text) else 1

def fill(connection):
    for table in metadata.sorted_tables:
        if not connection.execute(select(func.count()).select_from(table)).scalar_one():
            said = SAID.get(table.name, {})
            needed = (one for one in table.columns if not one.nullable or one.name in said)
            row = {one.name: value(one, connection) for one in needed}
            connection.execute(insert(table), row)

ledger.site.database.write(fill)
Path(folder, "checkpoint.txt").write_text(ledger.checkpoint())
ledger.site.database.close()
"""


def make(folder: Path, commit: str) -> Path:
    """Let *commit* write ``server`` and ``checkpoint.txt`` into *folder*; the data folder.

    Each table that it knows has a row. Skips where the history here does not go back so far.
    """
    archive = ["git", "archive", commit, *_CODE]
    done = subprocess.run(archive, cwd=REPOSITORY, capture_output=True)
    if done.returncode != 0:
        pytest.skip(f"the history here does not go back to {commit}: git fetch --unshallow")
    code = folder / "code"
    code.mkdir()
    subprocess.run(["tar", "-x"], cwd=code, input=done.stdout, check=True)
    line = [sys.executable, "-c", _WRITE, str(code), str(folder)]
    made = subprocess.run(line, cwd=folder, capture_output=True, text=True)
    assert made.returncode == 0, made.stderr
    return folder / "server"

"""``import`` and ``export``."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy

from license_core.verify import open_license
from license_server.audit import audit_store
from license_server.db import tables
from license_server.db.database import Database
from license_server.licenses import issuing, license_store
from license_server.licenses.search import Filter
from license_server.operations.data_folder import open_database
from license_server.sheets import (
    batches,
)
from tests.support import cli_tables, server
from tests.support.postgres import new_database
from tests.support.server import LINE, REPOSITORY
from tests.support.sheet_text import sheet


def run(data: Path, *arguments: str, url: str | None = None) -> subprocess.CompletedProcess[str]:
    return server.at_once(*arguments, env=server.environment(data, url))


def test_import_and_export_commands_agree(data: Path, tmp_path: Path) -> None:
    file, report = tmp_path / "orders.csv", tmp_path / "report.csv"
    file.write_text(sheet(3, "X,bulk,nothing,5,,,\n"))
    arguments = ("import", "licenses", str(file), "--report", str(report))
    for more in (("--dry-run",), ()):
        refused = run(data, *arguments, *more)
        assert refused.returncode == 111
        assert "line 5, host: " in refused.stderr
        assert ": 1 of 4, the first on line 5" in refused.stderr
        assert "5,,,request-unreadable," in report.read_text()
    done = run(data, *arguments, "--skip-wrong")
    assert (done.returncode, done.stderr.splitlines()[-1]) == (0, "Issued 3 licences.")
    exported = run(data, "export", "licenses", "-o", "-")
    numbers = {line.split(",")[0] for line in exported.stdout.splitlines()[1:]}
    issued = {line.split(",")[1] for line in report.read_text().splitlines()[1:]} - {""}
    assert numbers == issued
    assert len(numbers) == 3
    customers = run(data, "export", "customers", "-o", "-").stdout.splitlines()
    assert len(customers) == 1 + 3
    events = run(data, "export", "events", "--action", "license.issued", "-o", "-").stdout
    assert len(events.splitlines()) == 1 + 3


def test_dry_run_of_an_import_says_of_each_row_what_it_takes_away(
    data: Path, tmp_path: Path
) -> None:
    order = ("--customer", "ACME", "--product", "bulk", "--days", "90", "--limit", "gpus=4")
    former = run(data, "issue", *order, "--host", LINE, "-o", "-").stderr.split()[0]
    file, report = tmp_path / "orders.csv", tmp_path / "report.csv"
    quoted = LINE.replace('"', '""')
    rows = f'ACME,bulk,"{quoted}",90,{former},gpus=2\nNew,bulk,"{quoted}",9,,gpus=2\n'
    file.write_text(f"customer,product,host,days,replaces,limits\n{rows}")
    done = run(data, "import", "licenses", str(file), "--dry-run", "--report", str(report))
    said = f"The new licence grants less than {former}: gpus 2 instead of 4."
    assert done.returncode == 0, done.stderr
    assert f"[W]: line 2: {said}\n" in done.stderr
    assert "line 3" not in done.stderr
    assert said in report.read_text()


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_killed_import_resumes_and_issues_each_row_once(tmp_path: Path, kind: str) -> None:
    url = None if kind == "sqlite" else new_database()
    data = tmp_path / "server"
    made = server.make(data, url)
    count = 1600
    file = tmp_path / "orders.csv"
    file.write_text(sheet(count))
    line = [sys.executable, "-m", "license_server", "import", "licenses", str(file)]
    env = server.environment(data, url)
    database = open_database(made)
    with subprocess.Popen(line, env=env, cwd=REPOSITORY, stderr=subprocess.DEVNULL) as process:
        server.until(process, lambda: count_licenses(database) >= batches.BATCH)
        begun = count_licenses(database)
        process.send_signal(signal.SIGKILL)
    stopped = count_licenses(database)
    assert stopped % batches.BATCH == 0 or stopped == count
    assert batches.BATCH <= begun <= stopped
    done = run(data, "import", "licenses", str(file), url=url)
    assert (done.returncode, done.stderr.splitlines()[-1]) == (0, f"Issued {count} licences.")
    with database.reading() as connection:
        stored = license_store.listed(connection, Filter(), 0, before=None, limit=3000).rows
        events = [audit_store.trail(connection, [one.number])[0] for one in stored]
        seen = sorted(json.loads(event.details)["line"] for event in events)
    database.close()
    assert seen == list(range(2, count + 2))
    roots = server.roots(data)
    for one in stored[::40]:
        assert open_license(issuing.file_of(one), roots=roots).license.jti == one.number


def count_licenses(database: Database) -> int:
    with database.reading() as connection:
        query = sqlalchemy.select(sqlalchemy.func.count()).select_from(tables.licenses)
        return int(connection.execute(query).scalar_one())


def test_customers_are_imported_from_a_file_of_their_own(data: Path, tmp_path: Path) -> None:
    file = tmp_path / "customers.csv"
    file.write_bytes("sep=;\r\nname;notes\r\nMüller;a\r\nMüller;b\r\n".encode("cp1252"))
    line = ("import", "customers", str(file), "--encoding", "cp1252")
    env = server.environment(data)
    looked = server.at_once(*line, "--dry-run", env=env)
    assert looked.stderr == "New customers: 1; already there: 1.\n"
    for told in (
        "Added customers: 1; already there: 1.\n",
        "Added customers: 0; already there: 2.\n",
    ):
        assert server.at_once(*line, env=env).stderr == told
    listed = cli_tables.rows(server.at_once("customer", "list", env=env).stdout)
    assert "Müller" in [one["NAME"] for one in listed]

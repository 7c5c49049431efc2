"""Schema migrations up and down, from nothing and from a former version, on both databases."""

import os
import re
import subprocess
import sys
import warnings
from collections.abc import Iterator
from datetime import date, datetime, time
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from license_core.verify import open_license
from license_server.access import access_store
from license_server.actor import COMMAND
from license_server.audit import audit_store, digests
from license_server.catalog import catalog_store
from license_server.db.database import Database
from license_server.db.tables import metadata
from license_server.licenses import issuing, license_store, recording, term_days
from license_server.licenses.acts import ACTS
from license_server.licenses.planning import ActRequest
from license_server.licenses.search import Filter
from license_server.operations import schema
from license_server.operations.errors import SchemaOutdatedError
from license_server.settings import ServerSettings
from license_server.web import view_store
from license_server.web.view_store import View
from tests.support import former, server, softhsm
from tests.support.former import CUSTOMERS, THEN, Former
from tests.support.postgres import new_database
from tests.support.problems import exit_code
from tests.support.server import LINE, REPOSITORY

NOW = THEN + 40 * 86400
LAST = date(2027, 11, 28)


class Filled(NamedTuple):
    database: Database
    settings: ServerSettings
    former: Former

    def up(self) -> None:
        self.database.write(lambda connection: schema.upgrade(connection, NOW))

    def down(self, revision: str) -> None:
        self.database.write(lambda connection: schema.downgrade(connection, revision))


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest) -> str | None:
    return None if request.param == "sqlite" else new_database()


@pytest.fixture
def filled(tmp_path: Path, url: str | None) -> Iterator[Filled]:
    """A server whose tables are those of 0001, with 24 licences."""
    settings, was = former.make(tmp_path / "server", url)
    database = Database(settings.database_url)
    yield Filled(database, settings, was)
    database.close()


@pytest.fixture
def empty(tmp_path: Path, url: str | None) -> Iterator[Database]:
    (tmp_path / "server").mkdir()
    database = Database(server.settings(tmp_path / "server", url).database_url, create=True)
    yield database
    database.close()


def differences(database: Database) -> list[object]:
    """What stands otherwise in the tables than in the models."""
    with database.reading() as connection, warnings.catch_warnings():
        for told in ("Skipped unsupported reflection of", "autogenerate skipping .*"):
            warnings.filterwarnings("ignore", f"{told} expression-based index")
        options: dict[str, Any] = {"compare_type": True, "compare_server_default": True}
        if database.engine.dialect.name == "sqlite":  # it tells of no index on an expression
            options["include_object"] = lambda _, name, *__: name != "ix_licenses_grace"
        context = MigrationContext.configure(connection, opts=options)
        return list(compare_metadata(context, metadata))


def tables(connection: Connection) -> set[str]:
    names = MigrationContext.configure(connection).dialect.get_table_names(connection)
    return set(names)


def check_licences(filled: Filled) -> None:
    """Each is listed, its file is the same and verifies, and what became of it is right."""
    was, roots = filled.former, server.roots(filled.settings.data)
    with filled.database.reading() as connection:
        found = license_store.listed(connection, Filter(), NOW, before=None, limit=500).rows
    assert [stored.number for stored in found] == sorted(was.files, reverse=True)
    for stored in found:
        file = issuing.file_of(stored)
        assert file == was.files[stored.number]
        assert open_license(file, roots=roots).license.jti == stored.number
        later, before = was.later(stored.number), was.replaces[stored.number]
        assert (stored.replaces, stored.replaced_by) == (before, later)
        assert stored.line == was.first_of(stored.number)
        assert stored.state == ("active" if later is None else "replaced")
        assert stored.act == ("issue" if before is None else "change")


def test_migrated_schema_matches_the_models(empty: Database) -> None:
    empty.write(lambda connection: schema.upgrade(connection, NOW))
    assert differences(empty) == []
    with empty.reading() as connection:
        schema.check(connection, "")


def test_downgrade_to_base_leaves_no_table(empty: Database) -> None:
    empty.write(lambda connection: schema.upgrade(connection, NOW))
    empty.write(lambda connection: schema.downgrade(connection, "base"))
    with empty.reading() as connection:
        assert tables(connection) <= {"alembic_version"}
    empty.write(lambda connection: schema.upgrade(connection, NOW))
    assert differences(empty) == []


def test_upgrade_of_a_former_database_keeps_every_licence(filled: Filled) -> None:
    filled.up()
    check_licences(filled)
    assert differences(filled.database) == []
    with filled.database.reading() as connection:
        user = access_store.user_by_email(connection, server.EMAIL)
        assert user is not None
        assert user.role == "administrator"
        (token,) = access_store.list_tokens(connection)
        assert set(token.scopes.split()) == {"licenses:issue", "licenses:read"}
        assert token.expires_at is None
        for name in CUSTOMERS:
            customer = catalog_store.customer_by_name(connection, name)
            assert customer is not None
        found = license_store.listed(
            connection, Filter(text="数据"), NOW, before=None, limit=50
        ).rows
        assert {stored.customer for stored in found} == {CUSTOMERS[1]}


@pytest.mark.parametrize("revision", ["0002", "0003", "0004", "0005", "0006"])
def test_upgrade_keeps_every_idempotency_key_and_reply(filled: Filled, revision: str) -> None:
    """Since 0002: those of 0001 told no reply (CHANGELOG)."""
    kept = ("token:crm", "order of monday", bytes(32), NOW, 201, "/api/v1/licenses/1", b"{}")
    add = "insert into idempotency_keys values (:a, :b, :c, :d, :e, :f, :g)"
    find = text(
        "select actor, key, fingerprint, created_at, status, location, body from idempotency_keys"
    )

    def fill(connection: Connection) -> None:
        schema.upgrade(connection, NOW, revision)
        connection.execute(text(add), dict(zip("abcdefg", kept, strict=True)))

    filled.database.write(fill)
    filled.up()
    with filled.database.reading() as connection:
        (row,) = connection.execute(find)
    assert tuple(bytes(one) if isinstance(one, memoryview) else one for one in row) == kept


def test_two_processes_that_upgrade_at_once_upgrade_once(filled: Filled) -> None:
    other = Database(filled.settings.database_url)
    both = [
        one.writer.submit(lambda connection: schema.upgrade(connection, NOW))
        for one in (filled.database, other)
    ]
    assert [one.result() for one in both] == [None, None]
    other.close()
    check_licences(filled)
    query = text("select subject from audit_events where action = 'ledger.adopted'")
    with filled.database.reading() as connection:
        bound = list(connection.execute(query).scalars())
    assert sorted(set(bound)) == sorted(bound) != []


def test_upgrade_binds_former_licences_into_the_audit_log(filled: Filled) -> None:
    filled.up()
    with filled.database.reading() as connection:
        events = audit_store.events(
            connection, audit_store.EventFilter(action="ledger.adopted"), before=None, limit=50
        )
        bound = "".join(event.rows or "" for event in events)
        for number in filled.former.files:
            row = license_store.columns_of(connection, number)
            assert row is not None
            assert digests.digest("licenses", row) in bound


def test_views_of_the_list_of_licences_stay_when_other_lists_have_views_too(
    empty: Database,
) -> None:
    def views(connection: Connection) -> list[tuple[str, ...]]:
        return [tuple(row) for row in connection.execute(text("select * from saved_views"))]

    empty.write(lambda connection: schema.upgrade(connection, NOW))
    empty.write(lambda connection: schema.downgrade(connection, "0016"))
    mine = ("ann@example.com", "Ends next", "state=valid")
    add = text("insert into saved_views (actor, name, query) values (:a, :n, :q)")
    empty.write(lambda connection: connection.execute(add, dict(zip("anq", mine, strict=True))))
    empty.write(lambda connection: schema.upgrade(connection, NOW))
    assert empty.read(views) == [(mine[0], "/licenses", *mine[1:])]
    empty.write(lambda connection: view_store.keep(connection, mine[0], "/people", View("x", "")))
    empty.write(lambda connection: schema.downgrade(connection, "0016"))
    assert empty.read(views) == [mine]


def test_downgrade_and_upgrade_lose_no_licence(filled: Filled) -> None:
    filled.up()
    filled.down("0001")
    with filled.database.reading() as connection:
        assert schema.found(connection) == "0001"
        query = text("select number, token from licenses order by number")
        stored = connection.execute(query).all()
    assert [row.number for row in stored] == sorted(filled.former.files)
    filled.up()
    check_licences(filled)
    assert differences(filled.database) == []


def test_downgrade_and_upgrade_keep_suspensions_and_revocations(filled: Filled) -> None:
    filled.up()
    suspended, revoked, *_ = (n for n in filled.former.files if filled.former.later(n) is None)

    def end(connection: Connection) -> None:
        for act, number in (("suspend", suspended), ("suspend", revoked), ("revoke", revoked)):
            recording.end(
                connection, ActRequest(ACTS[act], {"reason": "unpaid"}, number), COMMAND, NOW
            )

    filled.database.write(end)
    filled.down("0001")
    filled.up()
    with filled.database.reading() as connection:
        assert issuing.find(connection, suspended).state == "suspended"
        assert issuing.find(connection, revoked).state == "revoked"


def test_downgrade_restores_the_former_tables(filled: Filled, tmp_path: Path) -> None:
    """What a downgrade leaves is what the former version itself would have made."""
    before = _columns(filled.database)
    filled.up()
    filled.down("0001")
    assert _columns(filled.database) == before


@softhsm.about_key_files
def test_upgrade_command_makes_a_former_server_issue_again(tmp_path: Path, url: str | None) -> None:
    data = tmp_path / "server"
    settings, was = former.make(data, url)
    env = server.environment(data, url)
    refused = server.at_once("issue", *ORDER, env=env)
    assert " upgrade`" in refused.stderr
    (copy,) = re.findall(r"copy it \(`(.+?)`\)", refused.stderr)
    if url is None:
        subprocess.run(["sh", "-c", copy], check=True)
    else:
        assert copy == 'pg_dump -Fc -f hostseal-0001.dump "$LICENSE_SERVER_DATABASE"'
    done = server.at_once("upgrade", env=env)
    assert done.returncode == 0, done.stderr
    issued = server.at_once("issue", *ORDER, env=env)
    assert issued.returncode == 0, issued.stderr
    assert open_license(issued.stdout.encode(), roots=server.roots(data)).license.sub == "ACME"
    database = Database(settings.database_url)
    with database.reading() as connection:
        for number, file in was.files.items():
            assert issuing.file_of(issuing.find(connection, number)) == file
    database.close()
    if url is None:  # the copy is what was there before, and can be upgraded as well
        kept = data.with_name("server.0001")
        assert server.at_once(
            "issue", *ORDER, env=server.environment(kept)
        ).returncode == exit_code("schema-outdated")
        for command in ("upgrade", "fsck"):
            assert server.at_once(command, env=server.environment(kept)).returncode == 0


ORDER = ("--customer", "ACME", "--product", "darwin", "--host", LINE, "--days", "9", "-o", "-")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder into which this project's wheel is installed, without what it needs."""
    made = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    offline = ["--no-deps", "--no-index"]
    _run([*pip, "wheel", *offline, "--no-build-isolation", "-w", str(made), str(REPOSITORY)])
    (file,) = made.glob("*.whl")
    _run([*pip, "install", *offline, "--target", str(made / "installed"), str(file)])
    return made / "installed"


@pytest.mark.parametrize(
    "url", ["sqlite", pytest.param("postgresql", marks=pytest.mark.torture)], indirect=True
)
def test_installed_wheel_can_init_upgrade_and_issue(
    wheel: Path, tmp_path: Path, url: str | None
) -> None:
    """Outside a checkout: what it migrates with came in the wheel, and is for both databases."""
    data = tmp_path / "vendor"
    env = server.environment(data, url) | {"PYTHONPATH": str(wheel)}

    def run(*arguments: str) -> str:
        line = [sys.executable, "-P", "-m", "license_server", *arguments]
        return _run(line, env=env, cwd=tmp_path)

    where = [sys.executable, "-P", "-c", "import license_server; print(license_server.__file__)"]
    assert _run(where, env=env, cwd=tmp_path).startswith(str(wheel))
    run("init")
    database = Database(server.settings(data, url).database_url)
    database.write(lambda connection: schema.downgrade(connection, "0001"))
    database.close()
    run("upgrade")
    file = run("issue", *ORDER).encode()
    assert open_license(file, roots=server.roots(data)).license.aud == "darwin"


def _run(line: list[str], env: dict[str, str] | None = None, cwd: Path = REPOSITORY) -> str:
    done = subprocess.run(
        line, env=env or dict(os.environ), cwd=cwd, capture_output=True, text=True, timeout=240
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def _columns(database: Database) -> dict[str, list[tuple[str, str, bool]]]:
    """Each table's columns: name, type, whether it may be null; in the order of their names."""
    with database.reading() as connection:
        dialect = connection.dialect
        return {
            table: sorted(
                (column["name"], str(column["type"]), bool(column["nullable"]))
                for column in dialect.get_columns(connection, table)
            )
            for table in sorted(tables(connection))
        }


def test_upgrade_tells_the_last_day_of_every_licence_from_its_end_alone(
    empty: Database,
) -> None:
    """In whichever time zone it was ordered; and it stays as the audit log bound it."""
    ends = {
        zone: term_days.end_of(LAST, term_days.zone_of(zone))
        for zone in ("UTC", "Asia/Shanghai", "Asia/Kolkata", "America/New_York", "Pacific/Auckland")
    }
    bound: dict[str, str] = {}

    def fill(connection: Connection) -> None:
        schema.upgrade(connection, NOW, "0007")
        party = "insert into {} (id, name, created_at) values (1, 'x', 1)"
        for table in ("customers", "products"):
            connection.execute(text(party.format(table)))
        connection.execute(text("insert into keysets values (1, '', 1)"))
        add = text(
            "insert into licenses (number, customer_id, product_id, host_key, issued_at, "
            "expires_at, token, keyset_version, issued_by, line, act, state) "
            "values (:n, 1, 1, '', 1, :end, '', 1, '', :n, 'issue', 'active')"
        )
        for zone, end in (*ends.items(), ("", None)):
            connection.execute(add, {"n": zone, "end": end})
        for row in connection.execute(text("select * from licenses")):
            later = dict.fromkeys(metadata.tables["licenses"].columns.keys() - row._mapping.keys())
            had = dict(row._mapping) | later
            bound[row.number] = digests.digest("licenses", had)

    empty.write(fill)
    empty.write(lambda connection: schema.upgrade(connection, NOW))
    with empty.reading() as connection:
        for zone, end in ends.items():
            stored = license_store.by_number(connection, zone)
            assert stored is not None
            assert stored.last is not None
            assert (stored.last.day, stored.last.instant, stored.time_zone) == (LAST, end, None)
            offset = stored.last.there.utcoffset(None)
            assert offset == datetime.combine(LAST, time(23), ZoneInfo(zone)).utcoffset()
        perpetual = license_store.by_number(connection, "")
        assert perpetual is not None
        assert (perpetual.last, perpetual.zone) == (None, "UTC")
        for number, digest in bound.items():
            row = license_store.columns_of(connection, number)
            assert row is not None
            assert digests.digest("licenses", row) == digest


def test_versions_are_told_by_the_names_of_the_migrations() -> None:
    scripts = ScriptDirectory(str(REPOSITORY / "alembic"))
    assert schema.current() == scripts.get_current_head()
    for one in scripts.walk_revisions():
        if one.revision != schema.current():
            with pytest.raises(SchemaOutdatedError):
                schema.check_backup(one.revision)

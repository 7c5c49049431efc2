"""Imports and drafts of version 0006 survive an upgrade and a downgrade."""

import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from sqlalchemy import text

from license_server.actor import Actor
from license_server.db.database import Database
from license_server.db.errors import StillRunningError
from license_server.db.idempotency import Idempotency
from license_server.operations import data_folder, schema
from license_server.permissions import ROLES
from license_server.settings import ServerSettings
from license_server.sheets import (
    agreement,
    batches,
    importer,
    job_state,
    jobs,
    keyed_jobs,
    order_sheet,
    runner,
)
from license_server.sheets.agreement import Agreed
from license_server.site import Site
from license_server.web import drafts
from tests.support import former, former_imports
from tests.support.former import THEN
from tests.support.former_imports import DONE, DONE_BEFORE, JOBS, RUNNING, STOPPED, WAITING
from tests.support.postgres import new_database

NOW = THEN + 40 * 86400
PERSON = Actor(former_imports.PERSON, ROLES["administrator"])
TOKEN = Actor(former_imports.TOKEN, frozenset({"licenses:issue"}))
KEY = Idempotency(former_imports.HELD, former_imports.HELD_FINGERPRINT)


class Former(NamedTuple):
    """A vendor whose database was that of version 0006, with imports on their way."""

    settings: ServerSettings
    database: Database

    def up(self) -> None:
        self.database.write(lambda connection: schema.upgrade(connection, NOW))

    def down(self) -> None:
        self.database.write(lambda connection: schema.downgrade(connection, "0006"))

    def kept(self) -> dict[tuple[str, str], tuple[Any, ...]]:
        """Every row of the table of keys."""
        query = text(
            "select actor, key, fingerprint, created_at, status, location, body"
            " from idempotency_keys"
        )
        with self.database.reading() as connection:
            return {
                (actor, key): tuple(bytes(v) if isinstance(v, memoryview) else v for v in values)
                for actor, key, *values in connection.execute(query)
            }


@pytest.fixture(params=["sqlite", "postgresql"])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Former]:
    url = None if request.param == "sqlite" else new_database()
    settings, _ = former.make(tmp_path / "server", url)
    database = Database(settings.database_url)
    database.write(lambda connection: schema.upgrade(connection, NOW, "0006"))
    database.write(lambda connection: former_imports.fill(connection, NOW))
    yield Former(settings, database)
    database.close()


@pytest.fixture
def site(server: Former) -> Iterator[Site]:
    """That server after the upgrade."""
    server.up()
    database, issuer = data_folder.open_vault(server.settings, NOW)
    yield Site(server.settings, database, issuer, lambda: NOW, os.urandom)
    database.close()


def licences(site: Site) -> int:
    query = text("select count(*) from licenses")
    return int(site.database.read(lambda connection: connection.execute(query).scalar_one()))


def test_import_job_resumes_after_an_upgrade_without_duplicates(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "BATCH", 2)
    before = licences(site)
    assert not agreement.begin(site, RUNNING.id, PERSON, NOW, Agreed())  # it may run elsewhere
    later = NOW - 10 + job_state.STOPPED_AFTER
    assert agreement.begin(site, RUNNING.id, PERSON, later, Agreed())
    runner.run(site, RUNNING.id, PERSON)
    job = site.database.read(lambda connection: jobs.find(connection, RUNNING.id, PERSON))
    assert job is not None
    assert job.over, job
    assert (job.progress.issued, job.progress.numbers[:2]) == (5, DONE_BEFORE)
    assert licences(site) == before + 3


def test_api_import_resumes_after_an_upgrade_without_duplicates(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "BATCH", 2)
    write, before = site.database.write, licences(site)
    with pytest.raises(StillRunningError):
        write(lambda connection: keyed_jobs.begin(connection, KEY, TOKEN, NOW))
    later = NOW - 10 + job_state.STOPPED_AFTER
    write(lambda connection: keyed_jobs.begin(connection, KEY, TOKEN, later))
    lines = order_sheet.read(io.BytesIO(former_imports.BY_API))
    given = (site.database, site.issuer, lines, TOKEN, later, os.urandom)
    done = [one for batch in importer.issue(*given, keyed_jobs.name_of(KEY)) for one in batch]
    assert [one.slug for one in done] == [None] * 5
    assert tuple(one.number for one in done[:2]) == DONE_BEFORE
    assert licences(site) == before + 3


def test_upgrade_preserves_import_jobs_and_drafts(site: Site) -> None:
    with site.database.reading() as connection:
        found = {job.id: jobs.find(connection, job.id, PERSON) for job in JOBS}
        draft = drafts.find(connection, former_imports.DRAFT, "/licenses/issue", PERSON)
    states = {id_: None if job is None else job.state for id_, job in found.items()}
    assert states == {
        RUNNING.id: "running",
        DONE.id: "done",
        WAITING.id: "waiting",
        STOPPED.id: "stopped",
    }
    stopped = found[STOPPED.id]
    assert stopped is not None
    assert (stopped.problem, stopped.detail) == ("not-permitted", "No more.")
    assert (draft.fields, draft.done) == (former_imports.FIELDS, None)


def test_upgrade_preserves_idempotency_keys_and_replies(server: Former) -> None:
    before = server.kept()
    server.up()
    after = server.kept()
    assert {key for _, key in after} == {
        *former_imports.OF_CLIENTS,
        former_imports.HELD,
        "form:once",
    }
    assert after == {name: before[name] for name in after}


def test_downgrade_restores_the_keys_of_version_0006(server: Former) -> None:
    before = server.kept()
    server.up()
    server.down()
    assert server.kept() == before
    server.up()
    server.down()
    assert server.kept() == before

"""Import jobs: a heartbeat shows whether one runs, and only one process takes it up."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy.exc import IntegrityError

from license_server.actor import Actor
from license_server.db.database import Database
from license_server.db.errors import IdempotencyConflictError, StillRunningError
from license_server.db.idempotency import Idempotency
from license_server.permissions import ROLES
from license_server.sheets import jobs, keyed_jobs, sheet_store
from license_server.sheets.batches import Outcome
from license_server.sheets.job_state import (
    DONE,
    RUNNING,
    SHOWN,
    STOPPED,
    STOPPED_AFTER,
    WAITING,
    Job,
    Progress,
)
from tests.support.postgres import new_database
from tests.support.server import make

NOW = 1_795_000_000
ACTOR = Actor("user:issuer@example.com", ROLES["issuer"])
CLIENT = Actor("token:crm", frozenset({"licenses:issue"}))
KEY = Idempotency.of("november", "POST", "/api/v1/imports", b"a sheet")
OTHER = Idempotency.of("november", "POST", "/api/v1/imports", b"another sheet")
JOB = Job("0" * 32, RUNNING, NOW, Progress(5))


@pytest.fixture(params=["sqlite", "postgresql"])
def processes(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Database, ...]]:
    """The database of a vendor, as two processes have it open."""
    url = None if request.param == "sqlite" else new_database()
    settings = make(tmp_path / "server", url)
    opened = tuple(Database(settings.database_url) for _ in "12")
    yield opened
    for one in opened:
        one.close()


@pytest.mark.parametrize("state", [RUNNING, WAITING])
def test_job_without_heartbeat_counts_as_stopped(state: str) -> None:
    job = JOB._replace(state=state)
    assert job.runs(NOW + STOPPED_AFTER - 1)
    assert not job.stopped(NOW + STOPPED_AFTER - 1)
    assert job.stopped(NOW + STOPPED_AFTER)
    assert not job.runs(NOW + STOPPED_AFTER)


def test_stopped_or_done_job_is_not_running() -> None:
    stopped, done = JOB._replace(state=STOPPED), JOB._replace(state=DONE)
    assert stopped.stopped(NOW)
    assert not stopped.runs(NOW)
    assert (done.over, done.runs(NOW), done.stopped(NOW + 2 * STOPPED_AFTER)) == (
        True,
        False,
        False,
    )


def test_progress_counts_every_row_and_keeps_some_of_each_kind() -> None:
    batch = [Outcome(line, f"HS-{line}") for line in range(2, 42)]
    batch += [Outcome(line, slug="input-invalid") for line in range(42, 52)]
    reached = Progress(100).further(batch).further(batch)
    assert (reached.lines, reached.done, reached.issued, reached.wrong) == (100, 100, 80, 20)
    assert len(reached.numbers) == SHOWN
    assert reached.left_out == tuple(range(42, 52)) * 2


def test_only_one_of_two_processes_takes_up_a_stopped_job(
    processes: tuple[Database, ...],
) -> None:
    first, second = processes
    first.write(lambda c: jobs.begin(c, JOB, ACTOR))
    later = JOB._replace(heartbeat_at=NOW + STOPPED_AFTER)
    assert first.write(lambda c: sheet_store.take_up(c, ACTOR.name, JOB, later))
    assert not second.write(lambda c: sheet_store.take_up(c, ACTOR.name, JOB, later))
    assert not second.write(lambda c: jobs.begin(c, later, ACTOR))


def test_second_process_cannot_begin_the_same_job(
    processes: tuple[Database, ...],
) -> None:
    first, second = processes
    first.write(lambda c: sheet_store.add_job(c, ACTOR.name, JOB))
    with pytest.raises(IntegrityError):
        second.write(lambda c: sheet_store.add_job(c, ACTOR.name, JOB))


def test_done_job_stays_done(processes: tuple[Database, ...]) -> None:
    write = processes[0].write
    write(lambda c: jobs.begin(c, JOB, ACTOR))
    write(lambda c: jobs.note(c, JOB._replace(state=DONE), ACTOR, NOW + 1))
    write(lambda c: jobs.note(c, JOB, ACTOR, NOW + 2))
    write(lambda c: jobs.wait(c, JOB.id, ACTOR, NOW + 3))
    assert not write(lambda c: jobs.begin(c, JOB._replace(heartbeat_at=NOW + 999), ACTOR))
    (job,) = processes[1].read(lambda c: jobs.begun(c, ACTOR, 10))
    assert (job.state, job.heartbeat_at) == (DONE, NOW + 1)


def test_keyed_import_is_held_while_running_and_reusable_when_done(
    processes: tuple[Database, ...],
) -> None:
    first, second = processes
    outcomes = [Outcome(2, "HS-2026-00000000"), Outcome(3, slug="input-invalid")]
    first.write(lambda c: keyed_jobs.begin(c, KEY, CLIENT, NOW))
    first.write(lambda c: keyed_jobs.beat(c, KEY, CLIENT, NOW + STOPPED_AFTER - 1))
    with pytest.raises(StillRunningError):
        second.write(lambda c: keyed_jobs.begin(c, KEY, CLIENT, NOW + STOPPED_AFTER))
    with pytest.raises(IdempotencyConflictError):
        second.write(lambda c: keyed_jobs.begin(c, OTHER, CLIENT, NOW))
    first.write(lambda c: keyed_jobs.end(c, KEY, CLIENT, NOW + 99, outcomes))
    (job,) = first.read(lambda c: jobs.begun(c, CLIENT, 10))
    assert (job.state, job.progress.issued, job.progress.left_out) == (DONE, 1, (3,))
    with pytest.raises(IdempotencyConflictError):
        second.write(lambda c: keyed_jobs.begin(c, OTHER, CLIENT, NOW + 99))
    second.write(lambda c: keyed_jobs.begin(c, KEY, CLIENT, NOW + 99))  # its batches are done
    with pytest.raises(StillRunningError):
        first.write(lambda c: keyed_jobs.begin(c, KEY, CLIENT, NOW + 99))


def test_key_of_a_failed_import_accepts_another_csv_file(
    processes: tuple[Database, ...],
) -> None:
    first, second = processes
    first.write(lambda c: keyed_jobs.begin(c, KEY, CLIENT, NOW))
    first.write(lambda c: keyed_jobs.end(c, KEY, CLIENT, NOW, None))
    second.write(lambda c: keyed_jobs.begin(c, OTHER, CLIENT, NOW))

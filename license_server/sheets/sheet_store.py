"""What jobs are of (uploads, chosen licences), jobs and batches. Each belongs to its actor."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, and_, delete, exists, insert, select, update

from license_core import strictjson
from license_server.db.tables import import_batches, import_jobs, import_sheets
from license_server.sheets.job_state import DONE, Job, Progress


class StoredSheet(NamedTuple):
    """What the lines of a job are read from."""

    act: str
    """The act of each; ``issue``: it is an upload."""
    content: bytes


class StoredBatch(NamedTuple):
    """A batch that was done: the SHA-256 of its lines, and what became of each, as JSON."""

    fingerprint: bytes
    outcomes: str


def has_sheet(connection: Connection, actor: str, id_: str) -> bool:
    """Whether *actor* uploaded a sheet with this id."""
    query = select(import_sheets.c.id).where(_sheet(actor, id_))
    return connection.execute(query).first() is not None


def sheet(connection: Connection, actor: str, id_: str) -> StoredSheet | None:
    """What is kept under this id."""
    query = select(import_sheets.c.act, import_sheets.c.content).where(_sheet(actor, id_))
    row = connection.execute(query).first()
    return None if row is None else StoredSheet(row.act, bytes(row.content))


def add_sheet(connection: Connection, actor: str, id_: str, new: StoredSheet, now: int) -> None:
    """Keep a sheet. Raises IntegrityError where it is kept already."""
    values = new._asdict() | {"actor": actor, "id": id_, "created_at": now}
    connection.execute(insert(import_sheets), values)


def forget_sheets_but(connection: Connection, actor: str, newest: int) -> None:
    """Forget all sheets of *actor* but the *newest*, and those whose job is not done."""
    table, jobs_ = import_sheets.c, import_jobs.c
    undone = exists().where(jobs_.actor == actor, jobs_.id == table.id, jobs_.state != DONE)
    mine = select(table.id).where(table.actor == actor)
    older = mine.order_by(table.created_at.desc(), table.id).offset(newest)
    ids = list(connection.execute(older).scalars())
    if ids:
        connection.execute(
            delete(import_sheets).where(table.actor == actor, table.id.in_(ids), ~undone)
        )


def job(connection: Connection, actor: str, id_: str) -> Job | None:
    """The job with this id, if *actor* began it."""
    row = connection.execute(select(import_jobs).where(_job(actor, id_))).first()
    return None if row is None else _read_job(row._asdict())


def jobs(connection: Connection, actor: str, limit: int) -> list[Job]:
    """At most *limit* jobs that *actor* began; those that were heard of last come first."""
    query = (
        select(import_jobs)
        .where(import_jobs.c.actor == actor)
        .order_by(import_jobs.c.heartbeat_at.desc(), import_jobs.c.id)
        .limit(limit)
    )
    return [_read_job(row._asdict()) for row in connection.execute(query)]


def others_with_job(connection: Connection, actor: str, id_: str) -> list[str]:
    """Who besides *actor* began a job with this id, in the order of their names."""
    table = import_jobs
    query = select(table.c.actor).where(table.c.id == id_, table.c.actor != actor)
    return list(connection.execute(query.order_by(table.c.actor)).scalars())


def add_job(connection: Connection, actor: str, begun: Job) -> None:
    """Keep a job that begins. Raises IntegrityError where somebody else was first."""
    connection.execute(insert(import_jobs), {"actor": actor} | _job_columns(begun))


def take_up(connection: Connection, actor: str, seen: Job, going: Job) -> bool:
    """Let the job that was *seen* go on as *going*; False: somebody else was first."""
    unchanged = and_(
        _job(actor, seen.id),
        import_jobs.c.state == seen.state,
        import_jobs.c.heartbeat_at == seen.heartbeat_at,
    )
    query = update(import_jobs).where(unchanged).values(_job_columns(going))
    return connection.execute(query).rowcount == 1


def change_job(connection: Connection, actor: str, changed: Job) -> None:
    """Keep how a job is now; one that is done stays so."""
    unfinished = and_(_job(actor, changed.id), import_jobs.c.state != DONE)
    connection.execute(update(import_jobs).where(unfinished).values(_job_columns(changed)))


def beat(connection: Connection, actor: str, id_: str, now: int) -> None:
    """Note a sign of life of a job."""
    connection.execute(update(import_jobs).where(_job(actor, id_)).values(heartbeat_at=now))


def forget_unfinished(connection: Connection, actor: str, id_: str) -> None:
    """Forget a job unless it is done."""
    unfinished = and_(_job(actor, id_), import_jobs.c.state != DONE)
    connection.execute(delete(import_jobs).where(unfinished))


def batch(connection: Connection, actor: str, key: bytes) -> StoredBatch | None:
    """The batch with this key, if it was done."""
    table = import_batches
    query = select(table.c.fingerprint, table.c.outcomes)
    row = connection.execute(query.where(table.c.actor == actor, table.c.key == key)).first()
    return None if row is None else StoredBatch(bytes(row.fingerprint), row.outcomes)


def add_batch(connection: Connection, actor: str, key: bytes, done: StoredBatch, now: int) -> None:
    """Keep a batch that is done. Raises IntegrityError where another process did it meanwhile."""
    values = done._asdict() | {"actor": actor, "key": key, "created_at": now}
    connection.execute(insert(import_batches), values)


def _sheet(actor: str, id_: str) -> ColumnElement[bool]:
    return and_(import_sheets.c.actor == actor, import_sheets.c.id == id_)


def _job(actor: str, id_: str) -> ColumnElement[bool]:
    return and_(import_jobs.c.actor == actor, import_jobs.c.id == id_)


def _job_columns(one: Job) -> dict[str, Any]:
    values = one._asdict() | one.progress._asdict()
    del values["progress"]
    for name in ("numbers", "left_out"):
        values[name] = _json(list(values[name]))
    values["rules"] = None if one.rules is None else _json(dict(one.rules))
    return values


def _read_job(row: Mapping[str, Any]) -> Job:
    values = {name: row[name] for name in Progress._fields}
    values |= {name: tuple(_loaded(row[name])) for name in ("numbers", "left_out")}
    rules = None if row["rules"] is None else _loaded(row["rules"])
    told = {name: row[name] for name in ("id", "state", "heartbeat_at", "problem", "detail", "act")}
    return Job(progress=Progress(**values), rules=rules, **told)


def _json(value: Any) -> str:
    return strictjson.dumps(value).decode("utf-8")


def _loaded(text: str) -> Any:
    return strictjson.loads(text.encode("utf-8"))

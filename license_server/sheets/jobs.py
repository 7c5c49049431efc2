"""Jobs: only one process runs each, and it reports the progress.

What a job needs is kept for a week (db/passing.py): one that a restart stopped goes on from any
process, and issues nothing twice.
"""

from sqlalchemy import Connection

from license_server.actor import Actor
from license_server.sheets import sheet_store, uploads
from license_server.sheets.job_state import WAITING, Job


def find(connection: Connection, id_: str, actor: Actor) -> Job | None:
    """How far the job of *actor*'s sheet is; None: it was not begun. Raises NotFoundError."""
    uploads.check(connection, id_, actor)
    return sheet_store.job(connection, actor.name, id_)


def others(connection: Connection, id_: str, actor: Actor) -> list[str]:
    """Who else began a job of the same sheet, byte for byte."""
    return sheet_store.others_with_job(connection, actor.name, id_)


def begun(connection: Connection, actor: Actor, limit: int) -> list[Job]:
    """At most *limit* jobs that *actor* began, the newest first."""
    return sheet_store.jobs(connection, actor.name, limit)


def begin(connection: Connection, wanted: Job, actor: Actor, *, again: bool = False) -> bool:
    """Begin the job *wanted*, or let one that stopped go on as that.

    One that is done is begun only where it may be *again*. False: it is not begun, or somebody
    else was faster. Raises IntegrityError where another process was.
    """
    found = sheet_store.job(connection, actor.name, wanted.id)
    if found is None:
        sheet_store.add_job(connection, actor.name, wanted)
        return True
    if found.runs(wanted.heartbeat_at) or (found.over and not again):
        return False
    return sheet_store.take_up(connection, actor.name, found, wanted)


def note(connection: Connection, job: Job, actor: Actor, now: int) -> None:
    """Note how far *job* is, and that it gave a sign of life; one that is done stays so."""
    sheet_store.change_job(connection, actor.name, job._replace(heartbeat_at=now))


def wait(connection: Connection, id_: str, actor: Actor, now: int) -> None:
    """Note that a job waits for its turn."""
    job = sheet_store.job(connection, actor.name, id_)
    if job is not None:
        note(connection, job._replace(state=WAITING), actor, now)

"""Runs jobs: a few at a time, batch by batch."""

from collections.abc import Sequence
from contextlib import closing

import anyio
from anyio import CapacityLimiter
from sqlalchemy import Connection

from license_core.errors import LicenseError
from license_server.access import accounts
from license_server.actor import Actor
from license_server.licenses.acts import ACTS
from license_server.sheets import agreement, importer, jobs, threads, uploads
from license_server.sheets.batches import Outcome
from license_server.sheets.job_state import BEAT, DONE, RUNNING, STOPPED, Job, Progress
from license_server.site import Site


async def run_in_turn(
    site: Site,
    id_: str,
    actor: Actor,
    turns: CapacityLimiter = threads.TURNS,
    beat: float = BEAT,
) -> None:
    """Do as ``run`` does, once few others run; every *beat* seconds it is noted that this waits."""
    mine = object()
    while True:
        with anyio.move_on_after(beat) as waited:
            await turns.acquire_on_behalf_of(mine)
        if not waited.cancelled_caught:
            break
        await site.write(lambda connection: jobs.wait(connection, id_, actor, site.clock()))
    try:
        await threads.by_itself(run, site, id_, actor)
    finally:
        turns.release_on_behalf_of(mine)


def run(site: Site, id_: str, actor: Actor) -> None:
    """Do what the lines of a job ask for, batch by batch, and note how far it is.

    It stops where *actor* may not do that any more: nobody's act outlives their account.
    """
    found = site.database.read(lambda connection: jobs.find(connection, id_, actor))
    if found is None or found.over:  # it waited, was taken for stopped, and was done by another
        return
    job = found._replace(state=RUNNING, progress=Progress(found.progress.lines))
    noted = job.progress
    rules, permission = job.rules, ACTS[job.act].permission

    def permit(connection: Connection) -> None:
        accounts.check_still(connection, actor, permission, site.clock)
        agreement.check_rules(connection, rules)

    def note(connection: Connection, batch: Sequence[Outcome]) -> None:
        nonlocal noted
        noted = job.progress.further(batch)
        jobs.note(connection, job._replace(progress=noted), actor, site.clock())

    try:
        with closing(uploads.lines_of(site, id_, actor)) as lines:
            for batch in importer.issue(
                site.database,
                site.issuer,
                lines,
                actor,
                site.clock(),
                site.random,
                uploads.job_name(id_),
                permit,
                note,
            ):
                job = job._replace(progress=job.progress.further(batch))
                if noted != job.progress:  # that batch was done before
                    _note(site, job, actor)
        _note(site, job._replace(state=DONE), actor)
    except LicenseError as error:
        stopped = job._replace(state=STOPPED, problem=error.slug, detail=error.sentence)
        _note(site, stopped, actor)


def _note(site: Site, job: Job, actor: Actor) -> None:
    now = site.clock()
    site.database.write(lambda connection: jobs.note(connection, job, actor, now))

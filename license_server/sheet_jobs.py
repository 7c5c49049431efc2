"""An import that somebody watches: the sheet is kept, looked at, and issued while they see how far.

The sheet names its job, so the same sheet that is given twice is imported once. What a job needs
is kept beside the replies to requests with a key (idempotency.py), for as long: a job that a
restart stopped goes on from any process, and issues nothing twice.
"""

import hashlib
import io
from collections.abc import Iterator
from typing import Any, NamedTuple

from sqlalchemy import Connection

from license_core import strictjson
from license_core.errors import ImportRefusedError, LicenseError, NotFoundError
from license_server import importing, order_sheet
from license_server.actor import Actor
from license_server.bulk import Line, Outcome, Planned, Refused
from license_server.site import Site
from license_server.store import record
from license_server.store.record import Reply

SHOWN = 50
"""How many lines of a kind are kept to be shown."""
STOPPED_AFTER = 30
"""Seconds without a batch after which a job is taken for stopped."""
_SHEET, _PROGRESS = "sheet:", "sheet-progress:"
_GOING_ON, _DONE = 202, 200


class Progress(NamedTuple):
    """How far a job is."""

    lines: int
    """Of the sheet, all together."""
    done: int = 0
    issued: int = 0
    wrong: int = 0
    """Lines that were left out."""
    numbers: tuple[str, ...] = ()
    """The first licences."""
    left_out: tuple[int, ...] = ()
    """The first lines that were left out."""
    problem: str | None = None
    """The slug of what stopped it, and what it said."""
    detail: str | None = None


class Job(NamedTuple):
    """A job that was begun."""

    id: str
    at: int
    """When it was heard of last."""
    over: bool
    progress: Progress

    def stopped(self, now: int) -> bool:
        """Whether it does not go on by itself."""
        return not self.over and (
            self.progress.problem is not None or now - self.at > STOPPED_AFTER
        )


class Seen(NamedTuple):
    """What would become of a sheet: how many lines are right and wrong, and the first of each."""

    right: int
    wrong: int
    planned: tuple[Planned, ...]
    refused: tuple[Refused, ...]


def read(text: str) -> bytes:
    """The sheet *text*, all of which can be read. Raises as order_sheet.read does."""
    data = text.encode("utf-8")
    for _ in _lines(data):
        pass
    return data


def keep(connection: Connection, data: bytes, actor: Actor, now: int) -> str:
    """The id of the job of the sheet *data*, which is kept."""
    digest = hashlib.sha256(data)
    id_ = digest.hexdigest()[:32]
    if record.kept_reply(connection, actor.name, _SHEET + id_) is None:
        reply = Reply(_DONE, None, data)
        record.keep_reply(connection, actor.name, _SHEET + id_, digest.digest(), now, reply)
        # The batches of a job that outlived its sheet are forgotten with the sheet.
        kept = record.kept_reply(connection, actor.name, _PROGRESS + id_)
        if kept is not None and kept.reply is not None and kept.reply.status != _DONE:
            record.forget_reply(connection, actor.name, _PROGRESS + id_)
    return id_


def find(connection: Connection, id_: str, actor: Actor) -> Job | None:
    """How far *actor*'s job of this id is; None: it was not begun. Raises NotFoundError."""
    _sheet(connection, id_, actor)
    kept = record.kept_replies(connection, actor.name, _PROGRESS + id_, 1)
    return _job(*kept[0]) if kept else None


def begun(connection: Connection, actor: Actor, limit: int) -> list[Job]:
    """At most *limit* jobs that *actor* began, the newest first."""
    return [_job(*one) for one in record.kept_replies(connection, actor.name, _PROGRESS, limit)]


def look(site: Site, id_: str, actor: Actor, now: int) -> Seen:
    """What would become of the lines of a sheet. Raises NotFoundError."""
    lines = _lines(site.database.read(lambda connection: _sheet(connection, id_, actor)))
    right = wrong = 0
    planned: list[Planned] = []
    refused: list[Refused] = []
    for one in importing.look(site.database, lines, actor, now):
        if isinstance(one, Planned):
            right += 1
            planned += [one] if right <= SHOWN else []
        else:
            wrong += 1
            refused += [one] if wrong <= SHOWN else []
    return Seen(right, wrong, tuple(planned), tuple(refused))


def why(site: Site, id_: str, left_out: tuple[int, ...], actor: Actor, now: int) -> list[Refused]:
    """Why these lines cannot be issued, as far as it is still so. Raises NotFoundError."""
    if not left_out:
        return []
    data = site.database.read(lambda connection: _sheet(connection, id_, actor))
    lines = (one for one in _lines(data) if one.number in left_out)
    seen = importing.look(site.database, lines, actor, now)
    return [one for one in seen if isinstance(one, Refused)]


def begin(site: Site, id_: str, actor: Actor, now: int, skip: bool) -> bool:
    """Let a job be begun, or go on where it stopped; False: it goes on, or is over.

    Raises NotFoundError, or ImportRefusedError for wrong lines that are not to be skipped.
    """
    job = site.database.read(lambda connection: find(connection, id_, actor))
    if job is not None and not job.stopped(now):
        return False
    progress = Progress(0) if job is None else job.progress
    if job is None:
        seen = look(site, id_, actor, now)
        if seen.wrong and not skip:
            raise ImportRefusedError(
                path="the sheet",
                wrong=seen.wrong,
                lines=seen.wrong + seen.right,
                first=seen.refused[0].line.number,
            )
        progress = Progress(seen.wrong + seen.right)
    site.database.write(
        lambda connection: _note(connection, id_, actor, now, progress._replace(problem=None))
    )
    return True


def run(site: Site, id_: str, actor: Actor) -> None:
    """Issue what the sheet of a job orders, batch by batch, and note how far it is."""
    data = site.database.read(lambda connection: _sheet(connection, id_, actor))
    job = site.database.read(lambda connection: find(connection, id_, actor))
    progress = Progress(job.progress.lines if job else 0)

    def note(over: bool = False) -> None:
        now, reached = site.clock(), progress
        site.database.write(lambda connection: _note(connection, id_, actor, now, reached, over))

    try:
        for batch in importing.issue(
            site.database,
            site.issuer,
            _lines(data),
            actor,
            site.clock(),
            site.random,
            _name(id_),
        ):
            progress = _further(progress, batch)
            note()
        note(over=True)
    except LicenseError as error:
        progress = progress._replace(problem=error.slug, detail=error.sentence)
        note()


def outcomes(site: Site, id_: str, actor: Actor, now: int) -> Iterator[tuple[Line, Outcome]]:
    """Each line of a job, and what became of it, or would become. Raises NotFoundError."""
    data = site.database.read(lambda connection: _sheet(connection, id_, actor))
    lines = _lines(data)
    for batch in importing.check(site.database, _lines(data), actor, now, _name(id_)):
        yield from zip(lines, batch, strict=False)


def _further(progress: Progress, batch: list[Outcome]) -> Progress:
    numbers = [one.number for one in batch if one.number]
    wrong = [one.line for one in batch if one.slug]
    return progress._replace(
        done=progress.done + len(batch),
        issued=progress.issued + len(numbers),
        wrong=progress.wrong + len(wrong),
        numbers=(*progress.numbers, *numbers)[:SHOWN],
        left_out=(*progress.left_out, *wrong)[:SHOWN],
    )


def _note(
    connection: Connection,
    id_: str,
    actor: Actor,
    now: int,
    progress: Progress,
    over: bool = False,
) -> None:
    """Write down how far a job is; one that is over stays so."""
    key = _PROGRESS + id_
    kept = record.kept_reply(connection, actor.name, key)
    if kept is not None and kept.reply is not None and kept.reply.status == _DONE:
        return
    body = strictjson.dumps(progress._asdict() | _lists(progress))
    reply = Reply(_DONE if over else _GOING_ON, None, body)
    record.forget_reply(connection, actor.name, key)
    record.keep_reply(connection, actor.name, key, bytes(32), now, reply)


def _lists(progress: Progress) -> dict[str, Any]:
    return {"numbers": list(progress.numbers), "left_out": list(progress.left_out)}


def _job(key: str, at: int, reply: Reply) -> Job:
    told = strictjson.loads(reply.body)
    told |= {name: tuple(told[name]) for name in ("numbers", "left_out")}
    return Job(key.removeprefix(_PROGRESS), at, reply.status == _DONE, Progress(**told))


def _sheet(connection: Connection, id_: str, actor: Actor) -> bytes:
    known = len(id_) == 32 and id_.isascii() and id_.isalnum()
    kept = record.kept_reply(connection, actor.name, _SHEET + id_) if known else None
    if kept is None or kept.reply is None:
        raise NotFoundError(what="import", name=id_[:64])
    return kept.reply.body


def _lines(data: bytes) -> Iterator[Line]:
    return order_sheet.read(io.BytesIO(data))


def _name(id_: str) -> str:
    """What the job is called where its batches are kept (importing.py)."""
    return f"desk\n{id_}"

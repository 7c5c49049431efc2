"""An import that somebody watches: the sheet is kept, looked at, and issued while they see how far.

The sheet names its job, so the same sheet that is given twice is imported once. What a job needs
is kept beside the replies to requests with a key (idempotency.py), for as long: a job that a
restart stopped goes on from any process, and issues nothing twice.
"""

import hashlib
import io
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import closing
from itertools import takewhile
from typing import Any, NamedTuple, TypeVar

import anyio.to_thread
from anyio import CapacityLimiter
from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from license_core import strictjson
from license_core.errors import LicenseError, NotFoundError
from license_core.reason import Reason
from license_server.access import accounts
from license_server.actor import Actor
from license_server.catalog import catalog_store, products
from license_server.catalog.names import alike_key
from license_server.db import reply_store
from license_server.db.errors import ChangedMeanwhileError, InputInvalidError
from license_server.db.reply_store import Reply
from license_server.sheets import (
    importer,
    order_sheet,
)
from license_server.sheets.batches import (
    Line,
    Outcome,
    Planned,
    Refused,
)
from license_server.sheets.errors import ImportRefusedError
from license_server.site import Site

T = TypeVar("T")
SHOWN = 50
"""How many lines of a kind are kept to be shown."""
STOPPED_AFTER = 30
"""Seconds without a batch after which a job is taken for stopped."""
SEEN_SECONDS = 60
"""How long what was seen of a sheet is shown again without a new look at all its lines."""
_MOST_SEEN = 8
_LOOKS, _RUNS = CapacityLimiter(1), CapacityLimiter(2)
"""How many sheets are looked at, and issued, at once: the threads of other requests are not theirs.
They are no pool of their own: a server that stops does not wait for the end of an import."""
_BEAT = STOPPED_AFTER // 3
"""How often a job that waits for its turn says that it does, in seconds."""
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
    rules: Mapping[str, str] | None = None
    """The products that it names, and the rules of each (products.rules) when it was looked at."""
    waits: bool = False
    """Whether others are to be done first."""


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


class Alike(NamedTuple):
    """A name that would be a new customer's, though one is called nearly so."""

    name: str
    other: str
    other_id: int | None
    """None: another new one, of a line before."""


class Seen(NamedTuple):
    """What would become of a sheet: how many lines are right and wrong, and the first of each."""

    right: int
    wrong: int
    planned: tuple[Planned, ...]
    refused: tuple[Refused, ...]
    alike: tuple[Alike, ...]
    rules: Mapping[str, str]
    """The products that it names, and the rules of each (products.rules)."""

    @property
    def agreed(self) -> str:
        """What names the rules that were seen."""
        return hashlib.sha256(strictjson.dumps(dict(sorted(self.rules.items())))).hexdigest()


_seen: dict[tuple[str, Actor], tuple[int, Seen]] = {}
"""The last looks: of which job and whom, when, and what was seen."""


async def apart(work: Callable[..., T], *arguments: Any) -> T:
    """The result of *work* on a sheet; one such work is done at a time."""
    return await anyio.to_thread.run_sync(work, *arguments, limiter=_LOOKS)


async def run_apart(site: Site, id_: str, actor: Actor) -> None:
    """Do as ``run`` does, once few other jobs run; until then it is noted that this one waits."""
    mine = object()
    while True:
        with anyio.move_on_after(_BEAT) as waited:
            await _RUNS.acquire_on_behalf_of(mine)
        if not waited.cancelled_caught:
            break
        await site.write(lambda connection: _wait(connection, id_, actor, site.clock()))
    try:
        await anyio.to_thread.run_sync(run, site, id_, actor, limiter=CapacityLimiter(1))
    finally:
        _RUNS.release_on_behalf_of(mine)


def _wait(connection: Connection, id_: str, actor: Actor, now: int) -> None:
    job = find(connection, id_, actor)
    if job is not None:
        _note(connection, id_, actor, now, job.progress._replace(waits=True))


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
    if reply_store.kept_reply(connection, actor.name, _SHEET + id_) is None:
        reply = Reply(_DONE, None, data)
        reply_store.keep_reply(connection, actor.name, _SHEET + id_, digest.digest(), now, reply)
        # The batches of a job that outlived its sheet are forgotten with the sheet.
        kept = reply_store.kept_reply(connection, actor.name, _PROGRESS + id_)
        if kept is not None and kept.reply is not None and kept.reply.status != _DONE:
            reply_store.forget_reply(connection, actor.name, _PROGRESS + id_)
    return id_


def find(connection: Connection, id_: str, actor: Actor) -> Job | None:
    """How far *actor*'s job of this id is; None: it was not begun. Raises NotFoundError."""
    _sheet(connection, id_, actor)
    kept = reply_store.kept_replies(connection, actor.name, _PROGRESS + id_, 1)
    return _job(*kept[0]) if kept else None


def others(connection: Connection, id_: str, actor: Actor) -> list[str]:
    """Who else began a job of the same sheet, byte for byte."""
    return reply_store.others_with_key(connection, actor.name, _PROGRESS + id_)


def begun(connection: Connection, actor: Actor, limit: int) -> list[Job]:
    """At most *limit* jobs that *actor* began, the newest first."""
    return [
        _job(*one) for one in reply_store.kept_replies(connection, actor.name, _PROGRESS, limit)
    ]


def look(site: Site, id_: str, actor: Actor, now: int, afresh: bool = False) -> Seen:
    """What would become of the lines of a sheet, or would have a moment ago.

    Raises NotFoundError.
    """
    at, seen = _seen.get((id_, actor), (now, None))
    if afresh or seen is None or not at <= now < at + SEEN_SECONDS:
        seen = _look(site, id_, actor, now)
        _seen.pop((id_, actor), None)
        _seen[id_, actor] = now, seen
        while len(_seen) > _MOST_SEEN:
            _seen.pop(next(iter(_seen)), None)
    return seen


def _look(site: Site, id_: str, actor: Actor, now: int) -> Seen:
    lines = _lines(site.database.read(lambda connection: _sheet(connection, id_, actor)))
    right = wrong = 0
    planned: list[Planned] = []
    refused: list[Refused] = []
    names: dict[str, None] = {}
    rules: dict[str, str] = {}
    for one in importer.look(site.database, lines, actor, now):
        if isinstance(one, Planned):
            right += 1
            names[one.plan.order.customer] = None
            if one.plan.order.product not in rules:
                rules[one.plan.order.product] = products.rules(one.plan.product)
            planned += [one] if right <= SHOWN else []
        else:
            wrong += 1
            refused += [one] if wrong <= SHOWN else []
    alike = site.database.read(lambda connection: tuple(_alike(connection, names)))
    return Seen(right, wrong, tuple(planned), tuple(refused), alike, rules)


def _alike(connection: Connection, names: Iterable[str]) -> Iterator[Alike]:
    """Those of *names* that are new, and nearly those of others."""
    known = catalog_store.ids_by_name(connection, "customers", names)
    new: dict[str, str] = {}
    for name in names:
        key = alike_key(name)
        if name in known or key is None:
            continue
        other = catalog_store.alike(connection, name)
        if other is not None:
            yield Alike(name, other.name, other.id)
        elif key in new:
            yield Alike(name, new[key], None)
        new.setdefault(key, name)


def why(site: Site, id_: str, left_out: tuple[int, ...], actor: Actor, now: int) -> list[Refused]:
    """Why these lines cannot be issued, as far as it is still so. Raises NotFoundError."""
    data = site.database.read(lambda connection: _sheet(connection, id_, actor))
    begin = takewhile(lambda one: one.number <= max(left_out), _lines(data))
    lines = (one for one in begin if one.number in left_out)
    seen = importer.look(site.database, lines, actor, now)
    return [one for one in seen if isinstance(one, Refused)]


class Agreed(NamedTuple):
    """What whoever lets a job be begun agrees to."""

    rules: str | None = None
    """Those that they saw (Seen.agreed); None: whatever they are."""
    skip: bool = False
    """That wrong lines are left out."""
    alike: bool = False
    """That customers are added who are called nearly as others."""


def begin(site: Site, id_: str, actor: Actor, now: int, agreed: Agreed) -> bool:
    """Let a job be begun, or go on where it stopped; False: it goes on, or is over.

    One that goes on does so by the rules of the products as they are now. Raises NotFoundError;
    ImportRefusedError for wrong lines that are not to be skipped; InputInvalidError for customers
    who are called nearly as others; ChangedMeanwhileError where the rules are not those agreed to.
    """
    job = site.database.read(lambda connection: find(connection, id_, actor))
    if job is not None and not job.stopped(now):
        return False
    first = _first(site, id_, actor, now, agreed) if job is None else Progress(0)

    def note(connection: Connection) -> bool:
        """Whoever asked at the same time finds it noted, and does not begin it too."""
        found = find(connection, id_, actor)
        if found is not None and not found.stopped(now):
            return False
        progress = first if found is None else _again(connection, found.progress)
        _note(connection, id_, actor, now, progress)
        return True

    try:
        return site.database.write(note)
    except IntegrityError:  # another process noted it meanwhile
        return False


def _again(connection: Connection, stopped: Progress) -> Progress:
    """How far a job is that goes on."""
    rules = None if stopped.rules is None else _rules(connection, stopped.rules)
    return stopped._replace(problem=None, detail=None, rules=rules)


def _rules(connection: Connection, names: Iterable[str]) -> dict[str, str]:
    """The rules of the products of these *names*, as they are now."""
    found = catalog_store.products_by_name(connection, names)
    return {name: products.rules(found.get(name)) for name in names}


def _check_rules(connection: Connection, seen: Mapping[str, str] | None) -> None:
    """Raise InputInvalidError where a product has other rules than those that were *seen*."""
    for name, rules in _rules(connection, seen or {}).items():
        if seen is not None and rules != seen[name]:
            reason = Reason(
                "the rules of {product} were changed after the sheet was looked at", product=name
            )
            raise InputInvalidError(field="product", reason=reason)


def _first(site: Site, id_: str, actor: Actor, now: int, agreed: Agreed) -> Progress:
    """How a job begins, if all that is odd about its sheet was agreed to."""
    seen, skip = look(site, id_, actor, now), agreed.skip
    rules = site.database.read(lambda connection: _rules(connection, seen.rules))
    # What went wrong, or was changed, since it was looked at was not agreed to.
    if rules != seen.rules or (not seen.wrong and not skip):
        seen = look(site, id_, actor, now, afresh=True)
    if agreed.rules not in (None, seen.agreed):
        raise ChangedMeanwhileError(what=Reason("the rules of a product that the sheet names"))
    if seen.wrong and not skip:
        raise ImportRefusedError(
            path="the sheet",
            wrong=seen.wrong,
            lines=seen.wrong + seen.right,
            first=seen.refused[0].line.number,
        )
    if seen.alike and not agreed.alike:
        reason = Reason("some customers may be there already: look at them first")
        raise InputInvalidError(field="alike", reason=reason)
    return Progress(seen.wrong + seen.right, rules=seen.rules)


def run(site: Site, id_: str, actor: Actor) -> None:
    """Issue what the sheet of a job orders, batch by batch, and note how far it is.

    It stops where *actor* may not issue any more: nobody's act outlives their account.
    """
    data = site.database.read(lambda connection: _sheet(connection, id_, actor))
    job = site.database.read(lambda connection: find(connection, id_, actor))
    if (
        job is not None and job.over
    ):  # it waited for a thread, was taken for stopped, and sent again
        return
    rules = job.progress.rules if job else None
    progress = Progress(job.progress.lines if job else 0, rules=rules)

    def note(over: bool = False) -> None:
        now, reached = site.clock(), progress
        site.database.write(lambda connection: _note(connection, id_, actor, now, reached, over))

    def permit(connection: Connection) -> None:
        accounts.check_still(connection, actor, "licenses:issue", site.clock)
        _check_rules(connection, rules)

    try:
        with closing(_lines(data)) as lines:
            for batch in importer.issue(
                site.database,
                site.issuer,
                lines,
                actor,
                site.clock(),
                site.random,
                _name(id_),
                permit,
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
    for batch in importer.check(site.database, _lines(data), actor, now, _name(id_)):
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
        waits=False,
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
    kept = reply_store.kept_reply(connection, actor.name, key)
    if kept is not None and kept.reply is not None and kept.reply.status == _DONE:
        return
    body = strictjson.dumps(progress._asdict() | _lists(progress))
    reply = Reply(_DONE if over else _GOING_ON, None, body)
    reply_store.forget_reply(connection, actor.name, key)
    reply_store.keep_reply(connection, actor.name, key, bytes(32), now, reply)


def _lists(progress: Progress) -> dict[str, Any]:
    return {"numbers": list(progress.numbers), "left_out": list(progress.left_out)}


def _job(key: str, at: int, reply: Reply) -> Job:
    told = strictjson.loads(reply.body)
    told |= {name: tuple(told[name]) for name in ("numbers", "left_out")}
    return Job(key.removeprefix(_PROGRESS), at, reply.status == _DONE, Progress(**told))


def _sheet(connection: Connection, id_: str, actor: Actor) -> bytes:
    known = len(id_) == 32 and id_.isascii() and id_.isalnum()
    kept = reply_store.kept_reply(connection, actor.name, _SHEET + id_) if known else None
    if kept is None or kept.reply is None:
        raise NotFoundError(what="import", name=id_[:64])
    return kept.reply.body


def _lines(data: bytes) -> Generator[Line, None, None]:
    return order_sheet.read(io.BytesIO(data))


def _name(id_: str) -> str:
    """What the job is called where its batches are kept (importing.py)."""
    return f"desk\n{id_}"

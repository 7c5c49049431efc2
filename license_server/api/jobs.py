"""``/jobs``: an action on many licences, frozen first, then begun, with its progress and report."""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from sqlalchemy import Connection
from starlette.background import BackgroundTask
from starlette.concurrency import iterate_in_threadpool
from starlette.responses import Response, StreamingResponse

from license_core import b64url
from license_server.actor import Actor
from license_server.api import PREFIX, messages, responses
from license_server.api.auth import Needs, Reader
from license_server.api.job_responses import Job, Planned
from license_server.api.operations import describe
from license_server.catalog.fields import present
from license_server.db.errors import InputInvalidError
from license_server.db.reply_store import Reply
from license_server.http.state import AtSite
from license_server.licenses import acts, filters, vocabulary
from license_server.licenses.acts import Act
from license_server.licenses.orders import NUMBER
from license_server.sheets import (
    agreement,
    chosen,
    csv_text,
    jobs,
    preview,
    results,
    runner,
    threads,
    uploads,
)
from license_server.sheets.agreement import Agreed
from license_server.sheets.chosen import Chosen
from license_server.site import Site

JOB_CAPS = {f"{PREFIX}/jobs": 256 * 1024}
"""The most bytes of a request to that path: the numbers of many licences."""
_MEMBERS = ("act", "licenses", "filter", "order")
_ACTS = {act.name: act for act in acts.MANY}
_REPORT_TYPE = "text/csv; charset=utf-8; header=present"

router = APIRouter(prefix=f"{PREFIX}/jobs", tags=["jobs"])


@router.post("", status_code=201, openapi_extra=describe("jobs.make"))
async def make(
    request: Request, site: AtSite, actor: Annotated[Actor, Depends(Needs("licenses:read"))]
) -> Response:
    """Choose licences for an action: by their numbers, or all that a filter finds, up to 5,000.

    Nothing is done yet. Which they are, as each is now, and the last day of each new term are
    fixed. Needs the permission of the action, too.
    """
    given, body = await messages.body_of(request)
    key, now = messages.idempotency(request, body), site.clock()
    earlier = await site.earlier_reply(actor, key)
    if earlier is not None:
        return messages.respond(earlier)
    given = messages.known(given, _MEMBERS)
    act = _act(given)
    actor.need(act.permission)
    mark = b64url.encode(site.random(12))

    def freeze() -> Chosen:
        with site.database.reading() as connection:
            numbers = _numbers(connection, given, actor, now)
            members = messages.known(_object(given, "order"), (*act.may_change, acts.REASON))
            return chosen.freeze(connection, act, members, numbers, actor, now, mark)

    made = await threads.one_at_a_time(freeze)
    content = made.content()

    def keep(connection: Connection) -> Reply:
        id_ = uploads.keep(connection, content, actor, now, act.name)
        count, links = len(made.rows), Job.links_of(id_)
        reply = Planned(id=id_, state="planned", act=act.name, licenses=count, links=links)
        return Reply(201, links.self, responses.to_json(reply))

    return messages.respond(await site.once(actor, key, now, keep))


@router.get("/{id}", openapi_extra=describe("jobs.get"))
async def one(id: str, site: AtSite, actor: Reader) -> Response:  # the path's name for it
    """Get a job: what would become of its licences, and once it is begun, how far it is."""
    return messages.json_response(await _job(site, id, actor))


@router.post("/{id}/begin", status_code=202, openapi_extra=describe("jobs.begin"))
async def begin(
    id: str, site: AtSite, actor: Annotated[Actor, Depends(Needs("licenses:read"))]
) -> Response:
    """Begin a job, or continue one that stopped; nothing is done twice.

    What is refused does not stop the others. A licence that changed since the job was made is
    refused. If a product needs approval, a proposal is submitted.
    """
    picked = await site.read(lambda connection: uploads.chosen_of(connection, id, actor))
    actor.need(picked.act.permission)
    start, agreed = agreement.begin, Agreed(skip=True)
    begun = await threads.one_at_a_time(start, site, id, actor, site.clock(), agreed)
    reply = messages.json_response(await _job(site, id, actor), status=202)
    if begun:
        reply.background = BackgroundTask(runner.run_in_turn, site, id, actor)
    return reply


@router.get("/{id}/report.csv", openapi_extra=describe("jobs.report"))
async def report(id: str, site: AtSite, actor: Reader) -> Response:
    """Download what became of each licence, or would become, as CSV."""
    await site.read(lambda connection: uploads.chosen_of(connection, id, actor))
    told = results.report(site, results.outcomes(site, id, actor, site.clock()), actor)
    pieces = csv_text.encoded(csv_text.write(results.REPORT, told))
    return StreamingResponse(iterate_in_threadpool(pieces), media_type=_REPORT_TYPE)


async def _job(site: Site, id_: str, actor: Actor) -> Job:
    """How a job is. Raises NotFoundError."""
    now = site.clock()
    picked = await site.read(lambda connection: uploads.chosen_of(connection, id_, actor))
    found = await site.read(lambda connection: jobs.find(connection, id_, actor))
    told: dict[str, Any] = {"id": id_, "act": picked.act.name, "licenses": len(picked.rows)}
    told["links"] = Job.links_of(id_)
    if found is None:
        seen = await threads.one_at_a_time(preview.RECENT.show, site, id_, actor, now)
        return Job(
            state="planned",
            done=seen.right - seen.waiting,
            proposed=seen.waiting,
            refused=seen.wrong,
            problem=None,
            **told,
        )
    progress = found.progress
    return Job(
        state="stopped" if found.stopped(now) else found.state,
        done=progress.issued,
        proposed=progress.proposed,
        refused=progress.wrong,
        problem=found.problem,
        **told,
    )


def _act(given: Mapping[str, Any]) -> Act:
    """The act that is asked for. Raises InputInvalidError."""
    name = given.get("act")
    if not isinstance(name, str) or name not in _ACTS:
        reason = f"it must be one of {', '.join(_ACTS)}"
        raise InputInvalidError(field="act", reason=reason)
    return _ACTS[name]


def _object(given: Mapping[str, Any], name: str) -> dict[str, Any]:
    """The object *name*; empty where it is not given. Raises InputInvalidError."""
    found = given.get(name, {})
    if not isinstance(found, dict):
        raise InputInvalidError(field=name, reason="it is not an object")
    return found


def _numbers(connection: Connection, given: Mapping[str, Any], actor: Actor, now: int) -> list[str]:
    """The numbers of the licences that *given* chooses. Raises InputInvalidError."""
    if ("licenses" in given) == ("filter" in given):
        raise InputInvalidError(field="licenses", reason="give either licenses or filter")
    if "filter" in given:
        asked = present(messages.known(_object(given, "filter"), vocabulary.FILTERS))
        wrong = next((name for name, text in asked.items() if not isinstance(text, str)), None)
        if wrong is not None:
            raise InputInvalidError(field=f"filter.{wrong}", reason="it is not a text")
        wanted = filters.read(asked, actor.products, by_program=True)
        return chosen.found_by(connection, wanted, now)
    numbers = given["licenses"]
    if not isinstance(numbers, list) or not numbers:
        raise InputInvalidError(field="licenses", reason="it is not a list of licence numbers")
    for number in numbers:
        if not isinstance(number, str) or not NUMBER.fullmatch(number):
            reason = f"'{str(number)[:64]}' is not a licence number"
            raise InputInvalidError(field="licenses", reason=reason)
    return numbers

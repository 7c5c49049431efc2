"""``/record``: who did what and why, the newest first; the chain, and its checkpoints."""

from collections.abc import Iterator
from typing import Annotated, Any, NamedTuple

from fastapi import APIRouter, Depends, Request
from sqlalchemy import Connection
from starlette.responses import Response, StreamingResponse

from license_core.errors import NotFoundError
from license_core.reason import Reason
from license_server.access import access_store
from license_server.access.sessions import Session
from license_server.actor import COMMAND, NOBODY, SERVER
from license_server.audit import audit_store, chain
from license_server.audit.audit_store import EventFilter
from license_server.audit.kinds import KINDS, kind_of
from license_server.db.errors import InputInvalidError
from license_server.db.questions import Questions, ask_all
from license_server.http.state import AtSite
from license_server.licenses import license_store, trails
from license_server.sheets import csv_text, exports
from license_server.site import Site
from license_server.web import list_page, pages, record_list
from license_server.web.event_labels import ACTIONS
from license_server.web.reader import Reader
from license_server.web.record_list import LIST
from license_server.web.session import May

RECORD = "/record"
_LONGEST_LINKED = 64
_CHUNK = 500
_LONGEST = 200
_MOST_PEOPLE = 40

router = APIRouter(prefix=RECORD)
Auditor = Annotated[Session, Depends(May("record:read"))]


class _Asked(NamedTuple):
    """The filters: as they were typed, as the store has them, and what is wrong."""

    fields: dict[str, str]
    wanted: EventFilter
    faults: dict[str, InputInvalidError]


@router.get("")
async def listing(request: Request, site: AtSite, session: Auditor) -> Response:
    """What was done, the newest first."""
    asked = _asked(request, site)
    wanted = await site.read(lambda connection: _of_customer(connection, asked))
    beside: Questions = {
        "checkpoint": audit_store.last_checkpoint(),
        "linked": audit_store.last_position(),
        "people": access_store.first_emails(_MOST_PEOPLE),
    }
    shown: dict[str, Any] = {"rows": [], "views": []}
    if asked.faults:
        shown |= await site.read(lambda connection: ask_all(connection, beside))
    else:
        source = record_list.source(wanted, session.actor)
        shown = await LIST.read(request, site, session, source, asked.fields, beside=beside)

    return pages.page(
        request,
        "record",
        422 if asked.faults else 200,
        fields=asked.fields,
        faults=asked.faults,
        given={name: text for name, text in asked.fields.items() if text},
        actions=_grouped(),
        known=asked.fields["action"] in (*ACTIONS, *KINDS),
        cut=len(wanted.subjects or ()) > license_store.MOST_OF_CUSTOMER,
        longest_linked=_LONGEST_LINKED,
        **shown,
    )


@router.get(list_page.SHEET)
async def shown_sheet(request: Request, site: AtSite, session: Auditor) -> Response:
    """The list as it is shown, as a sheet. Raises InputInvalidError."""
    wanted = await _wanted(request, site)
    return LIST.sheet(request, site, record_list.source(wanted, session.actor), "events.csv")


@router.get("/events.csv")
async def sheet(request: Request, site: AtSite, _: Auditor) -> Response:
    """The events that are asked for, as a sheet. Raises InputInvalidError."""
    wanted = await _wanted(request, site)
    lines = csv_text.write(exports.EVENTS, exports.event_rows(site.database.read, wanted))
    return _file(csv_text.encoded(lines), "text/csv; charset=utf-8", "events.csv")


@router.get("/events.jsonl")
async def lines(request: Request, site: AtSite, _: Auditor) -> Response:
    """The events that are asked for, an object a line. Raises InputInvalidError."""
    wanted = await _wanted(request, site)
    found = exports.event_lines(site.database.read, wanted)
    return _file(found, "application/jsonl", "events.jsonl")


@router.get("/chain.jsonl")
async def whole(site: AtSite, _: Auditor) -> Response:
    """The chain from its beginning, as ``audit export`` writes it (SPEC section 11.1)."""
    return _file(_chain(site), "application/jsonl", "chain.jsonl")


@router.get("/checkpoint")
async def checkpoint(site: AtSite, _: Auditor) -> Response:
    """The last checkpoint, to be kept elsewhere. Raises NotFoundError."""
    newest = await site.read(lambda c: audit_store.listed_checkpoints(c, before=None, limit=1))
    if not newest:
        raise NotFoundError(what="checkpoint", name=Reason("yet"))
    content = f"{newest[0].token}\n".encode("ascii")
    return _file(iter([content]), "text/plain", f"checkpoint-{newest[0].position}.txt")


async def _wanted(request: Request, site: Site) -> EventFilter:
    """What the address asks for. Raises InputInvalidError."""
    asked = _asked(request, site)
    wanted = await site.read(lambda connection: _of_customer(connection, asked))
    for fault in asked.faults.values():
        raise fault
    return wanted


def _of_customer(connection: Connection, asked: _Asked) -> EventFilter:
    """What is asked for; of a customer, also what was done to their licences."""
    customer, number = asked.fields["customer"], asked.fields["license"]
    try:
        return trails.of(connection, asked.wanted, customer, number)
    except InputInvalidError as error:
        asked.faults[error.field] = error
        return asked.wanted


def _file(content: Iterator[bytes], media_type: str, name: str) -> Response:
    disposition = {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingResponse(content, media_type=media_type, headers=disposition)


def _chain(site: Site) -> Iterator[bytes]:
    """Some events at a time: what is linked stays as it is, so no snapshot is needed."""
    position = 0
    while True:
        after = position
        events = site.database.read(lambda c: audit_store.chain_after(c, after, _CHUNK))  # noqa: B023
        if not events:
            return
        yield b"".join(map(chain.exported, events))
        position = events[-1].position or 0


def _asked(request: Request, site: Site) -> _Asked:
    """What the address asks for; days are those of the reader's time zone."""
    given = request.query_params
    fields = {name: given.get(name, "")[:_LONGEST].strip() for name in LIST.filters}
    reader, faults = Reader.of(request, site.settings.time_zone), {}
    days: dict[str, int | None] = {"since": None, "until": None}
    for name, later in (("since", 0), ("until", 1)):
        try:
            days[name] = reader.midnight(fields[name], later) if fields[name] else None
        except (ValueError, OverflowError):
            reason = Reason("{given!r} is not a date such as 2026-11-30", given=fields[name])
            faults[name] = InputInvalidError(field=name, reason=reason)
    action, who = _plain(fields["action"]), _plain(fields["actor"])
    is_kind = action in KINDS
    person = None if who is None or "@" not in who or ":" in who else who.lower()
    wanted = EventFilter(
        subject=_plain(fields["subject"]),
        actor=None if person else _actor(who),
        action=None if is_kind else action,
        since=days["since"],
        until=days["until"],
        person=person,
        kind=action if is_kind else None,
    )
    return _Asked(fields, wanted, faults)


def _plain(text: str) -> str | None:
    return text.replace("\0", "") or None


def _actor(who: str | None) -> str | None:
    """Who is meant that is no person: a word is a token's name."""
    if who in (None, COMMAND.name, SERVER.name, NOBODY.name) or ":" in str(who):
        return who
    return f"token:{who}"


def _grouped() -> dict[str, list[str]]:
    """The actions to choose from, by their kinds."""
    groups: dict[str, list[str]] = {kind: [] for kind in KINDS}
    for action in ACTIONS:
        groups[kind_of(action) or "server"].append(action)
    return groups

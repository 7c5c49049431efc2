"""``/record``: who did what and why, the newest first; the chain, and its checkpoints."""

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import Annotated, Any, NamedTuple

from fastapi import APIRouter, Depends, Request
from sqlalchemy import Connection
from starlette.responses import Response, StreamingResponse

from license_core import strictjson
from license_core.errors import NotFoundError
from license_core.reason import Reason
from license_server.access import access_store
from license_server.access.sessions import Session
from license_server.actor import Actor
from license_server.audit import audit_store, chain
from license_server.audit.audit_store import Event, EventFilter
from license_server.catalog import catalog_store
from license_server.db.errors import InputInvalidError
from license_server.http import cursors
from license_server.http.state import AtSite
from license_server.licenses import license_store
from license_server.sheets import csv_text, exports
from license_server.site import Site
from license_server.web import pages
from license_server.web.event_labels import ACTIONS
from license_server.web.reader import Reader
from license_server.web.session import May

RECORD = "/record"
_PAGE = 16  # so that a page stays under 100 kB, whatever people typed
_LONGEST_LINKED = 64
_CHUNK = 500
_LONGEST = 200
_FIELDS = ("actor", "action", "subject", "customer", "since", "until")

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
    cursor = request.query_params.get("cursor")
    before = cursors.read(cursor) if cursor else None

    def read(connection: Connection) -> tuple[list[Event], dict[str, Any]]:
        found: list[Event] = []
        wanted = _of_customer(connection, asked)
        if not asked.faults:
            found = audit_store.events(connection, wanted, before=before, limit=_PAGE + 1)
        newest = audit_store.listed_checkpoints(connection, before=None, limit=1)
        linked = audit_store.last_linked(connection)
        return found, {
            "checkpoint": newest[0] if newest else None,
            "linked": linked[0] if linked else 0,
            "links": _links(connection, found[:_PAGE], session.actor),
            "cut": len(wanted.subjects or ()) > license_store.MOST_OF_CUSTOMER,
        }

    found, state = await site.read(read)
    more = len(found) > _PAGE
    given = {name: text for name, text in asked.fields.items() if text}
    return pages.page(
        request,
        "record",
        422 if asked.faults else 200,
        events=[(event, _details(event)) for event in found[:_PAGE]],
        fields=asked.fields,
        faults=asked.faults,
        given=given,
        actions=ACTIONS,
        longest_linked=_LONGEST_LINKED,
        older=cursors.write(found[_PAGE - 1].id) if more else None,
        newest=before is not None,
        **state,
    )


@router.get("/events.csv")
async def sheet(request: Request, site: AtSite, _: Auditor) -> Response:
    """The events that are asked for, as a sheet. Raises InputInvalidError."""
    asked = _asked(request, site)
    wanted = await site.read(lambda connection: _of_customer(connection, asked))
    for fault in asked.faults.values():
        raise fault
    lines = csv_text.write(exports.EVENTS, exports.event_rows(site.database.read, wanted))
    return _file(csv_text.encoded(lines), "text/csv; charset=utf-8", "events.csv")


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


def _of_customer(connection: Connection, asked: _Asked) -> EventFilter:
    """What is asked for; of a customer, also what was done to their licences."""
    name = asked.fields["customer"]
    if not name:
        return asked.wanted
    customer = catalog_store.customer_by_name(connection, name)
    if customer is None:
        reason = Reason("no customer has just this name")
        asked.faults["customer"] = InputInvalidError(field="customer", reason=reason)
        return asked.wanted
    return asked.wanted._replace(subjects=license_store.of_customer(connection, customer))


def _links(connection: Connection, events: list[Event], actor: Actor) -> dict[int, str]:
    """The pages of what the events are about, by their ids."""

    def named(kind: str) -> set[str]:
        return {event.subject for event in events if event.action.partition(".")[0] == kind}

    pages_: dict[tuple[str, str], str] = {}
    for kind, room in (("customer", "customers"), ("product", "products")):
        found = catalog_store.ids_by_name(connection, room, named(kind))  # type: ignore[arg-type]
        pages_ |= {(kind, name): f"/{room}/{id_}" for name, id_ in found.items()}
    if "people:manage" in actor.permissions:
        for email in named("user"):
            user = access_store.user_by_email(connection, email)
            if user is not None:
                pages_["user", email] = f"/people/{user.id}"
    links = {
        event.id: pages_.get((event.action.partition(".")[0], event.subject)) for event in events
    }
    return {id_: link for id_, link in links.items() if link is not None}


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
    fields = {name: given.get(name, "")[:_LONGEST].strip() for name in _FIELDS}
    reader, faults = Reader.of(request, site.settings.time_zone), {}
    days: dict[str, int | None] = {"since": None, "until": None}
    for name, later in (("since", 0), ("until", 1)):
        try:
            days[name] = _midnight(fields[name], reader, later)
        except (ValueError, OverflowError):
            reason = Reason("{given!r} is not a date such as 2026-11-30", given=fields[name])
            faults[name] = InputInvalidError(field=name, reason=reason)
    wanted = EventFilter(
        subject=_plain(fields["subject"]),
        actor=_actor(fields["actor"]),
        action=_plain(fields["action"]),
        since=days["since"],
        until=days["until"],
    )
    return _Asked(fields, wanted, faults)


def _midnight(text: str, reader: Reader, later: int) -> int | None:
    if not text:
        return None
    day = date.fromisoformat(text) + timedelta(later)
    return int(datetime.combine(day, time(), reader.there).timestamp())


def _plain(text: str) -> str | None:
    return text.replace("\0", "") or None


def _actor(text: str) -> str | None:
    """Who is meant: an address is a person's, another word is a token's name."""
    plain = _plain(text)
    if plain is None or plain == "command" or ":" in plain:
        return plain
    return f"user:{plain.lower()}" if "@" in plain else f"token:{plain}"


def _details(event: Event) -> list[tuple[str, str]]:
    """What an event says beside its subject, as texts."""
    members = strictjson.loads(event.details.encode("utf-8"))
    return [(name, _told(value)) for name, value in members.items()]


def _told(value: object) -> str:
    return value if isinstance(value, str) else strictjson.dumps(value).decode("utf-8")

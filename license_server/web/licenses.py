"""The licences at the desk: the list with its filters, and the life of each."""

from datetime import date, timedelta
from typing import Annotated, Any, NamedTuple
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Request
from sqlalchemy import Connection
from starlette.datastructures import QueryParams
from starlette.responses import RedirectResponse, Response

from license_core import strictjson
from license_core.errors import LicenseError, NotFoundError
from license_core.wording import printable
from license_server.access.sessions import Session
from license_server.actor import Actor
from license_server.audit import audit_store
from license_server.audit.audit_store import Event
from license_server.catalog import client_commands, faults, offered, plans
from license_server.catalog.offered import Offered
from license_server.db.errors import InputInvalidError
from license_server.db.questions import Questions, ask_all
from license_server.db.reply_store import Reply
from license_server.http import cursors
from license_server.http.problem_types import status_of
from license_server.http.state import AtSite
from license_server.licenses import (
    acts,
    filters,
    issuing,
    kind_store,
    license_store,
    notes,
    states,
    vocabulary,
)
from license_server.licenses.acts import BY_EVENT, STOP_GAP
from license_server.licenses.license_store import StoredLicense
from license_server.licenses.search import Filter
from license_server.licenses.term_changes import (
    Difference,
    Terms,
    differences,
)
from license_server.mail import addresses, outbox
from license_server.requests.request_store import StoredRequest
from license_server.sheets import chosen
from license_server.site import Site
from license_server.web import (
    delivery,
    edit_conflicts,
    forms,
    list_shape,
    mailing,
    pages,
    shown_licenses,
    view_store,
)
from license_server.web.edit_conflicts import Faults
from license_server.web.list_shape import Shape
from license_server.web.session import Form, May, on_one_line
from license_server.web.shown_licenses import FILTERS, LISTING
from license_server.web.sign_in import HOME

_EVENTS = 20
_LINE = 100
"""So many licences of a line are told apart in the time line."""
_MOST_PRODUCTS = 50
_LONGEST_SEARCH = 200
_LONGEST_REQUEST = 5000

router = APIRouter()
Viewer = Annotated[Session, Depends(May("licenses:read"))]
Issuer = Annotated[Session, Depends(May("licenses:issue"))]


@router.get(HOME)
async def listing(request: Request, site: AtSite, session: Viewer) -> Response:
    """What was issued, the newest first, as the filters in the address say."""
    query, given = request.query_params, filters_in(request.query_params)
    cursor = query.get("cursor")
    now, shape = site.clock(), Shape.of(query, LISTING)
    wanted, refused = filter_of(given, session)
    source = shown_licenses.source(wanted, now, patient=True)

    beside: Questions = {
        "views": view_store.views(session.actor.name, HOME),
        "products": offered.some_products(_MOST_PRODUCTS + 1),
        "commands": client_commands.shared(session.actor.products),
    }

    def read(connection: Connection) -> tuple[list_shape.Part[StoredLicense], dict[str, Any]]:
        part = list_shape.NOTHING
        if not refused:
            part = list_shape.read(connection, source, shape, cursor)
        return part, ask_all(connection, beside)

    part, more = await site.read(read)
    products: list[Offered] = more["products"]
    kept = {name: text for name, text in given.items() if text}
    shaped = kept | shape.query()
    newest, older = list_shape.ways(part, shape, cursor)
    return pages.page(
        request,
        "licenses",
        edit_conflicts.status(refused),
        licenses=part.rows,
        commands=None if part.rows else more["commands"],
        part=part,
        shape=shape,
        shaped=shaped,
        views=more["views"],
        columns=LISTING.columns,
        claims=shown_licenses.claims(part.rows, shape),
        fields=given,
        faults=refused,
        refused=refused,
        states=vocabulary.STATES,
        plans=plans.all_names(products),
        kept=kept,
        products=_choices([one.name for one in products], given["product"]),
        newest=None if newest is None else f"{HOME}?{urlencode(shaped | newest)}",
        older=None if older is None else f"{HOME}?{urlencode(shaped | older)}",
        offered=[one for one in acts.MANY if one.permission in session.actor.permissions],
        most_chosen=chosen.MOST,
        sends=site.settings.sends_mail and outbox.SEND in session.actor.permissions,
    )


def _choices(products: list[str], chosen: str) -> list[tuple[str, str]] | None:
    """The products to choose from; None: they are too many for that."""
    if len(products) > _MOST_PRODUCTS:
        return None
    unknown = [chosen] if chosen and chosen not in products else []
    return [(name, name) for name in products + unknown]


def filters_in(query: QueryParams) -> dict[str, str]:
    """What the *query* of an address gives for each of FILTERS."""
    given = {name: query.get(name, "") for name in FILTERS}
    if "expires_before" in query and "expires_until" not in query:  # in an address that was kept
        given["expires_until"] = _day_before(query["expires_before"])
    return {name: on_one_line(text[:_LONGEST_SEARCH]) for name, text in given.items()}


def _day_before(text: str) -> str:
    try:
        return (date.fromisoformat(text) - timedelta(1)).isoformat()
    except (ValueError, OverflowError):
        return text


def filter_of(given: dict[str, str], session: Session) -> tuple[Filter, Faults]:
    """What FILTERS ask for, of what *session* may see; and what is wrong with them."""
    noted = faults.Faults()
    wanted = filters.read_into(given, session.actor.products, noted)
    return wanted, edit_conflicts.of_fields(noted)


class Happening(NamedTuple):
    """Something in the life of a licence."""

    event: Event
    changes: list[Difference]
    """What that one says otherwise than the one that it replaced."""
    proposal: int | None
    """Where it was proposed before."""


@router.get(HOME + "/{number}")
async def one(request: Request, number: str, site: AtSite, session: Viewer) -> Response:
    """One licence and its life."""
    return await _one(request, number, site, session, {})


async def _one(
    request: Request,
    number: str,
    site: Site,
    session: Session,
    fields: dict[str, str],
    error: LicenseError | None = None,
) -> Response:
    cursor = request.query_params.get("cursor")
    before = cursors.read(cursor) if cursor else None

    def read(connection: Connection) -> dict[str, Any]:
        stored = issuing.find(connection, number)
        line = license_store.newest_of_line(connection, stored.line, _LINE)
        happenings = _life(connection, stored, line, before)
        older = cursors.write(happenings[_EVENTS - 1].event.id) if happenings[_EVENTS:] else None
        beside: Questions = {
            "text": license_store.request_behind(stored),
            "stop_gaps": kind_store.stop_gaps_for(number),
        }
        more = ask_all(connection, beside)
        text = more["text"] or ""
        return {
            "stored": stored,
            "latest": line[0],
            "life": happenings[:_EVENTS],
            "older": f"{HOME}/{number}?cursor={older}#life" if older else None,
            "operators_text": "\n".join(
                printable(line.rstrip()) for line in text[:_LONGEST_REQUEST].splitlines()
            ),
            "cut": len(text) > _LONGEST_REQUEST,
            "stop_gaps": more["stop_gaps"],
        }

    seen = await site.read(read)
    stored = seen["stored"]
    issued = "issued" in request.query_params
    possible = states.possible(stored, session.actor)
    sends = "send" in request.query_params and stored.state == "active"
    to_send = (issued or sends) and not stored.is_erased
    asked = request.query_params.get("request", "")
    return pages.page(
        request,
        "license",
        status_of(error) if error else 200,
        terms=_terms(stored),
        possible=possible,
        over=STOP_GAP in possible and stored.state_at(site.clock()) == "expired",
        sending=await delivery.of(site, request, stored) if to_send else None,
        asker=await _asker(site, asked, number, session.actor) if to_send else None,
        issued=issued,
        done=request.query_params.get("done"),
        text="" if stored.is_erased else issuing.file_of(stored).decode("utf-8"),
        newest=f"{HOME}/{number}#life" if before is not None else None,
        once=forms.new_once(site.random),
        fields=fields,
        faults={"note": error} if error else {},
        **seen,
    )


async def _asker(site: Site, request: str, number: str, actor: Actor) -> StoredRequest | None:
    """The *request* that the licence answers, where a mail can answer it, too."""
    if not request or not site.settings.sends_mail:
        return None
    try:
        found = await site.read(lambda c: mailing.request_of(c, request, number, actor))
    except NotFoundError:
        return None
    return found if addresses.is_address(found.sender_address or "") else None


def _life(
    connection: Connection,
    stored: StoredLicense,
    newest: list[StoredLicense],
    before: int | None,
) -> list[Happening]:
    """What was done to the *newest* licences of its line; one more than are shown."""
    line = {one.number: one for one in newest}
    line.setdefault(stored.number, stored)
    wanted = audit_store.EventFilter(subjects=list(line))
    events = audit_store.events(connection, wanted, before=before, limit=_EVENTS + 1)
    return [Happening(event, _changes(event, line), _proposal(event)) for event in events]


def _proposal(event: Event) -> int | None:
    id_ = strictjson.loads(event.details.encode("utf-8")).get("proposal")
    return id_ if isinstance(id_, int) else None


def _changes(event: Event, line: dict[str, StoredLicense]) -> list[Difference]:
    """What the licence that came of *event* says otherwise than the one before."""
    made = line[event.subject]
    former = line.get(made.replaces or "")
    act = BY_EVENT.get(event.action)
    if former is None or act is None or not act.issues:
        return []
    return differences(_terms(former), _terms(made))


def _terms(stored: StoredLicense) -> Terms:
    return Terms.of_license(stored)


@router.post(HOME + "/{number}/notes")
async def note(
    number: str, request: Request, site: AtSite, session: Issuer, fields: Form
) -> Response:
    """Add a note to a licence's life."""
    now, members = site.clock(), {"note": fields.get("note", "")}
    here = f"{HOME}/{number}"

    def add(connection: Connection) -> Reply:
        notes.add(connection, issuing.find(connection, number), members, session.actor, now)
        return Reply(303, f"{here}#life", b"")

    try:
        reply = await site.once(session.actor, forms.once(fields, f"{here}/notes"), now, add)
    except InputInvalidError as error:
        return await _one(request, number, site, session, fields, error)
    return RedirectResponse(reply.location or here, reply.status)


@router.get(HOME + "/{number}/license.dat")
async def file(number: str, site: AtSite, _: Viewer) -> Response:
    """The file to send to the operator."""
    stored = await find(site, number)
    return Response(
        issuing.file_of(stored),
        media_type=issuing.FILE_TYPE,
        headers={"Content-Disposition": 'attachment; filename="license.dat"'},
    )


async def find(site: Site, number: str) -> StoredLicense:
    """The licence of this number. Raises NotFoundError."""
    return await site.read(lambda connection: issuing.find(connection, number))

"""The licences at the desk: the list with its filters, and the life of each."""

from datetime import date, datetime, time
from typing import Annotated, Any, NamedTuple
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Request
from sqlalchemy import Connection
from starlette.responses import RedirectResponse, Response

from license_core import strictjson
from license_core.errors import LicenseError
from license_core.reason import Reason
from license_core.wording import printable
from license_server.access.sessions import Session
from license_server.audit import audit_store
from license_server.audit.audit_store import Event
from license_server.catalog import catalog_store
from license_server.db.errors import InputInvalidError
from license_server.db.reply_store import Reply
from license_server.http import cursors
from license_server.http.problem_types import status_of
from license_server.http.state import AtSite
from license_server.licenses import (
    issuing,
    license_store,
    notes,
    states,
)
from license_server.licenses.acts import BY_EVENT
from license_server.licenses.license_store import StoredLicense
from license_server.licenses.search import Filter
from license_server.site import Site
from license_server.web import (
    delivery,
    forms,
    pages,
)
from license_server.web.reader import Reader
from license_server.web.session import Form, May, on_one_line
from license_server.web.sign_in import HOME
from license_server.web.term_changes import (
    Difference,
    Terms,
    differences,
)

MEDIA_TYPE = "application/octet-stream"
STATES = ("valid", "grace", "active", "expired", "suspended", "revoked", "replaced")
"""Those of the filter; ``active``: valid or in grace."""
_FILTERS = ("q", "state", "product", "customer", "expires_from", "expires_before")
_PAGE = 50
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
    given = {name: request.query_params.get(name, "") for name in _FILTERS}
    given = {name: on_one_line(text[:_LONGEST_SEARCH]) for name, text in given.items()}
    cursor = request.query_params.get("cursor")
    before = cursors.read(cursor) if cursor else None
    reader, now = Reader.of(request, site.settings.time_zone), site.clock()
    wanted, faults = _filter(given, reader)
    wanted = wanted._replace(products=session.actor.products)

    def read(connection: Connection) -> tuple[license_store.Page, list[str]]:
        named = catalog_store.products_after(connection, None, _MOST_PRODUCTS + 1)
        if faults:
            return license_store.Page([], None), [product.name for product in named]
        found = license_store.listed(
            connection, wanted, now, before=before, limit=_PAGE, patient=True
        )
        return found, [product.name for product in named]

    found, products = await site.read(read)
    kept = {name: text for name, text in given.items() if text}
    older = None
    if found.below is not None:
        older = f"{HOME}?{urlencode(kept | {'cursor': cursors.write(found.below)})}"
    return pages.page(
        request,
        "licenses",
        next((status_of(fault) for fault in faults.values()), 200),
        licenses=found.rows,
        fields=given,
        faults=faults,
        states=STATES,
        kept=kept,
        products=_choices(products, given["product"]),
        newest=f"{HOME}?{urlencode(kept)}" if before is not None else None,
        older=older,
    )


def _choices(products: list[str], chosen: str) -> list[tuple[str, str]] | None:
    """The products to choose from; None: they are too many for that."""
    if len(products) > _MOST_PRODUCTS:
        return None
    unknown = [chosen] if chosen and chosen not in products else []
    return [(name, name) for name in products + unknown]


def _filter(given: dict[str, str], reader: Reader) -> tuple[Filter, dict[str, LicenseError]]:
    """What the filters ask for, and what is wrong with them."""
    faults: dict[str, LicenseError] = {}
    days: dict[str, int | None] = {}
    for name in ("expires_from", "expires_before"):
        try:
            days[name] = _day(name, given[name], reader)
        except InputInvalidError as error:
            faults[name] = error
    if given["state"] not in ("", *STATES):
        faults["state"] = no_state(given["state"])
    return Filter(
        text=given["q"] or None,
        state=given["state"] or None,
        product=given["product"] or None,
        customer=given["customer"] or None,
        expires_from=days.get("expires_from"),
        expires_before=days.get("expires_before"),
    ), faults


def no_state(value: str) -> InputInvalidError:
    """What is wrong where *value* is none of STATES."""
    allowed = ", ".join(STATES)
    reason = Reason("{value!r} is not one of {allowed}", value=value, allowed=allowed)
    return InputInvalidError(field="state", reason=reason)


def _day(name: str, text: str, reader: Reader) -> int | None:
    """The first end that a licence may have whose last day, where the reader is, is that one."""
    if not text:
        return None
    try:
        first = datetime.combine(date.fromisoformat(text), time(), reader.there)
        return int(first.timestamp()) + 1
    except (ValueError, OverflowError) as error:
        reason = Reason("{value!r} is not a date such as 2027-12-31", value=text)
        raise InputInvalidError(field=name, reason=reason) from error


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
        happenings = _life(connection, stored, before)
        older = cursors.write(happenings[_EVENTS - 1].event.id) if happenings[_EVENTS:] else None
        text = license_store.request_behind(connection, stored) or ""
        return {
            "stored": stored,
            "latest": license_store.newest_of_line(connection, stored.line, 1)[0],
            "life": happenings[:_EVENTS],
            "older": f"{HOME}/{number}?cursor={older}#life" if older else None,
            "operators_text": "\n".join(
                printable(line.rstrip()) for line in text[:_LONGEST_REQUEST].splitlines()
            ),
            "cut": len(text) > _LONGEST_REQUEST,
        }

    seen = await site.read(read)
    stored = seen["stored"]
    issued = "issued" in request.query_params
    to_send = issued or ("send" in request.query_params and stored.state == "active")
    return pages.page(
        request,
        "license",
        status_of(error) if error else 200,
        terms=_terms(stored),
        possible=states.possible(stored, session.actor),
        sending=await delivery.of(site, request, stored) if to_send else None,
        issued=issued,
        done=request.query_params.get("done"),
        text=issuing.file_of(stored).decode("utf-8"),
        newest=f"{HOME}/{number}#life" if before is not None else None,
        once=forms.new_once(site.random),
        fields=fields,
        faults={"note": error} if error else {},
        **seen,
    )


def _life(connection: Connection, stored: StoredLicense, before: int | None) -> list[Happening]:
    """What was done to the licences of its line, the newest first; one more than are shown."""
    line = {one.number: one for one in license_store.newest_of_line(connection, stored.line, _LINE)}
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
    return Terms.of_license(issuing.claims_of(stored))


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
        media_type=MEDIA_TYPE,
        headers={"Content-Disposition": 'attachment; filename="license.dat"'},
    )


async def find(site: Site, number: str) -> StoredLicense:
    """The licence of this number. Raises NotFoundError."""
    return await site.read(lambda connection: issuing.find(connection, number))

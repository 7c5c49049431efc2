"""The customers at the desk: who they are, how they are reached, what is known of them."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from sqlalchemy import Connection
from starlette.responses import RedirectResponse, Response

from license_core.errors import LicenseError
from license_core.reason import Reason
from license_server.access.sessions import Session
from license_server.background import erasing
from license_server.catalog import (
    catalog_store,
    customers,
    merging,
    offered,
    owner_store,
    tag_store,
    tags,
)
from license_server.catalog.catalog_store import Customer
from license_server.catalog.merging import Merge
from license_server.db.errors import ChangedMeanwhileError, InputInvalidError
from license_server.db.questions import ask, known
from license_server.erasure import customer_erasure, reasons
from license_server.erasure.errors import LicensesLiveError
from license_server.http.path_params import row_id
from license_server.http.problem_types import status_of
from license_server.http.state import AtSite
from license_server.sheets import csv_text, exports
from license_server.site import Site
from license_server.web import (
    customer_list,
    customer_page,
    edit_conflicts,
    forms,
    kept_forms,
    list_page,
    pages,
    saving,
)
from license_server.web.customer_list import LIST
from license_server.web.edit_conflicts import Faults
from license_server.web.session import Form, May, on_one_line

ROOM = "/customers"
_LONGEST_SEARCH = 200
_TAGS = 200
"""So many tags are offered."""
_OFFERED = 200

router = APIRouter(prefix=ROOM)
Reader = Annotated[Session, Depends(May("licenses:read"))]
Writer = Annotated[Session, Depends(May("customers:write"))]
Erasing = Annotated[Session, Depends(May(customer_erasure.PERMISSION))]


@router.get("")
async def listing(request: Request, site: AtSite, session: Reader) -> Response:
    """The customers, in the order of their names."""
    imported = request.query_params.get("imported", "")[:9]
    asked = customer_list.Asked.of(request)
    sorts = customers.sorts_of(session.actor)
    every = session.actor.products is None
    beside = {"known_tags": tag_store.in_use(_TAGS) if every else known([])}
    source = customer_list.source(asked, session.actor)
    shown = await LIST.read(request, site, session, source, asked.kept, sorts=sorts, beside=beside)
    there: list[str] = shown.pop("known_tags")
    return pages.page(
        request,
        "customers",
        q=asked.text or "",
        tag=asked.tag or "",
        tags_of=tags.of,
        known_tags=there if asked.tag in (None, *there) else [asked.tag, *there],
        imported=imported if imported.isascii() and imported.isdigit() else "",
        archived=asked.archived,
        **shown,
    )


@router.get(list_page.SHEET)
async def shown_sheet(request: Request, site: AtSite, session: Reader) -> Response:
    """The list as it is shown, as a sheet."""
    source = customer_list.source(customer_list.Asked.of(request), session.actor)
    sorts = customers.sorts_of(session.actor)
    return LIST.sheet(request, site, source, "customers.csv", sorts=sorts)


@router.get("/customers.csv")
async def sheet(request: Request, site: AtSite, session: Reader) -> Response:
    """The customers of the list with all columns, as a sheet that can be imported again."""
    asked = customer_list.Asked.of(request)
    rows = exports.customer_rows(
        site.database.read, asked.text, session.actor, archived=asked.which, tag=asked.tag
    )
    return list_page.sheet_of("customers.csv", csv_text.write(exports.CUSTOMERS, rows))


@router.get("/new")
async def new(request: Request, site: AtSite, _: Writer) -> Response:
    """The form for another customer."""
    return _new(request, site, {"language": ""}, {}, await _users(site))


@router.post("")
async def add(request: Request, site: AtSite, session: Writer, fields: Form) -> Response:
    """Add a customer; the same form sent twice adds one."""
    members = customer_page.members_of(fields)
    found, users = edit_conflicts.faults(customers.read, members), await _users(site)
    if found:
        return _new(request, site, fields, found, users)
    name = customers.read({"name": members["name"]})["name"]
    alike = await site.read(lambda connection: catalog_store.alike(connection, name))
    if alike is not None and fields.get("sure") != "yes":
        return _new(request, site, fields, {}, users, alike)
    return await saving.added(
        site,
        session.actor,
        ROOM,
        fields,
        members,
        customers.add,
        lambda faults: _new(request, site, fields, faults, users),
    )


async def _users(site: Site) -> list[str]:
    """The users who may own a customer."""
    return await site.read(lambda c: ask(c, owner_store.all_who_may(customer_page.OFFERED)))


def _new(
    request: Request,
    site: Site,
    fields: dict[str, str],
    faults: Faults,
    users: list[str],
    alike: Customer | None = None,
) -> Response:
    """The form for another customer; *alike*: one who is called nearly so."""
    return pages.page(
        request,
        "customer_new",
        409 if alike else edit_conflicts.status(faults),
        alike=alike,
        fields=fields,
        faults=faults,
        users=users,
        once=forms.new_once(site.random),
    )


@router.get("/{id}/merge")
async def merge_form(id: str, request: Request, site: AtSite, session: Writer) -> Response:
    """Into which customer to merge this one; with ``into``, what would come of it."""
    return await _merge(request, site, session, row_id(id, "customer"))


@router.post("/{id}/merge")
async def merge(id: str, request: Request, site: AtSite, session: Writer, fields: Form) -> Response:
    """Merge a customer into another, as it was shown."""
    number, now, actor = row_id(id, "customer"), site.clock(), session.actor
    into, seen = _number(fields.get("into", "")), fields.get("etag")

    def work(connection: Connection) -> Customer:
        return merging.merge(connection, number, into, actor, now, seen)

    try:
        await site.write(work)
        await site.write(lambda connection: merging.follow(connection, number, actor, now))
    except (InputInvalidError, ChangedMeanwhileError) as error:
        return await _merge(request, site, session, number, fields.get("name", ""), error)
    return RedirectResponse(f"{ROOM}/{into}?merged=1", 303)


async def _merge(
    request: Request,
    site: Site,
    session: Session,
    number: int,
    typed: str | None = None,
    error: LicenseError | None = None,
) -> Response:
    """The page for merging a customer: the form, or what would come of it."""
    given = kept_forms.of(request) or request.query_params
    name = given.get("name", "") if typed is None else typed
    faults: Faults = {}

    def read(connection: Connection) -> tuple[Customer, Merge | None, list[str]]:
        customer = customers.seen(connection, number, session.actor)
        customers.check_live(customer)
        planned: Merge | None = None
        text = on_one_line(name[:_LONGEST_SEARCH])
        if text:
            of = session.actor.products
            into = catalog_store.customer_called(connection, text, of)
            try:
                if into is None:
                    reason = Reason("no customer has just this name")
                    raise InputInvalidError(field="name", reason=reason)
                planned = merging.plan(connection, number, into.id, session.actor)
            except InputInvalidError as wrong:
                faults["name"] = wrong
        alike = catalog_store.alike(connection, customer.name, session.actor.products)
        names = [] if alike is None else [alike.name]
        names += [
            one for one in ask(connection, offered.customer_names(_OFFERED)) if one not in names
        ]
        if session.actor.products is not None:
            names = []  # those of others are none of theirs
        return customer, planned, [one for one in names if one != customer.name]

    customer, planned, names = await site.read(read)
    return pages.page(
        request,
        "customer_merge",
        status_of(error) if error else edit_conflicts.status(faults),
        customer=customer,
        planned=planned,
        names=names,
        fields={"name": name or (names[0] if names else "")},
        faults=faults,
        error=error,
        etag=merging.etag(planned) if planned else "",
    )


@router.get("/{id}/erase")
async def erase_form(id: str, request: Request, site: AtSite, session: Erasing) -> Response:
    """What would be erased with a customer."""
    return await _erase(request, site, session, row_id(id, "customer"))


@router.post("/{id}/erase")
async def erase(
    id: str, request: Request, site: AtSite, session: Erasing, fields: Form
) -> Response:
    """Erase a customer, as it was shown."""
    number, now, actor = row_id(id, "customer"), site.clock(), session.actor
    live = fields.get("live") == "yes"
    try:
        reason = reasons.read({"reason": fields.get("reason", "")})
        await site.write(lambda c: customer_erasure.begin(c, number, actor, now, reason, live=live))
    except InputInvalidError as error:
        return await _erase(request, site, session, number, fields, {error.field: error})
    except LicensesLiveError as error:
        return await _erase(request, site, session, number, fields, error=error)
    waits = await erasing.erase(site, customer_erasure.go_on, number, actor)
    return RedirectResponse(f"{ROOM}/{number}?{'waits' if waits else 'erased'}=1", 303)


async def _erase(
    request: Request,
    site: Site,
    session: Session,
    number: int,
    fields: dict[str, str] | None = None,
    faults: Faults | None = None,
    error: LicenseError | None = None,
) -> Response:
    """The page for erasing a customer, with what was typed."""
    now, given = site.clock(), fields or kept_forms.of(request) or {}
    found = await site.read(lambda c: customer_erasure.preview(c, number, session.actor, now))
    return pages.page(
        request,
        "customer_erase",
        status_of(error) if error else edit_conflicts.status(faults or {}),
        customer=found.customer,
        found=found,
        fields={"reason": given.get("reason", ""), "live": given.get("live", "")},
        faults=faults or {},
        error=error,
    )


def _number(text: str) -> int:
    """The id in a hidden field; 0, which nothing has, for what is none."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0


@router.post("/{id}/archive")
async def archive(id: str, site: AtSite, session: Writer, _: Form) -> Response:
    """Let a customer take no new licences."""
    return await _archive(site, session, row_id(id, "customer"), archived=True)


@router.post("/{id}/unarchive")
async def unarchive(id: str, site: AtSite, session: Writer, _: Form) -> Response:
    """Let a customer take new licences again."""
    return await _archive(site, session, row_id(id, "customer"), archived=False)


async def _archive(site: Site, session: Session, number: int, *, archived: bool) -> Response:
    now, done = site.clock(), "archived" if archived else "unarchived"
    await site.write(lambda c: customers.archive(c, number, session.actor, now, archived=archived))
    return RedirectResponse(f"{ROOM}/{number}?{done}=1", 303)


@router.get("/{id}")
async def one(id: str, request: Request, site: AtSite, session: Reader) -> Response:
    """One customer, with the newest licences; of one that was merged, the other."""
    return await customer_page.show(request, site, session, row_id(id, "customer"))


@router.post("/{id}")
async def change(
    id: str, request: Request, site: AtSite, session: Writer, fields: Form
) -> Response:
    """Change a customer, unless somebody else did after the form was shown."""
    number, seen = row_id(id, "customer"), fields.get("etag", "")
    members = customer_page.members_of(fields)
    return await saving.changed(
        site,
        fields,
        edit_conflicts.faults(customers.read, members),
        f"{ROOM}/{number}",
        lambda c, now: customers.change(c, number, members, session.actor, now, seen),
        lambda attempt: customer_page.show(request, site, session, number, attempt),
    )

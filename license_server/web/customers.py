"""The customers at the desk: who they are, how they are reached, what is known of them."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from sqlalchemy import Connection
from starlette.responses import Response

from license_server.access.sessions import Session
from license_server.audit import audit_store
from license_server.audit.audit_store import Event
from license_server.catalog import catalog_store, customers
from license_server.catalog.catalog_store import Customer
from license_server.http.path_params import row_id
from license_server.http.state import AtSite
from license_server.licenses import license_store
from license_server.licenses.license_store import StoredLicense
from license_server.licenses.search import Filter
from license_server.site import Site
from license_server.web import (
    edit_conflicts,
    forms,
    named_list,
    pages,
    saving,
)
from license_server.web.edit_conflicts import Faults
from license_server.web.saving import Attempt
from license_server.web.session import Form, May, on_one_line

ROOM = "/customers"
_LONGEST_SEARCH = 200
_NEWEST = 5
_EVENTS = 10

router = APIRouter(prefix=ROOM)
Reader = Annotated[Session, Depends(May("licenses:read"))]
Writer = Annotated[Session, Depends(May("customers:write"))]


@router.get("")
async def listing(request: Request, site: AtSite, session: Reader) -> Response:
    """The customers, in the order of their names."""
    text = on_one_line(request.query_params.get("q", "")[:_LONGEST_SEARCH])
    of = session.actor.products
    shown = await named_list.listed(
        request,
        site,
        lambda c, id_: catalog_store.customer_by_id(c, id_, of),
        lambda c, name, most: catalog_store.customers_after(c, name, most, text or None, of),
    )
    return pages.page(
        request, "customers", customers=shown.rows, q=text, more=shown.more, first=shown.first
    )


@router.get("/new")
async def new(request: Request, site: AtSite, _: Writer) -> Response:
    """The form for another customer."""
    return _new(request, site, {"language": ""}, {})


@router.post("")
async def add(request: Request, site: AtSite, session: Writer, fields: Form) -> Response:
    """Add a customer; the same form sent twice adds one."""
    members = _members(fields)
    found = edit_conflicts.faults(customers.read, members)
    if found:
        return _new(request, site, fields, found)
    name = customers.read({"name": members["name"]})["name"]
    alike = await site.read(lambda connection: catalog_store.alike(connection, name))
    if alike is not None and fields.get("sure") != "yes":
        return _new(request, site, fields, {}, alike)
    return await saving.added(
        site,
        session.actor,
        ROOM,
        fields,
        members,
        customers.add,
        lambda faults: _new(request, site, fields, faults),
    )


def _new(
    request: Request,
    site: Site,
    fields: dict[str, str],
    faults: Faults,
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
        once=forms.new_once(site.random),
    )


@router.get("/{id}")
async def one(id: str, request: Request, site: AtSite, session: Reader) -> Response:
    """One customer, with the newest licences."""
    return await _one(request, site, session, row_id(id, "customer"))


@router.post("/{id}")
async def change(
    id: str, request: Request, site: AtSite, session: Writer, fields: Form
) -> Response:
    """Change a customer, unless somebody else did after the form was shown."""
    number, members, seen = row_id(id, "customer"), _members(fields), fields.get("etag", "")
    return await saving.changed(
        site,
        fields,
        edit_conflicts.faults(customers.read, members),
        f"{ROOM}/{number}",
        lambda c, now: customers.change(c, number, members, session.actor, now, seen),
        lambda attempt: _one(request, site, session, number, attempt),
    )


async def _one(
    request: Request,
    site: Site,
    session: Session,
    number: int,
    attempt: Attempt | None = None,
) -> Response:
    """The page of a customer, with what was not saved."""
    now = site.clock()

    def read(connection: Connection) -> tuple[Customer, list[StoredLicense], list[Event]]:
        customer = customers.seen(connection, number, session.actor)
        wanted = Filter(customer=customer.name, products=session.actor.products)
        of = license_store.of_customer(connection, customer)
        if session.actor.products is not None:
            of = [one.number for one in _listed(connection, wanted, now, _EVENTS)]
        events = audit_store.events(
            connection, audit_store.EventFilter(subjects=of), before=None, limit=_EVENTS
        )
        live = _listed(connection, wanted._replace(state="active"), now, _NEWEST)
        known = {one.number for one in live}
        others = _listed(connection, wanted, now, _NEWEST)
        others = [one for one in others if one.number not in known]
        return customer, (live + others)[:_NEWEST], events

    customer, found, events = await site.read(read)
    return pages.page(
        request,
        "customer",
        customer=customer,
        licenses=found,
        events=events,
        told=edit_conflicts.told(request),
        **saving.shown(_fields(customer), customers.etag(customer), attempt),
    )


def _listed(connection: Connection, wanted: Filter, now: int, limit: int) -> list[StoredLicense]:
    return license_store.listed(connection, wanted, now, before=None, limit=limit).rows


def _members(fields: dict[str, str]) -> dict[str, Any]:
    """The members of a customer that a form makes: what is blank is empty."""
    members: dict[str, Any] = {name: fields.get(name, "").strip() for name in customers.MEMBERS}
    members["notes"] = members["notes"].replace("\r\n", "\n")
    return {name: value or None for name, value in members.items()}


def _fields(customer: Customer) -> dict[str, str]:
    """The fields of the form of *customer*."""
    return {name: getattr(customer, name) or "" for name in customers.MEMBERS}

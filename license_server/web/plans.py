"""The plans of a product at the desk: each is made, changed and archived on a page of its own."""

from collections.abc import Awaitable, Mapping
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Request
from sqlalchemy import Connection
from starlette.responses import RedirectResponse, Response

from license_core.errors import LicenseError, NotFoundError
from license_server.access.sessions import Session
from license_server.catalog import plans, products
from license_server.catalog.catalog_store import Product
from license_server.catalog.faults import faults_of
from license_server.catalog.plans import ProductPlan
from license_server.db.errors import InputInvalidError, NameTakenError
from license_server.http.path_params import row_id
from license_server.http.state import AtSite
from license_server.site import Site
from license_server.web import default_fields, edit_conflicts, pages, saving
from license_server.web.edit_conflicts import Faults
from license_server.web.products import ROOM, find
from license_server.web.saving import Attempt
from license_server.web.session import Form, May

router = APIRouter(prefix=ROOM)
Writer = Annotated[Session, Depends(May("products:write"))]


@router.get("/{id}/plan")
async def show(id: str, request: Request, site: AtSite, session: Writer) -> Response:
    """The form of a plan, which the address names; or of a new one."""
    return await _page(request, site, session, row_id(id, "product"), _named(request))


@router.post("/{id}/plan")
async def save(id: str, request: Request, site: AtSite, session: Writer, fields: Form) -> Response:
    """Add a plan, or change the one that the address names."""
    number, name = row_id(id, "product"), _named(request)
    if name is None:
        return await _add(request, site, session, number, fields)
    members, wrong = _members(fields)

    def change(connection: Connection, now: int) -> None:
        product, etag = find(connection, number, session).name, fields.get("etag", "")
        try:
            products.change_plan(connection, product, name, members, session.actor, now, etag)
        except InputInvalidError as error:
            raise _at_field(error, name) from error

    def again(attempt: Attempt) -> Awaitable[Response]:
        return _page(request, site, session, number, name, attempt)

    place = f"{ROOM}/{number}"
    return await saving.changed(site, fields, wrong, place, change, again)


@router.post("/{id}/plan/archive")
async def archive(
    id: str, request: Request, site: AtSite, session: Writer, fields: Form
) -> Response:
    """Let no new licence take a plan, or let them take it again."""
    number, now, name = row_id(id, "product"), site.clock(), _named(request) or ""
    archived = fields.get("archived") == "yes"

    def work(connection: Connection) -> None:
        product = find(connection, number, session).name
        members = {"archived": archived or None}
        products.change_plan(connection, product, name, members, session.actor, now)

    await site.write(work)
    done = "archived" if archived else "unarchived"
    return RedirectResponse(f"{ROOM}/{number}?{done}=1", 303)


async def _add(
    request: Request, site: Site, session: Session, number: int, fields: dict[str, str]
) -> Response:
    members, wrong = _members(fields)
    name, actor, now = fields.get("name", "").strip(), session.actor, site.clock()
    product = await site.read(lambda connection: find(connection, number, session))
    near = plans.alike(product, name)
    if near and not wrong and fields.get("sure") != "yes":
        return await _page(request, site, session, number, None, Attempt(fields, {}), near)

    def add(connection: Connection) -> None:
        products.add_plan(connection, product.name, name, members, actor, now)

    if not wrong:
        try:
            await site.write(add)
        except NameTakenError as error:
            wrong = {"name": error}
        except InputInvalidError as error:
            wrong = _faults(error, name)
        else:
            return RedirectResponse(f"{ROOM}/{number}?saved=1", 303)
    return await _page(request, site, session, number, None, Attempt(fields, wrong))


def _named(request: Request) -> str | None:
    return request.query_params.get("name")


def _members(fields: Mapping[str, str]) -> tuple[dict[str, Any], Faults]:
    """All that a plan has, as a form says it: what is blank is cleared."""
    given, wrong = default_fields.read(fields)
    trial = True if fields.get("trial") == "yes" else None
    return {**dict.fromkeys(products.DEFAULTS), **given, "trial": trial}, wrong


def _faults(error: InputInvalidError, name: str) -> Faults:
    """The fields of the form that are wrong."""
    found = [_at_field(fault.error, name) for fault in faults_of(error)]
    return {edit_conflicts.field_of(one): one for one in found}


def _at_field(error: LicenseError, name: str) -> InputInvalidError:
    """*error* of a member of the plan that is called *name*, at its field."""
    field = str(error.facts["field"]).removeprefix(f"plans.{name}.")
    field = "name" if field == "plans" else field.partition(".")[0]
    return InputInvalidError(field=field, reason=error.facts["reason"])


async def _page(
    request: Request,
    site: Site,
    session: Session,
    number: int,
    name: str | None,
    attempt: Attempt | None = None,
    near: list[str] | None = None,
) -> Response:
    """The form of a plan, with what was not saved; *near*: those that are called nearly so."""
    product = await site.read(lambda connection: find(connection, number, session))
    plan = None if name is None else _plan(product, name)
    present = {"name": "", **default_fields.shown(plan.terms if plan else {})}
    present |= {"trial": "yes" if plan and plan.trial else ""}
    shown = saving.shown(present, products.etag(product), attempt)
    if near:
        shown["status"] = 409
    return pages.page(
        request,
        "plan",
        product=product,
        plan=plan,
        near=near or [],
        here=f"{ROOM}/{number}/plan" + ("" if name is None else f"?{urlencode({'name': name})}"),
        query="" if name is None else f"?{urlencode({'name': name})}",
        **shown,
    )


def _plan(product: Product, name: str) -> ProductPlan:
    found = plans.of(product).get(name)
    if found is None:
        raise NotFoundError(what="plan", name=name[:64])
    return found

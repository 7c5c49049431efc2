"""The products at the desk: the rules of their licences, and what an order takes from them."""

import re
from collections.abc import Awaitable, Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from sqlalchemy import Connection
from starlette.responses import Response

from license_core.errors import NotFoundError
from license_server.access.sessions import Session
from license_server.catalog import catalog_store, products, terms
from license_server.catalog.catalog_store import Product
from license_server.db.errors import InputInvalidError
from license_server.http.path_params import row_id
from license_server.http.state import AtSite
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
from license_server.web.session import Form, May

ROOM = "/products"
_SEPARATORS = re.compile(r"[\s,;，、；]+")
_DAYS = ("days", "notify_days", "grace_days")
_NUMBERS = ("longest_days", "rehosts")

router = APIRouter(prefix=ROOM)
Reader = Annotated[Session, Depends(May("licenses:read"))]
Writer = Annotated[Session, Depends(May("products:write"))]


@router.get("")
async def listing(request: Request, site: AtSite, session: Reader) -> Response:
    """The products, in the order of their names."""
    of = session.actor.products
    shown = await named_list.listed(
        request,
        site,
        lambda c, id_: catalog_store.product_by_id(c, id_, of),
        lambda c, name, most: catalog_store.products_after(c, name, most, of),
    )
    rules = [(one, products.defaults(one)) for one in shown.rows]
    return pages.page(request, "products", products=rules, more=shown.more, first=shown.first)


@router.get("/new")
async def new(request: Request, site: AtSite, _: Writer) -> Response:
    """The form for another product."""
    return _new(request, site, {}, {})


@router.post("")
async def add(request: Request, site: AtSite, session: Writer, fields: Form) -> Response:
    """Add a product; the same form sent twice adds one."""
    members, found = _read({"name": fields.get("name", "").strip() or None}, fields)
    if found:
        return _new(request, site, fields, found)
    return await saving.added(
        site,
        session.actor,
        ROOM,
        fields,
        members,
        products.add,
        lambda faults: _new(request, site, fields, faults),
    )


def _new(request: Request, site: Site, fields: dict[str, str], faults: Faults) -> Response:
    return pages.form(request, "product_new", fields, faults, once=forms.new_once(site.random))


@router.get("/{id}")
async def one(id: str, request: Request, site: AtSite, session: Reader) -> Response:
    """One product and its rules."""
    return await _one(request, site, session, row_id(id, "product"))


@router.post("/{id}")
async def change(
    id: str, request: Request, site: AtSite, session: Writer, fields: Form
) -> Response:
    """Change the rules of a product, unless somebody else did after the form was shown."""
    number = row_id(id, "product")
    members, found = _read({}, fields)

    def change(connection: Connection, now: int) -> None:
        name = _find(connection, number, session).name
        products.change(connection, name, members, session.actor, now, fields.get("etag", ""))

    def show(attempt: Attempt) -> Awaitable[Response]:
        return _one(request, site, session, number, attempt)

    return await saving.changed(site, fields, found, f"{ROOM}/{number}", change, show)


async def _one(
    request: Request,
    site: Site,
    session: Session,
    number: int,
    attempt: Attempt | None = None,
) -> Response:
    """The page of a product, with what was not saved."""
    product = await site.read(lambda connection: _find(connection, number, session))
    return pages.page(
        request,
        "product",
        product=product,
        defaults=products.defaults(product),
        warnings=_warnings(product),
        told=edit_conflicts.told(request),
        **saving.shown(_fields(product), products.etag(product), attempt),
    )


def _find(connection: Connection, number: int, session: Session) -> Product:
    """The product in this row, which who is signed in may see. Raises NotFoundError."""
    product = catalog_store.product_by_id(connection, number)
    if product is None or not session.actor.may_use(product.name):
        raise NotFoundError(what="product", name=str(number))
    return product


def _read(members: dict[str, Any], fields: Mapping[str, str]) -> tuple[dict[str, Any], Faults]:
    """*members* with the rules that a form makes; and every field that is wrong, as they stand."""
    wrong: Faults = {}
    defaults: dict[str, Any] = {}
    for name in products.DEFAULTS:
        if text := fields.get(name, "").strip():
            try:
                defaults[name] = _default(name, text)
            except InputInvalidError as error:
                wrong[name] = error
    rules: dict[str, Any] = {name: _number(fields.get(name, "").strip()) for name in _NUMBERS}
    rules |= {"needs_approval": fields.get("needs_approval") == "yes", "defaults": defaults}
    return members | rules, edit_conflicts.faults(products.read, members | rules) | wrong


def _default(name: str, text: str) -> Any:
    if name in _DAYS:
        return _number(text)
    if name == "features":
        return [one for one in _SEPARATORS.split(text) if one]
    if name == "limits":
        return terms.limits_of(one for one in _SEPARATORS.split(text) if one)
    return text


def _number(text: str) -> int | str | None:
    """What *text* says; what is no number stays, and is refused as one."""
    if not text:
        return None
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else text


def _fields(product: Product) -> dict[str, str]:
    """The fields of the form of *product*."""
    defaults = products.defaults(product)
    made = {name: str(defaults.get(name, "")) for name in (*_DAYS, "edition", "match")}
    made["features"] = ", ".join(defaults.get("features", ()))
    made["limits"] = ", ".join(f"{name}={n}" for name, n in defaults.get("limits", {}).items())
    for name in _NUMBERS:
        value = getattr(product, name)
        made[name] = "" if value is None else str(value)
    return made | {"needs_approval": "yes" if product.needs_approval else ""}


def _warnings(product: Product) -> list[str]:
    """Which defaults of *product* make no sense beside its other rules; each is told there."""
    defaults = products.defaults(product)
    days, longest = defaults.get("days"), product.longest_days
    found = []
    if days is not None and longest is not None and days > longest:
        found.append("too_long")
    if days is not None and defaults.get("notify_days", 0) > days:
        found.append("warns_always")
    if days is not None and defaults.get("grace_days", 0) > days:
        found.append("long_grace")
    return found

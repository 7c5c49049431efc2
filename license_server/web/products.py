"""The products at the desk: the rules of their licences, and what an order takes from them."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from sqlalchemy import Connection
from starlette.responses import RedirectResponse, Response

from license_core.errors import NotFoundError
from license_server.access.sessions import Session
from license_server.catalog import catalog_store, list_store, plans, products
from license_server.catalog.catalog_store import Product
from license_server.catalog.list_store import PRODUCT_SORTS
from license_server.http.path_params import row_id
from license_server.http.state import AtSite
from license_server.site import Site
from license_server.web import (
    counts,
    default_fields,
    edit_conflicts,
    forms,
    list_page,
    pages,
    saving,
)
from license_server.web.edit_conflicts import Faults
from license_server.web.list_page import Column, DeskList
from license_server.web.list_shape import Source, after_id
from license_server.web.reader import Reader as Words
from license_server.web.saving import Attempt
from license_server.web.session import Form, May

ROOM = "/products"
_TEXTS = ("title", "mail_plan")
_TRUTHS = ("needs_approval", "mail_moves")
_NUMBERS = ("longest_days", "rehosts", "mail_daily")


def _days(count: int | None, to: Words) -> str | None:
    return None if count is None else counts.days(count, to.catalogue)


LIST = DeskList[Product](
    ROOM,
    {
        "name": Column("Name", lambda one, _: one.name, lambda one: f"{ROOM}/{one.id}"),
        "title": Column("Title", lambda one, _: one.title),
        "edition": Column("Edition", lambda one, _: products.defaults(one).get("edition")),
        "days": Column(
            "Default term",
            lambda one, to: _days(products.defaults(one).get("days"), to),
            look="number",
        ),
        "longest_days": Column(
            "Longest term",
            lambda one, to: _days(one.longest_days, to) or to.catalogue.gettext("unlimited"),
            look="number",
        ),
        "rehosts": Column(
            "Rehosts allowed",
            lambda one, to: (
                to.catalogue.gettext("unlimited") if one.rehosts is None else str(one.rehosts)
            ),
            look="number",
        ),
        "needs_approval": Column(
            "Approval",
            lambda one, to: to.catalogue.gettext(
                "by a second person" if one.needs_approval else "not needed"
            ),
            look="number",
            mark=lambda one: "warn" if one.needs_approval else None,
        ),
        "created_at": list_page.at(lambda one: one.created_at, "Added"),
    },
    ("title", "edition", "days", "longest_days", "rehosts", "needs_approval"),
    frozenset(PRODUCT_SORTS),
    filters=("archived",),
)

router = APIRouter(prefix=ROOM)
Reader = Annotated[Session, Depends(May("licenses:read"))]
Writer = Annotated[Session, Depends(May("products:write"))]


def _archived(request: Request) -> bool:
    """Whether the list is that of those in the archive."""
    return bool(request.query_params.get("archived"))


def _source(request: Request, session: Session) -> Source[Product]:
    """The products of the list, in the order of their names."""
    of, archived = session.actor.products, _archived(request)

    def following(connection: Connection, id_: int | None, limit: int) -> list[Product]:
        last = None if id_ is None else catalog_store.product_by_id(connection, id_, of)
        name = None if last is None else last.name
        return catalog_store.products_after(connection, name, limit, of, archived=archived)

    return Source(
        lambda connection: list_store.count_products(connection, of, archived=archived),
        lambda connection, count, order, offset, limit: list_store.products_in_order(
            connection, count, order, offset=offset, limit=limit
        ),
        after_id(following),
    )


@router.get("")
async def listing(request: Request, site: AtSite, session: Reader) -> Response:
    """The products, in the order of their names."""
    kept = {"archived": "1" if _archived(request) else ""}
    shown = await LIST.read(request, site, session, _source(request, session), kept)
    return pages.page(request, "products", archived=_archived(request), **shown)


@router.get(list_page.SHEET)
async def shown_sheet(request: Request, site: AtSite, session: Reader) -> Response:
    """The list as it is shown, as a sheet."""
    return LIST.sheet(request, site, _source(request, session), "products.csv")


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
    name, actor = str(members["name"]), session.actor
    alike = await site.read(lambda connection: products.alike(connection, name, actor))
    if alike and fields.get("sure") != "yes":
        return _new(request, site, fields, {}, alike)
    return await saving.added(
        site,
        session.actor,
        ROOM,
        fields,
        members,
        products.add,
        lambda faults: _new(request, site, fields, faults),
    )


def _new(
    request: Request,
    site: Site,
    fields: dict[str, str],
    faults: Faults,
    alike: Sequence[str] = (),
) -> Response:
    """The form for another product; *alike*: those that are called nearly so."""
    return pages.page(
        request,
        "product_new",
        409 if alike else edit_conflicts.status(faults),
        fields=fields,
        faults=faults,
        alike=alike,
        once=forms.new_once(site.random),
    )


@router.post("/{id}/archive")
async def archive(id: str, site: AtSite, session: Writer, _: Form) -> Response:
    """Let a product take no new licences."""
    return await _archive(site, session, row_id(id, "product"), archived=True)


@router.post("/{id}/unarchive")
async def unarchive(id: str, site: AtSite, session: Writer, _: Form) -> Response:
    """Let a product take new licences again."""
    return await _archive(site, session, row_id(id, "product"), archived=False)


async def _archive(site: Site, session: Session, number: int, *, archived: bool) -> Response:
    now, done = site.clock(), "archived" if archived else "unarchived"

    def work(connection: Connection) -> Product:
        name = find(connection, number, session).name
        return products.archive(connection, name, session.actor, now, archived=archived)

    await site.write(work)
    return RedirectResponse(f"{ROOM}/{number}?{done}=1", 303)


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

    def show(attempt: Attempt) -> Awaitable[Response]:
        return _one(request, site, session, number, attempt)

    return await save(site, session, number, fields, members, found, show)


async def _one(
    request: Request,
    site: Site,
    session: Session,
    number: int,
    attempt: Attempt | None = None,
) -> Response:
    """The page of a product, with what was not saved."""
    product = await site.read(lambda connection: find(connection, number, session))
    return pages.page(
        request,
        "product",
        product=product,
        defaults=products.defaults(product),
        plans=[(one, default_fields.shown(one.terms)) for one in plans.of(product).values()],
        warnings=_warnings(product),
        told=edit_conflicts.told(request),
        **saving.shown(_fields(product), products.etag(product), attempt),
    )


async def save(
    site: Site,
    session: Session,
    number: int,
    fields: dict[str, str],
    members: Mapping[str, Any],
    found: Faults,
    show: Callable[[Attempt], Awaitable[Response]],
    page: str = "",
) -> Response:
    """Change a product's *members*, unless somebody else did after the form was shown.

    It leads to this *page* of the product; else *show* says what was not saved, and why. *found*
    is what is wrong already.
    """

    def change(connection: Connection, now: int) -> None:
        name = find(connection, number, session).name
        products.change(connection, name, members, session.actor, now, fields.get("etag", ""))

    return await saving.changed(site, fields, found, f"{ROOM}/{number}{page}", change, show)


def find(connection: Connection, number: int, session: Session) -> Product:
    """The product in this row, which who is signed in may see. Raises NotFoundError."""
    product = catalog_store.product_by_id(connection, number)
    if product is None or not session.actor.may_use(product.name):
        raise NotFoundError(what="product", name=str(number))
    return product


def _read(members: dict[str, Any], fields: Mapping[str, str]) -> tuple[dict[str, Any], Faults]:
    """*members* with the rules that a form makes; and every field that is wrong, as they stand."""
    defaults, wrong = default_fields.read(fields)
    members = members | {name: fields.get(name, "").strip() or None for name in _TEXTS}
    rules: dict[str, Any] = {
        name: default_fields.number(fields.get(name, "").strip()) for name in _NUMBERS
    }
    rules |= {name: fields.get(name) == "yes" for name in _TRUTHS} | {"defaults": defaults}
    return members | rules, edit_conflicts.faults(products.read, members | rules) | wrong


def _fields(product: Product) -> dict[str, str]:
    """The fields of the form of *product*."""
    made = default_fields.shown(products.defaults(product))
    for name in _NUMBERS:
        value = getattr(product, name)
        made[name] = "" if value is None else str(value)
    made |= {name: getattr(product, name) or "" for name in _TEXTS}
    return made | {name: "yes" if getattr(product, name) else "" for name in _TRUTHS}


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

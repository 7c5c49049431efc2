"""``/customers`` and ``/products``."""

from collections.abc import Callable
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Depends, Request
from sqlalchemy import Connection
from starlette.responses import Response

from license_server.actor import Actor
from license_server.api import (
    PREFIX,
    messages,
    responses,
)
from license_server.api.auth import Needs, Reader
from license_server.api.catalog_responses import (
    Customer,
    CustomerPage,
    ErasedCustomer,
    Erasure,
    Product,
    ProductPage,
)
from license_server.api.operations import describe
from license_server.background import erasing
from license_server.catalog import (
    catalog_store,
    customers,
    merging,
    products,
)
from license_server.db.errors import InputInvalidError
from license_server.db.reply_store import Reply
from license_server.erasure import customer_erasure, reasons
from license_server.http.path_params import plain_name, row_id
from license_server.http.state import AtSite
from license_server.site import Site

router = APIRouter(prefix=PREFIX)
R = TypeVar("R", catalog_store.Customer, catalog_store.Product)
CustomerWriter = Annotated[Actor, Depends(Needs("customers:write"))]
Eraser = Annotated[Actor, Depends(Needs(customer_erasure.PERMISSION))]
ProductWriter = Annotated[Actor, Depends(Needs("products:write"))]


@router.get("/customers", tags=["customers"], openapi_extra=describe("customers.list"))
async def list_customers(request: Request, site: AtSite, actor: Reader) -> Response:
    """List customers by name."""
    given = messages.query(request)
    text, tag, archived = given.get("q"), given.get("tag"), _archived(given)
    return await _by_name(
        request,
        site,
        lambda c, id_: catalog_store.customer_by_id(c, id_, actor.products),
        lambda c, name, most: customers.listed(
            c, name, most, text, actor, archived=archived, tag=tag
        ),
        lambda rows, limit: messages.page(
            CustomerPage, rows, limit, lambda row: row.id, Customer.of
        ),
    )


@router.post(
    "/customers", status_code=201, tags=["customers"], openapi_extra=describe("customers.add")
)
async def add_customer(request: Request, site: AtSite, actor: CustomerWriter) -> Response:
    """Add a customer."""

    def add(connection: Connection, members: dict[str, Any], now: int) -> Reply:
        customer = customers.add(connection, members, actor, now)
        return _added(f"customers/{customer.id}", Customer.of(customer))

    return await messages.once(request, site, actor, add)


@router.get("/customers/{id}", tags=["customers"], openapi_extra=describe("customers.get"))
async def get_customer(id: str, site: AtSite, actor: Reader) -> Response:
    """Get a customer."""
    number = row_id(id, "customer")
    customer = await site.read(lambda connection: customers.seen(connection, number, actor))
    return messages.json_response(Customer.of(customer), customers.etag(customer))


@router.patch("/customers/{id}", tags=["customers"], openapi_extra=describe("customers.change"))
async def change_customer(
    id: str,
    request: Request,
    site: AtSite,
    actor: CustomerWriter,
) -> Response:
    """Change a customer (RFC 7396: null clears a field, an absent field stays)."""
    number, expected = row_id(id, "customer"), messages.expected(request)
    members, _ = await messages.body_of(request)
    now = site.clock()
    customer = await site.write(
        lambda connection: customers.change(connection, number, members, actor, now, expected)
    )
    return messages.json_response(Customer.of(customer), customers.etag(customer))


def _archiving(archived: bool, word: str) -> None:
    """The routes that archive a customer or a product, or take it out of the archive."""

    async def of_customer(id: str, site: AtSite, actor: CustomerWriter) -> Response:
        number, now = row_id(id, "customer"), site.clock()
        customer = await site.write(
            lambda c: customers.archive(c, number, actor, now, archived=archived)
        )
        return messages.json_response(Customer.of(customer), customers.etag(customer))

    async def of_product(name: str, site: AtSite, actor: ProductWriter) -> Response:
        plain_name(name, "product")
        now = site.clock()
        product = await site.write(
            lambda c: products.archive(c, name, actor, now, archived=archived)
        )
        return messages.json_response(Product.of(product), products.etag(product))

    rule = "It takes no new licences; those it has can be renewed, moved and changed."
    told = rule if archived else "It takes new licences again."
    for kind, path, do in (
        ("customers", "{id}", of_customer),
        ("products", "{name}", of_product),
    ):
        router.add_api_route(
            f"/{kind}/{path}/{word}",
            do,
            methods=["POST"],
            tags=[kind],
            name=f"{kind}-{word}",
            description=told,
            openapi_extra=describe(f"{kind}.{word}"),
        )


_archiving(True, "archive")
_archiving(False, "unarchive")


@router.post("/customers/{id}/merge", tags=["customers"], openapi_extra=describe("customers.merge"))
async def merge_customer(
    id: str, request: Request, site: AtSite, actor: CustomerWriter
) -> Response:
    """Merge a customer into another, which gets its licences, names, contact and notes.

    This cannot be undone. Sent again, it changes nothing.
    """
    number = row_id(id, "customer")
    members, _ = await messages.body_of(request)
    members = messages.known(members, ("into",))
    into, now = members.get("into"), site.clock()
    if not isinstance(into, int) or isinstance(into, bool):
        raise InputInvalidError(field="into", reason="it is not the id of a customer")

    def merge(connection: Connection) -> catalog_store.Customer:
        return merging.merge(connection, number, into, actor, now)

    customer = await site.write(merge)
    await site.write(lambda connection: merging.follow(connection, number, actor, now))
    return messages.json_response(Customer.of(customer), customers.etag(customer))


@router.get(
    "/customers/{id}/erasure", tags=["customers"], openapi_extra=describe("customers.erasure")
)
async def preview_erasure(id: str, site: AtSite, actor: Eraser) -> Response:
    """Tell what would be erased with a customer."""
    number, now = row_id(id, "customer"), site.clock()
    found = await site.read(
        lambda connection: customer_erasure.preview(connection, number, actor, now)
    )
    return messages.json_response(Erasure.of(found))


@router.post("/customers/{id}/erase", tags=["customers"], openapi_extra=describe("customers.erase"))
async def erase_customer(id: str, request: Request, site: AtSite, actor: Eraser) -> Response:
    """Erase a customer, from the audit log too.

    Numbers, products, dates and states of its licences stay. This cannot be undone. Sent again,
    it changes nothing. `live` says that licences in force are erased, too.
    """
    number = row_id(id, "customer")
    members, _ = await messages.body_of(request)
    members = messages.known(members, ("reason", "live"))
    reason = reasons.read(members)
    live = members.get("live")
    if live is not None and not isinstance(live, bool):
        raise InputInvalidError(field="live", reason="it is neither true nor false")

    now, although = site.clock(), live is True
    await site.write(lambda c: customer_erasure.begin(c, number, actor, now, reason, live=although))
    waits = await erasing.erase(site, customer_erasure.go_on, number, actor)
    customer = await site.read(lambda connection: customers.seen(connection, number, actor))
    erased = ErasedCustomer.of(customer, scrub_waits=waits)
    return messages.json_response(erased, customers.etag(customer))


@router.get("/products", tags=["products"], openapi_extra=describe("products.list"))
async def list_products(request: Request, site: AtSite, actor: Reader) -> Response:
    """List products by name."""
    archived = _archived(messages.query(request))
    return await _by_name(
        request,
        site,
        lambda c, id_: catalog_store.product_by_id(c, id_, actor.products),
        lambda c, name, most: catalog_store.products_after(
            c, name, most, actor.products, archived=archived
        ),
        lambda rows, limit: messages.page(ProductPage, rows, limit, lambda row: row.id, Product.of),
    )


@router.post(
    "/products", status_code=201, tags=["products"], openapi_extra=describe("products.add")
)
async def add_product(request: Request, site: AtSite, actor: ProductWriter) -> Response:
    """Add a product."""

    def add(connection: Connection, members: dict[str, Any], now: int) -> Reply:
        product = products.add(connection, members, actor, now)
        return _added(f"products/{product.name}", Product.of(product))

    return await messages.once(request, site, actor, add)


@router.get("/products/{name}", tags=["products"], openapi_extra=describe("products.get"))
async def get_product(name: str, site: AtSite, actor: Reader) -> Response:
    """Get a product."""
    plain_name(name, "product")
    product = await site.read(lambda connection: products.seen(connection, name, actor))
    return messages.json_response(Product.of(product), products.etag(product))


@router.patch("/products/{name}", tags=["products"], openapi_extra=describe("products.change"))
async def change_product(
    name: str, request: Request, site: AtSite, actor: ProductWriter
) -> Response:
    """Change a product's rules (RFC 7396); existing licences are not affected."""
    plain_name(name, "product")
    expected, (members, _) = messages.expected(request), await messages.body_of(request)
    now = site.clock()
    product = await site.write(
        lambda connection: products.change(connection, name, members, actor, now, expected)
    )
    return messages.json_response(Product.of(product), products.etag(product))


async def _by_name(
    request: Request,
    site: Site,
    by_id: Callable[[Connection, int], R | None],
    after: Callable[[Connection, str | None, int], list[R]],
    page: Callable[[list[R], int], Response],
) -> Response:
    """A page of rows in the order of their names.

    *by_id* finds the last row of the page before, *after* so many rows that follow its name, and
    *page* shows them, of which a last one too many says that there are more.
    """
    given = messages.query(request)
    limit, cursor = messages.limit(given), messages.before(given)

    def read(connection: Connection) -> list[R]:
        last = None if cursor is None else by_id(connection, cursor)
        return after(connection, None if last is None else last.name, limit + 1)

    return page(await site.read(read), limit)


def _archived(given: dict[str, str]) -> bool | None:
    """Whether only those in the archive are asked for, or those that are not; None: all.

    Raises InputInvalidError.
    """
    return messages.truth(given, "archived") if "archived" in given else None


def _added(place: str, told: Customer | Product) -> Reply:
    return Reply(201, f"{PREFIX}/{place}", responses.to_json(told))

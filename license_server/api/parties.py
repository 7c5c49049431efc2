"""``/customers`` and ``/products``."""

from typing import Annotated, Any

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
from license_server.api.catalog_responses import Customer, CustomerPage, Product, ProductPage
from license_server.api.operations import describe
from license_server.catalog import (
    catalog_store,
    customers,
    products,
)
from license_server.db.reply_store import Reply
from license_server.http.path_params import plain_name, row_id
from license_server.http.state import AtSite

router = APIRouter(prefix=PREFIX)
CustomerWriter = Annotated[Actor, Depends(Needs("customers:write"))]
ProductWriter = Annotated[Actor, Depends(Needs("products:write"))]


@router.get("/customers", tags=["customers"], openapi_extra=describe("customers.list"))
async def list_customers(request: Request, site: AtSite, actor: Reader) -> Response:
    """List customers by name."""
    given = messages.page_parameters(request, ("q",))
    limit, after = messages.limit(given), messages.before(given)

    def read(connection: Connection) -> list[catalog_store.Customer]:
        last = None if after is None else catalog_store.customer_by_id(connection, after)
        name = None if last is None else last.name
        return catalog_store.customers_after(
            connection, name, limit + 1, given.get("q"), actor.products
        )

    rows = await site.read(read)
    return messages.page(CustomerPage, rows, limit, lambda row: row.id, Customer.of)


@router.post(
    "/customers", status_code=201, tags=["customers"], openapi_extra=describe("customers.add")
)
async def add_customer(request: Request, site: AtSite, actor: CustomerWriter) -> Response:
    """Add a customer."""
    messages.parameters(request, ())

    def add(connection: Connection, members: dict[str, Any], now: int) -> Reply:
        customer = customers.add(connection, members, actor, now)
        told = responses.to_json(Customer.of(customer))
        return Reply(201, f"{PREFIX}/customers/{customer.id}", told)

    return await messages.once(request, site, actor, add)


@router.get("/customers/{id}", tags=["customers"], openapi_extra=describe("customers.get"))
async def get_customer(
    id: str,
    request: Request,
    site: AtSite,
    actor: Reader,
) -> Response:
    """Get a customer."""
    messages.parameters(request, ())
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
    messages.parameters(request, ())
    number, expected = row_id(id, "customer"), messages.expected(request)
    members, _ = await messages.body_of(request)
    now = site.clock()
    customer = await site.write(
        lambda connection: customers.change(connection, number, members, actor, now, expected)
    )
    return messages.json_response(Customer.of(customer), customers.etag(customer))


@router.get("/products", tags=["products"], openapi_extra=describe("products.list"))
async def list_products(request: Request, site: AtSite, actor: Reader) -> Response:
    """List products by name."""
    given = messages.page_parameters(request, ())
    limit, after = messages.limit(given), messages.before(given)

    def read(connection: Connection) -> list[catalog_store.Product]:
        last = None if after is None else catalog_store.product_by_id(connection, after)
        name = None if last is None else last.name
        return catalog_store.products_after(connection, name, limit + 1, actor.products)

    rows = await site.read(read)
    return messages.page(ProductPage, rows, limit, lambda row: row.id, Product.of)


@router.post(
    "/products", status_code=201, tags=["products"], openapi_extra=describe("products.add")
)
async def add_product(request: Request, site: AtSite, actor: ProductWriter) -> Response:
    """Add a product."""
    messages.parameters(request, ())

    def add(connection: Connection, members: dict[str, Any], now: int) -> Reply:
        product = products.add(connection, members, actor, now)
        told = responses.to_json(Product.of(product))
        return Reply(201, f"{PREFIX}/products/{product.name}", told)

    return await messages.once(request, site, actor, add)


@router.get("/products/{name}", tags=["products"], openapi_extra=describe("products.get"))
async def get_product(name: str, request: Request, site: AtSite, actor: Reader) -> Response:
    """Get a product."""
    messages.parameters(request, ())
    plain_name(name, "product")
    product = await site.read(lambda connection: products.seen(connection, name, actor))
    return messages.json_response(Product.of(product), products.etag(product))


@router.patch("/products/{name}", tags=["products"], openapi_extra=describe("products.change"))
async def change_product(
    name: str, request: Request, site: AtSite, actor: ProductWriter
) -> Response:
    """Change a product's rules (RFC 7396); existing licences are not affected."""
    messages.parameters(request, ())
    plain_name(name, "product")
    expected, (members, _) = messages.expected(request), await messages.body_of(request)
    now = site.clock()
    product = await site.write(
        lambda connection: products.change(connection, name, members, actor, now, expected)
    )
    return messages.json_response(Product.of(product), products.etag(product))

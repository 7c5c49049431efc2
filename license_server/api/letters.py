"""``/products/{name}/letters``: the texts of the letters that go with a product's licences."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from license_server.actor import Actor
from license_server.api import PREFIX, messages
from license_server.api.auth import Needs, Reader
from license_server.api.catalog_responses import Letters
from license_server.api.operations import describe
from license_server.catalog import letters, products
from license_server.http.path_params import plain_name
from license_server.http.state import AtSite

router = APIRouter(prefix=f"{PREFIX}/products", tags=["products"])
Writer = Annotated[Actor, Depends(Needs("products:write"))]


@router.get("/{name}/letters", openapi_extra=describe("products.letters"))
async def get(name: str, site: AtSite, actor: Reader) -> Response:
    """Get the letters of a product, by kind and language; the first line is the subject."""
    plain_name(name, "product")
    product = await site.read(lambda connection: products.seen(connection, name, actor))
    return messages.json_response(Letters.of(product), products.etag(product))


@router.patch("/{name}/letters", openapi_extra=describe("products.change_letters"))
async def change(name: str, request: Request, site: AtSite, actor: Writer) -> Response:
    """Change letters of a product (RFC 7396); null takes the default again.

    docs/DESK.md has the places in braces. A place that there is not is refused with its line.
    """
    plain_name(name, "product")
    expected, (members, _) = messages.expected(request), await messages.body_of(request)
    now = site.clock()
    product = await site.write(
        lambda connection: letters.change(connection, name, members, actor, now, expected)
    )
    return messages.json_response(Letters.of(product), products.etag(product))

"""``/api/v1/docs``: the API reference, a page that anyone may read. It is told what to show."""

from collections.abc import Sequence
from typing import Any, Protocol

from fastapi import APIRouter, Request
from starlette.responses import Response

from license_server.web import pages
from license_server.web.session import base_of

LABELS = {
    "licenses": "Licences",
    "customers": "Customers",
    "products": "Products",
    "proposals": "Proposals",
    "events": "Audit log",
    "checkpoints": "Checkpoints",
    "tokens": "API tokens",
    "people": "Users",
    "sheets": "Import and export",
}
"""What the operations of each tag are about: English; translated where it is shown."""


class Reference(Protocol):
    """What the page shows: operations in groups, and the problems that all of them have."""

    def groups(self) -> Sequence[Any]:
        """The groups, in their order."""

    def refusals_of_all(self) -> Sequence[Any]:
        """The problems that every operation answers with."""


def room(path: str, reference: Reference, description: str) -> APIRouter:
    """The page at *path*; tools read the same from the *description*."""
    anyone = APIRouter()

    @anyone.get(path)
    async def show(request: Request) -> Response:
        return pages.page(
            request,
            "api",
            groups=reference.groups(),
            of_all=reference.refusals_of_all(),
            labels=LABELS,
            base=base_of(request),
            description=description,
        )

    return anyone

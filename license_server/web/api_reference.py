"""``/api/v1/docs``: the API reference, which anyone may read. It is told what to show.

Two pages have the operations, another what replies are made of.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from fastapi import APIRouter, Request
from starlette.responses import Response

from license_server.web import pages
from license_server.web.session import base_of

LABELS = {
    "licenses": "Licences",
    "customers": "Customers",
    "products": "Products",
    "renewals": "Renewals",
    "requests": "Requests",
    "mails": "Mails",
    "proposals": "Proposals",
    "revocations": "Revocation lists",
    "events": "Audit log",
    "checkpoints": "Checkpoints",
    "tokens": "API tokens",
    "people": "Users",
    "portal": "Customer portal",
    "webhooks": "Webhooks",
    "jobs": "Many licences at once",
    "sheets": "Import and export",
}
"""What the operations of each tag are about: English; translated where it is shown."""
FIRST = ("licenses", "customers", "products", "proposals")
"""The groups of the first page; the others are on the second, so that both stay small."""


class Reference(Protocol):
    """What the page shows: operations in groups, and the problems that all of them have."""

    def groups(self) -> Sequence[Any]:
        """The groups, in their order."""

    def shapes(self) -> Mapping[str, str]:
        """What replies are made of, each object by its name."""

    def refusals_of_all(self) -> Sequence[Any]:
        """The problems that every operation answers with."""

    def refusals_of_issuing(self) -> Sequence[Any]:
        """The problems that every operation which issues a licence answers with."""

    def refusals_of_keyed(self) -> Sequence[Any]:
        """The problems that every operation which takes an ``Idempotency-Key`` answers with."""


def room(path: str, reference: Reference, description: str) -> APIRouter:
    """The pages at *path* and below; tools read the same from the *description*."""
    anyone = APIRouter()
    replies, more = f"{path}/replies", f"{path}/more"

    def shown(request: Request, here: str) -> Response:
        groups = reference.groups()
        return pages.page(
            request,
            "api",
            contents=[(path if one.name in FIRST else more, one) for one in groups],
            groups=[one for one in groups if (one.name in FIRST) == (here == path)],
            page=here,
            of_all=reference.refusals_of_all(),
            of_keyed=reference.refusals_of_keyed(),
            of_issuing=reference.refusals_of_issuing(),
            labels=LABELS,
            base=base_of(request),
            description=description,
            replies=replies,
        )

    @anyone.get(path)
    async def show(request: Request) -> Response:
        return shown(request, path)

    @anyone.get(more)
    async def show_more(request: Request) -> Response:
        return shown(request, more)

    @anyone.get(replies)
    async def show_replies(request: Request) -> Response:
        return pages.page(request, "api_replies", shapes=reference.shapes(), operations=path)

    return anyone

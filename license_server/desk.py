"""The desk: what was typed before, and what an operator's request completes."""

from typing import Any, NamedTuple

from sqlalchemy import Connection

from license_core.request import LicenseRequest
from license_server.store import parties

_MOST_NAMES = 500


class Names(NamedTuple):
    """What was typed before, to choose from."""

    customers: list[str]
    products: list[str]


def names(connection: Connection) -> Names:
    """The customers and products that are known."""
    return Names(*parties.names(connection, _MOST_NAMES))


def completed(members: dict[str, Any], request: LicenseRequest) -> dict[str, Any]:
    """*members* with what the operator's own request says where the form says nothing."""
    said = {"customer": request.customer, "product": request.product}
    return {name: value for name, value in said.items() if value} | members

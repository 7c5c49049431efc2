"""A form for a licence as it stands: what was pasted says, who has it, what it would issue."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from sqlalchemy import Connection

from license_core.errors import LicenseError
from license_core.request import LicenseRequest, parse
from license_server.actor import Actor
from license_server.catalog import products
from license_server.catalog.catalog_store import Product
from license_server.licenses import (
    lookup,
    planning,
    tolerance,
)
from license_server.licenses.acts import ISSUE
from license_server.licenses.lookup import Known
from license_server.licenses.planning import ActRequest, Plan
from license_server.licenses.tolerance import Tolerance
from license_server.web import forms


class Reading(NamedTuple):
    """A form that nobody has sent yet, as far as it can be understood."""

    request: LicenseRequest | None
    """What the operator's text says."""
    error: LicenseError | None
    """Why the text cannot be read; None for a blank one too."""
    tolerance: Tolerance | None
    known: Known
    standards: dict[str, str]
    """Field to what is taken where it is left blank."""


class Look(NamedTuple):
    """A form that can be issued as it stands."""

    plan: Plan
    members: dict[str, Any]
    """Of its order, with the product's defaults."""


def of(connection: Connection, fields: Mapping[str, str], now: int) -> Reading:
    """What *fields* mean at the instant *now*."""
    request, error = _request(fields.get("host", ""))
    customer = _typed(fields, "customer") or (request and request.customer) or ""
    product = _typed(fields, "product") or (request and request.product) or ""
    known = lookup.known(connection, request and request.key, customer, product, now)
    return Reading(
        request=request,
        error=error,
        tolerance=tolerance.of(request) if request else None,
        known=known,
        standards=standards(request, known.product),
    )


def look(connection: Connection, fields: Mapping[str, str], actor: Actor, now: int) -> Look:
    """What *fields* would issue. Raises what forms.order and acts.plan raise."""
    _, members = forms.order(fields, now, products.finder(connection))
    plan = planning.plan(connection, ActRequest(ISSUE, members), actor, now, with_notices=True)
    return Look(plan, members)


def outlook(
    connection: Connection, fields: Mapping[str, str], actor: Actor, now: int
) -> Plan | None:
    """What *fields* would issue; None while something is missing or wrong, as it will be told."""
    try:
        return look(connection, fields, actor, now).plan
    except LicenseError:
        return None


def standards(request: LicenseRequest | None, product: Product | None) -> dict[str, str]:
    """What is taken for each field that is left blank, as the form would have it typed."""
    members: dict[str, Any] = {"days": forms.DAYS} | products.defaults(product)
    if request is not None:
        members = {"customer": request.customer, "product": request.product} | members
    return {name: forms.typed(value) for name, value in members.items() if value is not None}


def _request(text: str) -> tuple[LicenseRequest | None, LicenseError | None]:
    if not text.strip():
        return None, None
    try:
        return parse(text), None
    except LicenseError as error:
        return None, error


def _typed(fields: Mapping[str, str], name: str) -> str:
    return fields.get(name, "").strip()

"""When a product reminds of what expires, at the desk: the days, and an example of them."""

import re
from collections.abc import Awaitable, Mapping
from datetime import date, timedelta
from typing import Annotated, Any, NamedTuple

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from license_server.access.sessions import Session
from license_server.catalog import products, reminders, typed
from license_server.catalog.catalog_store import Product
from license_server.catalog.reminders import Rules
from license_server.http.path_params import row_id
from license_server.http.state import AtSite
from license_server.renewals import schedule
from license_server.site import Site
from license_server.web import edit_conflicts, pages, saving
from license_server.web.products import ROOM, find, save
from license_server.web.reader import Reader as WhoReads
from license_server.web.saving import Attempt
from license_server.web.session import Form, May

USUAL = "90, 30, 7, -1"
_DAY = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}")

router = APIRouter(prefix=ROOM + "/{id}/reminders")
Reader = Annotated[Session, Depends(May("licenses:read"))]
Writer = Annotated[Session, Depends(May("products:write"))]


class Example(NamedTuple):
    """A reminder of a licence that is made up."""

    days: int
    """Before its last day; under 0: after it."""
    day: date
    """On which it goes out."""
    is_moved: bool
    """Because its own day is quiet."""


@router.get("")
async def show(id: str, request: Request, site: AtSite, session: Reader) -> Response:
    """When a product reminds."""
    return await _show(request, site, session, row_id(id, "product"))


@router.post("")
async def change(
    id: str, request: Request, site: AtSite, session: Writer, fields: Form
) -> Response:
    """Change that, unless somebody else changed the product after the form was shown."""
    number = row_id(id, "product")
    members = {"reminders": _members(fields)}

    def again(attempt: Attempt) -> Awaitable[Response]:
        return _show(request, site, session, number, attempt)

    found = edit_conflicts.faults(products.read, members)
    return await save(site, session, number, fields, members, found, again, "/reminders")


def _members(fields: Mapping[str, str]) -> dict[str, Any] | None:
    """The rules that a form makes; None: no days."""
    days = [typed.number(one) for one in typed.words(fields.get("days", ""))]
    dates = [_date(one) for one in typed.words(fields.get("quiet_dates", ""))]
    if not days:
        return None
    weekends = fields.get("quiet_weekends") == "yes"
    return {"days": days, "quiet_weekends": weekends, "quiet_dates": dates}


def _date(text: str) -> str:
    """A day as people type it, or a span of two with a slash between."""
    day = typed.day(text)
    first, sign, last = text.partition("/")
    if _DAY.fullmatch(day) or not sign:
        return day
    return f"{typed.day(first)}/{typed.day(last)}"


def _fields(product: Product) -> dict[str, str]:
    rules = reminders.of(product)
    if rules is None:
        return {"days": "", "quiet_weekends": "", "quiet_dates": ""}
    told = rules.told()
    return {
        "days": ", ".join(map(str, told["days"])),
        "quiet_weekends": "yes" if told["quiet_weekends"] else "",
        "quiet_dates": ", ".join(told["quiet_dates"]),
    }


async def _show(
    request: Request, site: Site, session: Session, number: int, attempt: Attempt | None = None
) -> Response:
    product = await site.read(lambda connection: find(connection, number, session))
    rules = reminders.of(product)
    today = WhoReads.of(request, site.settings.time_zone).at(site.clock()).date()
    last = today + timedelta(max((0, *rules.days)) + 1 if rules else 1)
    return pages.page(
        request,
        "product_reminders",
        product=product,
        rules=rules,
        usual=USUAL,
        hour=schedule.HOUR,
        example=last,
        examples=_examples(rules, last) if rules else [],
        sends=site.settings.sends_mail,
        told=edit_conflicts.told(request),
        **saving.shown(_fields(product), products.etag(product), attempt),
    )


def _examples(rules: Rules, last: date) -> list[Example]:
    """The reminders of a licence with this *last* day."""
    found = []
    for days in rules.days:
        own = last - timedelta(days)
        day = schedule.moved(rules, own, later=days < 0)
        found.append(Example(days, day, day != own))
    return found

"""``/renewals``: what expires, by customer, and what was reminded of; many are renewed here."""

from collections.abc import Sequence
from typing import Annotated, Any, NamedTuple
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Request
from sqlalchemy import Connection
from starlette.responses import Response

from license_server.access.sessions import Session
from license_server.catalog import offered, owner_store
from license_server.catalog.catalog_store import Customer
from license_server.db.questions import Questions, ask_all, known
from license_server.http import cursors
from license_server.http.state import AtSite
from license_server.licenses.acts import RENEW
from license_server.renewals import listing, reminder_store
from license_server.renewals.listing import DueLicense, Wanted
from license_server.renewals.span import ENDED_DAYS, USUAL_DAYS
from license_server.web import outbox_list, pages
from license_server.web.session import May, on_one_line

RENEWALS = "/renewals"
SPANS = (30, 90, 180, 365)
"""Until so many days from today."""
_PAGE = 200
_MOST_OFFERED = 50
_LONGEST = 200

router = APIRouter(prefix=RENEWALS)
Reader = Annotated[Session, Depends(May("licenses:read"))]


class Group(NamedTuple):
    """The licences of one customer."""

    customer: Customer
    licenses: list[DueLicense]

    @property
    def owners(self) -> list[str]:
        """Whom reminders of them tell."""
        return list(dict.fromkeys(one.owner for one in self.licenses if one.owner is not None))

    @property
    def why_not(self) -> str | None:
        """Why no reminder is mailed to the customer."""
        return self.licenses[0].why_not


@router.get("")
async def due(request: Request, site: AtSite, session: Reader) -> Response:
    """What expires soon, or has just expired, in the order of its end."""
    query, now, of = request.query_params, site.clock(), session.actor.products
    fields = {
        name: on_one_line(query.get(name, "")[:_LONGEST]).strip()
        for name in ("product", "customer", "owner")
    }
    span = query.get("days", "")
    days = int(span) if span in map(str, SPANS) else USUAL_DAYS
    wanted = Wanted(days, *(fields[name] or None for name in ("product", "customer", "owner")))
    cursor = query.get("cursor")
    after = cursors.read(cursor) if cursor else None

    beside: Questions = {
        "products": offered.some_products(_MOST_OFFERED + 1, of),
        "users": known([]) if of is not None else owner_store.all_who_may(_MOST_OFFERED),
    }

    def read(connection: Connection) -> tuple[list[DueLicense], bool, dict[str, Any]]:
        rows = listing.due(connection, wanted, session.actor, now, after=after, limit=_PAGE + 1)
        reminds = bool(reminder_store.reminding_products(connection))
        return rows, reminds, ask_all(connection, beside)

    rows, reminds, choices = await site.read(read)
    products = [one.name for one in choices["products"]]
    shown = rows[:_PAGE]
    kept = {name: text for name, text in fields.items() if text}
    if days != USUAL_DAYS:
        kept["days"] = str(days)
    more = None
    if len(rows) > _PAGE:
        further = kept | {"cursor": cursors.write(shown[-1].stored.id)}
        more = f"{RENEWALS}?{urlencode(further)}"
    return pages.page(
        request,
        "renewals",
        groups=_groups(shown),
        count=len(shown),
        fields=fields | {"days": str(days)},
        spans=SPANS,
        kept=kept,
        products=products if len(products) <= _MOST_OFFERED else None,
        users=choices["users"],
        first=f"{RENEWALS}{'?' + urlencode(kept) if kept else ''}" if cursor else None,
        more=more,
        mail_states=outbox_list.STATES,
        sends=site.settings.sends_mail,
        reminds=reminds,
        may_renew=RENEW.permission in session.actor.permissions,
        ended_days=ENDED_DAYS,
    )


def _groups(rows: Sequence[DueLicense]) -> list[Group]:
    """*rows* by customer, in the order of the first that ends."""
    found: dict[int, Group] = {}
    for one in rows:
        group = found.setdefault(one.stored.customer_id, Group(one.customer, []))
        group.licenses.append(one)
    return list(found.values())

"""The page of a customer: who they are, what holds, what ends next, what happened last."""

from datetime import date, timedelta
from typing import Any, NamedTuple

from fastapi import Request
from sqlalchemy import Connection
from starlette.responses import RedirectResponse, Response

from license_server.access.sessions import Session
from license_server.audit import audit_store, changes
from license_server.audit.audit_store import Doer, Event
from license_server.catalog import customers, mail_domains, owner_store, tags
from license_server.catalog.catalog_store import Customer
from license_server.db.questions import Questions, ask_all
from license_server.http import cursors
from license_server.licenses import license_store, term_days, totals_store, trails
from license_server.licenses.license_store import StoredLicense
from license_server.licenses.search import Filter
from license_server.licenses.statistics import SOON_DAYS
from license_server.licenses.totals_store import Holdings
from license_server.site import Site
from license_server.web import change_labels, edit_conflicts, pages, saving
from license_server.web.reader import Reader
from license_server.web.saving import Attempt

_PAGE = 20
_FEW = 5
_EVENTS = 8
OFFERED = 200
"""So many users are offered as owners."""
LIVE, ALL = "active", "all"
"""Which licences are listed: those that are valid or in grace, or all."""


class Known(NamedTuple):
    """What the ledger knows of a customer, as far as somebody may see it."""

    customer: Customer
    former_names: list[str]
    holdings: Holdings
    next: list[StoredLicense]
    """Those that end next."""
    listed: str
    """LIVE or ALL."""
    licenses: list[StoredLicense]
    below: int | None
    """Under which id the list of them goes on."""
    events: list[Event]
    changed: dict[int, list[changes.Change]]
    """What each of these events changed."""
    people: list[Doer]
    """Who did something for them."""
    users: list[str]
    """Who can be its owner."""


def read(
    connection: Connection,
    number: int,
    session: Session,
    now: int,
    today: date,
    asked: str,
    before: int | None,
) -> Known:
    """What is known of the customer in this row; *asked*: which licences, LIVE or ALL.

    Raises NotFoundError.
    """
    of = session.actor.products
    customer = customers.seen(connection, number, session.actor)
    soon = term_days.number_of(today) + SOON_DAYS
    holdings = totals_store.of_customer(connection, number, of, now, soon, _FEW)
    live = holdings.sum.valid + holdings.sum.grace if holdings.totals else 0
    listed = asked if asked in (LIVE, ALL) else LIVE if live else ALL
    wanted = Filter(customers=(number,), products=of, state=LIVE if listed == LIVE else None)
    rows, below = license_store.listed(
        connection, wanted, now, before=before, limit=_PAGE, patient=True
    )
    ends = {one.number: one for one in license_store.by_numbers(connection, holdings.next)}
    its = trails.of_customer(connection, number)
    about = its.events(customer)
    if of is not None:  # nothing of what was noted of the customer, or done for others
        mine = license_store.listed(
            connection, wanted._replace(state=None), now, before=None, limit=_PAGE
        )
        about = about._replace(subjects=[one.number for one in mine.rows])
    events = audit_store.events(connection, about, before=None, limit=_EVENTS)
    changed = changes.of_events(connection, events)
    people: Questions = {
        "people": audit_store.doers(about, _FEW),
        "users": owner_store.all_who_may(OFFERED),
    }
    return Known(
        customer=customer,
        former_names=its.former if of is None else [],
        holdings=holdings,
        next=[ends[one] for one in holdings.next if one in ends],
        listed=listed,
        licenses=rows,
        below=below,
        events=events,
        changed={id_: list(map(change_labels.apart, told)) for id_, told in changed.items()},
        **ask_all(connection, people),
    )


async def show(
    request: Request,
    site: Site,
    session: Session,
    number: int,
    attempt: Attempt | None = None,
) -> Response:
    """The page of a customer, with what was not saved."""
    now, query = site.clock(), request.query_params
    cursor = query.get("cursor")
    before = cursors.read(cursor) if cursor else None
    asked = query.get("state", "")
    today = Reader.of(request, site.settings.time_zone).at(now).date()
    known = await site.read(lambda c: read(c, number, session, now, today, asked, before))
    customer, sheet = known.customer, {"customer": known.customer.name}
    if customer.merged_into is not None:
        return RedirectResponse(f"/customers/{customer.merged_into}", 303)
    return pages.page(
        request,
        "customer",
        **known._asdict(),
        tags=tags.of(customer.tags),
        domains=mail_domains.of(customer.domains),
        sheet=sheet if known.listed == ALL else sheet | {"state": LIVE},
        older=None if known.below is None else cursors.write(known.below),
        is_first=before is None,
        soon={
            "state": "valid",
            "expires_from": today.isoformat(),
            "expires_until": (today + timedelta(SOON_DAYS)).isoformat(),
        },
        soon_days=SOON_DAYS,
        most=totals_store.MOST,
        told=edit_conflicts.told(request),
        **saving.shown(fields_of(customer), customers.etag(customer), attempt),
    )


def members_of(fields: dict[str, str]) -> dict[str, Any]:
    """The members of a customer that a form makes: what is blank is empty."""
    members: dict[str, Any] = {name: fields.get(name, "").strip() for name in customers.MEMBERS}
    members["notes"] = members["notes"].replace("\r\n", "\n")
    members["tags"] = tags.split(members["tags"])
    members["no_reminders"] = members["no_reminders"] == "yes"
    members["domains"] = mail_domains.split(members["domains"])
    return {name: value or None for name, value in members.items()}


def fields_of(customer: Customer) -> dict[str, str]:
    """The fields of the form of *customer*."""
    made = {name: getattr(customer, name) or "" for name in customers.MEMBERS}
    wants_none = "yes" if customer.no_reminders else ""
    domains = ", ".join(mail_domains.of(customer.domains))
    lists = {"tags": ", ".join(tags.of(customer.tags)), "domains": domains}
    return made | lists | {"no_reminders": wants_none}

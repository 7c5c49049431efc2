"""Addresses of every route that is asked for with GET, at a furnished vendor.

Of each route those that ask for the most: what is full, filtered, searched and sorted.
"""

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple
from urllib.parse import urlencode

from license_server.access import calendar_feeds
from tests.support import portal
from tests.support.desk import Desk
from tests.support.desk_forms import host, upload
from tests.support.desk_user import DeskUser
from tests.support.furnished import CHINESE, Furnished
from tests.support.ledger import line
from tests.support.portal import Invited
from tests.support.routes import ROWS

SOUGHT = ("no such thing", "studio", "studio2", "HS-", "5591", "a", "studio 2 gpu", "zz 12345678")
"""What people type into a search."""
_TYPED = tuple(urlencode({"q": text}) for text in SOUGHT)
_ENDS = "expires_from=2026-12-01&expires_until=2026-12-31"
_OF = urlencode({"customer": CHINESE})
_ORDER = urlencode({"host": line(26), "customer": CHINESE, "product": "darwin", "days": 30})
_LICENCES = (
    *("", "state=active", "state=suspended", "state=grace", _ENDS),
    *("product=darwin", "product=darwin&state=suspended", "product=darwin&plan=Pro"),
    f"product=darwin&{_OF}&state=valid",
    *_TYPED,
)
_SORTED = (f"{_OF}&{_ENDS}&state=valid&sort=customer", "product=darwin&sort=number")
QUERIES: dict[str, tuple[str, ...]] = {
    "/licenses": (*_LICENCES, *_SORTED, "product=darwin&state=valid&columns=features"),
    "/sheets/licenses.csv": ("", *_SORTED, *_TYPED[:3]),
    "/api/v1/licenses": (*_LICENCES, "host_key=5591&product=darwin"),
    "/find": _TYPED,
    "/api/v1/find": _TYPED,
    "/customers": ("", *_TYPED[:5], "tag=vip&sort=created_at"),
    "/api/v1/customers": ("", *_TYPED[:5]),
    "/requests": ("", "state=all", "state=issued&sort=customer"),
    "/record": ("", _OF, "action=license.issued", "subject=ACME&sort=at"),
    "/record/list.csv": ("", _OF),
    "/renewals": ("", _OF, "product=darwin"),
    "/outbox": ("", "state=failed", "q=li"),
    "/deliveries": ("", "webhook=1&state=failed"),
    "/licenses/new": ("", "request=1", "request=4", "like={number}", _ORDER),
    "/licenses/{number}": ("", "send=1", "send=1&request=1"),
    "/licenses/many": ("act=renew&scope=chosen&number={number}", "act=revoke&scope=all&q=HS-"),
    "/licenses/send": ("scope=chosen&number={number}", "scope=all&q=HS-"),
    "/licenses/export": (
        "form=csv&scope=chosen&number={number}",
        "form=zip&scope=chosen&number={number}",
    ),
    "/proposals/chosen": ("id=3", "id=3&id=4&id=5"),
    "/portal/requests/new": ("wish=license", "wish=move&license={anchored}"),
    "/portal/open": ("secret={portal}",),
    "/invitation": ("secret={invitation}",),
}
"""What is asked for at a route, where that is more than the bare path."""
LEADS_ON = (
    *("/login/openid", "/login/openid/return", "/login/code", "/views", "/preferences"),
    *("/portal/preferences", "/metrics", "/sheets/jobs/{id}/progress"),
    *("/deliveries/{id}", "/api/v1/webhooks/{id}/deliveries/{delivery}"),
)
"""What leads elsewhere, is closed to who is signed in, or is not always there."""
_HELD = {
    "/licenses/{number}/reinstate": "suspended",
    "/licenses/{number}/unrevoke": "revoked",
    "/licenses/{number}/stop-gap": "in_grace",
    "/portal/licenses/{number}": "anchored",
    "/portal/licenses/{number}/license.dat": "anchored",
    "/portal/api/licenses/{number}/license.dat": "anchored",
}
"""The licence that is looked at, where it is not one with a long life."""
_ROWS = {
    "/customers/{id}": ("1", "2"),
    "/requests/{id}": ("1", "2", "3", "4", "7"),
    "/api/v1/requests/{id}": ("1", "2", "3", "4", "7"),
    "/portal/requests/{id}": ("7",),
    "/portal/api/requests/{id}": ("7",),
    "/proposals/{id}": ("1", "2", "3", "5"),
}
"""The rows that are looked at, where that is more than one, or another than the first."""


class Address(NamedTuple):
    """What is asked for."""

    route: str
    path: str
    """With its query."""
    headers: Mapping[str, str]
    """What says who asks, beside the cookies."""


def every(desk: Desk, made: Furnished) -> Iterator[Address]:
    """All of them. Whoever is at the desk may do everything, and is in the portal."""
    admin, values = DeskUser(desk), _values(made)
    job = upload(admin, f"customer,product,host,days\nACME,darwin,{host()},30\n")
    names = upload(admin, "name,language\nSomebody,en\n")
    wanted = {"act": "revoke", "licenses": [made.valid], "order": {"reason": "broken"}}
    program = desk.client.post("/api/v1/jobs", json=wanted, headers=desk.bearer)
    assert program.status_code < 300, program.text
    more = {
        "/sheets/jobs": _last(job),
        "/sheets/customers": _last(names),
        "/licenses/preview": _last(_looked_at(admin)),
        "/api/v1/jobs": str(program.json()["id"]),
        "/tokens": _first(admin, "/tokens"),
    }
    values |= {
        "secret": desk.site.database.write(
            lambda c: calendar_feeds.make(c, admin.session, "en", desk.clock.now, desk.site.random)
        ),
    }
    inside, _ = portal.enter(desk, Invited(0, "", 0, made.portal))
    desk.client.cookies.set(portal.SESSION, inside)
    admin.enter()
    bearers = {"/api/": desk.bearer, "/portal/api/": {"Authorization": f"Bearer {made.portal}"}}
    for row in ROWS:
        method, route = row.split()
        if method != "GET" or route in LEADS_ON:
            continue
        headers = next((of for begin, of in bearers.items() if route.startswith(begin)), {})
        own = next((id_ for begin, id_ in more.items() if route.startswith(f"{begin}/{{")), "1")
        held = {"number": getattr(made, _HELD.get(route, "rehosted"))}
        for id_ in _ROWS.get(route, (own,)):
            here = values | held | {"id": id_, "name": _name(route)}
            for query in QUERIES.get(route, ("",)):
                asked = f"{route}?{query}" if query else route
                yield Address(route, re.sub(r"\{(\w+)\}", lambda of: here[of[1]], asked), headers)  # noqa: B023


def _values(made: Furnished) -> dict[str, str]:
    """What stands in addresses in place of a name in braces."""
    of = {"anchored": made.anchored, "portal": made.portal, "invitation": made.invitation}
    return of | {"kind": "issued", "slug": "wrong-host"}


def _name(route: str) -> str:
    if "/static/" in route:
        return "desk.css"
    return "root.pub.pem" if route.startswith("/keys/") else "darwin"


def _first(admin: DeskUser, room: str) -> str:
    """What names the first thing that a list leads to."""
    found = re.search(rf'href="{room}/([\w-]+)"', admin.get(room).text)
    assert found, room
    return found[1]


def _last(path: str) -> str:
    return path.rpartition("/")[2]


def _looked_at(admin: DeskUser) -> str:
    """Where an order is that was looked at before it is issued."""
    typed = {"host": line(26), "customer": CHINESE, "product": "darwin", "days": "30"}
    typed |= {"term": "days", "time_zone": "UTC", "match": "exact"}
    reply = admin.send(admin.get("/licenses/new").text, "/licenses/preview", **typed)
    assert reply.status_code == 303, reply.text
    return str(reply.headers["location"])

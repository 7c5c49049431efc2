"""Customers, links and visits of the customer portal."""

from typing import Any, NamedTuple

from license_server.actor import COMMAND, Actor
from license_server.catalog import customers
from license_server.portal import links, visits
from tests.support.desk import Desk, unique

API = "/portal/api"
SESSION = "hostseal_portal"
"""The cookie."""


class Invited(NamedTuple):
    """A customer who was invited: their row, name, and the secret of a link."""

    id: int
    name: str
    link: int
    secret: str

    @property
    def bearer(self) -> dict[str, str]:
        """The headers of their programs."""
        return {"Authorization": f"Bearer {self.secret}"}


def customer(desk: Desk, **members: Any) -> tuple[int, str]:
    """A new customer: their row and name."""
    name = unique(desk, "Nordlicht")
    made = desk.site.database.write(
        lambda c: customers.add(c, {"name": name} | members, COMMAND, desk.clock.now)
    )
    return made.id, name


def invite(desk: Desk, id_: int, name: str = "", actor: Actor = COMMAND, **members: Any) -> Invited:
    """Another link for this customer."""
    asked = links.read(members)
    secret, link = desk.site.database.write(
        lambda c: links.invite(c, id_, asked, actor, desk.clock.now, desk.site.random, 30)
    )
    return Invited(id_, name, link.id, secret)


def invited(desk: Desk, **members: Any) -> Invited:
    """A new customer with a link."""
    id_, name = customer(desk, **members)
    return invite(desk, id_, name)


def enter(desk: Desk, of: Invited) -> tuple[str, str]:
    """Come into the portal: the secret of the session, and the token of its forms."""
    visit = desk.site.database.write(
        lambda c: visits.enter(c, of.secret, desk.clock.now, 12, desk.site.random, "192.0.2.1")
    )
    return visit.secret, visit.form_token


def issue(desk: Desk, customer: str, host: str, **members: Any) -> str:
    """A licence for a customer; its number."""
    wanted = {"customer": customer, "product": "darwin", "host": host, "days": 90} | members
    reply = desk.client.post("/api/v1/licenses", json=wanted, headers=desk.bearer)
    assert reply.status_code == 201, reply.text
    return str(reply.json()["id"])

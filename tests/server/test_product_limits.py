"""What a token that is limited to products may see and change: each cell is really called.

Behind each id stands something of its own product, something that it shares with others, and
something of others only. What is of others is answered as what does not exist, byte for byte.
"""

import json
import os
import re
from typing import Any

import pytest

from license_server.actor import COMMAND
from license_server.api import PREFIX
from license_server.catalog import customers, products
from license_server.http import cursors
from license_server.mail import outbox
from license_server.mail.outbox import Draft
from license_server.permissions import PERMISSIONS, WHOLE
from tests.support.api import bearer
from tests.support.desk import Desk
from tests.support.postgres import on_sqlite
from tests.support.product_limits import (
    BARE,
    CELLS,
    KINDS,
    MISSING,
    NOBODYS,
    NOTHING,
    OURS,
    REFUSED,
    SHARED,
    TAKEN,
    THEIRS,
    UNKNOWN,
    YES,
)
from tests.support.routes import ANYONE, ROWS

STATUS = {BARE: {200}, UNKNOWN: {404}, REFUSED: {403}, TAKEN: {409}, YES: {200, 201, 202}}
STATUS |= {NOTHING: {200, 201}}
LISTS = {row for row in CELLS if row.startswith("GET") and "{" not in row}
SCOPES = sorted(PERMISSIONS.keys() - WHOLE)
CONTACT = {"contact_name": "Contact", "contact_email": "c@example.com", "notes": "Notes"}


class Things:
    """Something of each kind, made anew where a route uses it up."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.mark = os.urandom(5).hex()
        self.ours, self.theirs = f"ours-{self.mark}", f"secret-product-{self.mark}"
        self.every = bearer(desk, *PERMISSIONS)
        for name in (self.ours, self.theirs):
            for needs in (False, True):
                self.product(f"{name}-asked" if needs else name, needs_approval=needs)
        self.customers = {kind: self.customer(kind) for kind in KINDS}
        for kind, of in ((OURS, self.ours), (SHARED, self.ours), (SHARED, self.theirs)):
            self.issue(of, self.name(kind))
        self.issue(self.theirs, self.name(THEIRS))

    def product(self, name: str, **rules: Any) -> None:
        members = {"name": name} | rules
        self.desk.site.database.write(
            lambda c: products.add(c, members, COMMAND, self.desk.clock.now)
        )

    def name(self, kind: str) -> str:
        secret = "Secret " if kind in (THEIRS, NOBODYS, MISSING) else ""
        return f"{secret}{kind.title()} {self.mark}"

    def customer(self, kind: str) -> int:
        secret = "" if kind == OURS else f"secret-{kind}-"
        members: dict[str, Any] = {name: f"{secret}{value}" for name, value in CONTACT.items()}
        members |= {"name": self.name(kind), "language": "zh"}
        added = self.desk.site.database.write(
            lambda c: customers.add(c, members, COMMAND, self.desk.clock.now)
        )
        return added.id

    def send(self, method: str, path: str, headers: dict[str, str], body: Any = None) -> Any:
        return self.desk.client.request(method, f"{PREFIX}{path}", headers=headers, json=body)

    def order(self, product: str, customer: str) -> dict[str, Any]:
        host = json.dumps([os.urandom(20).hex(), "box"])
        return {"customer": customer, "product": product, "days": 30, "host": host}

    def issue(self, product: str, customer: str) -> str:
        reply = self.send("POST", "/licenses", self.every, self.order(product, customer))
        assert reply.status_code in (201, 202), reply.text
        return str(reply.json()["id"])

    def product_of(self, kind: str) -> str:
        return {OURS: self.ours, THEIRS: self.theirs}.get(kind, f"secret-{self.mark}")

    def call(self, row: str, kind: str) -> tuple[str, str, Any]:
        """Method, path and body of a request of *row* for a thing of this *kind*."""
        method, path = row.split()
        path = path.removeprefix(PREFIX)
        if "{number}" in path:
            return method, path.replace("{number}", self.number(kind, path)), self.body(path)
        if path.endswith("/merge"):
            source = self.fresh() if kind == OURS else self.customers.get(kind, 999_999_999)
            return method, path.replace("{id}", str(source)), {"into": self.fresh()}
        if path.endswith("archive"):
            id_ = str(self.customers.get(kind, 999_999_999))
            path = path.replace("{id}", id_).replace("{name}", self.product_of(kind))
            return method, path, None
        if path.endswith("/portal-links"):
            id_ = str(self.customers.get(kind, 999_999_999))
            return method, path.replace("{id}", id_), {"POST": {}}.get(method)
        if path.startswith("/customers"):
            id_ = str(self.customers.get(kind, 999_999_999))
            another = f" {os.urandom(3).hex()}" if kind == MISSING else ""
            added = {"name": f"{self.name(kind)}{another}"}
            changed = {"notes": "Notes"}
            return method, path.replace("{id}", id_), {"POST": added, "PATCH": changed}.get(method)
        if path.startswith("/products"):
            letter = {"moved": {"en": "X"}}
            rules: Any = letter if path.endswith("/letters") else {"rehosts": 9}
            body = {"POST": {"name": self.product_of(kind)}, "PATCH": rules}.get(method)
            return method, path.replace("{name}", self.product_of(kind)), body
        if path.startswith("/proposals/"):
            asked = f"{self.product_of(kind)}-asked"
            id_ = "999999999" if kind == MISSING else self.issue(asked, self.name(kind))
            return method, path.replace("{id}", id_), None if method == "GET" else {"reason": "x"}
        if path == "/requests":
            order = self.order(self.product_of(kind), self.name(kind))
            return method, path, {"text": order["host"], "product": order["product"]}
        if path.startswith("/requests/"):
            id_, body = self.request(kind, path)
            return method, path.replace("{id}", id_), None if method == "GET" else body
        if path.startswith("/portal-links/"):
            return method, path.replace("{id}", self.portal_link(kind)), None
        if path.startswith("/mails/"):
            return method, path.replace("{id}", self.mail(kind)), None
        if path.startswith("/jobs/"):
            return method, path.replace("{id}", self.job(kind)), None
        if path == "/jobs":
            chosen = [self.number(kind, path)]
            return method, path, {"act": "renew", "licenses": chosen, "order": {"days": 60}}
        if path == "/diagnoses":
            return method, path, {"text": self.number(kind, path)}
        return method, path, self.order(self.product_of(kind), self.name(OURS))

    def request(self, kind: str, path: str = "") -> tuple[str, Any]:
        """A request that somebody filed who may do everything, and what is sent about it."""
        act = path.rpartition("/")[2]
        number = self.number(kind, path) if act in ("answer", "move") else ""
        bodies: dict[str, Any] = {
            "note": {"text": "x"},
            "reply": {"text": "x"},
            "issue": {"days": 30},
            "answer": {"license": number, "other_host": True},
            "refuse": {"reason": "x"},
        }
        if kind == MISSING:
            return "999999999", bodies.get(act, {})
        order = self.order(self.product_of(kind), self.name(kind))
        named = {name: order[name] for name in ("customer", "product")}
        asked = {"text": f"{number} {order['host']}", **named}
        filed = self.send("POST", "/requests", self.every, asked)
        assert filed.status_code == 201, filed.text
        return str(filed.json()["request"]["id"]), bodies.get(act, {})

    def portal_link(self, kind: str) -> str:
        """A link into the portal that opens one product."""
        if kind == MISSING:
            return "999999999"
        room = f"/customers/{self.customers[kind]}/portal-links"
        made = self.send("POST", room, self.every, {"products": [self.product_of(kind)]})
        assert made.status_code == 201, made.text
        return str(made.json()["id"])

    def mail(self, kind: str) -> str:
        """A mail with a licence that somebody else queued."""
        if kind == MISSING:
            return "999999999"
        site, now = self.desk.site, self.desk.clock.now
        product = self.product_of(kind)
        draft = Draft("li@customer.example", self.name(kind), "x", product=product)
        id_ = f"<{os.urandom(8).hex()}@vendor.example>"
        return str(site.database.write(lambda c: outbox.queue(c, draft, COMMAND, now, id_)).id)

    def job(self, kind: str) -> str:
        """A job that somebody else made, who may do everything."""
        if kind == MISSING:
            return "0" * 32
        chosen = {"act": "renew", "licenses": [self.number(kind, "")], "order": {"days": 60}}
        return str(self.send("POST", "/jobs", self.every, chosen).json()["id"])

    def fresh(self) -> int:
        """Another customer, with a licence of the token's product alone."""
        name = f"Fresh {os.urandom(4).hex()}"
        self.issue(self.ours, name)
        with self.desk.site.database.reading() as connection:
            return customers.find(connection, name).id

    def number(self, kind: str, path: str) -> str:
        if kind == MISSING:
            return "HS-2026-00000000"
        once = path.endswith("/stop-gap")  # once a year for a customer
        customer = f"Gap {os.urandom(4).hex()}" if once else self.name(kind)
        number = self.issue(self.product_of(kind), customer)
        if path.endswith("/reinstate"):
            self.send("POST", f"/licenses/{number}/suspend", self.every, {"reason": "x"})
        if path.endswith("/unrevoke"):
            self.send("POST", f"/licenses/{number}/revoke", self.every, {"reason": "x"})
        return number

    def body(self, path: str) -> Any:
        act = path.rpartition("/")[2]
        host = self.order("", "")["host"]
        return {
            "notes": {"note": "x"},
            "renew": {"days": 60},
            "rehost": {"host": host, "reason": "x"},
            "stop-gap": {"host": host},
            "change": {"edition": "pro"},
            "suspend": {"reason": "x"},
            "reinstate": {"reason": "x"},
            "revoke": {"reason": "x"},
            "unrevoke": {"reason": "x"},
            "return": {"unproven": True},
        }.get(act)


@pytest.fixture
def things(desk: Desk) -> Things:
    return Things(desk)


def limited(things: Things, *scopes: str) -> dict[str, str]:
    own = frozenset({things.ours, f"{things.ours}-asked"})
    return bearer(things.desk, *scopes, products=own)


def test_every_api_route_is_in_the_matrix_or_concerns_the_whole_server() -> None:
    assert CELLS.keys() == {
        row for row in ROWS if PREFIX in row and ROWS[row] not in {*WHOLE, ANYONE}
    }


def whole(things: Things, headers: dict[str, str], row: str) -> str:
    """All of a list, page by page."""
    path, told = row.split()[1].removeprefix(PREFIX), ""
    if path.startswith("/exports"):
        return str(things.send("GET", path, headers).text)
    if path == "/find":
        return str(things.send("GET", f"{path}?q={things.mark}", headers).text)
    further: str | None = ""
    while further is not None:
        reply = things.send("GET", f"{path}?limit=200{further}", headers)
        assert reply.status_code == 200
        told += reply.text
        cursor = reply.json()["next_cursor"]
        further = None if cursor is None else f"&cursor={cursor}"
    return told


@on_sqlite
@pytest.mark.parametrize("row", sorted(CELLS.keys() - LISTS))
def test_limited_token_gets_what_the_matrix_says(things: Things, row: str) -> None:
    for scopes in (SCOPES, *([scope] for scope in SCOPES)):
        headers = limited(things, *scopes)
        answers = {}
        for kind, cell in CELLS[row].items():
            if row == "POST /api/v1/imports":
                answers[kind] = imported(things, headers, kind)
                expected = {200, 422} if ROWS[row] in scopes else {403}
            else:
                method, path, body = things.call(row, kind)
                reply = things.send(method, path, headers, body)
                answers[kind] = plain(reply, path)
                expected = STATUS[cell if ROWS[row] in scopes else REFUSED]
            if (
                row.endswith("proposals/{id}/refuse")
                and "proposals:decide" not in scopes
                and cell == YES
            ):
                expected = STATUS[REFUSED]  # it is not their own
            if row == "POST /api/v1/jobs" and "licenses:issue" not in scopes:
                expected = STATUS[REFUSED]  # the action needs it
            if row.endswith(("s/{id}/issue", "/move")) and "licenses:issue" not in scopes:
                expected = expected if cell != YES else STATUS[REFUSED]  # so does this one
            status, text = answers[kind]
            assert status in expected, (scopes, kind, text)
            if kind != OURS and body_of(row, kind):
                assert "ecret" not in text, text
            if CELLS[row].get(SHARED) == BARE and kind == SHARED and status == 200:
                assert '"contact_name":null,"contact_email":null,"language":null' in text
                assert '"notes":null' in text
        if CELLS[row][MISSING] != YES:
            assert answers[THEIRS] == answers[MISSING], scopes


def body_of(row: str, kind: str) -> bool:
    """Whether the caller did not name a secret thing itself."""
    return "{number}" in row or "{id}" in row or kind == SHARED


def plain(reply: Any, path: str) -> tuple[int, str]:
    """Status and text of a reply, without what the caller itself named, and the request's id."""
    text = unnamed(reply.text)
    if reply.headers["content-type"] == "application/problem+json":
        told = reply.json()
        told.pop("request_id", None)
        told.pop("instance", None)
        text = unnamed(json.dumps(told))
        if reply.status_code == 404 and path != "/jobs":
            text = re.sub(rf"\b{re.escape(unnamed(path).split('/')[2])}\b", "…", text)
    if path in ("/jobs", "/diagnoses"):  # numbers are in the body
        text = re.sub(r"HS-[0-9]{4}-[0-9A-Z]{8}", "…", text)
    return reply.status_code, text


def unnamed(text: str) -> str:
    """*text*, where another product is called as one that there is not."""
    text = text.replace('"secret":', '"shown-once":').replace("?secret=", "?shown-once=")
    return text.replace("secret-product-", "named-").replace("secret-", "named-")


def imported(things: Things, headers: dict[str, str], kind: str) -> tuple[int, str]:
    """An import of one line; a product that is not the token's is a fault of its line."""
    order = things.order(things.product_of(kind), things.name(OURS))
    cells = [str(cell).replace('"', '""') for cell in order.values()]
    text = ",".join(order) + "\n" + ",".join(f'"{cell}"' for cell in cells) + "\n"
    path, kind_of = f"{PREFIX}/imports?dry_run=true", {"Content-Type": "text/csv"}
    reply = things.desk.client.post(path, content=text, headers=headers | kind_of)
    if reply.status_code == 200:
        refused = "not-permitted" in reply.text
        assert refused is (kind != OURS), reply.text
    return plain(reply, path)


@pytest.mark.parametrize("row", sorted(LISTS))
def test_lists_of_a_limited_token_name_nothing_of_others(things: Things, row: str) -> None:
    for product in (things.ours, things.theirs):
        things.issue(f"{product}-asked", things.name(OURS if product == things.ours else THEIRS))
        things.request(OURS if product == things.ours else THEIRS)
        things.mail(OURS if product == things.ours else THEIRS)
    for scope in SCOPES:
        headers = limited(things, scope)
        if scope != ROWS[row]:
            path = row.split()[1].removeprefix(PREFIX)
            assert things.send("GET", path, headers).status_code == 403
            continue
        told = whole(things, headers, row)
        assert "ecret" not in told
        assert things.mark in told
    assert "ecret" in whole(things, things.every, row)


NAMES = ("Secret Others {}", "secret others {} GmbH", "Secret Without A Licence {}", "No One {}")


@pytest.mark.parametrize("name", NAMES)
def test_dry_run_of_a_limited_token_tells_nothing_of_other_customers(
    things: Things, name: str
) -> None:
    order = things.order(things.ours, name.format(things.mark))
    reply = things.send("POST", "/licenses?dry_run=true", limited(things, "licenses:issue"), order)
    notices = reply.json()["notices"]
    assert [one["slug"] for one in notices] == ["customer-new"]
    assert "Others" not in reply.text.replace(order["customer"], "…")


def test_dry_run_of_a_limited_token_still_tells_of_its_own_customers(things: Things) -> None:
    headers = limited(things, "licenses:issue")
    for kind in (OURS, SHARED):
        order = things.order(things.ours, f"{things.name(kind)} Ltd")
        reply = things.send("POST", "/licenses?dry_run=true", headers, order)
        assert [one["slug"] for one in reply.json()["notices"]] == ["customer-alike"]


def test_order_for_another_product_is_rejected_before_its_defaults_are_read(things: Things) -> None:
    things.send("PATCH", f"/products/{things.theirs}", things.every, {"defaults": {"days": 9}})
    order = things.order(things.theirs, things.name(OURS))
    del order["days"]
    headers = limited(things, "licenses:issue")
    for name in (things.theirs, f"none-{things.mark}"):
        reply = things.send("POST", "/licenses", headers, order | {"product": name})
        assert reply.status_code == 403


def test_one_licence_to_anothers_customer_shows_its_name_and_changes_nothing(
    things: Things,
) -> None:
    headers = limited(things, *SCOPES)
    id_ = things.customers[THEIRS]
    made = things.send("POST", "/licenses", headers, things.order(things.ours, things.name(THEIRS)))
    assert made.status_code == 201
    seen = things.send("GET", f"/customers/{id_}", headers)
    assert (seen.status_code, seen.json()["name"]) == (200, things.name(THEIRS))
    assert "secret-" not in seen.text
    found = things.send("GET", f"/customers?q={things.mark}%20others", headers)
    (listed,) = found.json()["customers"]
    assert listed == seen.json()
    renamed = things.send("PATCH", f"/customers/{id_}", headers, {"name": f"Mine {things.mark}"})
    assert renamed.status_code == 403
    assert things.theirs not in renamed.text
    full = things.send("GET", f"/customers/{id_}", things.every)
    assert (full.json()["name"], full.json()["notes"]) == (
        things.name(THEIRS),
        "secret-others-Notes",
    )
    assert full.headers["etag"] != seen.headers["etag"]


def test_cursor_of_another_customer_or_product_places_nothing(things: Things) -> None:
    """Else the own names that follow it would tell, one by one, how it is called."""
    headers = limited(things, "licenses:read")
    with things.desk.site.database.reading() as connection:
        product = products.find(connection, things.theirs).id
    for key, id_ in (("customers", things.customers[THEIRS]), ("products", product)):
        first = things.send("GET", f"/{key}", headers).json()[key]
        assert len(first) == 2
        placed = things.send("GET", f"/{key}?cursor={cursors.write(id_)}", headers)
        assert placed.json()[key] == first

"""Mails of known senders are answered without a person, and nothing else is; both databases."""

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from license_core.errors import SignerUnavailableError
from license_core.keyset import TrustedKeyset
from license_server.actor import COMMAND
from license_server.background.rules import Rules
from license_server.catalog import customers, mail_domains, merging, products
from license_server.licenses import license_store
from license_server.mail import collecting, incoming
from license_server.mail.incoming import Own
from license_server.permissions import PERMISSIONS
from license_server.requests import filing, outcomes, request_store
from license_server.requests.request_store import StoredRequest
from license_server.web import mailing
from tests.support import hosts
from tests.support.api import bearer, slug
from tests.support.desk import Desk, last_event, row, unique
from tests.support.requests import of_host

OWN = Own("vendor.example", "mx.vendor.example")
PLAN = "Standard"


class Vendor(NamedTuple):
    """A desk with a product that answers known senders, a customer, and their mail domain."""

    desk: Desk
    product: str
    customer: int
    name: str
    domain: str
    folder: Path

    def write(self, work: Any) -> Any:
        return self.desk.site.database.write(work)

    @property
    def passes(self) -> str:
        """What the receiving server says of a mail that is from there."""
        return f"mx.vendor.example; dmarc=pass header.from={self.domain}"

    def change_product(self, **members: Any) -> None:
        now = self.desk.clock.now
        self.write(lambda c: products.change(c, self.product, members, COMMAND, now))

    def change_customer(self, **members: Any) -> None:
        now = self.desk.clock.now
        self.write(lambda c: customers.change(c, self.customer, members, COMMAND, now))

    def come(
        self,
        text: str | None = None,
        *,
        sender: str | None = None,
        result: str = "",
        more: str = "",
    ) -> StoredRequest:
        """The request that a mail becomes; the first, where it names several hosts."""
        number = os.urandom(4).hex()
        data = (
            f"{more}Authentication-Results: {result or self.passes}\r\n"
            f"From: {sender or f'Li <li@{self.domain}>'}\r\n"
            f"Subject: Licence {number}\r\nMessage-ID: <{number}@{self.domain}>\r\n\r\n"
            f"{text or self.line()}\r\n"
        )
        mail = incoming.read(data.encode(), OWN)
        now, write = self.desk.clock.now, self.desk.site.database.write
        server = COMMAND
        filed = [
            write(lambda c, o=one: filing.file(c, server, o, now)).request  # type: ignore[misc]
            for one in collecting.asked(mail)
        ]
        return filed[0]

    def line(self, **changed: Any) -> str:
        """The request of the client on a new host, or with what is *changed* of one."""
        root = self.folder / os.urandom(6).hex()
        root.mkdir()
        facts = {"hostname": f"gpu-{os.urandom(4).hex()}", "container_id": os.urandom(32).hex()}
        return of_host(hosts.container(root, **facts | changed), product=self.product).to_text()

    def look(self) -> None:
        """The server answers what it may."""
        site = self.desk.client.app.state.server.site  # type: ignore[attr-defined]
        asyncio.run(Rules(lambda: site, mailing.answers(lambda: site)).look())

    def left(self, asked: StoredRequest) -> tuple[str, str | None]:
        """The state of a request, and what the rule says of it."""
        found = self.desk.site.database.read(lambda c: request_store.by_id(c, asked.id))
        assert found is not None
        return found.state, found.rule


@pytest.fixture
def vendor(desk: Desk, tmp_path: Path) -> Iterator[Vendor]:
    """A vendor who can send mail."""
    state = desk.client.app.state.server  # type: ignore[attr-defined]
    former = state.site
    on = {"smtp_host": "127.0.0.1", "mail_from": "Vendor <support@vendor.example>"}
    state.site = former._replace(settings=former.settings.model_copy(update=on))
    product, name = unique(desk, "auto").replace(" ", ""), unique(desk, "Nordlicht")
    domain, now = f"{unique(desk, 'n').lower().replace(' ', '')}.example", desk.clock.now
    made = desk.site.database.write(
        lambda c: (
            (
                products.add(
                    c,
                    {"name": product, "plans": {PLAN: {"days": 30}}, "mail_plan": PLAN},
                    COMMAND,
                    now,
                ),
                customers.add(
                    c, {"name": name, "domains": [domain], "language": "zh"}, COMMAND, now
                ),
            )[1].id
        )
    )
    yield Vendor(desk, product, made, name, domain, tmp_path)
    state.site = former


def test_mail_of_a_known_sender_is_answered_without_a_person_once(vendor: Vendor) -> None:
    """By two servers at once; the act, the request and the mail in the thread are one."""
    asked = vendor.come()
    desk = vendor.desk
    site = desk.client.app.state.server.site  # type: ignore[attr-defined]
    both = [Rules(lambda: site, mailing.answers(lambda: site)) for _ in range(2)]

    async def at_once() -> None:
        await asyncio.gather(*(one.look() for one in both))

    asyncio.run(at_once())
    vendor.look()
    assert vendor.left(asked) == ("issued", "issued")
    number = row(desk, "requests", id=asked.id).license
    mail = row(desk, "mails", license=number)
    assert (mail.recipient, mail.automatic, mail.thread) == (
        f"li@{vendor.domain}",
        True,
        asked.message_id,
    )
    assert "许可证" in mail.body and "BEGIN LICENSE" in mail.body
    issued = desk.client.get(f"/api/v1/licenses/{number}", headers=desk.bearer).json()
    assert (issued["customer"], issued["plan"]) == (vendor.name, PLAN)
    assert issued["issued_by"] == f"rule:{vendor.product}"
    actor, action, details = last_event(desk, f"request/{asked.id}")
    assert (actor, action) == (f"rule:{vendor.product}", "request.answered")
    page = desk.client.get(f"/api/v1/requests/{asked.id}", headers=desk.bearer).json()["request"]
    assert (page["authenticated"], page["rule"]) == (vendor.domain, "issued")
    assert details == {}


HOSTILE = {
    "no result": ("x.example; none", None, ""),
    "another server's result": ("mx.evil.example; dmarc=pass header.from={domain}", None, ""),
    "a forged result below": (
        "mx.vendor.example; dmarc=pass header.from={domain}",
        None,
        "Authentication-Results: mx.vendor.example; dmarc=fail header.from={domain}\r\n",
    ),
    "SPF alone": ("mx.vendor.example; spf=pass smtp.mailfrom=li@{domain}", None, ""),
    "a quoted mailbox": (
        'mx.vendor.example; spf=pass smtp.mailfrom="x; dmarc=pass header.from={domain} "@e.x',
        None,
        "",
    ),
    "two From": ("", None, "From: <x@evil.example>\r\n"),
    "two addresses": ("", "Li <li@{domain}>, Eve <eve@evil.example>", ""),
    "a name like an address": ("", '"li@{domain}" <eve@evil.example>', ""),
    "an encoded name": ("", "=?utf-8?q?li=40{domain}_=3Cli=40{domain}=3E?= <eve@evil.example>", ""),
    "an encoded address": ("", "=?utf-8?q?=3Cli=40{domain}=3E?=", ""),
    "a subdomain": (
        "mx.vendor.example; dmarc=pass header.from=mail.{domain}",
        "li@mail.{domain}",
        "",
    ),
    "a longer domain": ("mx.vendor.example; dmarc=pass header.from=x{domain}", "li@x{domain}", ""),
    "a domain behind it": (
        "mx.vendor.example; dmarc=pass header.from={domain}.evil.example",
        "li@{domain}.evil.example",
        "",
    ),
    "letters alike": ("", "li@\u043e{domain}", ""),
}


def test_mail_that_only_seems_to_be_of_a_known_sender_waits(vendor: Vendor) -> None:
    for name, (result, sender, more) in HOSTILE.items():
        told = [one and one.replace("{domain}", vendor.domain) for one in (result, sender, more)]
        asked = vendor.come(result=told[0] or "", sender=told[1], more=told[2] or "")
        vendor.look()
        state, rule = vendor.left(asked)
        assert (state, rule in (None, "customer-unknown")) == ("new", True), name
    assert vendor.desk.site.database.read(lambda c: request_store.due(c, 9)) == []


def test_mail_in_which_anything_is_in_doubt_waits_and_says_why(vendor: Vendor) -> None:
    other = unique(vendor.desk, "Other")
    now = vendor.desk.clock.now
    vendor.write(lambda c: customers.add(c, {"name": other}, COMMAND, now))
    two = f"{vendor.line()}\r\n\r\n{vendor.line()}"
    key = os.urandom(20).hex()
    theirs = {"customer": other, "product": vendor.product, "host": f'["{key}", "h"]', "days": 9}
    desk = vendor.desk
    assert desk.client.post("/api/v1/licenses", json=theirs, headers=desk.bearer).status_code == 201
    asked = {
        "two hosts": (vendor.come(two), None),
        "no host": (vendor.come("Hello, a licence please."), None),
        "no product": (vendor.come(f'["{os.urandom(20).hex()}", "unnamed"]'), "product-in-doubt"),
        "a host of another": (vendor.come(f'["{key}", "h"]'), "customer-in-doubt"),
        "another customer named": (vendor.come(f"For {other}."), None),
    }
    again = vendor.come(text := vendor.line())
    vendor.come(f"As I said:\r\n{text}", sender=f"eve@{vendor.domain}", result="none; x")
    vendor.look()
    for name, (one, why) in asked.items():
        assert vendor.left(one) == ("new", why), name
    assert vendor.left(again) == ("new", "asked-again")
    page = desk.client.get(f"/api/v1/requests/{again.id}", headers=desk.bearer).json()
    assert page["request"]["rule"] == "asked-again"


def test_what_changes_before_the_server_looks_counts(vendor: Vendor) -> None:
    """Archived, merged, switched off, the domain taken away, answered by somebody."""
    now = vendor.desk.clock.now
    asked = vendor.come()
    vendor.change_product(mail_plan=None)
    vendor.look()
    assert vendor.left(asked) == ("new", "off")
    vendor.change_product(mail_plan=PLAN)
    asked = vendor.come()
    vendor.write(lambda c: outcomes.refuse(c, asked.id, COMMAND, None, now))
    vendor.look()
    assert vendor.left(asked) == ("refused", "due")
    asked = vendor.come()
    vendor.change_customer(domains=None)
    vendor.look()
    assert vendor.left(asked) == ("new", "customer-unknown")
    vendor.change_customer(domains=[vendor.domain])
    asked = vendor.come()
    vendor.write(lambda c: customers.archive(c, vendor.customer, COMMAND, now))
    vendor.look()
    assert vendor.left(asked) == ("new", "customer-unknown")
    vendor.write(lambda c: customers.archive(c, vendor.customer, COMMAND, now, archived=False))
    asked, into = vendor.come(), unique(vendor.desk, "Merged")
    left = vendor.write(lambda c: customers.add(c, {"name": into}, COMMAND, now))
    vendor.write(lambda c: merging.merge(c, vendor.customer, left.id, COMMAND, now))
    vendor.look()
    assert vendor.left(asked) == ("issued", "issued")
    number = row(vendor.desk, "requests", id=asked.id).license
    assert vendor.desk.site.database.read(
        lambda c: [one.customer for one in _licences(c, number)]
    ) == [into]


def _licences(connection: Any, number: str) -> Any:
    return license_store.by_numbers(connection, [number])


def test_customer_gets_so_many_a_day_however_many_mails_come(vendor: Vendor) -> None:
    """Also where several servers answer at the same instant."""
    vendor.change_product(mail_daily=4)
    mails = [vendor.come() for _ in range(12)]
    desk = vendor.desk
    site = desk.client.app.state.server.site  # type: ignore[attr-defined]

    async def at_once() -> None:
        servers = [Rules(lambda: site, mailing.answers(lambda: site)) for _ in range(3)]
        await asyncio.gather(*(one.look() for one in servers))

    asyncio.run(at_once())
    vendor.look()
    left = [vendor.left(one) for one in mails]
    assert left == [("issued", "issued")] * 4 + [("new", "too-many")] * 8
    desk.clock.now += 86401
    try:
        asked = vendor.come()
        vendor.look()
        assert vendor.left(asked) == ("issued", "issued")
    finally:
        desk.clock.now -= 86401


def test_what_waited_for_days_counts_when_it_is_answered(vendor: Vendor) -> None:
    vendor.change_product(mail_daily=2)
    mails = [vendor.come() for _ in range(5)]
    vendor.desk.clock.now += 2 * 86400
    try:
        vendor.look()
    finally:
        vendor.desk.clock.now -= 2 * 86400
    assert [vendor.left(one) for one in mails] == [("issued", "issued")] * 2 + [
        ("new", "too-many")
    ] * 3


def test_drifted_host_moves_only_where_the_product_says_so_and_as_often_as_it_may(
    vendor: Vendor,
) -> None:
    same = {"hostname": "gpu-drift", "container_id": os.urandom(32).hex()}
    first = vendor.come(vendor.line(**same, ip="172.17.0.2"))
    vendor.look()
    number = row(vendor.desk, "requests", id=first.id).license
    asked = vendor.come(vendor.line(**same, ip="172.17.0.3"))
    vendor.look()
    assert vendor.left(asked) == ("new", "earlier-licence")
    vendor.change_product(mail_moves=True, rehosts=1)
    asked = vendor.come(vendor.line(**same, ip="172.17.0.4"))
    vendor.look()
    assert vendor.left(asked) == ("issued", "issued")
    moved = row(vendor.desk, "requests", id=asked.id).license
    assert row(vendor.desk, "licenses", number=moved).replaces == number
    asked = vendor.come(vendor.line(**same, ip="172.17.0.5"))
    vendor.look()
    assert vendor.left(asked) == ("new", "refused")
    elsewhere = vendor.come(f"{moved}\r\n{vendor.line(hostname='gpu-drift')}")
    vendor.look()
    assert vendor.left(elsewhere) == ("new", "earlier-licence")


def test_trial_is_given_once_and_approval_is_waited_for(vendor: Vendor) -> None:
    trial = {"Trial": {"days": 9, "trial": True}}
    vendor.change_product(plans=trial)
    vendor.change_product(mail_plan="Trial")
    asked = [vendor.come() for _ in range(2)]
    vendor.look()
    assert [vendor.left(one) for one in asked] == [("issued", "issued"), ("new", "refused")]
    vendor.change_product(mail_plan=PLAN, needs_approval=True)
    waits = vendor.come()
    vendor.look()
    assert vendor.left(waits) == ("waiting", "issued")


def test_server_that_ends_between_has_done_nothing(vendor: Vendor) -> None:
    """The mail fails after the licence was written: no licence, and the next look issues it."""
    asked, desk = vendor.come(), vendor.desk
    site = desk.client.app.state.server.site  # type: ignore[attr-defined]
    before = desk.count("licenses")

    with pytest.raises(ZeroDivisionError):
        asyncio.run(Rules(lambda: site, lambda *_: 1 / 0).look())
    assert desk.count("licenses") == before
    assert vendor.left(asked) == ("new", "due")
    vendor.look()
    assert vendor.left(asked) == ("issued", "issued")
    assert desk.count("licenses") == before + 1


def test_server_that_cannot_sign_leaves_to_a_person_what_is_theirs_and_tries_the_rest_again(
    vendor: Vendor,
) -> None:
    asked, in_doubt = vendor.come(), vendor.come(f'["{os.urandom(20).hex()}", "unnamed"]')
    site = vendor.desk.client.app.state.server.site  # type: ignore[attr-defined]
    former = TrustedKeyset(site.issuer.keyset.keyset._replace(version=0))
    stale = site._replace(issuer=site.issuer._replace(keyset=former))
    with pytest.raises(SignerUnavailableError):
        asyncio.run(Rules(lambda: stale, mailing.answers(lambda: stale)).look())
    assert vendor.left(asked) == ("new", "due")
    assert vendor.left(in_doubt) == ("new", "product-in-doubt")
    vendor.look()
    assert vendor.left(asked) == ("issued", "issued")


def test_domain_is_of_one_customer_and_no_place_where_anybody_has_an_address(
    vendor: Vendor,
) -> None:
    desk, path = vendor.desk, "/api/v1/customers"
    bearer_ = bearer(desk, *PERMISSIONS)
    for domain in ("gmail.com", vendor.domain, "no domain", "localhost", "1.2.3.4", "A.example"):
        members = {"name": unique(desk, "X"), "domains": [domain]}
        reply = desk.client.post(path, json=members, headers=bearer_)
        assert (reply.status_code, slug(reply)) == (422, "input-invalid"), domain
    idn = f"b\u00fccher-{vendor.domain}"
    typed = f"{idn.upper()}, it@{idn}"
    members = {"name": unique(desk, "X"), "domains": mail_domains.split(typed)}
    made = desk.client.post(path, json=members, headers=bearer_)
    assert made.json()["domains"] == [idn.encode("idna").decode()]
    found = desk.client.get("/api/v1/find", params={"q": vendor.domain}, headers=desk.bearer)
    assert vendor.name in [one["name"] for one in found.json()["customers"]]
    here = f"/api/v1/products/{vendor.product}"
    reply = desk.client.patch(here, json={"mail_plan": "No such"}, headers=bearer_)
    assert slug(reply) == "plan-unknown"

"""A vendor's ledger without a running server: every action, the hash chain, and fsck."""

import asyncio
import os
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import Connection

from license_server.access import accounts, tokens
from license_server.actor import COMMAND, SERVER, Actor
from license_server.audit.chain import BATCH, extend
from license_server.audit.checkpoints import Notary
from license_server.audit.verify import Fault, Given
from license_server.catalog import customers, products
from license_server.db.idempotency import Idempotency
from license_server.db.reply_store import Reply
from license_server.erasure import customer_erasure, place
from license_server.licenses import (
    issuing,
    notes,
    proposals,
    recording,
)
from license_server.licenses.acts import ACTS
from license_server.licenses.license_store import StoredLicense
from license_server.licenses.planning import ActRequest
from license_server.licenses.proposal_store import Proposal
from license_server.mail import outbox
from license_server.mail.outbox import Draft, Outcome
from license_server.mail.outbox_store import Mail
from license_server.operations import data_folder
from license_server.operations.fsck import Trusted, check
from license_server.permissions import ROLES
from license_server.portal import asking, links, visits
from license_server.requests import answering, filing, handling, outcomes
from license_server.requests.incoming import Received
from license_server.settings import ServerSettings
from license_server.signing import revocation_lists
from license_server.signing.signature_count import tally
from license_server.site import Site
from license_server.webhooks import endpoints
from license_server.webhooks.endpoints import Sealing
from license_server.webhooks.sealed_secrets import SealedSecrets
from license_server.webhooks.webhook_store import Webhook
from tests.support import server

NOW = 1_795_000_000
T = TypeVar("T")
ISSUER = Actor("user:issuer@example.com", ROLES["issuer"] | {"products:write"}, address="192.0.2.7")
APPROVER = Actor("user:approver@example.com", ROLES["approver"])


class Ledger(NamedTuple):
    """A vendor without a running server."""

    site: Site
    settings: ServerSettings
    notary: Notary
    trusted: Trusted

    def act(
        self, act: str, subject: str | None = None, key: str | None = None, **members: Any
    ) -> str:
        """Do an action on a licence; the number of the new licence, or the id of the proposal."""
        numbers: list[str] = []

        def tell(done: StoredLicense | Proposal) -> Reply:
            numbers.append(str(done.id) if isinstance(done, Proposal) else done.number)
            return Reply(201, f"/api/v1/licenses/{numbers[-1]}", b"{}")

        given = None if key is None else Idempotency(key, bytes(32))
        wanted = ActRequest(ACTS[act], members, subject)
        finished(self.site.act(wanted, ISSUER, self.site.clock(), tell, given))
        return numbers[-1]

    def issue(self, host: int | str = 0, **members: Any) -> str:
        """Issue a licence for the host of this number, or that this text is of."""
        order: dict[str, Any] = {
            "customer": "ACME",
            "product": "darwin",
            "host": line(host) if isinstance(host, int) else host,
            "days": 30,
        }
        return self.act("issue", **order | members)

    def file(self, host: int | str, **more: Any) -> int:
        """File a request of the host of this number, or with this text; its number."""
        text = line(host) if isinstance(host, int) else host
        came, now = Received("api", text, **more), self.site.clock()
        return self.site.database.write(lambda c: filing.file(c, ISSUER, came, now)).request.id

    def answer(self, request: int) -> str:
        """Issue what a request asks for; the number of the licence, or the id of the proposal."""
        now, numbers = self.site.clock(), list[str]()

        def tell(done: StoredLicense | Proposal) -> Reply:
            numbers.append(str(done.id) if isinstance(done, Proposal) else done.number)
            return Reply(201, None, b"{}")

        wanted = self.site.database.read(
            lambda c: answering.act_request(c, request, ISSUER, {"days": 30}, now)
        )
        follow = outcomes.settling(request, ISSUER, now)
        finished(self.site.act(wanted, ISSUER, now, tell, follow=follow))
        return numbers[-1]

    def end(self, act: str, number: str, reason: str) -> None:
        """Suspend or revoke a licence."""
        wanted, now = ActRequest(ACTS[act], {"reason": reason}, number), self.site.clock()
        self.site.database.write(lambda c: recording.end(c, wanted, ISSUER, now))

    def link(self) -> None:
        """Link all events into the hash chain."""
        while self.site.database.write(lambda c: extend(c, wait=True)) == BATCH:
            pass

    def publish(self) -> None:
        """Publish a revocation list."""
        write, now = self.site.database.write, self.site.clock()
        drawn = write(lambda c: revocation_lists.sign_next(c, self.site.issuer, now))
        write(lambda c: revocation_lists.record(c, *drawn, COMMAND))

    def checkpoint(self) -> str:
        """Link everything; the newest checkpoint."""
        self.link()
        made = self.site.database.write(lambda c: self.notary.make(c, self.site.clock(), wait=True))
        assert made is not None
        return made.token

    def faults(self, *given: str) -> list[Fault]:
        """The faults that fsck finds, given these kept checkpoints."""
        with self.site.database.snapshot() as connection:
            return self.faults_of(connection, *given)

    def faults_of(self, connection: Connection, *given: str) -> list[Fault]:
        """The same, on a connection."""
        found: list[Fault] = []
        kept = [Given("kept", token) for token in given]
        check(connection, self.trusted, kept, found.append, lambda _: None)
        return found


def new_ledger(folder: Path, database: str | None) -> Ledger:
    """A new vendor's ledger."""
    return open_ledger(server.make(folder / "server", database, NOW))


def open_ledger(settings: ServerSettings) -> Ledger:
    """The ledger of a vendor."""
    opened, issuer = data_folder.open_vault(settings, NOW)
    site = Site(settings, opened, issuer, lambda: NOW, os.urandom)
    notary = data_folder.open_notary(settings, issuer.name, tally(opened))
    trusted = Trusted(issuer.shipped, data_folder.read_record_key(settings))
    return Ledger(site, settings, notary, trusted)


def line(host: int) -> str:
    """What the operator of a host sends."""
    return f'["{host:040x}", "host-{host}"]'


def finished(work: Coroutine[Any, Any, T]) -> T:
    """The result of *work*, run in its own thread: Playwright's loop may run in this one."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()


def walk(ledger: Ledger) -> None:
    """Do every action at least once, some on several rows, with checkpoints in between."""
    write, now = ledger.site.database.write, ledger.site.clock()
    write(lambda c: products.add(c, {"name": "darwin", "rehosts": 3}, COMMAND, now))
    write(lambda c: products.add(c, {"name": "guarded", "needs_approval": True}, COMMAND, now))
    write(lambda c: products.change(c, "darwin", {"defaults": {"edition": "pro"}}, COMMAND, now))
    added = write(lambda c: customers.add(c, {"name": "Example 上海"}, ISSUER, now))
    write(lambda c: customers.change(c, added.id, {"name": "Other", "notes": "n"}, ISSUER, now))
    first = ledger.issue(1, key="k1")
    renewed = ledger.act("renew", first, days=60)
    moved = ledger.act("rehost", renewed, host=line(2), reason="a new machine")
    ledger.checkpoint()
    changed = ledger.act("change", moved, features=["export"], limits={"gpus": 4})
    ledger.end("suspend", changed, "not paid")
    ledger.act("reinstate", changed, reason="paid")
    ledger.end("revoke", ledger.issue(3, perpetual=True, days=None), "not paid")
    ledger.end("suspend", ledger.issue(4, customer="Other"), "not paid")
    ledger.publish()
    ledger.issue(5, replaces=ledger.issue(6))
    ledger.checkpoint()
    for email, role in (("issuer@example.com", "issuer"), ("approver@example.com", "approver")):
        write(partial(_add, email=email, role=role))
    approved, refused, _ = (ledger.issue(7, product="guarded", reason="urgent") for _ in range(3))
    finished(ledger.site.approve(int(approved), APPROVER, "fine", now, _told))
    write(lambda c: proposals.refuse(c, int(refused), APPROVER, "why?", now))
    _ask(ledger)
    write(lambda c: notes.add(c, issuing.find(c, moved), {"note": "by telephone"}, ISSUER, now))
    for name in ("CRM", "chat"):
        add_webhook(ledger, name)
    for name in ("crm", "old"):
        server.new_token(ledger.site.database, name, now)
    write(lambda c: tokens.revoke_token(c, "old", COMMAND, now))
    write(lambda c: accounts.set_password(c, "issuer@example.com", "another one", COMMAND, now))
    for number in range(4):
        add_mail(ledger, moved, number)
    _come_by_links(ledger, added.id)


def erase(ledger: Ledger, name: str) -> None:
    """Erase a customer, whatever it has."""
    write, now = ledger.site.database.write, ledger.site.clock()
    id_ = ledger.site.database.read(lambda c: customers.find(c, name)).id
    write(lambda c: customer_erasure.begin(c, id_, COMMAND, now, "asked for", live=True))
    place.erase(write, customer_erasure.go_on, id_, COMMAND, now)


def _come_by_links(ledger: Ledger, customer: int) -> None:
    """A link that is used and withdrawn, and one by which something is asked for."""
    write, now, random = ledger.site.database.write, ledger.site.clock(), os.urandom
    invited = [
        write(lambda c: links.invite(c, customer, links.read({}), ISSUER, now, random, 30))
        for _ in range(2)
    ]
    seen = [write(lambda c: visits.enter(c, secret, now, 12, random, "")) for secret, _ in invited]  # noqa: B023
    wanted = asking.read({"text": line(50), "product": "darwin"})
    ready = ledger.site.database.read(lambda c: asking.prepare(c, seen[1], wanted, now))
    write(lambda c: asking.submit(c, seen[1], ready, now))
    write(lambda c: links.withdraw(c, seen[0].link.id, ISSUER, now))


def add_mail(ledger: Ledger, license_: str, number: int) -> Mail:
    """A mail that is sent, refused, cancelled or not sent yet."""
    write, now = ledger.site.database.write, ledger.site.clock()
    stored = ledger.site.database.read(lambda c: issuing.find(c, license_))
    draft = Draft(
        "li@acme.example", f"mail {number}", "Hello\n", "Li", stored.number, stored.product
    )
    mail = write(lambda c: outbox.queue(c, draft, ISSUER, now, f"<{number}@vendor.example>"))
    if number == 2:
        return write(lambda c: outbox.cancel(c, mail.id, ISSUER, now))
    if number < 2:
        answers = (Outcome("sent", "250 ok"), Outcome("failed", "550 no"))
        write(lambda c: outbox.claim(c, "test", now, 1))
        write(lambda c: outbox.finish(c, mail.id, "test", answers[number], now, 0.5))
    return mail


def add_webhook(ledger: Ledger, name: str) -> Webhook:
    """A webhook that is paused and resumed, changed and paused again: nothing is sent to it."""
    write, now = ledger.site.database.write, ledger.site.clock()
    sealing = Sealing(SealedSecrets(bytes(32)), os.urandom)
    given = {"name": name, "url": f"https://{'crm.' * 9}invalid/{len(name)}"}
    made, _ = write(lambda c: endpoints.add(c, given, (), COMMAND, now, sealing))
    write(lambda c: endpoints.pause(c, made.id, COMMAND, now))
    write(lambda c: endpoints.resume(c, made.id, COMMAND, now))
    write(lambda c: endpoints.rotate(c, made.id, 24, COMMAND, now, sealing))
    chosen = {"events": ["license.issued"]}
    write(lambda c: endpoints.change(c, made.id, chosen, (), COMMAND, now))
    return write(lambda c: endpoints.pause(c, made.id, COMMAND, now))


def _ask(ledger: Ledger) -> None:
    """Requests in every state."""
    write, now = ledger.site.database.write, ledger.site.clock()
    named = {"customer": "ACME", "product": "darwin", "sender_address": "li@acme.example"}
    issued, refused, expired, kept = (ledger.file(20 + n, **named) for n in range(4))
    waits, approved, back = (
        ledger.file(30 + n, customer="ACME", product="guarded") for n in range(3)
    )
    ledger.answer(issued)
    ledger.answer(waits)
    finished(ledger.site.approve(int(ledger.answer(approved)), APPROVER, None, now, _told))
    proposal = int(ledger.answer(back))
    write(lambda c: outcomes.refuse_proposal(c, proposal, APPROVER, "not paid", now))
    write(lambda c: outcomes.refuse(c, refused, ISSUER, "no contract", now))
    write(lambda c: outcomes.expire(c, expired, SERVER, now))
    write(lambda c: handling.assign(c, kept, ISSUER.name, ISSUER, now))
    write(lambda c: handling.note(c, kept, {"text": "asked sales"}, ISSUER, now))
    ledger.file("no host at all", sender_name="Li")
    ledger.file(23, **named)


def _add(connection: Connection, email: str, role: str) -> None:
    accounts.add(connection, email, f"a password of the {role}", role, COMMAND, NOW)


def _told(_: object) -> Reply:
    return Reply(201, None, b"{}")

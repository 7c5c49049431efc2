"""A user of the desk who did everything there is to do, and whom others named."""

import json
import os
from typing import Any

from sqlalchemy import Connection

from license_server.access import (
    access_store,
    accounts,
    calendar_feeds,
    invitations,
    sessions,
    sign_in_events,
    tokens,
)
from license_server.access.login import Attempt
from license_server.access.tokens import Grant
from license_server.actor import COMMAND, Actor
from license_server.catalog import customers, products
from license_server.db import reply_store
from license_server.db.reply_store import Reply
from license_server.licenses import proposals
from license_server.licenses.acts import ACTS
from license_server.licenses.planning import ActRequest
from license_server.mail import outbox
from license_server.mail.outbox import Draft
from license_server.permissions import ROLES
from license_server.portal import links
from license_server.requests import filing, handling
from license_server.requests.incoming import Received
from license_server.web import draft_store, view_store
from license_server.web.view_store import View
from tests.support import second_factor
from tests.support.ledger import ISSUER, Ledger, finished, line

EMAIL, PLACE, AGENT = "zephyrine@zephyrinemail.example", "198.51.100.77", "Zephyrinebrowser/7"
SUBJECT = "zephyrinesubject-at-the-provider"
WORDS = (EMAIL, PLACE, AGENT, SUBJECT, "zephyrine")
"""What must be found nowhere once she is erased."""
LONGER = "not-zephyrine@zephyrinemail.example.org"
SHE = Actor(f"user:{EMAIL}", ROLES["administrator"], address=PLACE)
BOSS = Actor("user:admin@example.com", ROLES["administrator"], address="192.0.2.9")


def plant(ledger: Ledger) -> int:
    """Fill the *ledger* with what she did; her row."""
    write, now = ledger.site.database.write, ledger.site.clock()
    user = write(
        lambda c: accounts.insert(c, EMAIL, second_factor.HASHED, "administrator", BOSS, now)
    )
    linked = {"issuer": "https://id.example", "issuer_subject": SUBJECT, "totp": b"sealed"}
    write(lambda c: _linked(c, user.id, linked, now))
    write(lambda c: products.add(c, {"name": "darwin"}, SHE, now))
    write(lambda c: products.add(c, {"name": "guarded", "needs_approval": True}, COMMAND, now))
    _signs_in(ledger, user.id)
    number = _licences(ledger)
    _requests(ledger)
    id_ = ledger.site.database.read(lambda c: customers.find(c, "ACME")).id
    owned = {"owner": EMAIL, "notes": f"ask {EMAIL} first"}
    write(lambda c: customers.change(c, id_, owned, SHE, now))
    wanted = links.read({"label": f"made by {EMAIL}"})
    write(lambda c: links.invite(c, id_, wanted, SHE, now, os.urandom, 30))
    draft = Draft("li@acme.example", "Licence", f"Dear Li,\n{EMAIL}\n", "Li", number, "darwin")
    write(lambda c: outbox.queue(c, draft, SHE, now, "<one@vendor.example>"))
    digest = Draft(EMAIL.title(), "What ends", "Yours end\n", automatic=True)
    write(lambda c: outbox.queue(c, digest, ISSUER, now, "<digest@vendor.example>"))
    write(lambda c: invitations.invite(c, "new@example.com", "reader", SHE, now, os.urandom))
    grant = Grant(frozenset({"licenses:read"}))
    write(lambda c: tokens.new_token(c, "ci", SHE, now, os.urandom, grant))
    _passing(ledger)
    return user.id


def _linked(connection: Connection, id_: int, values: dict[str, Any], now: int) -> None:
    former = accounts.by_id(connection, id_)
    user = access_store.change_user(connection, id_, **values)
    accounts.record(connection, user, SHE, "user.linked", now, former)


def _signs_in(ledger: Ledger, id_: int) -> None:
    """She failed, came in, and has a calendar."""
    write, now = ledger.site.database.write, ledger.site.clock()

    def fail(connection: Connection) -> None:
        user = accounts.by_id(connection, id_)
        attempt = Attempt.of(EMAIL, PLACE)
        for subject in attempt.allowances():
            access_store.set_failures(connection, subject, 1, now)
        sign_in_events.failed(connection, attempt, user, PLACE, "not-authenticated", now)

    def enter(connection: Connection) -> None:
        user = accounts.by_id(connection, id_)
        opened = sessions.open_session(connection, user, now, 8, os.urandom, PLACE, agent=AGENT)
        calendar_feeds.make(connection, opened, "en", now, os.urandom)

    write(fail)
    write(enter)


def act(ledger: Ledger, actor: Actor, name: str, subject: str | None = None, **members: Any) -> Any:
    """What came of an action of *actor*."""
    done: list[Any] = []

    def tell(one: Any) -> Reply:
        done.append(one)
        return Reply(201, None, b"{}")

    wanted = ActRequest(ACTS[name], members, subject)
    finished(ledger.site.act(wanted, actor, ledger.site.clock(), tell, None))
    return done[0]


def _licences(ledger: Ledger) -> str:
    """She issued some, and proposed, decided and noted; others renewed what she had issued."""
    write, now = ledger.site.database.write, ledger.site.clock()
    order: dict[str, Any] = {"customer": "ACME", "product": "darwin", "days": 30}
    first = act(ledger, SHE, "issue", host=line(1), **order).number
    act(ledger, ISSUER, "renew", first, days=60, reason=f"as {EMAIL} said")
    guarded = order | {"product": "guarded", "reason": f"for {EMAIL}"}
    hers = act(ledger, SHE, "issue", host=line(2), **guarded)
    theirs = act(ledger, ISSUER, "issue", host=line(3), **guarded)
    told = Reply(201, None, b"{}")
    finished(ledger.site.approve(hers.id, BOSS, "yes", now, lambda _: told))
    write(lambda c: proposals.refuse(c, theirs.id, SHE, f"no, says {EMAIL}", now))
    act(ledger, SHE, "issue", host=line(4), **guarded)
    act(ledger, ISSUER, "issue", host=line(5), **order, contract="PO-1")
    return str(first)


def _requests(ledger: Ledger) -> None:
    """One that she deals with, one that she sent by mail, and what was written."""
    write, now = ledger.site.database.write, ledger.site.clock()
    asked = ledger.file(7, customer="ACME", product="darwin")
    write(lambda c: handling.assign(c, asked, SHE.name, ISSUER, now))
    write(lambda c: handling.note(c, asked, {"text": f"{EMAIL} knows"}, SHE, now))
    came = Received(
        "mail", line(8), sender_address=EMAIL, sender_name="Zephyrine Yra", subject="zephyrine"
    )
    write(lambda c: filing.file(c, ISSUER, came, now))


def _passing(ledger: Ledger) -> None:
    """What passes in a week: hers, and what of others names her."""
    write, now = ledger.site.database.write, ledger.site.clock()
    told = Reply(201, "/api/v1/customers/1", json.dumps({"issued_by": SHE.name}).encode())
    write(lambda c: reply_store.keep_reply(c, BOSS.name, "k", bytes(32), now, told))
    write(lambda c: reply_store.keep_reply(c, SHE.name, "k", bytes(32), now, Reply(204, None, b"")))
    write(lambda c: draft_store.add(c, SHE.name, "d", "/licenses/new", "{}", now))
    view = View("hers", "person=zephyrine%40zephyrinemail.example")
    write(lambda c: view_store.keep(c, BOSS.name, "/record", view))

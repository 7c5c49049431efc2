"""A vendor after a year of work: every state there is, and hostile names.

For looking at pages, and for tests of pages. What is done, is done by the services, at instants
that lie as far back as they say, so that states that time makes (ended, in grace) are real.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from license_core.request import LicenseRequest
from license_server.access import (
    accounts,
    invitations,
    tokens,
)
from license_server.access.tokens import Grant
from license_server.actor import COMMAND
from license_server.catalog import customers, letters, products
from license_server.catalog.terms import DAY
from license_server.db.reply_store import Reply
from license_server.deliveries import delivery_store
from license_server.deliveries.delivery_store import DeliveryFilter
from license_server.licenses import issuing, notes
from license_server.licenses.proposals import refuse
from license_server.mail import outbox, outbox_store, relay
from license_server.mail.outbox import Draft, Outcome
from license_server.permissions import PERMISSIONS
from license_server.portal import asking, links, visits
from license_server.renewals import reminder_store
from license_server.requests import handling, outcomes
from license_server.web import view_store
from license_server.web.view_store import View
from license_server.webhooks import endpoints
from license_server.webhooks.webhook_store import Webhook
from tests.support import server
from tests.support.ledger import (
    APPROVER,
    ISSUER,
    Ledger,
    add_webhook,
    finished,
    line,
    open_ledger,
)
from tests.support.server import Running

YEAR = 365 * DAY
LONG = "Würde" * 40
"""200 characters without a space."""
MARKUP = "<script>alert(\"1\")</script><b>bold</b> & 'quoted'"
RIGHT_TO_LEFT = "شركة النور للبرمجيات (ACME)"
CHINESE = "上海云渲科技有限公司"
FORMULA = '=HYPERLINK("http://127.0.0.1/","click")'
MARKS = "\u202eevil\u202c \u200fmarks\u2066 \x1b[2J"
"""Direction and control characters, for the fields that take any text."""
CUSTOMERS = ("ACME", CHINESE, LONG, MARKUP, RIGHT_TO_LEFT, FORMULA)
LONG_PRODUCT = "p" * 64
APPROVED = "guarded"
"""The product whose licences a second person approves."""
PASSWORD = "a password of somebody"
"""Of everybody but the administrator."""
MANY = 60
"""So many licences more, so that every list has a second page."""


PLANS = {
    "Trial 30 days": {"trial": True, "days": 30, "edition": "lab", "notify_days": 7},
    "Pro": {"days": 365, "edition": "pro", "features": ["export"], "limits": {"gpus": 8}},
    "W" * 60: {"features": [f"feature-{n}" for n in range(12)], "archived": True},
    "خطة الشركات <b>": {"grace_days": 14, "limits": {"l" * 64: 2**53 - 1}},
}


class Furnished(NamedTuple):
    """The names and numbers that a test can look for."""

    valid: str
    ends_soon: str
    in_grace: str
    ended: str
    perpetual: str
    suspended: str
    revoked: str
    replaced: str
    renewed: str
    rehosted: str
    """Moved three times, with an act of every kind in its life."""
    anchored: str
    trial: str
    stop_gap: str
    waiting: int
    """A proposal."""
    mails: tuple[int, ...]
    """One in each state that people see."""
    invitation: str
    """The secret of an invitation that holds."""
    portal: str
    """The secret of a link into the portal, of a customer with much in it."""


def furnish(ledger: Ledger, now: int) -> Furnished:
    """Fill the *ledger* of a vendor who began a year before the instant *now*."""
    _set_up(ledger, now - YEAR)
    old = _at(ledger, now - YEAR + DAY)
    webhooks = [add_webhook(old, name) for name in ("CRM", MARKUP, LONG[:100], RIGHT_TO_LEFT)]
    rehosted = _moved_about(old)
    ended = old.issue(20, customer=LONG, days=200, product="old-product")
    in_grace = old.issue(21, customer=CHINESE, days=358, grace_days=30, notify_days=30)
    ends_soon = old.issue(22, customer=MARKUP, days=375, notify_days=30)
    replaced = old.issue(23, customer=RIGHT_TO_LEFT, days=200)
    for number in range(MANY):
        day = now - YEAR + (2 + 5 * number) * DAY
        made = _at(ledger, day)
        made.issue(
            100 + number,
            customer=CUSTOMERS[number % len(CUSTOMERS)],
            product=("darwin", "studio", LONG_PRODUCT)[number % 3],
            days=30 + 11 * number,
        )
    recent = _at(ledger, now - 30 * DAY)
    renewed = recent.act("renew", replaced, days=365)
    suspended = recent.issue(24, customer=FORMULA, days=365)
    recent.end("suspend", suspended, MARKUP)
    revoked = recent.issue(25, customer=CHINESE, days=365)
    recent.end("revoke", revoked, LONG)
    present = _at(ledger, now)
    valid = present.issue(
        26,
        customer=CHINESE,
        days=365,
        edition="enterprise",
        features=[f"feature-{n}" for n in range(12)] + ["f" * 64],
        limits={"gpus": 4, "l" * 64: 2**53 - 1},
        maintenance_until="2036-12-31",
        notify_days=30,
        grace_days=14,
    )
    perpetual = present.issue(27, customer=LONG, product=LONG_PRODUCT, days=None, perpetual=True)
    anchored = present.issue(_request(), customer=CHINESE, match="anchored")
    trial = present.issue(28, customer=RIGHT_TO_LEFT, days=None, plan="Trial 30 days")
    stop_gap = present.act("stop-gap", ended, host=line(29), reason="host broken")
    found = _people(present)
    waiting = _proposed(present)
    _asked(recent, present, anchored)
    with ledger.site.database.reading() as connection:
        stored = issuing.find(connection, valid)
    ledger.site.database.write(
        lambda c: notes.add(c, stored, {"note": f"{MARKUP} {MARKUP}"}, ISSUER, now)
    )
    view = View(RIGHT_TO_LEFT, "state=valid")
    ledger.site.database.write(
        lambda c: view_store.keep(c, f"user:{server.EMAIL}", "/licenses", view)
    )
    portal = _in_portal(present, anchored)
    _told(present, webhooks)
    mails = _mailed(present, valid)
    _reminded(present, ends_soon, in_grace)
    present.checkpoint()
    return Furnished(
        valid=valid,
        ends_soon=ends_soon,
        in_grace=in_grace,
        ended=ended,
        perpetual=perpetual,
        suspended=suspended,
        revoked=revoked,
        replaced=replaced,
        renewed=renewed,
        rehosted=rehosted,
        anchored=anchored,
        trial=trial,
        stop_gap=stop_gap,
        waiting=waiting,
        mails=mails,
        invitation=found,
        portal=portal,
    )


def _reminded(ledger: Ledger, mailed: str, declined: str) -> None:
    """A product that reminds, an owner, and reminders of each outcome."""
    write, now = ledger.site.database.write, ledger.site.clock()
    rules = {"days": [90, 30, 7, -1], "quiet_weekends": True, "quiet_dates": ["2027-01-01"]}
    write(lambda c: products.change(c, "darwin", {"reminders": rules}, COMMAND, now))
    draft = Draft("li@acme.example", f"reminder {MARKUP}", "Hello\n", automatic=True, held=True)
    id_ = "<reminder@vendor.example>"
    mail = write(lambda c: outbox.queue(c, draft, ISSUER, now, id_)).id
    rows = []
    for number, days, outcome in ((mailed, 30, "mailed"), (declined, 7, "declined")):
        with ledger.site.database.reading() as connection:
            one = issuing.find(connection, number)
            customer = customers.find(connection, one.customer)
        wish = {"owner": server.EMAIL, "no_reminders": outcome == "declined"}
        write(lambda c, id_=customer.id, wish=wish: customers.change(c, id_, wish, COMMAND, now))  # type: ignore[misc]
        row = {"line": one.line, "last_day": one.last_day, "license": number, "days": days}
        row |= {"due_at": now - DAY, "given_at": now - DAY, "outcome": outcome}
        rows.append(row | {"mail": mail if outcome == "mailed" else None})
    write(lambda c: reminder_store.add(c, rows))


@contextmanager
def furnished_server(folder: Path, now: int) -> Iterator[tuple[Running, Furnished]]:
    """A server process with all that, its data in *folder*/server; *now* is the real instant."""
    made = server.make(folder / "server", now=now - YEAR)
    ledger = open_ledger(made)
    furnished = furnish(ledger, now)
    token = server.new_token(ledger.site.database, "test", now, Grant(frozenset(PERMISSIONS)))
    ledger.site.database.close()
    with server.serving(made.data) as (url, process):
        yield (
            Running(
                url,
                token,
                made.data,
                made.root_pub_pem,
                server.EMAIL,
                server.PASSWORD,
                process,
            ),
            furnished,
        )


def _at(ledger: Ledger, instant: int) -> Ledger:
    return ledger._replace(site=ledger.site._replace(clock=lambda: instant))


def _set_up(ledger: Ledger, now: int) -> None:
    write = ledger.site.database.write
    made: tuple[dict[str, Any], ...] = (
        {"name": "darwin", "rehosts": 5, "longest_days": 3650, "plans": PLANS, "mail_plan": "Pro"},
        {"name": "studio", "defaults": {"days": 365, "edition": "pro", "notify_days": 30}},
        {"name": APPROVED, "needs_approval": True},
        {"name": LONG_PRODUCT, "defaults": {"features": [f"feature-{n}" for n in range(20)]}},
        {"name": "old-product", "rehosts": 0},
    )
    for members in made:
        write(lambda c, members=members: products.add(c, members, COMMAND, now))  # type: ignore[misc]
    long = {"client": "./hostseal", "environment": "-", "start": "systemctl start " * 12}
    text = f"{{number}} {MARKUP}\n{RIGHT_TO_LEFT} {{customer}}\n\n  {{commands}}\n"
    write(lambda c: products.change(c, LONG_PRODUCT, {"commands": long}, COMMAND, now))
    write(lambda c: letters.change(c, "studio", {"issued": {"en": text}}, COMMAND, now))
    for name in CUSTOMERS:
        members = {
            "name": name,
            "contact_name": name,
            "contact_email": f"{'long.' * 20}address@example.com",
            "language": "zh" if name == CHINESE else "en",
            "tags": ["vip", "重点客户", RIGHT_TO_LEFT, "t" * 40],
            "notes": f"{MARKUP}\n{MARKS}\n{LONG * 10}",
        }
        write(lambda c, members=members: customers.add(c, members, ISSUER, now))  # type: ignore[misc]
    write(lambda c: customers.add(c, {"name": "Nothing yet"}, ISSUER, now))


def _mailed(ledger: Ledger, number: str) -> tuple[int, ...]:
    """Mails in every state, whose texts, names and answers are hostile ones."""
    now, write = ledger.site.clock(), ledger.site.database.write
    subjects = (MARKUP, LONG, RIGHT_TO_LEFT, CHINESE, FORMULA, CHINESE, CHINESE, MARKUP)
    answers = (
        Outcome("sent", "250 2.0.0 Ok: queued as 4QX9"),
        Outcome("failed", f"550 5.1.1 {MARKUP}"),
        Outcome("unsure", relay.TIMED_OUT),
        Outcome("waiting", f"451 4.7.1 {'x' * 300}"),
    )
    product = ledger.site.database.read(lambda c: issuing.find(c, number)).product
    ids = list[int]()
    for place, subject in enumerate(subjects):
        to = f"{'l' * 60}@customer.example" if place == 1 else "li@customer.example"
        draft = Draft(to, subject, f"{subject}\n{'x' * 400}\n", MARKUP, number, product)
        named = f"<hostseal.{place}@vendor.example>"
        queue = partial(outbox.queue, draft=draft, actor=ISSUER, now=now, message_id=named)
        ids.append(write(queue).id)
    write(lambda c: outbox.claim(c, "test", now, len(answers)))
    for id_, outcome in zip(ids, answers, strict=False):
        write(partial(outbox.finish, id_=id_, by="test", outcome=outcome, now=now, chance=0.5))
    write(lambda c: outbox.cancel(c, ids[4], ISSUER, now))
    write(lambda c: outbox_store.change(c, ids[5], ("waiting",), state=outbox_store.HELD))
    bounced = {"state": outbox_store.BOUNCED, "answer": f"550 5.1.1 {MARKUP}", "ended_at": now}
    write(lambda c: outbox_store.change(c, ids[6], ("waiting",), held_by=None, **bounced))
    withdrawn = write(lambda c: outbox.claim(c, "test", now, 1))[0]
    write(lambda c: outbox.withdraw(c, withdrawn, ISSUER, now))
    return tuple(ids)


def _told(ledger: Ledger, webhooks: list[Webhook]) -> None:
    """Attempts to tell webhooks, of every outcome; and the last of them was removed."""
    write, now = ledger.site.database.write, ledger.site.clock()
    outcomes: list[tuple[int | None, str | None, str | None]] = [
        (204, None, None),
        (410, "gone", None),
        (500, "status", None),
        (302, "redirect", f"https://elsewhere.invalid/{LONG}"),
        (None, "refused", f"169.254.169.254 {MARKUP}"),
        (None, "unreachable", LONG),
        (None, "timeout", None),
    ]
    wanted = DeliveryFilter(webhook_id=webhooks[0].id)
    read = ledger.site.database.read
    found = read(lambda c: delivery_store.listed(c, wanted, before=None, limit=len(outcomes)))
    for delivery, (status, problem, detail) in zip(found, outcomes, strict=True):
        told: dict[str, Any] = {
            "status": status,
            "problem": problem,
            "detail": detail,
            "milliseconds": 10_000,
        }
        attempt = partial(delivery_store.add_attempt, answer=MARKUP.encode() * 9, **told)
        write(lambda c, id_=delivery.id, attempt=attempt: attempt(c, id_, now))  # type: ignore[misc]
    gone, last = webhooks[1], webhooks[-1]
    write(lambda c: delivery_store.discard(c, gone.id, now))
    write(lambda c: endpoints.remove(c, last.id, COMMAND, now))


def _moved_about(ledger: Ledger) -> str:
    """A licence rehosted, changed, suspended, reinstated and renewed."""
    number = ledger.issue(1, customer="ACME", days=365)
    number = ledger.act("rehost", number, host=line(2), reason="a new machine")
    number = ledger.act("rehost", number, host=line(3), reason=MARKUP)
    number = ledger.act("change", number, features=["export"], limits={"gpus": 8})
    ledger.end("suspend", number, "not paid")
    number = ledger.act("reinstate", number, reason="已付款")
    number = ledger.act("renew", number, days=365)
    return ledger.act("rehost", number, host=line(4), reason=LONG)


def _request() -> str:
    """An operator's request with host tags, surrounded by hostile text."""
    tags = dict.fromkeys(("hostname", "ip", "machine_id", "container_id"), "0123456789abcdef")
    request = LicenseRequest(f"{40:040x}", "studio2_gpu", "hk1", tags, gpus=4)
    return f"{MARKS} {MARKUP}\n{request.to_text()}\n你好"


def _asked(recent: Ledger, present: Ledger, anchored: str) -> None:
    """Requests in every state, with long and hostile words, and one that may be a move."""
    named = {"product": "darwin", "sender_name": MARKUP, "sender_address": "li@example.com"}
    recent.file(f"{LONG} {MARKUP}\n{anchored} does not start:\n{line(30)}", **named, subject=LONG)
    issued = recent.file(31, customer=LONG, **named)
    recent.answer(issued)
    present.file(f"{RIGHT_TO_LEFT}\n{MARKUP}", sender_address=f"{'x' * 60}@example.com")
    new = present.file(32, customer=CHINESE, **named)
    refused = present.file(33, customer=FORMULA, product=LONG_PRODUCT)
    write, now = present.site.database.write, present.site.clock()
    write(lambda c: outcomes.refuse(c, refused, ISSUER, MARKUP, now))
    write(lambda c: handling.note(c, new, {"text": f"{MARKUP} {LONG}"}, ISSUER, now))
    write(lambda c: handling.assign(c, new, ISSUER.name, ISSUER, now))


def _in_portal(ledger: Ledger, license_: str) -> str:
    """Links of a customer in each state, and what was asked for by them; the secret of one."""
    write, now = ledger.site.database.write, ledger.site.clock()
    stored = ledger.site.database.read(lambda c: issuing.find(c, license_))
    named = {"label": MARKUP[:200]}
    for days, instant in ((1, now - 3 * DAY), (30, now - 2 * DAY)):
        asked = links.read(named | {"days": days})
        _, made = write(
            lambda c: links.invite(
                c,
                stored.customer_id,
                asked,  # noqa: B023
                ISSUER,
                instant,  # noqa: B023
                os.urandom,
                30,
            )
        )
    write(lambda c: links.withdraw(c, made.id, ISSUER, now))
    wanted = links.read({"label": LONG[:200], "products": ["darwin", "studio"]})
    limited, _ = write(
        lambda c: links.invite(c, stored.customer_id, wanted, ISSUER, now, os.urandom, 30)
    )
    secret, _ = write(
        lambda c: links.invite(c, stored.customer_id, links.read({}), ISSUER, now, os.urandom, 30)
    )
    visit = write(lambda c: visits.enter(c, limited, now, 12, os.urandom, "192.0.2.1"))
    for members in (
        {"text": line(90), "product": "darwin"},
        {"text": MARKUP, "product": "studio", "wish": "license"},
        {"wish": "renewal", "license": license_, "text": LONG},
        {"wish": "return", "text": "returned", "product": "darwin"},
    ):
        ready = ledger.site.database.read(
            lambda c: asking.prepare(c, visit, asking.read(members), now)  # noqa: B023
        )
        done = write(lambda c: asking.submit(c, visit, ready, now))  # noqa: B023
        write(lambda c: handling.reply(c, done.request.id, {"text": LONG}, ISSUER, now))  # noqa: B023
    write(lambda c: outcomes.refuse(c, done.request.id, ISSUER, MARKUP, now))
    return secret


def _proposed(ledger: Ledger) -> int:
    """Proposals: one approved, one refused, several waiting; the id of a waiting one."""
    site, now = ledger.site, ledger.site.clock()
    approved, refused, *waiting = (
        int(ledger.issue(50 + n, product=APPROVED, customer=name, reason=reason))
        for n, (name, reason) in enumerate(
            [("ACME", "urgent"), ("ACME", None), (LONG, LONG), (MARKUP, MARKUP), (CHINESE, "急")]
        )
    )
    finished(site.approve(approved, APPROVER, "fine", now, lambda _: Reply(201, None, b"{}")))
    site.database.write(lambda c: refuse(c, refused, APPROVER, MARKUP, now))
    return waiting[0]


def _people(ledger: Ledger) -> str:
    """Users, invitations and API tokens; the secret of an invitation."""
    site, now = ledger.site, ledger.site.clock()
    write = site.database.write
    for role in ("issuer", "approver", "auditor", "reader"):
        write(lambda c, r=role: accounts.add(c, f"{r}@example.com", PASSWORD, r, COMMAND, now))  # type: ignore[misc]
    long = f"{'long.' * 30}address@example.com"
    gone = write(lambda c: accounts.add(c, long, PASSWORD, "reader", COMMAND, now))
    write(lambda c: accounts.end(c, gone, COMMAND, now))
    grants = {
        "ci": Grant(frozenset({"licenses:read"}), frozenset({"darwin", LONG_PRODUCT}), now + YEAR),
        "t" * 100: tokens.PROGRAM,
        MARKUP: tokens.PROGRAM,
        "gone": tokens.PROGRAM,
    }
    for name, grant in grants.items():
        server.new_token(site.database, name, now, grant)
    write(lambda c: tokens.revoke_token(c, "gone", COMMAND, now))
    secret, _ = write(
        lambda c: invitations.invite(c, "new@example.com", "issuer", COMMAND, now, site.random)
    )
    write(lambda c: invitations.invite(c, f"x{long}", "reader", COMMAND, now, site.random))
    return secret

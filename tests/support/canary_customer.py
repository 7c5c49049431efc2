"""A customer with everything that a vendor can know of one, in words that nothing else has."""

import json
import os
from functools import partial
from typing import Any, NamedTuple

from license_server.actor import COMMAND
from license_server.catalog import customers, merging, products
from license_server.db import reply_store
from license_server.db.reply_store import Reply
from license_server.licenses import issuing, notes
from license_server.mail import outbox
from license_server.mail.outbox import Draft, Outcome
from license_server.portal import asking, links, visits
from license_server.renewals import reminder_store
from license_server.requests import handling
from license_server.sheets import sheet_store
from license_server.sheets.sheet_store import StoredSheet
from license_server.web import draft_store, view_store
from license_server.web.view_store import View
from license_server.webhooks import endpoints
from tests.support.ledger import ISSUER, Ledger, add_webhook

NAME, FORMER, MERGED = "Quintessa Zephyrine", "Zephyrine Formerly", "Zephyrine Otherwise"
CONTACT, EMAIL, LATER = (
    "Quilla Zephyrinecontact",
    "quilla@zephyrinemail.example",
    "later@zephyrinemail.example",
)
NOTE, TAG, DOMAIN = "zephyrinenote about her", "zephyrinetag", "zephyrinedomain.example"
HOST, KEY = "zephyrinehost-seven", "2e9fca11e9" * 4
OTHER_HOST, OTHER_KEY = "zephyrinehost-eight", "2e9fca22e9" * 4
REASON, LABEL, REMARK = (
    "zephyrinereason paid late",
    "zephyrinelabel Quilla",
    "zephyrineremark by telephone",
)
SENDER, SUBJECT, TEXT = (
    "Zephyrinesender Person",
    "zephyrinesubject of a mail",
    "zephyrinetext of an operator",
)
THREAD, MAIL_TEXT, MAIL_SUBJECT = (
    "zephyrinethread@mail.example",
    "zephyrinebody dear Quilla",
    "zephyrineletter",
)
ANSWER, DIGEST, VISITOR = "250 zephyrineanswer", "zephyrinedigest: what ends", "198.51.100.77"
WORDS = (
    *(NAME, FORMER, MERGED, CONTACT, EMAIL, LATER, NOTE, TAG, DOMAIN, HOST, KEY, OTHER_HOST),
    *(OTHER_KEY, REASON, LABEL, REMARK, SENDER, SUBJECT, TEXT, THREAD, MAIL_TEXT, MAIL_SUBJECT),
    *(ANSWER, DIGEST, VISITOR, "zephyrine"),
)
"""What must be found nowhere once she is erased; the last is in nearly all of them."""
OTHER = "Other GmbH"
"""A customer that stays as it is."""


SENT = Outcome("sent", ANSWER)


class Planted(NamedTuple):
    """Her row, her licences, and those of the other customer."""

    id: int
    numbers: list[str]
    other: str


def plant(ledger: Ledger) -> Planted:
    """Fill the *ledger* of a vendor with her, and with another customer."""
    write, now = ledger.site.database.write, ledger.site.clock()
    write(lambda c: products.add(c, {"name": "darwin"}, COMMAND, now))
    write(lambda c: products.add(c, {"name": "guarded", "needs_approval": True}, COMMAND, now))
    for name in ("CRM", "chat"):
        made = add_webhook(ledger, name)
        chosen = {"events": None}
        write(partial(_all_events, id_=made.id, chosen=chosen, now=now))
    id_ = _customer(ledger)
    numbers = _licences(ledger)
    _requests(ledger)
    _mails(ledger, numbers[-1])
    _portal(ledger, id_, numbers[-1])
    _reminded(ledger, numbers[-1])
    _passing(ledger)
    other = ledger.issue(77, customer=OTHER)
    ledger.file(78, customer=OTHER, product="darwin", sender_address="li@other.example")
    return Planted(id_, numbers, other)


def _all_events(connection: Any, id_: int, chosen: dict[str, Any], now: int) -> None:
    endpoints.change(connection, id_, chosen, (), COMMAND, now)


def _customer(ledger: Ledger) -> int:
    """She was called otherwise, had another address, and was two customers."""
    write, now = ledger.site.database.write, ledger.site.clock()
    members = {"name": FORMER, "contact_name": CONTACT, "contact_email": EMAIL, "tags": [TAG]}
    members |= {"notes": NOTE, "domains": [DOMAIN], "language": "en"}
    id_ = write(lambda c: customers.add(c, members, ISSUER, now)).id
    changed = {"name": NAME, "contact_email": LATER}
    write(lambda c: customers.change(c, id_, changed, ISSUER, now))
    return id_


def _line(key: str, host: str) -> str:
    return json.dumps([key, host])


def _licences(ledger: Ledger) -> list[str]:
    """One with a life, one that ended, a trial, one by approval, and those of who was merged."""
    write, now = ledger.site.database.write, ledger.site.clock()
    first = ledger.issue(_line(KEY, HOST), key="k1", customer=NAME, contract="PO-1")
    moved = ledger.act("rehost", first, host=_line(OTHER_KEY, OTHER_HOST), reason=REASON)
    renewed = ledger.act("renew", moved, days=60)
    ended = ledger.issue(_line(KEY[::-1], HOST), customer=MERGED)
    ledger.end("revoke", ended, REASON)
    write(lambda c: notes.add(c, issuing.find(c, renewed), {"note": REMARK}, ISSUER, now))
    ledger.issue(_line(KEY, HOST), customer=NAME, product="guarded", reason=REASON)
    ids = [ledger.site.database.read(partial(_id_of, name=name)) for name in (MERGED, NAME)]
    write(lambda c: merging.merge(c, ids[0], ids[1], ISSUER, now))
    write(lambda c: merging.follow(c, ids[0], ISSUER, now))
    return [first, moved, ended, renewed]


def _id_of(connection: Any, name: str) -> int:
    return customers.find(connection, name).id


def _requests(ledger: Ledger) -> None:
    """One that is answered and one that is open; each with what was written."""
    write, now = ledger.site.database.write, ledger.site.clock()
    sent = {"sender_name": SENDER, "sender_address": EMAIL, "subject": SUBJECT}
    named = sent | {"customer": NAME, "product": "darwin", "message_id": f"<{THREAD}>"}
    text = f"{TEXT}\n{_line(KEY, HOST)}"
    asked = ledger.file(text, **named)
    ledger.answer(asked)
    waits = ledger.file(f"{TEXT}\n{_line(OTHER_KEY, OTHER_HOST)}", **sent)
    write(lambda c: handling.note(c, waits, {"text": REMARK}, ISSUER, now))
    write(lambda c: handling.reply(c, waits, {"text": TEXT}, ISSUER, now))


def _mails(ledger: Ledger, number: str) -> None:
    """One that was sent with a licence, one that was not, and one about nothing."""
    write, now = ledger.site.database.write, ledger.site.clock()
    for place, license_ in enumerate((number, number, None)):
        product = None if license_ is None else "darwin"
        draft = Draft(EMAIL, MAIL_SUBJECT, f"{MAIL_TEXT}\n", CONTACT, license_, product)
        named = f"<{place}.zephyrineid@vendor.example>"
        mail = write(partial(_queue, draft=draft, now=now, message_id=named))
        if place == 0:
            write(lambda c: outbox.claim(c, "test", now, 1))
            write(lambda c, id_=mail.id: outbox.finish(c, id_, "test", SENT, now, 0.5))  # type: ignore[misc]


def _queue(connection: Any, draft: Draft, now: int, message_id: str) -> Any:
    return outbox.queue(connection, draft, ISSUER, now, message_id)


def _portal(ledger: Ledger, id_: int, number: str) -> None:
    """A link by which she came, asked for something, and fetched a licence."""
    write, now = ledger.site.database.write, ledger.site.clock()
    wanted = links.read({"label": LABEL})
    secret, _ = write(lambda c: links.invite(c, id_, wanted, ISSUER, now, os.urandom, 30))
    visit = write(lambda c: visits.enter(c, secret, now, 12, os.urandom, VISITOR))
    asked = asking.read({"wish": "renewal", "license": number, "text": TEXT})
    ready = ledger.site.database.read(lambda c: asking.prepare(c, visit, asked, now))
    write(lambda c: asking.submit(c, visit, ready, now))
    write(lambda c: visits.tell_download(c, visit, number, now))


def _reminded(ledger: Ledger, number: str) -> None:
    """She was reminded, and her owner at the vendor was told so."""
    write, now = ledger.site.database.write, ledger.site.clock()
    one = ledger.site.database.read(lambda c: issuing.find(c, number))
    mails = []
    for place, (to, body) in enumerate(((EMAIL, MAIL_TEXT), ("owner@vendor.example", DIGEST))):
        draft = Draft(to, f"{MAIL_SUBJECT} {NAME}", body, automatic=True)
        named = f"<reminder.{place}@vendor.example>"
        mails.append(write(partial(_queue, draft=draft, now=now, message_id=named)).id)
    row = {"line": one.line, "last_day": one.last_day, "license": number, "days": 30}
    row |= {"due_at": now, "given_at": now, "outcome": "mailed", "mail": mails[0]}
    write(lambda c: reminder_store.add(c, [row]))
    with ledger.site.database.reading() as connection:
        given = reminder_store.of_mail(connection, mails[0], 1)
    write(lambda c: reminder_store.tell(c, [given[0].id], mails[1]))


def _passing(ledger: Ledger) -> None:
    """What passes in a week: a reply, a draft, a sheet; and a view that somebody saved."""
    write, now, by = ledger.site.database.write, ledger.site.clock(), "user:admin@example.com"
    told = Reply(201, "/api/v1/customers/1", json.dumps({"name": NAME}).encode())
    write(lambda c: reply_store.keep_reply(c, by, "k", bytes(32), now, told))
    fields = json.dumps({"customer": NAME, "text": TEXT})
    write(lambda c: draft_store.add(c, by, "d", "/licenses/new", fields, now))
    sheet = StoredSheet("issue", f"customer,host\n{NAME},{HOST}\n".encode())
    write(lambda c: sheet_store.add_sheet(c, by, "5" * 32, sheet, now))
    view = View("mine", "customer=Quintessa+Zephyrine")
    write(lambda c: view_store.keep(c, by, "/licenses", view))

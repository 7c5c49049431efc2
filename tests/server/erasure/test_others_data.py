"""A customer is erased, and what is another's stays: even one with its name or its address."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, select

from license_server.actor import COMMAND, Actor
from license_server.catalog import customers, products
from license_server.db import reply_store
from license_server.db.errors import InputInvalidError
from license_server.db.reply_store import Reply
from license_server.db.tables import metadata
from license_server.erasure import customer_erasure, place
from license_server.mail import outbox
from license_server.mail.outbox import Draft
from license_server.permissions import ROLES
from license_server.web import draft_store, view_store
from license_server.web.view_store import View
from tests.support.ledger import ISSUER, NOW, Ledger, new_ledger

ADMIN = Actor("user:admin@example.com", ROLES["administrator"])


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    made = new_ledger(tmp_path, None)
    write = made.site.database.write
    write(lambda c: products.add(c, {"name": "darwin"}, COMMAND, NOW))
    write(lambda c: products.add(c, {"name": "guarded", "needs_approval": True}, COMMAND, NOW))
    yield made
    assert made.faults() == []
    made.site.database.close()


def _add(ledger: Ledger, name: str, **more: Any) -> int:
    members = {"name": name} | more
    return ledger.site.database.write(lambda c: customers.add(c, members, ISSUER, NOW)).id


def _change(ledger: Ledger, id_: int, **values: Any) -> None:
    ledger.site.database.write(lambda c: customers.change(c, id_, values, ISSUER, NOW))


def _mail(ledger: Ledger, to: str, number: str | None) -> int:
    draft = Draft(to, "subject", "body", "N", number, "darwin" if number else None)
    named = f"<{os.urandom(6).hex()}@vendor.example>"

    def queue(connection: Connection) -> int:
        return outbox.queue(connection, draft, ISSUER, NOW, named).id

    return ledger.site.database.write(queue)


def _erase(ledger: Ledger, id_: int) -> None:
    write = ledger.site.database.write
    write(lambda c: customer_erasure.begin(c, id_, ADMIN, NOW, "asked", live=True))
    place.erase(write, customer_erasure.go_on, id_, ADMIN, NOW)


def _rows(ledger: Ledger, table: str) -> dict[int, dict[str, Any]]:
    def read(connection: Connection) -> dict[int, dict[str, Any]]:
        found = connection.execute(select(metadata.tables[table]))
        return {row.id: dict(row._mapping) for row in found}

    return ledger.site.database.read(read)


def _events(ledger: Ledger, ids: Any) -> list[dict[str, Any]]:
    chained = ("position", "link")
    found = _rows(ledger, "audit_events")
    return [{k: v for k, v in found[id_].items() if k not in chained} for id_ in ids]


def test_customer_with_a_former_name_of_hers_keeps_all(ledger: Ledger) -> None:
    first = _add(ledger, "Oldname")
    hers = set(_rows(ledger, "audit_events"))
    _change(ledger, first, name="Newname")
    renamed = set(_rows(ledger, "audit_events"))
    _add(ledger, "Oldname")
    number = ledger.issue(10, customer="Oldname")
    ledger.file(11, customer="Oldname", product="darwin", sender_address="x@y.example")
    ledger.issue(12, customer="Oldname", product="guarded", reason="for a good reason")
    _mail(ledger, "x@y.example", None)
    _mail(ledger, "x@y.example", number)
    before = {one: _rows(ledger, one) for one in ("requests", "proposals", "mails")}
    theirs = sorted(set(_rows(ledger, "audit_events")) - renamed)
    told = _events(ledger, theirs)
    _erase(ledger, first)
    assert {one: _rows(ledger, one) for one in before} == before
    assert _events(ledger, theirs) == told
    left = _events(ledger, sorted(hers))
    assert "Oldname" not in [one["subject"] for one in left]
    done = [
        one for one in _rows(ledger, "audit_events").values() if one["action"].endswith("erased")
    ]
    assert '"undecided":2' in done[-1]["details"]


def test_what_bore_a_name_before_another_had_it_is_erased(ledger: Ledger) -> None:
    first = _add(ledger, "Oldname")
    asked = ledger.file(11, customer="Oldname", product="darwin", sender_name="Quilla")
    later = NOW + 60
    write = ledger.site.database.write
    write(lambda c: customers.change(c, first, {"name": "Newname"}, ISSUER, later))
    write(lambda c: customers.add(c, {"name": "Oldname"}, ISSUER, later))
    _erase(ledger, first)
    row = _rows(ledger, "requests")[asked]
    assert (row["customer"], row["sender_name"]) == (f"#{first}, erased", None)


def test_mails_to_an_address_of_two_customers_stay_the_others(ledger: Ledger) -> None:
    to = "reseller@r.example"
    alpha = _add(ledger, "Alpha", contact_email=to)
    beta = _add(ledger, "Beta", contact_email=to.title())
    numbers = [ledger.issue(n, customer=name) for n, name in enumerate(("Alpha", "Beta"))]
    ledger.file(5, customer="Beta", product="darwin", sender_address=to)
    ledger.file(6, customer="Alpha", product="darwin", sender_address=to)
    mine, others, nobodys = (_mail(ledger, to, one) for one in (*numbers, None))
    _change(ledger, beta, contact_email="other@r.example")
    _erase(ledger, alpha)
    found = _rows(ledger, "mails")
    assert [found[one]["body"] for one in (mine, others, nobodys)] == ["", "body", "body"]
    assert [found[one]["state"] for one in (mine, others)] == ["cancelled", "waiting"]


def test_mail_about_anothers_licence_stays_whoever_gets_it(ledger: Ledger) -> None:
    to = "only@alpha.example"
    alpha = _add(ledger, "Alpha", contact_email=to)
    number = ledger.issue(1, customer="Beta")
    others, hers = _mail(ledger, to, number), _mail(ledger, to, None)
    _erase(ledger, alpha)
    found = _rows(ledger, "mails")
    assert [found[one]["body"] for one in (others, hers)] == ["body", ""]


def test_address_in_a_note_is_not_hers(ledger: Ledger) -> None:
    to = "colleague@vendor.example"
    id_ = _add(ledger, "Noter", notes=to, contact_email="first@n.example")
    _change(ledger, id_, notes="x", contact_email="second@n.example")
    others, former = (_mail(ledger, one, None) for one in (to, "first@n.example"))
    _erase(ledger, id_)
    found = _rows(ledger, "mails")
    assert [found[one]["body"] for one in (others, former)] == ["body", ""]


def test_number_of_one_that_is_the_name_of_another_means_neither(ledger: Ledger) -> None:
    first = _add(ledger, "Victim")
    named = _add(ledger, f"#{first}")
    alone = _add(ledger, "#4711")

    def find(name: str) -> int:
        return ledger.site.database.read(lambda c: customer_erasure.find(c, name))

    with pytest.raises(InputInvalidError):
        find(f"#{first}")
    assert [find(one) for one in (f"#{named}", "Victim", "#4711")] == [named, first, alone]


@pytest.mark.parametrize("name", ["customer", "active", "ada"])
def test_colleagues_keep_what_only_has_an_ordinary_word_in_it(ledger: Ledger, name: str) -> None:
    write, by = ledger.site.database.write, "user:ada@example.com"
    first = _add(ledger, name)
    told = json.dumps({"customer": "Ada Beta", "state": "active"})
    fields = json.dumps({"customer": "Customer & Co", "text": "the customer is active"})

    def fill(connection: Connection, customer: str, key: str) -> None:
        body = json.dumps({"customer": customer}).encode() if key == "hers" else told.encode()
        reply = Reply(201, "/api/v1/customers/1", body)
        reply_store.keep_reply(connection, by, key, bytes(32), NOW, reply)
        typed = json.dumps({"customer": customer}) if key == "hers" else fields
        draft_store.add(connection, by, key, "/licenses/new", typed, NOW)
        view = View(key, f"customer={customer}&state=active")
        view_store.keep(connection, by, "/licenses", view)

    write(lambda c: fill(c, "Ada+Beta", "others"))
    write(lambda c: fill(c, name, "hers"))
    _erase(ledger, first)
    with ledger.site.database.reading() as connection:
        kept = {
            table: {tuple(row) for row in connection.execute(select(*columns))}
            for table, columns in {
                "drafts": [metadata.tables["drafts"].c.id],
                "saved_views": [metadata.tables["saved_views"].c.name],
                "idempotency_keys": [metadata.tables["idempotency_keys"].c.body],
            }.items()
        }
    assert kept["drafts"] == kept["saved_views"] == {("others",)}
    assert kept["idempotency_keys"] == {(told.encode(),), (b"{}",)}

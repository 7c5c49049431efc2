"""What an act changed is in the audit log, with the old and the new value of each field."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy

from license_server.access import accounts, invitations, tokens, totp
from license_server.actor import COMMAND
from license_server.audit import audit_store, chain, changes
from license_server.audit.audit_store import EventFilter
from license_server.audit.changes import Change
from license_server.catalog import customers, products
from license_server.db.reply_store import Reply
from license_server.operations import settings_events
from tests.support import server
from tests.support.ledger import APPROVER, ISSUER, NOW, Ledger, finished, new_ledger
from tests.support.postgres import new_database

MAIL, LATER = "ada@acme.example", "grace@acme.example"


@pytest.fixture(params=["sqlite", "postgresql"])
def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ledger]:
    made = new_ledger(tmp_path, None if request.param == "sqlite" else new_database())
    yield made
    made.site.database.close()


def told(ledger: Ledger, action: str, subject: str | None = None) -> list[Change]:
    """What the newest event of this action changed."""
    with ledger.site.database.reading() as connection:
        wanted = EventFilter(action=action, subject=subject)
        (event,) = audit_store.events(connection, wanted, before=None, limit=1)
        return changes.of_events(connection, [event])[event.id]


def details(ledger: Ledger, action: str) -> dict[str, Any]:
    with ledger.site.database.reading() as connection:
        wanted = EventFilter(action=action)
        (event,) = audit_store.events(connection, wanted, before=None, limit=1)
    return dict(json.loads(event.details))


def chain_text(ledger: Ledger) -> bytes:
    ledger.link()
    with ledger.site.database.reading() as connection:
        return b"".join(map(chain.exported, audit_store.whole_chain(connection)))


def added(ledger: Ledger, **members: Any) -> int:
    write = ledger.site.database.write
    return write(lambda c: customers.add(c, {"name": "ACME", **members}, ISSUER, NOW)).id


def test_changed_customer_has_the_old_and_new_value_of_each_field(ledger: Ledger) -> None:
    id_ = added(ledger, contact_email=MAIL, language="en")
    wanted = {"name": "ACME Ltd", "contact_email": LATER, "notes": "pays late", "language": "zh"}
    ledger.site.database.write(lambda c: customers.change(c, id_, wanted, ISSUER, NOW))
    assert told(ledger, "customer.added") == [
        Change("name", None, "ACME"),
        Change("contact_email", None, MAIL),
        Change("language", None, "en"),
    ]
    assert told(ledger, "customer.changed") == [
        Change("name", "ACME", "ACME Ltd"),
        Change("contact_email", MAIL, LATER),
        Change("language", "en", "zh"),
        Change("notes", None, "pays late"),
    ]


def test_what_changes_nothing_is_no_event(ledger: Ledger) -> None:
    write, id_ = ledger.site.database.write, added(ledger, language="en")
    write(lambda c: customers.change(c, id_, {"language": "en"}, ISSUER, NOW))
    with ledger.site.database.reading() as connection:
        wanted = EventFilter(action="customer.changed")
        assert audit_store.events(connection, wanted, before=None, limit=1) == []


def test_values_about_people_are_not_in_the_chain_and_can_be_erased(ledger: Ledger) -> None:
    id_ = added(ledger, contact_email=MAIL, notes="likes tea")
    write = ledger.site.database.write
    write(lambda c: customers.change(c, id_, {"contact_email": LATER}, ISSUER, NOW))
    kept, before = ledger.checkpoint(), chain_text(ledger)
    assert MAIL.encode() not in before and b"likes tea" not in before
    write(lambda c: customers.erase_contact(c, id_, COMMAND, NOW))
    assert told(ledger, "customer.changed") == [Change("contact_email", None, None, erased=True)]
    with ledger.site.database.reading() as connection:
        assert list(audit_store.all_values(connection)) == []
        customer = customers.seen(connection, id_, COMMAND)
    assert (customer.contact_email, customer.notes) == (None, None)
    assert ledger.faults(kept) == []
    assert chain_text(ledger).startswith(before)


def test_a_forged_value_beside_an_event_is_a_fault(ledger: Ledger) -> None:
    id_ = added(ledger, contact_email=MAIL)
    forge = sqlalchemy.text("update audit_values set value = '\"eve@acme.example\"'")
    ledger.site.database.write(lambda c: c.execute(forge))
    (fault,) = ledger.faults()
    assert (fault.kind, fault.subject) == ("value-differs", f"a value of customers/{id_}")


def test_changed_product_has_each_default_and_rule_by_itself(ledger: Ledger) -> None:
    write = ledger.site.database.write
    write(lambda c: products.add(c, {"name": "seal", "defaults": {"days": 30}}, COMMAND, NOW))
    new = {"defaults": {"days": 365, "limits": {"gpus": 4}}, "rehosts": 3, "needs_approval": True}
    write(lambda c: products.change(c, "seal", new, COMMAND, NOW))
    assert told(ledger, "product.changed") == [
        Change("rehosts", None, 3),
        Change("needs_approval", False, True),
        Change("defaults.days", 30, 365),
        Change("defaults.limits", None, {"gpus": 4}),
    ]


def test_acts_on_users_and_tokens_say_what_they_changed(ledger: Ledger) -> None:
    write, random = ledger.site.database.write, ledger.site.random
    ada = write(lambda c: accounts.add(c, MAIL, "a password of ada", "reader", COMMAND, NOW))
    ada = write(lambda c: accounts.change_role(c, ada, "issuer", COMMAND, NOW))
    assert told(ledger, "user.added")[0] == Change("role", None, "reader")
    assert told(ledger, "user.role-changed") == [Change("role", "reader", "issuer")]
    write(lambda c: accounts.end(c, ada, COMMAND, NOW))
    assert told(ledger, "user.ended") == [Change("disabled", False, True)]
    ended = ada._replace(ended_at=NOW, totp=b"sealed")
    write(lambda c: totp.end(c, ended, COMMAND, NOW))
    assert Change("one_time_codes", True, False) in told(ledger, "user.codes-ended")
    write(lambda c: invitations.invite(c, LATER, "issuer", COMMAND, NOW, random))
    assert told(ledger, "invitation.made")[0] == Change("role", None, "issuer")
    grant = tokens.Grant(frozenset({"licenses:read"}), frozenset({"darwin"}), NOW + 86400)
    server.new_token(ledger.site.database, "crm", NOW, grant)
    assert [(one.field, one.new) for one in told(ledger, "token.created")] == [
        ("scopes", "licenses:read"),
        ("products", ["darwin"]),
        ("expires_at", "2026-11-19 11:06:40 UTC"),
    ]
    write(lambda c: tokens.revoke_token(c, "crm", COMMAND, NOW))
    assert told(ledger, "token.revoked") == [Change("revoked", False, True)]


def test_settings_are_told_when_they_change_and_without_secrets(ledger: Ledger) -> None:
    write, actor = ledger.site.database.write, COMMAND
    url = "postgresql://hostseal:a-secret@db.example.com/hostseal"
    first = ledger.settings.model_copy(update={"session_hours": 8, "database": url})
    write(lambda c: settings_events.note(c, first, actor, NOW))
    found = {one.field: (one.old, one.new) for one in told(ledger, "settings.changed")}
    assert found["session_hours"] == (12, 8)
    assert found["database"] == (None, "postgresql://hostseal:***@db.example.com/hostseal")
    second = first.model_copy(update={"session_hours": 12})
    for _ in range(2):
        write(lambda c: settings_events.note(c, second, actor, NOW))
        assert told(ledger, "settings.changed") == [Change("session_hours", 8, 12)]
    assert b"a-secret" not in chain_text(ledger)
    assert server.PASSPHRASE.encode() not in chain_text(ledger)


def test_roles_in_a_setting_are_told_in_one_order_whoever_starts(ledger: Ledger) -> None:
    roles = frozenset({"reader", "issuer", "administrator", "auditor", "approver"})
    settings = ledger.settings.model_copy(update={"codes_required": roles})
    ledger.site.database.write(lambda c: settings_events.note(c, settings, COMMAND, NOW))
    (found,) = (one for one in told(ledger, "settings.changed") if one.field == "codes_required")
    assert found == Change("codes_required", [], sorted(roles))


def test_approved_licence_names_proposer_and_approver_with_their_own_time_and_address(
    ledger: Ledger,
) -> None:
    write = ledger.site.database.write
    write(lambda c: products.add(c, {"name": "seal", "needs_approval": True}, COMMAND, NOW))
    for actor in (ISSUER, APPROVER):
        email, role = actor.name.removeprefix("user:"), actor.name[5:].partition("@")[0]
        write(lambda c, e=email, r=role: accounts.insert(c, e, "!", r, COMMAND, NOW))  # type: ignore[misc]
    id_ = ledger.issue(1, product="seal")
    approver, later = APPROVER._replace(address="198.51.100.9"), NOW + 60
    reply = ledger.site.approve(
        int(id_), approver, "fine", later, lambda _: Reply(201, None, b"{}")
    )
    finished(reply)
    proposed = {
        "by": ISSUER.name,
        "at": "2026-11-18 11:06:40 UTC",
        "address": ISSUER.address,
    }
    found = details(ledger, "license.issued")
    assert found["proposed"] == proposed
    assert found["approved"] == {
        "by": APPROVER.name,
        "at": "2026-11-18 11:07:40 UTC",
        "address": "198.51.100.9",
    }
    assert details(ledger, "proposal.approved")["proposed"] == proposed
    with ledger.site.database.reading() as connection:
        wanted = EventFilter(action="license.issued")
        (event,) = audit_store.events(connection, wanted, before=None, limit=1)
    assert (event.actor, event.address) == (ISSUER.name, ISSUER.address)


def test_a_person_is_found_by_what_they_did_and_what_was_done_to_them(ledger: Ledger) -> None:
    write = ledger.site.database.write
    ada = write(lambda c: accounts.add(c, MAIL, "a password of ada", "issuer", COMMAND, NOW))
    by_ada = ISSUER._replace(name=f"user:{MAIL}")
    write(lambda c: customers.add(c, {"name": "Globex"}, by_ada, NOW))
    write(lambda c: customers.add(c, {"name": "Other"}, ISSUER, NOW))
    write(lambda c: accounts.end(c, ada, COMMAND, NOW))

    def listed(before: int | None, limit: int = 10, **more: Any) -> list[audit_store.Event]:
        wanted = EventFilter(person=MAIL, **more)
        with ledger.site.database.reading() as connection:
            return audit_store.events(connection, wanted, before=before, limit=limit)

    assert [event.action for event in listed(None)] == [
        "user.ended",
        "customer.added",
        "user.added",
    ]
    first = listed(None, 1)[0]
    assert [event.action for event in listed(first.id, 1)] == ["customer.added"]
    assert [event.action for event in listed(None, kind="customers")] == ["customer.added"]
    assert [event.action for event in listed(None, since=NOW + 1)] == []

"""Imports: each licence as if issued individually, each batch all or nothing."""

import io
import json
import os
from collections.abc import Iterator

import pytest
import sqlalchemy
from sqlalchemy.exc import IntegrityError

from license_core.errors import InternalError
from license_core.verify import open_license
from license_server.actor import COMMAND
from license_server.audit import audit_store
from license_server.audit.digests import KEYS, digest
from license_server.catalog import catalog_store, customers, products
from license_server.db import tables
from license_server.db.database import Database
from license_server.licenses import issuing
from license_server.sheets import (
    batches,
    importer,
    order_sheet,
)
from license_server.sheets.batches import Line, Outcome
from license_server.sheets.errors import SheetInvalidError
from license_server.signing.issuer import Random
from tests.support import server
from tests.support.api import issue
from tests.support.desk import Desk, unique
from tests.support.server import LINE
from tests.support.sheet_text import sheet
from tests.support.sql import statements


def lines(text: str) -> Iterator[Line]:
    return order_sheet.read(io.BytesIO(text.encode()))


def do(
    desk: Desk, text: str, job: str | None = None, *, random: Random = os.urandom
) -> list[Outcome]:
    site = desk.site
    done = importer.issue(
        site.database, site.issuer, lines(text), COMMAND, desk.clock.now, random, job
    )
    return [one for batch in done for one in batch]


def bound(database: Database, number: str) -> tuple[dict[str, str], dict[str, str]]:
    """What the event of a licence says of rows, and the digests of those rows now."""
    with database.reading() as connection:
        (event,) = audit_store.trail(connection, [number])
        said: dict[str, str] = json.loads(event.rows or "{}")
        now = {}
        for name in said:
            table, _, key = name.partition("/")
            columns = tables.metadata.tables[table]
            query = sqlalchemy.select(columns).where(columns.c[KEYS[table]] == key)
            now[name] = digest(table, dict(connection.execute(query).one()._mapping))
    return said, now


def test_imported_licences_equal_individually_issued_ones(desk: Desk) -> None:
    outcomes = do(desk, sheet(20, name=f"Alone {desk.clock.now}"))
    assert [one.line for one in outcomes] == list(range(2, 22))
    roots = server.roots(desk.settings.data)
    for one in outcomes:
        assert one.number is not None
        with desk.site.database.reading() as connection:
            stored = issuing.find(connection, one.number)
        license_ = open_license(issuing.file_of(stored), roots=roots).license
        assert license_ == issuing.claims_of(stored)
        assert (license_.jti, license_.features) == (one.number, ("a", "b"))
        said, now = bound(desk.site.database, one.number)
        assert said == now
        assert f"licenses/{one.number}" in said
    alone = issue(desk, customer=f"Alone {desk.clock.now} 1", product="bulk").json()["id"]
    with desk.site.database.reading() as connection:
        both = [
            audit_store.trail(connection, [number])[0]
            for number in (alone, outcomes[1].number or "")
        ]
    details = [json.loads(event.details) for event in both]
    assert details[1].pop("line") == 3
    assert details[0] == details[1]
    assert both[0].action == both[1].action == "license.issued"


def test_audit_log_adds_a_customer_before_its_first_licence(desk: Desk) -> None:
    name = f"First {desk.clock.now}"
    (done,) = do(desk, sheet(1, name=name))
    with desk.site.database.reading() as connection:
        number = done.number or ""
        customer = issuing.find(connection, number).customer
        trail = audit_store.trail(connection, [customer, number])
    assert [event.action for event in trail] == ["customer.added", "license.issued"]


def test_import_adds_a_new_customer_with_its_contact(desk: Desk) -> None:
    name = f"Contact {desk.clock.now}"
    do(desk, sheet(1, name=name))
    found = desk.client.get("/api/v1/customers", params={"q": name}, headers=desk.bearer).json()
    (customer,) = found["customers"]
    assert (customer["contact_email"], customer["language"]) == ("x0@example.com", "zh")


def test_new_customers_of_a_batch_are_added_with_one_statement(desk: Desk) -> None:
    name = f"Together {desk.clock.now}"
    with statements(desk.site.database.engine) as said:
        do(desk, sheet(20, name=name))
    added = [one for one in said if one.lower().startswith("insert into customer")]
    assert len(added) == 2, added  # and one for what finds names that are alike
    with desk.site.database.reading() as connection:
        for number in range(7):
            customer = customers.find(connection, f"{name} {number}")
            (event,) = audit_store.trail(connection, [customer.name])
            rows = json.loads(event.rows or "{}")
            assert rows == {f"customers/{customer.id}": customers.etag(customer)}
        alike = catalog_store.alike(connection, f"{name} 3 Ltd")
        assert alike is not None
        assert alike.name == f"{name} 3"


def test_restarted_import_issues_nothing_twice(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "BATCH", 4)
    text = sheet(11, f'X,bulk,"{LINE}",none,,,\n'.replace(LINE, "nothing"))
    job = f"job {desk.clock.now}"
    before = desk.count("licenses")
    first = importer.issue(
        *(desk.site.database, desk.site.issuer, lines(text), COMMAND, desk.clock.now, os.urandom),
        job,
    )
    begun = next(first) + next(first)  # and then it is stopped
    assert desk.count("licenses") == before + 8
    whole = do(desk, text, job)
    assert whole[:8] == begun
    assert desk.count("licenses") == before + 11
    assert (whole[-1].line, whole[-1].slug) == (13, "input-invalid")
    assert do(desk, text, job) == whole
    checked = importer.check(desk.site.database, lines(text), COMMAND, desk.clock.now, job)
    assert [one for batch in checked for one in batch] == whole


@pytest.mark.parametrize("wrong", ["first", "last"])
def test_batch_with_an_invalid_signature_is_not_stored(desk: Desk, wrong: str) -> None:
    class Broken:
        public_key = desk.site.issuer.signer.public_key
        signed = 0

        def sign(self, message: bytes) -> bytes:
            self.signed += 1
            is_wrong = self.signed == {"first": 1, "last": 3}[wrong]
            return bytes(64) if is_wrong else desk.site.issuer.signer.sign(message)

    issuer, before = desk.site.issuer._replace(signer=Broken()), desk.count("licenses")
    given = (lines(sheet(3)), COMMAND, desk.clock.now, os.urandom, None)
    with pytest.raises(InternalError, match="what was signed does not verify"):
        list(importer.issue(desk.site.database, issuer, *given))
    assert desk.count("licenses") == before


def test_batch_is_stored_completely_or_not_at_all(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A number that is taken: the batch is drawn up again; a failing disk leaves nothing."""
    drawn = os.urandom(3 * 5)  # forty bits of each number
    taken = {one.number for one in do(desk, sheet(3), random=lambda _: drawn)}
    draws = iter([drawn])
    there = desk.count("licenses")
    outcomes = do(desk, sheet(3), random=lambda count: next(draws, None) or os.urandom(count))
    assert next(draws, None) is None
    assert len({one.number for one in outcomes} - taken) == 3
    assert desk.count("licenses") == there + 3

    def broken(*_: object, **__: object) -> None:
        raise IntegrityError("insert", None, Exception("the record is gone"))

    before = [desk.count(table) for table in ("licenses", "audit_events", "customers")]
    monkeypatch.setattr(audit_store, "add_events", broken)
    with pytest.raises(Exception, match="other requests kept changing the same rows"):
        do(desk, sheet(3, name="Never"))
    assert [desk.count(t) for t in ("licenses", "audit_events", "customers")] == before


def test_second_row_replacing_the_same_licence_is_rejected(desk: Desk) -> None:
    former = issue(desk, customer="Replaced").json()["id"]
    host = LINE.replace('"', '""')
    text = "customer,product,host,days,replaces\n" + f'Replaced,darwin,"{host}",9,{former}\n' * 2
    first, second = do(desk, text)
    assert (first.slug, second.slug) == (None, "license-state")
    now = desk.client.get(f"/api/v1/licenses/{former}", headers=desk.bearer).json()
    assert (now["state"], now["replaced_by"]) == ("replaced", first.number)
    said, digests = bound(desk.site.database, first.number or "")
    assert said == digests
    assert said.keys() == {f"licenses/{former}", f"licenses/{first.number}"}


def test_row_of_a_later_batch_cannot_replace_a_licence_again(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second batch is prepared while the first is stored, and is prepared again."""
    monkeypatch.setattr(batches, "BATCH", 1)
    former = issue(desk, customer="Again").json()["id"]
    host = LINE.replace('"', '""')
    text = "customer,product,host,days,replaces\n" + f'Again,darwin,"{host}",9,{former}\n' * 2
    first, second = do(desk, text)
    assert (first.slug, second.slug) == (None, "license-state")
    now = desk.client.get(f"/api/v1/licenses/{former}", headers=desk.bearer).json()
    assert now["replaced_by"] == first.number


def test_approval_rule_set_during_an_import_is_reported_for_each_row(desk: Desk) -> None:
    """Its rule is changed while the batch is drawn up: where the numbers are drawn."""
    write, now, rule = desk.site.database.write, desk.clock.now, {"needs_approval": True}
    write(lambda c: products.add(c, {"name": "guarded-meanwhile"}, COMMAND, now))

    def meanwhile(count: int) -> bytes:
        write(lambda c: products.change(c, "guarded-meanwhile", rule, COMMAND, now))
        return os.urandom(count)

    text, site, before = sheet(2), desk.site, desk.count("licenses")
    told = lines(text.replace(",bulk,", ",guarded-meanwhile,"))
    (outcomes,) = importer.issue(site.database, site.issuer, told, COMMAND, now, meanwhile, None)
    assert [one.column for one in outcomes] == ["product", "product"]
    assert desk.count("licenses") == before


@pytest.mark.parametrize("what", ["customer", "product"])
def test_what_is_archived_during_an_import_is_reported_for_each_row(desk: Desk, what: str) -> None:
    write, now = desk.site.database.write, desk.clock.now
    name, product = unique(desk, "Meanwhile"), unique(desk, "p")
    id_ = write(lambda c: customers.add(c, {"name": name}, COMMAND, now)).id
    write(lambda c: products.add(c, {"name": product}, COMMAND, now))

    def meanwhile(count: int) -> bytes:
        if what == "customer":
            write(lambda c: customers.archive(c, id_, COMMAND, now))
        else:
            write(lambda c: products.archive(c, product, COMMAND, now))
        return os.urandom(count)

    rows = "".join(f"{name},{product},{os.urandom(20).hex()},30\n" for _ in "12")
    site, told = desk.site, lines("customer,product,host,days\n" + rows)
    (outcomes,) = importer.issue(site.database, site.issuer, told, COMMAND, now, meanwhile, None)
    assert [one.slug for one in outcomes] == ["archived", "archived"]


def test_batches_before_a_damaged_row_are_stored_and_reported(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "BATCH", 2)
    before, told = desk.count("licenses"), []
    site, damaged = desk.site, lines(sheet(5) + "X\0,bulk,nothing,5,,,\n")
    given = (site.database, site.issuer, damaged, COMMAND, desk.clock.now, os.urandom, None)
    with pytest.raises(SheetInvalidError):
        for batch in importer.issue(*given):
            told += batch
    assert [one.line for one in told] == [2, 3, 4, 5]
    assert desk.count("licenses") == before + 4

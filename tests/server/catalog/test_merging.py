"""Customers merged, renamed and archived with their licences: nothing is lost, all is proved."""

import io
import os
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, rule
from sqlalchemy import Connection, text

from license_core.errors import LicenseError, NotFoundError
from license_server.actor import COMMAND
from license_server.audit import audit_store
from license_server.catalog import catalog_store, customers, merge_store, merging, products
from license_server.catalog.errors import ArchivedError
from license_server.db.database import Database
from license_server.db.errors import ChangedMeanwhileError, InputInvalidError
from license_server.licenses import issuing, license_store, trails
from license_server.licenses.search import Filter
from license_server.licenses.together import Asked
from license_server.sheets import importer, order_sheet
from tests.support.ledger import ISSUER, NOW, Ledger, erase, new_ledger
from tests.support.postgres import new_database
from tests.support.sheet_text import sheet

STEPS, WALKS = 12, 3
STEPS_TORTURE, WALKS_TORTURE = 60, 60


@pytest.fixture(params=["sqlite", "postgresql"])
def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ledger]:
    made = new_ledger(tmp_path, None if request.param == "sqlite" else new_database())
    yield made
    made.site.database.close()


def add(ledger: Ledger, name: str, **members: Any) -> int:
    given = {"name": name, **members}
    return ledger.site.database.write(lambda c: customers.add(c, given, ISSUER, NOW)).id


def rename(ledger: Ledger, id_: int, name: str) -> None:
    ledger.site.database.write(lambda c: customers.change(c, id_, {"name": name}, ISSUER, NOW))


def merge(ledger: Ledger, id_: int, into: int, expected: str | None = None) -> None:
    write = ledger.site.database.write
    write(lambda c: merging.merge(c, id_, into, ISSUER, NOW, expected))


def called(ledger: Ledger, name: str) -> Any:
    with ledger.site.database.reading() as connection:
        return catalog_store.customer_called(connection, name)


def licences(ledger: Ledger, customer: str) -> set[str]:
    with ledger.site.database.reading() as connection:
        wanted = Filter(customer=customer)
        rows = license_store.listed(connection, wanted, NOW, before=None, limit=500).rows
    return {row.number for row in rows}


class Parties(RuleBasedStateMachine):
    """Some customers and what was done to them; every act is tried on every one."""

    ledger: Ledger
    numbers: Iterator[int]
    known = Bundle("known")

    def __init__(self) -> None:
        super().__init__()
        self.walk = next(self.numbers)
        self.at: dict[int, int] = {}  # each customer, and whom it was merged into
        self.names: dict[str, int] = {}  # each name, and who has or had it last
        self.present: dict[int, str] = {}
        self.held: dict[int, set[str]] = {}
        self.archived: set[int] = set()
        self.erased: set[int] = set()

    def live(self, id_: int) -> int:
        while self.at[id_] != id_:
            id_ = self.at[id_]
        return id_

    def is_gone(self, id_: int) -> bool:
        return self.live(id_) in self.erased

    def owner(self, name: str) -> str:
        """How the customer is called now that has, or had, a *name*."""
        return self.present[self.live(self.names[name])]

    @rule(target=known)
    def add(self) -> int:
        name = f"Firm {next(self.numbers)} of {self.walk}"
        id_ = add(self.ledger, name, notes=f"notes of {name}")
        self.at[id_], self.names[name], self.present[id_], self.held[id_] = id_, id_, name, set()
        return id_

    @rule(id_=known, by_a_former_name=st.booleans())
    def issue(self, id_: int, by_a_former_name: bool) -> None:
        live = self.live(id_)
        if self.is_gone(id_):
            return
        name = self.present[live]
        if by_a_former_name:
            name = next(one for one, whose in self.names.items() if self.live(whose) == live)
        if live in self.archived:
            with pytest.raises(ArchivedError):
                self.ledger.issue(next(self.numbers), customer=name)
            return
        self.held[live].add(self.ledger.issue(next(self.numbers), customer=name))

    @rule(id_=known)
    def renew(self, id_: int) -> None:
        live = self.live(id_)
        if self.held[live] and not self.is_gone(id_):
            with self.ledger.site.database.reading() as connection:
                rows = [issuing.find(connection, one) for one in sorted(self.held[live])]
            newest = next(row for row in rows if row.state == "active")
            self.held[live].add(self.ledger.act("renew", newest.number, days=400))

    @rule(id_=known)
    def rename(self, id_: int) -> None:
        name = f"Renamed {next(self.numbers)} of {self.walk}"
        if self.at[id_] != id_ or self.is_gone(id_):
            with pytest.raises(NotFoundError):
                rename(self.ledger, id_, name)
            return
        rename(self.ledger, id_, name)
        self.present[id_], self.names[name] = name, id_

    @rule(id_=known, archived=st.booleans())
    def archive(self, id_: int, archived: bool) -> None:
        live, write = self.live(id_), self.ledger.site.database.write
        if self.is_gone(id_):
            return
        write(lambda c: customers.archive(c, live, ISSUER, NOW, archived=archived))
        (self.archived.add if archived else self.archived.discard)(live)

    @rule(id_=known, into=known)
    def merge(self, id_: int, into: int) -> None:
        done, live = self.at[id_] == into != id_, self.at[id_] == id_ != into == self.at[into]
        if self.is_gone(id_) or self.is_gone(into) or not (done or live):
            with pytest.raises(LicenseError):
                merge(self.ledger, id_, into)
            return
        merge(self.ledger, id_, into)
        if live:
            self.at = {one: into if whose == id_ else whose for one, whose in self.at.items()}
            self.held[into] |= self.held.pop(id_)

    @rule(id_=known)
    def erase(self, id_: int) -> None:
        live = self.live(id_)
        if not self.is_gone(id_):
            erase(self.ledger, self.present[live])
            self.erased.add(live)

    def teardown(self) -> None:
        for name, whose in self.names.items():
            live = self.live(whose)
            if live in self.erased:
                assert called(self.ledger, name) is None
                continue
            assert called(self.ledger, name).id == live
            assert licences(self.ledger, name) == self.held[live]
        with self.ledger.site.database.reading() as connection:
            for id_, live in self.at.items():
                row = catalog_store.customer_by_id(connection, id_)
                assert row is not None
                assert row.merged_into == (None if live == id_ else live)
                if live in self.erased:
                    assert row.notes is None
                    continue
                assert "notes of Firm" in str(row.notes)
            alive = [id_ for id_ in self.at if self.at[id_] == id_ and id_ not in self.erased]
            ends = {id_: self.present[id_] for id_ in alive}
            for name in ends.values():
                of = trails.of(connection, audit_store.EventFilter(), name, None).subjects
                mine = [one for one in self.names if self.owner(one) == name]
                assert set(of or ()) >= set(mine)


def walk(ledger: Ledger, steps: int, walks: int, *, steady: bool) -> None:
    machine = type("Walk", (Parties,), {"ledger": ledger, "numbers": count(1)})
    case = machine.TestCase  # type: ignore[attr-defined]
    case.settings = settings(
        max_examples=walks,
        stateful_step_count=steps,
        deadline=None,
        database=None,
        derandomize=steady,
        suppress_health_check=list(HealthCheck),
    )
    case().runTest()
    kept = ledger.checkpoint()
    assert ledger.faults(kept) == []


def test_customers_merged_renamed_and_archived_lose_nothing(ledger: Ledger) -> None:
    walk(ledger, STEPS, WALKS, steady=True)


@pytest.mark.torture
def test_long_lives_of_customers_lose_nothing(ledger: Ledger) -> None:
    walk(ledger, STEPS_TORTURE, WALKS_TORTURE, steady=False)
    print(f"\ncustomers' lives walked against the model: {WALKS_TORTURE} of {STEPS_TORTURE} acts")


def test_merged_customer_gives_contact_notes_and_names_and_takes_none_away(ledger: Ledger) -> None:
    acme = add(ledger, "Acme", contact_name="Ada", contact_email="ada@acme.example", notes="old")
    left = add(ledger, "ACME Ltd", contact_name="Grace", notes="pays late")
    rename(ledger, acme, "Acme GmbH")
    merge(ledger, acme, left)
    with ledger.site.database.reading() as connection:
        target = customers.seen(connection, left, COMMAND)
        former = customers.seen(connection, acme, COMMAND)
        listed = customers.listed(connection, None, 10, None, COMMAND)
        found = customers.listed(connection, None, 10, "gmbh", COMMAND)
    assert target.contact_name == "Grace"
    assert target.notes == "pays late\n\nAcme GmbH: Ada ada@acme.example\n\nold"
    assert (former.merged_into, former.contact_name, former.notes) == (left, "Ada", "old")
    assert [one.id for one in listed] == [left]
    assert [one.id for one in found] == [left]
    assert called(ledger, "Acme").id == called(ledger, "Acme GmbH").id == left


def test_merging_again_changes_nothing_and_is_no_event(ledger: Ledger) -> None:
    one, other = add(ledger, "Acme"), add(ledger, "ACME Ltd")
    ledger.issue(1, customer="Acme")
    merge(ledger, one, other)
    with ledger.site.database.reading() as connection:
        before = audit_store.count_events(connection)
    merge(ledger, one, other)
    with ledger.site.database.reading() as connection:
        assert audit_store.count_events(connection) == before


def test_merge_that_saw_another_state_is_refused(ledger: Ledger) -> None:
    one, other = add(ledger, "Acme"), add(ledger, "ACME Ltd")
    with ledger.site.database.reading() as connection:
        seen = merging.etag(merging.plan(connection, one, other, ISSUER))
    rename(ledger, one, "Acme GmbH")
    with pytest.raises(ChangedMeanwhileError):
        merge(ledger, one, other, seen)
    with pytest.raises(InputInvalidError):
        merge(ledger, one, one)


def test_name_of_a_merged_customer_is_free_again(ledger: Ledger) -> None:
    one, other = add(ledger, "Acme"), add(ledger, "ACME Ltd")
    merge(ledger, one, other)
    rename(ledger, other, "Acme")
    assert called(ledger, "Acme").id == called(ledger, "ACME Ltd").id == other


def test_erasing_a_customer_erases_those_that_were_merged_into_it(ledger: Ledger) -> None:
    one = add(ledger, "Acme", contact_email="ada@acme.example")
    other = add(ledger, "ACME Ltd")
    merge(ledger, one, other)
    ledger.site.database.write(lambda c: customers.erase_contact(c, other, COMMAND, NOW))
    with ledger.site.database.reading() as connection:
        assert list(audit_store.all_values(connection)) == []
        assert customers.seen(connection, one, COMMAND).contact_email is None
    assert called(ledger, "Acme") is None
    assert ledger.faults() == []


def test_licence_issued_to_a_merged_customer_in_the_same_moment_follows(ledger: Ledger) -> None:
    one, other = add(ledger, "Acme"), add(ledger, "ACME Ltd")
    number, write = ledger.issue(1, customer="ACME Ltd"), ledger.site.database.write
    merge(ledger, one, other)
    late = write(lambda c: merge_store.move_licenses(c, other, one, 9))  # as another would have
    assert [row["number"] for row in late] == [number]
    assert licences(ledger, "ACME Ltd") == set()
    write(lambda c: merging.follow(c, one, ISSUER, NOW))
    assert licences(ledger, "ACME Ltd") == {number}
    assert ledger.faults() == []


def _of_a_sheet(ledger: Ledger) -> None:
    site = ledger.site
    lines = order_sheet.read(io.BytesIO(sheet(2, name="Acme").encode()))
    for _ in importer.issue(site.database, site.issuer, lines, ISSUER, NOW, os.urandom, None):
        pass


@pytest.mark.parametrize("ledger", ["postgresql"], indirect=True)
@pytest.mark.parametrize("way", ["together", "alone", "sheet"])
def test_customer_is_not_merged_by_another_process_before_its_licence_is_stored(
    ledger: Ledger, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = add(ledger, "Acme 1"), add(ledger, "Other")
    ledger.site.database.write(lambda c: products.ensure(c, "darwin", COMMAND, NOW))
    elsewhere, real = Database(str(ledger.settings.database)), license_store.take_ids
    with ThreadPoolExecutor(1) as process:
        merged: list[Future[None]] = []

        def work() -> None:
            elsewhere.write(lambda c: merging.merge(c, one, other, COMMAND, NOW))
            elsewhere.write(lambda c: merging.follow(c, one, COMMAND, NOW))

        def take_after(connection: Connection, count: int) -> list[int]:
            if not merged:
                merged.append(process.submit(work))
                while not merged[0].done() and not ledger.site.database.read(_waits):
                    pass
            return real(connection, count)

        monkeypatch.setattr(license_store, "take_ids", take_after)
        if way == "alone":
            monkeypatch.setattr(Asked, "may_be_plain", False)
        if way == "sheet":
            _of_a_sheet(ledger)
        else:
            ledger.issue(1, customer="Acme 1")
        merged[0].result(60)
    elsewhere.close()
    assert ledger.site.database.read(lambda c: merge_store.count_licenses(c, one)) == 0
    assert ledger.site.database.read(lambda c: merge_store.count_licenses(c, other)) == 1
    assert ledger.faults() == []


def _waits(connection: Connection) -> bool:
    """Whether a transaction waits for another."""
    of_it = "datname = current_database() and wait_event_type = 'Lock'"
    query = text(f"select 1 from pg_stat_activity where {of_it}")
    return connection.execute(query).first() is not None


def with_trials(ledger: Ledger) -> None:
    plans = {"Trial": {"trial": True, "days": 30}}
    given = {"name": "darwin", "plans": plans}
    ledger.site.database.write(lambda c: products.add(c, given, COMMAND, NOW))


def trial(ledger: Ledger, host: int, customer: str, **members: Any) -> str:
    return ledger.issue(host, customer=customer, plan="Trial", days=None, **members)


def test_customers_of_one_name_one_after_another_may_each_have_had_a_trial(ledger: Ledger) -> None:
    with_trials(ledger)
    first = add(ledger, "Acme")
    trial(ledger, 1, "Acme")
    rename(ledger, first, "Acme Ltd.")
    second, third = add(ledger, "Acme"), add(ledger, "Third")
    trial(ledger, 2, "Acme")
    trial(ledger, 3, "Third")
    merge(ledger, second, first)
    merge(ledger, first, third)
    assert ledger.faults() == []


@pytest.mark.parametrize("when", ["before the merge", "after it"])
def test_second_trial_of_one_customer_is_found_whatever_it_was_merged_with(
    ledger: Ledger, when: str
) -> None:
    with_trials(ledger)
    one, other = add(ledger, "Acme"), add(ledger, "Acme Ltd.")
    first = trial(ledger, 1, "Acme")
    if when == "after it":
        merge(ledger, one, other)
    rename(ledger, other, "Other")
    name = "Other" if when == "after it" else "Acme"
    second = ledger.issue(2, customer=name)
    if when != "after it":
        merge(ledger, one, other)
    given = text("update licenses set kind = 'trial' where number = :number")
    ledger.site.database.write(lambda c: c.execute(given, {"number": second}))
    told = [fault for fault in ledger.faults() if fault.kind == "given-twice"]
    assert [(fault.subject, first in fault.detail) for fault in told] == [
        (f"licenses/{second}", True)
    ]


def test_row_of_a_merged_customer_says_where_it_ended_and_is_nobodys_name(ledger: Ledger) -> None:
    first, second, third = (add(ledger, name) for name in ("A", "B", "C"))
    merge(ledger, first, second)
    merge(ledger, second, third)
    with ledger.site.database.reading() as connection:
        rows = [catalog_store.customer_by_id(connection, id_) for id_ in (first, second)]
    names = [row.name for row in rows if row is not None]
    assert names == [f"#{id_}, merged into #{third}" for id_ in (first, second)]
    for name in (names[0], names[0].upper()):
        assert called(ledger, name) is None
        with pytest.raises(InputInvalidError, match="merged"):
            add(ledger, name)
        with pytest.raises(InputInvalidError, match="merged"):
            rename(ledger, third, name)
        with pytest.raises(InputInvalidError, match="merged"):
            ledger.issue(1, customer=name)


def test_customers_merge_though_one_had_the_name_of_a_merged_row(ledger: Ledger) -> None:
    first, second, third = (add(ledger, name) for name in ("A", "B", "C"))
    name = f"#{first}, merged into #{second}"
    write = ledger.site.database.write
    write(lambda c: catalog_store.change_customer(c, third, name=name))  # as one could once
    merge(ledger, first, second)
    assert called(ledger, "A").id == second
    assert called(ledger, name).id == third

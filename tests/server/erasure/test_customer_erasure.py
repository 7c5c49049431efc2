"""A customer is erased: nothing of her is left anywhere, and the record is as whole as before."""

import csv
import io
import os
import re
from collections.abc import Iterator, MutableMapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from sqlalchemy import select
from starlette.testclient import TestClient
from structlog.testing import capture_logs

from license_server.access.tokens import Grant
from license_server.app import create_app
from license_server.audit import audit_store, chain
from license_server.audit.verify import Fault
from license_server.db.tables import metadata
from license_server.operations import backup
from license_server.permissions import PERMISSIONS
from tests.support import canary_customer, searched, server
from tests.support.canary_customer import HOST, NAME, OTHER, WORDS, Planted
from tests.support.desk import Clock, Desk
from tests.support.ledger import NOW, Ledger, new_ledger
from tests.support.pages import sign_in
from tests.support.postgres import new_database


class Erased(NamedTuple):
    """A vendor who erased her, and what was known before."""

    ledger: Ledger
    client: TestClient
    headers: dict[str, str]
    planted: Planted
    checkpoint: str
    before: bytes
    """Every value of every table."""
    exported: bytes
    """The audit log."""
    faults: list[Fault]
    folder: Path
    logs: list[MutableMapping[str, Any]]
    """What the server logged, of requests that name her, too."""


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def erased(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Erased]:
    folder = tmp_path_factory.mktemp("erased")
    ledger = new_ledger(folder, None if request.param == "sqlite" else new_database())
    planted = canary_customer.plant(ledger)
    kept, faults = ledger.checkpoint(), ledger.faults()
    with ledger.site.database.reading() as connection:
        before = searched.rows(connection)
        exported = b"".join(map(chain.exported, audit_store.whole_chain(connection)))
    token = server.new_token(ledger.site.database, "all", NOW, Grant(frozenset(PERMISSIONS)))
    clock = Clock()
    clock.now = NOW + 60
    app = create_app(ledger.settings, clock=clock, random=os.urandom)
    headers = {"Authorization": f"Bearer {token}"}
    with capture_logs() as logs, TestClient(app, client=("127.0.0.1", 50_000)) as client:
        for path, asked in (("find", {"q": NAME}), ("licenses", {"customer": NAME, "wrong": NAME})):
            client.get(f"/api/v1/{path}", params=asked, headers=headers)
        refused = {"customer": NAME, "product": "nothing", "host": HOST, "days": 3}
        client.post("/api/v1/licenses", json=refused, headers=headers)
        wanted = {"reason": "asked for in writing", "live": True}
        reply = client.post(f"/api/v1/customers/{planted.id}/erase", json=wanted, headers=headers)
        assert reply.status_code == 200, reply.text
        yield Erased(ledger, client, headers, planted, kept, before, exported, faults, folder, logs)
    ledger.site.database.close()


def test_all_of_her_was_there_before(erased: Erased) -> None:
    assert searched.found_in(erased.before, WORDS) == set(WORDS)
    assert erased.faults == []


def test_no_row_has_a_word_of_her(erased: Erased) -> None:
    with erased.ledger.site.database.reading() as connection:
        assert searched.places(connection, WORDS) == {}


def test_the_record_is_whole_against_a_checkpoint_from_before(erased: Erased) -> None:
    assert erased.ledger.faults(erased.checkpoint) == []


def test_files_of_the_database_have_no_byte_of_her(erased: Erased) -> None:
    paths = [path for path in erased.ledger.settings.data.rglob("*") if path.is_file()]
    assert paths
    for path in paths:
        assert searched.found_in(path.read_bytes(), WORDS) == set(), path.name


def test_a_backup_made_afterwards_has_nothing_of_her(erased: Erased) -> None:
    parts: list[bytes] = []
    with erased.ledger.site.database.snapshot() as connection:
        backup.write(connection, {}, parts.append, NOW, lambda _: None)
    assert OTHER.encode() in b"".join(searched.parts(b"".join(parts)))
    assert searched.found_in(b"".join(parts), WORDS) == set()


@pytest.mark.parametrize(
    "path",
    [
        *("/metrics", "/api/v1/events?limit=200", "/api/v1/licenses", "/api/v1/customers"),
        *("/api/v1/mails", "/api/v1/requests", "/api/v1/proposals"),
        *("/api/v1/exports/licenses.csv", "/api/v1/exports/customers.csv"),
        "/api/v1/find?q=zephyrine",
    ],
)
def test_replies_and_exports_have_nothing_of_her(erased: Erased, path: str) -> None:
    reply = erased.client.get(path, headers=erased.headers)
    assert reply.status_code == 200, reply.text
    assert searched.found_in(reply.content, [w for w in WORDS if w not in path]) == set()


def test_export_of_customers_has_instants_in_words(erased: Erased) -> None:
    reply = erased.client.get("/api/v1/exports/customers.csv", headers=erased.headers)
    told = [row["erased_at"] for row in csv.DictReader(io.StringIO(reply.text))]
    assert any(re.match(r"20\d\d-\d\d-\d\d", one) for one in told), told


def test_the_log_has_nothing_of_her(erased: Erased) -> None:
    assert len(erased.logs) > 4
    assert searched.found_in(repr(erased.logs).encode(), WORDS) == set()


def test_the_other_customer_is_as_before(erased: Erased) -> None:
    get = erased.client.get
    found = get(f"/api/v1/licenses/{erased.planted.other}", headers=erased.headers).json()
    assert (found["customer"], found["host"]["name"]) == (OTHER, "host-77")
    reply = get(f"/api/v1/licenses/{erased.planted.other}/license.dat", headers=erased.headers)
    assert reply.status_code == 200


def test_what_was_sold_is_kept(erased: Erased) -> None:
    for number in erased.planted.numbers:
        found = erased.client.get(f"/api/v1/licenses/{number}", headers=erased.headers).json()
        assert found["customer"] == f"#{erased.planted.id}, erased"
        assert (found["product"], found["id"]) == ("darwin", number)
        assert found["expires_at"] and found["issued_at"]
        reply = erased.client.get(f"/api/v1/licenses/{number}/license.dat", headers=erased.headers)
        assert (reply.status_code, reply.json()["type"].rpartition("/")[2]) == (
            410,
            "license-erased",
        )


def test_an_event_says_who_erased_whom_and_why(erased: Erased) -> None:
    asked = {"subject": f"#{erased.planted.id}, erased", "limit": 200}
    reply = erased.client.get("/api/v1/events", params=asked, headers=erased.headers)
    told = {one["action"]: one for one in reply.json()["events"]}
    begun = told["customer.erasure-begun"]
    assert (begun["actor"], begun["reason"]) == ("token:all", "asked for in writing")
    assert told["customer.erased"]["actor"] == "token:all"
    assert NAME not in reply.text


def test_sent_again_it_changes_nothing(erased: Erased) -> None:
    path = f"/api/v1/customers/{erased.planted.id}/erase"
    with erased.ledger.site.database.reading() as connection:
        before = searched.rows(connection)
    reply = erased.client.post(path, json={"reason": "again"}, headers=erased.headers)
    assert (reply.status_code, reply.json()["name"]) == (200, f"#{erased.planted.id}, erased")
    erased.ledger.link()
    with erased.ledger.site.database.reading() as connection:
        assert len(searched.rows(connection)) >= len(before)


def test_every_page_of_what_is_left_can_be_looked_at(erased: Erased) -> None:
    client, ledger, planted = erased.client, erased.ledger, erased.planted
    desk = Desk(client, ledger.site, ledger.settings, "", Clock())
    assert sign_in(desk).status_code == 200
    with ledger.site.database.reading() as connection:
        ids = {
            table: connection.execute(select(metadata.tables[table].c.id)).scalars().all()
            for table in ("requests", "mails", "proposals", "webhook_deliveries")
        }
    paths = [
        *("/", "/overview", "/licenses", "/customers", "/requests", "/outbox", "/proposals"),
        *("/record?limit=200", "/renewals", "/find?q=erased", "/requests/list.csv"),
        *(
            "/customers/customers.csv",
            f"/customers/{planted.id}",
            f"/customers/{planted.id}/portal",
        ),
        *(f"/licenses/{number}" for number in planted.numbers),
        *(f"/requests/{id_}" for id_ in ids["requests"]),
        *(f"/outbox/{id_}" for id_ in ids["mails"]),
        *(f"/proposals/{id_}" for id_ in ids["proposals"]),
    ]
    for path in paths:
        reply = client.get(path)
        assert reply.status_code == 200, (path, reply.text)
        assert searched.found_in(reply.content, WORDS) == set(), path
    for number in planted.numbers:
        for act in ("renew", "license.dat", "qr"):
            assert client.get(f"/licenses/{number}/{act}").status_code in (409, 410), act


def test_an_erased_customer_takes_no_act_that_needs_its_host(erased: Erased) -> None:
    path = f"/api/v1/licenses/{erased.planted.numbers[-1]}"
    for act, body in (("renew", {"days": 30}), ("suspend", {"reason": "no longer paid"})):
        reply = erased.client.post(f"{path}/{act}", json=body, headers=erased.headers)
        assert reply.status_code == (409 if act == "renew" else 200), reply.text
    assert erased.ledger.faults(erased.checkpoint) == []


def test_seals_of_what_is_gone_are_those_of_an_export_from_before(
    erased: Erased,
) -> None:
    record = erased.folder / "record.jsonl"
    record.write_bytes(erased.exported)
    env = server.environment(erased.ledger.settings.data, erased.ledger.settings.database)
    done = server.at_once("audit", "erased", "--against", str(record), env=env)
    told = [line.split("\t") for line in done.stdout.splitlines()]
    assert {one[-1] for one in told if one[2] != "customer.erasure-begun"} <= {"bound", "unknown"}
    assert {"subject", "reason", "details/customer"} <= {
        one[3] for one in told if one[-1] == "bound"
    }
    assert searched.found_in(done.stdout.encode(), WORDS) == set()


def test_erased_customers_are_listed_for_whoever_restores_a_backup(erased: Erased) -> None:
    env = server.environment(erased.ledger.settings.data, erased.ledger.settings.database)
    done = server.at_once("customer", "erased", env=env)
    number, _, by, reason = done.stdout.rstrip("\n").split("\t")
    assert (number, by, reason) == (f"#{erased.planted.id}", "token:all", "asked for in writing")

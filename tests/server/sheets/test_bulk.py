"""Many licences at once: each as if it had been issued alone, once, and all or none of a batch."""

import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
import sqlalchemy
from fastapi import FastAPI
from httpx import Response
from sqlalchemy.exc import IntegrityError

from license_core.verify import open_license
from license_server.access import accounts, tokens
from license_server.actor import COMMAND, Actor
from license_server.audit import audit_store
from license_server.audit.digests import KEYS, digest
from license_server.catalog import products
from license_server.db import tables
from license_server.db.database import Database
from license_server.db.idempotency import Idempotency
from license_server.licenses import issuing, license_store, recording
from license_server.licenses.search import Filter
from license_server.operations.data_folder import open_database
from license_server.sheets import (
    batches,
    importer,
    job_state,
    keyed_jobs,
    order_sheet,
)
from license_server.sheets.batches import Line, Outcome
from license_server.sheets.errors import SheetInvalidError
from tests.support import server
from tests.support.api import issue
from tests.support.desk import Desk
from tests.support.postgres import new_database
from tests.support.server import LINE, REPOSITORY

TEST = Actor("token:test", frozenset({"licenses:issue"}))
HEADER = "customer,product,host,days,features,contact_email,language\n"


def sheet(count: int, *wrong: str, name: str = "Bulk") -> str:
    """*count* lines that are right, and the lines *wrong*."""
    host = LINE.replace('"', '""')
    right = (
        f'{name} {n % 7},bulk,"{host}",{n % 90 + 1},a b,x@example.com,zh\n' for n in range(count)
    )
    return HEADER + "".join((*right, *wrong))


def lines(text: str) -> Iterator[Line]:
    return order_sheet.read(io.BytesIO(text.encode()))


def do(desk: Desk, text: str, job: str | None = None) -> list[Outcome]:
    site = desk.site
    done = importer.issue(
        site.database, site.issuer, lines(text), COMMAND, desk.clock.now, os.urandom, job
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


def test_what_is_issued_in_bulk_is_as_if_issued_alone(desk: Desk) -> None:
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


def test_the_record_has_a_customer_before_its_first_licence(desk: Desk) -> None:
    name = f"First {desk.clock.now}"
    (done,) = do(desk, sheet(1, name=name))
    with desk.site.database.reading() as connection:
        number = done.number or ""
        customer = issuing.find(connection, number).customer
        trail = audit_store.trail(connection, [customer, number])
    assert [event.action for event in trail] == ["customer.added", "license.issued"]


def test_a_customer_of_a_sheet_is_added_with_its_contact(desk: Desk) -> None:
    name = f"Contact {desk.clock.now}"
    do(desk, sheet(1, name=name))
    found = desk.client.get("/api/v1/customers", params={"q": name}, headers=desk.bearer).json()
    (customer,) = found["customers"]
    assert (customer["contact_email"], customer["language"]) == ("x@example.com", "zh")


def test_a_job_that_is_begun_again_issues_nothing_twice(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
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


def test_a_batch_is_stored_whole_or_not_at_all(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A number that is taken: the batch is drawn up again; a failing disk leaves nothing."""
    taken = issue(desk).json()["id"]
    numbers = iter([taken])
    draw = issuing.new_number
    monkeypatch.setattr(issuing, "new_number", lambda *given: next(numbers, None) or draw(*given))
    before = [desk.count(table) for table in ("licenses", "audit_events")]
    outcomes = do(desk, sheet(3))
    assert taken not in {one.number for one in outcomes}
    assert desk.count("licenses") == before[0] + 3

    def broken(*_: object, **__: object) -> None:
        raise IntegrityError("insert", None, Exception("the record is gone"))

    before = [desk.count(table) for table in ("licenses", "audit_events", "customers")]
    monkeypatch.setattr(recording, "event_of", broken)
    with pytest.raises(Exception, match="others write the same"):
        do(desk, sheet(3, name="Never"))
    assert [desk.count(t) for t in ("licenses", "audit_events", "customers")] == before


def test_a_line_may_replace_a_licence_once(desk: Desk) -> None:
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


def test_a_line_of_the_next_batch_cannot_replace_a_licence_again(
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


def test_a_product_that_wants_approval_since_the_plan_is_told_at_each_line(desk: Desk) -> None:
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


def test_what_is_stored_before_a_damaged_line_is_told(
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


def post(desk: Desk, text: str | bytes, **query: str) -> tuple[int, dict[str, object]]:
    headers = desk.bearer | {"Content-Type": query.pop("kind", "text/csv")}
    if "key" in query:
        headers["Idempotency-Key"] = query.pop("key")
    reply = desk.client.post("/api/v1/imports", content=text, params=query, headers=headers)
    return reply.status_code, reply.json()


def test_an_import_over_http_answers_line_by_line(desk: Desk) -> None:
    wrong = ("X,bulk,nothing,5,,,\n", 'Y,bulk,"{}",five,,,\n'.format(LINE.replace('"', '""')))
    before = desk.count("licenses")
    status, told = post(desk, sheet(2, *wrong), dry_run="true")
    assert status == 200
    shown = [(one["line"], one["ok"], one.get("column"), one.get("slug")) for one in told["lines"]]  # type: ignore[attr-defined]
    assert shown == [
        (2, True, None, None),
        (3, True, None, None),
        (4, False, None, "request-unreadable"),
        (5, False, "days", "input-invalid"),
    ]
    status, told = post(desk, sheet(2, *wrong))
    assert (status, told["type"]) == (409, "/problems/import-refused")
    assert "2 of 4 lines" in str(told["detail"])
    assert desk.count("licenses") == before
    key = f"sheet {desk.clock.now}"
    first = post(desk, sheet(2, *wrong), skip_wrong="true", key=key)
    assert first[0] == 200
    assert post(desk, sheet(2, *wrong), skip_wrong="true", key=key) == first
    assert desk.count("licenses") == before + 2


@pytest.mark.parametrize("end", ["revoked", "over"])
def test_an_import_over_http_ends_with_its_token(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, end: str
) -> None:
    """What was issued before stays; of the rest, nothing is."""
    monkeypatch.setattr(batches, "BATCH", 1)
    name, now = f"sheet {end} {desk.clock.now}", desk.clock.now
    until = now + 100 if end == "over" else None
    grant = tokens.Grant(frozenset({"licenses:issue"}), None, until)
    token = server.new_token(desk.site.database, name, now, grant)
    asked: list[int] = []
    check: Any = accounts.check_still

    def third_time(connection: Any, *given: Any) -> None:
        """At the third batch it has ended."""
        asked.append(1)
        if len(asked) == 3 and end == "revoked":
            tokens.revoke_token(connection, name, COMMAND, now)
        late = 200 if len(asked) >= 3 and end == "over" else 0
        check(connection, *given[:-1], lambda: now + late)

    monkeypatch.setattr(accounts, "check_still", third_time)
    before = desk.count("licenses")
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "text/csv"}
    reply = desk.client.post("/api/v1/imports", content=sheet(6), headers=headers)
    assert reply.status_code == 403
    assert "The token has been revoked, or has ended" in reply.json()["detail"]
    assert desk.count("licenses") == before + 2


def test_an_import_that_is_worked_on_is_told_to_wait(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its key is held from the first line to the last, however long that takes."""
    monkeypatch.setattr(batches, "BATCH", 2)
    text, key = sheet(5), f"held {desk.clock.now}"
    meanwhile: list[Response] = []
    turns = iter(range(5))

    def ask(body: str) -> Response:
        headers = desk.bearer | {"Content-Type": "text/csv", "Idempotency-Key": key}
        reply: Response = desk.client.post("/api/v1/imports", content=body, headers=headers)
        return reply

    def random(count: int) -> bytes:
        if next(turns, None) is not None:  # while each of its licences is drawn up
            desk.clock.now += job_state.STOPPED_AFTER // 5 + 1
            meanwhile.append(ask(text))
        return os.urandom(count)

    state = cast(FastAPI, desk.client.app).state
    monkeypatch.setattr(state.server, "site", desk.site._replace(random=random))
    before = desk.count("licenses")
    first = ask(text)
    assert first.status_code == 200
    told = {(one.status_code, one.json()["type"], one.headers["Retry-After"]) for one in meanwhile}
    assert (len(meanwhile), told) == (5, {(409, "/problems/still-running", "5")})
    assert ask(text).content == first.content
    assert ask(sheet(4)).json()["type"] == "/problems/idempotency-key-reused"
    assert desk.count("licenses") == before + 5


def test_an_import_whose_process_is_gone_goes_on_when_its_key_is_free(desk: Desk) -> None:
    text, name = sheet(3), f"gone {desk.clock.now}"
    key = Idempotency.of(name, "POST", "/api/v1/imports", text.encode())
    desk.site.database.write(lambda c: keyed_jobs.begin(c, key, TEST, desk.clock.now))
    assert post(desk, text, key=name)[1]["type"] == "/problems/still-running"
    desk.clock.now += job_state.STOPPED_AFTER
    assert post(desk, text, key=name)[0] == 200


def test_a_sheet_that_is_refused_may_be_mended_under_its_key(desk: Desk) -> None:
    name = f"mended {desk.clock.now}"
    wrong = post(desk, sheet(2, "X,bulk,nothing,5,,,\n"), key=name)
    assert wrong[1]["type"] == "/problems/import-refused"
    assert post(desk, sheet(2), key=name)[0] == 200


def test_a_sheet_over_http_may_be_large_and_in_gb18030(desk: Desk) -> None:
    text = sheet(1, name="上海智能") + "\n" * 400_000
    status, told = post(desk, text.encode("gb18030"), kind="text/csv; charset=GB18030")
    assert (status, len(told["lines"])) == (200, 1)  # type: ignore[arg-type]
    assert post(desk, "x" * (16 * 1024 * 1024 + 1))[1]["type"] == "/problems/request-too-large"
    assert post(desk, "salary\n1\n")[1]["type"] == "/problems/sheet-invalid"
    assert post(desk, "{}", kind="application/json")[1]["type"] == "/problems/input-invalid"


def test_licences_are_exported_as_they_are_listed(desk: Desk) -> None:
    customer = f"=Export {desk.clock.now}"
    made = [issue(desk, customer=customer, limits={"gpus": n + 1}).json()["id"] for n in range(3)]
    reply = desk.client.get(
        "/api/v1/exports/licenses.csv", params={"customer": customer}, headers=desk.bearer
    )
    assert reply.headers["content-type"].startswith("text/csv")
    first, *others = reply.text.splitlines()
    assert first.startswith("number,state,customer,product,host_key")
    assert [line.partition(",")[0] for line in others] == made[::-1]
    assert f",'{customer}," in others[0]
    assert ",gpus=3," in others[0]
    wrong = desk.client.get("/api/v1/exports/licenses.csv?salary=1", headers=desk.bearer)
    assert wrong.json()["type"] == "/problems/input-invalid"


# The command


def run(data: Path, *arguments: str, url: str | None = None) -> subprocess.CompletedProcess[str]:
    return server.at_once(*arguments, env=server.environment(data, url))


def test_the_command_imports_reports_and_exports(data: Path, tmp_path: Path) -> None:
    file, report = tmp_path / "orders.csv", tmp_path / "report.csv"
    file.write_text(sheet(3, "X,bulk,nothing,5,,,\n"))
    arguments = ("import", "licenses", str(file), "--report", str(report))
    for more in (("--dry-run",), ()):
        refused = run(data, *arguments, *more)
        assert refused.returncode == 111
        assert "line 5: " in refused.stderr
        assert "1 of 4 lines" in refused.stderr
        assert "5,,,request-unreadable," in report.read_text()
    done = run(data, *arguments, "--skip-wrong")
    assert (done.returncode, done.stderr.splitlines()[-1]) == (0, "Issued 3 licences.")
    exported = run(data, "export", "licenses", "-o", "-")
    numbers = {line.split(",")[0] for line in exported.stdout.splitlines()[1:]}
    issued = {line.split(",")[1] for line in report.read_text().splitlines()[1:]} - {""}
    assert numbers == issued
    assert len(numbers) == 3
    customers = run(data, "export", "customers", "-o", "-").stdout.splitlines()
    assert len(customers) == 1 + 3
    events = run(data, "export", "events", "--action", "license.issued", "-o", "-").stdout
    assert len(events.splitlines()) == 1 + 3


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_an_import_that_is_killed_goes_on_and_issues_each_line_once(
    tmp_path: Path, kind: str
) -> None:
    url = None if kind == "sqlite" else new_database()
    data = tmp_path / "server"
    made = server.make(data, url)
    count = 2600
    file = tmp_path / "orders.csv"
    file.write_text(sheet(count))
    line = [sys.executable, "-m", "license_server", "import", "licenses", str(file)]
    env = server.environment(data, url)
    database = open_database(made)
    with subprocess.Popen(line, env=env, cwd=REPOSITORY, stderr=subprocess.DEVNULL) as process:
        while (begun := _count(database)) < batches.BATCH and process.poll() is None:
            pass
        process.send_signal(signal.SIGKILL)
    stopped = _count(database)
    assert stopped % batches.BATCH == 0 or stopped == count
    assert batches.BATCH <= begun <= stopped
    done = run(data, "import", "licenses", str(file), url=url)
    assert (done.returncode, done.stderr) == (0, f"Issued {count} licences.\n")
    with database.reading() as connection:
        stored = license_store.listed(connection, Filter(), 0, before=None, limit=3000).rows
        events = [audit_store.trail(connection, [one.number])[0] for one in stored]
        seen = sorted(json.loads(event.details)["line"] for event in events)
    database.close()
    assert seen == list(range(2, count + 2))
    roots = server.roots(data)
    for one in stored[::40]:
        assert open_license(issuing.file_of(one), roots=roots).license.jti == one.number


def _count(database: Database) -> int:
    with database.reading() as connection:
        query = sqlalchemy.select(sqlalchemy.func.count()).select_from(tables.licenses)
        return int(connection.execute(query).scalar_one())

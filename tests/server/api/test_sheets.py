"""Imports and exports of CSV files over HTTP."""

import csv
import io
import os
from functools import partial
from typing import Any, cast

import pytest
from fastapi import FastAPI
from httpx import Response

from license_server.access import accounts, tokens
from license_server.actor import COMMAND, Actor
from license_server.catalog import customers
from license_server.db.idempotency import Idempotency
from license_server.sheets import (
    batches,
    customer_sheet,
    job_state,
    keyed_jobs,
)
from tests.support import server
from tests.support.api import issue
from tests.support.desk import Desk
from tests.support.server import LINE
from tests.support.sheet_text import sheet

TEST = Actor("token:test", frozenset({"licenses:issue"}))


def post(desk: Desk, text: str | bytes, **query: str) -> tuple[int, dict[str, object]]:
    headers = desk.bearer | {"Content-Type": query.pop("kind", "text/csv")}
    if "key" in query:
        headers["Idempotency-Key"] = query.pop("key")
    reply = desk.client.post("/api/v1/imports", content=text, params=query, headers=headers)
    return reply.status_code, reply.json()


def test_import_answers_row_by_row(desk: Desk) -> None:
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
    assert "errors in the sheet: 2 of 4" in str(told["detail"])
    assert desk.count("licenses") == before
    key = f"sheet {desk.clock.now}"
    first = post(desk, sheet(2, *wrong), skip_wrong="true", key=key)
    assert first[0] == 200
    assert post(desk, sheet(2, *wrong), skip_wrong="true", key=key) == first
    assert desk.count("licenses") == before + 2


def test_dry_run_says_of_each_row_what_it_takes_away(desk: Desk) -> None:
    former = issue(desk, customer="Lessened", limits={"gpus": 4}).json()["id"]
    row_ = 'Lessened,darwin,"{}",9,{},gpus=2\n'.format(LINE.replace('"', '""'), former)
    text = "customer,product,host,days,replaces,limits\n" + row_
    (line,) = cast(list[Any], post(desk, text, dry_run="true")[1]["lines"])
    (notice,) = line["notices"]
    assert notice["slug"] == "takes-away"
    assert f"grants less than {former}: gpus 2 instead of 4" in notice["detail"]
    key = f"lessened {desk.clock.now}"
    done = post(desk, text, key=key)
    assert done[1]["lines"][0]["notices"] == []  # type: ignore[index]
    assert post(desk, text, key=key) == done


@pytest.mark.parametrize("end", ["revoked", "over"])
def test_import_stops_when_its_token_ends(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, end: str
) -> None:
    """What was issued before stays; of the rest, nothing is."""
    monkeypatch.setattr(batches, "BATCH", 1)
    name, now = f"sheet {end} {desk.clock.now}", desk.clock.now
    until = now + 100 if end == "over" else None
    grant = tokens.Grant(frozenset({"licenses:issue", "products:write"}), None, until)
    token = server.new_token(desk.site.database, name, now, grant)
    asked: list[int] = []
    check: Any = accounts.check_still

    def third_time(connection: Any, *given: Any) -> None:
        """At the third batch it has ended."""
        asked.append(1)
        if len(asked) >= 3 and end == "revoked":  # again where the batch is tried again
            tokens.revoke_token(connection, name, COMMAND, now)
        late = 200 if len(asked) >= 3 and end == "over" else 0
        check(connection, *given[:-1], lambda: now + late)

    monkeypatch.setattr(accounts, "check_still", third_time)
    before = desk.count("licenses")
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "text/csv"}
    reply = desk.client.post("/api/v1/imports", content=sheet(6), headers=headers)
    assert reply.status_code == 403
    assert ("was revoked" if end == "revoked" else "has expired") in reply.json()["detail"]
    assert desk.count("licenses") == before + 2


def test_repeated_import_is_told_to_wait_while_the_first_runs(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its key is held from the first line to the last, however long that takes."""
    monkeypatch.setattr(batches, "BATCH", 1)
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


def test_abandoned_import_can_be_repeated_after_a_while(desk: Desk) -> None:
    text, name = sheet(3), f"gone {desk.clock.now}"
    key = Idempotency.of(name, "POST", "/api/v1/imports", text.encode())
    desk.site.database.write(lambda c: keyed_jobs.begin(c, key, TEST, desk.clock.now))
    assert post(desk, text, key=name)[1]["type"] == "/problems/still-running"
    desk.clock.now += job_state.STOPPED_AFTER
    assert post(desk, text, key=name)[0] == 200


def test_corrected_csv_file_can_reuse_the_key_of_a_rejected_one(desk: Desk) -> None:
    name = f"mended {desk.clock.now}"
    wrong = post(desk, sheet(2, "X,bulk,nothing,5,,,\n"), key=name)
    assert wrong[1]["type"] == "/problems/import-refused"
    assert post(desk, sheet(2), key=name)[0] == 200


def test_import_reads_large_gb18030_files_and_rejects_wrong_ones(desk: Desk) -> None:
    text = sheet(1, name="上海智能") + "\n" * 400_000
    status, told = post(desk, text.encode("gb18030"), kind="text/csv; charset=GB18030")
    assert (status, len(told["lines"])) == (200, 1)  # type: ignore[arg-type]
    assert post(desk, "x" * (16 * 1024 * 1024 + 1))[1]["type"] == "/problems/request-too-large"
    assert post(desk, "salary\n1\n")[1]["type"] == "/problems/sheet-invalid"
    assert post(desk, "{}", kind="application/json")[1]["type"] == "/problems/input-invalid"


def test_export_has_the_licences_in_list_order(desk: Desk) -> None:
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


def test_export_of_customers_has_the_lists_filters_and_is_imported_again(desk: Desk) -> None:
    name = f"Sheet {desk.clock.now}"
    members = {"name": f"={name}", "contact_name": "Ann", "language": "zh", "notes": "1\n2"}
    for one in (members, {"name": f"{name} 2"}):
        desk.site.database.write(
            partial(customers.add, members=one, actor=COMMAND, now=desk.clock.now)
        )
    path = "/api/v1/exports/customers.csv"
    reply = desk.client.get(path, params={"q": name}, headers=desk.bearer)
    assert reply.headers["content-type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(reply.text)))
    assert [row["name"] for row in rows] == [f"'={name}", f"{name} 2"]
    assert (rows[0]["contact_name"], rows[0]["language"]) == ("Ann", "zh")
    assert rows[0]["created_at"].endswith(" UTC")
    lines = list(customer_sheet.read(io.BytesIO(reply.content)))
    assert [dict(line.members) for line in lines] == [members, {"name": f"{name} 2"}]
    archived = desk.client.get(path, params={"q": name, "archived": "true"}, headers=desk.bearer)
    assert archived.text.count("\n") == 1

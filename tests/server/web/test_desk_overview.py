"""The overview, the record and the keys at the desk."""

import ast
import asyncio
import csv
import io
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit
from xml.etree import ElementTree
from zoneinfo import ZoneInfo, available_timezones

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Connection, Engine, event, insert, update

import license_server
from license_core.keyset import TrustedKeyset
from license_core.publickey import PublicKey
from license_server.access import accounts, sessions
from license_server.actor import COMMAND, Actor
from license_server.app import create_app
from license_server.audit import audit_store, chain, events
from license_server.audit.audit_store import EventFilter
from license_server.audit.checkpoints import Checkpoint
from license_server.db.database import Database
from license_server.db.tables import (
    audit_events,
    customers,
    licenses,
    products,
    proposals,
)
from license_server.licenses import statistics, statistics_store
from license_server.licenses.acts import ACTS
from license_server.licenses.statistics import Board, Kept
from license_server.operations import data_folder
from license_server.signing import keysets, revocation_lists, revocation_store
from license_server.signing.signature_count import tally
from license_server.web import charts
from license_server.web.charts import Bar, Part
from license_server.web.event_labels import ACTIONS
from license_server.web.overview import MONTHS
from license_server.web.session import SESSION
from tests.support import large_ledger, server
from tests.support.catalogue import translated
from tests.support.desk import Clock, Desk
from tests.support.large_ledger import NOW
from tests.support.ledger import ISSUER, new_ledger, walk
from tests.support.pages import all_hidden, preview, sign_in

DAY = 86400
SHANGHAI = ZoneInfo("Asia/Shanghai")
UTC_ZONE = ZoneInfo("UTC")
ATTACKS = (
    "<img src=x onerror=alert(1)>",
    '"><script>alert(1)</script>',
    "</title></svg><script>x</script>",
    "\u202egnp.exe\u202c",
    "\u200f\u05d0\u05d1",
    "X" * 200,
    "=HYPERLINK(0)",
)


@pytest.fixture
def signed_in(desk: Desk) -> Desk:
    assert sign_in(desk).status_code == 303
    return desk


@contextmanager
def statements(engine: Engine) -> Iterator[list[str]]:
    """Every statement that is executed meanwhile."""
    said: list[str] = []

    def note(_: Any, __: Any, statement: str, *___: Any) -> None:
        said.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    yield said
    event.remove(engine, "before_cursor_execute", note)


def seconds(text: str, zone: ZoneInfo | Any = UTC) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=zone).timestamp())


def svgs(page: str) -> list[ElementTree.Element]:
    """The pictures of a page: each is well formed, so nothing broke out of it."""
    return [ElementTree.fromstring(one) for one in re.findall(r"<svg.*?</svg>", page, re.DOTALL)]


# Counting


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Database]:
    """A ledger of no licences yet, with two products."""
    database = Database(f"sqlite:///{tmp_path}/small.db")
    large_ledger.fill(database.engine, 1, seed=1)
    database.write(lambda connection: connection.execute(licenses.delete()))
    yield database
    database.close()


def put(connection: Connection, number: int, **changed: Any) -> None:
    """A licence with what is *changed*."""
    row = {
        "number": f"HS-2026-{number:08}",
        "customer_id": 1,
        "product_id": 1,
        "host_key": f"{number:040x}",
        "issued_at": NOW - 400 * DAY,
        "expires_at": None,
        "token": "",
        "keyset_version": 1,
        "issued_by": "command",
        "line": f"HS-2026-{number:08}",
        "act": "issue",
        "state": "active",
    }
    connection.execute(insert(licenses), row | changed)


def counted(database: Database, zone: ZoneInfo = SHANGHAI, now: int = NOW) -> Board:
    return database.read(lambda connection: statistics.count(connection, zone, now))


def months(board: Board) -> dict[str, int]:
    """What ends in each month of the board, where anything does."""
    return {
        f"{board.ahead[month].first:%Y-%m}": sum(
            one.number for one in board.ending if one.month == month
        )
        for month in {one.month for one in board.ending}
    }


def test_a_licence_ends_in_the_month_of_its_last_day_where_the_reader_is(small: Database) -> None:
    midnight = seconds("2027-01-01T00:00", SHANGHAI)

    def fill(connection: Connection) -> None:
        put(connection, 1, expires_at=midnight)
        put(connection, 2, expires_at=midnight + 1)

    small.write(fill)
    assert months(counted(small)) == {"2026-12": 1, "2027-01": 1}
    # In UTC that midnight is in the afternoon of the last day of December: both end then.
    assert months(counted(small, ZoneInfo("UTC"))) == {"2026-12": 2}


def test_only_what_is_in_force_and_ends_within_the_year_is_counted(small: Database) -> None:
    def fill(connection: Connection) -> None:
        for number, state in enumerate(("replaced", "suspended", "revoked"), 1):
            put(connection, number, expires_at=NOW + 40 * DAY, state=state)
        put(connection, 4, expires_at=NOW)  # over
        put(connection, 5, expires_at=NOW + 400 * DAY)
        put(connection, 6)
        put(connection, 7, expires_at=NOW + 300 * DAY)

    small.write(fill)
    board = counted(small)
    assert sum(months(board).values()) == 1
    assert board.standing == statistics_store.Standing(valid=3, soon=0, grace=0, lapsed=1)


def test_each_licence_stands_in_one_figure_of_now(small: Database) -> None:
    end = seconds("2026-12-19T00:00", SHANGHAI)  # the last of the 30 days to come is the 18th

    def fill(connection: Connection) -> None:
        put(connection, 1, expires_at=end)
        put(connection, 2, expires_at=end + 1)
        put(connection, 3, expires_at=NOW, grace_until=NOW + 1)
        put(connection, 4, expires_at=NOW - 1, grace_until=NOW)
        put(connection, 5, expires_at=NOW - 1, state="replaced")

    small.write(fill)
    assert f"{counted(small).today}" == "2026-11-18"
    assert counted(small).standing == statistics_store.Standing(valid=2, soon=1, grace=1, lapsed=1)


def test_what_was_issued_is_counted_by_act_in_its_month(small: Database) -> None:
    begin = seconds("2026-11-01T00:00", SHANGHAI)

    def fill(connection: Connection) -> None:
        put(connection, 1, issued_at=begin)
        put(connection, 2, issued_at=begin - 1, act="renew")
        put(connection, 3, issued_at=seconds("2025-11-30T23:00", SHANGHAI))  # too long ago

    small.write(fill)
    board = counted(small)
    found = {(f"{board.past[one.month].first:%Y-%m}", one.kind): one.number for one in board.issued}
    assert found == {("2026-11", "issue"): 1, ("2026-10", "renew"): 1}


def test_a_licence_that_moved_twice_within_the_year_is_named(small: Database) -> None:
    def fill(connection: Connection) -> None:
        for line, often, days in (("A", 3, 9), ("B", 2, 9), ("C", 1, 9), ("D", 2, 500)):
            for turn in range(often):
                number = ord(line) * 100 + turn
                later = None if turn == often - 1 else f"HS-2026-{number + 1:08}"
                put(
                    connection,
                    number,
                    line=line,
                    act="rehost",
                    issued_at=NOW - days * DAY,
                    replaced_by=later,
                )

    small.write(fill)
    moved = counted(small).moved
    assert [(one.license.line, one.often) for one in moved] == [("A", 3), ("B", 2)]
    assert moved[0].license.number == f"HS-2026-{ord('A') * 100 + 2:08}"


@pytest.mark.parametrize("count", [1_000, 20_000])
def test_counting_asks_six_statements_and_reads_no_row(tmp_path: Path, count: int) -> None:
    database = Database(f"sqlite:///{tmp_path}/{count}.db")
    large_ledger.fill(database.engine, count, seed=count)
    with statements(database.engine) as said, database.reading() as connection:
        statistics.count(connection, SHANGHAI, NOW)
    assert len([one for one in said if one.startswith("SELECT")]) == 6
    whole = [one for one in said if "count(" in one]
    assert len(whole) == 4
    with database.reading() as connection:
        for query in whole:
            given = (NOW,) * query.count("?")
            plan = connection.exec_driver_sql(f"explain query plan {query}", given).all()
            read = [row[3] for row in plan if "licenses" in row[3]]
            assert read
            for step in read:
                assert "COVERING INDEX" in step or "ix_licenses_moves" in step, step
    database.close()


# What is kept


class Reads:
    """Counts how often a ledger is counted; each count waits until it is let go."""

    def __init__(self, database: Database) -> None:
        self.database, self.often = database, 0
        self.go = asyncio.Event()

    async def __call__(self, query: statistics.Count) -> Board:
        self.often += 1
        await self.go.wait()
        return self.database.read(query)


def test_a_large_ledger_is_counted_once_however_many_ask(small: Database) -> None:
    async def ask() -> None:
        kept, reads = Kept(UTC_ZONE), Reads(small)
        asking = [asyncio.create_task(kept.board(reads, SHANGHAI, NOW)) for _ in range(5)]
        await asyncio.sleep(0)
        asking[0].cancel()  # who leaves takes nothing from the others
        await asyncio.sleep(0)
        reads.go.set()
        boards = await asyncio.gather(*asking[1:])
        assert (reads.often, {board.at for board in boards}) == (1, {NOW})
        assert (await kept.board(reads, SHANGHAI, NOW + 59)).at == NOW
        assert reads.often == 1
        await kept.board(reads, ZoneInfo("UTC"), NOW)
        assert reads.often == 2  # its months are other ones

    asyncio.run(ask())


def test_nobody_waits_for_new_figures_within_an_hour_and_all_do_after_it(small: Database) -> None:
    async def ask() -> None:
        kept, reads = Kept(UTC_ZONE), Reads(small)
        reads.go.set()
        await kept.board(reads, SHANGHAI, NOW)
        reads.go.clear()
        old = await kept.board(reads, SHANGHAI, NOW + 60)
        assert old.at == NOW
        await asyncio.sleep(0)
        assert reads.often == 2
        reads.go.set()
        while (await kept.board(reads, SHANGHAI, NOW + 61)).at == NOW:
            await asyncio.sleep(0)
        assert (await kept.board(reads, SHANGHAI, NOW + 60 + 3600)).at == NOW + 60 + 3600

    asyncio.run(ask())


def test_a_count_that_fails_is_told_and_tried_again(small: Database) -> None:
    async def ask() -> None:
        kept, reads = Kept(UTC_ZONE), Reads(small)

        async def fail(_: statistics.Count) -> Board:
            raise RuntimeError("the database is gone")

        with pytest.raises(RuntimeError):
            await kept.board(fail, SHANGHAI, NOW)
        reads.go.set()
        assert (await kept.board(reads, SHANGHAI, NOW)).at == NOW

    asyncio.run(ask())


def test_who_asks_in_every_time_zone_has_few_of_them_counted_one_by_one(small: Database) -> None:
    async def ask() -> None:
        kept, going, zones = Kept(UTC_ZONE), [0], []

        async def read(query: statistics.Count) -> Board:
            going[0] += 1
            assert going == [1]
            await asyncio.sleep(0)
            board = small.read(query)
            zones.append(board.zone)
            going[0] -= 1
            return board

        await kept.board(read, SHANGHAI, NOW)
        every = [ZoneInfo(name) for name in sorted(available_timezones())]
        for _ in range(2):
            boards = await asyncio.gather(*(kept.board(read, zone, NOW) for zone in every))
        assert len(zones) == len(set(zones)) == 17
        assert {board.zone for board in boards} == set(zones) >= {"UTC", "Asia/Shanghai"}
        tokyo = ZoneInfo("Asia/Tokyo")
        assert (await kept.board(read, tokyo, NOW)).zone == "UTC"
        assert (await kept.board(read, tokyo, NOW + 3600)).zone == "Asia/Tokyo"  # they left

    asyncio.run(ask())


# Pictures


def test_a_picture_shows_each_value_and_says_it_in_words() -> None:
    parts = [Part(1, 3, "a: 3", "/a"), Part(2, 1, "b: 1"), Part(3, 0, "c: 0", "/c")]
    picture = ElementTree.fromstring(
        charts.columns([Bar("Nov", "2026", "2026-11: 4", parts, "/all")], "T", "D")
    )
    heights = {one[0].text: float(one.get("height", "")) for one in picture.iter("rect")}
    assert heights.keys() == {"a: 3", "b: 1"}
    assert heights["a: 3"] + 1 == pytest.approx(3 * (heights["b: 1"] + 1), abs=0.2)
    assert [one.get("href") for one in picture.iter("a")] == ["/a", "/all"]
    assert (picture[0].text, picture[1].text) == ("T", "D")
    assert "style" not in ElementTree.tostring(picture, "unicode")


@pytest.mark.parametrize("text", ATTACKS, ids=range(len(ATTACKS)))
def test_text_in_a_picture_stays_text(text: str) -> None:
    bar = Bar(text, text, text, [Part(1, 1, text, f"/x?{text}")], text)
    picture = ElementTree.fromstring(charts.columns([bar], text, text))
    assert picture[0].text == text
    assert {one.tag for one in picture.iter()} <= {
        *("svg", "title", "desc", "a", "rect", "text", "line"),
    }


def test_no_bar_is_no_fault_and_the_scale_is_never_exceeded() -> None:
    for value in (0, 1, 7, 10, 11, 999, 123_456_789):
        bars = [Bar("a", "", "", [Part(1, value, "")])]
        picture = ElementTree.fromstring(charts.columns(bars, "", ""))
        for rect in picture.iter("rect"):
            assert float(rect.get("y", "")) >= 0
    ElementTree.fromstring(charts.columns([], "", ""))


def test_long_numbers_are_told_briefly() -> None:
    told = {999: "999", 1000: "1k", 1234: "1.2k", 34_567: "34k", 1_250_000: "1.2M"}
    assert {value: charts.brief(value) for value in told} == told


# The page


def test_the_first_page_says_what_to_do_first_where_nothing_was_issued(tmp_path: Path) -> None:
    with fresh(tmp_path) as desk:
        page = desk.client.get("/").text
        assert 'href="/products"' in page
        assert 'href="/licenses/new"' in page
        assert "svg" not in re.sub(
            r"<header.*?</header>|<head.*?</head>", "", page, flags=re.DOTALL
        )
        desk.client.post("/licenses", data=all_hidden(preview(desk).text))
        assert len(svgs(desk.client.get("/").text)) > 0


@contextmanager
def fresh(folder: Path) -> Iterator[Desk]:
    """A vendor of one's own, with somebody signed in."""
    clock = Clock()
    made = server.make(folder / "server", None, clock.now)
    app = create_app(made, clock=clock, random=os.urandom)
    with TestClient(app, base_url="http://testserver", follow_redirects=False) as client:
        desk = Desk(client, app.state.server.site, made, "", clock)
        assert sign_in(desk).status_code == 303
        yield desk


def test_the_page_asks_the_same_number_of_statements_in_any_ledger(signed_in: Desk) -> None:
    signed_in.client.post("/licenses", data=all_hidden(preview(signed_in).text))
    with statements(signed_in.site.database.engine) as said:
        assert signed_in.client.get("/").status_code == 200
    # What the server looks for each second by itself belongs to no page.
    own = ("keysets", "position", "advisory")
    asked = [one for one in said if not any(word in one for word in own)]
    assert len([one for one in asked if one.upper().startswith("SELECT")]) == 7, asked


def test_each_figure_leads_to_the_list_behind_it(signed_in: Desk) -> None:
    signed_in.client.post("/licenses", data=all_hidden(preview(signed_in, days="40").text))
    page = signed_in.client.get("/").text
    links = {unescape(one) for one in re.findall(r'href="([^"]+)"', page)}
    lists = [parse_qs(urlsplit(one).query) for one in links if one.startswith("/licenses?")]
    names = {"product", "state", "expires_from", "expires_before"}
    assert lists
    for given in lists:
        assert given.keys() <= names
        for name in ("expires_from", "expires_before"):
            for day in given.get(name, []):
                date.fromisoformat(day)
    assert {"state": ["expired"]} in lists
    assert any(given.get("product") == ["darwin"] for given in lists)
    assert "/proposals" in links
    record_links = [one for one in links if one.startswith("/record?")]
    assert record_links
    for link in record_links:
        assert signed_in.client.get(link).status_code == 200


def test_what_the_record_shows_is_what_was_issued_in_a_month(signed_in: Desk) -> None:
    signed_in.client.post("/licenses", data=all_hidden(preview(signed_in).text))
    page = signed_in.client.get("/").text
    link, told = re.findall(
        r'<a href="(/record\?action=license.issued[^"]*)" tabindex="-1" aria-label="([^"]*)"', page
    )[-1]
    rows = list(
        csv.reader(
            io.StringIO(signed_in.client.get(unescape(link).replace("?", "/events.csv?")).text)
        )
    )
    assert len(rows) - 1 == int(told.rpartition(": ")[2].replace(",", ""))


def test_months_are_those_of_the_readers_zone_and_language(signed_in: Desk) -> None:
    signed_in.client.post("/licenses", data=all_hidden(preview(signed_in).text))
    signed_in.client.cookies.set("hostseal_language", "zh")
    signed_in.client.cookies.set("hostseal_zone", "Pacific/Kiritimati")
    page = signed_in.client.get("/").text
    assert "11月" in page
    assert "Pacific/Kiritimati" in page
    now = datetime.fromtimestamp(signed_in.clock.now, ZoneInfo("Pacific/Kiritimati"))
    assert f"expires_from={now.date()}" in page


@pytest.mark.parametrize("name", ATTACKS, ids=range(len(ATTACKS)))
def test_a_name_that_attacks_is_text_on_every_page(signed_in: Desk, name: str) -> None:
    desk = signed_in
    fresh_name = f"{name[:180]}{desk.clock.now}"

    def put_in(connection: Connection) -> None:
        values = {"name": fresh_name, "created_at": 1}
        customer = connection.execute(insert(customers).returning(customers.c.id), values).scalar()
        named = values | {"name": fresh_name[-64:]}
        product = connection.execute(insert(products).returning(products.c.id), named).scalar()
        for turn in range(2):
            put(
                connection,
                desk.clock.now % 10**7 + turn,
                customer_id=customer,
                product_id=product,
                act="rehost",
                line=f"L{desk.clock.now}",
                issued_at=desk.clock.now,
                expires_at=desk.clock.now + 50 * DAY,
                replaced_by=None if turn else "x",
                host_name=name,
                issued_by="command",
            )
        actor = Actor(f"user:{name[:190]}", frozenset(), address=None)
        events.record(
            connection, desk.clock.now, actor, name[:64], name, reason=name, customer=name
        )

    desk.site.database.write(put_in)
    for path in ("/", "/record", f"/record?subject={name[:50]}"):
        page = desk.client.get(path).text
        assert "<img" not in page.replace('<img src="/static', "")
        assert "<script>" not in page
        assert "\u202e" not in page.partition("<main")[2].replace(f'value="{name}', "")
        assert len(page) < 100_000
        svgs(page)
    gone = licenses.delete().where(licenses.c.line == f"L{desk.clock.now}")
    desk.site.database.write(lambda connection: connection.execute(gone))


def test_the_number_of_those_that_wait_is_never_an_old_one(signed_in: Desk) -> None:
    def wait(connection: Connection) -> None:
        row = {"act": "issue", "members": "{}", "customer": "c", "product": "p"}
        row |= {"proposed_by": "x", "state": "waiting"}
        connection.execute(insert(proposals), row | {"proposed_at": 1})

    signed_in.client.post("/licenses", data=all_hidden(preview(signed_in).text))
    seen = []
    for _ in range(2):
        page = signed_in.client.get("/").text
        found = re.search(r'href="/proposals"><strong>([\d,]+)</strong>', page)
        assert found
        seen.append(int(found[1]))
        signed_in.site.database.write(wait)
    assert seen[1] == seen[0] + 1
    done = update(proposals).where(proposals.c.proposed_by == "x").values(state="refused")
    signed_in.site.database.write(lambda connection: connection.execute(done))


# The record


def rows_of(page: str) -> list[str]:
    body = page.partition("<tbody>")[2].partition("</tbody>")[0]
    return re.findall(r"<tr>(.*?)</tr>", body, re.DOTALL)


def test_the_record_is_listed_the_newest_first_and_goes_on_with_its_filters(
    signed_in: Desk,
) -> None:
    who = Actor(f"user:pager-{signed_in.clock.now}@example.com", frozenset())

    def fill(connection: Connection) -> None:
        for turn in range(65):
            at = signed_in.clock.now + turn
            events.record(connection, at, who, "customer.changed", f"no {turn}")
            events.record(connection, at, COMMAND, "customer.changed", f"no {turn}")

    signed_in.site.database.write(fill)
    day = datetime.fromtimestamp(signed_in.clock.now, UTC).date()
    signed_in.client.cookies.set("hostseal_zone", "UTC")
    for dated in ("", f"&since={day}&until={day.replace(year=day.year + 1)}"):
        seen, path = [], f"/record?actor={who.name[5:]}&action=customer.changed{dated}"
        for _ in range(9):
            page = signed_in.client.get(path).text
            seen += [re.findall(r"no \d+", row)[0] for row in rows_of(page)]
            older = re.search(r'rel="next" href="([^"]+)"', page)
            if older is None:
                break
            path = unescape(older[1])
        assert seen == [f"no {turn}" for turn in reversed(range(65))]


def test_the_days_of_the_filter_are_whole_days_of_the_reader(signed_in: Desk) -> None:
    subject = f"days {signed_in.clock.now}"
    midnight = seconds("2026-06-10T00:00", SHANGHAI)

    def fill(connection: Connection) -> None:
        for at in (midnight - 1, midnight, midnight + DAY - 1, midnight + DAY):
            events.record(connection, at, COMMAND, "customer.changed", subject, at=at)

    signed_in.site.database.write(fill)

    def listed(zone: str) -> list[int]:
        signed_in.client.cookies.set("hostseal_zone", zone)
        query = {"subject": subject, "since": "2026-06-10", "until": "2026-06-10"}
        page = signed_in.client.get("/record", params=query).text
        return [int(one) - midnight for one in re.findall(r"<dd>(\d+)</dd>", page) if len(one) > 9]

    assert listed("Asia/Shanghai") == [DAY - 1, 0]
    assert listed("UTC") == [DAY, DAY - 1]


def test_a_day_that_is_none_is_told_beside_its_field_and_stays(signed_in: Desk) -> None:
    for text in ("x", "2026-02-30", "9999-12-31", "0001-01-01"):
        reply = signed_in.client.get("/record", params={"until": text, "actor": "kept"})
        assert reply.status_code == (200 if text == "0001-01-01" else 422), text
        if reply.status_code == 422:
            assert 'id="until-fault"' in reply.text
        assert 'value="kept"' in reply.text
        sheet = signed_in.client.get("/record/events.csv", params={"until": text})
        assert sheet.status_code == reply.status_code
    signed_in.client.cookies.set("hostseal_language", "zh")
    assert "不是 2026-11-30 这样的日期" in signed_in.client.get("/record?since=x").text


def test_the_sheet_of_the_record_has_what_the_filters_tell_and_no_formula(
    signed_in: Desk,
) -> None:
    subject = f"=cmd|{signed_in.clock.now}"
    reasons = ["=1+1", "+x", "-x", "@x", "\ttab", "plain", '"quoted", and so on']

    def fill(connection: Connection) -> None:
        for reason in reasons:
            events.record(connection, 1, COMMAND, "customer.changed", subject, reason=reason)

    signed_in.site.database.write(fill)
    reply = signed_in.client.get("/record/events.csv", params={"subject": subject})
    assert reply.headers["content-disposition"] == 'attachment; filename="events.csv"'
    rows = list(csv.DictReader(io.StringIO(reply.text, newline="")))
    assert [row["reason"].removeprefix("'") for row in rows] == reasons[::-1]
    for row in rows:
        for field in row.values():
            assert not field.startswith(("=", "+", "-", "@", "\t")), field


def test_the_chain_and_its_last_checkpoint_can_be_taken_along_and_hold(tmp_path: Path) -> None:
    with fresh(tmp_path) as desk:
        assert desk.client.get("/record/checkpoint").status_code in (200, 404)
        site = desk.site

        def link(connection: Connection) -> None:
            while chain.extend(connection, wait=True) == chain.BATCH:
                pass

        site.database.write(link)
        for _ in range(3):
            sign_in(desk)
        site.database.write(link)
        notary = data_folder.open_notary(desk.settings, site.issuer.name, tally(site.database))
        site.database.write(lambda c: notary.make(c, desk.clock.now + DAY, wait=True))
        told = desk.client.get("/record/checkpoint")
        key = PublicKey.from_pem(desk.client.get("/keys/record.pub.pem").text)
        checkpoint = Checkpoint.open(told.text.strip(), key)
        assert f"checkpoint-{checkpoint.position}.txt" in told.headers["content-disposition"]
        lines = desk.client.get("/record/chain.jsonl").text.splitlines()
        with site.database.reading() as connection:
            whole = b"".join(map(chain.exported, audit_store.whole_chain(connection))).decode()
        assert lines == whole.splitlines()
        previous = chain.GENESIS
        with site.database.reading() as connection:
            for stored in audit_store.whole_chain(connection):
                previous = chain.link(previous, stored)
                if stored.position == checkpoint.position:
                    assert previous == checkpoint.link
        assert f"{checkpoint.position:,}" in desk.client.get("/record").text


def recorded() -> set[str]:
    """Every action that the code records: a text with a dot that is given to what records."""
    found = {act.event for act in ACTS.values()}
    for path in Path(license_server.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            name = (
                node.func.attr
                if isinstance(node.func, ast.Attribute)
                else getattr(node.func, "id", "")
            )
            if name.lstrip("_") not in ("record", "event", "record_token"):
                continue
            for given in node.args:
                text = given.value if isinstance(given, ast.Constant) else None
                if isinstance(text, str) and re.fullmatch(r"[a-z-]+\.[a-z-]+", text):
                    found.add(text)
    return found


def test_every_action_that_is_recorded_has_its_words_in_both_languages() -> None:
    assert recorded() == ACTIONS.keys()
    assert not {*ACTIONS.values(), *MONTHS, "others"} - translated()


def test_every_action_of_a_ledger_that_did_everything_has_words(tmp_path: Path) -> None:
    made = new_ledger(tmp_path, None)
    walk(made)
    with made.site.database.reading() as connection:
        found = audit_store.events(connection, EventFilter(), before=None, limit=1000)
    assert len({one.action for one in found}) > 15
    assert {one.action for one in found} <= ACTIONS.keys()
    made.site.database.close()


def test_an_old_day_of_a_long_record_is_found_by_its_index(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/record.db")
    large_ledger.fill(database.engine, 1, seed=1)
    row = {"actor": "command", "action": "customer.changed", "subject": "s", "details": "{}"}
    rows = [row | {"at": at} for at in range(5000)]
    database.write(lambda connection: connection.execute(insert(audit_events), rows))
    for wanted, index in (
        (EventFilter(since=10, until=20), "ix_audit_events_at_id"),
        (EventFilter(action="token.revoked"), "ix_audit_events_action_id"),
        (EventFilter(actor="token:x"), "ix_audit_events_actor_id"),
    ):
        asked: list[tuple[str, Any]] = []

        def note(_: Any, __: Any, statement: str, given: Any, *___: Any) -> None:
            asked.append((statement, given))  # noqa: B023

        event.listen(database.engine, "before_cursor_execute", note)
        with database.reading() as connection:
            found = audit_store.events(connection, wanted, before=4000, limit=50)
            event.remove(database.engine, "before_cursor_execute", note)
            statement, given = asked[-1]
            plan = connection.exec_driver_sql(f"explain query plan {statement}", given).all()
        assert any(index in step[3] for step in plan), plan
        assert not any("TEMP B-TREE" in step[3] for step in plan), plan
        assert [one.at for one in found] == ([*range(19, 9, -1)] if wanted.since else [])
    database.close()


# The keys


def test_the_keys_in_force_are_told_and_the_root_key_is_there_to_ship(signed_in: Desk) -> None:
    page = signed_in.client.get("/keys").text
    issuer = signed_in.site.issuer
    assert issuer.signer.public_key.kid in page
    assert issuer.roots.keys[0].kid in page
    root = signed_in.client.get("/keys/root.pub.pem")
    assert root.text == signed_in.settings.root_pub_pem.read_text()
    for name in ("signing.key.pem", "keys", "..%2Fkeys%2Froot.key.pem", "root.key.pem"):
        assert signed_in.client.get(f"/keys/{name}").status_code == 404
    assert "PRIVATE" not in page


@pytest.mark.parametrize(
    ("change", "days", "said"),
    [
        ({}, 89, "can sign for 89 more days"),
        ({}, 1, "can sign for 1 more day."),
        ({}, 0, "can sign for less than a day"),
        ({}, 90, None),
        ({}, -1, "can no longer sign"),
        ({"state": "retired"}, 500, "can no longer sign"),
        ({"products": ("<b>x</b>",)}, 500, None),
    ],
)
def test_the_end_of_the_signing_key_is_told_in_time(
    signed_in: Desk, monkeypatch: pytest.MonkeyPatch, change: Any, days: int, said: str | None
) -> None:
    site, app = signed_in.site, signed_in.client.app
    present = site.issuer.keyset.keyset
    ends = signed_in.clock.now + days * DAY + 60
    entry = present.keys[0]._replace(exp=ends, **change)
    keyset = TrustedKeyset(present._replace(keys=(entry,)))
    changed = site._replace(issuer=site.issuer._replace(keyset=keyset))
    monkeypatch.setattr(app.state.server, "site", changed)  # type: ignore[attr-defined]
    page = signed_in.client.get("/keys").text
    assert ("This server's key can" in page) is (said is not None)
    home = signed_in.client.get("/").text
    assert ("This server's key can" in home) is (said is not None)
    if said:
        assert said in page
    assert "<b>x</b>" not in page


def test_what_waits_for_the_next_revocation_list_is_counted(signed_in: Desk) -> None:
    site, now = signed_in.site, signed_in.clock.now
    acts_ = ("license.revoked", "license.suspended", "license.rehosted", "license.renewed")

    def record(connection: Connection) -> None:
        for number, action in enumerate(acts_):
            events.record(connection, now, COMMAND, action, f"HS-{number}")

    def publish() -> None:
        with site.database.reading() as connection:
            new, count = revocation_lists.sign_next(connection, site.issuer, signed_in.clock.now)
        site.database.write(record)  # meanwhile
        site.database.write(lambda c: revocation_lists.record(c, new, count, COMMAND))

    publish()
    page = signed_in.client.get("/keys").text
    assert "3 revocations, suspensions or rehosts are not in a published list yet." in page
    signed_in.clock.now += 1
    publish()
    assert "not in a published list" not in signed_in.client.get("/keys").text
    now = signed_in.clock.now
    for _ in range(40):
        site.database.write(record)
    assert "100 or more revocations, suspensions or rehosts" in signed_in.client.get("/keys").text
    number = site.database.read(revocation_store.newest_number)
    address = "/record?action=revocations.published"
    assert f"<span>list {number}</span>" in signed_in.client.get(address).text
    chinese = signed_in.client.get(address, headers={"Accept-Language": "zh"})
    assert f"<span>列表 {number}</span>" in chinese.text


def test_a_newer_keyset_in_the_database_is_told(
    signed_in: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    site, app = signed_in.site, signed_in.client.app
    older = site.issuer.keyset.keyset._replace(version=0)
    issuer = site.issuer._replace(keyset=TrustedKeyset(older), keyset_token="")
    monkeypatch.setattr(app.state.server, "site", site._replace(issuer=issuer))  # type: ignore[attr-defined]
    assert "newer keyset, version 1" in signed_in.client.get("/keys").text
    assert keysets.WARN_DAYS == 90


def test_who_may_not_read_the_record_is_offered_no_way_into_it(
    signed_in: Desk,
) -> None:
    signed_in.client.post("/licenses", data=all_hidden(preview(signed_in).text))
    user = signed_in.site.database.write(
        lambda c: accounts.insert(
            c, f"see-{signed_in.clock.now}@example.com", "!", "reader", ISSUER, signed_in.clock.now
        )
    )
    session = signed_in.site.database.write(
        lambda c: sessions.open_session(c, user, signed_in.clock.now, 1, os.urandom, "")
    )
    signed_in.client.cookies.clear()
    signed_in.client.cookies.set(SESSION, session.secret)
    page = signed_in.client.get("/")
    assert page.status_code == 200
    assert "/record" not in page.text
    assert "newly issued" in page.text
    assert signed_in.client.get("/record").status_code == 403


def test_a_page_of_the_record_stays_small_whatever_people_type(signed_in: Desk) -> None:
    name = "上" * 200
    who = Actor(f"user:{'x' * 180}@e.com", frozenset(), address="2001:db8::1")

    def fill(connection: Connection) -> None:
        for _ in range(40):
            events.record(
                connection,
                signed_in.clock.now,
                who,
                "customer.changed",
                name,
                reason="因" * 1000,
                before=name,
                customer=name,
                contact_name=name,
            )

    signed_in.site.database.write(fill)
    for query in ({"subject": name}, {"actor": who.name}):
        reply = signed_in.client.get("/record", params=query)
        assert len(rows_of(reply.text)) > 10
        assert len(reply.content) < 100_000

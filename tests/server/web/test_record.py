"""The audit log at the desk: listed, filtered, downloaded."""

import csv
import io
import re
from datetime import UTC, datetime
from html import unescape
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from license_core.publickey import PublicKey
from license_server.actor import COMMAND, Actor
from license_server.audit import audit_store, chain, events
from license_server.audit.checkpoints import Checkpoint
from license_server.operations import data_folder
from license_server.signing.signature_count import tally
from tests.support.desk import Desk
from tests.support.fresh_desk import fresh
from tests.support.pages import sign_in

DAY = 86400
SHANGHAI = ZoneInfo("Asia/Shanghai")


def seconds(text: str, zone: ZoneInfo | Any = UTC) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=zone).timestamp())


def rows_of(page: str) -> list[str]:
    body = page.partition("<tbody>")[2].partition("</tbody>")[0]
    return re.findall(r"<tr>(.*?)</tr>", body, re.DOTALL)


def test_audit_log_is_newest_first_and_keeps_filters_when_paging(
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


def test_date_filter_uses_whole_days_of_the_readers_time_zone(signed_in: Desk) -> None:
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


def test_invalid_date_is_marked_and_other_filters_stay(signed_in: Desk) -> None:
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


def test_audit_log_export_follows_the_filters_and_has_no_formulas(
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


def test_downloaded_hash_chain_and_checkpoint_verify(tmp_path: Path) -> None:
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


def test_audit_log_page_stays_under_100_kb(signed_in: Desk) -> None:
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

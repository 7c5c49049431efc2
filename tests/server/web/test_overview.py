"""The overview: its figures, links and queries."""

import csv
import io
import os
import re
from datetime import date, datetime
from html import unescape
from pathlib import Path
from urllib.parse import parse_qs, urlsplit
from xml.etree import ElementTree
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Connection, insert, update

from license_server.access import accounts, sessions
from license_server.actor import Actor
from license_server.audit import events
from license_server.db.tables import (
    customers,
    licenses,
    products,
    proposals,
)
from license_server.web.session import SESSION
from tests.support.attacks import HOSTILE_NAMES
from tests.support.desk import Desk
from tests.support.fresh_desk import fresh
from tests.support.large_ledger import put
from tests.support.ledger import ISSUER
from tests.support.pages import all_hidden, preview

DAY = 86400


def svgs(page: str) -> list[ElementTree.Element]:
    """The pictures of a page: each is well formed, so nothing broke out of it."""
    return [ElementTree.fromstring(one) for one in re.findall(r"<svg.*?</svg>", page, re.DOTALL)]


def test_overview_of_an_empty_ledger_shows_the_first_steps(tmp_path: Path) -> None:
    with fresh(tmp_path) as desk:
        page = desk.client.get("/overview").text
        assert 'href="/products"' in page
        assert 'href="/licenses/new"' in page
        assert "svg" not in re.sub(
            r"<header.*?</header>|<head.*?</head>", "", page, flags=re.DOTALL
        )
        desk.client.post("/licenses", data=all_hidden(preview(desk).text))
        assert len(svgs(desk.client.get("/overview").text)) > 0


def test_every_figure_links_to_its_list(signed_in: Desk) -> None:
    signed_in.client.post("/licenses", data=all_hidden(preview(signed_in, days="40").text))
    page = signed_in.client.get("/overview").text
    links = {unescape(one) for one in re.findall(r'href="([^"]+)"', page)}
    lists = [parse_qs(urlsplit(one).query) for one in links if one.startswith("/licenses?")]
    names = {"product", "state", "expires_from", "expires_until"}
    assert lists
    for given in lists:
        assert given.keys() <= names
        for name in ("expires_from", "expires_until"):
            for day in given.get(name, []):
                date.fromisoformat(day)
    assert {"state": ["expired"]} in lists
    assert any(given.get("product") == ["darwin"] for given in lists)
    assert "/proposals" in links
    record_links = [one for one in links if one.startswith("/record?")]
    assert record_links
    for link in record_links:
        assert signed_in.client.get(link).status_code == 200


def test_monthly_figure_matches_the_linked_audit_log(signed_in: Desk) -> None:
    signed_in.client.post("/licenses", data=all_hidden(preview(signed_in).text))
    page = signed_in.client.get("/overview").text
    link, told = re.findall(
        r'<a href="(/record\?action=license.issued[^"]*)" tabindex="-1" aria-label="([^"]*)"', page
    )[-1]
    rows = list(
        csv.reader(
            io.StringIO(signed_in.client.get(unescape(link).replace("?", "/events.csv?")).text)
        )
    )
    assert len(rows) - 1 == int(told.rpartition(": ")[2].replace(",", ""))


def test_overview_months_use_the_readers_zone_and_language(signed_in: Desk) -> None:
    signed_in.client.post("/licenses", data=all_hidden(preview(signed_in).text))
    signed_in.client.cookies.set("hostseal_language", "zh")
    signed_in.client.cookies.set("hostseal_zone", "Pacific/Kiritimati")
    page = signed_in.client.get("/overview").text
    assert "11月" in page
    assert "Pacific/Kiritimati" in page
    now = datetime.fromtimestamp(signed_in.clock.now, ZoneInfo("Pacific/Kiritimati"))
    assert f"expires_from={now.date()}" in page


@pytest.mark.parametrize("name", HOSTILE_NAMES, ids=range(len(HOSTILE_NAMES)))
def test_hostile_names_are_escaped_on_overview_and_audit_log(signed_in: Desk, name: str) -> None:
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
    for path in ("/overview", "/record", f"/record?subject={name[:50]}"):
        page = desk.client.get(path).text
        assert "<img" not in page.replace('<img src="/static', "")
        assert "<script>" not in page
        assert "\u202e" not in page.partition("<main")[2].replace(f'value="{name}', "")
        assert len(page) < 100_000
        svgs(page)
    gone = licenses.delete().where(licenses.c.line == f"L{desk.clock.now}")
    desk.site.database.write(lambda connection: connection.execute(gone))


def test_number_of_waiting_proposals_is_never_cached(signed_in: Desk) -> None:
    def wait(connection: Connection) -> None:
        row = {"act": "issue", "members": "{}", "customer": "c", "product": "p"}
        row |= {"proposed_by": "x", "state": "waiting"}
        connection.execute(insert(proposals), row | {"proposed_at": 1})

    signed_in.client.post("/licenses", data=all_hidden(preview(signed_in).text))
    seen = []
    for _ in range(2):
        page = signed_in.client.get("/overview").text
        found = re.search(r'href="/proposals"><strong>([\d,]+)</strong>', page)
        assert found
        seen.append(int(found[1]))
        signed_in.site.database.write(wait)
    assert seen[1] == seen[0] + 1
    done = update(proposals).where(proposals.c.proposed_by == "x").values(state="refused")
    signed_in.site.database.write(lambda connection: connection.execute(done))


def test_reader_sees_no_link_to_the_audit_log(
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
    page = signed_in.client.get("/overview")
    assert page.status_code == 200
    assert "/record" not in page.text
    assert "newly issued" in page.text
    assert signed_in.client.get("/record").status_code == 403

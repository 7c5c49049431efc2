"""Lists of 100,000 rows in Chromium: each is a page like any other, and says how much there is."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page
from sqlalchemy import Connection

from license_server.audit.audit_store import NewEvent
from license_server.db import bulk_insert
from license_server.db.tables import audit_events, customers, proposals
from license_server.operations import data_folder
from tests.support import judge, large_ledger, server
from tests.support.chromium import new_context
from tests.support.postgres import new_database
from tests.support.server import Running

pytestmark = [pytest.mark.torture, pytest.mark.timeout(3600)]
ROWS = 100_000
AT_ONCE = 2000
WIDTHS = (390, 1280, 1920)
LISTS = (
    "/licenses",
    "/licenses?product=product-12&sort=-expires_at",
    "/customers",
    "/customers?sort=-name",
    "/customers?q=contact",
    "/customers?q=3",
    "/proposals?state=all",
    "/record",
    "/record?actor=token:crm",
    "/record?action=licenses",
)


def fill(connection: Connection, now: int) -> None:
    """As many events, proposals, and customers without a licence."""
    for begin in range(0, ROWS, AT_ONCE):
        count = range(begin, begin + AT_ONCE)
        some = [
            (now - n, "token:crm", "license.issued", f"HS-2026-{n:08}", "{}", None, None, None)
            for n in count
        ]
        bulk_insert.insert(connection, audit_events, NewEvent._fields, some)
        made = [(ROWS + n, f"Customer of a list {n:06}", now - n) for n in count]
        bulk_insert.insert(connection, customers, ("id", "name", "created_at"), made)
        names = ("act", "members", "customer", "product", "proposed_by", "proposed_at", "state")
        asked = json.dumps({})
        wanted = [
            ("issue", asked, "ACME 上海", "product-1", "user:a@b.cn", now - n, "refused")
            for n in count
        ]
        bulk_insert.insert(connection, proposals, names, wanted)


@pytest.fixture(params=["sqlite", "postgresql"])
def running(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Running]:
    url = None if request.param == "sqlite" else new_database()
    made = server.make(tmp_path / "server", url)
    opened = data_folder.open_database(made)
    large_ledger.fill(opened.engine, ROWS, seed=1)
    now = int(time.time())
    opened.write(lambda connection: fill(connection, now))
    opened.close()
    with server.serving(made.data, url) as (address, process):
        yield Running(
            address, "", made.data, made.root_pub_pem, server.EMAIL, server.PASSWORD, process
        )


def sign_in(page: Page) -> None:
    page.goto("/login")
    page.locator("#email").fill(server.EMAIL)
    page.locator("#password").fill(server.PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.locator("nav").first.wait_for()


def test_lists_of_100_000_rows_are_pages_like_any_other(
    chromium: Browser, running: Running
) -> None:
    context = new_context(chromium, base_url=running.url, viewport=judge.WIDE)
    page = context.new_page()
    sign_in(page)
    found: list[str] = []
    for language in ("en", "zh"):
        context.add_cookies([{"name": "hostseal_language", "value": language, "url": running.url}])
        for path in LISTS:
            began = time.monotonic()
            answer = page.goto(path)
            took = time.monotonic() - began
            assert answer is not None
            assert answer.status == 200, path
            print(f"{path} {language}: {took * 1000:.0f} ms, {len(answer.body())} bytes")
            found += [f"{path}: {one}" for one in judge.look(page, language)]
            for width in WIDTHS:
                page.set_viewport_size({"width": width, "height": 900})
                found += [f"{path}, {width}: {one}" for one in judge.glance(page, language)]
            if language == "en":
                total = page.locator(".total").inner_text()
                assert "of more than 10,000" in total or "of " in total
    context.close()
    assert not found, "\n".join(found)

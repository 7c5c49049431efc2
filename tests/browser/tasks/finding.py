"""Tasks with what somebody knows a part of."""

import csv
import io
from datetime import UTC, datetime, timedelta

from tests.support.tasks import Player, task

_NUMBER = "PO-2026/0815-ACME"


def _licence(player: Player, host: str, **members: object) -> str:
    """The number of a licence on *host*."""
    line = f'["{host.encode().hex():0<40.40}", "{host}"]'
    order = {"customer": "Werft Nord", "product": "darwin", "days": 30, "host": line}
    return str(player.post("licenses", **(order | members))["id"])


@task(4, "count and export what ends next month", goal=3)
def count_and_export_next_month(player: Player) -> None:
    today = datetime.now(UTC).date()
    first = (today.replace(day=1) + timedelta(days=32)).replace(day=1)
    last = (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)
    number = _licence(player, "ends-soon", days=None, expires=first.isoformat())
    page = player.begin("/licenses")
    page.get_by_label("Last day from").click()
    page.get_by_label("Last day from").fill(first.isoformat())
    page.get_by_label("Last day until").fill(last.isoformat())
    page.get_by_text("of ").first.wait_for()
    page.wait_for_url("**expires_until=*")
    with page.expect_download() as download:
        page.get_by_role("link", name="Export what is shown").click()
    text = download.value.path().read_text("utf-8-sig")
    assert number in [row["Number"] for row in csv.DictReader(io.StringIO(text))]


@task(14, "note with a contract number, found again", goal=3)
def note_found_again(player: Player) -> None:
    number = _licence(player, "noted")
    page = player.begin(f"/licenses/{number}")
    page.get_by_label("Note").click()
    page.keyboard.type(f"Framework contract {_NUMBER}, signed")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.get_by_text(_NUMBER).first.wait_for()
    player.find("0815-acme")
    assert page.get_by_role("link", name=number).count() == 1


@task(15, "a customer with all licences", goal=2)
def customer_with_all_licences(player: Player) -> None:
    numbers = [_licence(player, f"node-{n}", customer="Zwei Segel AG") for n in range(3)]
    page = player.begin()
    player.find("segel")
    page.get_by_role("link", name="Zwei Segel AG").last.click()
    for number in numbers:
        page.get_by_role("link", name=number).first.wait_for()


@task(16, "search by part of a hostname, a mail address, a contract number (each)", goal=1)
def search_by_parts(player: Player) -> None:
    number = _licence(player, "fra-gpu-box-7", contract=_NUMBER)
    page = player.begin("/customers/new")
    page.get_by_label("Name").first.fill("Postfach AG")
    page.get_by_label("Email address").fill("it@postfach.example")
    page.get_by_role("button", name="Add customer").click()
    page.get_by_text("Customer added.").wait_for()
    for typed, name in (("u-box-7", number), ("@postfach", "Postfach AG"), ("/0815", number)):
        page = player.begin()
        player.find(typed)
        page.get_by_role("link", name=name).first.wait_for()

"""Takes the pictures of docs/DESK.md: ``python -m tests.support.pictures``."""

import shutil
import tempfile
import time
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from license_core.request import LicenseRequest
from license_server.actor import COMMAND
from license_server.catalog import customers, products
from license_server.catalog.terms import DAY
from tests.support import server
from tests.support.chromium import new_context
from tests.support.ledger import ISSUER, Ledger, line, open_ledger

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "pictures"
_YEAR = 365 * DAY
_CUSTOMERS = (
    "Nordlicht Animation",
    "上海云渲科技",
    "Atelier Bellecour",
    "Kite & Harbour",
    "星海影业",
)
_PRODUCTS = ("darwin", "studio", "lumen")


def main() -> None:
    """Make a vendor of a year's standing, serve it, and take each picture."""
    now = int(time.time())
    made = server.make(Path(tempfile.mkdtemp()) / "server", now=now - _YEAR)
    ledger = open_ledger(made)
    number = _year(ledger, now)
    ledger.site.database.close()
    FOLDER.mkdir(exist_ok=True)
    with server.serving(made.data) as (url, _), sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        _take(_at_desk(browser, url, "en", "light"), "/overview", "overview")
        issuing = _at_desk(browser, url, "en", "light")
        issuing.goto("/licenses/new")
        issuing.locator("#host").press_sequentially(" ")
        issuing.locator("#host").fill(_request())
        issuing.locator("#host").press_sequentially("\n")
        issuing.get_by_text("Request details").wait_for()
        issuing.screenshot(path=FOLDER / "issuing.png")
        _take(_at_desk(browser, url, "zh", "dark"), f"/licenses/{number}", "licence")
        browser.close()


def _year(ledger: Ledger, now: int) -> str:
    """A year's licences; the number of the one that is shown."""
    began = now - _YEAR + DAY
    for name in _PRODUCTS:
        members = {
            "name": name,
            "defaults": {"days": 365, "limits": {"gpus": 4}, "notify_days": 30},
        }
        ledger.site.database.write(lambda c, m=members: products.add(c, m, COMMAND, began))  # type: ignore[misc]
    for name in _CUSTOMERS:
        members = {"name": name, "language": "en" if name.isascii() else "zh"}
        ledger.site.database.write(lambda c, m=members: customers.add(c, m, ISSUER, began))  # type: ignore[misc]
    for n in range(90):
        _at(ledger, began + 4 * n * DAY).issue(
            n,
            customer=_CUSTOMERS[n % 5],
            product=_PRODUCTS[n * n // 2 % 3],
            days=365 + 40 * (n % 7) - 3 * n,
        )
    shown = _at(ledger, now - 200 * DAY).issue(
        200, customer=_CUSTOMERS[1], product="darwin", days=365
    )
    shown = _at(ledger, now - 90 * DAY).act("rehost", shown, host=line(201), reason="换了一台机器")
    return _at(ledger, now - DAY).act("renew", shown, days=365, reason="合同续签一年")


def _at(ledger: Ledger, instant: int) -> Ledger:
    return ledger._replace(site=ledger.site._replace(clock=lambda: instant))


def _request() -> str:
    tags = dict.fromkeys(("hostname", "ip", "machine_id", "container_id"), "0123456789abcdef")
    request = LicenseRequest(
        f"{90:040x}", "studio2_gpu", "hk1", tags, gpus=4, customer=_CUSTOMERS[0], product="darwin"
    )
    return request.to_text()


def _at_desk(browser: Browser, url: str, language: str, theme: str) -> Page:
    context = new_context(browser, base_url=url, viewport={"width": 1200, "height": 860})
    for name, value in (("language", language), ("theme", theme)):
        context.add_cookies([{"name": f"hostseal_{name}", "value": value, "url": url}])
    page = context.new_page()
    page.goto("/login")
    page.locator("#email").fill(server.EMAIL)
    page.locator("#password").fill(server.PASSWORD)
    page.locator("main button").first.click()
    page.wait_for_url("**/")
    return page


def _take(page: Page, path: str, name: str) -> None:
    page.goto(path)
    page.screenshot(path=FOLDER / f"{name}.png")


if __name__ == "__main__":
    main()

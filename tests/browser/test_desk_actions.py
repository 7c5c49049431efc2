"""Actions in Chromium: search, renew, rehost, revoke, and approval by a second person."""

import os
import time

import httpx
from playwright.sync_api import Browser, Page

from license_server.access import accounts
from license_server.actor import COMMAND
from license_server.catalog import products
from license_server.operations import data_folder
from tests.support import server
from tests.support.chromium import new_context, sign_in
from tests.support.server import LINE, OTHER_LINE, PASSWORD, Running

APPROVER = "approver@example.com"
# What the filters would send, each time they would.
_LISTENED = """() => {
  globalThis.sent = [];
  document.querySelector("form[data-live]").addEventListener("submit", (event) => {
    event.preventDefault();
    sent.push(new FormData(event.target).get("expires_from"));
  });
}"""


def issue(running: Running, **members: object) -> str:
    """Issue a licence over the API; its number, or the id of its proposal."""
    order = {"customer": "Kunde GmbH", "product": "darwin", "days": 30, "host": LINE} | members
    url = f"{running.url}/api/v1/licenses"
    reply = httpx.post(url, json=order, headers=running.bearer, timeout=60)
    assert reply.is_success, reply.text
    return str(reply.json()["id"])


def listen(page: Page) -> list[str]:
    """What goes wrong in the page from now on."""
    broken: list[str] = []
    page.on("console", lambda message: broken.append(message.text))
    page.on("pageerror", lambda error: broken.append(str(error)))
    return broken


def press(page: Page, name: str, role: str = "button") -> None:
    """Go to a button or a link by the keyboard and use it."""
    found = page.locator("main").get_by_role(role, name=name, exact=True)  # type: ignore[arg-type]
    found.focus()
    page.keyboard.press("Enter")


def test_licence_can_be_found_renewed_rehosted_and_revoked_by_keyboard(
    page: Page, running: Running
) -> None:
    customer = f"Über {os.urandom(3).hex()} 上海"
    number = issue(running, customer=customer)
    broken = listen(page)
    sign_in(page, running)
    page.goto("/licenses")
    page.get_by_label("Search").first.focus()
    page.keyboard.type(customer[:8].upper())
    page.keyboard.press("Enter")
    page.wait_for_url("**q=*")
    press(page, number, "link")
    press(page, "Renew", "link")
    page.get_by_label("Number of days").last.fill("90")
    press(page, "Preview")
    page.get_by_text("Everything else stays the same.").wait_for()
    press(page, f"Renew {number}")
    page.get_by_text("Issued.").wait_for()
    assert page.locator(".life li").count() == 2
    press(page, "Rehost", "link")
    page.get_by_label("Request from the new host").fill(OTHER_LINE)
    page.get_by_label("Reason").fill("the container was made anew")
    press(page, "Preview")
    page.get_by_text(OTHER_LINE[2:42]).wait_for()
    page.get_by_role("button", name="Rehost").click()
    page.get_by_text("Issued.").wait_for()
    assert "the container was made anew" in page.locator(".life").inner_text()
    press(page, "Revoke", "link")
    page.get_by_label("Reason").fill("the contract was ended")
    page.get_by_role("button", name="Revoke").click()
    page.get_by_text("the next revocation list").wait_for()
    page.goto(f"/licenses?q={customer}&state=revoked")
    assert page.locator("tbody tr").count() == 1
    assert broken == []


def test_filter_applies_at_once_and_keeps_the_focus(chromium: Browser, running: Running) -> None:
    issue(running)
    context = new_context(chromium, base_url=running.url)
    page = context.new_page()
    sign_in(page, running)
    page.goto("/licenses")
    page.locator("#state").select_option("suspended")
    page.wait_for_url("**state=suspended*")
    assert page.evaluate("document.activeElement.id") == "state"
    page.evaluate(_LISTENED)
    page.get_by_label("Last day from").focus()
    page.keyboard.type("12312027")
    assert page.evaluate("sent") == ["2027-12-31"]  # and not at each digit of the year
    page.locator(".empty").get_by_role("link", name="Clear filters").click()
    assert page.url.endswith("/licenses")
    context.close()


def test_second_person_approves_a_proposal(page: Page, chromium: Browser, running: Running) -> None:
    opened = data_folder.open_database(server.settings(running.data))
    now, product = int(time.time()), f"guarded-{os.urandom(3).hex()}"
    email = f"{os.urandom(3).hex()}-{APPROVER}"
    rules = {"name": product, "needs_approval": True}
    opened.write(lambda c: accounts.add(c, email, PASSWORD, "approver", COMMAND, now))
    opened.write(lambda c: products.add(c, rules, COMMAND, now))
    opened.close()
    id_ = issue(running, product=product, customer="Waiting AG")
    second = new_context(chromium, base_url=running.url).new_page()
    sign_in(second, running._replace(admin_email=email))
    second.goto("/proposals")
    second.get_by_role("link", name=f"{id_}: Issue").click()
    assert "Waiting AG" in second.locator("main").inner_text()
    second.get_by_role("button", name="Approve and issue").click()
    second.get_by_text("Issued.").wait_for()
    sign_in(page, running)
    page.goto(f"/proposals/{id_}")
    assert email in page.locator("main").inner_text()
    second.context.close()

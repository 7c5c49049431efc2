"""Forms in Chromium: what was typed is there after going back, and after the session ended."""

from playwright.sync_api import Page

from tests.support.chromium import sign_in
from tests.support.server import EMAIL, LINE, PASSWORD, Running

TYPED = {
    "host": LINE,
    "customer": "Müller & Söhne",
    "product": "darwin",
    "expires": "2028-11-28",
    "time_zone": "Asia/Tokyo",
    "limits": "gpus 4",
    "edition": "pro",
    "features": "export, train",
    "notify_days": "5",
    "grace_days": "3",
    "maintenance_until": "2028/12/31",
    "reason": "order 4711",
}


def fill(page: Page) -> None:
    page.goto("/licenses/new")
    page.locator("summary", has_text="More").click()
    for name, text in TYPED.items():
        page.fill(f"#{name}", text)


def typed(page: Page) -> dict[str, str]:
    return {name: page.input_value(f"#{name}") for name in TYPED}


def test_back_from_a_preview_keeps_every_field(page: Page, running: Running) -> None:
    """By the link of the page, and by the browser's own button."""
    sign_in(page, running)
    fill(page)
    page.get_by_role("button", name="Preview").click()
    page.get_by_role("link", name="Back to the form").click()
    assert typed(page) == TYPED
    page.go_back()
    page.go_back()
    page.wait_for_load_state()
    assert typed(page) == TYPED
    page.get_by_role("button", name="Preview").click()
    assert "2028-11-28 (Asia/Tokyo)" in page.locator("main").inner_text()


def test_enter_leads_to_the_preview_as_its_button_does(page: Page, running: Running) -> None:
    """Not to what another button of the form does."""
    sign_in(page, running)
    fill(page)
    page.locator("#customer").press("Enter")
    page.wait_for_url("**/licenses/preview/*")


def test_typing_how_long_a_licence_holds_chooses_it(page: Page, running: Running) -> None:
    """With a script at once; without one, when the form is sent."""
    sign_in(page, running)
    fill(page)
    page.get_by_role("button", name="Preview").click()
    assert "at the end of 2028-11-28 (Asia/Tokyo)" in page.locator("main").inner_text()


def test_a_session_that_ends_in_the_middle_of_a_form_loses_nothing(
    page: Page, running: Running
) -> None:
    sign_in(page, running)
    fill(page)
    page.context.clear_cookies(name="hostseal_session")
    page.get_by_role("button", name="Preview").click()
    page.get_by_label("Email address").fill(EMAIL)
    page.get_by_label("Password").fill(PASSWORD)
    page.locator("main").get_by_role("button", name="Sign in").click()
    assert "Your session had ended" in page.locator("main").inner_text()
    assert typed(page) == TYPED
    page.get_by_role("button", name="Preview").click()
    assert "Nothing is issued yet" in page.locator("main").inner_text()

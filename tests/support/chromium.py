"""Steps of a user in Chromium."""

from playwright.sync_api import Page

from tests.support.server import Running


def sign_in(page: Page, running: Running) -> None:
    page.goto("/")
    page.get_by_label("Email address").fill(running.admin_email)
    page.get_by_label("Password").fill(running.admin_password)
    page.get_by_role("button", name="Sign in").click()

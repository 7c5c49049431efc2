"""Chromium, for tests that look at pages."""

import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Error, sync_playwright

from tests.support.need import need


@pytest.fixture(
    scope="module"
)  # a loop runs in this thread while it lives: not for a whole session
def chromium() -> Iterator[Browser]:
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        need("Chromium", "apt-get install chromium")
    with sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        except Error as error:
            need("Chromium", f"it does not start here: {error}")
        yield browser
        browser.close()

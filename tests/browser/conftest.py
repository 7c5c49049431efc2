"""Chromium, for tests that look at pages."""

import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Error, Page, sync_playwright

from tests.support.need import need
from tests.support.server import Running, running_server


# A loop runs in this thread while it lives: it is not for a whole session.
@pytest.fixture(scope="module")
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


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running_server(tmp_path_factory.mktemp("desk")) as found:
        yield found


@pytest.fixture(params=[True, False], ids=["javascript", "no-javascript"])
def page(request: pytest.FixtureRequest, chromium: Browser, running: Running) -> Iterator[Page]:
    context = chromium.new_context(base_url=running.url, java_script_enabled=request.param)
    yield context.new_page()
    context.close()

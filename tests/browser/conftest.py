"""Chromium, for tests that look at pages."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from tests.support.chromium import launched, new_context
from tests.support.server import Running, running_server


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with launched() as browser:
        yield browser


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running_server(tmp_path_factory.mktemp("desk")) as found:
        yield found


@pytest.fixture(params=[True, False], ids=["javascript", "no-javascript"])
def page(request: pytest.FixtureRequest, chromium: Browser, running: Running) -> Iterator[Page]:
    context = new_context(chromium, base_url=running.url, java_script_enabled=request.param)
    yield context.new_page()
    context.close()

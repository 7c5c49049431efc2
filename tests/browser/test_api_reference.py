"""The API reference in Chromium: both languages, both themes, narrow, without JavaScript."""

import pytest
from playwright.sync_api import Browser

from license_server.api.operations import OPERATIONS
from tests.support import judge
from tests.support.chromium import new_context
from tests.support.server import Running

PATH, MORE = "/api/v1/docs", "/api/v1/docs/more"


@pytest.mark.parametrize("path", [PATH, MORE, f"{PATH}/replies"])
@pytest.mark.parametrize("language", ["en", "zh"])
def test_api_reference_passes_the_page_checks(
    chromium: Browser, running: Running, language: str, path: str
) -> None:
    context = new_context(chromium, base_url=running.url, viewport=judge.WIDE)
    context.add_cookies([{"name": "hostseal_language", "value": language, "url": running.url}])
    page = context.new_page()
    wrong = judge.listen(page)
    reply = page.goto(path)
    assert reply is not None
    assert len(reply.body()) <= judge.LARGEST
    assert judge.look(page, language) == []
    assert wrong == []
    context.close()


def test_api_reference_works_without_javascript(chromium: Browser, running: Running) -> None:
    context = new_context(chromium, base_url=running.url, java_script_enabled=False)
    page = context.new_page()
    counted = 0
    for path in (MORE, PATH):
        page.goto(path)
        counted += page.locator("section.operation").count()
    assert counted == len(OPERATIONS)
    page.get_by_role("link", name="Issue a licence", exact=True).click()
    assert page.url.endswith("#licenses.issue")
    section = page.locator("section[id='licenses.issue']")
    section.get_by_role("link", name="License", exact=True).click()
    assert page.url.endswith(f"{PATH}/replies#reply-License")
    shape = page.locator("section[id='reply-License']")
    assert shape.get_by_text("replaced_by: string | null").is_visible()
    context.close()

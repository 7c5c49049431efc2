"""Actions on many licences in Chromium: from rows of the list to the report."""

import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from tests.support import judge
from tests.support.chromium import new_context, sign_in
from tests.support.furnished import furnished_server
from tests.support.server import Running

pytestmark = [pytest.mark.xdist_group("many"), pytest.mark.timeout(300)]
WORDS = {
    "en": ("Act on the chosen …", "Preview", "Renew: ", "All lines are done."),
    "zh": ("所选许可证…", "预览", "续期", "全部处理完毕。"),
}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with furnished_server(tmp_path_factory.mktemp("desk"), int(time.time())) as (there, _):
        yield there


@pytest.fixture(params=["en", "zh"])
def language(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def page(chromium: Browser, running: Running, language: str) -> Iterator[Page]:
    context = new_context(chromium, base_url=running.url, viewport=judge.WIDE)
    page = context.new_page()
    sign_in(page, running)
    page.locator("nav").first.wait_for()
    context.add_cookies([{"name": "hostseal_language", "value": language, "url": running.url}])
    yield page
    context.close()


def test_every_page_from_the_list_to_the_report_passes_the_page_checks(
    page: Page, running: Running, language: str
) -> None:
    chosen, preview, renew, done = WORDS[language]
    found: dict[str, list[str]] = {}

    def look(name: str) -> None:
        found[name] = judge.look(page, language, colours=language == "en")

    page.goto("/licenses")
    for box in page.locator("input[name=number]").all()[:12]:
        box.check()
    look("list")
    page.get_by_role("button", name=chosen).click()
    look("form")
    page.get_by_role("button", name=preview).click()
    page.wait_for_url("**/sheets/jobs/*")
    look("preview")
    page.get_by_role("button", name=renew).click()
    page.get_by_text(done).wait_for()
    look("report")
    page.goto("/licenses")
    number = page.locator("input[name=number]").first.get_attribute("value")
    page.goto(f"/licenses/send?scope=chosen&number={number}")
    look("send")
    page.goto("/licenses/many?act=revoke&scope=chosen&number=HS-2026-00000000")
    look("nothing that can be")
    assert not {name: faults for name, faults in found.items() if faults}

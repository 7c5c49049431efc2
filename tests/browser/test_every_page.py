"""Every page of the desk that a link leads to, in both languages, on both grounds, on a telephone.

The walk finds the pages itself. What only a form leads to is looked at by ``judge.look`` in the
tests of that form.
"""

import time
from collections.abc import Iterator
from typing import NamedTuple

import pytest
from playwright.sync_api import Browser, BrowserContext

from tests.support import judge
from tests.support.furnished import Furnished, furnished_server
from tests.support.ledger import line
from tests.support.server import Running

pytestmark = [pytest.mark.xdist_group("every-page"), pytest.mark.timeout(900)]
LANGUAGES = ("en", "zh")
SIGN_IN = {"en": "Sign in", "zh": "登录"}


class There(NamedTuple):
    """A server with everything in it, and a browser."""

    running: Running
    furnished: Furnished
    browser: Browser

    def context(self, language: str) -> BrowserContext:
        """A browser of somebody who reads *language*."""
        context = self.browser.new_context(
            base_url=self.running.url, viewport=judge.WIDE, reduced_motion="reduce"
        )
        context.add_cookies(
            [{"name": "hostseal_language", "value": language, "url": self.running.url}]
        )
        return context

    def signed_in(self, language: str) -> BrowserContext:
        """The same, of the administrator."""
        context = self.context(language)
        page = context.new_page()
        page.goto("/login")
        page.locator("#email").fill(self.running.admin_email)
        page.locator("#password").fill(self.running.admin_password)
        page.get_by_role("button", name=SIGN_IN[language], exact=True).click()
        page.wait_for_url("**/")
        page.close()
        return context


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory, chromium: Browser) -> Iterator[There]:
    with furnished_server(tmp_path_factory.mktemp("desk"), int(time.time())) as (running, made):
        yield There(running, made, chromium)


@pytest.mark.parametrize("language", LANGUAGES)
def test_nothing_is_wrong_with_any_page_that_a_link_leads_to(there: There, language: str) -> None:
    context = there.signed_in(language)
    numbers = [name for name in there.furnished if str(name).startswith("HS-")]
    starts = ["/", *(f"/licenses/{number}" for number in numbers)]
    visits = judge.walk(context, there.running.url, language, starts)
    context.close()
    paths = {visit.path for visit in visits}
    assert {"/", "/licenses", "/licenses/new", "/account"} <= paths
    assert judge.told(visits) == {}


@pytest.mark.parametrize("language", LANGUAGES)
def test_nothing_is_wrong_with_a_page_for_somebody_who_is_not_signed_in(
    there: There, language: str
) -> None:
    context = there.context(language)
    starts = [
        "/login",
        f"/invitation?secret={there.furnished.invitation}",
        "/problems/wrong-host",
        "/problems/input-invalid",
    ]
    visits = judge.walk(context, there.running.url, language, starts)
    context.close()
    assert judge.told(visits) == {}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("path", ["/nowhere", "/licenses/HS-2026-00000000", "/problems/none"])
def test_a_page_that_is_not_there_is_a_page_too(there: There, language: str, path: str) -> None:
    context = there.signed_in(language)
    page = context.new_page()
    answer = page.goto(path)
    assert answer is not None
    assert answer.status == 404
    assert judge.look(page, language) == []
    context.close()


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("pasted", [line(26), "nothing", ""], ids=["known", "wrong", "blank"])
def test_what_the_issue_form_leads_to_is_a_page_like_any(
    there: There, language: str, pasted: str
) -> None:
    context = there.signed_in(language)
    page = context.new_page()
    page.goto("/licenses/new")
    page.locator("form:has([name=host])").first.evaluate("form => form.noValidate = true")
    page.locator("[name=host]").fill(pasted)
    page.locator("[name=customer]").fill("ACME")
    page.locator("[name=product]").fill("darwin")
    page.locator("form:has([name=host]) button:not([type=button])").last.click()
    page.wait_for_load_state()
    assert judge.look(page, language) == []
    context.close()


@pytest.mark.parametrize("language", LANGUAGES)
def test_changing_how_pages_are_shown_leads_back_to_the_page(there: There, language: str) -> None:
    context = there.signed_in(language)
    for choice in ("language=zh", "language=en", "theme=dark", "theme=light", "theme=auto"):
        answer = context.request.get(f"/preferences?{choice}&back=/licenses", max_redirects=0)
        assert (answer.status, answer.headers["location"]) == (303, "/licenses")
    context.close()

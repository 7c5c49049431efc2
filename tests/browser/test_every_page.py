"""Every linked page of the desk, in both languages, both themes and on a narrow screen.

The walk finds the pages itself, and each role's links are followed. What only a form leads to is
looked at by ``judge.look`` in the tests of that form.
"""

import time
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from playwright.sync_api import Browser, BrowserContext

from license_server.permissions import ROLES
from license_server.web import menu
from tests.support import judge
from tests.support.chromium import new_context
from tests.support.furnished import PASSWORD, Furnished, furnished_server
from tests.support.ledger import line
from tests.support.server import Running

pytestmark = pytest.mark.timeout(900)
_ENGLISH, _CHINESE = (pytest.mark.xdist_group(f"every-page-{name}") for name in ("en", "zh"))


class There(NamedTuple):
    """A server with everything in it, and a browser."""

    running: Running
    furnished: Furnished
    browser: Browser
    judged: judge.Kinds
    """Of which texts axe-core has judged the colours already."""

    @property
    def starts(self) -> list[str]:
        """The queue of requests, and a licence and a mail in each state."""
        numbers = [name for name in self.furnished if str(name).startswith("HS-")]
        licences = (f"/licenses/{number}" for number in numbers)
        return ["/", *licences, *(f"/outbox/{id_}" for id_ in self.furnished.mails)]

    def context(self, language: str, **more: Any) -> BrowserContext:
        """A browser of somebody who reads *language*."""
        context = new_context(
            self.browser,
            base_url=self.running.url,
            viewport=judge.WIDE,
            reduced_motion="reduce",
            **more,
        )
        context.add_cookies(
            [{"name": "hostseal_language", "value": language, "url": self.running.url}]
        )
        return context


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory, chromium: Browser) -> Iterator[There]:
    with furnished_server(tmp_path_factory.mktemp("desk"), int(time.time())) as (running, made):
        yield There(running, made, chromium, {})


def signed_in_as(there: There, email: str, password: str) -> Any:
    """The cookies of somebody."""
    context = there.context("en")
    page = context.new_page()
    page.goto("/login")
    page.locator("#email").fill(email)
    page.locator("#password").fill(password)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.locator("nav").first.wait_for()
    state = context.storage_state()
    context.close()
    return state


@pytest.fixture(scope="module")
def administrator(there: There) -> Any:
    """The cookies of the administrator."""
    return signed_in_as(there, there.running.admin_email, there.running.admin_password)


@pytest.fixture(params=[pytest.param("en", marks=_ENGLISH), pytest.param("zh", marks=_CHINESE)])
def language(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=[False, pytest.param(True, marks=pytest.mark.torture)], ids=["usual", "axe"])
def axe(request: pytest.FixtureRequest, language: str) -> bool:
    """Whether axe-core judges the page: in the suite one language's, for all are made alike."""
    return bool(request.param) or language == "en"


@pytest.fixture
def stranger(there: There, language: str) -> Iterator[BrowserContext]:
    """A browser in which nobody is signed in."""
    context = there.context(language)
    yield context
    context.close()


@pytest.fixture
def signed_in(there: There, language: str, administrator: Any) -> Iterator[BrowserContext]:
    """The administrator's browser."""
    context = there.context(language, storage_state=administrator)
    yield context
    context.close()


def test_every_linked_page_passes_the_page_checks(
    there: There, language: str, axe: bool, signed_in: BrowserContext
) -> None:
    visits = judge.walk(
        signed_in, there.running.url, language, there.starts, axe=axe, judged=there.judged
    )
    paths = {visit.path for visit in visits}
    assert {"/", "/licenses", "/licenses/new", "/account"} <= paths
    assert not judge.told(visits), judge.told(visits)


@_ENGLISH
@pytest.mark.parametrize("role", [role for role in ROLES if role != "administrator"])
def test_each_role_has_links_only_to_pages_it_may_open(there: There, role: str) -> None:
    state = signed_in_as(there, f"{role}@example.com", PASSWORD)
    context = there.context("en", storage_state=state)
    found = list(judge.crawl(context, there.running.url, there.starts))
    context.close()
    paths = {one.path for one in found}
    permissions = ROLES[role]
    assert {room.path for room in menu.ROOMS if room.path in paths} == {
        room.path for room in menu.ROOMS if room.permission in permissions
    }
    assert not judge.told(found), judge.told(found)


def test_pages_before_sign_in_pass_the_page_checks(
    there: There, language: str, axe: bool, stranger: BrowserContext
) -> None:
    invitation = f"/invitation?secret={there.furnished.invitation}"
    starts = [
        "/login",
        invitation,
        "/problems/wrong-host",
        "/problems/input-invalid",
        "/api/v1/docs",
        "/api/v1/docs/more",
        "/api/v1/docs/replies",
    ]
    visits = judge.walk(stranger, there.running.url, language, starts, axe=axe, judged=there.judged)
    assert not judge.told(visits), judge.told(visits)


def test_pages_of_the_customer_portal_pass_the_page_checks(
    there: There, language: str, axe: bool, stranger: BrowserContext
) -> None:
    page = stranger.new_page()
    for path in (
        "/portal",
        "/portal/open?secret=none",
        f"/portal/open?secret={there.furnished.portal}",
    ):
        page.goto(path)
        found = judge.look(page, language, axe=axe, judged=there.judged)
        assert not found, "\n".join(found)
    page.locator("form[action='/portal/open'] button").click()
    page.wait_for_url("**/portal")
    number = there.furnished.anchored
    starts = [
        "/portal",
        *(f"/portal/requests/new?wish={wish}" for wish in ("license", "trial", "return")),
        f"/portal/licenses/{number}",
    ]
    visits = judge.walk(stranger, there.running.url, language, starts, axe=axe, judged=there.judged)
    assert not judge.told(visits), judge.told(visits)
    page.goto(f"/portal/requests/new?wish=move&license={number}")
    page.locator("#text").fill("1234")
    page.locator("#sender_address").fill("5678")
    page.get_by_role("button").last.click()
    page.locator(".told.bad").wait_for()
    found = judge.look(page, language, axe=axe, judged=there.judged)
    assert not found, "\n".join(found)


@pytest.mark.parametrize("path", ["/nowhere", "/licenses/HS-2026-00000000", "/problems/none"])
def test_not_found_pages_pass_the_page_checks(
    signed_in: BrowserContext, there: There, language: str, axe: bool, path: str
) -> None:
    page = signed_in.new_page()
    answer = page.goto(path)
    assert answer is not None
    assert answer.status == 404
    found = judge.look(page, language, axe=axe, judged=there.judged)
    assert not found, "\n".join(found)


@pytest.mark.parametrize("pasted", [line(26), "nothing", ""], ids=["known", "wrong", "blank"])
def test_pages_behind_the_order_form_pass_the_page_checks(
    signed_in: BrowserContext, there: There, language: str, axe: bool, pasted: str
) -> None:
    page = signed_in.new_page()
    page.goto("/licenses/new")
    form = page.locator("form:has([name=host])").first
    form.evaluate("form => form.noValidate = true")
    form.locator("[name=host]").fill(pasted)
    form.locator("[name=customer]").fill("ACME")
    form.locator("[name=product]").fill("darwin")
    with page.expect_navigation():
        form.locator("button:not([type=button])").last.click()
    found = judge.look(page, language, axe=axe, judged=there.judged)
    assert not found, "\n".join(found)


def test_pages_of_what_is_shown_once_pass_the_page_checks(
    signed_in: BrowserContext, there: There, language: str, axe: bool
) -> None:
    page = signed_in.new_page()
    for path, form in (
        ("/account", "form[action='/account/calendar']"),
        ("/customers/1/portal", "form:has([name=label])"),
    ):
        page.goto(path)
        with page.expect_navigation():
            page.locator(f"{form} button").last.click()
        assert page.locator(".told.good").count() == 1
        found = judge.look(page, language, axe=axe, judged=there.judged)
        assert not found, "\n".join(found)


@pytest.mark.parametrize("pasted", [line(26), "HS-2026-00000000", "nothing"])
def test_answers_to_what_a_client_printed_pass_the_page_checks(
    signed_in: BrowserContext, there: There, language: str, axe: bool, pasted: str
) -> None:
    page = signed_in.new_page()
    page.goto("/why")
    page.locator("#text").fill(pasted)
    with page.expect_navigation():
        page.locator("#why button").last.click()
    assert page.locator(".found").count() == 1
    found = judge.look(page, language, axe=axe, judged=there.judged)
    assert not found, "\n".join(found)


def test_changing_language_or_theme_returns_to_the_page(signed_in: BrowserContext) -> None:
    for choice in ("language=zh", "language=en", "theme=dark", "theme=light", "theme=auto"):
        answer = signed_in.request.get(f"/preferences?{choice}&back=/licenses", max_redirects=0)
        assert (answer.status, answer.headers["location"]) == (303, "/licenses")

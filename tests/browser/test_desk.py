"""The desk in Chromium: from a pasted host key line to a licence file."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from license_core.verify import open_license
from tests.support import server
from tests.support.chromium import new_context, sign_in
from tests.support.server import KEY, Running

PASTED = f"\u201c[\u201d{KEY[:20].upper()}\n{KEY[20:]}\u201d \uff0c \u201cstudio2_gpu\u201d]\u3002"


def test_pasted_host_key_line_leads_to_a_valid_licence_file(
    page: Page, running: Running, tmp_path: Path
) -> None:
    broken: list[str] = []
    page.on("console", lambda message: broken.append(message.text))
    page.on("pageerror", lambda error: broken.append(str(error)))
    sign_in(page, running)
    page.get_by_role("link", name="Issue a licence").first.click()
    page.get_by_label("Operator's request").fill(PASTED)
    page.get_by_label("Customer").fill("上海 ACME")
    page.get_by_label("Product").fill("darwin")
    page.get_by_label("Limits").fill("gpus=4")
    page.get_by_label("Time zone").fill("Asia/Shanghai")
    page.get_by_role("button", name="Preview").click()
    page.get_by_text(KEY).first.wait_for()  # until the page is drawn
    page.get_by_text("(Asia/Shanghai)").first.wait_for()
    page.get_by_role("button", name="Issue licence").click()
    page.get_by_text("Issued.").wait_for()
    with page.expect_download() as download:
        page.get_by_role("link", name="Download license.dat").first.click()
    assert download.value.suggested_filename == "license.dat"
    path = tmp_path / "license.dat"
    download.value.save_as(path)
    license_ = open_license(path.read_bytes(), roots=server.roots(running.data)).license
    assert (license_.host.key, license_.host.name, license_.sub) == (
        KEY,
        "studio2_gpu",
        "上海 ACME",
    )
    assert license_.limits == {"gpus": 4}
    page.get_by_role("link", name="Licences").click()
    page.get_by_role("link", name=license_.jti).wait_for()
    assert broken == []


def test_wrong_field_is_marked_and_all_input_kept(page: Page, running: Running) -> None:
    sign_in(page, running)
    page.goto("/licenses/new")
    page.get_by_label("Operator's request").fill(PASTED)
    page.get_by_label("Customer").fill("ACME")
    page.get_by_label("Product").fill("darwin")
    page.get_by_label("Limits").fill("gpus four")
    page.get_by_role("button", name="Preview").click()
    assert "Correct the marked field" in page.get_by_role("alert").inner_text()
    assert "is not of the form gpus=4" in page.locator("#limits-fault").inner_text()
    assert page.get_by_label("Limits").get_attribute("aria-invalid") == "true"
    assert page.get_by_label("Customer").input_value() == "ACME"
    assert page.get_by_label("Operator's request").input_value() == PASTED


@pytest.mark.parametrize("path", ["/login", "/licenses", "/licenses/new", "/problems/wrong-host"])
def test_pages_fit_a_telephone(page: Page, running: Running, path: str) -> None:
    sign_in(page, running)
    page.set_viewport_size({"width": 360, "height": 740})
    page.goto(path)
    box = page.locator("main").bounding_box()
    assert box is not None
    assert box["width"] <= 360


def test_every_field_has_a_label(page: Page, running: Running) -> None:
    sign_in(page, running)
    for path in ("/login", "/licenses", "/licenses/new"):
        page.goto(path)
        for field in page.locator("input:not([type=hidden]), textarea, select").all():
            name = field.get_attribute("name")
            id_, aria = field.get_attribute("id"), field.get_attribute("aria-label")
            inside = field.locator("xpath=ancestor::label").count()
            labelled = aria or inside or page.locator(f'label[for="{id_}"]').count()
            assert labelled, (path, name)


@pytest.fixture
def scripted(chromium: Browser, running: Running) -> Iterator[Page]:
    context = new_context(
        chromium, base_url=running.url, viewport={"width": 390, "height": 800}, locale="zh-CN"
    )
    yield context.new_page()
    context.close()


def test_order_form_shows_request_details_while_typing(scripted: Page, running: Running) -> None:
    broken: list[str] = []
    scripted.on("console", lambda message: broken.append(message.text))
    scripted.on("pageerror", lambda error: broken.append(str(error)))
    scripted.goto("/login")
    scripted.locator("#email").fill(running.admin_email)
    scripted.locator("#password").fill(running.admin_password)
    scripted.locator("main button").click()
    scripted.goto("/licenses/new")
    assert scripted.locator("#reading").is_hidden()
    scripted.locator("#host").focus()
    scripted.keyboard.insert_text(PASTED)
    scripted.locator("#reading").get_by_text(KEY).wait_for()
    scripted.keyboard.press("Tab")  # on to the customer, though something has appeared between
    scripted.keyboard.insert_text("ACME")
    scripted.keyboard.press("Tab")
    scripted.keyboard.insert_text("darwin")
    scripted.locator("#outcome").get_by_text("许可证预览").wait_for()
    assert scripted.locator("#days").get_attribute("placeholder") == "365"
    scripted.locator("#host").fill("hello")
    scripted.locator("#reading .warn").wait_for()
    assert scripted.locator("#outcome").is_hidden()
    width = scripted.evaluate("document.documentElement.scrollWidth")
    assert width <= 390
    assert broken == []


def test_licence_can_be_issued_by_keyboard_alone(scripted: Page, running: Running) -> None:
    scripted.goto("/login")
    scripted.locator("#email").focus()
    for text in (running.admin_email, running.admin_password):
        scripted.keyboard.insert_text(text)
        scripted.keyboard.press("Tab")
    scripted.keyboard.press("Enter")
    scripted.wait_for_url("**/")
    scripted.goto("/licenses/new")
    scripted.locator("#host").focus()
    for text in (f'["{KEY[::-1]}", "h"]', "Keyboard AG", "darwin"):
        scripted.keyboard.insert_text(text)
        scripted.keyboard.press("Tab")
    scripted.keyboard.press("Enter")  # from within a field: the form's button
    scripted.wait_for_url("**/licenses/preview/*")
    _tab_to(scripted, "签发许可证")
    scripted.keyboard.press("Enter")
    scripted.wait_for_url("**?issued=1")
    assert "Keyboard AG" in scripted.content()


def _tab_to(page: Page, button: str) -> None:
    """Press Tab until the button of that name has the focus."""
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.matches('main button')") and (
            page.evaluate("document.activeElement.textContent") == button
        ):
            return
    raise AssertionError(button)

"""Imports and invitations in Chromium, with and without JavaScript."""

import csv
import io
from pathlib import Path

from playwright.sync_api import Browser, Page, expect

from tests.support.chromium import new_page, sign_in
from tests.support.server import LINE, Running

LINES = 1200


def sheet(customer: str, count: int) -> str:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(("customer", "product", "host", "days"))
    writer.writerows((customer, "bulk", LINE, n + 1) for n in range(count))
    return text.getvalue()


def test_file_fills_the_text_of_what_a_client_printed(
    chromium: Browser, running: Running, tmp_path: Path
) -> None:
    page = new_page(chromium, base_url=running.url)
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    sign_in(page, running)
    page.locator("nav").first.wait_for()
    page.goto("/why")
    printed = tmp_path / "doctor.txt"
    printed.write_text("许可证", "utf-8")
    page.get_by_label("Or choose a file:").set_input_files(printed)
    expect(page.locator("#text")).to_have_value("许可证")
    assert errors == []
    page.close()


def test_import_shows_its_progress_until_it_is_finished(
    page: Page,
    running: Running,
    tmp_path: Path,
) -> None:
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    sign_in(page, running)
    page.get_by_role("link", name="Import and export").click()
    picker = page.get_by_label("File", exact=True)
    with_script = picker.is_visible()
    customer = f"示例公司 {with_script}"
    text = sheet(customer, LINES)
    if with_script:
        file = tmp_path / "sheet.csv"
        file.write_bytes(text.encode("gb18030"))  # as a Chinese Excel saves it
        picker.set_input_files(file)
        expect(page.get_by_label("Text of the file")).to_have_value(text.replace("\r\n", "\n"))
    else:
        page.get_by_label("Text of the file").fill(text)
    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_role("heading", name="Import preview")).to_be_visible()
    expect(page.get_by_text(customer).first).to_be_visible()
    page.get_by_role("button", name=f"Issue {LINES} licences").click()
    # Nobody clicks any more: the page itself tells when it is in the past.
    expect(page.get_by_text("Import finished.")).to_be_visible()
    told = f"{LINES} of {LINES} rows done: {LINES} issued, 0 skipped."
    expect(page.get_by_text(told)).to_be_visible()
    assert errors == []


def test_invitation_link_is_shown_and_dies_when_withdrawn(
    page: Page,
    running: Running,
) -> None:
    sign_in(page, running)
    page.get_by_role("link", name="Users").click()
    page.get_by_role("link", name="Invite user").click()
    page.get_by_label("Email address").fill("guest@example.com")
    page.get_by_role("button", name="Create invitation").click()
    address = page.locator("#address").inner_text()
    assert address.startswith(f"{running.url}/invitation?secret=")
    assert address in page.locator("#mail").inner_text()
    page.get_by_role("link", name="I have sent it").click()
    row = page.get_by_role("row", name="guest@example.com")
    row.get_by_role("button", name="Withdraw the invitation for guest@example.com").click()
    expect(page.get_by_text("Invitation withdrawn.")).to_be_visible()
    assert page.goto(address).status == 410  # type: ignore[union-attr]

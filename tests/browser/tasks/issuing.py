"""Tasks with what an operator sent."""

from tests.support.server import KEY, LINE
from tests.support.tasks import Player, task

MANGLED = f"Hello,\n> “[”{KEY[:20].upper()}\n> {KEY[20:]}” ， “studio2_gpu”]。\n\nKind regards\n"
"""As a mail program and a word processor leave the line."""


@task(1, "mangled mail to issued and letter copied", goal=5)
def mangled_mail_to_letter(player: Player) -> None:
    page = player.begin()
    page.get_by_role("link", name="Issue a licence").first.click()
    page.get_by_label("Operator's request").click()
    page.keyboard.insert_text(MANGLED)
    for text in ("Atelier Bellecour", "darwin"):
        page.keyboard.press("Tab")
        page.keyboard.type(text)
    page.get_by_role("button", name="Preview").click()
    page.get_by_role("button", name="Issue licence").click()
    page.locator(".sending .copyable:has(#letter-en)").get_by_role("button").click()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert KEY in copied
    assert "Kind regards" in copied


@task(13, "a 30-day trial", goal=4)
def trial(player: Player) -> None:
    page = player.begin()
    page.get_by_role("link", name="Issue a licence").first.click()
    page.get_by_label("Operator's request").click()
    page.keyboard.insert_text(LINE)
    for field, text in (
        ("customer", "Trial GmbH"),
        ("product", "darwin"),
        ("plan", "trial 30 days"),
    ):
        while page.evaluate("document.activeElement.id") != field:
            page.keyboard.press("Tab")
        page.keyboard.press("Control+A")
        page.keyboard.type(text)
    page.get_by_role("button", name="Preview").click()
    page.get_by_role("button", name="Issue licence").click()
    page.get_by_text("Issued. Now send it").wait_for()

"""Tasks with many licences at once."""

from datetime import UTC, datetime, timedelta

from tests.support.tasks import Player, task

CUSTOMER = "Kite Shipping"


@task(3, "renew all that ends within 60 days of one customer", goal=4)
def renew_what_ends_soon(player: Player) -> None:
    for number, days in enumerate((20, 40, 300)):
        host = f'["{number + 700:040x}", "kite-{number}"]'
        player.post("licenses", customer=CUSTOMER, product="darwin", days=days, host=host)
    page = player.begin("/licenses")
    page.get_by_label("Search").first.click()
    page.keyboard.type(CUSTOMER)
    until = page.get_by_label("Last day until")
    while not until.evaluate("field => field === document.activeElement"):
        page.keyboard.press("Tab")
    until.fill(f"{datetime.now(UTC).date() + timedelta(days=60)}")
    page.get_by_role("button", name="Act on all 2 found …").click()
    page.get_by_role("button", name="Preview").click()
    page.get_by_role("button", name="Renew: 2 licences").click()
    page.get_by_text("All lines are done.").wait_for()
    assert "Renewed: 2" in page.get_by_role("main").inner_text()

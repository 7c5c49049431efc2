"""Tasks of an administrator and an auditor: who did what, and customers put in order."""

from datetime import date, timedelta

from tests.support.tasks import Player, task


@task(7, "who issued a licence last March", goal=3)
def who_issued_last_march(player: Player) -> None:
    made = player.post("customers", name="Marchmont Optics")
    page = player.begin()
    page.get_by_role("link", name="Audit log").first.click()
    # The filter applies by itself once the date is whole.
    page.get_by_label("From", exact=True).fill(f"{date.today() - timedelta(days=400)}")
    page.wait_for_url("**since=*")
    page.get_by_role("link", name=made["name"]).first.wait_for()


@task(8, "change a product's default and see it in the audit log", goal=4)
def change_a_default(player: Player) -> None:
    made = player.post("products", name="orrery", defaults={"days": 30})
    page = player.begin("/products")
    page.get_by_role("link", name=made["name"], exact=True).click()
    page.get_by_label("Term (days)", exact=True).click()
    page.keyboard.press("Control+A")
    page.keyboard.type("365")
    page.keyboard.press("Enter")
    page.get_by_text("Saved.").wait_for()
    page.get_by_role("link", name="View in audit log").click()
    page.locator("ul.changes", has_text="30").filter(has_text="365").first.wait_for()


@task(9, "add a colleague", goal=4)
def add_a_colleague(player: Player) -> None:
    page = player.begin()
    page.get_by_role("link", name="Users").first.click()
    page.get_by_role("link", name="Invite").first.click()
    page.get_by_label("Email address").click()
    page.keyboard.type("colleague@example.com")
    page.keyboard.press("Enter")
    page.get_by_text("colleague@example.com").first.wait_for()


@task(11, "correct a customer's name and find them by the old one", goal=4)
def correct_a_name(player: Player) -> None:
    made = player.post("customers", name="Herrschel Mirrors")
    page = player.begin(f"/customers/{made['id']}")
    page.get_by_label("Name", exact=True).click()
    page.keyboard.press("Control+A")
    page.keyboard.type("Herschel Mirrors")
    page.keyboard.press("Enter")
    page.get_by_text("Saved.").wait_for()
    player.find("Herrschel")
    page.get_by_role("link", name="Herschel Mirrors").first.wait_for()


@task(12, "merge two customers", goal=5)
def merge_two_customers(player: Player) -> None:
    player.post("customers", name="Halley Observatory")
    made = player.post("customers", name="Halley Observatory Ltd")
    page = player.begin(f"/customers/{made['id']}")
    page.get_by_role("link", name="Merge into another customer").click()
    page.get_by_role("button", name="Preview").click()
    page.get_by_role("button", name="Merge", exact=True).click()
    page.get_by_text("Merged: this customer").wait_for()
    page.get_by_text("Halley Observatory Ltd").first.wait_for()

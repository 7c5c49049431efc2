"""Tasks that begin with a few words of a caller."""

from license_core.request import LicenseRequest
from tests.support.tasks import Player, task


@task(10, "what a host had", goal=2)
def what_a_host_had(player: Player) -> None:
    host = LicenseRequest("7" * 40, "render-node-31").to_text()
    order = {"customer": "Atelier Bellecour", "product": "darwin", "days": 365, "host": host}
    number = player.post("licenses", **order)["id"]
    newest = player.post(f"licenses/{number}/renew", days=30)["id"]
    page = player.begin()
    player.find("render node 31")
    page.get_by_role("link", name=newest).first.click()
    page.locator("#life").get_by_text("Renewed").wait_for()
    page.locator("#life").get_by_text(number).first.wait_for()

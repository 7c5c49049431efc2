"""Tasks with licences that were ended."""

from tests.support.server import LINE
from tests.support.tasks import Player, task


@task(6, "undo a wrong revoke", goal=3)
def undo_a_wrong_revoke(player: Player) -> None:
    order = {"customer": "Atelier Bellecour", "product": "darwin", "days": 90, "host": LINE}
    number = player.post("licenses", **order)["id"]
    page = player.begin(f"/licenses/{number}/revoke")
    page.get_by_label("Reason").fill("not paid")
    page.get_by_role("button", name="Revoke").click()
    page = player.begin(f"/licenses/{number}")
    page.get_by_role("link", name="Undo the revocation").click()
    player.type("the wrong licence")
    page.get_by_role("button", name="Preview").click()
    page.get_by_role("button", name="Undo the revocation").click()
    assert "Revocation undone" in page.get_by_role("main").inner_text()

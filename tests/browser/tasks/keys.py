"""Tasks on the keys page."""

from tests.support.tasks import Player, task


@task(17, "publish a revocation list", goal=2)
def publish_a_list(player: Player) -> None:
    page = player.begin()
    page.get_by_role("link", name="Keys").first.click()
    page.get_by_role("button", name="Publish a list").click()
    assert "is published." in page.get_by_role("main").inner_text()

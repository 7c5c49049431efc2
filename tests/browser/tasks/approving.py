"""Tasks with proposals."""

from tests.support.furnished import APPROVED
from tests.support.tasks import Player, task

HOSTS = [f'["{number:040x}", "box-{number}"]' for number in range(1, 6)]


@task(5, "approve five", goal=3)
def approve_five(player: Player) -> None:
    for host in HOSTS:
        order = {"customer": "Atelier Bellecour", "product": APPROVED, "days": 90}
        player.post("licenses", **order, host=host)
    page = player.begin()
    page.get_by_role("link", name="Proposals").first.click()
    page.get_by_role("link", name="Approve all").click()
    page.get_by_role("button", name="and issue").click()
    assert "licences were issued." in page.get_by_role("main").inner_text()

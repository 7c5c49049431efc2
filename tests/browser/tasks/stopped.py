"""Tasks with a product that stopped."""

import os

from license_core.request import LicenseRequest
from tests.support.tasks import Player, task

_TAGS = dict.fromkeys(("hostname", "ip", "machine_id", "container_id"), "0123456789abcdef")


def _request(**changed: str) -> str:
    """The request of gpu-box-7, with tags that are *changed*."""
    return LicenseRequest(os.urandom(20).hex(), "gpu-box-7", "hk1", _TAGS | changed).to_text()


@task(2, '"gpu box 7 stopped after reboot" to moved', goal=5)
def gpu_box_stopped(player: Player) -> None:
    player.post("licenses", customer="Kite & Harbour", product="darwin", days=365, host=_request())
    mail = f"Hello,\ngpu box 7 stopped after reboot!\n\n{_request(ip='f' * 16)}\nRegards\n"
    page = player.begin()
    page.get_by_role("link", name="Why did it stop?").first.click()
    page.wait_for_url("**/why")
    player.type(mail)
    page.get_by_role("button", name="Find out").click()
    page.get_by_text("Only the IP address differs").first.wait_for()
    page.get_by_role("button", name="Rehost HS-").click()
    page.wait_for_url("**/rehost?draft=*")
    page.get_by_role("button", name="Rehost HS-").click()
    page.get_by_text("Issued. Now send it").wait_for()

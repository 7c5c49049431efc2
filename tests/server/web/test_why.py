"""The page of why a product stopped: what is on it to copy, and where its buttons lead."""

import re
from html import unescape
from typing import Any

import pytest

from tests.support.desk import Desk, unique
from tests.support.desk_user import DeskUser
from tests.support.pages import fields_of, text_of
from tests.support.server import KEY, LINE

NAME, OTHER_KEY = "studio2_gpu", "8c" * 20
EXPLAINED = f"""[N]: The licensed host compared with this one:
     hostname      same            {NAME}
     ip            DIFFERS         172.17.0.3 here, 172.17.0.2 when ordered
     machine_id    same
     Source: the state file of this host, which was the licensed one.
[E]: The licence is for host {KEY} ({NAME}); this host is {OTHER_KEY} ({NAME}).
     The address was 172.17.0.2 when the licence was ordered and is now 172.17.0.3.
     Is the network up? `ip -brief address` shows the addresses of this machine. Give it 172.17.0.2
     again in its network settings, or order a new licence.
     Send the output of `python cmd/cli.py request` to your vendor and ask for a
     licence for this host.
"""


@pytest.fixture
def issuer(desk: Desk) -> DeskUser:
    return DeskUser(desk, "issuer")


def to_copy(page: Any) -> list[str]:
    """What has a button to copy it."""
    found = re.findall(r'data-copy="([^"]+)"', page.text)
    assert len(found) == len(set(found))
    texts = (re.search(rf'<pre id="{id_}"[^>]*>(.*?)</pre>', page.text, re.DOTALL) for id_ in found)
    return [unescape(text[1]) for text in texts if text]


def asked(issuer: DeskUser, text: str) -> tuple[str, Any]:
    """The number of a licence for LINE, and the page about it."""
    number = issuer.issue(customer=unique(issuer.desk, "c"))
    return number, issuer.post("/why", text=f"{number}\n{text}")


def test_commands_are_code_and_can_be_copied(issuer: DeskUser) -> None:
    _, page = asked(issuer, EXPLAINED)
    assert "<code>python cmd/cli.py doctor</code> prints the commands for that host" in page.text
    commands = to_copy(page)
    assert "python cmd/cli.py doctor" in commands
    assert "python cmd/cli.py request" in commands
    told = text_of(page)
    assert not re.search("ADDRESS|NETWORK|docker", told)


def test_lines_for_the_operator_are_shown_to_be_copied(issuer: DeskUser) -> None:
    _, page = asked(issuer, EXPLAINED)
    (lines,) = [text for text in to_copy(page) if "network settings" in text]
    assert lines.startswith("Is the network up?")
    assert lines.endswith("or order a new licence.")


def test_move_is_called_by_one_word_and_warns_before(issuer: DeskUser) -> None:
    number, page = asked(issuer, EXPLAINED)
    action = f"/licenses/{number}/rehost"
    assert f">Rehost {number}</button>" in page.text
    looked = issuer.followed(issuer.send(page.text, action, step="instead"))
    assert f">Rehost {number}</button>" in looked.text
    done = issuer.post(action, **fields_of(looked.text) | {"step": "do"})
    assert "nothing has to be deleted" in text_of(issuer.get(done.headers["location"]))


def test_question_that_finds_nothing_has_a_command_to_copy(issuer: DeskUser) -> None:
    page = issuer.post("/why", text="it does not start any more")
    assert to_copy(page) == ["python cmd/cli.py verify --json"]


@pytest.mark.parametrize(("role", "linked"), [("administrator", True), ("reader", False)])
def test_revoked_licence_leads_to_the_list_that_tells_hosts(
    desk: Desk, role: str, linked: bool
) -> None:
    number = DeskUser(desk, "issuer").issue(host=LINE, customer=unique(desk, "c"))
    user = DeskUser(desk, "issuer")
    user.do(number, "revoke", reason="unpaid")
    page = DeskUser(desk, role).get(f"/licenses/{number}", done="revoke").text
    assert ('href="/keys#revocations"' in page) is linked
    assert ("which an administrator publishes." in page) is not linked

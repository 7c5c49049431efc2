"""What the desk offers for a request of the portal: it follows from what is asked, and of which."""

import html
import re
from typing import Any

from license_server.actor import COMMAND
from license_server.catalog import products
from tests.support.asked import act, seen
from tests.support.desk import Desk, unique
from tests.support.desk_user import DeskUser
from tests.support.pages import fields_of, form
from tests.support.portal import API, Invited, customer, invite, invited, issue


def host(desk: Desk) -> str:
    """The host key line of a new container."""
    return f'["{desk.site.random(20).hex()}", "{unique(desk, "gpu").lower()}"]'


def ask(desk: Desk, of: Invited, **members: Any) -> int:
    """Ask for something over the portal's API; the number of the request."""
    reply = desk.client.post(f"{API}/requests", json=members, headers=of.bearer)
    assert reply.status_code == 201, reply.text
    return int(reply.json()["request"]["id"])


def replaced(desk: Desk, number: str, act: str, **members: Any) -> str:
    """Do an act on a licence over the API; the number of what replaces it."""
    path = f"/api/v1/licenses/{number}/{act}"
    reply = desk.client.post(path, json=members, headers=desk.bearer)
    assert reply.status_code == 201, reply.text
    return str(reply.json()["id"])


def product(desk: Desk, **plans: Any) -> str:
    """A new product with these plans."""
    name = unique(desk, "lab")
    members = {"name": name, "plans": plans, "defaults": {"days": 365}}
    desk.site.database.write(lambda c: products.add(c, members, COMMAND, desk.clock.now))
    return name


def offers(page: str) -> list[str]:
    """The buttons and links of the box that says what is asked for."""
    found = re.findall(r"(?:<button[^>]*>|<a class=\"button[^>]*>)([^<]+)<", page)
    return [text for text in found if re.match(r"Answer with|Renew|End |Move|Issue licence", text)]


TRIAL = {"trial": True, "days": 30}


def test_a_wished_trial_is_the_products_trial_or_a_choice_and_no_full_licence(desk: Desk) -> None:
    one, two = product(desk, Trial=TRIAL, Pro={"days": 365}), product(desk, A=TRIAL, B=TRIAL)
    user, acme = DeskUser(desk), invite(desk, *customer(desk), products=[one, two])
    id_ = ask(desk, acme, wish="trial", product=one, text=host(desk))
    room = f"/requests/{id_}"
    shown = user.get(room).text
    assert form(shown, f"{room}/issue")["plan"] == "Trial"
    assert "The customer does not see it." in shown and "Show reply in the portal" in shown
    assert '<div class="actions"></div>' not in re.sub(r"\s+(?=<)", "", shown)
    assert fields_of(user.get("/licenses/new", request=str(id_)).text)["plan"] == "Trial"
    emptied = user.post(f"{room}/issue", **form(shown, f"{room}/issue") | {"plan": " "})
    assert emptied.status_code == 422 and "a trial is asked for" in emptied.text
    issued = act(desk, id_, "issue").json()
    assert (issued["plan"], issued["kind"]) == ("Trial", "trial"), issued
    several = ask(
        desk,
        invite(desk, *customer(desk), products=[two]),
        wish="trial",
        product=two,
        text=host(desk),
    )
    room = f"/requests/{several}"
    shown = user.get(room).text
    assert form(shown, f"{room}/issue")["plan"] == ""
    assert user.post(f"{room}/issue", **form(shown, f"{room}/issue")).status_code == 422
    for plan in ({}, {"plan": None}):
        refused = act(desk, several, "issue", **plan)
        assert (refused.status_code, refused.json()["field"]) == (422, "plan"), refused.text
    assert act(desk, several, "issue", plan="B").json()["kind"] == "trial"


def test_a_licence_of_another_host_answers_a_wished_move_only_where_that_is_said(
    desk: Desk,
) -> None:
    user, acme = DeskUser(desk), invited(desk)
    number = issue(desk, acme.name, host(desk))
    moved = replaced(desk, number, "rehost", host=host(desk), reason="another host")
    id_ = ask(desk, acme, wish="move", license=number, text=host(desk))
    room = f"/requests/{id_}"
    assert offers(user.get(room).text)[0] == f"Move {moved} here"
    assert f"Answer with {moved}" not in user.get(room).text
    told = user.post(f"{room}/answer", once="a", license=moved)
    assert told.status_code == 422 and "is for another host" in told.text
    refused = act(desk, id_, "answer", license=moved)
    assert refused.json()["field"] == "license" and seen(desk, id_)["request"]["state"] == "new"
    said = user.post(f"{room}/answer", once="b", license=moved, other_host="yes")
    assert said.status_code == 303 and seen(desk, id_)["request"]["license"] == moved


def test_a_renewal_is_done_from_its_request_on_the_licence_that_is_there_now(desk: Desk) -> None:
    user, acme = DeskUser(desk), invited(desk)
    number = issue(desk, acme.name, host(desk))
    same_end = replaced(desk, number, "change", limits={"gpus": 9}, reason="more")
    id_ = ask(desk, acme, wish="renewal", license=number)
    shown = user.get(f"/requests/{id_}").text
    assert offers(shown) == [f"Renew {same_end}"]
    there = html.unescape(re.search(r'href="([^"]+/renew[^"]*)"', shown)[1])  # type: ignore[index]
    start = user.get(there).text
    path = there.partition("?")[0]
    look = user.followed(user.post(path, **fields_of(start) | {"step": "look", "days": "400"}))
    back = user.back(look).text
    assert fields_of(back)["request"] == str(id_)
    done = user.post(path, **fields_of(look.text) | {"step": "do"})
    renewed = seen(desk, id_)["request"]
    assert renewed["state"] == "issued" and renewed["license"] not in (number, same_end)
    assert done.headers["location"].endswith(f"{renewed['license']}?issued=1&request={id_}")
    later = ask(desk, acme, wish="renewal", license=number)
    assert offers(user.get(f"/requests/{later}").text) == [
        f"Answer with {renewed['license']}",
        f"Renew {renewed['license']}",
    ]
    late = user.post(path, **fields_of(look.text) | {"step": "do", "once": "another"})
    assert late.status_code != 303


def test_a_licence_given_back_in_words_is_ended_from_its_request(desk: Desk) -> None:
    user, acme, other = DeskUser(desk), invited(desk), invited(desk)
    number = issue(desk, acme.name, host(desk))
    theirs = issue(desk, other.name, host(desk))
    id_ = ask(desk, acme, wish="return", text=f"we do not need {number} any more")
    assert seen(desk, id_)["request"]["about"] == number
    page = user.get(f"/requests/{id_}").text
    assert "No host can be read" not in page and "Nothing proves" in page
    path = f"/licenses/{number}/return"
    filled = user.post(path, **form(page, path) | {"step": "fill"}).text
    ended = user.post(path, **fields_of(filled) | {"step": "do", "reason": "they wrote so"})
    assert (ended.status_code, ended.headers["location"]) == (303, f"/requests/{id_}")
    request = seen(desk, id_)["request"]
    assert (request["state"], request["license"]) == ("issued", number)
    foreign = ask(desk, acme, wish="return", text=f"we do not need {theirs}")
    assert seen(desk, foreign)["request"]["about"] is None
    page = user.get(f"/requests/{foreign}").text
    assert f"/licenses/{theirs}/return" not in page and "py return" in page


def test_the_queue_says_what_is_asked_for_and_of_which_host(desk: Desk) -> None:
    user, acme = DeskUser(desk), invited(desk)
    name = unique(desk, "gpu").lower()
    number = issue(desk, acme.name, f'["{desk.site.random(20).hex()}", "{name}"]')
    id_ = ask(desk, acme, wish="renewal", license=number)
    assert seen(desk, id_)["request"]["wish"] == "renewal"
    sheet = user.get("/requests/list.csv", state="all", columns="asked,customer").text
    (row,) = [line for line in sheet.splitlines() if acme.name in line]
    assert name in row and "Renewal" in row, row

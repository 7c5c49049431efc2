"""What a customer writes about a request that waits: it joins that conversation, and no other."""

from typing import Any

import pytest

from license_core.giveback import Returned
from license_server.actor import COMMAND
from license_server.catalog import products
from license_server.portal import links
from license_server.requests import filing
from license_server.requests.filing import MOST_RECEIVED
from tests.support.api import slug
from tests.support.asked import act, seen
from tests.support.desk import Desk, unique
from tests.support.desk_user import DeskUser
from tests.support.pages import hidden
from tests.support.portal import API, SESSION, Invited, enter, invite, invited, issue


def host(desk: Desk) -> str:
    """The host key line of a new container."""
    return f'["{desk.site.random(20).hex()}", "{unique(desk, "gpu").lower()}"]'


def ask(desk: Desk, of: Invited, text: str, **members: Any) -> int:
    reply = desk.client.post(f"{API}/requests", json={"text": text} | members, headers=of.bearer)
    assert reply.status_code == 201, reply.text
    return int(reply.json()["request"]["id"])


def write(desk: Desk, of: Invited, id_: int, text: str) -> Any:
    return desk.client.post(f"{API}/requests/{id_}/reply", json={"text": text}, headers=of.bearer)


@pytest.fixture
def acme(desk: Desk) -> Invited:
    """A customer with a licence, and a link."""
    made = invited(desk)
    issue(desk, made.name, host(desk))
    return made


def test_question_of_the_desk_is_answered_in_the_portal_and_is_new_in_the_queue(
    desk: Desk, acme: Invited
) -> None:
    user, line = DeskUser(desk), host(desk)
    id_ = ask(desk, acme, "a licence for our new container, please")
    assert seen(desk, id_)["request"]["standing"] == "new"
    user.post(f"/requests/{id_}/note", once=f"q{id_}", kind="reply", text="Which container?")
    assert seen(desk, id_)["request"]["standing"] == "replied"
    desk.client.cookies.clear()
    secret, form_token = enter(desk, acme)
    desk.client.cookies.set(SESSION, secret)
    room = f"/portal/requests/{id_}"
    assert "Which container?" in desk.client.get(room).text
    assert "reply</span>" in desk.client.get("/portal").text
    data = {"form_token": form_token, "text": f"this one:\r\n{line}"}
    for _ in range(2):
        done = desk.client.post(f"{room}/reply", data=data)
        assert (done.status_code, done.headers["location"]) == (303, f"{room}?written=1")
    shown = desk.client.get(f"{room}?written=1").text
    assert shown.count("this one:") == 1 and "has your reply now" in shown
    empty = desk.client.post(f"{room}/reply", data={"form_token": form_token, "text": " "})
    assert empty.status_code == 422 and "it is missing" in empty.text
    desk.client.cookies.clear()
    told = seen(desk, id_)
    assert (told["request"]["standing"], told["request"]["repeats"]) == ("answered", 1)
    assert told["request"]["host"] == line
    assert [one["kind"] for one in told["conversation"]] == ["received", "reply", "received"]
    assert "new answer" in user.get(f"/requests/{id_}").text
    assert act(desk, id_, "issue", days=30).status_code == 201
    late = write(desk, acme, id_, "and another thing")
    assert (late.status_code, late.json()["field"]) == (422, "text")
    assert "dealt with" in late.json()["detail"]


def test_only_the_same_customer_writes_into_a_request_of_the_portal(
    desk: Desk, acme: Invited
) -> None:
    other = invited(desk)
    id_ = ask(desk, acme, host(desk))
    absent, theirs = (write(desk, other, one, "hello") for one in (999_999_999, id_))
    assert slug(absent) == slug(theirs) == "not-found"
    told, none = (one.json()["detail"] for one in (theirs, absent))
    assert told.replace(str(id_), "N") == none.replace("999999999", "N")
    elsewhere = unique(desk, "other")
    now = desk.clock.now
    desk.site.database.write(lambda c: products.add(c, {"name": elsewhere}, COMMAND, now))
    narrow = invite(desk, acme.id, acme.name, products=[elsewhere])
    assert slug(write(desk, narrow, id_, "hello")) == "not-found"
    by_mail = desk.client.post(
        "/api/v1/requests",
        json={"text": host(desk), "customer": acme.name, "product": "darwin"},
        headers=desk.bearer,
    ).json()["request"]["id"]
    assert act(desk, by_mail, "issue", days=30).status_code == 201
    assert slug(write(desk, acme, by_mail, "hello")) == "not-found"
    desk.site.database.write(lambda c: links.withdraw(c, acme.link, COMMAND, now))
    assert slug(write(desk, acme, id_, "hello")) == "portal-link-over"
    assert len(seen(desk, id_)["conversation"]) == 1


def test_request_of_another_customer_that_ones_own_licence_answers_takes_no_reply(
    desk: Desk, acme: Invited
) -> None:
    other, line = invited(desk), host(desk)
    number = issue(desk, acme.name, line)
    id_ = ask(desk, other, f"a licence for {line}")
    assert act(desk, id_, "answer", license=number).status_code == 200
    assert desk.client.get(f"{API}/requests/{id_}", headers=acme.bearer).status_code == 200
    reply = write(desk, acme, id_, "whose is this?")
    assert (reply.status_code, slug(reply)) == (404, "not-found")


def test_so_many_texts_of_a_request_are_taken(
    desk: Desk, acme: Invited, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(filing, "MOST_RECEIVED", 3)
    id_ = ask(desk, acme, "one")
    taken = [write(desk, acme, id_, text).status_code for text in ("two", "two", "three", "four")]
    assert taken == [201, 200, 201, 422]
    assert MOST_RECEIVED == 50
    long = write(desk, acme, id_, "x" * (128 * 1024 + 1))
    assert (long.status_code, long.json()["field"]) == (422, "text")
    assert len(seen(desk, id_)["conversation"]) == 3


def test_host_that_waits_in_another_request_is_not_brought_into_a_second(
    desk: Desk, acme: Invited
) -> None:
    line = host(desk)
    first = ask(desk, acme, line, product="darwin")
    second = ask(desk, acme, "please help", product="darwin")
    assert write(desk, acme, second, line).status_code == 201
    assert seen(desk, second)["request"]["host"] is None
    assert seen(desk, first)["request"]["repeats"] == 0


def test_text_that_gives_a_licence_back_is_read_where_it_was_sent_later(
    desk: Desk, acme: Invited
) -> None:
    number = issue(desk, acme.name, host(desk))
    id_ = ask(desk, acme, "we give one back", wish="return")
    path = f'action="/licenses/{number}/return"'
    assert path not in DeskUser(desk).get(f"/requests/{id_}").text
    text = Returned(number, desk.clock.now).to_text()
    assert write(desk, acme, id_, text).status_code == 201
    assert path in DeskUser(desk).get(f"/requests/{id_}").text


def test_move_to_the_host_that_a_licence_is_for_is_refused_with_what_was_meant(
    desk: Desk, acme: Invited
) -> None:
    line = host(desk)
    number = issue(desk, acme.name, line)
    members = {"text": line, "wish": "move", "license": number}
    refused = desk.client.post(f"{API}/requests", json=members, headers=acme.bearer)
    assert (refused.status_code, refused.json()["field"]) == (422, "text")
    assert f"the host that {number} is for already" in refused.json()["detail"]
    desk.client.cookies.clear()
    secret, form_token = enter(desk, acme)
    desk.client.cookies.set(SESSION, secret)
    page = desk.client.post("/portal/requests", data=members | {"form_token": form_token})
    desk.client.cookies.clear()
    assert page.status_code == 422 and f"?wish=renewal&amp;license={number}" in page.text
    assert f"/portal/licenses/{number}" in page.text and hidden(page.text, "wish") == "move"


@pytest.mark.parametrize("slip", ["digit", "neighbours", "none"])
def test_host_key_that_was_mistyped_is_told_at_the_desk_and_in_the_portal(
    desk: Desk, acme: Invited, slip: str
) -> None:
    key = desk.site.random(20).hex()[:38] + "5a"
    number = issue(desk, acme.name, f'["{key}", "studio"]')
    typed = {
        "digit": key[:19] + ("0" if key[19] != "0" else "1") + key[20:],
        "neighbours": key[:38] + "a5",
        "none": ("0" if key[0] != "0" else "1") + key[1:38] + "b5",
    }[slip]
    id_ = ask(desk, acme, typed, product="darwin")
    told = seen(desk, id_)
    assert told["near"] == (None if slip == "none" else number)
    looked = act(desk, f"{id_}", "issue?dry_run=true", days=9)  # type: ignore[arg-type]
    assert ("host-key-near" in looked.text) == (slip != "none")
    assert ("may be mistyped" in DeskUser(desk).get(f"/requests/{id_}").text) == (slip != "none")
    desk.client.cookies.clear()
    secret, _ = enter(desk, acme)
    desk.client.cookies.set(SESSION, secret)
    shown = desk.client.get(f"/portal/requests/{id_}").text
    desk.client.cookies.clear()
    assert ("Is the host key mistyped?" in shown) == (slip != "none")
    other = invited(desk)
    issue(desk, other.name, host(desk))
    theirs = ask(desk, other, typed, product="darwin")
    assert seen(desk, theirs)["near"] is None

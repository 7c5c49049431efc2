"""Requests at the desk: the queue, and the page of each, from what was pasted to the licence."""

import json
import os
import re
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from license_server.actor import COMMAND
from license_server.catalog import customers
from tests.support.asked import act, filed, seen
from tests.support.desk import Desk, stored, trail, unique
from tests.support.desk_user import DeskUser
from tests.support.pages import faults, fields_of, form, number_in, text_of
from tests.support.requests import of_container

MARKUP = "<script>alert(1)</script>"


@pytest.fixture
def host(desk: Desk, tmp_path: Path) -> str:
    return of_container(tmp_path, hostname=unique(desk, "gpu").lower()).to_text()


def a_customer(desk: Desk, **members: Any) -> str:
    name = unique(desk, "Nordlicht")
    desk.site.database.write(
        lambda c: customers.add(c, {"name": name} | members, COMMAND, desk.clock.now)
    )
    return name


def id_in(reply: Any) -> int:
    """The number of the request to which a form leads."""
    assert reply.status_code == 303, reply.text
    path = str(reply.headers["location"]).partition("?")[0]
    return int(path.removeprefix("/requests/"))


def queue(issuer: DeskUser) -> str:
    """All pages of the queue."""
    there, whole = "/requests", ""
    while there:
        page = issuer.get(there).text
        whole += page
        more = re.search(r'rel="next" href="([^"]+)"', page)
        there = unescape(more[1]) if more else ""
    return whole


def test_what_was_pasted_is_filed_and_issued_at_one_button(issuer: DeskUser, host: str) -> None:
    desk, address = issuer.desk, f"li@{unique(issuer.desk, 'n').lower()}.example"
    name = a_customer(desk, contact_email=address)
    issuer.issue(customer=name, host=json.dumps([os.urandom(20).hex(), "another"]))
    first = issuer.get("/").text
    sent = {"text": f"Dear all,\n{host}\n{MARKUP}", "sender_address": address}
    reply = issuer.post("/requests", **form(first, "/requests") | sent)
    id_ = id_in(reply)
    page = issuer.get(reply.headers["location"]).text
    for said in ("Filed.", name, "(by the sender's address)", "Licence to be issued"):
        assert said in page, said
    assert MARKUP not in page
    assert f'href="/requests/{id_}"' in queue(issuer)
    fields = form(page, f"/requests/{id_}/issue") | {"product": "darwin"}
    shown = issuer.post(f"/requests/{id_}/issue", **fields | {"step": "look"})
    page = issuer.get(shown.headers["location"]).text
    fields = form(page, f"/requests/{id_}/issue")
    made = issuer.post(f"/requests/{id_}/issue", **fields)
    number = number_in(made)
    assert stored(desk, number).customer == name
    assert (
        issuer.post(f"/requests/{id_}/issue", **fields).headers["location"]
        == made.headers["location"]
    )
    page = issuer.get(f"/requests/{id_}").text
    assert f"Answered with {number}." in text_of(issuer.get(f"/requests/{id_}"))
    assert f'href="/licenses/{number}?send=1&amp;request={id_}"' in page
    assert f'href="/requests/{id_}"' not in issuer.get("/").text


def test_same_paste_leads_to_the_request_there_is(issuer: DeskUser, host: str) -> None:
    sent = {"text": host, "sender_address": ""}
    first = id_in(issuer.post("/requests", **form(issuer.get("/").text, "/requests") | sent))
    again = issuer.post("/requests", **form(issuer.get("/").text, "/requests") | sent)
    assert id_in(again) == first
    assert "This was asked before." in issuer.get(again.headers["location"]).text


def test_blank_paste_is_told_at_its_field(issuer: DeskUser) -> None:
    page = issuer.post("/requests", **form(issuer.get("/").text, "/requests") | {"text": " "})
    assert (page.status_code, faults(page.text)) == (422, {"text": "it is missing."})


def test_drifted_host_is_moved_at_one_button(issuer: DeskUser, tmp_path: Path) -> None:
    desk, hostname = issuer.desk, unique(issuer.desk, "gpu").lower()
    name = a_customer(desk)
    first = of_container(tmp_path, hostname=hostname)
    number = issuer.issue(host=first.to_text(), customer=name)
    drifted = of_container(tmp_path, hostname=hostname, ip="172.17.0.9")
    id_ = filed(desk, drifted._replace(customer=name, product="darwin").to_text())
    page = issuer.get(f"/requests/{id_}").text
    assert f"Only the IP address differs from the host of {number}." in text_of(
        issuer.get(f"/requests/{id_}")
    )
    issuer.enter()
    desk.client.cookies.set("hostseal_language", "zh")
    moved = issuer.post(f"/requests/{id_}/move", **form(page, f"/requests/{id_}/move"))
    desk.client.cookies.delete("hostseal_language")
    after = number_in(moved)
    assert trail(desk, after)[-1][1:] == ("license.rehosted", "发生变化：IP 地址")
    assert seen(desk, id_)["request"]["license"] == after


def test_licence_that_is_valid_here_answers_what_is_asked_again(
    issuer: DeskUser, host: str
) -> None:
    name = a_customer(issuer.desk)
    number = issuer.issue(host=host, customer=name)
    id_ = filed(issuer.desk, f"please send it again\n{host}", customer=name, product="darwin")
    page = issuer.get(f"/requests/{id_}").text
    assert f"{number} is valid on this host as it is." in page
    reply = issuer.post(f"/requests/{id_}/answer", **form(page, f"/requests/{id_}/answer"))
    assert reply.headers["location"] == f"/licenses/{number}?send=1&request={id_}"
    assert seen(issuer.desk, id_)["request"]["license"] == number


def test_request_without_a_host_says_what_to_ask_and_can_be_refused(issuer: DeskUser) -> None:
    id_ = filed(issuer.desk, unique(issuer.desk, "send us our licence"), product="darwin")
    page = issuer.get(f"/requests/{id_}")
    assert "No host can be read" in page.text
    action = f"/requests/{id_}/refuse"
    blank = issuer.post(action, **form(page.text, action))
    assert faults(blank.text) == {"reason": "a reason is required."}
    done = issuer.post(action, **form(blank.text, action) | {"reason": MARKUP})
    assert done.status_code == 303
    told = issuer.get(f"/requests/{id_}").text
    assert "Refused." in told
    assert MARKUP not in told


def test_request_is_taken_handed_back_and_talked_about(issuer: DeskUser, host: str) -> None:
    id_ = filed(issuer.desk, host, product="darwin")
    here = f"/requests/{id_}"
    issuer.post(f"{here}/assign", **form(issuer.get(here).text, f"{here}/assign"))
    assert seen(issuer.desk, id_)["request"]["owner"] == f"user:{issuer.email}"
    issuer.post(f"{here}/assign", **form(issuer.get(here).text, f"{here}/assign"))
    assert seen(issuer.desk, id_)["request"]["owner"] is None
    for kind, said in (("note", "asked sales"), ("reply", "Which host is it?")):
        fields = form(issuer.get(here).text, f"{here}/note") | {"kind": kind, "text": said}
        assert issuer.post(f"{here}/note", **fields).status_code == 303
    told = [(one["kind"], one["text"]) for one in seen(issuer.desk, id_)["conversation"]]
    assert told[1:] == [("note", "asked sales"), ("reply", "Which host is it?")]


def test_who_comes_second_sees_what_became_of_it(issuer: DeskUser, host: str) -> None:
    id_ = filed(issuer.desk, host, customer=a_customer(issuer.desk), product="darwin")
    page = issuer.get(f"/requests/{id_}").text
    number = act(issuer.desk, id_, "issue", days=30).json()["id"]
    late = issuer.post(f"/requests/{id_}/issue", **form(page, f"/requests/{id_}/issue"))
    assert late.status_code == 409
    assert f"Request {id_} is answered with {number}." in text_of(late)


def test_form_for_a_licence_answers_a_request_with_other_terms(issuer: DeskUser, host: str) -> None:
    id_ = filed(issuer.desk, host, customer=a_customer(issuer.desk), product="darwin")
    page = issuer.get(f"/licenses/new?request={id_}").text
    assert f'href="/requests/{id_}"' in page
    look = issuer.post("/licenses/preview", **fields_of(page) | {"features": "export"})
    done = issuer.post("/licenses", **fields_of(issuer.followed(look).text))
    number = number_in(done)
    assert seen(issuer.desk, id_)["request"]["license"] == number


def test_form_for_a_licence_files_what_was_pasted_for_later(issuer: DeskUser, host: str) -> None:
    name = a_customer(issuer.desk)
    fields = fields_of(issuer.get("/licenses/new").text)
    typed = {"host": host, "customer": name, "product": "darwin", "step": "file"}
    id_ = id_in(issuer.post("/licenses/preview", **fields | typed))
    assert seen(issuer.desk, id_)["request"]["customer"] == name
    again = issuer.post("/licenses/preview", **fields | typed)
    assert id_in(again) == id_
    assert "This was asked before." in issuer.get(again.headers["location"]).text
    blank = issuer.post("/licenses/preview", **fields | {"host": " ", "step": "file"})
    assert faults(blank.text) == {"host": "it is missing."}


def test_reader_sees_requests_and_no_button(desk: Desk, host: str) -> None:
    id_, reader = filed(desk, host, product="darwin"), DeskUser(desk, "reader")
    page = reader.get(f"/requests/{id_}").text
    assert "What is known" in page
    assert "<button>Issue licence" not in page
    assert reader.post(f"/requests/{id_}/refuse", once="x", reason="y").status_code == 403


def test_list_is_sorted_filtered_and_exported(issuer: DeskUser, host: str) -> None:
    id_ = filed(issuer.desk, host, product="darwin", sender_address="li@acme.example")
    act(issuer.desk, id_, "refuse", reason="no contract")
    assert f'href="/requests/{id_}"' in issuer.get("/requests?state=refused&sort=-request").text
    assert f'href="/requests/{id_}"' not in issuer.get("/requests?state=open").text
    sheet = issuer.get("/requests/list.csv?state=refused&columns=sender,reason").text
    assert f"Request {id_},li@acme.example,no contract" in sheet.replace("; ", "\n")

"""Requests from when they come in until a licence answers them, over the API, on both databases."""

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, text

from license_server.actor import COMMAND, SERVER
from license_server.catalog import customers, products
from license_server.db.questions import ask
from license_server.requests import expiring, filing, reading, request_store
from license_server.requests.filing import Filed
from license_server.requests.incoming import Received
from tests.support.api import bearer, slug
from tests.support.asked import act, file, filed, seen
from tests.support.desk import Desk, last_event, row, trail, unique
from tests.support.desk_user import DeskUser
from tests.support.pages import form
from tests.support.requests import line_of, of_container

DAY = 86400


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def host_of(desk: Desk, folder: Path, **changed: Any) -> str:
    """The request of a new container."""
    name = unique(desk, "gpu").lower()
    return of_container(folder, **{"hostname": name} | changed).to_text()


def customer(desk: Desk, **members: Any) -> str:
    """A new customer; its name."""
    name = unique(desk, "Nordlicht")
    desk.site.database.write(
        lambda c: customers.add(c, {"name": name} | members, COMMAND, desk.clock.now)
    )
    return name


def guarded(desk: Desk) -> str:
    """A new product whose licences a second person approves; its name."""
    name = unique(desk, "guarded")
    add_product(desk, name=name, needs_approval=True, defaults={"days": 30})
    return name


def add_product(desk: Desk, **members: Any) -> None:
    desk.site.database.write(lambda c: products.add(c, members, COMMAND, desk.clock.now))


def come(desk: Desk, came: Received) -> Filed:
    """File what came in, as the server does."""
    return desk.site.database.write(lambda c: filing.file(c, SERVER, came, desk.clock.now))


def licences_of(desk: Desk, name: str) -> list[str]:
    found = desk.client.get("/api/v1/licenses", params={"customer": name}, headers=desk.bearer)
    return [one["id"] for one in found.json()["licenses"]]


def test_mail_of_a_known_contact_is_matched_and_issued_with_the_defaults(
    desk: Desk, folder: Path
) -> None:
    address = f"li@{unique(desk, 'n').lower()}.example"
    name = customer(desk, contact_email=address)
    host = host_of(desk, folder)
    reply = file(
        desk,
        f"Dear all,\n\nplease a licence for\n> {host}\nThanks, Li",
        sender_address=address.upper(),
        product="darwin",
    )
    assert reply.status_code == 201
    made = reply.json()
    id_ = made["request"]["id"]
    assert (made["new"], made["request"]["state"], made["request"]["source"]) == (
        True,
        "new",
        "api",
    )
    assert reply.headers["location"] == f"/api/v1/requests/{id_}"
    told = seen(desk, id_)
    assert told["customer"] == {"value": name, "by": "address"}
    assert told["product"]["value"] == "darwin"
    assert told["tags"] == ["container_id", "hostname", "ip", "machine_id"]
    issued = act(desk, id_, "issue", days=90)
    assert issued.status_code == 201, issued.text
    number = issued.json()["id"]
    assert issued.json()["customer"] == name
    after = seen(desk, id_)["request"]
    assert (after["state"], after["license"]) == ("issued", number)
    assert (after["closed_by"], licences_of(desk, name)) == (issued.json()["issued_by"], [number])
    actor, action, details = last_event(desk, f"request/{id_}")
    assert (action, details["license"], actor) == ("request.issued", number, after["closed_by"])
    assert address not in str(details)


def test_colleague_of_a_contact_is_matched_by_the_domain_alone_of_one_customer(
    desk: Desk, folder: Path
) -> None:
    domain = f"{unique(desk, 'n').lower()}.example"
    name = customer(desk, contact_email=f"li@{domain}")
    first = filed(desk, host_of(desk, folder), sender_address=f"wang@{domain}")
    assert seen(desk, first)["customer"] == {"value": name, "by": "domain"}
    customer(desk, contact_email=f"zhao@{domain}")
    assert seen(desk, first)["customer"] == {"value": name, "by": "given"}  # as it was filed
    second = filed(desk, host_of(desk, folder), sender_address=f"wang@{domain}")
    assert seen(desk, second)["customer"] is None


def test_same_host_asked_again_while_open_joins_the_open_request(desk: Desk, folder: Path) -> None:
    host, name = host_of(desk, folder), customer(desk)
    id_ = filed(desk, host, customer=name, product="darwin")
    again = file(desk, f"any news?\n{host}", customer=name, product="darwin")
    assert (again.status_code, again.json()["new"]) == (200, False)
    assert again.json()["request"]["id"] == id_
    assert again.json()["request"]["repeats"] == 1
    assert [one["slug"] for one in again.json()["notices"]] == ["request-filed-before"]
    file(desk, host, customer=name, product="darwin")
    told = seen(desk, id_)
    assert told["request"]["repeats"] == 2
    assert [one["text"][:10] for one in told["conversation"]] == [host[:10], "any news?\n"]
    other = file(desk, host, customer=name, product="another")
    assert other.status_code == 201


def test_flood_of_texts_for_one_host_is_counted_and_not_kept(desk: Desk, folder: Path) -> None:
    host = host_of(desk, folder)
    id_ = filed(desk, host, product="darwin")

    def flood(connection: Connection) -> None:
        for number in range(60):
            came = Received("mail", f"{number}\n{host}", product="darwin")
            filing.file(connection, SERVER, came, desk.clock.now)

    desk.site.database.write(flood)
    told = seen(desk, id_)
    assert (told["request"]["repeats"], len(told["conversation"])) == (60, filing.MOST_RECEIVED)


def test_text_sent_again_after_it_was_issued_gives_the_licence(desk: Desk, folder: Path) -> None:
    host, name = host_of(desk, folder), customer(desk)
    id_ = filed(desk, host, customer=name, product="darwin")
    number = act(desk, id_, "issue", days=90).json()["id"]
    again = file(desk, host, customer=name, product="darwin")
    assert (again.status_code, again.json()["request"]["license"]) == (200, number)
    assert again.json()["notices"][0]["slug"] == "request-answered"
    # Other words may ask for something else: a person reads them, beside the licence that there is.
    other = filed(desk, f"we need 8 GPUs now\n{host}", customer=name, product="darwin")
    assert seen(desk, other)["here"] == number
    answered = act(desk, other, "answer", license=number).json()
    assert (answered["state"], answered["license"]) == ("issued", number)
    assert licences_of(desk, name) == [number]


def test_same_mail_is_filed_once_whatever_became_of_it(desk: Desk, folder: Path) -> None:
    host, mail = host_of(desk, folder), f"<{unique(desk, 'm')}@acme.example>"
    id_ = filed(desk, host, product="darwin", message_id=mail)
    assert act(desk, id_, "refuse", reason="no contract").status_code == 200
    again = file(desk, host, product="darwin", message_id=mail)
    assert (again.status_code, again.json()["request"]["id"]) == (200, id_)
    assert again.json()["request"]["state"] == "refused"


def test_drifted_host_is_offered_as_a_move_of_its_licence(desk: Desk, folder: Path) -> None:
    name, hostname = customer(desk), unique(desk, "gpu").lower()
    first = of_container(folder, hostname=hostname)
    number = DeskUser(desk, "issuer").issue(host=first.to_text(), customer=name)
    drifted = of_container(folder, hostname=hostname, ip="172.17.0.9")
    asked = drifted._replace(customer=name, product="darwin").to_text()
    id_ = filed(desk, asked)
    told = seen(desk, id_)
    assert told["request"]["earlier"] == told["earlier"] == number
    assert (told["moves"]["differs"], told["moves"]["place"]) == (["ip"], "here")
    moved = act(desk, id_, "move")
    assert moved.status_code == 201, moved.text
    assert (moved.json()["act"], moved.json()["replaces"]) == ("rehost", number)
    assert moved.json()["host"]["key"] == drifted.key
    assert trail(desk, moved.json()["id"])[-1][1:] == ("license.rehosted", "changed: IP address")
    assert seen(desk, id_)["request"]["license"] == moved.json()["id"]


def test_number_named_in_the_text_leads_to_customer_product_and_move(
    desk: Desk, folder: Path
) -> None:
    name = customer(desk)
    number = DeskUser(desk, "issuer").issue(host=host_of(desk, folder), customer=name)
    line = line_of(of_container(folder, container_id="6a" * 32))
    id_ = filed(desk, f'{number} does not start any more:\n["{line.key}", "{line.name}"]')
    told = seen(desk, id_)
    assert told["customer"] == {"value": name, "by": "number"}
    assert told["product"] == {"value": "darwin", "by": "number"}
    assert told["moves"]["license"] == number


def test_request_of_a_guarded_product_waits_and_follows_its_proposal(
    desk: Desk, folder: Path
) -> None:
    product, name = guarded(desk), customer(desk)
    id_ = filed(desk, host_of(desk, folder), customer=name, product=product)
    proposed = act(desk, id_, "issue")
    assert proposed.status_code == 202
    proposal = proposed.json()["id"]
    waits = seen(desk, id_)["request"]
    assert (waits["state"], waits["proposal"], waits["license"]) == ("waiting", proposal, None)
    assert slug(act(desk, id_, "issue")) == "request-closed"
    approver = bearer(desk, "licenses:read", "proposals:decide")
    refused = desk.client.post(
        f"/api/v1/proposals/{proposal}/refuse", json={"reason": "not paid"}, headers=approver
    )
    assert refused.status_code == 200, refused.text
    back = seen(desk, id_)["request"]
    assert (back["state"], back["proposal"], back["reason"]) == ("new", None, "not paid")
    second = act(desk, id_, "issue").json()["id"]
    approved = desk.client.post(f"/api/v1/proposals/{second}/approve", json={}, headers=approver)
    assert approved.status_code == 201, approved.text
    issued = seen(desk, id_)["request"]
    assert (issued["state"], issued["license"]) == ("issued", approved.json()["id"])
    done = [action for _, action, _ in trail(desk, f"request/{id_}")]
    assert done == [
        "request.filed",
        "request.proposed",
        "request.returned",
        "request.proposed",
        "request.issued",
    ]


def test_whoever_comes_second_is_refused_and_issues_nothing(desk: Desk, folder: Path) -> None:
    name = customer(desk)
    id_ = filed(desk, host_of(desk, folder), customer=name, product="darwin")
    plan = {"Idempotency-Key": unique(desk, "k")}
    first = act(desk, id_, "issue", plan, days=30)
    assert act(desk, id_, "issue", plan, days=30).content == first.content
    number = first.json()["id"]
    for what, members in (
        ("issue", {"days": 30}),
        ("refuse", {"reason": "late"}),
        ("answer", {"license": number}),
    ):
        refused = act(desk, id_, what, **members)
        assert (refused.status_code, slug(refused)) == (409, "request-closed"), what
        assert refused.json()["detail"] == f"Request {id_} is answered with {number}."
    assert licences_of(desk, name) == [number]


def test_request_that_cannot_be_read_waits_for_a_person_and_is_never_issued(desk: Desk) -> None:
    id_ = filed(desk, unique(desk, "please send us our licence"), product="darwin")
    told = seen(desk, id_)
    assert (told["request"]["host"], told["earlier"], told["customer"]) == (None, None, None)
    refused = act(desk, id_, "issue", customer="ACME", days=30)
    assert (refused.status_code, slug(refused)) == (409, "request-without-host")


@pytest.mark.parametrize(
    ("members", "field"),
    [
        ({"text": " \n"}, "text"),
        ({"text": "x" * (128 * 1024 + 1)}, "text"),
        ({"text": "x", "language": "fr"}, "language"),
        ({"text": "x", "product": "no product"}, "product"),
        ({"text": "x", "state": "issued"}, "state"),
        ({"text": "x", "message_id": "<a b>"}, "message_id"),
        ({}, "text"),
    ],
)
def test_wrong_member_of_what_is_filed_is_told_at_its_field(
    desk: Desk, members: dict[str, Any], field: str
) -> None:
    refused = desk.client.post("/api/v1/requests", json=members, headers=desk.bearer)
    assert refused.status_code == 422
    assert [one["field"] for one in refused.json()["errors"]] == [field]


def test_refused_request_keeps_its_reason_and_frees_its_host(desk: Desk, folder: Path) -> None:
    host = host_of(desk, folder)
    id_ = filed(desk, host, product="darwin")
    refused = act(desk, id_, "refuse", reason="no contract").json()
    assert (refused["state"], refused["reason"]) == ("refused", "no contract")
    assert trail(desk, f"request/{id_}")[-1][1:] == ("request.refused", "no contract")
    assert filed(desk, host, product="darwin") != id_


def test_owner_notes_and_replies_are_kept_with_the_request(desk: Desk, folder: Path) -> None:
    user = DeskUser(desk, "issuer")
    id_ = filed(desk, host_of(desk, folder), product="darwin")
    taken = act(desk, id_, "assign").json()
    assert taken["owner"].startswith("token:")
    given = act(desk, id_, "assign", owner=f"user:{user.email}").json()
    assert given["owner"] == f"user:{user.email}"
    _, action, details = last_event(desk, f"request/{id_}")
    assert action == "request.assigned"
    assert details["changed"] == {"owner": [taken["owner"], given["owner"]]}
    assert act(desk, id_, "assign", owner="nobody").json()["owner"] is None
    assert act(desk, id_, "assign", owner="user:nobody@example.com").status_code == 404
    assert act(desk, id_, "note", text="asked sales").status_code == 201
    assert act(desk, id_, "reply", text="Which host is it?\n\nLi").status_code == 201
    kinds = [(one["kind"], one["text"]) for one in seen(desk, id_)["conversation"]]
    assert kinds[1:] == [("note", "asked sales"), ("reply", "Which host is it?\n\nLi")]
    assert "asked sales" not in str(
        row(desk, "audit_events", subject=f"request/{id_}", action="request.noted")
    )


def test_token_for_some_products_sees_and_files_only_those(desk: Desk, folder: Path) -> None:
    mine, other = unique(desk, "mine"), unique(desk, "other")
    for name in (mine, other):
        add_product(desk, name=name)
    theirs = filed(desk, host_of(desk, folder), product=other)
    unknown = filed(desk, unique(desk, "no host at all"))
    scopes = ("requests:read", "requests:write", "licenses:read", "licenses:issue")
    limited = bearer(desk, *scopes, products=(mine,))
    own = file(desk, host_of(desk, folder), limited, product=mine, customer=customer(desk))
    assert own.status_code == 201, own.text
    listed = desk.client.get("/api/v1/requests", headers=limited).json()["requests"]
    assert [one["id"] for one in listed] == [own.json()["request"]["id"]]
    for id_ in (theirs, unknown):
        assert desk.client.get(f"/api/v1/requests/{id_}", headers=limited).status_code == 404
        assert act(desk, id_, "refuse", limited, reason="x").status_code == 404
        assert act(desk, id_, "issue", limited, customer="ACME", days=1).status_code == 404
    assert file(desk, host_of(desk, folder), limited, product=other).status_code == 403
    missing = file(desk, unique(desk, "no product"), limited)
    assert [one["field"] for one in missing.json()["errors"]] in (["product"], [])


def test_list_is_filtered_and_goes_on_under_a_cursor(desk: Desk, folder: Path) -> None:
    ids = [filed(desk, host_of(desk, folder), product="darwin") for _ in range(3)]
    act(desk, ids[1], "refuse", reason="x")
    page = desk.client.get("/api/v1/requests?limit=2", headers=desk.bearer).json()
    assert [one["id"] for one in page["requests"]] == [ids[2], ids[1]]
    later = desk.client.get(
        f"/api/v1/requests?limit=1&cursor={page['next_cursor']}", headers=desk.bearer
    ).json()
    assert [one["id"] for one in later["requests"]] == [ids[0]]
    open_ = desk.client.get("/api/v1/requests?state=open&limit=2", headers=desk.bearer).json()
    assert [one["id"] for one in open_["requests"]] == [ids[2], ids[0]]
    assert desk.client.get("/api/v1/requests?state=no", headers=desk.bearer).status_code == 422


def test_request_that_nobody_deals_with_expires_and_its_words_are_forgotten(
    desk: Desk, folder: Path
) -> None:
    old, kept = (filed(desk, host_of(desk, folder), product="darwin") for _ in range(2))

    def expire() -> None:
        for _ in range(20):  # other tests' requests, too, some at a time
            write(lambda c: expiring.expire(c, desk.clock.now, 90))

    desk.clock.now += 89 * DAY
    write, host = desk.site.database.write, seen(desk, kept)["request"]["host"]
    assert not file(desk, host, product="darwin").json()["new"]  # asked again: it is alive
    desk.clock.now += 2 * DAY
    expire()
    assert seen(desk, old)["request"]["state"] == "expired"
    assert seen(desk, kept)["request"]["state"] == "new"
    assert trail(desk, f"request/{old}")[-1][:2] == ("server", "request.expired")
    desk.clock.now += 91 * DAY
    expire()
    told = seen(desk, old)
    assert (told["conversation"], told["request"]["host"] is not None) == ([], True)


def test_request_that_was_read_before_is_filed_as_it_was_read(desk: Desk, folder: Path) -> None:
    name = customer(desk)
    number = DeskUser(desk, "issuer").issue(host=host_of(desk, folder), customer=name)
    came, now = Received("mail", f"{number} is lost\n{host_of(desk, folder)}"), desk.clock.now
    read = desk.site.database.read(lambda c: reading.read(c, came, SERVER, now))
    made = desk.site.database.write(lambda c: filing.file(c, SERVER, came, now, read)).request
    assert (made.customer, made.product, made.earlier) == (name, "darwin", number)


def test_mail_may_be_filed_with_the_one_host_of_several_that_it_is_about(
    desk: Desk, folder: Path
) -> None:
    """As the mailbox does: one request for each host of a mail."""
    hosts = [line_of(of_container(folder, container_id=f"{n}a" * 32)) for n in range(2)]
    text_ = "\n".join(f'["{one.key}", "{one.name}"]' for one in hosts)
    mail = f"<{unique(desk, 'm')}@acme.example>"
    ids = []
    for one in hosts:
        came = Received(
            "mail",
            text_,
            host=f'["{one.key}", "{one.name}"]',
            product="darwin",
            sender_name="Li\r\nBcc: x",
            message_id=mail,
            thread="<a@b> <c@d>",
        )
        filed_ = come(desk, came)
        assert filed_.is_new
        assert filed_.request.sender_name == "Li Bcc: x"
        ids.append(filed_.request.id)
        assert come(desk, came).request.id == filed_.request.id
    assert len(set(ids)) == 2
    with desk.site.database.reading() as connection:
        count = text("select count(*) from requests where message_id = :m")
        assert connection.execute(count, {"m": mail}).scalar_one() == 2
        assert ask(connection, request_store.waiting()).number >= 2


@pytest.mark.parametrize("name", ["state", "source"])
def test_a_list_of_what_there_is_none_of_is_refused_at_its_parameter(desk: Desk, name: str) -> None:
    refused = desk.client.get(f"/api/v1/requests?{name}=AAA", headers=desk.bearer)
    assert refused.status_code == 422
    assert [one["field"] for one in refused.json()["errors"]] == [name]


@pytest.mark.parametrize("brackets", ["", "<>"])
def test_id_of_a_mail_is_kept_with_its_brackets(desk: Desk, brackets: str) -> None:
    id_ = f"{unique(desk, 'n')}@mail.example"
    given = f"{brackets[:1]}{id_}{brackets[1:]}"
    members = {"text": unique(desk, "hello"), "message_id": given}
    made = desk.client.post("/api/v1/requests", json=members, headers=desk.bearer)
    assert made.json()["request"]["message_id"] == f"<{id_}>"


def test_who_else_names_the_same_host_files_a_request_of_their_own(
    desk: Desk, folder: Path
) -> None:
    domain = f"{unique(desk, 'acme').lower()}.example"
    name = customer(desk, contact_email=f"li@{domain}")
    line = host_of(desk, folder)
    first = filed(desk, line, sender_address=f"li@{domain}", product="darwin")
    assert seen(desk, first)["request"]["customer"] == name

    def sent(sender: str | None) -> tuple[int, bool]:
        words = f"{unique(desk, 'urgent')}, please:\n{line}"
        reply = file(desk, words, sender_address=sender, product="darwin").json()
        return reply["request"]["id"], reply["new"]

    stranger = f"mallory@{unique(desk, 'evil').lower()}.example"
    theirs, is_new = sent(stranger)
    assert is_new and theirs != first
    assert sent(stranger.upper()) == (theirs, False)
    for sender in (f"LI@{domain}", f"wang@{domain}", None):
        assert sent(sender) == (first, False), sender
    assert seen(desk, first)["request"]["repeats"] == 3
    for one, other in ((first, theirs), (theirs, first)):
        page = DeskUser(desk).get(f"/requests/{one}").text
        assert "The same host waits in another request" in page
        assert f'href="/requests/{other}"' in page
    assert "urgent" in str(seen(desk, theirs)) and stranger not in str(seen(desk, first))


def test_number_in_the_subject_or_named_by_the_customer_is_the_licence_that_is_meant(
    desk: Desk,
) -> None:
    issued = desk.client.post(
        "/api/v1/licenses",
        json={"customer": customer(desk), "product": "darwin", "days": 1}
        | {"host": f'["{desk.site.random(20).hex()}", "studio"]'},
        headers=desk.bearer,
    ).json()["id"]
    by_subject = filed(desk, unique(desk, "it stopped"), subject=f"Re: Licence {issued} for darwin")
    assert seen(desk, by_subject)["earlier"] == issued
    page = DeskUser(desk).get(f"/requests/{by_subject}").text
    assert "The licence that it names" in page and f'href="/licenses/{issued}"' in page
    desk.clock.now += 3 * DAY
    try:
        page = DeskUser(desk).get(f"/requests/{by_subject}").text
        assert f"/licenses/{issued}/renew?request={by_subject}" in page
    finally:
        desk.clock.now -= 3 * DAY


def test_who_dealt_with_a_request_is_told_in_words(desk: Desk) -> None:
    id_ = filed(desk, unique(desk, "please help"), product="darwin")
    user = DeskUser(desk)
    page = user.get(f"/requests/{id_}").text
    user.post(f"/requests/{id_}/refuse", **form(page, f"/requests/{id_}/refuse") | {"reason": "no"})
    late = act(desk, id_, "refuse", reason="no")
    assert slug(late) == "request-closed"
    assert late.json()["detail"] == f"Request {id_} is refused by {user.email}."

"""The outbox at the desk, over the API and in the shell: a licence is sent by a click."""

import asyncio
import email
import email.policy
from collections.abc import Iterator
from typing import Any

import pytest

from license_server.actor import COMMAND
from license_server.background.outbox import Postman
from license_server.catalog import customers
from license_server.mail import mail_servers, outbox_store
from license_server.portal import links
from license_server.requests import filing
from license_server.requests.incoming import Received
from license_server.settings import ServerSettings
from tests.support import pages, portal, smtp
from tests.support.api import slug
from tests.support.asked import act, filed, seen
from tests.support.desk import Desk, row, unique
from tests.support.pages import text_of
from tests.support.postgres import on_sqlite
from tests.support.server import LINE
from tests.support.smtp import Server

pytestmark = on_sqlite
CONTACT = "li@customer.example"
MAIL_FROM = "Vendor <support@vendor.example>"


@pytest.fixture
def relay() -> Iterator[Server]:
    with smtp.serving() as server:
        yield server


@pytest.fixture
def sending(desk: Desk, relay: Server) -> Iterator[Desk]:
    """A desk whose settings name a relay."""
    state = desk.client.app.state.server  # type: ignore[attr-defined]
    former = state.site
    settings: ServerSettings = former.settings.model_copy(
        update={"smtp_host": "127.0.0.1", "smtp_port": relay.port, "smtp_tls": "none"}
        | {"mail_from": MAIL_FROM}
    )
    state.site = former._replace(settings=settings)
    desk.site.database.write(outbox_store.hold_open)  # what other tests have left
    yield desk
    state.site = former


def post(desk: Desk, path: str, page: str) -> str:
    """Where a form leads."""
    reply = desk.client.post(path, data=pages.all_hidden(page))
    assert reply.status_code == 303, reply.text
    return str(reply.headers["location"])


def deliver(desk: Desk) -> None:
    site = desk.client.app.state.server.site  # type: ignore[attr-defined]
    postman = Postman(
        lambda: site, mail_servers.relay(site.settings, desk.clock), bytes(32), lambda *_: True
    )

    async def look() -> None:
        await postman.look()
        await postman.idle()

    asyncio.run(look())


def issue(desk: Desk, name: str, contact: str | None = CONTACT, language: str = "zh") -> str:
    """A licence of a customer with a contact; its number."""
    members = {"name": name, "contact_name": "Li", "language": language}
    now = desk.clock.now
    given = members if contact is None else members | {"contact_email": contact}
    desk.site.database.write(lambda c: customers.add(c, given, COMMAND, now))
    order = {"customer": name, "product": "darwin", "days": 30, "host": LINE}
    issued = desk.client.post("/api/v1/licenses", json=order, headers=desk.bearer)
    assert issued.status_code == 201, issued.text
    return str(issued.json()["id"])


def queue(desk: Desk, number: str) -> str:
    """Send a licence from its page; where the mail is."""
    page = desk.client.get(f"/licenses/{number}?send=1").text
    return post(desk, f"/licenses/{number}/mail", page).partition("?")[0]


def test_a_licence_is_sent_from_its_page_with_its_letter(sending: Desk, relay: Server) -> None:
    number = issue(sending, "Mailed")
    pages.sign_in(sending)
    page = sending.client.get(f"/licenses/{number}?send=1").text
    assert f"Send to {CONTACT}" in page
    there = post(sending, f"/licenses/{number}/mail", page)
    assert "It is sent within seconds" in sending.client.get(there).text
    deliver(sending)
    (taken,) = relay.taken
    read = email.message_from_bytes(taken.content, policy=email.policy.default)
    assert number in read["Subject"]
    text = read.get_body().get_content()  # type: ignore[union-attr]
    (attached,) = read.iter_attachments()
    file = sending.client.get(f"/licenses/{number}/license.dat").content
    assert attached.get_filename() == "license.dat"
    assert attached.get_content() == file
    assert "附件 license.dat" in text
    assert file.decode("utf-8").strip() in text.replace("\r\n", "\n")
    said = text_of(sending.client.get(there))
    assert "250 queued as 1" in said
    assert "Send it again" not in said
    assert number in text_of(sending.client.get("/outbox?state=sent"))
    assert "mail sent" in text_of(sending.client.get(f"/licenses/{number}"))


def test_a_form_that_is_sent_twice_queues_one_mail(sending: Desk) -> None:
    number = issue(sending, "Twice")
    pages.sign_in(sending)
    page = sending.client.get(f"/licenses/{number}?send=1").text
    first = post(sending, f"/licenses/{number}/mail", page)
    assert post(sending, f"/licenses/{number}/mail", page) == first


def test_no_mail_is_offered_where_none_can_be_sent(desk: Desk, sending: Desk) -> None:
    pages.sign_in(sending)
    for contact in (None, "ask Li"):
        number = issue(sending, f"Contact {contact}", contact)
        assert "Send to " not in sending.client.get(f"/licenses/{number}?send=1").text


def test_a_server_without_a_relay_says_that_it_sends_no_mail(desk: Desk) -> None:
    number = issue(desk, "No relay")
    pages.sign_in(desk)
    page = desk.client.get(f"/licenses/{number}?send=1").text
    assert "Send to " not in page
    reply = desk.client.post(f"/licenses/{number}/mail", data=pages.all_hidden(page))
    assert reply.status_code == 409
    assert "LICENSE_SERVER_SMTP_HOST" in reply.text
    assert "sends no mail" in text_of(desk.client.get("/outbox"))


def test_a_mail_is_cancelled_and_sent_again_at_the_desk(sending: Desk, relay: Server) -> None:
    number = issue(sending, "Decided")
    pages.sign_in(sending)
    there = queue(sending, number)
    relay.says = lambda said: "550 no such user" if said.startswith("RCPT") else ""
    deliver(sending)
    page = sending.client.get(there)
    assert "550 no such user" in text_of(page)
    assert "Correct the address" in text_of(page)
    relay.says = None
    assert post(sending, f"{there}/retry", page.text) == there
    deliver(sending)
    assert len(relay.taken) == 1
    again = sending.client.post(f"{there}/cancel", data=pages.all_hidden(page.text) | pages.once())
    assert again.status_code == 409
    assert "nothing was done" in text_of(again)
    chinese = {"Cookie": "hostseal_language=zh; " + again.request.headers["Cookie"]}
    fields = pages.all_hidden(page.text) | pages.once()
    again = sending.client.post(f"{there}/cancel", data=fields, headers=chinese)
    assert "的状态为“已发送”" in text_of(again)


def test_what_a_mail_says_is_shown_as_text(sending: Desk) -> None:
    number = issue(sending, "<script>alert(1)</script>", language="en")
    pages.sign_in(sending)
    there = queue(sending, number)
    page = sending.client.get(there).text
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)" in page


def test_what_the_other_side_answers_is_shown_as_text(sending: Desk, relay: Server) -> None:
    pages.sign_in(sending)
    there = queue(sending, issue(sending, "Answered"))
    relay.says = lambda command: "550 <b>no</b>" if command.startswith("RCPT") else ""
    deliver(sending)
    for path in (there, "/outbox?state=failed"):
        assert "550 &lt;b&gt;no&lt;/b&gt;" in sending.client.get(path).text


def test_the_api_lists_mails_and_decides_on_them(sending: Desk) -> None:
    number = issue(sending, "By the API")
    pages.sign_in(sending)
    there = queue(sending, number)
    id_ = there.rpartition("/")[2]

    def api(method: str, path: str, **headers: str) -> Any:
        given = sending.bearer | headers
        return sending.client.request(method, f"/api/v1{path}", headers=given)

    listed = api("GET", "/mails?state=open&limit=1").json()
    assert [one["id"] for one in listed["mails"]] == [int(id_)]
    one = api("GET", f"/mails/{id_}").json()
    assert (one["license"], one["recipient"], one["state"]) == (number, CONTACT, "waiting")
    key = {"Idempotency-Key": f"cancel {id_}"}
    cancelled = api("POST", f"/mails/{id_}/cancel", **key)
    assert cancelled.json()["state"] == "cancelled"
    assert api("POST", f"/mails/{id_}/cancel", **key).content == cancelled.content
    refused = api("POST", f"/mails/{id_}/retry")
    assert (refused.status_code, refused.json()["type"]) == (409, "/problems/mail-state")
    assert api("GET", "/mails?state=lost").status_code == 422


def asked_by_mail(desk: Desk, host: str, **more: Any) -> int:
    """A request that somebody mailed; its number."""
    came = Received(
        "mail",
        f'Bitte um eine Lizenz:\n["{host}", "gpu-box"]',
        host=f'["{host}", "gpu-box"]',  # as the reader of mails found it
        **{
            "sender_name": "Müller",
            "sender_address": "mueller@customer.example",
            "subject": "Lizenz für gpu-box",
            "message_id": "<second@customer.example>",
            "thread": "<first@customer.example>",
            **more,
        },
    )
    now = desk.clock.now
    filed = desk.site.database.write(lambda c: filing.file(c, COMMAND, came, now))
    return filed.request.id


def answered(desk: Desk, id_: int, customer: str) -> str:
    """The page after the request was answered with a licence for *customer*."""
    here = f"/requests/{id_}"
    page = desk.client.get(here).text
    order = {"customer": customer, "product": "darwin", "term": "days", "days": "30"}
    given = pages.form(page, f"{here}/issue") | order
    reply = desk.client.post(f"{here}/issue", data=given)
    assert reply.status_code == 303, text_of(reply)
    return str(reply.headers["location"])


def test_who_asked_by_mail_is_answered_in_the_thread(sending: Desk, relay: Server) -> None:
    id_ = asked_by_mail(sending, "5" * 40)
    pages.sign_in(sending)
    there = answered(sending, id_, "Asked By Mail")
    number = there.split("/")[2].partition("?")[0]
    page = sending.client.get(there).text
    assert "Reply to mueller@customer.example" in page
    post(sending, f"/licenses/{number}/mail", page)
    deliver(sending)
    (taken,) = relay.taken
    read = email.message_from_bytes(taken.content, policy=email.policy.default)
    assert read["To"].addresses[0].addr_spec == "mueller@customer.example"
    assert read["Subject"] == "Re: Lizenz für gpu-box"
    assert read["In-Reply-To"] == "<second@customer.example>"
    assert read["References"].split() == ["<first@customer.example>", "<second@customer.example>"]
    (attached,) = read.iter_attachments()
    file = sending.client.get(f"/licenses/{number}/license.dat").content
    assert attached.get_content() == file
    conversation = text_of(sending.client.get(f"/requests/{id_}"))
    assert conversation.count(number) > 1
    assert "BEGIN LICENSE" not in conversation
    assert "reply to the mail with the request" not in text_of(sending.client.get(there))


@pytest.mark.parametrize("asker", ["0", "99999999", "x", "1" * 40])
def test_a_licence_is_sent_to_nobody_who_did_not_ask_for_it(sending: Desk, asker: str) -> None:
    number = issue(sending, f"Not Asked {asker}")
    other = asked_by_mail(sending, f"{len(asker):040x}", message_id=f"<{asker}@customer.example>")
    pages.sign_in(sending)
    for request in (asker, str(other)):
        page = sending.client.get(f"/licenses/{number}?send=1&request={request}").text
        assert "mueller@customer.example" not in page
        given = pages.form(page, f"/licenses/{number}/mail") | {"request": request}
        before = text_of(sending.client.get("/outbox?state=all"))
        refused = sending.client.post(f"/licenses/{number}/mail", data=given)
        assert refused.status_code == 404, refused.text
        assert text_of(sending.client.get("/outbox?state=all")) == before


def shown_in(page: str) -> str:
    return " ".join(text_of(page).split())


def test_many_licences_are_sent_as_they_were_looked_at(sending: Desk, relay: Server) -> None:
    able = [issue(sending, f"Many-{n}", f"li{n}@customer.example", "en") for n in range(3)]
    unable = issue(sending, "Many without", None)
    pages.sign_in(sending)
    chosen = "&".join(f"number={one}" for one in (*able, unable))
    listed = sending.client.get("/licenses?q=Many").text
    assert 'formaction="/licenses/send"' in listed
    page = sending.client.get(f"/licenses/send?scope=chosen&{chosen}")
    said = shown_in(page)
    assert "Send 3 licences by mail" in said
    assert "li2@customer.example" in said
    assert "the customer has no email address" in said
    fields = pages.form(page.text, "/licenses/send")
    there = [
        sending.client.post("/licenses/send", data=fields).headers["location"] for _ in range(2)
    ]
    assert there == ["/outbox?queued=3"] * 2
    assert "3 mails are queued." in shown_in(sending.client.get(there[0]))
    deliver(sending)
    to = sorted(one.recipient for one in relay.taken)
    assert to == [f"li{n}@customer.example" for n in range(3)]


def test_many_licences_that_two_send_at_once_are_sent_once(sending: Desk, relay: Server) -> None:
    numbers = [issue(sending, f"Two {n}", f"two{n}@customer.example", "en") for n in range(2)]
    chosen = "&".join(f"number={one}" for one in numbers)
    pages.sign_in(sending)
    there = f"/licenses/send?scope=chosen&{chosen}"
    looked = [pages.form(sending.client.get(there).text, "/licenses/send") for _ in range(2)]
    first, second = (sending.client.post("/licenses/send", data=one) for one in looked)
    assert first.headers["location"] == "/outbox?queued=2"
    assert "2 of these licences were mailed before." in shown_in(second)
    deliver(sending)
    assert len(relay.taken) == 2
    anew = pages.form(second.text, "/licenses/send")
    on_purpose = sending.client.post("/licenses/send", data=anew)
    assert on_purpose.headers["location"] == "/outbox?queued=2"


def test_many_licences_are_not_sent_where_one_has_changed_meanwhile(sending: Desk) -> None:
    number = issue(sending, "Many changed")
    pages.sign_in(sending)
    page = sending.client.get(f"/licenses/send?scope=chosen&number={number}")
    renew = f"/api/v1/licenses/{number}/renew"
    renewed = sending.client.post(renew, json={"days": 30}, headers=sending.bearer)
    assert renewed.status_code == 201, renewed.text
    again = sending.client.post("/licenses/send", data=pages.form(page.text, "/licenses/send"))
    assert "This list has changed since you looked at it." in shown_in(again)
    assert "cannot be sent" in shown_in(again)


def test_what_a_job_issued_can_be_sent(sending: Desk) -> None:
    number = issue(sending, "Many renewed", language="en")
    pages.sign_in(sending)
    chosen = {"act": "renew", "scope": "chosen", "number": number}
    form = sending.client.get("/licenses/many", params=chosen).text
    fields = pages.form(form, "/licenses/many") | {"term": "days", "days": "30"}
    job = sending.client.post("/licenses/many", data=fields).headers["location"]
    look = sending.client.get(job).text
    sending.client.post(f"{job}/issue", data=pages.form(look, f"{job}/issue"))
    done = sending.client.get(job).text
    there = f"/licenses/send?job={job.rpartition('/')[2]}"
    assert there in done
    said = shown_in(sending.client.get(there))
    assert "Send 1 licence by mail" in said
    assert number not in said


def wrote(desk: Desk, subject: str | None = "Our new server") -> int:
    """A request of somebody who wrote a mail; its number."""
    members = {"sender_address": CONTACT, "product": "darwin"}
    members |= {"message_id": f"<{unique(desk, 'm')}@customer.example>"}
    members |= {"subject": subject} if subject else {"language": "zh"}
    return filed(desk, unique(desk, "please help"), **members)


def test_a_question_is_mailed_to_who_asked_in_the_thread(sending: Desk, relay: Server) -> None:
    id_ = wrote(sending)
    reply = act(sending, id_, "reply", text="Which host is it?", mail=True)
    assert (reply.status_code, reply.json()["mail"]["state"]) == (201, "waiting")
    assert act(sending, id_, "reply", text="told them by telephone").json()["mail"] is None
    deliver(sending)
    (taken,) = relay.taken
    read = email.message_from_bytes(taken.content, policy=email.policy.default)
    asked = seen(sending, id_)
    assert (taken.recipient, read["Subject"]) == (CONTACT, "Re: Our new server")
    assert read["In-Reply-To"] == asked["request"]["message_id"]
    assert read.get_body().get_content().strip() == "Which host is it?"  # type: ignore[union-attr]
    assert not list(read.iter_attachments())
    assert asked["request"]["standing"] == "replied"
    assert asked["conversation"][1]["mail"]["state"] == "sent"


def test_a_question_is_mailed_from_the_page_of_the_request_once(
    sending: Desk, relay: Server
) -> None:
    id_ = wrote(sending, subject=None)
    pages.sign_in(sending)
    page = sending.client.get(f"/requests/{id_}").text
    assert "Send reply by mail" in page and f"goes to {CONTACT} by mail" in page
    fields = pages.form(page, f"/requests/{id_}/note") | {"kind": "mail", "text": "Which host?"}
    for _ in range(2):
        assert sending.client.post(f"/requests/{id_}/note", data=fields).status_code == 303
    deliver(sending)
    (taken,) = relay.taken
    read = email.message_from_bytes(taken.content, policy=email.policy.default)
    assert read["Subject"] == f"您的请求 {id_}"


def test_the_licence_of_a_request_is_mailed_over_the_api(sending: Desk, relay: Server) -> None:
    id_ = wrote(sending)
    early = act(sending, id_, "send")
    assert slug(early) == "not-found"
    number = issue(sending, "Over the API")
    assert act(sending, id_, "answer", license=number).status_code == 200
    sent = act(sending, id_, "send", headers={"Idempotency-Key": "s1"})
    again = act(sending, id_, "send", headers={"Idempotency-Key": "s1"})
    assert (sent.status_code, sent.json()["license"]) == (201, number), sent.text
    assert again.json()["id"] == sent.json()["id"]
    assert sent.headers["location"] == f"/api/v1/mails/{sent.json()['id']}"
    deliver(sending)
    (taken,) = relay.taken
    read = email.message_from_bytes(taken.content, policy=email.policy.default)
    (attached,) = read.iter_attachments()
    assert attached.get_filename() == "license.dat" and read["Subject"] == "Re: Our new server"


def test_nothing_is_mailed_of_a_request_without_an_address(sending: Desk) -> None:
    nobody = filed(sending, unique(sending, "please help"), product="darwin")
    without = act(sending, nobody, "reply", text="Which?", mail=True)
    assert (without.status_code, without.json()["field"]) == (422, "mail")
    wrong = act(sending, nobody, "reply", text="Which?", mail="yes")
    assert (wrong.status_code, wrong.json()["field"]) == (422, "mail")
    assert seen(sending, nobody)["request"]["standing"] == "new"


def test_a_server_without_a_relay_mails_no_reply(desk: Desk) -> None:
    assert slug(act(desk, wrote(desk), "reply", text="Which?", mail=True)) == "mail-off"


def test_letters_name_the_portal_where_the_customer_has_a_way_in(sending: Desk) -> None:
    state = sending.client.app.state.server  # type: ignore[attr-defined]
    public = {"portal": True, "public_url": "https://licences.example.com"}
    state.site = state.site._replace(settings=state.site.settings.model_copy(update=public))
    pages.sign_in(sending)

    def letter(number: str) -> str:
        return str(sending.client.get(f"/licenses/{number}?send=1").text)

    there = "https://licences.example.com/portal"
    by_mail, nobody = issue(sending, "Way in"), issue(sending, "No way in", None)
    assert there in letter(by_mail) and there not in letter(nobody)
    queue(sending, by_mail)
    queued = sending.client.get("/api/v1/mails?limit=1", headers=sending.bearer).json()
    assert there in queued["mails"][0]["body"]
    id_ = row(sending, "customers", name="No way in").id
    link = portal.invite(sending, id_)
    assert there in letter(nobody)
    now = sending.clock.now
    sending.site.database.write(lambda c: links.withdraw(c, link.link, COMMAND, now))
    assert there not in letter(nobody)

"""The pages of the customer portal, as a browser without scripts gets them, on both databases."""

import html
import re
from typing import Any

import pytest
import sqlalchemy

from license_core.giveback import Returned
from license_server.actor import COMMAND
from license_server.catalog import customers
from license_server.http.rate_limit import Rates
from license_server.mail.outbox_store import Mail
from license_server.portal import links, mailing
from license_server.portal.errors import PortalLinkOverError
from tests.support.api import bearer
from tests.support.asked import act
from tests.support.desk import Desk, last_event, unique
from tests.support.desk_user import DeskUser
from tests.support.pages import hidden
from tests.support.portal import SESSION, Invited, customer, enter, invited, issue

MINUTE = 60


def host(desk: Desk) -> str:
    """The host key line of a new container."""
    return f'["{desk.site.random(20).hex()}", "{unique(desk, "gpu")}"]'


def come_in(desk: Desk, of: Invited) -> str:
    """Let the browser come in by a link; the token of its forms."""
    desk.client.cookies.clear()
    secret, form_token = enter(desk, of)
    desk.client.cookies.set(SESSION, secret)
    return form_token


def send(desk: Desk, form_token: str, **fields: str) -> Any:
    return desk.client.post("/portal/requests", data={"form_token": form_token} | fields)


def press(desk: Desk, secret: str) -> Any:
    """Open a link in a fresh browser, and press its button."""
    desk.client.cookies.clear()
    page = desk.client.get(links.path(secret))
    fields = {"form_token": hidden(page.text, "form_token"), "secret": secret}
    return desk.client.post("/portal/open", data=fields)


def test_the_story_from_the_link_made_at_the_desk_to_the_same_bytes(desk: Desk) -> None:
    id_, name = customer(desk, notes="pays late")
    issue(desk, name, host(desk))
    room = f"/customers/{id_}/portal"
    made = DeskUser(desk, "issuer").post(room, label="Ningbo", days="7", products="")
    address = html.unescape(re.search(r"http://testserver(/portal/open\S+?)<", made.text)[1])  # type: ignore[index]
    secret = address.partition("secret=")[2]
    assert secret not in DeskUser(desk).get(room).text
    for _ in range(3):  # a mail scanner
        assert desk.client.get(address).status_code == 200
    came = press(desk, secret)
    assert (came.status_code, came.headers["location"]) == (303, "/portal")
    home = desk.client.get("/portal").text
    assert name in home and "pays late" not in home
    form_token = hidden(home, "form_token")
    line = host(desk)
    for told in ("filed", "again"):
        reply = send(desk, form_token, wish="license", text=f"please\r\n{line}", product="darwin")
        assert reply.status_code == 303, reply.text
        assert reply.headers["location"].endswith(f"?{told}=1")
    path = reply.headers["location"].partition("?")[0]
    number = int(path.rpartition("/")[2])
    act(desk, number, "reply", text="Here it is.")
    act(desk, number, "note", text="they argue")
    issued = act(desk, number, "issue", days=30).json()["id"]
    answered = desk.client.get(path).text
    assert issued in answered and "Here it is." in answered and "they argue" not in answered
    shown = desk.client.get(f"/portal/licenses/{issued}").text
    assert "license.dat" in shown and "<svg" in shown
    mine = desk.client.get(f"/portal/licenses/{issued}/license.dat")
    kept = desk.client.get(f"/api/v1/licenses/{issued}/license.dat", headers=desk.bearer)
    assert mine.content == kept.content
    assert last_event(desk, issued)[1] == "portal.downloaded"
    left = desk.client.post("/portal/leave", data={"form_token": form_token})
    assert left.headers["location"] == "/portal"
    assert desk.client.get(path).headers["location"] == "/portal?ended=1"


def test_sent_is_said_only_while_the_request_waits_and_a_refusal_says_whom_to_ask(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    acme = invited(desk)
    issue(desk, acme.name, host(desk))  # so that its product is offered, whatever others there are
    first = desk.client.get(links.path(acme.secret)).text
    assert re.search(r"valid until [-0-9: ]+ \(UTC\)", first)
    form_token = come_in(desk, acme)
    paths = [
        send(desk, form_token, text=host(desk), product="darwin").headers["location"]
        for _ in range(2)
    ]
    issued, refused = (int(re.findall(r"\d+", path)[0]) for path in paths)
    assert "Come back to this page" in desk.client.get(paths[0]).text
    act(desk, issued, "issue", days=30)
    act(desk, refused, "refuse", reason="no order")
    answered = desk.client.get(paths[0]).text
    assert "Your licence" in answered and "Come back to this page" not in answered
    told = desk.client.get(paths[1]).text
    assert "Ask your contact there why." in told and "mailto:" not in told
    settings = desk.settings.model_copy(update={"mail_from": "Vendor <help@vendor.example>"})
    state = desk.client.app.state.server  # type: ignore[attr-defined]
    monkeypatch.setattr(state, "site", desk.site._replace(settings=settings))
    assert 'href="mailto:help@vendor.example"' in desk.client.get(paths[1]).text


def test_a_link_that_leads_nowhere_says_why_and_where_to_get_another(desk: Desk) -> None:
    acme = invited(desk)
    form_token = come_in(desk, acme)
    desk.site.database.write(lambda c: links.withdraw(c, acme.link, COMMAND, desk.clock.now))
    gone = desk.client.get("/portal/licenses/HS-2026-00000000")
    assert gone.headers["location"] == "/portal?ended=1"
    assert send(desk, form_token, text="x").headers["location"] == "/portal?ended=1"
    shown = desk.client.get(links.path(acme.secret))
    assert shown.status_code == 410 and "it was withdrawn" in shown.text
    assert "http-equiv" not in shown.text and 'href="/portal"' in shown.text
    unknown = desk.client.get(links.path("x" * 43))
    assert unknown.status_code == 410 and "there is no such link" in unknown.text


def test_pages_of_another_customer_answer_as_if_they_did_not_exist(desk: Desk) -> None:
    acme, other = invited(desk), invited(desk)
    number = issue(desk, acme.name, host(desk))
    form_token = come_in(desk, acme)
    filed = send(desk, form_token, text=host(desk), product="darwin").headers["location"]
    theirs = filed.partition("?")[0]
    asked = theirs.rpartition("/")[2]
    token = come_in(desk, other)

    def told(path: str, **fields: str) -> tuple[int, str]:
        reply = send(desk, token, **fields) if fields else desk.client.get(path)
        text = re.sub(r"request ID \w+", "", reply.text)
        for named in (number, "HS-2026-00000000", "999999999"):
            text = text.replace(named, "…")
        return reply.status_code, re.sub(rf"(%2F|equest ){asked}\b", r"\1…", text)

    for path, absent in (
        (theirs, "/portal/requests/999999999"),
        (f"/portal/licenses/{number}", "/portal/licenses/HS-2026-00000000"),
        (
            f"/portal/licenses/{number}/license.dat",
            "/portal/licenses/HS-2026-00000000/license.dat",
        ),
        (
            f"/portal/requests/new?wish=renewal&license={number}",
            "/portal/requests/new?wish=renewal&license=HS-2026-00000000",
        ),
    ):
        assert told(path)[0] == 404
        assert told(path) == told(absent), path
    assert told("", wish="move", license=number, text="x") == told(
        "", wish="move", license="HS-2026-00000000", text="x"
    )
    assert acme.name not in desk.client.get("/portal").text


def test_a_licence_that_is_given_back_is_ended_at_the_desk_and_the_customer_told(
    desk: Desk,
) -> None:
    acme = invited(desk)
    number = issue(desk, acme.name, host(desk))
    text = Returned(number, desk.clock.now).to_text()
    filed = send(desk, come_in(desk, acme), wish="return", text=text).headers["location"]
    path = filed.partition("?")[0]
    id_ = int(path.rpartition("/")[2])
    user = DeskUser(desk)
    page = user.get(f"/requests/{id_}").text
    assert page.count(f'action="/licenses/{number}/return"') == 1
    ended = desk.client.post(
        f"/api/v1/licenses/{number}/return",
        json={"text": text, "unproven": True},
        headers=bearer(desk, "licenses:end"),
    )
    assert ended.status_code in (200, 201), ended.text
    assert "Done: tell the customer" in user.get(f"/requests/{id_}").text
    done = user.post(f"/requests/{id_}/answer", once=f"{id_}-back", license=number)
    assert done.status_code == 303, done.text
    come_in(desk, acme)
    shown = desk.client.get(path).text
    assert ">done<" in shown and number in shown
    assert desk.client.get(f"/portal/licenses/{number}/license.dat").status_code == 404


def test_a_renewal_is_asked_for_done_at_the_desk_and_answered(desk: Desk) -> None:
    acme = invited(desk)
    number = issue(desk, acme.name, host(desk))
    asked = send(desk, come_in(desk, acme), wish="renewal", license=number)
    path = asked.headers["location"].partition("?")[0]
    id_ = int(path.rpartition("/")[2])
    user = DeskUser(desk)
    assert f'href="/licenses/{number}/renew?request={id_}"' in user.get(f"/requests/{id_}").text
    renewed = desk.client.post(
        f"/api/v1/licenses/{number}/renew", json={"days": 365}, headers=desk.bearer
    ).json()["id"]
    room = f"/requests/{id_}"
    assert f"Answer with {renewed}" in user.get(room).text
    assert user.post(f"{room}/answer", once=f"{id_}-new", license=renewed).status_code == 303
    come_in(desk, acme)
    assert renewed in desk.client.get(path).text


def test_forms_of_another_session_do_nothing(desk: Desk) -> None:
    acme, other = invited(desk), invited(desk)
    foreign = come_in(desk, other)
    come_in(desk, acme)
    before = desk.count("requests")
    assert send(desk, foreign, text=host(desk)).status_code == 403
    assert send(desk, "", text=host(desk)).status_code == 403
    assert desk.client.post("/portal/open", data={"secret": acme.secret}).status_code == 403
    assert desk.count("requests") == before


def test_what_was_typed_is_there_again_beside_what_is_wrong(desk: Desk) -> None:
    form_token = come_in(desk, invited(desk))
    refused = send(desk, form_token, wish="license", text="my words", sender_address="nobody")
    assert refused.status_code == 422
    assert "my words" in refused.text and 'aria-invalid="true"' in refused.text
    assert send(desk, form_token, wish="trial", text="x", product="none").status_code == 422


@pytest.fixture
def mailing_desk(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """The desk with a mail server in its settings; nothing is sent."""
    made = desk.settings.model_copy(
        update={
            "smtp_host": "relay.invalid",
            "mail_from": "Support <support@vendor.example>",
            "public_url": "https://licences.vendor.example",
        }
    )
    state = desk.client.app.state.server  # type: ignore[attr-defined]
    site = desk.site._replace(settings=made)
    monkeypatch.setattr(state, "site", site)
    return desk._replace(site=site, settings=made)


def ask(desk: Desk, address: str) -> Any:
    desk.client.cookies.clear()
    page = desk.client.get("/portal").text
    fields = {"form_token": hidden(page, "form_token"), "address": address}
    return desk.client.post("/portal/ask", data=fields)


def mails_to(desk: Desk, address: str) -> list[Mail]:
    query = sqlalchemy.text("select * from mails where recipient = :address order by id")
    return desk.site.database.write(
        lambda c: [Mail(*row) for row in c.execute(query, {"address": address})]
    )


def link_in(desk: Desk, mail: Mail) -> str:
    """The address in a mail, as it leaves."""
    key = desk.client.app.state.server.seeds.portal  # type: ignore[attr-defined]
    base = desk.settings.public_url
    whole = desk.site.database.read(lambda c: mailing.filled(c, mail, base, key, desk.clock.now))
    return str(re.search(r"https://licences\.vendor\.example(/portal/open\S+)", whole.body)[1])  # type: ignore[index]


def test_a_contact_gets_a_link_by_mail_that_is_used_once(mailing_desk: Desk) -> None:
    desk = mailing_desk
    address = f"li@{unique(desk, 'n').lower()}.example"
    _, name = customer(desk, contact_email=address, language="zh")
    known, unknown = ask(desk, address.upper()), ask(desk, f"x{address}")
    assert known.status_code == unknown.status_code == 200
    strip = r'value="[^"]*"'
    assert re.sub(strip, "", known.text) == re.sub(strip, "", unknown.text)
    (mail,) = mails_to(desk, address)
    assert mails_to(desk, f"x{address}") == []
    assert mail.automatic and "客户门户" in mail.subject
    assert mailing.PLACE in mail.body and "secret" not in mail.body
    path = link_in(desk, mail)
    secret = path.partition("secret=")[2]
    assert desk.client.get(path).status_code == 200
    assert (
        desk.client.get(
            "/portal/api/licenses", headers={"Authorization": f"Bearer {secret}"}
        ).status_code
        == 401
    )
    assert press(desk, secret).status_code == 303
    assert name in desk.client.get("/portal").text
    desk.clock.now += 40 * MINUTE
    assert name in desk.client.get("/portal").text
    again = desk.client.get(path)
    assert again.status_code == 410 and "it can be used once" in again.text
    assert 'href="/portal"' in again.text


def test_a_mailed_link_expires_in_half_an_hour_and_its_mail_is_not_sent_then(
    mailing_desk: Desk,
) -> None:
    desk = mailing_desk
    address = f"li@{unique(desk, 'n').lower()}.example"
    customer(desk, contact_email=address)
    ask(desk, address)
    (mail,) = mails_to(desk, address)
    path = link_in(desk, mail)
    desk.clock.now += 31 * MINUTE
    expired = desk.client.get(path)
    assert expired.status_code == 410 and "it expired at" in expired.text
    with pytest.raises(PortalLinkOverError):
        link_in(desk, mail)


def test_a_mailed_link_and_its_session_hold_only_for_the_contact_of_today(
    mailing_desk: Desk,
) -> None:
    desk = mailing_desk
    address, other = (f"{name}@{unique(desk, 'n').lower()}.example" for name in ("li", "wu"))
    id_, name = customer(desk, contact_email=address)

    def change(contact: str) -> None:
        members = {"contact_email": contact}
        desk.site.database.write(
            lambda c: customers.change(c, id_, members, COMMAND, desk.clock.now)
        )

    for _ in range(2):
        ask(desk, address)
    used, left = (link_in(desk, mail) for mail in mails_to(desk, address))
    assert press(desk, used.partition("secret=")[2]).status_code == 303
    assert name in desk.client.get("/portal").text
    change(other)
    assert name not in desk.client.get("/portal").text
    refused = desk.client.get(left)
    assert refused.status_code == 410 and "it was withdrawn" in refused.text
    with pytest.raises(PortalLinkOverError):
        link_in(desk, mails_to(desk, address)[1])
    change(address.upper())
    assert name in desk.client.get("/portal").text


def test_asking_for_links_is_slowed_down_for_an_address_known_or_not(mailing_desk: Desk) -> None:
    desk = mailing_desk
    address = f"li@{unique(desk, 'n').lower()}.example"
    customer(desk, contact_email=address)
    for one in (address, f"x{address}"):
        desk.clock.now += 7200
        replies = [ask(desk, one) for _ in range(7)]
        assert [reply.status_code for reply in replies[:5]] == [200] * 5
        assert replies[-1].status_code == 429
        assert int(replies[-1].headers["retry-after"]) > 0
    assert ask(desk, "no address").status_code == 422


@pytest.mark.parametrize("guesses", [100, pytest.param(10_000, marks=pytest.mark.torture)])
def test_guesses_of_a_link_stay_under_the_rate_limit(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, guesses: int
) -> None:
    state = desk.client.app.state.server  # type: ignore[attr-defined]
    monkeypatch.setattr(state, "rates", Rates(60))
    acme = invited(desk)
    assert len(acme.secret) * 6 >= 256
    told = [desk.client.get(links.path(f"{n:043}")).status_code for n in range(guesses)]
    assert told == [410] * 60 + [429] * (guesses - 60)
    bearer = [
        desk.client.get(
            "/portal/api/licenses", headers={"Authorization": f"Bearer {n:043}"}
        ).status_code
        for n in range(20)
    ]
    assert bearer == [429] * 20
    assert press(desk, acme.secret).status_code == 303

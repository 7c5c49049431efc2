"""The pages, as a browser without JavaScript meets them."""

import re
from html import unescape
from typing import Any

import pytest

from license_core.request import LicenseRequest
from license_core.verify import open_license
from license_server.licenses import issuing
from tests.support import server
from tests.support.desk import Desk
from tests.support.pages import (
    FORM,
    WHOLE,
    all_hidden,
    choices,
    faults,
    followed,
    hidden,
    preview,
    request_text,
    sign_in,
)
from tests.support.server import EMAIL, KEY, LINE, PASSWORD


@pytest.fixture
def signed_in(desk: Desk) -> Desk:
    assert sign_in(desk).status_code == 303
    return desk


def test_a_pasted_line_becomes_a_licence_that_verifies(signed_in: Desk) -> None:
    page = preview(signed_in, limits="gpus=4", features="export, train").text
    assert KEY in page
    issued = signed_in.client.post("/licenses", data=all_hidden(page))
    assert issued.status_code == 303
    address = issued.headers["location"].partition("?")[0]
    shown = signed_in.client.get(address).text
    assert "ACME" in shown
    file = signed_in.client.get(f"{address}/license.dat").content
    license_ = open_license(file, roots=server.roots(signed_in.settings.data)).license
    assert (license_.host.key, license_.limits) == (KEY, {"gpus": 4})
    assert license_.features == ("export", "train")
    assert address.rpartition("/")[2] in signed_in.client.get("/licenses").text


@pytest.mark.parametrize(
    "text",
    [
        f"\u201c{LINE}\u201d",
        LINE.upper(),
        LINE.replace('"', "\u201d").replace(",", "\uff0c"),
        LINE[:20] + "\r\n" + LINE[20:],
        LINE[:20] + " " + LINE[20:],
        f"\u60a8\u597d\uff0c\r\n> {LINE}\u3002\r\n--\r\nsupport@example.com",
        LINE.replace("[", "\u3010").replace("]", "\u3011").replace('"', "\uff02"),
    ],
)
def test_a_pasted_line_survives_what_mail_and_chat_do(signed_in: Desk, text: str) -> None:
    page = preview(signed_in, host=text).text
    assert "Review before issuing" in page
    assert KEY in page
    assert "studio2_gpu" in page


def test_nothing_is_issued_before_it_is_confirmed(signed_in: Desk) -> None:
    before = signed_in.count("licenses")
    preview(signed_in)
    assert signed_in.count("licenses") == before


def test_a_second_click_issues_no_second_licence(signed_in: Desk) -> None:
    fields = all_hidden(preview(signed_in).text)
    before = signed_in.count("licenses")
    first = signed_in.client.post("/licenses", data=fields)
    again = signed_in.client.post("/licenses", data=fields)
    assert first.headers["location"] == again.headers["location"]
    assert signed_in.count("licenses") == before + 1


def test_what_is_wrong_is_said_at_the_form_and_what_was_typed_stays(signed_in: Desk) -> None:
    reply = preview(signed_in, host="<b>hello</b>", customer='"><script>alert(1)</script>')
    assert reply.status_code == 422
    assert "No host key was found" in reply.text
    assert "<script>" not in reply.text
    assert "&lt;b&gt;hello&lt;/b&gt;" in reply.text


def test_everything_that_is_wrong_is_told_at_once_beside_its_field(signed_in: Desk) -> None:
    typed = {
        "host": "hello",
        "customer": "a\0b",
        "product": "a b",
        "days": "x",
        "time_zone": "Nowhere/At_all",
        "limits": "gpus four",
        "features": "-",
        "edition": "c d",
        "match": "loose",
        "notify_days": "y",
        "grace_days": "-1",
        "maintenance_until": "soon",
        "replaces": "z",
    }
    reply = preview(signed_in, **typed)
    assert reply.status_code == 422
    assert faults(reply.text).keys() == typed.keys()
    assert "13 marked fields" in reply.text
    for said in faults(reply.text).values():
        assert unescape(reply.text).count(said) == 1, said
    assert faults(preview(signed_in, term="expires", expires="2001-01-01").text).keys() == {
        "expires"
    }


def test_a_blank_name_is_taken_from_the_request_or_asked_for(signed_in: Desk) -> None:
    named = LicenseRequest(KEY, "x", customer="Named GmbH", product="darwin").to_text()
    assert "Named GmbH" in preview(signed_in, host=named, customer="", product="").text
    page = preview(signed_in, customer="", product="").text
    assert faults(page) == {
        "customer": "the request names no customer; enter it here.",
        "product": "the request names no product; enter it here.",
    }
    # Where the text cannot be read, nobody knows what it names.
    assert faults(preview(signed_in, host="hello", customer="").text).keys() == {"host"}


def test_a_licence_to_replace_that_is_not_there_is_told_at_its_field(signed_in: Desk) -> None:
    page = preview(signed_in, replaces="HS-2026-ZZZZZZZZ", limits="x").text
    assert {"limits"} <= faults(page).keys() <= {"limits", "replaces"}


def test_a_name_with_markup_is_shown_as_text_everywhere(signed_in: Desk) -> None:
    name = "<img src=x onerror=alert(1)>"
    page = preview(signed_in, customer=name).text
    issued = signed_in.client.post("/licenses", data=all_hidden(page))
    for text in (
        page,
        signed_in.client.get(issued.headers["location"]).text,
        signed_in.client.get("/licenses", params={"q": name}).text,
    ):
        assert "<img src=x" not in text
        assert "&lt;img src=x" in text


def test_the_vendor_sees_what_each_choice_would_tolerate(signed_in: Desk) -> None:
    page = preview(signed_in, host=request_text(*WHOLE), match="anchored").text
    assert choices(page) == {
        "hostname": ["tagged", "invalid", "valid, with a warning"],
        "IP address": ["tagged", "invalid", "valid, with a warning"],
        "machine": ["tagged", "invalid", "invalid"],
        "container": ["tagged", "invalid", "invalid"],
    }
    assert "anchored (selected)" in page


def test_the_vendor_sees_that_a_container_may_be_made_anew(signed_in: Desk) -> None:
    text = request_text(*WHOLE[:3], profile="hk1-host")
    found = choices(preview(signed_in, host=text).text)
    assert found["container"] == ["not used (hk1-host)", "valid", "valid"]
    assert found["machine"] == ["tagged", "invalid", "invalid"]


def test_the_vendor_sees_why_the_bare_line_cannot_be_anchored(signed_in: Desk) -> None:
    page = preview(signed_in).text
    assert choices(page)["IP address"] == ["none", "invalid", "not possible"]
    assert page.count("has no host tags") == 1
    assert "python cmd/cli.py request" in page
    refused = preview(signed_in, match="anchored")
    assert (refused.status_code, "only its key is known" in refused.text) == (409, True)


def test_the_vendor_sees_that_anchoring_a_copyable_container_gains_nothing(
    signed_in: Desk,
) -> None:
    page = preview(signed_in, host=request_text("machine_id")).text
    assert choices(page)["IP address"] == ["none", "invalid", "invalid"]
    assert "nothing outside its image identifies this container" in page


def test_a_host_that_has_a_licence_already_is_told(signed_in: Desk) -> None:
    first = signed_in.client.post("/licenses", data=all_hidden(preview(signed_in).text))
    number = first.headers["location"].split("/")[2].partition("?")[0]
    assert number in preview(signed_in).text


def test_a_search_finds_by_the_beginning_of_any_word_and_takes_signs_as_they_are(
    signed_in: Desk,
) -> None:
    name = f"100%_{signed_in.clock.now} 上海示例公司 Werkstätten"
    signed_in.client.post("/licenses", data=all_hidden(preview(signed_in, customer=name).text))
    for typed in (str(signed_in.clock.now), f"100%_{signed_in.clock.now}", "示例", "werkst"):
        assert name in signed_in.client.get("/licenses", params={"q": typed}).text
    assert "No matching licences" in signed_in.client.get("/licenses", params={"q": "%%%"}).text


@pytest.mark.parametrize("path", ["/", "/licenses", "/licenses/new", "/licenses/HS-2026-00000000"])
def test_nobody_sees_anything_before_signing_in(desk: Desk, path: str) -> None:
    reply = desk.client.get(path)
    assert reply.status_code == 303
    assert reply.headers["location"].startswith("/login")


def test_the_way_back_after_signing_in_stays_on_this_server(desk: Desk) -> None:
    page = desk.client.get("/login", params={"next": "/licenses/new"}).text
    assert hidden(page, "next") == "/licenses/new"
    for away in ("https://example.com/", "//example.com", "/\\example.com", "/\t/example.com"):
        assert hidden(desk.client.get("/login", params={"next": away}).text, "next") == ""


def test_a_wrong_password_tells_no_more_than_an_unknown_address(desk: Desk) -> None:
    wrong, unknown = sign_in(desk, "wrong"), sign_in(desk, "wrong", "nobody@example.com")
    assert wrong.status_code == unknown.status_code == 401
    said = [re.search(r'role="alert">(.*?)</div>', r.text, re.DOTALL) for r in (wrong, unknown)]
    assert said[0] and said[1] and said[0][1] == said[1][1]


def test_signing_in_is_slowed_after_wrong_attempts_and_recovers(desk: Desk) -> None:
    email = "guessed@example.com"
    assert [sign_in(desk, "wrong", email).status_code for _ in range(6)] == [401] * 5 + [429]
    refused = sign_in(desk, "wrong", email)
    assert "seconds" in refused.text
    desk.clock.now += 4
    assert sign_in(desk, "wrong", email).status_code == 401
    assert sign_in(desk).status_code == 303  # somebody else is not held up


def test_a_form_of_another_session_is_refused(signed_in: Desk) -> None:
    before = signed_in.count("licenses")
    fields = all_hidden(preview(signed_in).text)
    for token in ("", "x", fields["form_token"][:-2] + "AA"):
        reply = signed_in.client.post("/licenses", data=fields | {"form_token": token})
        assert reply.status_code == 403
    assert sign_in(signed_in).status_code == 303
    assert signed_in.client.post("/licenses", data=fields).status_code == 403
    assert signed_in.count("licenses") == before


@pytest.mark.parametrize("path", ["/licenses", "/licenses/preview", "/logout"])
def test_every_form_needs_its_token(signed_in: Desk, path: str) -> None:
    assert signed_in.client.post(path, data=FORM).status_code == 403


def test_a_sign_in_without_the_pages_token_is_refused(desk: Desk) -> None:
    reply = desk.client.post("/login", data={"email": EMAIL, "password": PASSWORD})
    assert reply.status_code == 403


@pytest.mark.parametrize("site", ["same-origin", "none"])
def test_what_this_site_sends_is_taken(signed_in: Desk, site: str) -> None:
    fields = all_hidden(preview(signed_in).text)
    reply = signed_in.client.post("/licenses", data=fields, headers={"Sec-Fetch-Site": site})
    assert reply.status_code == 303


@pytest.mark.parametrize("site", ["cross-site", "same-site", "x"])
def test_another_site_sends_no_form_and_chooses_nothing(signed_in: Desk, site: str) -> None:
    before, sent = signed_in.count("licenses"), {"Sec-Fetch-Site": site}
    client = signed_in.client
    fields = all_hidden(preview(signed_in).text)
    assert client.post("/licenses", data=fields, headers=sent).status_code == 403
    token = {"form_token": hidden(client.get("/login").text, "form_token")}
    form = token | {"email": EMAIL, "password": PASSWORD}
    assert client.post("/login", data=form, headers=sent).status_code == 403
    assert signed_in.count("licenses") == before
    chosen = client.get("/preferences?language=zh&back=/keys", headers=sent)
    assert (chosen.headers["location"], "set-cookie" in chosen.headers) == ("/keys", False)


def test_a_secret_in_an_address_is_in_no_link_of_its_page(desk: Desk) -> None:
    for path in (
        "/invitation?secret=sesame",
        "/login/openid/return?code=sesame&state=sesame",
        "/login?token=sesame",
    ):
        page = desk.client.get(path).text
        assert "/preferences?" in page
        assert "sesame" not in page


def test_signing_out_ends_the_session_for_whoever_kept_the_cookie(signed_in: Desk) -> None:
    cookies = dict(signed_in.client.cookies)
    token = hidden(signed_in.client.get("/licenses").text, "form_token")
    signed_in.client.post("/logout", data={"form_token": token})
    signed_in.client.cookies.update(cookies)
    assert signed_in.client.get("/licenses").status_code == 303


def test_a_session_ends_by_itself(signed_in: Desk) -> None:
    signed_in.clock.now += 12 * 3600
    assert signed_in.client.get("/licenses").status_code == 303


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(desk: Desk) -> None:
    cookie = sign_in(desk).headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie


def test_over_https_no_other_host_can_set_a_cookie_for_this_one(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = desk.client
    monkeypatch.setattr(client, "base_url", "https://testserver")
    assert sign_in(desk).status_code == 303
    assert {"__Host-hostseal_session", "__Host-hostseal_browser"} <= set(client.cookies.keys())
    secret = client.cookies["__Host-hostseal_session"]
    page = client.get("/account").text
    client.cookies.clear()
    client.cookies.set("hostseal_session", secret)  # as another host might plant it
    assert client.get("/account").status_code == 303
    client.cookies.set("__Host-hostseal_session", secret)
    gone = client.post("/logout", data=all_hidden(page)).headers["set-cookie"]
    assert gone.startswith('__Host-hostseal_session="";')
    assert "secure" in gone.lower()


def test_a_signing_in_gives_another_cookie_each_time(desk: Desk) -> None:
    first, second = sign_in(desk), sign_in(desk)
    assert first.cookies["hostseal_session"] != second.cookies["hostseal_session"]


def test_what_goes_wrong_is_a_page_for_people(signed_in: Desk) -> None:
    reply = signed_in.client.get("/licenses/HS-2026-ZZZZZZZZ")
    assert (reply.status_code, reply.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert "HS-2026-ZZZZZZZZ" in reply.text
    assert signed_in.client.get("/licenses?cursor=x").status_code == 422
    assert signed_in.client.get("/nothing").status_code == 404


def test_control_characters_do_no_harm_anywhere(signed_in: Desk) -> None:
    assert signed_in.client.get("/licenses", params={"q": "a\0b"}).status_code == 200
    assert signed_in.client.get("/licenses", params={"cursor": "\0"}).status_code == 422
    assert signed_in.client.get("/licenses/new", params={"like": "\0"}).status_code == 404
    assert signed_in.client.get("/problems/%00").status_code == 404
    assert sign_in(signed_in, email="a\0b@example.com", password="\0").status_code == 401
    sign_in(signed_in)
    for name in ("customer", "product", "time_zone", "features", "limits", "edition", "replaces"):
        assert preview(signed_in, **{name: "a\0b"}).status_code == 422, name
    fields = all_hidden(preview(signed_in).text)
    reply = signed_in.client.post("/licenses", data=fields | {"once": "\0"})
    assert reply.status_code == 403


def test_a_body_that_is_no_form_is_refused(signed_in: Desk) -> None:
    kinds = ("application/json", "multipart/form-data; boundary=x", "")
    for kind in kinds:
        reply = signed_in.client.post(
            "/licenses/preview", content=b"x=%ff&x=1", headers={"content-type": kind}
        )
        assert reply.status_code == 422


def test_a_licence_in_place_of_a_request_is_called_one(signed_in: Desk) -> None:
    issued = signed_in.client.post("/licenses", data=all_hidden(preview(signed_in).text))
    address = issued.headers["location"].partition("?")[0]
    file = signed_in.client.get(f"{address}/license.dat").text
    page = preview(signed_in, host=file)
    assert page.status_code == 422
    assert "this is a licence, not a request" in page.text


@pytest.mark.parametrize(
    "term",
    [
        {"term": "days", "days": "30"},
        {"term": "expires", "expires": "2027-12-31"},
        {"term": "perpetual"},
    ],
    ids=lambda term: term["term"],
)
@pytest.mark.parametrize("zone", ["Asia/Shanghai", "Asia/Kolkata", "UTC"])
def test_one_like_a_licence_is_as_that_was_but_for_the_host_and_leaves_it_in_force(
    signed_in: Desk, term: dict[str, str], zone: str
) -> None:
    more = {"edition": "pro", "features": "a, b", "limits": "gpus=4", "time_zone": zone}
    more |= {"maintenance_until": "2028-01-31"}
    if term["term"] != "perpetual":
        more |= {"notify_days": "20", "grace_days": "7"}
    page = preview(signed_in, **term, **more)
    issued = signed_in.client.post("/licenses", data=all_hidden(page.text))
    number = issued.headers["location"].split("/")[2].partition("?")[0]
    signed_in.clock.now += 3 * 86400
    sign_in(signed_in)
    form = signed_in.client.get("/licenses/new", params={"like": number}).text
    again = preview_form(signed_in, form, host=LINE.replace("5", "6"))
    assert again.status_code == 200, again.text
    done = signed_in.client.post("/licenses", data=all_hidden(again.text))
    other = done.headers["location"].split("/")[2].partition("?")[0]
    with signed_in.site.database.reading() as connection:
        stored = issuing.find(connection, number)
        first = issuing.claims_of(stored)
        second = issuing.claims_of(issuing.find(connection, other))
    assert (stored.state, second.replaces) == ("active", None)
    changed = {"jti", "iat", "nbf", "host"}
    kept = [{k: v for k, v in one.to_dict().items() if k not in changed} for one in (first, second)]
    assert kept[0] == kept[1]


def test_one_like_a_licence_that_is_over_is_for_as_many_days(signed_in: Desk) -> None:
    issued = signed_in.client.post("/licenses", data=all_hidden(preview(signed_in, days="7").text))
    number = issued.headers["location"].split("/")[2].partition("?")[0]
    signed_in.clock.now += 30 * 86400
    sign_in(signed_in)
    form = signed_in.client.get("/licenses/new", params={"like": number}).text
    assert 'name="days" min="1" max="36500" value="7"' in form
    assert preview_form(signed_in, form, host=LINE).status_code == 200


def preview_form(desk: Desk, form: str, **typed: str) -> Any:
    """The form sent as a browser would, with what somebody *typed* over it."""
    fields = dict(re.findall(r'<input [^>]*name="([^"]+)"[^>]* value="([^"]*)"', form))
    fields["term"] = re.findall(r'name="term" value="(\w+)" checked', form)[0]
    fields["match"] = re.findall(r'<option value="(\w+)" selected>', form)[0]
    data = {name: unescape(value) for name, value in fields.items()}
    return followed(desk, desk.client.post("/licenses/preview", data=data | typed))


@pytest.mark.parametrize("term", ["days", "perpetual"])
def test_a_date_that_is_typed_but_not_chosen_is_not_passed_over(signed_in: Desk, term: str) -> None:
    page = preview(signed_in, term=term, expires="2027-12-31", limits="gpus")
    assert page.status_code == 422
    assert faults(page.text).keys() == {"expires", "limits"}
    assert "choose “until the end of”, or clear the date" in page.text


def test_a_term_that_is_none_and_a_day_that_is_blank_are_told_at_their_field(
    signed_in: Desk,
) -> None:
    before = signed_in.count("licenses")
    shown = preview(signed_in, term="x")
    assert "none of days, expires and perpetual" in faults(shown.text)["days"]
    shown = preview(signed_in, term="expires", expires="")
    assert faults(shown.text) == {"expires": "no last day is given."}
    assert signed_in.count("licenses") == before


def test_a_number_that_is_none_is_told_with_the_numbers_that_there_are(signed_in: Desk) -> None:
    told = unescape(preview(signed_in, days="-5").text)
    assert "'-5' is not a whole number from 1 to 36500" in told


def test_a_page_takes_the_focus_only_where_something_is_to_be_mended(signed_in: Desk) -> None:
    """A browser that was typed into already complains of every autofocus on its console."""
    assert "autofocus" not in signed_in.client.get("/licenses/new").text
    assert preview(signed_in, host="x", limits="y").text.count("autofocus") == 1
    signed_in.client.cookies.clear()
    assert "autofocus" not in signed_in.client.get("/login").text


def test_who_did_what_is_said_in_words(signed_in: Desk) -> None:
    issued = signed_in.client.post("/licenses", data=all_hidden(preview(signed_in).text))
    shown = signed_in.client.get(issued.headers["location"]).text
    assert re.search(rf"<strong>Issued</strong>.*?</time> · {re.escape(EMAIL)}", shown, re.DOTALL)
    assert "user:" not in shown
    assert "license.issued" not in shown

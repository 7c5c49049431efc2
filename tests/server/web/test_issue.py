"""The order form: what may be pasted, what is required, which errors it shows."""

from html import unescape

import pytest

from license_core.keyset import TrustedKeyset
from license_core.request import LicenseRequest
from license_core.verify import open_license
from tests.support import server
from tests.support.api import issue
from tests.support.desk import Desk, unique
from tests.support.desk_forms import add_customer
from tests.support.desk_user import DeskUser
from tests.support.pages import (
    WHOLE,
    all_hidden,
    choices,
    faults,
    form,
    preview,
    request_text,
)
from tests.support.server import KEY, LINE


def test_pasted_host_key_line_becomes_a_valid_licence(signed_in: Desk) -> None:
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
def test_pasted_host_key_line_survives_mail_and_chat(signed_in: Desk, text: str) -> None:
    page = preview(signed_in, host=text).text
    assert "Review before issuing" in page
    assert KEY in page
    assert "studio2_gpu" in page


def test_keyset_that_has_ended_issues_nothing_and_is_told(signed_in: Desk) -> None:
    state, clock = signed_in.client.app.state.server, signed_in.clock  # type: ignore[attr-defined]
    site, before = state.site, signed_in.count("licenses")
    ended = site.issuer.keyset.keyset._replace(exp=clock.now + 1)
    pages = [all_hidden(preview(signed_in).text) for _ in range(2)]
    state.site = site._replace(issuer=site.issuer._replace(keyset=TrustedKeyset(ended)))
    try:
        made = signed_in.client.post("/licenses", data=pages[0])
        assert made.status_code == 303
        assert issue(signed_in).status_code == 201
        clock.now += 1
        refused = signed_in.client.post("/licenses", data=pages[1])
        over_api = issue(signed_in)
        chinese = signed_in.client.post(
            "/licenses", data=pages[1], headers={"Accept-Language": "zh"}
        )
    finally:
        state.site = site
    assert (refused.status_code, over_api.status_code) == (503, 503)
    told = f"keyset {ended.version} ended at"
    assert told in refused.text
    assert "license-server check" in refused.text
    assert told in over_api.json()["detail"]
    assert over_api.json()["type"] == "/problems/signing-over"
    assert f"第 {ended.version} 版密钥集已于" in chinese.text
    assert signed_in.count("licenses") == before + 2
    file = signed_in.client.get(f"{made.headers['location'].partition('?')[0]}/license.dat")
    assert open_license(file.content, roots=server.roots(signed_in.settings.data))


def test_preview_issues_nothing(signed_in: Desk) -> None:
    before = signed_in.count("licenses")
    preview(signed_in)
    assert signed_in.count("licenses") == before


def test_second_click_issues_no_second_licence(signed_in: Desk) -> None:
    fields = all_hidden(preview(signed_in).text)
    before = signed_in.count("licenses")
    first = signed_in.client.post("/licenses", data=fields)
    again = signed_in.client.post("/licenses", data=fields)
    assert first.headers["location"] == again.headers["location"]
    assert signed_in.count("licenses") == before + 1


def test_wrong_order_is_shown_again_with_escaped_input(signed_in: Desk) -> None:
    reply = preview(signed_in, host="<b>hello</b>", customer='"><script>alert(1)</script>')
    assert reply.status_code == 422
    assert "No host key found" in reply.text
    assert "<script>" not in reply.text
    assert "&lt;b&gt;hello&lt;/b&gt;" in reply.text


def test_order_form_reports_all_errors_at_once(signed_in: Desk) -> None:
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


def test_blank_customer_or_product_comes_from_the_request_or_is_required(signed_in: Desk) -> None:
    named = LicenseRequest(KEY, "x", customer="Named GmbH", product="darwin").to_text()
    assert "Named GmbH" in preview(signed_in, host=named, customer="", product="").text
    page = preview(signed_in, customer="", product="").text
    assert faults(page) == {
        "customer": "the request names no customer; enter it here.",
        "product": "the request names no product; enter it here.",
    }
    # Where the text cannot be read, nobody knows what it names.
    assert faults(preview(signed_in, host="hello", customer="").text).keys() == {"host"}


def test_unknown_licence_to_replace_does_not_hide_other_errors(signed_in: Desk) -> None:
    page = preview(signed_in, replaces="HS-2026-ZZZZZZZZ", limits="x").text
    assert {"limits"} <= faults(page).keys() <= {"limits", "replaces"}


def test_markup_in_a_customer_name_is_escaped_everywhere(signed_in: Desk) -> None:
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


def test_preview_shows_what_each_binding_tolerates(signed_in: Desk) -> None:
    page = preview(signed_in, host=request_text(*WHOLE), match="anchored").text
    assert choices(page) == {
        "hostname": ["tagged", "invalid", "valid, with a warning"],
        "IP address": ["tagged", "invalid", "valid, with a warning"],
        "machine": ["tagged", "invalid", "invalid"],
        "container": ["tagged", "invalid", "invalid"],
    }
    assert "anchored (selected)" in page


def test_preview_shows_that_hk1_host_survives_recreation(signed_in: Desk) -> None:
    text = request_text(*WHOLE[:3], profile="hk1-host")
    found = choices(preview(signed_in, host=text).text)
    assert found["container"] == ["not used (hk1-host)", "valid", "valid"]
    assert found["machine"] == ["tagged", "invalid", "invalid"]


def test_preview_explains_why_a_host_key_line_cannot_be_anchored(signed_in: Desk) -> None:
    page = preview(signed_in).text
    assert choices(page)["IP address"] == ["none", "invalid", "not possible"]
    assert page.count("has no host tags") == 1
    assert "python cmd/cli.py request" in page
    refused = preview(signed_in, match="anchored")
    assert (refused.status_code, "Only the host key of" in refused.text) == (409, True)


def test_preview_explains_that_anchoring_a_copyable_container_is_useless(
    signed_in: Desk,
) -> None:
    page = preview(signed_in, host=request_text("machine_id")).text
    assert choices(page)["IP address"] == ["none", "invalid", "invalid"]
    assert "nothing outside its image identifies this container" in page


def test_preview_names_an_existing_licence_of_the_host(signed_in: Desk) -> None:
    first = signed_in.client.post("/licenses", data=all_hidden(preview(signed_in).text))
    number = first.headers["location"].split("/")[2].partition("?")[0]
    assert number in preview(signed_in).text


def test_pasted_licence_is_recognised_as_not_a_request(signed_in: Desk) -> None:
    issued = signed_in.client.post("/licenses", data=all_hidden(preview(signed_in).text))
    address = issued.headers["location"].partition("?")[0]
    file = signed_in.client.get(f"{address}/license.dat").text
    page = preview(signed_in, host=file)
    assert page.status_code == 422
    assert "this is a licence, not a request" in page.text


@pytest.mark.parametrize("term", ["days", "perpetual"])
def test_date_without_its_term_option_is_rejected(signed_in: Desk, term: str) -> None:
    page = preview(signed_in, term=term, expires="2095-12-31", limits="gpus")
    assert page.status_code == 422
    assert faults(page.text).keys() == {"expires", "limits"}
    assert "choose “until the end of”, or clear the date" in page.text


def test_invalid_term_and_blank_date_are_reported_at_their_fields(
    signed_in: Desk,
) -> None:
    before = signed_in.count("licenses")
    shown = preview(signed_in, term="x")
    assert "not one of days, expires and perpetual" in faults(shown.text)["days"]
    shown = preview(signed_in, term="expires", expires="")
    assert faults(shown.text) == {"expires": "the last day is missing."}
    assert signed_in.count("licenses") == before


def test_invalid_number_is_reported_with_the_allowed_range(signed_in: Desk) -> None:
    told = unescape(preview(signed_in, days="five").text)
    assert "'five' is not a whole number from 1 to 36500" in told
    assert faults(preview(signed_in, days="-5").text)["days"] == "-5 is not between 1 and 36500."


def test_who_types_a_last_day_has_chosen_it(signed_in: Desk) -> None:
    typed = {"term": "days", "days": "", "expires": "2096/2/1", "time_zone": "asia/shanghai"}
    assert "at the end of 2096-02-01 (Asia/Shanghai)" in preview(signed_in, **typed).text
    both = preview(signed_in, **typed | {"days": "9"})
    assert "a last day is given but not chosen" in faults(both.text)["expires"]


def test_form_takes_the_focus_only_when_a_field_is_wrong(signed_in: Desk) -> None:
    """A browser that was typed into already complains of every autofocus on its console."""
    assert "autofocus" not in signed_in.client.get("/licenses/new").text
    assert preview(signed_in, host="x", limits="y").text.count("autofocus") == 1
    signed_in.client.cookies.clear()
    assert "autofocus" not in signed_in.client.get("/login").text


def test_archived_customer_is_told_above_the_form_as_it_was_typed(admin: DeskUser) -> None:
    name = unique(admin.desk, "Archived")
    path = add_customer(admin, name)
    assert admin.send(admin.get(path).text, f"{path}/archive").status_code == 303
    typed = {"host": LINE, "customer": name, "product": "darwin", "reason": "a long story"}
    shown = admin.get("/licenses/new").text
    reply = admin.send(shown, "/licenses/preview", **typed)
    assert reply.status_code == 409
    assert f"The customer {name} is archived" in reply.text
    again = form(reply.text, "/licenses/preview")
    assert {field: again[field].strip() for field in typed} == typed

"""The request details that the order form shows for a pasted text."""

import pytest

from license_core.request import LicenseRequest
from tests.support.desk import Desk, unique
from tests.support.issue_form import DEFAULTS, issued, new_product, other_line, reading
from tests.support.pages import preview
from tests.support.server import KEY, LINE

MARK = "\u202e"
MARKUP = '"><script>alert(1)</script>'


def test_request_details_show_host_key_and_existing_licences(signed_in: Desk) -> None:
    line, name = other_line(signed_in), unique(signed_in, "Reader")
    license_ = issued(signed_in, preview(signed_in, host=line, customer=name).text)
    shown = reading(signed_in, host=f"> {line}\r\n-- \r\nmail", customer=name).text
    assert f"{signed_in.clock.now:040x}" in shown
    assert "none (host key line)" in shown
    assert shown.count(f'href="/licenses/{license_.jti}"') >= 2  # of the host, of the customer
    assert "<html" not in shown


def test_request_details_suggest_similar_customers(signed_in: Desk) -> None:
    name = unique(signed_in, "Zeta") + " Werke"
    issued(signed_in, preview(signed_in, customer=name).text)
    shown = reading(signed_in, host=LINE, customer=name[:-3]).text
    assert f'<option value="{name}">' in shown
    assert "Similar names" in shown


def test_request_details_include_a_preview_once_possible(signed_in: Desk) -> None:
    assert "Licence preview" not in reading(signed_in, host=LINE).text
    product = new_product(signed_in, defaults=DEFAULTS | {"match": "exact"})
    shown = reading(signed_in, host=LINE, customer="ACME", product=product).text
    assert "Licence preview" in shown
    assert '<data data-standard="days" value="90">' in shown
    assert '<data data-standard="limits" value="gpus=4">' in shown


@pytest.mark.parametrize(
    "text", ["", "   ", "hello", LINE[:30], f"{LINE} {LINE.replace('5', '6')}"]
)
def test_unreadable_text_gives_a_warning_and_no_error(signed_in: Desk, text: str) -> None:
    shown = reading(signed_in, host=text)
    assert shown.status_code == 200
    assert ("told warn" in shown.text) is bool(text.strip())


def test_request_details_issue_nothing_and_require_the_form_token(signed_in: Desk) -> None:
    before = signed_in.count("licenses"), signed_in.count("customers")
    name = unique(signed_in, "Nobody")
    reading(signed_in, host=LINE, customer=name, product="darwin")
    assert (signed_in.count("licenses"), signed_in.count("customers")) == before
    reply = signed_in.client.post("/licenses/reading", data={"host": LINE, "form_token": "x"})
    assert reply.status_code == 403


@pytest.mark.parametrize(
    "text",
    [
        MARKUP,
        f"a{MARK}b",
        "x" * 10_000,
        "a\0b",
        "\U0001f600",
        "=1+1",
    ],
    ids=["markup", "mark", "long", "nul", "symbol", "formula"],
)
@pytest.mark.parametrize("name", ["host", "customer", "product", "edition", "features", "limits"])
def test_hostile_text_in_the_order_form_is_escaped(signed_in: Desk, name: str, text: str) -> None:
    for shown in (
        reading(signed_in, **{"host": LINE, "customer": "ACME", "product": "p", name: text}),
        preview(signed_in, **{name: text}),
    ):
        assert shown.status_code in (200, 422)
        assert "<script>" not in shown.text
        assert len(shown.content) < 100_000


def test_hostile_text_in_a_request_is_escaped(signed_in: Desk) -> None:
    text = LicenseRequest(
        KEY, f"h{MARK}", customer=MARKUP, product=f"p{MARK}", replaces=MARKUP
    ).to_text()
    shown = reading(signed_in, host=text).text
    assert "<script>" not in shown
    assert MARK not in shown
    assert "\\u202e" in shown


def test_pasted_mail_of_10_000_characters_gives_a_page_under_100_kb(signed_in: Desk) -> None:
    text = f"{'上海' * 5000}\n{LINE}\n"
    shown = preview(signed_in, host=text)
    assert shown.status_code == 200
    assert len(shown.content) < 100_000

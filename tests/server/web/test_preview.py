"""The preview of an order: what it shows is what is issued."""

import re
from typing import Any

import pytest

from license_server.catalog import catalog_store, products
from tests.support.desk import Desk, stored, unique
from tests.support.issue_form import (
    BLANK,
    DEFAULTS,
    issued,
    new_product,
    other_line,
    press,
    token_of,
)
from tests.support.letters import letter_about
from tests.support.pages import FORM, WHOLE, all_hidden, faults, followed, preview, request_text


def test_blank_fields_use_the_product_defaults(signed_in: Desk) -> None:
    product = new_product(signed_in, defaults=DEFAULTS)
    page = preview(signed_in, host=request_text(*WHOLE), product=product, **BLANK).text
    license_ = issued(signed_in, page)
    assert license_.host.match == "anchored"
    assert (license_.edition, license_.features, license_.limits) == (
        "pro",
        ("export", "train"),
        {"gpus": 4},
    )
    assert license_.exp - license_.iat <= 91 * 86400
    assert license_.exp - license_.notify_from == 20 * 86400
    assert license_.grace_until - license_.exp == 5 * 86400


def test_entered_values_override_the_product_defaults(signed_in: Desk) -> None:
    product = new_product(signed_in, defaults=DEFAULTS)
    typed = {"edition": "small", "limits": "seats=2", "match": "exact", "term": "perpetual"}
    license_ = issued(signed_in, preview(signed_in, product=product, days="", **typed).text)
    assert (license_.edition, license_.limits, license_.exp) == ("small", {"seats": 2}, None)
    assert license_.host.match == "exact"


def test_term_defaults_to_one_year(signed_in: Desk) -> None:
    page = preview(signed_in, product=unique(signed_in, "new"), **BLANK).text
    license_ = issued(signed_in, page)
    assert 365 * 86400 < license_.exp - license_.iat <= 366 * 86400


def test_issued_licence_keeps_the_previewed_date_across_midnight(
    signed_in: Desk,
) -> None:
    product = new_product(signed_in, defaults=DEFAULTS)
    page = preview(signed_in, host=request_text(*WHOLE), product=product, **BLANK).text
    promised = re.search(r"at the end of ([0-9-]{10}) \(UTC\)", page)
    assert promised
    signed_in.clock.now += 11 * 3600  # a day ends in between
    license_ = issued(signed_in, page)
    letter = letter_about(signed_in, license_.jti)
    assert promised[1] in letter.text
    assert (license_.edition, license_.host.match) == ("pro", "anchored")


@pytest.mark.parametrize("rule", [{"defaults": '{"features":["all"]}'}, {"needs_approval": True}])
def test_changed_product_rules_require_another_preview(
    signed_in: Desk, rule: dict[str, Any]
) -> None:
    product = new_product(signed_in)
    page = preview(signed_in, product=product, customer=" A  B ").text
    signed_in.site.database.write(
        lambda c: catalog_store.change_product(c, products.find(c, product).id, **rule)
    )
    before = signed_in.count("licenses"), signed_in.count("proposals")
    again = press(signed_in, page)
    assert (again.status_code, f"The product {product} has changed" in again.text) == (412, True)
    assert (signed_in.count("licenses"), signed_in.count("proposals")) == before
    assert ("Submit proposal" in again.text) is ("needs_approval" in rule)
    assert press(signed_in, again.text).status_code == 303
    assert (signed_in.count("licenses"), signed_in.count("proposals")) != before


def test_second_click_gets_the_first_reply_despite_changed_rules(
    signed_in: Desk,
) -> None:
    product = unique(signed_in, "first")  # which the first click adds
    page = preview(signed_in, product=product).text
    first = press(signed_in, page)
    signed_in.site.database.write(
        lambda c: catalog_store.change_product(c, products.find(c, product).id, rehosts=1)
    )
    assert press(signed_in, page).headers["location"] == first.headers["location"]


def test_going_back_shows_typed_values_and_defaults_as_placeholders(
    signed_in: Desk,
) -> None:
    product = new_product(signed_in, defaults=DEFAULTS)
    text = request_text(*WHOLE)
    page = preview(signed_in, host=text, product=product, customer=" A  B ", **BLANK).text
    back = re.search(r'href="(/licenses/new\?draft=[^"]+)"', page)
    assert back
    form = signed_in.client.get(back[1]).text
    assert re.search(r'name="days" min="1" max="36500" value="" placeholder="90"', form)
    assert re.search(r'name="edition" value="" placeholder="pro"', form)
    assert 'value="days" checked' in form
    assert 'name="customer" value=" A  B "' in form


def test_preview_sent_again_keeps_the_same_fields(signed_in: Desk) -> None:
    shown = preview(signed_in, host=other_line(signed_in))
    fields = all_hidden(shown.text)
    reply = signed_in.client.post("/licenses/preview", data=fields)
    assert all_hidden(followed(signed_in, reply).text).keys() == fields.keys()


def test_preview_has_its_own_url_and_later_shows_the_result(signed_in: Desk) -> None:
    """It can be loaded again and come back to: before the licence is issued, and after."""
    data = FORM | {"host": other_line(signed_in)} | token_of(signed_in)
    sent = signed_in.client.post("/licenses/preview", data=data)
    assert sent.status_code == 303
    address = sent.headers["location"]
    pages = [signed_in.client.get(address).text for _ in range(2)]
    assert all_hidden(pages[0]) == all_hidden(pages[1])
    done = signed_in.client.post("/licenses", data=all_hidden(pages[0]))
    before = signed_in.count("licenses")
    back = signed_in.client.get(address)
    assert back.status_code == 200
    assert f'href="{done.headers["location"]}"' in back.text
    assert 'id="issue"' not in back.text
    assert signed_in.count("licenses") == before
    assert signed_in.client.get("/licenses/preview/nothing").status_code == 404


def test_preview_offers_to_replace_the_hosts_licence(signed_in: Desk) -> None:
    line, product = other_line(signed_in), unique(signed_in, "once")
    first = issued(signed_in, preview(signed_in, host=line, product=product).text)
    page = preview(signed_in, host=line, product=product).text
    assert f'name="replaces" value="{first.jti}"' in page
    again = followed(
        signed_in,
        signed_in.client.post("/licenses/preview", data=all_hidden(page) | {"replaces": first.jti}),
    ).text
    assert f"Replace {first.jti}" not in again
    second = issued(signed_in, again)
    assert second.replaces == first.jti
    assert stored(signed_in, first.jti).replaced_by == second.jti


def test_licence_replaced_meanwhile_is_reported_at_its_field(signed_in: Desk) -> None:
    line, product = other_line(signed_in), unique(signed_in, "twice")
    first = issued(signed_in, preview(signed_in, host=line, product=product).text)
    page = preview(signed_in, host=line, product=product, replaces=first.jti).text
    other = preview(signed_in, host=line, product=product, replaces=first.jti).text
    issued(signed_in, page)
    late = press(signed_in, other)
    assert late.status_code == 409
    assert faults(late.text).keys() == {"replaces"}


def test_order_against_product_rules_has_no_issue_button(signed_in: Desk) -> None:
    product = new_product(signed_in, longest_days=10)
    page = preview(signed_in, product=product, days="30").text
    assert "10-day limit" in page
    assert "Issue licence" not in page
    refused = press(signed_in, page)
    assert refused.status_code == 409
    assert faults(refused.text).keys() == {"days"}


def test_product_that_needs_approval_leads_to_a_proposal(
    signed_in: Desk,
) -> None:
    product = new_product(signed_in, needs_approval=True)
    page = preview(signed_in, product=product).text
    assert "Submit proposal" in page
    before = signed_in.count("licenses")
    assert re.fullmatch(r"/proposals/\d+\?made=1", press(signed_in, page).headers["location"])
    assert signed_in.count("licenses") == before

"""The order form filled in from a licence, a link or a request."""

import pytest

from license_core.request import LicenseRequest
from license_server.licenses import issuing
from tests.support.desk import Desk
from tests.support.issue_form import BLANK, issued, new_product
from tests.support.pages import all_hidden, preview, preview_form, sign_in
from tests.support.server import KEY, LINE


@pytest.mark.parametrize(
    "term",
    [
        {"term": "days", "days": "30"},
        {"term": "expires", "expires": "2095-12-31"},
        {"term": "perpetual"},
    ],
    ids=lambda term: term["term"],
)
@pytest.mark.parametrize("zone", ["Asia/Shanghai", "Asia/Kolkata", "UTC"])
def test_similar_licence_copies_all_but_the_host_and_replaces_nothing(
    signed_in: Desk, term: dict[str, str], zone: str
) -> None:
    more = {"edition": "pro", "features": "a, b", "limits": "gpus=4", "time_zone": zone}
    more |= {"maintenance_until": "2096-01-31"}
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


def test_licence_similar_to_an_expired_one_has_the_same_number_of_days(signed_in: Desk) -> None:
    issued = signed_in.client.post("/licenses", data=all_hidden(preview(signed_in, days="7").text))
    number = issued.headers["location"].split("/")[2].partition("?")[0]
    signed_in.clock.now += 30 * 86400
    sign_in(signed_in)
    form = signed_in.client.get("/licenses/new", params={"like": number}).text
    assert 'name="days" min="1" max="36500" value="7"' in form
    assert preview_form(signed_in, form, host=LINE).status_code == 200


def test_order_form_is_prefilled_from_its_link(signed_in: Desk) -> None:
    product = new_product(signed_in)
    given = {"customer": "A & B", "product": product}
    form = signed_in.client.get("/licenses/new", params=given).text
    assert 'name="customer" value="A &amp; B"' in form
    assert f'name="product" value="{product}"' in form


def test_complete_request_needs_no_further_input(signed_in: Desk) -> None:
    product = new_product(signed_in)
    text = LicenseRequest(KEY, "x", customer="Named GmbH", product=product).to_text()
    page = preview(signed_in, host=text, customer="", product="", **BLANK).text
    assert page.count("(from the request)") == 2
    assert issued(signed_in, page).sub == "Named GmbH"

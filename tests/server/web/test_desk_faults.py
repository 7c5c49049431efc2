"""Forms at the desk report every error at its field and parse an order once."""

import re
from collections import Counter
from collections.abc import Callable
from itertools import combinations
from typing import Any

import pytest

from license_core import request
from license_server.licenses import orders
from tests.support.desk import Desk
from tests.support.desk_user import DeskUser
from tests.support.pages import all_hidden, faults, form, preview, request_text, sign_in
from tests.support.postgres import on_sqlite
from tests.support.server import LINE
from tests.support.wrong_values import LINES, TYPED

OTHER_LINE = LINE.replace("5591", "6602")
TYPED_ACTS: dict[str, dict[str, tuple[str, ...]]] = {
    "renew": {
        name: TYPED[name]
        for name in ("days", "expires", "time_zone", "notify_days", "grace_days", "reason")
    }
    | {"continue_from": ("start",)},
    "rehost": {"host": ("hello", LINES, ""), "match": ("loose",), "reason": ("", "r" * 1001)},
    "change": {
        name: TYPED[name]
        for name in (
            *("limits", "features", "edition", "match", "notify_days", "grace_days"),
            *("maintenance_until", "reason"),
        )
    },
}
RIGHT = {"renew": {}, "rehost": {"host": OTHER_LINE, "reason": "moved"}, "change": {}}


@pytest.fixture
def signed_in(desk: Desk) -> Desk:
    assert sign_in(desk).status_code == 303
    return desk


def alone_and_in_pairs(wrong: dict[str, tuple[str, ...]], language: str) -> list[dict[str, str]]:
    """Pairs in one language: what is said of a field has its translation wherever it stands."""
    alone = [{name: text} for name, texts in wrong.items() for text in texts]
    if language != "en":
        return alone
    return alone + [
        {first: wrong[first][0], second: wrong[second][-1]}
        for first, second in combinations(wrong, 2)
    ]


def term_of(typed: dict[str, str]) -> dict[str, str]:
    return {"term": "expires" if "expires" in typed and "days" not in typed else "days"}


def is_chinese(text: str) -> bool:
    return bool(re.search("[\u4e00-\u9fff]", text))


@on_sqlite
@pytest.mark.parametrize("language", ["en", "zh"])
def test_order_form_marks_each_error_at_its_field_and_keeps_input(
    signed_in: Desk, language: str
) -> None:
    signed_in.client.cookies.set("hostseal_language", language)
    for typed in alone_and_in_pairs(TYPED, language):
        page = preview(signed_in, **typed, **term_of(typed)).text
        told = faults(page)
        assert told.keys() == typed.keys(), typed
        assert {is_chinese(text) for text in told.values()} == {language == "zh"}, told
        kept = form(page, "/licenses/preview")
        offered = typed.keys() - {"match"}  # of that one of a list is chosen
        assert {name: kept[name] for name in offered} == {name: typed[name] for name in offered}


@on_sqlite
@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("act", TYPED_ACTS)
def test_action_forms_mark_each_error_at_its_field_and_keep_input(
    desk: Desk, act: str, language: str
) -> None:
    issuer = DeskUser(desk, "issuer")
    desk.client.cookies.set("hostseal_language", language)
    path = f"/licenses/{issued(issuer)}/{act}"
    first = form(issuer.get(path).text, path)
    for typed in alone_and_in_pairs(TYPED_ACTS[act], language):
        sent = first | RIGHT[act] | typed | term_of(typed) | {"step": "look"}
        page = issuer.post(path, **sent).text
        told = faults(page)
        assert told.keys() == typed.keys(), typed
        assert {is_chinese(text) for text in told.values()} == {language == "zh"}, told
        kept = form(page, path)
        offered = typed.keys() - {"match", "continue_from"}  # of these one of a list is chosen
        assert {name: kept[name] for name in offered} == {name: typed[name] for name in offered}


def issued(page: DeskUser, **fields: str) -> str:
    """The number of a licence that somebody issued at the desk."""
    reply = send_preview(page, **fields)
    done = page.post("/licenses", **all_hidden(page.get(reply.headers["location"]).text))
    return str(done.headers["location"]).split("/")[2].partition("?")[0]


def send_preview(page: DeskUser, **fields: str) -> Any:
    order = {"customer": "ACME", "product": "darwin", "host": LINE, "days": "30", "term": "days"}
    return page.post("/licenses/preview", **order | fields)


def test_unreadable_request_does_not_ask_for_customer_or_product(signed_in: Desk) -> None:
    page = preview(signed_in, host="hello", customer="", product="", limits="gpus").text
    assert faults(page).keys() == {"host", "limits"}
    page = preview(signed_in, host="", customer="", product="", limits="gpus").text
    assert faults(page).keys() == {"host", "customer", "product", "limits"}


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often an operator's text and an order were parsed."""
    count: Counter[str] = Counter()

    def counted(name: str, parse: Callable[..., Any]) -> Callable[..., Any]:
        def call(*given: Any) -> Any:
            count[name] += 1
            return parse(*given)

        return call

    for module, name in (
        (request, "parse"),
        (orders, "parse_order"),
        (orders, "parse_replacing"),
    ):
        monkeypatch.setattr(module, name, counted(name, getattr(module, name)))
    return count


def test_each_request_of_the_order_form_parses_the_order_once(
    desk: Desk, parsed: Counter[str]
) -> None:
    issuer = DeskUser(desk, "issuer")
    once = {"parse": 1, "parse_order": 1}
    text = request_text("hostname", "ip", "machine_id", "container_id")
    order = {"host": text, "customer": "ACME", "product": "darwin", "days": "30"}

    def parses() -> dict[str, int]:
        counted = dict(parsed)
        parsed.clear()
        return counted

    issuer.post("/licenses/reading", **order)
    assert parses() == once
    looked = send_preview(issuer, **order)
    assert parses() == once
    page = issuer.get(looked.headers["location"]).text
    assert parses() == once
    assert issuer.post("/licenses", **all_hidden(page)).status_code == 303
    assert parses() == once
    assert send_preview(issuer, **order | {"limits": "x", "edition": "-"}).status_code == 422
    assert parses() == once


def test_each_request_of_an_action_form_parses_it_once(desk: Desk, parsed: Counter[str]) -> None:
    issuer = DeskUser(desk, "issuer")
    path = f"/licenses/{issued(issuer)}/rehost"
    sent = form(issuer.get(path).text, path) | {"host": OTHER_LINE, "reason": "moved"}
    once = {"parse": 1, "parse_replacing": 1}
    for typed, status in (({}, 303), ({"match": "loose", "reason": ""}, 422)):
        parsed.clear()
        looked = issuer.post(path, **sent | typed | {"step": "look"})
        assert (looked.status_code, dict(parsed)) == (status, once)
    looked = issuer.post(path, **sent | {"step": "look"})
    parsed.clear()
    page = issuer.get(looked.headers["location"]).text
    assert dict(parsed) == once
    parsed.clear()
    done = issuer.post(path, **all_hidden(page) | {"step": "do"})
    assert (done.status_code, dict(parsed)) == (303, once)


def test_import_preview_reports_every_error_of_a_row(desk: Desk) -> None:
    issuer = DeskUser(desk, "issuer")
    sheet = "customer,product,host,days,match\nACME,a b,hello,0,loose\n"
    looked = issuer.post("/sheets", sheet=sheet)
    page = issuer.get(looked.headers["location"]).text
    columns = re.findall(r'<td data-label="Column"><code>(\w+)</code>', page)
    assert columns == ["product", "days", "match", "host"]
    assert re.findall(r'class="number">(\d+)</td>', page) == ["2"] * 4
    result = issuer.get(f"{looked.headers['location']}/result.csv").text
    (line,) = result.splitlines()[1:]
    for said in ("product", "0 is not between", "'loose' is not one of", "40 hexadecimal digits"):
        assert said in line

"""Saved views of the lists: kept, renamed, deleted, and refused with a sentence."""

import re
from html import unescape
from typing import Any
from urllib.parse import parse_qsl

import pytest

from license_server.web import menu, view_store, views
from tests.support.desk import Desk, unique
from tests.support.desk_user import DeskUser
from tests.support.pages import faults, form

PLACE = "/views"
LISTS = {
    "/licenses": {"state": "valid", "sort": "expires_at", "columns": "customer"},
    "/customers": {"archived": "1", "sort": "-name"},
    "/products": {"archived": "1", "columns": "title"},
    "/proposals": {"state": "all", "sort": "product"},
    "/requests": {"state": "all", "sort": "customer"},
    "/record": {"actor": "nobody@example.com", "columns": "action"},
    "/people": {"columns": "role", "sort": "role"},
    "/tokens": {"revoked": "1", "columns": "scopes"},
}
"""Each list, and a way to see it."""


def keep(user: DeskUser, name: str, room: str = "/licenses", **shown: str) -> Any:
    """Save the list as *shown* under a name."""
    page = user.get(room, **shown).text
    if f'action="{PLACE}"' not in page:  # it finds nothing
        page = user.get(unescape(re.search(rf'href="({PLACE}[^"]+)"', page)[1])).text  # type: ignore[index]
    fields = form(page, PLACE)
    return user.post(PLACE, **fields | {"name": name, "step": "keep"})


def named(user: DeskUser, room: str = "/licenses", **shown: str) -> dict[str, str]:
    """The views that a list offers: name and address."""
    page = user.get(room, **shown).text
    bar = re.search(r'<nav class="choices" aria-label="Saved views">(.*?)</nav>', page, re.DOTALL)
    found = re.findall(r'href="([^"]*)"[^>]*>([^<>]+)</a>', bar[1]) if bar else []
    return {name: unescape(address) for address, name in found}


@pytest.fixture
def person(desk: Desk, issuer: DeskUser) -> DeskUser:
    """Somebody who sees a licence, and keeps no view yet."""
    issuer.issue(product=unique(desk, "seen"))
    return issuer


def test_view_keeps_filters_columns_and_order_for_one_person(desk: Desk, person: DeskUser) -> None:
    kept = keep(person, "Ends next", state="valid", sort="expires_at", columns="customer")
    assert kept.headers["location"] == "/licenses?state=valid&columns=customer&sort=expires_at"
    page = person.get(kept.headers["location"]).text
    assert re.search(r'<a href="/licenses[^"]*" aria-current="true">Ends next</a>', page)
    assert named(DeskUser(desk, "issuer", "another")) == {}


def test_every_list_has_views(desk: Desk) -> None:
    """Each its own, also where it finds nothing."""
    assert LISTS.keys() == views.FILTERS.keys() <= {room.path for room in menu.ROOMS}
    admin = DeskUser(desk, "administrator", unique(desk, "views"))
    for room, shown in LISTS.items():
        kept = keep(admin, f"my {room}", room, **shown)
        assert kept.status_code == 303, kept.text
        assert named(admin, room, **shown) == {f"my {room}": kept.headers["location"]}
        assert dict(parse_qsl(kept.headers["location"].partition("?")[2])) == shown


def test_lists_that_may_not_be_seen_have_no_views(desk: Desk) -> None:
    reader = DeskUser(desk, "reader")
    assert reader.get(f"{PLACE}?room=/people").status_code == 403
    assert reader.post(PLACE, room="/people", name="x", step="keep").status_code == 403
    assert reader.get(f"{PLACE}?room=/nowhere").status_code == 404


def test_view_is_renamed_and_deleted(person: DeskUser) -> None:
    keep(person, "one", state="valid")
    keep(person, "two", state="expired")
    room = {"room": "/licenses"}
    person.post(PLACE, step="rename", view="one", new_name="First", **room)
    assert named(person).keys() == {"First", "two"}
    assert named(person)["First"] == "/licenses?state=valid"
    taken = person.post(
        PLACE, step="rename", view="First", new_name="two", query="state=valid", **room
    )
    assert faults(taken.text) == {"new_name": "there is a view of this name already."}
    assert taken.status_code == 422
    person.post(PLACE, step="forget", view="First", **room)
    assert named(person).keys() == {"two"}
    missing = person.post(PLACE, step="rename", view="First", new_name="x", **room)
    assert missing.status_code == 404


def test_one_view_too_many_is_refused_with_a_sentence(
    person: DeskUser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("license_server.web.views.MOST", 2)
    for name in ("a", "b"):
        assert keep(person, name).status_code == 303
    refused = keep(person, "c", state="valid")
    assert refused.status_code == 422
    assert "you have 2 views" in faults(refused.text)["name"]
    assert 'value="c"' in refused.text
    assert 'href="/licenses?state=valid"' in refused.text
    assert keep(person, "c", "/customers").status_code == 303  # of another list
    assert keep(person, "b", state="valid").status_code == 303  # one that there is, is replaced
    assert named(person).keys() == {"a", "b"}


@pytest.mark.parametrize("name", ["", "  ", "n" * 61])
def test_name_of_a_view_is_neither_empty_nor_cut(person: DeskUser, name: str) -> None:
    reply = keep(person, name)
    assert (reply.status_code, [*faults(reply.text)]) == (422, ["name"])
    assert named(person) == {}


def test_most_views_are_all_listed(person: DeskUser) -> None:
    for number in range(view_store.MOST):
        assert keep(person, f"v{number:02}").status_code == 303
    assert len(named(person)) == view_store.MOST
    assert keep(person, "another").status_code == 422

"""How many statements each page takes: as many as it says, whatever is in the ledger."""

import re
from collections.abc import Iterator, Mapping
from urllib.parse import urlencode

import pytest

from tests.support.desk import Desk
from tests.support.fresh_desk import fresh
from tests.support.pages import all_hidden, preview
from tests.support.sql import of_requests

LISTS = {
    "": 5,
    "state=active": 6,
    "state=suspended": 6,
    "state=grace": 7,
    "expires_from=2026-12-01&expires_until=2026-12-31": 6,
    "product=darwin": 6,
    "product=darwin&state=suspended": 8,
}
"""Whose session it is, views and products to choose from, how many there are, and the rows; a name
is looked up, an index is asked whether it tells few, and licences are looked through."""
SEARCHES = ("no such thing", "studio", "studio2", "HS-", "5591", "a", "studio 2 gpu", "zz 12345678")
MOST_OF_A_SEARCH, MOST_OF_FINDING = 10, 12
"""What each word is in, which way tells few, and what that tells: each is asked because of what
was told before."""
MOST_OF_A_LICENCE, MOST_OF_A_CUSTOMER = 6, 15
"""A customer has totals, what ends next, contracts, licences, events, people and former names."""
PAGES = {
    "/customers": 5,
    "/customers?q=tics": 7,
    "/products": 4,
    "/proposals": 4,
    "/requests": 8,
    "/licenses/new": 4,
    "/overview": 9,
}


@pytest.fixture(scope="module")
def furnished(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A desk of its own with one licence, so that there is something to be listed."""
    with fresh(tmp_path_factory.mktemp("statements")) as desk:
        desk.client.post("/licenses", data=all_hidden(preview(desk).text))
        yield desk


def _too_many(desk: Desk, most: Mapping[str, int]) -> dict[str, list[str]]:
    """The addresses that take more statements than they may, with these."""
    found = {}
    for address, least in most.items():
        with of_requests(desk.site.database.engine) as said:
            assert desk.client.get(address).status_code == 200
        assert said
        if len(said) > least:
            found[address] = [str(len(said)), *said]
    return found


def test_lists_take_few_statements(furnished: Desk) -> None:
    most = {f"/licenses?{query}": count for query, count in LISTS.items()}
    assert not _too_many(furnished, most)


def test_searches_take_few_statements(furnished: Desk) -> None:
    typed = [urlencode({"q": text}) for text in SEARCHES]
    most = {f"/licenses?{one}": MOST_OF_A_SEARCH for one in typed}
    most |= {f"/find?{one}": MOST_OF_FINDING for one in typed}
    assert not _too_many(furnished, most)


def test_pages_take_few_statements(furnished: Desk) -> None:
    listed = furnished.client.get("/licenses").text
    customer = re.search(r"/customers/[0-9]+", listed)
    number = re.search(r"/licenses/HS-[0-9A-Z-]+", listed)
    assert customer and number
    of_one = {customer[0]: MOST_OF_A_CUSTOMER, number[0]: MOST_OF_A_LICENCE}
    assert not _too_many(furnished, PAGES | of_one)

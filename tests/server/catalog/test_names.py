"""Names of customers: those that look the same are one."""

import pytest

from tests.support.api import Caller, slug
from tests.support.desk import Desk, unique


@pytest.mark.parametrize("unseen", ["\u034f", "\ufe0f", "\U000e0100", "\u180b"])
def test_names_that_differ_by_what_is_not_seen_are_one(desk: Desk, unseen: str) -> None:
    caller, name = Caller(desk, "names"), unique(desk, "N")
    assert caller.post("/customers", name=f"{name[:1]}{unseen}{name[1:]}").json()["name"] == name
    refused = caller.post("/customers", name=f"{name}{unseen}")
    assert (refused.status_code, slug(refused)) == (409, "name-taken")
    made = caller.issue(customer=f"{unseen}{name}{unseen}").json()
    assert made["customer"] == name
    assert caller.post("/customers", name=unseen).status_code == 422

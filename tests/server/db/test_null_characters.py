"""A null character in what somebody typed or pasted is no fault of the database."""

import pytest
import sqlalchemy

from tests.support.api import Caller, issue
from tests.support.desk import Desk, unique
from tests.support.desk_user import DeskUser
from tests.support.server import OTHER_LINE


def test_pasted_text_is_stored_without_its_null_characters(desk: Desk) -> None:
    number = issue(desk, customer=unique(desk, "Null"), host=f"Hi,\n{OTHER_LINE}\n\0").json()["id"]
    query = sqlalchemy.text("select request from licenses where number = :number")
    with desk.site.database.reading() as connection:
        text = connection.execute(query, {"number": number}).scalar_one()
    assert text.endswith("\n\N{REPLACEMENT CHARACTER}")


@pytest.mark.parametrize(
    "path", ["/licenses?kept=%00", "/licenses/new?draft=%00", "/record?customer=%00", "/find?q=%00"]
)
def test_page_whose_address_has_one_is_a_page(desk: Desk, path: str) -> None:
    assert DeskUser(desk).get(path).status_code in (200, 404, 422)


@pytest.mark.parametrize("name", ["customer", "host_key", "host_name", "number", "plan"])
def test_filter_that_has_one_finds_nothing(desk: Desk, name: str) -> None:
    reply = Caller(desk, f"null-{name}").post(
        "/jobs", act="renew", filter={name: "a\0b"}, order={"days": 3}
    )
    assert reply.status_code in (404, 422)

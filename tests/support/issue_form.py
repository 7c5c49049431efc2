"""Issuing at the desk: the order form, its preview, and the licence that results."""

from typing import Any

from license_server.access import tokens
from license_server.licenses import issuing
from license_server.permissions import PERMISSIONS
from tests.support import server
from tests.support.desk import Desk, unique
from tests.support.pages import (
    all_hidden,
    hidden,
)


def other_line(desk: Desk) -> str:
    """The host key line of a host that no other test uses."""
    return f'["{desk.clock.now:040x}", "studio2_gpu"]'


def post_to_api(desk: Desk, path: str, body: dict[str, Any]) -> dict[str, Any]:
    grant = tokens.Grant(frozenset(PERMISSIONS))
    name = f"{desk.clock.now} {path} {body.get('name')}"
    token = server.new_token(desk.site.database, name, desk.clock.now, grant)
    reply = desk.client.post(
        f"/api/v1{path}", json=body, headers={"Authorization": f"Bearer {token}"}
    )
    assert reply.status_code == 201, reply.text
    return dict(reply.json())


def new_product(desk: Desk, **rules: Any) -> str:
    """Add a product with these rules over the API; its name."""
    name = unique(desk, "product")
    post_to_api(desk, "/products", {"name": name, **rules})
    return name


def reading(desk: Desk, **typed: str) -> Any:
    token = hidden(desk.client.get("/licenses/new").text, "form_token")
    fields = {"term": "days", "time_zone": "UTC", "form_token": token} | typed
    return desk.client.post("/licenses/reading", data=fields)


def press(desk: Desk, page: str, **more: str) -> Any:
    return desk.client.post("/licenses", data=all_hidden(page) | more)


def issued(desk: Desk, page: str) -> Any:
    """The claims of the licence that the preview *page* issues."""
    location = press(desk, page).headers["location"]
    number = location.split("/")[2].partition("?")[0]
    with desk.site.database.reading() as connection:
        return issuing.claims_of(issuing.find(connection, number))


DEFAULTS = {
    "days": 90,
    "edition": "pro",
    "features": ["export", "train"],
    "limits": {"gpus": 4},
    "match": "anchored",
    "notify_days": 20,
    "grace_days": 5,
}
BLANK = {"days": "", "match": ""}


def token_of(desk: Desk) -> dict[str, str]:
    return {"form_token": hidden(desk.client.get("/licenses/new").text, "form_token")}

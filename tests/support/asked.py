"""Requests as they come in: filed over the API, and looked at."""

from typing import Any

from tests.support.desk import Desk


def file(desk: Desk, text: str, headers: dict[str, str] | None = None, **members: Any) -> Any:
    """File a request over the API; the reply."""
    return desk.client.post(
        "/api/v1/requests",
        json={"text": text} | members,
        headers=desk.bearer | (headers or {}),
    )


def filed(desk: Desk, text: str, **members: Any) -> int:
    """File a new request; its number."""
    reply = file(desk, text, **members)
    assert reply.status_code == 201, reply.text
    return int(reply.json()["request"]["id"])


def seen(desk: Desk, id_: int) -> Any:
    """A request as the API shows it."""
    reply = desk.client.get(f"/api/v1/requests/{id_}", headers=desk.bearer)
    assert reply.status_code == 200, reply.text
    return reply.json()


def act(
    desk: Desk, id_: int, what: str, headers: dict[str, str] | None = None, **members: Any
) -> Any:
    """Do something with a request over the API; the reply."""
    return desk.client.post(
        f"/api/v1/requests/{id_}/{what}", json=members, headers=desk.bearer | (headers or {})
    )

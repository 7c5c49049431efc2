"""What one user can have the server keep, and how often they may ask."""

from typing import Any

import pytest
import sqlalchemy
from sqlalchemy import Connection

from license_server.actor import COMMAND
from license_server.catalog import products
from license_server.http.rate_limit import Rates
from license_server.sheets import uploads
from license_server.web import drafts
from tests.support.desk import Desk
from tests.support.desk_user import DeskUser
from tests.support.pages import form
from tests.support.server import LINE


def preview(user: DeskUser, **more: str) -> Any:
    fields = {"customer": "Quota", "product": "darwin", "host": LINE, "days": "30", "term": "days"}
    return user.post("/licenses/preview", **fields, **more)


def stored(desk: Desk, table: str, actor: str) -> list[Any]:
    query = sqlalchemy.text(f"select * from {table} where actor = :a order by created_at, id")
    with desk.site.database.reading() as connection:
        return list(connection.execute(query, {"a": actor}))


def test_only_the_newest_drafts_of_a_user_are_kept(
    desk: Desk, issuer: DeskUser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drafts, "MOST", 3)
    actor = issuer.session.actor.name
    places = []
    for count in range(1, 6):
        desk.clock.now += 1
        reply = preview(issuer)
        assert reply.status_code == 303
        places.append(reply.headers["location"])
        assert len(stored(desk, "drafts", actor)) == min(count, 3)
    assert [issuer.get(place).status_code for place in places] == [404, 404, 200, 200, 200]


def test_fields_that_no_form_has_are_not_kept(desk: Desk, issuer: DeskUser) -> None:
    reply = preview(issuer, junk="x" * 200_000)
    assert reply.status_code == 303
    (draft,) = stored(desk, "drafts", issuer.session.actor.name)
    assert "junk" not in draft.fields
    assert len(draft.fields) < 1_000


def test_only_the_newest_sheets_of_a_user_are_kept(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads, "MOST", 2)
    write, actor = desk.site.database.write, COMMAND
    ids = []
    for n in range(4):
        desk.clock.now += 1
        content = f"customer,product,host,days\nA,b,c,{n}\n".encode()

        def keep(connection: Connection, content: bytes = content) -> str:
            return uploads.keep(connection, content, actor, desk.clock.now)

        ids.append(write(keep))
        assert len(stored(desk, "import_sheets", actor.name)) == min(n + 1, 2)
    assert [one.id for one in stored(desk, "import_sheets", actor.name)] == ids[2:]


def test_desk_takes_so_many_requests_a_minute_from_one_user(desk: Desk, issuer: DeskUser) -> None:
    state = desk.client.app.state.server  # type: ignore[attr-defined]
    rates, state.rates = state.rates, Rates(5)
    try:
        assert [issuer.get("/licenses").status_code for _ in range(6)] == [200] * 5 + [429]
        refused = issuer.get("/licenses")
        assert int(refused.headers["retry-after"]) > 0
        assert "Too many requests" in refused.text
        desk.clock.now += 60
        assert issuer.get("/licenses").status_code == 200
    finally:
        state.rates = rates


@pytest.mark.parametrize(("days", "status"), [(29, 201), (30, 201), (31, 409), (32, 409)])
def test_longest_days_is_what_it_says(desk: Desk, days: int, status: int) -> None:
    name = f"longest{desk.clock.now}"
    members = {"name": name, "longest_days": 30}
    desk.site.database.write(lambda c: products.add(c, members, COMMAND, desk.clock.now))
    order = {"customer": "Quota", "product": name, "host": LINE, "days": days}
    reply = desk.client.post("/api/v1/licenses", json=order, headers=desk.bearer)
    assert reply.status_code == status, reply.text
    if status == 409:
        assert reply.json()["type"] == "/problems/term-too-long"
        return
    renewed = desk.client.post(
        f"/api/v1/licenses/{reply.json()['id']}/renew", json={"days": 31}, headers=desk.bearer
    )
    assert renewed.status_code == 409


def test_a_clock_that_was_ahead_makes_nobody_wait_for_long(desk: Desk) -> None:
    fields = {"email": f"ahead{desk.clock.now}@example.com", "password": "wrong"}
    page = desk.client.get("/login").text
    desk.clock.now += 400 * 86400
    codes = [_sign_in(desk, page, fields) for _ in range(8)]
    assert codes[-1] == 429
    desk.clock.now -= 400 * 86400
    assert _sign_in(desk, page, fields) == 401


def _sign_in(desk: Desk, page: str, fields: dict[str, str]) -> int:
    return int(desk.client.post("/login", data=form(page, "/login") | fields).status_code)

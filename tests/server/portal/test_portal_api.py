"""The customer portal for programs, on both databases."""

from typing import Any

import pytest
import sqlalchemy

from license_server.access.tokens import Grant
from license_server.actor import COMMAND
from license_server.catalog import customers, merging
from license_server.portal import asking, links
from tests.support import server
from tests.support.api import slug
from tests.support.asked import act, file, filed
from tests.support.desk import Desk, last_event, row, unique
from tests.support.desk_user import DeskUser
from tests.support.portal import API, Invited, invite, invited, issue

DAY = 86400


def host(desk: Desk) -> str:
    """The host key line of a new container."""
    key = desk.site.random(20).hex()
    return f'["{key}", "{unique(desk, "gpu")}"]'


def ask(desk: Desk, of: Invited, text: str, **members: Any) -> Any:
    body = {"text": text, "product": "darwin"} | members
    return desk.client.post(f"{API}/requests", json=body, headers=of.bearer)


def state(desk: Desk, of: Invited, id_: int) -> Any:
    return desk.client.get(f"{API}/requests/{id_}", headers=of.bearer)


def with_product(desk: Desk, of: Invited) -> Invited:
    """Give a customer a licence, so that they may ask for its product."""
    issue(desk, of.name, host(desk))
    return of


def test_request_by_a_link_is_issued_at_the_desk_and_downloaded_with_the_same_bytes(
    desk: Desk,
) -> None:
    acme, line = with_product(desk, invited(desk)), host(desk)
    reply = ask(desk, acme, f"please\n{line}")
    assert reply.status_code == 201, reply.text
    made = reply.json()["request"]
    assert reply.headers["location"] == made["url"] == f"{API}/requests/{made['id']}"
    assert (made["state"], made["wish"], made["license"]) == ("open", "license", None)
    assert act(desk, made["id"], "reply", text="It takes a day.").status_code == 201
    assert act(desk, made["id"], "note", text="they have not paid").status_code == 201
    again = ask(desk, acme, f"please\n{line}")
    assert (again.status_code, again.json()["new"]) == (200, False)
    assert again.json()["request"]["id"] == made["id"]
    issued = act(desk, made["id"], "issue", days=30)
    assert issued.status_code == 201, issued.text
    told = state(desk, acme, made["id"]).json()
    assert (told["state"], told["license"]["number"]) == ("issued", issued.json()["id"])
    assert [one["text"] for one in told["replies"]] == ["It takes a day."]
    assert "paid" not in str(told)
    path = told["license"]["file"]
    file_ = desk.client.get(path, headers=acme.bearer)
    kept = desk.client.get(
        f"/api/v1/licenses/{issued.json()['id']}/license.dat", headers=desk.bearer
    )
    assert file_.content == kept.content
    actor, action, details = last_event(desk, issued.json()["id"])
    assert (actor, action) == (f"contact:{acme.link}", "portal.downloaded")
    assert details == {"customer": acme.name}
    assert ask(desk, acme, f"please\n{line}").json()["request"]["id"] == made["id"]


def test_a_download_that_broke_off_is_resumed(desk: Desk) -> None:
    acme = invited(desk)
    number = issue(desk, acme.name, host(desk))
    path = f"{API}/licenses/{number}/license.dat"
    whole = desk.client.get(path, headers=acme.bearer)
    etag = whole.headers["etag"]

    def get(**headers: str) -> Any:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return desk.client.get(path, headers=acme.bearer | named)

    def told() -> int:
        query = "select count(*) from audit_events where action = 'portal.downloaded'"
        with desk.site.database.reading() as connection:
            return int(connection.execute(sqlalchemy.text(query)).scalar_one())

    rest = get(range="bytes=500-", if_range=etag)
    assert (rest.status_code, rest.content) == (206, whole.content[500:])
    size = len(whole.content)
    assert rest.headers["content-range"] == f"bytes 500-{size - 1}/{size}"
    assert get(range="bytes=10-19").content == whole.content[10:20]
    assert get(range="bytes=-5").content == whole.content[-5:]
    assert get(range="bytes=500-", if_range='"other"').status_code == 200
    assert get(range=f"bytes={size}-").status_code == 416
    assert get(range="bytes=9-3").status_code == 416
    assert get(range="bytes=0-1,3-4").status_code == 200
    assert get(if_none_match=etag).status_code == 304
    before = told()
    assert get(range="bytes=0-").content == whole.content
    assert told() == before + 1


def test_what_is_of_another_customer_answers_as_if_it_did_not_exist(desk: Desk) -> None:
    acme, other = with_product(desk, invited(desk)), invited(desk)
    number, line = issue(desk, acme.name, host(desk)), host(desk)
    mine = ask(desk, acme, line).json()["request"]["id"]
    by_mail = filed(desk, host(desk), customer=acme.name, product="darwin")
    theirs = [
        (f"/requests/{mine}", "/requests/999999999"),
        (f"/requests/{by_mail}", "/requests/999999999"),
        (f"/licenses/{number}/license.dat", "/licenses/HS-2026-00000000/license.dat"),
    ]
    for path, absent in theirs:
        refused, none = (desk.client.get(API + one, headers=other.bearer) for one in (path, absent))
        assert refused.status_code == none.status_code == 404
        named = (path.split("/")[2], absent.split("/")[2])
        same = refused.json() | {"request_id": "", "name": ""}
        assert str(same).replace(named[0], named[1]) == str(
            none.json() | {"request_id": "", "name": ""}
        )
    key = line.split('"')[1]
    listed = desk.client.get(f"{API}/licenses", params={"host_key": key}, headers=other.bearer)
    assert listed.json() == {"licenses": [], "next_cursor": None}
    about = ask(desk, other, "x", wish="renewal", license=number)
    unknown = ask(desk, other, "x", wish="renewal", license="HS-2026-00000000")
    assert about.status_code == unknown.status_code == 422
    assert about.json()["detail"].replace(number, "N") == unknown.json()["detail"].replace(
        "HS-2026-00000000", "N"
    )


def test_two_customers_who_ask_for_one_host_have_a_request_each(desk: Desk) -> None:
    acme, other = (with_product(desk, invited(desk)) for _ in range(2))
    line = host(desk)
    first = ask(desk, acme, line).json()["request"]["id"]
    assert act(desk, first, "issue", days=30).status_code == 201
    reply = ask(desk, other, line)
    assert reply.status_code == 201
    assert reply.json()["request"]["id"] != first
    assert reply.json()["request"]["license"] is None
    assert ask(desk, other, line).json()["request"]["id"] == reply.json()["request"]["id"]


@pytest.mark.parametrize("first", ["portal", "desk"])
def test_what_is_asked_elsewhere_for_the_host_is_apart_and_the_desk_is_told(
    desk: Desk, first: str
) -> None:
    acme, other = with_product(desk, invited(desk)), with_product(desk, invited(desk))
    line, clerk = host(desk), DeskUser(desk)
    said: dict[str, Any] = {"customer": other.name, "product": "darwin"}
    if first == "portal":
        asked = ask(desk, acme, line).json()["request"]["id"]
        elsewhere = filed(desk, f"our order is 4711 {line}", **said)
    else:
        elsewhere = filed(desk, f"our order is 4711 {line}", **said)
        asked = ask(desk, acme, line).json()["request"]["id"]
    again = file(desk, f"once more {line}", **said).json()
    assert again["request"]["id"] == elsewhere
    assert act(desk, elsewhere, "reply", text="About your order 4711").status_code == 201
    assert "4711" not in state(desk, acme, asked).text
    assert state(desk, acme, elsewhere).status_code == 404
    for one, beside in ((asked, elsewhere), (elsewhere, asked)):
        page = clerk.get(f"/requests/{one}").text
        assert "The same host waits in another request" in page
        assert f'href="/requests/{beside}"' in page
    assert act(desk, asked, "issue", days=30).status_code == 201
    assert file(desk, line, **said).json()["request"]["id"] == elsewhere
    assert act(desk, elsewhere, "refuse", reason="no").status_code == 200
    assert file(desk, line, **said).json()["request"]["id"] not in (asked, elsewhere)


def test_who_has_the_former_name_of_a_customer_sees_none_of_their_requests(desk: Desk) -> None:
    acme, line = with_product(desk, invited(desk)), host(desk)
    by_mail = filed(desk, f"words of the former {line}", customer=acme.name, product="darwin")
    mine = ask(desk, acme, line).json()["request"]["id"]
    assert act(desk, mine, "issue", days=30).status_code == 201
    renamed = unique(desk, "Renamed")
    change = {"name": renamed}
    desk.site.database.write(
        lambda c: customers.change(c, acme.id, change, COMMAND, desk.clock.now)
    )
    made = desk.site.database.write(
        lambda c: customers.add(c, {"name": acme.name}, COMMAND, desk.clock.now)
    )
    other = with_product(desk, invite(desk, made.id, acme.name))
    reply = ask(desk, other, line)
    assert reply.status_code == 201
    assert reply.json()["request"]["id"] not in (by_mail, mine)
    assert reply.json()["request"]["license"] is None
    assert ask(desk, acme, line).json()["request"]["id"] == mine


def test_what_a_merged_customer_asked_for_is_not_asked_again(desk: Desk) -> None:
    acme, other = (with_product(desk, invited(desk)) for _ in range(2))
    line = host(desk)
    first = ask(desk, other, line).json()["request"]["id"]
    desk.site.database.write(lambda c: merging.merge(c, other.id, acme.id, COMMAND, desk.clock.now))
    for one in (acme, other):
        assert ask(desk, one, line).json()["request"]["id"] == first


def test_a_text_that_names_a_licence_of_another_customer_tells_nothing_of_it(desk: Desk) -> None:
    acme, other = invited(desk), with_product(desk, invited(desk))
    product = unique(desk, "studio").lower()
    made = desk.client.post("/api/v1/products", json={"name": product}, headers=desk.bearer)
    assert made.status_code == 201
    number = issue(desk, acme.name, host(desk), product=product)
    body = {"text": f"{number} does not start"}
    told = desk.client.post(f"{API}/requests", json=body, headers=other.bearer)
    assert told.status_code == 201
    assert product not in told.text and acme.name not in told.text


def test_whether_others_have_a_licence_of_a_host_or_number_is_not_told(desk: Desk) -> None:
    acme, other = invited(desk), with_product(desk, invited(desk))
    product = unique(desk, "studio").lower()
    made = desk.client.post("/api/v1/products", json={"name": product}, headers=desk.bearer)
    assert made.status_code == 201
    line, own = host(desk), host(desk)
    number = issue(desk, acme.name, line, product=product)
    issue(desk, other.name, own, product=product)  # so that both products may be told

    def told(text: str) -> tuple[Any, Any]:
        body = desk.client.post(f"{API}/requests", json={"text": text}, headers=other.bearer)
        request = body.json()["request"]
        kept = row(desk, "requests", id=request["id"])
        return (request["product"], kept.product, kept.earlier), request["host_name"]

    key = desk.site.random(20).hex()
    pairs = ((line, host(desk)), (number, "HS-2026-00000000"), (line.split('"')[1], key))
    for licensed, unknown in pairs:
        assert told(f"see {licensed}")[0] == told(f"see {unknown}")[0] == (None, None, None)
    keys = f"{line.split(chr(34))[1]} {desk.site.random(20).hex()}"
    unknown_keys = f"{key} {desk.site.random(20).hex()}"
    assert told(keys) == told(unknown_keys)
    assert told(f"see {own}")[0][0] == product


def test_licences_are_listed_with_their_state_and_no_words_of_colleagues(desk: Desk) -> None:
    acme = invited(desk)
    key = desk.site.random(20).hex()
    number = issue(desk, acme.name, f'["{key}", "gpu"]', contract="C-7")
    newer = desk.client.post(
        f"/api/v1/licenses/{number}/renew", json={"days": 200}, headers=desk.bearer
    ).json()["id"]
    (told,) = desk.client.get(f"{API}/licenses", headers=acme.bearer).json()["licenses"]
    assert (told["number"], told["state"], told["host_key"]) == (newer, "valid", key)
    assert (told["time_zone"], len(told["last_day"])) == ("UTC", 10)
    assert told["file"] == f"{API}/licenses/{newer}/license.dat"
    assert (
        desk.client.get(f"{API}/licenses/{number}/license.dat", headers=acme.bearer).status_code
        == 404
    )


def test_links_end_by_time_by_withdrawal_and_with_their_customer(desk: Desk) -> None:
    acme = with_product(desk, invited(desk))
    second = invite(desk, acme.id, acme.name, days=2)

    def refusal(of: Invited) -> tuple[int, str]:
        reply = desk.client.get(f"{API}/licenses", headers=of.bearer)
        return reply.status_code, reply.json().get("detail", "")

    assert refusal(second)[0] == 200
    path = f"/api/v1/portal-links/{acme.link}/withdraw"
    grant = Grant(frozenset({"portal:manage", "licenses:read"}))
    token = server.new_token(desk.site.database, unique(desk, "t"), desk.clock.now, grant)
    for _ in range(2):
        reply = desk.client.post(path, headers={"Authorization": f"Bearer {token}"})
        assert (reply.status_code, reply.json()["state"]) == (200, "withdrawn")
    assert refusal(acme)[0] == 410 and "it was withdrawn" in refusal(acme)[1]
    desk.clock.now += 2 * DAY
    assert refusal(second)[0] == 410 and "it expired at" in refusal(second)[1]
    third = invite(desk, acme.id, acme.name)
    desk.site.database.write(lambda c: customers.archive(c, acme.id, COMMAND, desk.clock.now))
    assert refusal(third)[0] == 410
    unknown = acme._replace(secret="x" * 43)
    assert refusal(unknown)[0] == 401


def test_a_link_follows_a_merge_and_sees_what_both_had(desk: Desk) -> None:
    acme, into = with_product(desk, invited(desk)), with_product(desk, invited(desk))
    asked = ask(desk, acme, host(desk)).json()["request"]["id"]
    desk.site.database.write(lambda c: merging.merge(c, acme.id, into.id, COMMAND, desk.clock.now))
    for of in (acme, into):
        listed = desk.client.get(f"{API}/licenses", headers=of.bearer).json()["licenses"]
        assert len(listed) == 2
        assert state(desk, of, asked).status_code == 200
    assert ask(desk, acme, host(desk)).status_code == 201


def test_links_are_made_listed_and_limited_over_the_api(desk: Desk) -> None:
    acme = with_product(desk, invited(desk))
    product = unique(desk, "studio").lower()
    desk.client.post("/api/v1/products", json={"name": product}, headers=desk.bearer)
    hidden = issue(desk, acme.name, host(desk), product=product)
    scopes = frozenset({"portal:manage", "licenses:read"})
    limited = Grant(scopes, frozenset({"darwin"}))
    token, whole = (
        {
            "Authorization": "Bearer "
            + server.new_token(desk.site.database, unique(desk, "t"), desk.clock.now, one)
        }
        for one in (limited, Grant(scopes))
    )
    room = f"/api/v1/customers/{acme.id}/portal-links"
    made = desk.client.post(room, json={"label": "Ningbo", "days": 3}, headers=token)
    assert made.status_code == 201, made.text
    told = made.json()
    assert told["url"] == links.path(told["secret"])
    assert (told["products"], told["state"], told["kind"]) == (["darwin"], "valid", "invitation")
    assert told["secret"] not in str(row(desk, "portal_links", id=told["id"]))
    by_it = Invited(acme.id, acme.name, told["id"], told["secret"])
    listed = desk.client.get(f"{API}/licenses", headers=by_it.bearer).json()["licenses"]
    assert {one["product"] for one in listed} == {"darwin"}
    path = f"{API}/licenses/{hidden}/license.dat"
    assert desk.client.get(path, headers=by_it.bearer).status_code == 404
    assert desk.client.get(path, headers=acme.bearer).status_code == 200
    assert slug(ask(desk, by_it, host(desk), product=product)) == "input-invalid"
    found = [
        [one["id"] for one in desk.client.get(room, headers=one_of).json()["links"]]
        for one_of in (token, whole)
    ]
    assert found == [[told["id"]], [told["id"], acme.link]]
    refused = desk.client.post(room, json={"products": [product]}, headers=token)
    assert slug(refused) == "not-found"
    withdrawn = desk.client.post(f"/api/v1/portal-links/{acme.link}/withdraw", headers=token)
    assert withdrawn.status_code == 404


def test_renewal_move_trial_and_return_are_requests_that_name_what_they_are_about(
    desk: Desk,
) -> None:
    acme = invited(desk)
    number = issue(desk, acme.name, host(desk))
    renewal = ask(desk, acme, "", wish="renewal", license=number).json()["request"]
    assert (renewal["wish"], renewal["about"]) == ("renewal", number)
    move = ask(desk, acme, host(desk), wish="move", license=number).json()["request"]
    assert (move["wish"], move["about"]) == ("move", number)
    assert act(desk, move["id"], "move").status_code == 201
    back = ask(desk, acme, "returned …", wish="return").json()["request"]
    assert back["wish"] == "return"
    wrong: list[dict[str, str]] = [{"wish": "renewal"}, {"wish": "move"}, {"wish": "other"}]
    for members in (*wrong, {"text": ""}, {"sender_address": "nobody"}, {"host": "x"}):
        assert slug(ask(desk, acme, **{"text": "text"} | members)) == "input-invalid"
    trial = ask(desk, acme, host(desk), wish="trial")
    assert slug(trial) == "input-invalid"
    product = unique(desk, "studio").lower()
    plan = {"Trial": {"trial": True, "days": 30}}
    desk.client.post("/api/v1/products", json={"name": product, "plans": plan}, headers=desk.bearer)
    by_it = invite(desk, acme.id, acme.name, products=["darwin", product])
    trial = ask(desk, by_it, host(desk), wish="trial", product=product)
    assert (trial.status_code, trial.json()["request"]["wish"]) == (201, "trial")


def test_a_plain_text_is_a_request(desk: Desk) -> None:
    acme = with_product(desk, invited(desk))
    headers = acme.bearer | {"Content-Type": "text/plain; charset=utf-8"}
    reply = desk.client.post(f"{API}/requests", content=host(desk).encode(), headers=headers)
    assert reply.status_code == 201
    for body in (b"", b" \n", b"\xff"):
        refused = desk.client.post(f"{API}/requests", content=body, headers=headers)
        assert slug(refused) == "input-invalid"


def test_a_customer_cannot_fill_the_queue(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    acme, other = (with_product(desk, invited(desk)) for _ in range(2))
    monkeypatch.setattr(asking, "MOST_OPEN", 2)
    lines = [host(desk) for _ in range(3)]
    found = [ask(desk, acme, line) for line in lines]
    assert [one.status_code for one in found] == [201, 201, 429]
    assert int(found[2].headers["retry-after"]) > 0
    assert ask(desk, acme, lines[0]).status_code == 200
    assert ask(desk, other, host(desk)).status_code == 201

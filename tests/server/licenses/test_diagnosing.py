"""Why did it stop? From what a real client prints to the licence and the act that mends it."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support import hosts
from tests.support.api import bearer
from tests.support.cli import DAY, World
from tests.support.desk import Desk, unique
from tests.support.desk_user import DeskUser
from tests.support.pages import fields_of, text_of
from tests.support.requests import of_container

OTHER_ID, OTHER_KEY = "6a" * 32, "8c" * 20


class Operator(World):
    """An operator whose product trusts the desk's vendor, at the desk's time."""

    def __init__(self, folder: Path, desk: Desk, product: str = "darwin") -> None:
        super().__init__(folder, desk.clock.now)
        pem = (desk.settings.data / "root.pub.pem").read_text("ascii")
        (self.keys / "root.pub.pem").write_text(pem, "ascii")
        (self.conf / "hostseal.toml").write_text(f'product = "{product}"\n', "ascii")
        self.desk, self.customer = desk, unique(desk, "Nordlicht")
        self.hostname = unique(desk, "gpu").lower()
        self.change()

    def change(self, **changes: Any) -> None:
        hosts.container(self.host, **{"hostname": self.hostname} | changes)

    def says(self, *arguments: str, language: str = "C.UTF-8") -> str:
        done = self.run(*arguments, env={"LC_ALL": language}, now=self.desk.clock.now)
        return done.out + done.err

    @property
    def key(self) -> str:
        return str(json.loads(self.run("get_host_key").out)[0])

    def order(self, text: str | None = None, **members: Any) -> str:
        """A licence for the host, installed there; its number."""
        number = DeskUser(self.desk, "issuer").issue(
            host=text or self.says("request"), customer=self.customer, **members
        )
        self.install(number)
        return number

    def install(self, number: str) -> None:
        url = f"/api/v1/licenses/{number}/license.dat"
        self.put(self.desk.client.get(url, headers=self.desk.bearer).content)


@pytest.fixture
def operator(desk: Desk, tmp_path: Path) -> Operator:
    return Operator(tmp_path, desk)


def asked(desk: Desk, text: str, headers: dict[str, str] | None = None) -> Any:
    headers = headers or desk.bearer
    reply = desk.client.post("/api/v1/diagnoses", json={"text": text}, headers=headers)
    assert reply.status_code == 200, reply.text
    return reply.json()


def causes(told: Any) -> list[tuple[str, str | None]]:
    return [(cause["slug"], cause["act"]) for cause in told["causes"]]


@pytest.mark.parametrize("language", ["C.UTF-8", "zh_CN.UTF-8"])
@pytest.mark.parametrize(
    "command",
    ["verify --explain", "--json verify --explain", "verify", "doctor", "request", "bundle"],
)
def test_changed_address_leads_to_a_move_of_the_installed_licence(
    operator: Operator, command: str, language: str
) -> None:
    number = operator.order()
    operator.says("verify")
    operator.change(ip="172.17.0.9")
    if command == "bundle":
        operator.says("doctor", "--bundle", str(operator.folder / "bundle"))
        text = (operator.folder / "bundle").read_text("utf-8")
    else:
        text = operator.says(*command.split(), language=language)
    told = asked(operator.desk, text)
    assert told["license"]["id"] == number
    assert ("stop-host-changed", "rehost") in causes(told)
    assert told["change"]["differs"] == ["ip"]
    assert told["order_host"]
    key = operator.key
    assert told["host"]["key"] == key
    # And the host that is carried over is one that an order takes.
    url = f"/api/v1/licenses/{number}/rehost?dry_run=true"
    order = {"host": told["order_host"], "reason": "x"}
    dry = operator.desk.client.post(url, json=order, headers=operator.desk.bearer)
    assert dry.json()["host"]["key"] == key
    assert dry.json()["host"]["name"] == operator.hostname


def test_address_that_can_be_given_back_is_named(operator: Operator) -> None:
    operator.order()
    operator.says("verify")
    operator.change(ip="172.17.0.9")
    told = asked(operator.desk, operator.says("verify", "--explain"))
    (back,) = [one for one in told["causes"] if one["slug"] == "stop-address-back"]
    assert hosts.IP in back["detail"]


def test_installed_licence_that_was_replaced_is_answered_with_the_newest(
    operator: Operator,
) -> None:
    former = operator.order(days=1)
    newest = number_of(operator.desk, f"{former}/renew", days=90)
    operator.desk.clock.now += 3 * DAY
    told = asked(operator.desk, operator.says("--json", "verify"))
    assert (told["license"]["id"], told["newest"]["id"]) == (former, newest)
    assert causes(told) == [("stop-replaced", "send")]
    assert told["causes"][0]["license"] == newest


def number_of(desk: Desk, path: str, **members: Any) -> str:
    reply = desk.client.post(f"/api/v1/licenses/{path}", json=members, headers=desk.bearer)
    assert reply.is_success, reply.text
    return str(reply.json()["id"])


@pytest.mark.parametrize(
    ("act", "slug", "mends"),
    [("suspend", "stop-suspended", "reinstate"), ("revoke", "stop-revoked", "unrevoke")],
)
def test_state_in_the_ledger_is_told(operator: Operator, act: str, slug: str, mends: str) -> None:
    number = operator.order()
    headers = bearer(operator.desk, "licenses:end")
    url = f"/api/v1/licenses/{number}/{act}"
    done = operator.desk.client.post(url, json={"reason": "unpaid"}, headers=headers)
    assert done.status_code == 200
    assert (slug, mends) in causes(asked(operator.desk, f"license-revoked: {number}"))


def test_expired_licence_is_to_be_renewed(operator: Operator) -> None:
    operator.order(days=1)
    operator.desk.clock.now += 3 * DAY
    told = asked(operator.desk, operator.says("--json", "verify"))
    assert causes(told) == [("stop-expired", "renew")]


def test_licence_for_the_host_as_it_is_now_is_sent_and_not_issued_twice(
    operator: Operator,
) -> None:
    operator.order()
    operator.change(ip="172.17.0.9")
    text = operator.says("verify", "--explain")
    here = DeskUser(operator.desk, "issuer").issue(
        host=operator.says("get_host_key"), customer=operator.customer
    )
    told = asked(operator.desk, text)
    assert ("stop-licensed-here", "send") in causes(told)
    assert here in [cause["license"] for cause in told["causes"]]


def test_too_many_gpus_lead_to_a_change(operator: Operator) -> None:
    number = operator.order(limits={"gpus": 1})
    operator.change(gpus=4)
    told = asked(operator.desk, operator.says("--json", "verify"))
    assert causes(told) == [("stop-gpus", "change")]
    assert told["license"]["id"] == number


def test_valid_licence_is_not_the_cause(operator: Operator) -> None:
    operator.order()
    told = asked(operator.desk, operator.says("--json", "verify"))
    assert causes(told) == [("stop-not-by-licence", None)]


def test_trouble_of_the_host_itself_is_told_as_that(operator: Operator) -> None:
    number = operator.order()
    told = asked(operator.desk, f"{number}: clock-set-back")
    assert causes(told) == [("stop-on-host", None)]


def test_several_hosts_of_one_name_are_offered_to_choose_from(
    operator: Operator, desk: Desk
) -> None:
    first = operator.order()
    operator.change(container_id=OTHER_ID)
    second = operator.order(operator.says("get_host_key"))
    operator.change(container_id="7b" * 32)
    line = operator.says("get_host_key")
    told = asked(desk, line)
    assert told["license"] is None
    assert {one["id"] for one in told["candidates"]} == {first, second}
    user = DeskUser(desk, "issuer")
    page = user.post("/why", text=line)
    assert f'name="number" value="{first}"' in page.text
    chosen = user.post("/why", text=line, number=first)
    assert f">Rehost {first}</button>" in chosen.text


def test_limited_token_is_told_of_no_other_product(operator: Operator, desk: Desk) -> None:
    number = operator.order(product=unique(desk, "secret"))
    operator.change(ip="172.17.0.9")
    headers = bearer(desk, "licenses:read", products=frozenset({"ours"}))
    for text in (
        operator.says("--json", "verify", "--explain"),
        operator.says("verify", "--explain"),
        operator.says("request"),
        operator.says("get_host_key"),
        number,
    ):
        told = asked(desk, text, headers)
        assert (told["license"], told["newest"], told["candidates"]) == (None, None, [])
        assert told["causes"] == []
        assert operator.customer not in json.dumps(told)


def test_page_leads_from_what_was_pasted_to_the_move(operator: Operator, desk: Desk) -> None:
    number = operator.order()
    operator.change(ip="172.17.0.9")
    text = operator.says("verify", "--explain", language="zh_CN.UTF-8")
    user = DeskUser(desk, "issuer")
    assert "Why did it stop?" in user.get("/why").text
    page = user.post("/why", text=text)
    assert f">Rehost {number}</button>" in page.text
    action = f"/licenses/{number}/rehost"
    looked = user.followed(user.send(page.text, action, step="instead"))
    assert operator.key in looked.text
    done = user.post(action, **fields_of(looked.text) | {"step": "do"})
    assert "issued=1" in done.headers["location"]
    reader = DeskUser(desk, "reader").post("/why", text=text)
    assert number in reader.text
    assert action not in reader.text


@pytest.mark.parametrize("language", ["C.UTF-8", "zh_CN.UTF-8"])
def test_what_was_found_is_carried_to_the_move_and_its_letter(
    operator: Operator, desk: Desk, language: str
) -> None:
    number = operator.order()
    operator.says("verify")
    operator.change(ip="172.17.0.9")
    user = DeskUser(desk, "issuer")
    page = user.post("/why", text=operator.says("verify", "--explain", language=language))
    found = f"Only the IP address differs from the host of {number}."
    report = "The same: hostname, machine and container. So says the host's own report."
    assert f"{found} {report}" in text_of(page)
    assert "the new licence would have none" in text_of(page)
    action = f"/licenses/{number}/rehost"
    looked = user.followed(user.send(page.text, action, step="instead"))
    told = text_of(looked)
    assert f"{found} {report}" in told
    assert "It is the same host, as its own report says" in told
    assert f"The new licence has no host tags, and {number} has them" in told
    assert "host key line" not in told
    done = user.post(action, **fields_of(looked.text) | {"step": "do"})
    sent = text_of(user.get(done.headers["location"]))
    assert "the new file takes the place of the former one, and nothing has to be deleted" in sent
    assert "please remove it" not in sent


def test_request_beside_the_explanation_keeps_the_host_tags(operator: Operator, desk: Desk) -> None:
    number = operator.order()
    operator.change(ip="172.17.0.9")
    user = DeskUser(desk, "issuer")
    page = user.post("/why", text=operator.says("verify", "--explain") + operator.says("request"))
    assert "would have none" not in text_of(page)
    looked = user.followed(user.send(page.text, f"/licenses/{number}/rehost", step="instead"))
    told = text_of(looked)
    assert f"Only the IP address differs from the host of {number}." in told
    assert "own report" not in told
    assert "has no host tags" not in told


def test_report_beside_a_host_that_was_left_is_not_carried(operator: Operator, desk: Desk) -> None:
    former = operator.order()
    operator.says("verify")
    newest = number_of(
        desk,
        f"{former}/rehost",
        host=f'["{OTHER_KEY}", "{operator.hostname}"]',
        reason="moved",
    )
    operator.change(ip="172.17.0.9")
    told = asked(desk, operator.says("verify", "--explain"))
    assert told["newest"]["id"] == newest
    assert "DIFFERS" not in told["order_host"]


@pytest.mark.parametrize("text", ["", " \t\n", "\x00\x1f", 7, None])
def test_blank_text_is_refused(desk: Desk, text: Any) -> None:
    reply = desk.client.post("/api/v1/diagnoses", json={"text": text}, headers=desk.bearer)
    assert reply.status_code == 422
    assert reply.json()["errors"][0]["field"] == "text"


@pytest.mark.parametrize("odd", ["\x00", "a\x00b", "\u202e", "%", "x" * 200])
def test_odd_names_in_a_request_find_nothing(desk: Desk, tmp_path: Path, odd: str) -> None:
    host = of_container(tmp_path)
    odds: list[dict[str, Any]] = [{name: odd} for name in ("name", "customer", "product")]
    for more in (*odds, {"replaces": odd}):
        text = host._replace(key="0d" * 20, **more).to_text()  # no other test has that host
        assert asked(desk, text)["license"] is None
        order = {"customer": "ACME", "product": "darwin", "days": 30, "host": text}
        url = "/api/v1/licenses?dry_run=true"
        reply = desk.client.post(url, json=order, headers=desk.bearer)
        assert reply.status_code in (200, 422)


def test_odd_names_in_json_are_left_out(desk: Desk) -> None:
    facts = {"host_key": OTHER_KEY, "licensed_key": OTHER_KEY, "hostname": "\ud800\x00"}
    text = json.dumps({"slug": "wrong-host", "facts": facts})
    told = asked(desk, text)
    assert (told["host"]["key"], told["host"]["name"]) == (OTHER_KEY, None)
    assert DeskUser(desk, "reader").post("/why", text=text).status_code == 200


def test_nothing_of_the_text_is_kept(operator: Operator, desk: Desk) -> None:
    operator.order()
    user = DeskUser(desk, "issuer")
    before = [desk.count(table) for table in ("audit_events", "drafts", "licenses")]
    user.post("/why", text=operator.says("verify", "--explain"))
    asked(desk, operator.says("verify", "--explain"))
    assert [desk.count(table) for table in ("audit_events", "drafts", "licenses")] == before

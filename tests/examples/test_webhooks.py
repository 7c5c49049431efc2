"""examples/webhooks: each is started as it is, between a licence server and an end on loopback."""

import base64
import hashlib
import hmac
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from license_server.actor import SERVER
from license_server.requests import filing, incoming
from tests.support import server
from tests.support.hooks import Answer, Received, Teller, end
from tests.support.ledger import new_ledger
from tests.support.server import LINE, REPOSITORY, Running, running_server

STRIPE_SECRET = "whsec_a secret of this test".replace(" ", "_")


@contextmanager
def started(name: str, **env: str) -> Iterator[str]:
    """An example, and the URL at which it listens."""
    command = [sys.executable, str(REPOSITORY / "examples" / "webhooks" / name)]
    given = {"PATH": "/usr/bin:/bin", "PORT": "0", "PYTHONDONTWRITEBYTECODE": "1"} | env
    with subprocess.Popen(command, env=given, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().strip()
        finally:
            process.kill()


def file(folder: Path, name: str, text: str) -> str:
    path = folder / name
    path.write_text(f"{text}\n")
    return str(path)


@pytest.fixture
def teller(tmp_path: Path) -> Iterator[Teller]:
    made = Teller.of(new_ledger(tmp_path, None))
    made.clock.now = int(time.time())  # the examples refuse what is old
    yield made
    made.site.database.close()


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running_server(tmp_path_factory.mktemp("vendor")) as made:
        yield made


def paid(session: str, **metadata: str) -> bytes:
    """What Stripe sends of a session that was paid."""
    told = {"id": session, "payment_status": "paid", "metadata": metadata}
    event = {"type": "checkout.session.completed", "data": {"object": told}}
    return json.dumps(event).encode()


def stripe(url: str, body: bytes, at: float | None = None, secret: str = STRIPE_SECRET) -> int:
    """Send *body* as Stripe does (docs.stripe.com/webhooks#verify-manually)."""
    timestamp = str(int(time.time() if at is None else at))
    signed = hmac.new(secret.encode(), f"{timestamp}.".encode() + body, hashlib.sha256)
    headers = {"Stripe-Signature": f"t={timestamp},v1={signed.hexdigest()},v0=6ffbb59b2300aae"}
    return httpx.post(url, content=body, headers=headers, timeout=60).status_code


def test_payment_at_stripe_is_one_licence_however_often_it_is_told(
    running: Running, tmp_path: Path
) -> None:
    with started(
        "stripe_to_licence.py",
        LICENSE_SERVER=running.url,
        LICENSE_TOKEN_FILE=file(tmp_path, "token", running.token),
        STRIPE_SECRET_FILE=file(tmp_path, "stripe", STRIPE_SECRET),
    ) as url:
        order = {"customer": "ACME", "product": "darwin", "days": "365", "host": LINE}
        body = paid("cs_test_1", **order)
        assert [stripe(url, body) for _ in range(3)] == [204, 204, 204]
        assert stripe(url, paid("cs_test_2", **order), secret="whsec_other") == 400
        assert stripe(url, paid("cs_test_3", **order), at=time.time() - 3600) == 400
        assert stripe(url, paid("cs_test_4", **order | {"host": "nothing"})) == 400
        unpaid = body.replace(b'"paid"', b'"unpaid"').replace(b"cs_test_1", b"cs_test_5")
        assert stripe(url, unpaid) == 204
    listed = httpx.get(f"{running.url}/api/v1/licenses", headers=running.bearer, timeout=60).json()
    (licence,) = listed["licenses"]
    assert (licence["customer"], licence["host"]["key"]) == ("ACME", server.KEY)


def test_salesforce_knows_each_licence_and_what_replaced_it(teller: Teller, tmp_path: Path) -> None:
    with end() as salesforce:
        base = salesforce.url.rpartition("/")[0]
        secret = tmp_path / "secret"
        with started(
            "to_salesforce.py",
            SALESFORCE=base,
            SALESFORCE_TOKEN_FILE=file(tmp_path, "token", "00Dxx"),
            WEBHOOK_SECRET_FILE=str(secret),
        ) as url:
            secret.write_text(teller.add(url)[1])
            first = teller.ledger.issue(1, contract="PO-7")
            second = teller.ledger.act("renew", first, days=60)
            teller.send()
    assert {one.state for one in teller.deliveries()} == {"delivered"}
    records: dict[str, dict[str, Any]] = {}
    for one in salesforce.received:
        assert (one.method, one.headers["authorization"]) == ("PATCH", "Bearer 00Dxx")
        number = one.path.rpartition("/")[2]
        assert one.path.endswith(f"/sobjects/Licence__c/Number__c/{number}")
        records.setdefault(number, {}).update(json.loads(one.body))
    assert records[first]["State__c"] == "replaced"
    assert records[second]["State__c"] == "active"
    assert records[second]["Replaces__c"] == first
    assert records[first]["Contract__c"] == "PO-7"


@pytest.mark.parametrize("chat", ["slack", "dingtalk", "wecom"])
def test_chat_room_is_told_each_event_once_though_it_refuses_at_first(
    teller: Teller, tmp_path: Path, chat: str
) -> None:
    refused: list[Received] = []

    def room(one: Received) -> Answer:
        if not refused:
            refused.append(one)
            busy = b'{"errcode": 45009, "errmsg": "api freq out of limit"}'
            return Answer(429 if chat == "slack" else 200, {}, busy)
        return Answer(200, {}, b"ok" if chat == "slack" else b'{"errcode": 0, "errmsg": "ok"}')

    with end(room) as there:
        secret = tmp_path / "secret"
        more = {"CHAT_SECRET_FILE": file(tmp_path, "sec", "SEC0")} if chat == "dingtalk" else {}
        with started(
            "to_chat.py",
            CHAT=chat,
            CHAT_URL_FILE=file(tmp_path, "url", f"{there.url}?access_token=7"),
            WEBHOOK_SECRET_FILE=str(secret),
            **more,
        ) as url:
            secret.write_text(teller.add(url, events=["license.issued", "request.filed"])[1])
            number = teller.ledger.issue(1)
            teller.send(rounds=2)
            come = incoming.Received(
                "mail", "Please issue a licence.", sender_address="li@nordlicht.example"
            )
            teller.site.database.write(lambda c: filing.file(c, SERVER, come, teller.clock.now))
            teller.send()
    delivery, waits = teller.deliveries()
    assert (delivery.state, waits.state) == ("delivered", "delivered")
    assert [attempt.status for attempt in teller.attempts(delivery)] == [204, 500]
    _, taken, asked = there.received
    message, waiting = json.loads(taken.body), json.loads(asked.body)
    texts = [
        one["text"] if chat == "slack" else one["text"]["content"] for one in (message, waiting)
    ]
    assert texts[0].startswith(f"签发 {number} · ACME · darwin · 20")
    assert texts[1] == "新的授权请求待处理 1 · ? · darwin · ?"
    if chat == "dingtalk":
        query = parse_qs(urlsplit(taken.path).query)
        signed = f"{query['timestamp'][0]}\nSEC0".encode()
        digest = hmac.new(b"SEC0", signed, hashlib.sha256).digest()
        assert query["sign"] == [base64.b64encode(digest).decode()]


def test_event_that_somebody_else_signed_is_refused(teller: Teller, tmp_path: Path) -> None:
    with end() as there:
        with started(
            "to_chat.py",
            CHAT="slack",
            CHAT_URL_FILE=file(tmp_path, "url", there.url),
            WEBHOOK_SECRET_FILE=file(tmp_path, "secret", "whsec_AAAA"),
        ) as url:
            teller.add(url, events=["license.issued"])
            teller.ledger.issue(1)
            teller.send()
        assert there.received == []
    (delivery,) = teller.deliveries()
    assert [one.status for one in teller.attempts(delivery)] == [400]

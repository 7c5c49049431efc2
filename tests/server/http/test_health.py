"""``/healthz``, ``/readyz`` and ``/metrics``."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
import sqlalchemy
from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient
from structlog.testing import capture_logs

from license_server.app import create_app
from license_server.db import reply_store
from license_server.mail import outbox_store
from license_server.operations import data_folder, schema
from license_server.settings import ServerSettings
from tests.support import server
from tests.support.desk import Desk
from tests.support.pages import hidden
from tests.support.server import LINE
from tests.support.shell import run

ORDER = {"customer": "ACME", "product": "darwin", "days": 30, "host": LINE}


@pytest.fixture
def local(desk: Desk) -> Iterator[TestClient]:
    """A client on loopback of a process of its own figures."""
    with TestClient(
        create_app(desk.settings, clock=desk.clock),
        base_url="http://testserver",
        client=("127.0.0.1", 1),
    ) as client:
        yield client


def figures(client: TestClient) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    reply = client.get("/metrics")
    assert reply.status_code == 200
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(reply.text)
        for sample in family.samples
    }


def figure(client: TestClient, name: str, **labels: str) -> float:
    return figures(client).get((name, frozenset(labels.items())), 0.0)


def test_working_server_is_alive_and_ready(desk: Desk) -> None:
    assert desk.client.get("/healthz").json() == {"alive": True}
    reply = desk.client.get("/readyz")
    assert (reply.status_code, reply.json()) == (200, {"ready": True})


def test_health_checks_answer_head(desk: Desk) -> None:
    for path in ("/healthz", "/readyz"):
        assert desk.client.head(path).status_code == 200
    before = desk.clock.now
    desk.clock.now += 20 * 366 * 86400
    try:
        assert desk.client.head("/readyz").status_code == 503
    finally:
        desk.clock.now = before


def test_log_has_the_slug_of_what_was_refused(desk: Desk) -> None:
    with capture_logs() as log:
        desk.client.get("/api/v1/licenses")
        desk.client.get("/api/v1/nothing", headers=desk.bearer)
        desk.client.get("/healthz")
    told = [one.get("slug") for one in log if one["event"] == "request"]
    assert told == ["not-authenticated", "not-found", None]


def test_metrics_tell_of_backups_revocation_lists_and_old_mails(tmp_path: Path) -> None:
    made = server.make(tmp_path / "server")

    def done(*arguments: str) -> str:
        ended = run(made.data, *arguments)
        assert ended.returncode == 0, ended.stderr
        return ended.stdout + ended.stderr

    def told() -> list[float]:
        with TestClient(create_app(made), client=("127.0.0.1", 1)) as client:
            names = ("backup", "revocations_expiry", "revocations_waiting", "outbox_oldest")
            each = [figure(client, f"hostseal_{one}_timestamp_seconds") for one in names]
            return [*each, figure(client, "hostseal_licenses_valid")]

    assert told() == [0, 0, 0, 0, 0]
    order = ("--customer", "ACME", "--product", "darwin", "--days", "9", "--host", LINE)
    numbers = [re.search(r"HS-\d{4}-\w{8}", done("issue", *order, "-o", "-")) for _ in range(2)]
    done("revocations", "publish")
    assert numbers[0] is not None
    done("revoke", numbers[0][0], "--reason", "a test", "--yes")
    done("backup", "-o", str(tmp_path / "a.tar"))
    mail = {
        "queued_at": 5,
        "queued_by": "command",
        "recipient": "it@acme.example",
        "subject": "Your licence",
        "body": "Here it is.",
        "message_id": "<1@vendor.example>",
        "automatic": False,
        "state": outbox_store.WAITING,
        "attempts": 0,
        "due_at": 5,
    }
    database = data_folder.open_database(made)
    database.write(lambda c: outbox_store.add(c, **mail))
    database.close()
    backup, expiry, waiting, oldest, valid = told()
    assert (oldest, valid) == (5, 1)
    assert 0 < waiting <= backup < expiry


def test_metrics_count_every_sign_in_that_was_refused(desk: Desk, local: TestClient) -> None:
    for _ in range(3):
        token = hidden(local.get("/login").text, "form_token")
        fields = {"form_token": token, "email": f"x{desk.clock.now}@a", "password": "wrong"}
        local.post("/login", data=fields)
    assert figure(local, "hostseal_sign_ins_refused_total", slug="not-authenticated") == 3


def missing(desk: Desk) -> list[str]:
    reply = desk.client.get("/readyz")
    assert reply.status_code == 503
    assert int(reply.headers["retry-after"]) > 0
    assert desk.client.get("/healthz").status_code == 200
    found = reply.json()
    assert found.keys() == {"ready", "missing"}
    names: list[str] = found["missing"]
    return names


def test_server_without_database_is_alive_but_not_ready(desk: Desk) -> None:
    gone = sqlalchemy.exc.OperationalError("select", {}, Exception("password=secret refused"))
    with patch.object(desk.site.database.engine, "connect", side_effect=gone):
        assert missing(desk) == ["database"]
        assert "secret" not in desk.client.get("/readyz").text


def test_readyz_names_an_outdated_schema(desk: Desk) -> None:
    def set_version(version: str | None) -> None:
        query = sqlalchemy.text("update alembic_version set version_num = :version")
        desk.site.database.write(lambda c: c.execute(query, {"version": version}))

    set_version("0001")
    try:
        assert missing(desk) == ["schema"]
    finally:
        set_version(schema.current())


def test_readyz_names_an_expired_signing_key(desk: Desk) -> None:
    before = desk.clock.now
    desk.clock.now += 20 * 366 * 86400
    try:
        assert missing(desk) == ["signer"]
    finally:
        desk.clock.now = before


def test_stopping_server_is_not_ready(local: TestClient) -> None:
    local.app.state.server.stop()  # type: ignore[attr-defined]
    reply = local.get("/readyz")
    assert (reply.status_code, reply.json()["missing"]) == (503, ["stopping"])


def test_metrics_count_actions_once_they_are_committed(desk: Desk, local: TestClient) -> None:
    key = {"Idempotency-Key": f"k{desk.clock.now}"}
    for _ in range(2):  # the second is answered from what was kept
        made = local.post("/api/v1/licenses", json=ORDER, headers=desk.bearer | key)
    here = f"/api/v1/licenses/{made.json()['id']}"
    assert local.post(f"{here}/renew", json={"days": 60}, headers=desk.bearer).status_code == 201
    failure = sqlalchemy.exc.OperationalError("insert", {}, Exception("the disk is gone"))
    with patch.object(reply_store, "keep_reply", side_effect=failure):
        other = desk.bearer | {"Idempotency-Key": f"l{desk.clock.now}"}
        assert local.post("/api/v1/licenses", json=ORDER, headers=other).status_code == 503
    assert figure(local, "hostseal_events_total", action="license.issued") == 1
    assert figure(local, "hostseal_events_total", action="license.renewed") == 1
    assert figure(local, "hostseal_licenses_issued_total") == 2
    assert figure(local, "hostseal_signatures_total") == 3  # one came to nothing
    assert figure(local, "hostseal_signature_seconds_count") == 3
    assert 0 < figure(local, "hostseal_signature_seconds_sum") < 60
    assert figure(local, "hostseal_signatures_failed_total") == 0
    asked = {"route": "/api/v1/licenses", "method": "POST"}
    assert figure(local, "hostseal_requests_total", **asked, status="201") == 2
    assert figure(local, "hostseal_requests_total", **asked, status="503") == 1
    assert figure(local, "hostseal_request_seconds_count", **asked) == 3
    assert figure(local, "hostseal_writer_queue") == 0


def test_lost_connection_does_not_break_the_metrics(desk: Desk, local: TestClient) -> None:
    site = local.app.state.server.site  # type: ignore[attr-defined]
    with site.database.reading() as connection:
        connection.execute(sqlalchemy.text("select 1"))
        connection.invalidate()  # as a server that is gone does


def test_metrics_show_when_signing_key_and_keyset_expire(desk: Desk, local: TestClient) -> None:
    (key,) = desk.site.issuer.keyset.keyset.keys
    for name in ("signing_key", "keyset"):
        assert figure(local, f"hostseal_{name}_expiry_timestamp_seconds") == key.exp


def test_metric_labels_contain_no_client_input(desk: Desk, local: TestClient) -> None:
    local.get("/api/v1/licenses/HS-2026-STRANGER", headers=desk.bearer)
    local.get("/stranger")
    local.request("STRANGER", "/api/v1/licenses")
    local.get("/problems/stranger")
    local.get("/static/stranger.css")
    text = local.get("/metrics").text
    assert "stranger" not in text.lower()
    assert 'route="/api/v1/licenses/{number}"' in text
    assert 'route="none"' in text
    assert 'method="other"' in text


@pytest.mark.parametrize(
    ("address", "headers", "more", "status"),
    [
        ("127.0.0.1", {}, {}, 200),
        ("::1", {}, {}, 200),
        ("192.0.2.7", {}, {}, 403),
        ("192.0.2.7", {"X-Forwarded-For": "127.0.0.1"}, {}, 403),
        # A proxy on this machine that is not named speaks for anybody.
        ("127.0.0.1", {"X-Forwarded-For": "127.0.0.1"}, {}, 403),
        ("127.0.0.1", {"X-Forwarded-For": "192.0.2.7"}, {"trusted_proxies": "127.0.0.1"}, 403),
        ("192.0.2.7", {}, {"metrics_from": "192.0.2.0/24"}, 200),
        ("127.0.0.1", {}, {"metrics_from": ""}, 403),
    ],
)
def test_metrics_are_served_only_to_loopback_and_named_networks(
    desk: Desk, address: str, headers: dict[str, str], more: dict[str, Any], status: int
) -> None:
    given = {name: getattr(ServerSettings.read(**more), name) for name in more}
    app = create_app(desk.settings.model_copy(update=given), clock=desk.clock)
    with TestClient(app, base_url="http://testserver", client=(address, 1)) as client:
        reply = client.get("/metrics", headers=headers)
    assert reply.status_code == status
    if status != 200:
        assert not re.search(r"hostseal_\w+", reply.text)

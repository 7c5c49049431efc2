"""Secrets that were planted, in their places and in wrong ones, are told nowhere."""

import json
import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from license_server.db import Database
from license_server.settings import ServerSettings
from tests.server.conftest import Desk
from tests.server.test_desk import hidden
from tests.support import server
from tests.support.server import LINE

WRONG = "canary-typed-by-somebody"
ORDER = {"customer": "ACME", "product": "darwin", "days": 30, "host": LINE}


class Told(NamedTuple):
    """All that a server said to anybody in its life."""

    replies: list[httpx.Response]
    log: str
    backup: bytes
    secrets: dict[str, str]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    folder = tmp_path_factory.mktemp("canaries")
    with server.running_server(folder) as running:
        secrets = {
            "passphrase": server.PASSPHRASE,
            "password": server.PASSWORD,
            "token": running.token.split("_", 2)[2],
            "typed": WRONG,
        }
        with httpx.Client(base_url=running.url, timeout=60) as client:
            replies = list(_say(client, running))
        session = client.cookies["hostseal_session"]
        with httpx.Client(base_url=running.url, timeout=60) as client:
            replies += [client.get(path, headers=running.bearer) for path in _PATHS]
        backup = folder / "backup.tar"
        env = server.environment(running.data)
        done = server.command("backup", "-o", str(backup), "--with-keys", env=env)
        assert done.returncode == 0
        os.kill(running.process.pid, signal.SIGTERM)
        running.process.wait(60)
    log = (folder / "server.log").read_text()
    yield Told(
        replies,
        log + done.stdout + done.stderr,
        backup.read_bytes(),
        secrets | {"session": session},
    )


_PATHS = ("/healthz", "/readyz", "/metrics", "/api/v1/events", "/api/v1/licenses", "/nothing")


def _say(client: httpx.Client, running: server.Running) -> Iterator[httpx.Response]:
    """Requests with secrets in their places, and in places where none belongs."""
    page = client.get("/login")
    form = {"form_token": hidden(page.text, "form_token"), "email": running.admin_email}
    yield client.post("/login", data=form | {"password": WRONG})
    yield client.post("/login", data=form | {"password": running.admin_password})
    for name in ("token", "access_token", "password", "code"):
        for secret in (WRONG, running.token):
            yield client.get("/api/v1/licenses", params={name: secret}, headers=running.bearer)
            yield client.get("/login", params={name: secret})
            wrong = ORDER | {name: secret}
            yield client.post("/api/v1/licenses", json=wrong, headers=running.bearer)
            yield client.post(
                "/api/v1/licenses", content=f"{name}={secret}", headers=running.bearer
            )
    for header in (
        "X-Api-Key",
        "User-Agent",
        "X-Request-Id",
        "Referer",
        "X-Forwarded-For",
        "Cookie",
    ):
        for secret in (WRONG, running.token):
            yield client.get("/api/v1/licenses", headers=running.bearer | {header: secret})
    for scheme in ("Basic", "Token", "Bearer", ""):
        yield client.get("/api/v1/licenses", headers={"Authorization": f"{scheme} {WRONG}".strip()})
    yield client.get("/api/v1/licenses", headers={"Authorization": f"Bearer {running.token}x"})
    yield client.post("/api/v1/licenses", json=ORDER, headers=running.bearer)


def test_requests_went_well_and_wrong(told: Told) -> None:
    assert {200, 201, 303, 400, 401, 404} & {reply.status_code for reply in told.replies} >= {
        200,
        201,
        401,
        404,
    }
    assert told.log.count("\n") >= len(told.replies)


@pytest.mark.parametrize("what", ["passphrase", "password", "token", "typed", "session"])
def test_no_log_reply_or_backup_tells_it(told: Told, what: str) -> None:
    secret = told.secrets[what]
    assert len(secret) > 10
    assert secret not in told.log
    assert secret.encode() not in told.backup
    for reply in told.replies:
        assert secret not in reply.text, reply.request.url
        kept = {name: value for name, value in reply.headers.items() if name != "set-cookie"}
        assert secret not in str(kept), reply.request.url


def test_a_log_line_is_json_and_names_the_request(told: Told) -> None:
    lines = [json.loads(line) for line in told.log.splitlines() if line.startswith("{")]
    ids = {reply.headers["x-request-id"] for reply in told.replies}
    assert ids <= {line["request_id"] for line in lines if line["event"] == "request"}
    for line in lines:
        assert line.keys() <= {
            "event", "level", "timestamp", "request_id", "method", "route", "status", "milliseconds"
        }  # fmt: skip
        if line["event"] == "request":
            assert line["route"] is None or re.fullmatch(r"/[\w/{}:.]*", line["route"])


def test_what_a_statement_was_given_is_in_no_traceback(desk: Desk) -> None:
    with (
        pytest.raises(DBAPIError) as caught,
        desk.site.database.engine.connect() as connection,
    ):
        connection.execute(text("select :secret from nowhere"), {"secret": WRONG})
    assert WRONG not in str(caught.value)


def test_settings_do_not_show_their_secrets() -> None:
    shown = repr(ServerSettings.read(passphrase=WRONG, admin_password=WRONG))
    assert WRONG not in shown


def test_the_password_of_a_database_is_not_told(tmp_path: Path) -> None:
    for url in (
        f"postgresql://hostseal:{WRONG}@127.0.0.1:1/x",
        f"postgresql://hostseal:{WRONG}@[::1/x",
        f"nonsense://hostseal:{WRONG}@a/x",
    ):
        data = server.make(tmp_path / str(abs(hash(url)))).data
        done = server.command("serve", env=server.environment(data, url))
        assert done.returncode > 1
        assert WRONG not in done.stderr + done.stdout, url
    assert WRONG not in repr(
        Database(f"postgresql+psycopg://hostseal:{WRONG}@127.0.0.1:1/x").engine
    )

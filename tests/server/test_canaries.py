"""Planted secrets appear in no log, reply, export or backup."""

import base64
import json
import os
import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import httpx
import pyotp
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from license_server.access import tokens
from license_server.db.database import Database
from license_server.http.problem_types import ROWS
from license_server.operations.data_folder import open_database
from license_server.permissions import PERMISSIONS
from license_server.settings import ServerSettings
from tests.support import server
from tests.support.desk import Desk
from tests.support.pages import hidden
from tests.support.server import EMAIL, LINE, PASSPHRASE, PASSWORD

WRONG = "canary-typed-by-somebody"
ORDER = {"customer": "ACME", "product": "darwin", "days": 30, "host": LINE}


class Told(NamedTuple):
    """All that a server said to anybody in its life, and what it keeps."""

    replies: list[httpx.Response]
    log: str
    files: dict[str, bytes]
    """Backups, exports, and what is in the folder of the data."""
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
            seed, recovery = _set_up_codes(client, running)
        session = client.cookies["hostseal_session"]
        with httpx.Client(base_url=running.url, timeout=60) as client:
            replies += list(_enter_with_codes(client, running, seed, recovery[0]))
            headers = {"Authorization": f"Bearer {_token_of_all(running)}"}
            replies += [client.get(path, headers=headers) for path in _PATHS]
        env, kept = server.environment(running.data), folder / "kept"
        kept.mkdir()
        said = [
            server.at_once(*line, "-o", str(kept / name), env=env)
            for name, *line in (
                ("backup.tar", "backup", "--with-keys"),
                ("record.jsonl", "audit", "export"),
                ("licences.csv", "export", "licenses"),
            )
        ]
        assert not any(done.returncode for done in said)
        paths = [path for place in (kept, running.data) for path in place.rglob("*")]
        files = {path.name: path.read_bytes() for path in paths if path.is_file()}
        os.kill(running.process.pid, signal.SIGTERM)
        running.process.wait(60)
    log = (folder / "server.log").read_text()
    yield Told(
        replies,
        log + "".join(done.stdout + done.stderr for done in said),
        files,
        secrets | {"session": session, "seed": seed, "recovery code": recovery[1]},
    )


_PATHS = (
    "/healthz",
    "/readyz",
    "/metrics",
    "/api/v1/events",
    "/api/v1/licenses",
    "/api/v1/users",
    "/api/v1/tokens",
    "/api/v1/checkpoints",
    "/api/v1/exports/licenses.csv",
    "/api/v1/exports/customers.csv",
    "/api/v1/openapi.json",
    "/nothing",
)


def _token_of_all(running: server.Running) -> str:
    database = open_database(server.settings(running.data))
    token = server.new_token(database, "all", grant=tokens.Grant(frozenset(PERMISSIONS)))
    database.close()
    return token


def _set_up_codes(client: httpx.Client, running: server.Running) -> tuple[str, list[str]]:
    """The seed and the recovery codes of who is signed in, which are told this once."""
    form = {"form_token": hidden(client.get("/account").text, "form_token")}
    page = client.post("/account/codes/new", data=form | {"current": running.admin_password}).text
    shown = re.search(r"<pre[^>]*>([A-Z2-7 ]+)</pre>", page)
    assert shown
    seed = shown[1].replace(" ", "")
    code = pyotp.TOTP(seed).at(int(time.time()))
    form |= {"sealed": hidden(page, "sealed"), "code": code}
    page = client.post("/account/codes/confirm", data=form).text
    recovery = re.findall(r"[A-Z2-7]{4}(?:-[A-Z2-7]{4}){3}", page)
    assert len(recovery) == 10
    return seed, recovery


def _enter_with_codes(
    client: httpx.Client, running: server.Running, seed: str, recovery: str
) -> Iterator[httpx.Response]:
    """Sign in with a recovery code, after the seed was typed in its place."""
    form = {"form_token": hidden(client.get("/login").text, "form_token")}
    who = {"email": running.admin_email, "password": running.admin_password}
    yield client.post("/login", data=form | who)
    form = {"form_token": hidden(client.get("/login/code").text, "form_token")}
    yield client.post("/login/code", data=form | {"code": seed})
    entered = client.post("/login/code", data=form | {"code": recovery})
    assert entered.headers["location"] == "/"
    yield entered
    yield client.get("/account")
    yield client.get("/", params={"q": seed[:8]})


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


def test_canary_requests_include_successes_and_failures(told: Told) -> None:
    assert {200, 201, 303, 400, 401, 404} & {reply.status_code for reply in told.replies} >= {
        200,
        201,
        401,
        404,
    }
    assert told.log.count("\n") >= len(told.replies)


@pytest.mark.parametrize(
    "what",
    ["passphrase", "password", "token", "typed", "session", "seed", "recovery code"],
)
def test_no_log_reply_export_or_backup_contains_a_secret(told: Told, what: str) -> None:
    secret = told.secrets[what]
    assert len(secret) > 10
    for form in _forms(secret):
        assert form not in told.log.encode()
        for name, content in told.files.items():
            assert form not in content, name
        for reply in told.replies:
            assert form not in reply.content, reply.request.url
            kept = {name: value for name, value in reply.headers.items() if name != "set-cookie"}
            assert form not in str(kept).encode(), reply.request.url


def test_search_would_find_a_plaintext_authenticator_seed(told: Told) -> None:
    """Bytes of the database are base64 in a backup, wherever in a value the seed begins."""
    seed = told.secrets["seed"]
    raw = base64.b32decode(seed)
    for before in (b"", b"1", b"12", b"123"):
        value = base64.urlsafe_b64encode(before + raw + b"more").rstrip(b"=")
        assert any(form in value for form in _forms(seed))


def _forms(secret: str) -> Iterator[bytes]:
    """How *secret* would stand somewhere: as it is, and what is base32 also as its bytes would."""
    yield secret.encode()
    plain = secret.replace("-", "")
    if not re.fullmatch(r"[A-Z2-7]+", plain):
        return
    yield plain.encode()
    yield plain.lower().encode()
    yield " ".join(plain[start : start + 4] for start in range(0, len(plain), 4)).encode()
    raw = base64.b32decode(plain)
    yield raw
    yield raw.hex().encode()
    for skipped in range(3):
        whole = raw[skipped : skipped + (len(raw) - skipped) // 3 * 3]
        yield base64.urlsafe_b64encode(whole)
        yield base64.b64encode(whole)


def test_log_lines_are_json_with_request_ids_and_no_other_fields(told: Told) -> None:
    lines = [json.loads(line) for line in told.log.splitlines() if line.startswith("{")]
    ids = {reply.headers["x-request-id"] for reply in told.replies}
    assert ids <= {line["request_id"] for line in lines if line["event"] == "request"}
    of_all = {"event", "level", "timestamp", "request_id"}
    of_requests = {"method", "route", "status", "milliseconds", "slug"}
    of_sign_ins = {"account", "address", "slug"}
    for line in lines:
        more = of_sign_ins if line["event"].startswith("sign") else of_requests
        assert line.keys() <= of_all | more
        if line["event"] == "request":
            assert line["route"] is None or re.fullmatch(r"/[\w/{}:.]*", line["route"])
            assert line.get("slug", "none") in {"none", *ROWS}


def test_database_errors_do_not_show_statement_parameters(desk: Desk) -> None:
    with (
        pytest.raises(DBAPIError) as caught,
        desk.site.database.engine.connect() as connection,
    ):
        connection.execute(text("select :secret from nowhere"), {"secret": WRONG})
    assert WRONG not in str(caught.value)


def test_repr_of_settings_hides_secrets() -> None:
    shown = repr(ServerSettings.read(passphrase=WRONG, admin_password=WRONG))
    assert WRONG not in shown


def test_database_password_is_never_printed(tmp_path: Path) -> None:
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


def test_log_of_desk_and_api_requests_contains_no_secret(tmp_path: Path) -> None:
    import httpx

    with server.running_server(tmp_path) as running:
        with httpx.Client(base_url=running.url, timeout=60) as client:
            page = client.get("/login").text
            token = page.split('name="form_token" value="')[1].split('"')[0]
            fields = {"form_token": token, "email": EMAIL, "password": PASSWORD}
            session = client.post("/login", data=fields).cookies["hostseal_session"]
            client.get("/licenses", params={"q": "x"})
            order = {"customer": "ACME", "product": "darwin", "days": 1, "host": LINE}
            client.post("/api/v1/licenses", json=order, headers=running.bearer)
            client.post("/login", data=fields | {"password": "wrong password"})
        running.process.terminate()
        assert running.process.wait(60) in (0, -15)
    log = (tmp_path / "server.log").read_text()
    lines = [json.loads(line) for line in log.splitlines()]
    assert {line.get("route") for line in lines} >= {"/login", "/api/v1/licenses"}
    for secret in (PASSWORD, PASSPHRASE, "wrong password", session, token, running.token[-20:]):
        assert secret not in log


def test_database_contains_no_plaintext_secret(tmp_path: Path) -> None:
    import httpx

    with server.running_server(tmp_path) as running:
        with httpx.Client(base_url=running.url, timeout=60) as client:
            page = client.get("/login").text
            token = page.split('name="form_token" value="')[1].split('"')[0]
            fields = {"form_token": token, "email": EMAIL, "password": PASSWORD}
            session = client.post("/login", data=fields).cookies["hostseal_session"]
        stored = b"".join(p.read_bytes() for p in running.data.glob("hostseal.db*"))
        for secret in (PASSWORD, session, running.token.split("_", 2)[2]):
            assert secret.encode() not in stored
    assert os.listdir(tmp_path)

"""nginx and Caddy before the real server, from the shipped files."""

import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import NamedTuple
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from license_server.operations import data_folder
from tests.support import proxies, server
from tests.support.oidc_provider import SECRET
from tests.support.pages import form, hidden
from tests.support.proxies import HOST, Proxy

LARGEST = 16 * 1024 * 1024


class Front(NamedTuple):
    """A server behind a proxy."""

    proxy: Proxy
    data: Path
    token: str

    def import_(self, size: int) -> httpx.Response:
        """Send a file of *size* bytes that is no CSV file."""
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "text/csv"}
        with self.proxy.client() as client:
            return client.post("/api/v1/imports", content=b"x" * size, headers=headers)

    def events(self, action: str) -> list[tuple[str, str]]:
        """The subject and the address of what was done."""
        query = "select subject, address from audit_events where action = ? order by id"
        with closing(sqlite3.connect(self.data / "hostseal.db")) as connection:
            return connection.execute(query, (action,)).fetchall()


@pytest.fixture(scope="module")
def provider() -> Iterator[str]:
    """The address of an identity provider that runs."""
    line = [sys.executable, "-m", "tests.support.oidc_provider"]
    with subprocess.Popen(line, cwd=server.REPOSITORY, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().decode().strip()
        finally:
            process.kill()


@pytest.fixture(scope="module", params=["nginx", "caddy"])
def front(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, provider: str
) -> Iterator[Front]:
    """A server with single sign-on, told which proxy to trust but not by what name it is known."""
    folder = tmp_path_factory.mktemp(request.param)
    data = folder / "vendor" / "server"
    made = server.make(data)
    database = data_folder.open_database(made)
    token = server.new_token(database, "test")
    database.close()
    (folder / "secret").write_text(f"{SECRET}\n")
    more = {
        "LICENSE_SERVER_TRUSTED_PROXIES": "127.0.0.1",
        "LICENSE_SERVER_OPENID_ISSUER": provider,
        "LICENSE_SERVER_OPENID_CLIENT_SECRET_FILE": str(folder / "secret"),
    }
    with server.serving(data, **more) as (url, _):
        upstream = url.removeprefix("http://")
        with proxies.running(request.param, folder, upstream) as proxy:
            yield Front(proxy, data, token)


def sign_in(client: httpx.Client) -> None:
    token = hidden(client.get("/login").text, "form_token")
    fields = {"form_token": token, "email": server.EMAIL, "password": server.PASSWORD, "next": ""}
    done = client.post("/login", data=fields)
    assert done.status_code == 303, done.text


def test_import_of_16_mib_reaches_the_server_and_is_judged_there(front: Front) -> None:
    most = front.import_(LARGEST)
    assert (most.status_code, most.headers["content-type"]) == (422, "application/problem+json")
    assert front.import_(LARGEST + 2 * 1024 * 1024).status_code == 413


def test_invitation_and_sign_in_begin_with_the_address_of_the_proxy(front: Front) -> None:
    with front.proxy.client() as client:
        sign_in(client)
        page = client.get("/people/new").text
        email = f"guest-{os.urandom(4).hex()}@example.com"
        fields = form(page, "/people/invitations") | {"email": email}
        made = client.post("/people/invitations", data=fields)
        assert made.status_code == 201, made.text
        assert f"https://{HOST}/invitation?secret=" in made.text
    with front.proxy.client() as client:
        to = client.get("/login/openid").headers["location"]
        asked = parse_qs(urlsplit(to).query)
        assert asked["redirect_uri"] == [f"https://{HOST}/login/openid/return"]


def test_forwarded_address_of_a_client_is_not_believed(front: Front) -> None:
    claimed = {"X-Forwarded-For": "192.0.2.66", "Forwarded": "for=192.0.2.66"}
    with front.proxy.client("127.0.0.9") as client:
        client.headers.update(claimed | {"X-Real-IP": "192.0.2.66"})
        sign_in(client)
    assert front.events("session.opened")[-1][1] == "127.0.0.9"


def test_cookies_are_for_https_alone(front: Front) -> None:
    with front.proxy.client() as client:
        client.headers["X-Forwarded-Proto"] = "http"
        reply = client.get("/login")
        assert "secure" in reply.headers["set-cookie"].lower()
        assert "strict-transport-security" in reply.headers


def test_plain_http_leads_to_https(front: Front) -> None:
    asked = httpx.get(
        f"http://127.0.0.1:{front.proxy.http}/login?next=/",
        headers={"Host": HOST},
        trust_env=False,
        timeout=60,
    )
    assert asked.status_code == 308
    to = urlsplit(asked.headers["location"])
    assert (to.scheme, to.hostname, to.path, to.query) == ("https", HOST, "/login", "next=/")


def test_metrics_are_hidden_and_readiness_is_not(front: Front) -> None:
    with front.proxy.client() as client:
        assert client.get("/metrics").status_code == 404
        assert client.get("/readyz").json() == {"ready": True}


def test_another_name_is_not_served(front: Front) -> None:
    with front.proxy.client(host="evil.example.com") as client:
        reply = client.get("/login")
    assert reply.status_code == 421 or not reply.content


def test_logs_have_no_secret_of_a_link(front: Front, tmp_path: Path) -> None:
    """Not even where the server does not answer."""
    name = front.proxy.name
    with proxies.running(name, tmp_path, "127.0.0.1:1") as lonely:
        for proxy, status in ((front.proxy, 410), (lonely, 502)):
            with proxy.client() as client:
                asked = client.get("/invitation", params={"secret": "sesame-of-this-test"})
                assert asked.status_code == status
                logs = [path for path in proxy.folder.rglob("*.log") if path.is_file()]
                assert [path for path in logs if b"sesame-of-this" in path.read_bytes()] == []
    assert any(b"/invitation" in path.read_bytes() for path in tmp_path.glob("*.log"))

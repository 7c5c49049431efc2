"""The client and a running server: a request goes out by a link, and its licence is installed."""

import json
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import patch

import pytest

from license_cli import portal
from license_server.access.tokens import Grant
from license_server.operations import data_folder
from license_server.permissions import PERMISSIONS
from tests.support import server
from tests.support.certificates import certificate
from tests.support.cli import Done, World, code
from tests.support.way_out import Front, proxy, tls


class Site(NamedTuple):
    """A vendor's server, and a front before it with TLS."""

    running: server.Running
    token: str
    front: Front
    url: str
    authority: str

    def api(self, path: str, **members: Any) -> Any:
        """What the API answers."""
        request = urllib.request.Request(
            f"{self.running.url}/api/v1{path}",
            json.dumps(members).encode(),
            {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("portal")
    context, authority = certificate(folder)
    with server.running_server(folder) as running:
        opened = data_folder.open_database(server.settings(running.data))
        token = server.new_token(opened, "all", grant=Grant(frozenset(PERMISSIONS)))
        opened.close()
        front = Front(running.url)
        with tls(front, context) as url:
            made = Site(running, token, front, url, authority)
            made.api("/products", name="darwin")
            yield made


class Operator(NamedTuple):
    """A container of a customer who was invited."""

    world: World
    site: Site
    secret: str

    @property
    def link(self) -> str:
        """As it was mailed."""
        return f"{self.site.url}/portal/open?secret={self.secret}"

    def run(self, *words: str, env: dict[str, str] | None = None, **more: Any) -> Done:
        """A command that trusts the vendor's CA."""
        known = {"SSL_CERT_FILE": self.site.authority, "no_proxy": ""} | (env or {})
        return self.world.run(*words, env=known, now=int(time.time()), **more)


@pytest.fixture
def operator(site: Site, tmp_path: Path) -> Operator:
    world = World(tmp_path, int(time.time()))
    (world.keys / "root.pub.pem").write_bytes(site.running.root_pub_pem.read_bytes())
    customer = site.api("/customers", name=f"Customer {tmp_path.name}")["id"]
    invited = site.api(f"/customers/{customer}/portal-links", products=["darwin"])
    site.front.seen.clear()
    return Operator(world, site, invited["secret"])


def issue(site: Site, id_: int) -> str:
    return str(site.api(f"/requests/{id_}/issue", days=30)["id"])


@pytest.fixture(autouse=True)
def _no_pause() -> Iterator[None]:
    """No wait between attempts; what is tested is that there are some."""
    with patch.object(portal, "PAUSE", 0.0):
        yield


def test_request_goes_out_by_a_link_and_its_licence_is_installed(operator: Operator) -> None:
    site, world = operator.site, operator.world
    link = world.write(operator.link.encode(), "link")
    asked: list[str] = []
    with proxy(asked) as through:
        env = {"HTTPS_PROXY": through}
        site.front.broken["requests"] = 10
        submit = ("request", "--submit", f"{site.url}/portal", "--token-file", link)
        sent = operator.run("--json", *submit, env=env)
        assert sent.exit_code == 0, sent.err
        told = sent.json()
        assert told["url"] == f"{site.url}/portal/api/requests/{told['id']}"
        early = operator.run("install", told["url"], "--token-file", link, env=env)
        assert early.exit_code == code("not-found")
        assert "no licence for this host yet" in early.err
        number = issue(site, told["id"])
        site.front.broken["license.dat"] = 100
        done = operator.run("install", told["url"], "--token-file", link, env=env)
    assert done.exit_code == 0, done.err
    assert number in done.out
    assert operator.run("verify").exit_code == 0
    assert set(asked) == {site.url.removeprefix("https://")}
    ranges = [seen[2] for seen in site.front.seen if seen[1].endswith("license.dat")]
    assert ranges == [None, "bytes=100-"], "it goes on where it broke off"
    posts = [seen for seen in site.front.seen if seen[0] == "POST"]
    assert len(posts) == 2, "what broke off is sent again, and is one request"
    assert operator.secret not in sent.out + sent.err + early.err + done.out + done.err


def test_licence_of_this_host_is_found_by_the_link_alone_and_waited_for(
    operator: Operator,
) -> None:
    site = operator.site
    sent = operator.run("--json", "request", "--submit", operator.link).json()
    pauses: list[float] = []

    def sleep(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 3:
            issue(site, sent["id"])

    way = portal.Way(sleep=sleep, clock=lambda: sum(pauses))
    with patch.object(portal, "Way", lambda *given: way._replace(ca=given[0])):
        done = operator.run("install", operator.link, "--wait", "3600")
    assert done.exit_code == 0, done.err
    assert pauses == [5.0, 10.0, 20.0]
    piped = operator.run(
        *("install", f"{site.url}/portal", "--token-file", "-"), stdin=operator.link.encode()
    )
    assert piped.exit_code == 0, piped.err


def test_what_is_not_trusted_or_not_the_customers_is_refused(operator: Operator) -> None:
    site = operator.site
    unknown = operator.run("request", "--submit", operator.link, env={"SSL_CERT_FILE": ""})
    assert unknown.exit_code == code("server-unreachable")
    assert "--ca FILE" in unknown.err
    named = ("--ca", site.authority)
    done = operator.run("request", "--submit", operator.link, *named, env={"SSL_CERT_FILE": ""})
    assert done.exit_code == 0
    clear = operator.run("install", "http://vendor.example/portal/open?secret=abc")
    assert clear.exit_code == code("not-permitted")
    assert "unencrypted" in clear.err
    assert "abc" not in clear.err
    without = operator.run("install", f"{site.url}/portal/open")
    assert without.exit_code == code("usage")
    guessed = operator.run("install", f"{site.url}/portal/open?secret={'a' * 43}")
    assert guessed.exit_code == code("not-authenticated")
    sent = operator.run("--json", "request", "--submit", operator.link).json()
    site.api(f"/requests/{sent['id']}/refuse", reason="no order")
    refused = operator.run("install", sent["url"], env={"LICENSE_TOKEN": operator.link})
    assert refused.exit_code == code("not-permitted")
    assert "The vendor refused the request" in refused.err

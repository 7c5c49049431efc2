"""Single sign-on with OpenID Connect, against a real provider process."""

import hmac
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet
from starlette.testclient import TestClient

from license_core import b64url
from license_server.access import (
    access_store,
    accounts,
    invitations,
    openid,
)
from license_server.access.access_store import StoredUser
from license_server.access.errors import OpenIdRefusedError
from license_server.actor import COMMAND
from license_server.app import create_app
from license_server.db.errors import InputInvalidError
from license_server.http.documents import KEPT_SECONDS, LARGEST
from license_server.site import Site
from license_server.web.session import SESSION
from tests.support import server
from tests.support.desk import Clock
from tests.support.oidc_provider import CLIENT, SECRET

BROWSER = httpx.Client(timeout=60)
SUBJECTS = iter(range(10**9))


@pytest.fixture(scope="module")
def provider() -> Iterator[str]:
    """The address of a provider that runs."""
    line = [sys.executable, "-m", "tests.support.oidc_provider"]
    with subprocess.Popen(line, cwd=server.REPOSITORY, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().decode().strip()
        finally:
            process.kill()


class Vendor(NamedTuple):
    """A server that knows the provider, and a browser."""

    client: TestClient
    site: Site
    clock: Clock
    provider: str

    def say(self, **said: Any) -> None:
        """Let the provider say that from now on."""
        said.setdefault("now", self.clock.now)
        BROWSER.post(f"{self.provider}/say", json=said)

    def begin(self, next_: str = "") -> str:
        """The way back that the provider gives, as a path of this server."""
        reply = self.client.get("/login/openid", params={"next": next_} if next_ else {})
        assert reply.status_code == 303
        back = BROWSER.get(reply.headers["location"])
        assert back.status_code == 302, back.text
        return back.headers["location"].removeprefix("http://testserver")

    def user(self, email: str) -> StoredUser | None:
        with self.site.database.reading() as connection:
            return access_store.user_by_email(connection, email)

    def add(self, role: str = "reader") -> str:
        email = f"openid-{os.urandom(4).hex()}@example.com"
        self.site.database.write(
            lambda c: accounts.insert(c, email, "!", role, COMMAND, self.clock.now)
        )
        return email

    def invite(self, role: str = "auditor") -> str:
        email = f"invited-{os.urandom(4).hex()}@example.com"
        self.site.database.write(
            lambda c: invitations.invite(c, email, role, COMMAND, self.clock.now, os.urandom)
        )
        return email


def person(email: str, **more: Any) -> dict[str, Any]:
    claims = {"sub": f"s{next(SUBJECTS)}", "email": email, "email_verified": True}
    return claims | more


@pytest.fixture(scope="module")
def secret(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("secret") / "openid"
    path.write_text(f"{SECRET}\n")
    return path


def serve(data: Path, provider: str, secret: Path, **more: Any) -> Iterator[Vendor]:
    clock = Clock()
    server.make(data, now=clock.now)
    settings = server.settings(
        data,
        openid_issuer=provider,
        openid_client_id=CLIENT,
        openid_client_secret_file=secret,
        **more,
    )
    app = create_app(settings, clock=clock, random=os.urandom)
    with TestClient(app, follow_redirects=False) as client:
        yield Vendor(client, app.state.server.site, clock, provider)


@pytest.fixture(scope="module")
def _known(
    provider: str, secret: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Vendor]:
    yield from serve(tmp_path_factory.mktemp("openid") / "server", provider, secret)


@pytest.fixture
def vendor(_known: Vendor) -> Vendor:
    _known.client.cookies.clear()
    _known.clock.now += KEPT_SECONDS  # what was kept of the provider is old
    _known.say()
    return _known


def refused(reply: Any) -> str:
    assert reply.status_code == 403
    assert "Single sign-on was refused" in reply.text
    assert SESSION not in reply.cookies
    return str(reply.text)


def test_single_sign_on_binds_an_account_to_its_subject(vendor: Vendor) -> None:
    email = vendor.add("issuer")
    claims = person(email)
    vendor.say(claims=claims)
    assert "/login/openid" in vendor.client.get("/login").text
    reply = vendor.client.get(vendor.begin("/licenses/new"))
    assert (reply.status_code, reply.headers["location"]) == (303, "/licenses/new")
    assert vendor.client.get("/licenses/new").status_code == 200
    # From now on the subject counts, whatever becomes of the address.
    vendor.client.cookies.clear()
    vendor.say(claims=claims | {"email": "changed@example.com"})
    assert vendor.client.get(vendor.begin()).status_code == 303
    assert vendor.user("changed@example.com") is None


def test_single_sign_on_accepts_an_invitation_with_its_role(vendor: Vendor) -> None:
    email = vendor.invite("auditor")
    vendor.say(claims=person(email))
    assert vendor.client.get(vendor.begin()).status_code == 303
    user = vendor.user(email)
    assert user is not None
    assert (user.role, user.password_hash) == ("auditor", "!")
    with vendor.site.database.reading() as connection:
        assert email not in [one.email for one in access_store.list_invitations(connection)]


def test_single_sign_on_rejects_uninvited_users(vendor: Vendor) -> None:
    email = f"stranger-{os.urandom(4).hex()}@example.com"
    vendor.say(claims=person(email))
    assert "not been invited" in refused(vendor.client.get(vendor.begin()))
    assert vendor.user(email) is None


def test_single_sign_on_rejects_an_expired_invitation(vendor: Vendor) -> None:
    email = vendor.invite()
    vendor.clock.now += 8 * 86400
    vendor.say(claims=person(email))
    assert "not been invited" in refused(vendor.client.get(vendor.begin()))


def test_single_sign_on_rejects_a_disabled_account(vendor: Vendor) -> None:
    email = vendor.add()
    user = vendor.user(email)
    assert user is not None
    vendor.site.database.write(lambda c: accounts.end(c, user, COMMAND, vendor.clock.now))
    vendor.say(claims=person(email))
    assert "no longer sign in" in refused(vendor.client.get(vendor.begin()))


def test_single_sign_on_rejects_a_second_subject_for_an_email(vendor: Vendor) -> None:
    email = vendor.add()
    vendor.say(claims=person(email))
    assert vendor.client.get(vendor.begin()).status_code == 303
    vendor.client.cookies.clear()
    vendor.say(claims=person(email))
    assert "another account" in refused(vendor.client.get(vendor.begin()))


WRONG: dict[str, Callable[[Vendor], dict[str, Any]]] = {
    "another nonce": lambda _: {"claims": {"nonce": "another"}},
    "no nonce": lambda _: {"claims": {"nonce": None}},
    "another audience": lambda _: {"claims": {"aud": "another"}},
    "no audience": lambda _: {"claims": {"aud": None}},
    "two audiences without a party": lambda _: {"claims": {"aud": [CLIENT, "another"]}},
    "for another party": lambda _: {"claims": {"aud": [CLIENT, "x"], "azp": "x"}},
    "another issuer": lambda _: {"claims": {"iss": "https://example.com"}},
    "expired": lambda vendor: {"claims": {"exp": vendor.clock.now - 61}},
    "without an end": lambda _: {"claims": {"exp": None}},
    "issued later": lambda vendor: {"claims": {"iat": vendor.clock.now + 3600}},
    "another key": lambda _: {"key": "other"},
    "not verified": lambda _: {"claims": {"email_verified": False}},
    "verified, as a text": lambda _: {"claims": {"email_verified": "true"}},
    "no address": lambda _: {"claims": {"email": None}},
    "no subject": lambda _: {"claims": {"sub": None}},
}


@pytest.mark.parametrize("wrong", WRONG)
def test_id_tokens_with_wrong_claims_are_rejected(vendor: Vendor, wrong: str) -> None:
    email = vendor.add()
    said = WRONG[wrong](vendor)
    vendor.say(**(said | {"claims": person(email) | said.get("claims", {})}))
    refused(vendor.client.get(vendor.begin()))
    assert vendor.client.get("/licenses").status_code == 303
    user = vendor.user(email)
    assert user is not None
    assert user.issuer_subject is None


def test_unsigned_and_hmac_signed_id_tokens_are_rejected() -> None:
    key = ECKey.generate_key("P-256", {"kid": "one"})
    client = openid.Client("https://p.example", CLIENT, SECRET, "groups", {})
    asked = openid.Asked("state", "nonce", "verifier", "https://d.example", "")
    claims = {
        "iss": client.issuer,
        "sub": "s",
        "aud": CLIENT,
        "iat": 1_900_000_000,
        "exp": 1_900_000_300,
        "nonce": "nonce",
    }
    keys = KeySet([key]).as_dict(private=False)
    good = jwt.encode({"alg": "ES256", "kid": "one"}, claims, key, ["ES256"])
    assert openid.read_token(good, keys, client, asked, 1_900_000_000)["sub"] == "s"
    head, body, _ = good.split(".")
    none = "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0"
    hs256 = b64url.encode(b'{"alg":"HS256","kid":"one","typ":"JWT"}')
    mac = hmac.digest(key.as_pem(private=False), f"{hs256}.{body}".encode(), "sha256")
    confused = f"{hs256}.{body}.{b64url.encode(mac)}"
    for token in (f"{none}.{body}.", f"{head}.{body}.", f"{head}.{body}", "", "x", confused):
        with pytest.raises(OpenIdRefusedError):
            openid.read_token(token, keys, client, asked, 1_900_000_000)


def test_openid_state_works_only_once(vendor: Vendor) -> None:
    vendor.say(claims=person(vendor.add()))
    back = vendor.begin()
    kept = vendor.client.cookies["hostseal_openid"]
    assert vendor.client.get(back).status_code == 303
    vendor.client.cookies.clear()
    refused(vendor.client.get(back))  # the browser remembers no more
    vendor.client.cookies.set("hostseal_openid", kept)
    refused(vendor.client.get(back))  # and the provider takes no code twice


def test_openid_state_of_another_browser_is_rejected(vendor: Vendor) -> None:
    vendor.say(claims=person(vendor.add()))
    stolen = vendor.begin()
    vendor.client.cookies.clear()
    assert "not started in this browser" in refused(vendor.client.get(stolen))
    vendor.begin()
    assert "state" in refused(vendor.client.get(stolen))
    for cookie in ("", "x", ".", "a.b", "é"):
        vendor.client.cookies.clear()
        headers = {b"cookie": f"hostseal_openid={cookie}".encode("latin-1")}
        refused(vendor.client.get(stolen, headers=headers))


def test_single_sign_on_rejects_a_late_return(vendor: Vendor) -> None:
    vendor.say(claims=person(vendor.add()))
    back = vendor.begin()
    vendor.clock.now += 600
    assert "too long" in refused(vendor.client.get(back))


def test_single_sign_on_rejects_replies_of_another_provider(vendor: Vendor) -> None:
    vendor.say(claims=person(vendor.add()))
    query = parse_qs(urlsplit(vendor.begin()).query)
    given = {"code": query["code"][0], "state": query["state"][0], "iss": "https://example.com"}
    assert "another provider" in refused(vendor.client.get("/login/openid/return", params=given))
    query = parse_qs(urlsplit(vendor.begin()).query)
    given = {"state": query["state"][0], "error": "access_denied"}
    assert "access_denied" in refused(vendor.client.get("/login/openid/return", params=given))
    vendor.say(issuer="https://example.com")
    vendor.clock.now += KEPT_SECONDS
    assert vendor.client.get("/login/openid").status_code == 403


def test_return_address_stays_on_this_server(vendor: Vendor) -> None:
    vendor.say(claims=person(vendor.add()))
    reply = vendor.client.get(vendor.begin("https://example.com/"))
    assert reply.headers["location"] == "/"


def test_single_sign_on_still_asks_for_a_one_time_code(vendor: Vendor) -> None:
    email = vendor.add()
    user = vendor.user(email)
    assert user is not None
    vendor.site.database.write(lambda c: access_store.change_user(c, user.id, totp=b"sealed"))
    vendor.say(claims=person(email))
    reply = vendor.client.get(vendor.begin())
    assert (reply.headers["location"], SESSION in reply.cookies) == ("/login/code", False)


def test_provider_groups_decide_the_role_where_mapped(
    provider: str, secret: Path, tmp_path: Path
) -> None:
    roles = {"readers": "reader", "issuers": "issuer"}
    for vendor in serve(tmp_path / "server", provider, secret, openid_roles=roles):
        email = "mapped@example.com"
        claims = person(email, groups=["others", "readers", "issuers"])
        for groups, role in ((claims["groups"], "issuer"), (["readers"], "reader")):
            vendor.client.cookies.clear()
            vendor.say(claims=claims | {"groups": groups})
            assert vendor.client.get(vendor.begin()).status_code == 303
            user = vendor.user(email)
            assert user is not None
            assert user.role == role
        for none in (["others"], None, [], "", {"readers": 1}, [["readers"]]):
            vendor.client.cookies.clear()
            vendor.say(claims=claims | {"groups": none})
            assert "maps to no role" in refused(vendor.client.get(vendor.begin()))


def test_unreachable_provider_is_reported_with_503(secret: Path, tmp_path: Path) -> None:
    for vendor in serve(tmp_path / "server", "http://127.0.0.1:1", secret):
        reply = vendor.client.get("/login/openid")
        assert (reply.status_code, "retry-after" in reply.headers) == (503, True)
        assert "is not responding" in reply.text


def test_invalid_openid_settings_prevent_the_start(secret: Path, tmp_path: Path) -> None:
    data = tmp_path / "server"
    server.make(data)
    for more, field in (
        ({"openid_client_secret_file": None}, "CLIENT_SECRET_FILE"),
        ({"openid_client_secret_file": secret, "openid_roles": {"a": "king"}}, "ROLES"),
    ):
        settings = server.settings(data, openid_issuer="https://p.example", **more)
        with pytest.raises(InputInvalidError, match=field):
            create_app(settings)


def test_openid_pages_are_missing_without_a_provider(desk: Any) -> None:
    assert desk.client.get("/login/openid").status_code == 404
    assert desk.client.get("/login/openid/return").status_code == 404
    assert "/login/openid" not in desk.client.get("/login").text


JUNK = (
    "",
    "null",
    "[]",
    "3",
    '"text"',
    "{}",
    pytest.param("[" * 2000, id="deep"),
    '{"keys":3}',
    '{"keys":[3]}',
    '"\\ud800"',
)


@pytest.mark.parametrize("path", ["openid-configuration", "keys", "token"])
@pytest.mark.parametrize("text", [*JUNK, '{"id_token":3}', '{"error":[]}', '{"keys":[{"kty":3}]}'])
def test_junk_from_the_provider_is_a_plain_refusal(vendor: Vendor, path: str, text: str) -> None:
    said = {"claims": person(vendor.add())}
    vendor.say(**said)
    back = None if path == "openid-configuration" else vendor.begin()
    vendor.say(**said, junk={path: text})
    reply = vendor.client.get(back or "/login/openid")
    assert reply.status_code in (403, 503), reply.text
    assert SESSION not in reply.cookies
    assert "unexpected" not in reply.text


@pytest.mark.parametrize("name", ["authorization_endpoint", "token_endpoint", "jwks_uri"])
@pytest.mark.parametrize("value", ["3", "null", '"javascript:alert(1)"', '"http://"', '"x"'])
def test_addresses_that_are_none_are_refused(vendor: Vendor, name: str, value: str) -> None:
    said = {"claims": person(vendor.add())}
    endpoints = {
        "authorization_endpoint": '"{url}/authorize"',
        "token_endpoint": '"{url}/token"',
        "jwks_uri": '"{url}/keys"',
    }
    told = ", ".join(f'"{n}": {v}' for n, v in (endpoints | {name: value}).items())
    vendor.say(**said, junk={"openid-configuration": f'{{"issuer": "{{url}}", {told}}}'})
    reply = vendor.client.get("/login/openid")
    if reply.status_code == 303 and name != "authorization_endpoint":
        back = BROWSER.get(reply.headers["location"]).headers["location"]
        reply = vendor.client.get(back.removeprefix("http://testserver"))
    assert reply.status_code in (403, 503) or value == '"http://"'
    assert SESSION not in reply.cookies


def test_answers_of_the_provider_are_bounded(vendor: Vendor) -> None:
    said = {"claims": person(vendor.add())}
    vendor.say(**said)
    back = vendor.begin()
    vendor.say(**said, junk={"keys": '{"keys":[' + " " * LARGEST + "]}"})
    assert vendor.client.get(back).status_code == 503
    back = vendor.begin()
    vendor.say(**said, junk={"keys": '{"keys":[' + " " * (LARGEST - 11) + "]}"})
    assert vendor.client.get(back).status_code == 403  # it is read, and has no key


def test_description_and_keys_are_read_once_in_ten_minutes(vendor: Vendor) -> None:
    before = BROWSER.get(f"{vendor.provider}/asked").json()
    for _ in range(3):
        vendor.say(claims=person(vendor.add()))
        assert vendor.client.get(vendor.begin()).status_code == 303
    after = BROWSER.get(f"{vendor.provider}/asked").json()
    for path in ("/.well-known/openid-configuration", "/keys"):
        assert after[path] - before.get(path, 0) == 1


def test_keys_are_read_afresh_where_the_provider_has_rotated_them(vendor: Vendor) -> None:
    vendor.say(claims=person(vendor.add()))
    assert vendor.client.get(vendor.begin()).status_code == 303
    vendor.say(claims=person(vendor.add()), rotated=True)
    assert vendor.client.get(vendor.begin()).status_code == 303

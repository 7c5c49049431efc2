"""Client addresses behind proxies: what a client writes itself never counts."""

from ipaddress import ip_network

import pytest
from starlette.testclient import TestClient

from license_server.app import create_app
from license_server.audit import audit_store
from license_server.db.errors import InputInvalidError
from license_server.http import proxies
from license_server.settings import ServerSettings
from tests.support.desk import Desk
from tests.support.server import LINE

TRUSTED = (ip_network("10.0.0.0/8"), ip_network("2001:db8::/32"))


def headers(*values: str) -> list[tuple[bytes, bytes]]:
    return [(b"x-forwarded-for", value.encode("latin-1")) for value in values]


@pytest.mark.parametrize(
    ("peer", "told", "client"),
    [
        ("203.0.113.9", (), "203.0.113.9"),
        ("203.0.113.9", ("198.51.100.1",), "203.0.113.9"),  # nobody trusts this peer
        ("127.0.0.1", ("198.51.100.1",), "127.0.0.1"),  # nor loopback, unless it is named
        ("10.0.0.1", (), "10.0.0.1"),
        ("10.0.0.1", ("198.51.100.1",), "198.51.100.1"),
        ("10.0.0.1", ("1.2.3.4, 198.51.100.1",), "198.51.100.1"),  # 1.2.3.4 is the client's word
        ("10.0.0.1", ("1.2.3.4", "198.51.100.1"), "198.51.100.1"),
        ("10.0.0.1", ("198.51.100.1, 10.0.0.2",), "198.51.100.1"),
        ("10.0.0.1", ("10.9.9.9, 198.51.100.1, 10.0.0.2",), "198.51.100.1"),
        ("10.0.0.1", ("10.0.0.3, 10.0.0.2",), "10.0.0.3"),
        ("10.0.0.1", ("198.51.100.1, nonsense",), "10.0.0.1"),
        ("10.0.0.1", ("198.51.100.1, nonsense, 10.0.0.2",), "10.0.0.2"),
        ("10.0.0.1", ("",), "10.0.0.1"),
        ("10.0.0.1", (" 198.51.100.1:4711 ",), "198.51.100.1"),
        ("10.0.0.1", ("[2001:db9::7]:4711",), "2001:db9::7"),
        ("10.0.0.1", ("::ffff:198.51.100.1",), "198.51.100.1"),
        ("::ffff:10.0.0.1", ("198.51.100.1",), "198.51.100.1"),
        ("2001:db8::1", ("2001:db9::7",), "2001:db9::7"),
        ("a socket", ("198.51.100.1",), "a socket"),
    ],
)
def test_client_is_the_rightmost_address_that_is_no_trusted_proxy(
    peer: str, told: tuple[str, ...], client: str
) -> None:
    assert proxies.client(peer, headers(*told), TRUSTED) == client


@pytest.mark.parametrize(
    ("peer", "told", "scheme"),
    [
        ("10.0.0.1", "https", "https"),
        ("10.0.0.1", "https, http", "http"),
        ("10.0.0.1", "gopher", None),
        ("203.0.113.9", "https", None),
    ],
)
def test_only_a_trusted_proxy_sets_the_scheme(peer: str, told: str, scheme: str | None) -> None:
    given = [(b"x-forwarded-proto", told.encode())]
    assert proxies.scheme(peer, given, TRUSTED) == scheme


@pytest.mark.parametrize("text", ["everywhere", "10.0.0.1/8", "10.0.0.0/8;::1"])
def test_malformed_trusted_proxies_are_rejected(text: str) -> None:
    with pytest.raises(InputInvalidError, match="TRUSTED_PROXIES"):
        ServerSettings.read(trusted_proxies=text)


@pytest.mark.parametrize(
    ("trusted", "recorded"), [("", "10.0.0.1"), ("10.0.0.1, 192.0.2.0/24", "198.51.100.1")]
)
def test_audit_log_records_the_trusted_client_address(
    desk: Desk, trusted: str, recorded: str
) -> None:
    networks = ServerSettings.read(trusted_proxies=trusted).trusted_proxies
    settings = desk.settings.model_copy(update={"trusted_proxies": networks})
    app = create_app(settings, clock=desk.clock)
    with TestClient(app, base_url="http://testserver", client=("10.0.0.1", 1)) as client:
        told = {"X-Forwarded-For": "1.2.3.4, 198.51.100.1", "X-Forwarded-Proto": "https"}
        order = {"customer": "ACME", "product": "darwin", "days": 9, "host": LINE}
        made = client.post("/api/v1/licenses", json=order, headers=desk.bearer | told)
        assert made.status_code == 201
        assert ("strict-transport-security" in made.headers) == bool(trusted)
    with desk.site.database.reading() as connection:
        (event,) = audit_store.trail(connection, [made.json()["id"]])
    assert event.address == recorded

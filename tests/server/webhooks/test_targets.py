"""Nothing is sent into private networks: not by address, by name, by redirect or by rebinding."""

import asyncio
import itertools
import ssl
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address, ip_network
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from license_server.db.errors import InputInvalidError
from license_server.settings import Network
from license_server.webhooks import pinned, targets
from license_server.webhooks.pinned import Resolve, TargetRefusedError
from tests.support.hooks import LOOPBACK, Answer, end, names

PRIVATE = (
    *("127.0.0.1", "127.255.255.254", "0.0.0.0", "0.1.2.3", "10.1.2.3", "172.16.0.1"),
    *("192.168.1.1", "169.254.169.254", "100.64.0.1", "100.100.100.200", "192.0.0.1"),
    *("192.0.2.1", "198.18.0.1", "198.51.100.7", "203.0.113.9", "224.0.0.1", "239.1.1.1"),
    *("240.0.0.1", "255.255.255.255", "192.88.99.1"),
    *("::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1", "fd12::1", "fec0::1", "ff02::1"),
    *("::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:a9fe:a9fe", "::127.0.0.1"),
    *("64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1", "2002:7f00:1::1"),
    *("2002:a9fe:a9fe::", "2001:0:4136:e378:8000:63bf:80ff:fffe", "2001:db8::1", "100::1"),
)
PUBLIC = ("93.184.216.34", "2606:2800:220:1::1", "64:ff9b::5db8:d822", "::ffff:93.184.216.34")
"""Of nobody whom a test would reach: they are judged only."""


@pytest.mark.parametrize("address", PRIVATE)
def test_address_of_a_private_network_is_refused(address: str) -> None:
    assert targets.refusal(address, ()) is not None


@pytest.mark.parametrize("address", PUBLIC)
def test_public_address_is_allowed(address: str) -> None:
    assert targets.refusal(address, ()) is None


def test_network_that_the_setting_names_is_allowed_and_its_neighbour_is_not() -> None:
    allowed = [ip_network("10.1.0.0/16")]
    assert targets.refusal("10.1.2.3", allowed) is None
    assert targets.refusal("::ffff:10.1.2.3", allowed) is None
    assert targets.refusal("10.2.0.1", allowed) is not None


@pytest.mark.parametrize(
    "url",
    [
        *("ftp://crm.example.com/", "crm.example.com/hook", "https://", "https:///hook", ""),
        *("https://user:secret@crm.example.com/", "https://crm.example.com/#part"),
        *("https://crm.example.com:0/", "https://crm.example.com:99999/", "https://a b/"),
        *("http://crm.example.com/", "https://127.0.0.1/", "https://[::1]/", "https://10.0.0.1"),
        *("https://[::ffff:169.254.169.254]/latest", "https://crm.example.com/\r\nX: y"),
        "https://crm.example.com/" + "x" * 1000,
    ],
)
def test_url_that_leads_nowhere_allowed_is_refused_as_it_is_typed(url: str) -> None:
    with pytest.raises(InputInvalidError):
        targets.read(url, ())


def test_http_is_spoken_only_in_networks_that_the_setting_names() -> None:
    assert targets.read("http://127.0.0.1:8080/hook", LOOPBACK).port == 8080
    with pytest.raises(InputInvalidError):
        targets.read("http://93.184.216.34/", LOOPBACK)


def post(url: str, resolve: Resolve, allowed: Sequence[Network] = ()) -> httpx.Response:
    async def send() -> httpx.Response:
        async with pinned.client(allowed, resolve, 5) as client:
            return await client.post(url, content=b"{}")

    return asyncio.run(send())


@pytest.mark.parametrize("host", ["localhost", "2130706433", "0x7f.1", "127.1", "inside.example"])
def test_name_of_a_private_address_is_refused_and_nothing_is_sent(host: str) -> None:
    """As the real resolver tells it; odd spellings of an address are names to it."""
    with end() as there:
        url = there.url.replace("http://127.0.0.1", f"https://{host}")
        known = names({host: ["127.0.0.1"]})
        with pytest.raises(TargetRefusedError):
            post(url, known if host == "inside.example" else pinned.resolve)
        assert there.received == []


def test_name_of_a_public_and_a_private_address_is_refused() -> None:
    with end() as there:
        url = there.url.replace("http://127.0.0.1", "https://both.example")
        with pytest.raises(TargetRefusedError):
            post(url, names({"both.example": ["93.184.216.34", "127.0.0.1"]}))
        assert there.received == []


def test_name_that_is_rebound_is_reached_at_the_address_that_was_judged() -> None:
    """The second answer would lead to another server: it is never asked for."""
    with end() as judged, end(host="127.0.0.2") as other:
        port = judged.url.rsplit(":", 1)[1]
        answers = itertools.chain([["127.0.0.1"]], itertools.repeat(["127.0.0.2"]))
        asked: list[str] = []

        async def rebinding(host: str, _: int) -> list[str]:
            asked.append(host)
            return next(answers)

        reply = post(f"http://rebound.example:{port}", rebinding, LOOPBACK)
        assert reply.status_code == 204
        assert asked == ["rebound.example"]
        assert judged.received[0].headers["host"].startswith("rebound.example")
        assert other.received == []


def test_redirect_into_a_private_network_is_not_followed() -> None:
    with end() as inside, end(lambda _: Answer(302, {"Location": inside.url})) as there:
        assert post(there.url, names({}), LOOPBACK).status_code == 302
        assert inside.received == []


def test_proxies_of_the_environment_are_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    with end() as proxy, end() as there:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "HTTPS_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        monkeypatch.delenv("NO_PROXY", raising=False)
        assert post(there.url, names({}), LOOPBACK).status_code == 204
        assert proxy.received == []


def certificate(folder: Path, name: str) -> tuple[ssl.SSLContext, Path]:
    """A server's context for *name*, and the file that has its certificate."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=2))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem, key_pem = folder / f"{name}.pem", folder / f"{name}.key"
    pem.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    key_pem.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem, key_pem)
    return context, pem


def test_tls_is_verified_against_the_name_though_the_address_is_pinned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context, pem = certificate(tmp_path, "crm.example")
    monkeypatch.setenv("SSL_CERT_FILE", str(pem))
    known = names({"crm.example": ["127.0.0.1"], "other.example": ["127.0.0.1"]})
    with end(tls=context) as there:
        good, bad = (
            there.url.replace("127.0.0.1", name) for name in ("crm.example", "other.example")
        )
        assert post(good, known, LOOPBACK).status_code == 204
        with pytest.raises(httpx.ConnectError, match="certificate"):
            post(bad, known, LOOPBACK)
        with pytest.raises(httpx.ConnectError, match="certificate"):
            post(there.url, known, LOOPBACK)  # its address is not what the certificate names
        assert len(there.received) == 1


def test_every_private_address_is_an_address() -> None:
    assert all(ip_address(one.partition("%")[0]) for one in (*PRIVATE, *PUBLIC))

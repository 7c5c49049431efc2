"""Every place for the signing key but a file: a vendor's life, and what happens when it fails."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any, NamedTuple

import pytest

from license_core import jws
from license_server.settings import ServerSettings
from license_server.signing import signature_count
from license_server.signing.signers import create_key, pkcs11
from tests.support import hsm_vendor, key_services, remote_vendor, server, softhsm
from tests.support.certificates import certificate
from tests.support.key_services import KeyServiceServer
from tests.support.pages import hidden
from tests.support.problems import exit_code
from tests.support.remote_vendor import Vendor, no_passphrase, serving_vendor, verified

pytestmark = pytest.mark.skipif(
    softhsm.chosen(), reason="it makes keys of its own: run it without HOSTSEAL_TEST_SIGNER"
)
ORDER = (
    *["--customer", "ACME", "--product", "darwin", "--days", "9", "-o", "-", "--host"],
    server.LINE,
)
KINDS = ("pkcs11", *(kind.name for kind in key_services.KINDS))
IN_SUITE = ("pkcs11", "vault")
"""The others are in it with what they say themselves (test_key_services.py)."""


class Place(NamedTuple):
    """A place for signing keys."""

    uri: Callable[[str], str]
    """Of the key of a name."""
    leave: Callable[[], Callable[[], object]]
    """Let it be gone; gives what brings it back."""
    environment: dict[str, str]

    def create(self, key: str) -> str:
        uri = self.uri(key)
        create_key(uri, no_passphrase, os.urandom)
        return uri


def _service(served: KeyServiceServer) -> Place:
    def leave() -> Callable[[], object]:
        served.trouble = lambda _: None
        return lambda: setattr(served, "trouble", None)

    return Place(served.uri, leave, {})


@pytest.fixture(
    params=[
        pytest.param(kind, marks=() if kind in IN_SUITE else pytest.mark.torture) for kind in KINDS
    ]
)
def place(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Place]:
    if request.param == "pkcs11":
        hsm = softhsm.make(tmp_path / "hsm")
        monkeypatch.setenv("SOFTHSM2_CONF", hsm.environment["SOFTHSM2_CONF"])
        pkcs11.close_modules()
        yield Place(hsm.uri, lambda: hsm_vendor.pull(hsm), hsm.environment)
        pkcs11.close_modules()
        return
    (kind,) = (kind for kind in key_services.KINDS if kind.name == request.param)
    with key_services.serving(kind, tmp_path / "service", certificate(tmp_path)) as served:
        yield _service(served)


def _live(place: Place, tmp_path: Path, count: int) -> None:
    """A vendor begins, issues *count* licences, loses its signer for a while, and rotates."""
    first = place.create("first")
    settings = remote_vendor.make(first, tmp_path / "server")
    issued: list[str] = []
    for vendor in serving_vendor(settings):
        assert _times(vendor) == "None was made yet since the server began to use it."
        issued += [verified(vendor, vendor.issue()) for _ in range(count)]
        _lose(place, vendor)
        issued.append(verified(vendor, vendor.issue()))
        assert vendor.client.get("/readyz").status_code == 200
        said = _times(vendor)
        assert f"Of the last {min(count + 1, 200)} signatures, half took at most" in said
        assert "2 attempts failed" in said
        app: Any = vendor.client.app
        keyset = app.state.server.site.issuer.keyset.keyset
        old = keyset.keys[0].key.kid
    second = place.create("second")
    later = settings.model_copy(update={"signer": second})
    for rotated in (
        _shell(place, settings, "keys", "new", "--signer", second),
        _shell(place, later, "keys", "retire", old),
    ):
        assert rotated.returncode == 0, rotated.stderr
    for vendor in serving_vendor(later):
        issued += [verified(vendor, vendor.issue()) for _ in range(2)]
        vendor.check(issued[0])
        assert vendor.count("licenses") == len(issued)
        with vendor.database.reading() as connection:
            compared = signature_count.compare(connection)
        found = [one for one in compared if one.kind.typ == jws.LICENSE]
        assert len(found) == 2
        assert all(one.counted == one.recorded for one in found)
    retired = _shell(place, settings, "issue", *ORDER, "-o", "-")
    assert retired.returncode == exit_code("signer-unavailable")


def _lose(place: Place, vendor: Vendor) -> None:
    """While the signer is gone nothing is issued, neither by a server nor in the shell."""
    before = [vendor.count(table) for table in ("licenses", "audit_events")]
    back = place.leave()
    for _ in range(2):
        reply = vendor.issue()
        assert (reply.status_code, reply.json()["type"]) == (503, "/problems/signer-unavailable")
        assert int(reply.headers["Retry-After"]) > 0
    assert vendor.client.get("/readyz").json()["missing"] == ["signer"]
    done = _shell(place, vendor.settings, "issue", *ORDER, "-o", "-")
    assert (done.returncode, done.stdout) == (exit_code("signer-unavailable"), "")
    assert "Nothing was issued" in done.stderr
    assert "Traceback" not in done.stderr
    assert [vendor.count(table) for table in ("licenses", "audit_events")] == before
    back()


def _times(vendor: Vendor) -> str:
    """What the page of keys says of the signatures of the server."""
    client = vendor.client
    token = hidden(client.get("/login").text, "form_token")
    fields = {"form_token": token, "email": server.EMAIL, "password": server.PASSWORD, "next": ""}
    assert client.post("/login", data=fields).status_code == 303
    page = client.get("/keys").text
    return " ".join(page.partition('id="times">')[2].partition("</p>")[0].split()).partition(
        "is kept. "
    )[2]


def _shell(place: Place, settings: ServerSettings, *words: str) -> CompletedProcess[str]:
    env = server.environment(settings.data) | place.environment
    signer = {"LICENSE_SERVER_SIGNER": str(settings.signer)}
    return server.at_once(*words, env=env | signer)


def test_vendor_begins_issues_loses_its_signer_and_rotates(place: Place, tmp_path: Path) -> None:
    _live(place, tmp_path, 20)


@pytest.mark.torture
def test_vendor_issues_a_thousand_licences(place: Place, tmp_path: Path) -> None:
    _live(place, tmp_path, 1000)

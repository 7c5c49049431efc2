"""Every signature is counted, so that one made outside the server is found."""

from contextlib import closing
from pathlib import Path

import httpx
import pytest
import sqlalchemy

from license_core import jws
from license_server.operations import data_folder
from license_server.settings import ServerSettings
from license_server.signing import signature_count, signature_store
from tests.support import server, softhsm
from tests.support.ledger import open_ledger
from tests.support.problems import exit_code
from tests.support.remote_vendor import ORDER, PATH
from tests.support.server import LINE

pytestmark = pytest.mark.skipif(
    softhsm.chosen(), reason="it makes tokens of its own: run it without HOSTSEAL_TEST_SIGNER"
)
ISSUE = ["issue", "--customer", "ACME", "--product", "darwin", "--days", "9", "--host", LINE]


def compared(settings: ServerSettings) -> dict[str, tuple[int, int | None]]:
    with closing(data_folder.open_database(settings)) as database, database.reading() as connection:
        return {one.kind.typ: one[1:] for one in signature_count.compare(connection)}


def test_signatures_are_counted_in_the_recording_transaction(tmp_path: Path) -> None:
    with server.running_server(tmp_path) as running:
        for _ in range(3):
            reply = httpx.post(
                f"{running.url}{PATH}", json=ORDER, headers=running.bearer, timeout=60
            )
            assert reply.status_code == 201
        running.process.kill()  # nothing is written at the end
        running.process.wait()
    assert compared(server.settings(running.data))["license+jwt"] == (3, 3)


def test_unused_signatures_are_counted_but_not_recorded(tmp_path: Path) -> None:
    """A count that a rollback took back is not lost, and none is written twice."""
    ledger = open_ledger(server.make(tmp_path / "server"))
    database, signer = ledger.site.database, ledger.site.issuer.signer

    def sign() -> None:
        signer.sign(f"{jws.header(signer.public_key.kid, jws.LICENSE)}.x".encode())

    for _ in range(3):
        sign()
        with pytest.raises(ZeroDivisionError):
            database.write(lambda _: 1 // 0)
    database.write(lambda _: None)
    database.write(lambda _: None)
    with database.reading() as connection:
        assert list(signature_store.counted(connection).values()) == [3]
    sign()
    database.close()  # the last is written at the end
    assert compared(ledger.settings) == {"license+jwt": (4, 0)}
    with (
        closing(data_folder.open_database(ledger.settings)) as again,
        again.snapshot() as connection,
    ):
        assert ledger.faults_of(connection) == []


def test_fsck_reports_a_licence_signed_outside_the_server(tmp_path: Path) -> None:
    settings = server.make(tmp_path / "server")
    env = server.environment(settings.data)
    assert server.at_once(*ISSUE, "-o", "-", env=env).returncode == 0
    with closing(data_folder.open_database(settings)) as database:
        database.write(lambda c: c.execute(sqlalchemy.text("update signatures set made = 0")))
    done = server.at_once("fsck", env=env)
    assert done.returncode == exit_code("record-broken")
    assert "signature-uncounted: license+jwt by " in done.stdout
    assert "1 have its signature, and this server made 0" in done.stdout

"""A signing key in a file: encrypted, and rejected where others can read it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from license_core.verify import open_license
from license_server.app import create_app
from license_server.db.errors import InputInvalidError
from license_server.settings import ServerSettings
from license_server.signing.errors import SecretFileOpenError
from license_server.signing.signers import (
    create_key,
    describe,
    open_signer,
)
from tests.support import server, softhsm
from tests.support.server import LINE, PASSPHRASE

pytestmark = pytest.mark.skipif(
    softhsm.chosen(), reason="it makes tokens of its own: run it without HOSTSEAL_TEST_SIGNER"
)
ISSUE = ["issue", "--customer", "ACME", "--product", "darwin", "--days", "9", "--host", LINE]


def passphrase(_: str) -> bytes:
    return PASSPHRASE.encode()


@pytest.fixture(scope="module")
def sealed(tmp_path_factory: pytest.TempPathFactory) -> ServerSettings:
    """A vendor that several tests use, with a key file for all that it keeps in one."""
    return server.make(tmp_path_factory.mktemp("sealed") / "server")


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o602])
def test_key_file_accessible_to_others_is_rejected(sealed: ServerSettings, mode: int) -> None:
    path = sealed.record_key
    path.chmod(mode)
    with pytest.raises(SecretFileOpenError) as caught:
        open_signer(f"file:{path}", passphrase)
    assert f"chmod 600 {path}" in caught.value.remedy()
    path.chmod(0o400)
    assert open_signer(f"file:{path}", passphrase)


def test_server_does_not_start_with_an_accessible_key_file(sealed: ServerSettings) -> None:
    for path in (sealed.record_key, sealed.seeds_key):
        path.chmod(0o640)
        with pytest.raises(SecretFileOpenError):
            create_app(sealed)
        path.chmod(0o600)


def test_key_file_is_created_encrypted_private_and_usable(tmp_path: Path) -> None:
    path = tmp_path / "signing.key.pem"
    made = create_key(f"file:{path}", passphrase, os.urandom)
    assert path.stat().st_mode & 0o777 == 0o600
    assert b"ENCRYPTED PRIVATE KEY" in path.read_bytes()
    signer = open_signer(f"file:{path}", passphrase)
    assert signer.public_key == made
    assert made.verifies(signer.sign(b"x"), b"x")
    assert describe(f"file:{path}", passphrase).exportable
    with pytest.raises(InputInvalidError, match="already exists"):
        create_key(f"file:{path}", passphrase, os.urandom)
    with pytest.raises(InputInvalidError, match="5 bytes"):
        create_key(f"file:{path}.new", lambda _: b"short", os.urandom)
    assert [one.name for one in tmp_path.iterdir()] == ["signing.key.pem"]


def test_passphrase_is_asked_for_at_a_terminal(tmp_path: Path) -> None:
    import pty

    settings = server.make(tmp_path / "server")
    env = server.environment(settings.data)
    del env["LICENSE_SERVER_PASSPHRASE"]
    ours, theirs = pty.openpty()
    line = [
        sys.executable,
        "-m",
        "license_server",
        *ISSUE,
        "--yes",
        "-o",
        str(tmp_path / "license.dat"),
    ]
    with subprocess.Popen(
        line,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=env,
        cwd=server.REPOSITORY,
        start_new_session=True,
    ) as process:
        os.close(theirs)
        said = b""
        while b"Passphrase of the key signing.key.pem:" not in said:
            said += os.read(ours, 1000)
        os.write(ours, f"{PASSPHRASE}\n".encode())
        assert process.wait(60) == 0, said
    os.close(ours)
    assert PASSPHRASE.encode() not in said
    assert open_license(
        (tmp_path / "license.dat").read_bytes(), roots=server.roots(settings.data)
    ).license

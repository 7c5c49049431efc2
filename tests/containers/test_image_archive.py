"""An archive of an image is signed, or not there."""

import os
import shlex
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from deploy import packed
from deploy.image import build
from license_core.errors import LicenseError
from license_server.signing.signers import keyfiles
from tests.support import page_commands
from tests.support.server import PASSPHRASE

BUILDAH = """#!/bin/sh
eval "to=\\${$#}"; to=${to#docker-archive:}; echo an image > "${to%%:*}"
"""


@pytest.fixture
def key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A key under a passphrase, and a ``buildah`` that writes a short archive."""
    tool = tmp_path / "bin" / "buildah"
    tool.parent.mkdir()
    tool.write_text(BUILDAH)
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tool.parent}:{os.environ['PATH']}")
    path = tmp_path / "release.key.pem"
    keyfiles.write_private(path, Ed25519PrivateKey.generate(), PASSPHRASE.encode(), os.urandom)
    return path


def test_passphrase_is_read_from_its_file(
    tmp_path: Path, key: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = tmp_path / "passphrase"
    secret.write_text(PASSPHRASE + "\n")
    monkeypatch.setenv("LICENSE_SERVER_PASSPHRASE_FILE", str(secret))
    path = build.archive("server", packed.here(), tmp_path / "dist", str(key))
    (verify,) = (
        line
        for block in page_commands.blocks("deploy/image/README.md")
        for line in page_commands.lines(block)
        if line.startswith("openssl pkeyutl")
    )
    line = shlex.split(verify)
    subprocess.run(line, cwd=path.parent, check=True, capture_output=True)
    path.write_bytes(path.read_bytes() + b"!")
    assert subprocess.run(line, cwd=path.parent, capture_output=True).returncode != 0


def test_nothing_is_left_where_it_cannot_be_signed(
    tmp_path: Path, key: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("LICENSE_SERVER_PASSPHRASE_FILE", raising=False)
    monkeypatch.setenv("LICENSE_SERVER_PASSPHRASE", PASSPHRASE)
    former = build.archive("server", packed.here(), tmp_path / "dist", str(key))
    beside = {path.name for path in former.parent.iterdir()}
    assert {f"{former.name}{end}" for end in ("", ".sig", ".sha256")} < beside
    monkeypatch.setenv("LICENSE_SERVER_PASSPHRASE", "another passphrase")
    with pytest.raises(LicenseError):
        build.archive("server", packed.here(), tmp_path / "dist", str(key))
    assert [path.name for path in former.parent.iterdir()] == ["release.pub.pem"]

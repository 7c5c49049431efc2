"""``make release``: what is handed out, into dist/, from the commit that is checked out.

The sdist and the wheel, a bill of materials of each way to install them (CycloneDX), the SHA-256 of
all of them, and an Ed25519 signature over that, which OpenSSL verifies. One commit gives one set of
bytes, by whomever and wherever it is built: times are the commit's, and what is not committed is
left out. Only the signature needs a secret.
"""

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

from license_core.errors import LicenseError
from license_server.passphrases import OfEnvironment
from license_server.signing.signers import REMOTE, open_signer
from tests.support import sbom
from tests.support.pythons import REPOSITORY

SUMS, SIGNATURE, PUBLIC = "SHA256SUMS", "SHA256SUMS.sig", "release.pub.pem"
_UNKNOWN_TIME = "1577836800"
"""What hatchling takes by itself, where there is no commit: 2020-01-01."""


def source(folder: Path, commit: str = "HEAD") -> str:
    """Lay the files of *commit* into *folder*; its time, in seconds since 1970."""
    archive = subprocess.run(
        ["git", "archive", "--format=tar", commit], cwd=REPOSITORY, check=True, capture_output=True
    ).stdout
    folder.mkdir()
    subprocess.run(["tar", "-x"], cwd=folder, input=archive, check=True)
    told = ["git", "log", "-1", "--format=%ct", commit]
    done = subprocess.run(told, cwd=REPOSITORY, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def build(folder: Path, out: Path, epoch: str, *targets: str) -> list[Path]:
    """Build the *targets* (``sdist``, ``wheel``) of the sources in *folder* into *out*."""
    options = [word for target in targets for word in ("-t", target)]
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-d", str(out), *options],
        cwd=folder,
        env={**os.environ, "SOURCE_DATE_EPOCH": epoch, "PYTHONHASHSEED": "0"},
        check=True,
        capture_output=True,
    )
    return sorted(out.iterdir())


def wheel(out: Path) -> Path:
    """The wheel of the files as they are now, committed or not, for tests."""
    (made,) = (
        path for path in build(REPOSITORY, out, _UNKNOWN_TIME, "wheel") if path.suffix == ".whl"
    )
    return made


def version(folder: Path) -> str:
    """The version that pyproject.toml in *folder* says."""
    told = tomllib.loads((folder / "pyproject.toml").read_text("utf-8"))
    return str(told["project"]["version"])


def make(out: Path, commit: str = "HEAD") -> list[Path]:
    """Make all that is handed out but the signature, in the new folder *out*."""
    out.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made) / f"hostseal-{commit}"
        epoch = source(folder, commit)
        build(folder, out, epoch, "sdist", "wheel")
        name = f"hostseal-{version(folder)}"
        for kind in sbom.KINDS:
            text = sbom.text(folder, kind, int(epoch))
            (out / f"{name}-{kind}.cdx.json").write_text(text, "utf-8")
    files = sorted(out.iterdir())
    lines = (f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in files)
    (out / SUMS).write_text("".join(lines), "ascii")
    return [*files, out / SUMS]


def sign(out: Path, key: str) -> None:
    """Sign the checksums in *out* by *key*, a file or the URI of a signer. Raises LicenseError."""
    sign_file(out / SUMS, key)


def sign_file(path: Path, key: str) -> None:
    """Write the signature of *path* by *key* beside it, and the public key. Raises LicenseError."""
    uri = key if key.startswith(REMOTE) else f"file:{key}"
    signer = open_signer(uri, _passphrase)
    path.with_name(f"{path.name}.sig").write_bytes(signer.sign(path.read_bytes()))
    path.with_name(PUBLIC).write_text(signer.public_key.to_pem(), "ascii")


def _passphrase(what: str) -> bytes:
    from license_server.cli.shared import passphrase

    return passphrase(OfEnvironment(), what)


def main() -> int:
    """Make a release, or say what is missing."""
    parser = argparse.ArgumentParser(prog="make release", description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("key", help="the file of the release key, or the URI of a signer")
    given = parser.parse_args()
    shutil.rmtree(given.out, ignore_errors=True)
    files = make(given.out)
    try:
        sign(given.out, given.key)
    except LicenseError as error:
        sys.stderr.write(f"[E]: {error.sentence}\n     Nothing was signed. {error.remedy()}\n")
        return error.exit_code
    for path in [*files, given.out / SIGNATURE, given.out / PUBLIC]:
        sys.stdout.write(f"{path}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

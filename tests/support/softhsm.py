"""A real token for tests: SoftHSM 2, with its folder, its PIN and the URI of a key in it.

With ``HOSTSEAL_TEST_SIGNER=pkcs11`` every vendor of the tests signs with a key in such a token
(``make test-pkcs11``). All of them share one key, so that a folder which is moved finds it again.
"""

import atexit
import os
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

from license_server.signing.signers import create_key
from tests.support.need import need

PIN = "a PIN of this test"
_MODULES = (
    "/usr/lib/softhsm/libsofthsm2.so",
    "/usr/lib64/softhsm/libsofthsm2.so",
    "/usr/lib64/pkcs11/libsofthsm2.so",
)


class Hsm(NamedTuple):
    """A folder of tokens of SoftHSM."""

    folder: Path
    module: str

    @property
    def tokens(self) -> Path:
        """Where the tokens are."""
        return self.folder / "tokens"

    @property
    def pin_file(self) -> Path:
        """A file with the PIN of every token."""
        return self.folder / "pin"

    @property
    def environment(self) -> dict[str, str]:
        """The environment variables that a process needs to find the tokens."""
        return {"SOFTHSM2_CONF": str(self.folder / "softhsm2.conf")}

    def add_token(self, label: str) -> None:
        """Initialise another token."""
        pins = ["--so-pin", f"SO {PIN}", "--pin", PIN]
        subprocess.run(
            ["softhsm2-util", "--init-token", "--free", "--label", label, *pins],
            env=os.environ | self.environment,
            check=True,
            capture_output=True,
        )

    def uri(self, key: str, token: str = "test") -> str:
        """The URI of a key."""
        where = f"module-path={self.module}&pin-source=file:{self.pin_file}"
        return f"pkcs11:token={token};object={key}?{where}"


def make(folder: Path) -> Hsm:
    """A new folder with one token, ``test``; skips where SoftHSM is missing."""
    module = next((path for path in _MODULES if os.path.exists(path)), None)
    if module is None or shutil.which("softhsm2-util") is None:
        need("SoftHSM 2", "apt-get install softhsm2")
    made = Hsm(folder, module)
    made.tokens.mkdir(parents=True)
    (folder / "softhsm2.conf").write_text(
        f"directories.tokendir = {made.tokens}\nobjectstore.backend = file\nlog.level = ERROR\n"
    )
    made.pin_file.write_text(f"{PIN}\n")
    made.pin_file.chmod(0o600)
    made.add_token("test")
    return made


def chosen() -> bool:
    """Whether all vendors of the tests are to sign with a token."""
    return os.environ.get("HOSTSEAL_TEST_SIGNER") == "pkcs11"


about_key_files = pytest.mark.skipif(
    chosen(), reason="it is about files of signing keys, and HOSTSEAL_TEST_SIGNER names a token"
)


@cache
def shared() -> tuple[Hsm, str]:
    """The token of this process, and the URI of the one key that its vendors share."""
    folder = Path(tempfile.mkdtemp(prefix="hostseal-softhsm-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    hsm = make(folder / "hsm")
    uri = hsm.uri("shared")
    # Read when the module is opened, and by whoever makes settings of this process.
    os.environ.update(hsm.environment | {"LICENSE_SERVER_SIGNER": uri})
    create_key(uri, lambda _: b"", os.urandom)
    return hsm, uri


def environment() -> dict[str, str]:
    """Further environment variables of a server process, where a token is chosen."""
    if not chosen():
        return {}
    hsm, uri = shared()
    return hsm.environment | {"LICENSE_SERVER_SIGNER": uri}

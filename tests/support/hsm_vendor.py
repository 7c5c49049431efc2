"""Keys in a SoftHSM 2 token, and a way to make the token fail."""

import os
from collections.abc import Callable
from pathlib import Path

from license_server.settings import ServerSettings
from license_server.signing.signers import (
    create_key,
)
from tests.support import remote_vendor
from tests.support.remote_vendor import no_passphrase
from tests.support.softhsm import Hsm


def create(hsm: Hsm, key: str, token: str = "test") -> str:
    """The URI of a new key."""
    uri = hsm.uri(key, token)
    create_key(uri, no_passphrase, os.urandom)
    return uri


def made_with(hsm: Hsm, data: Path) -> ServerSettings:
    """A vendor whose signing key is in the token."""
    return remote_vendor.make(create(hsm, data.parent.name), data)


def pull(hsm: Hsm) -> Callable[[], object]:
    """Pull the PKCS#11 token; returns a function that plugs it in again."""
    away = hsm.folder / "pulled"
    hsm.tokens.rename(away)
    return lambda: away.rename(hsm.tokens)

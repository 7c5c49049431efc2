"""Key files: an encrypted private key that only its owner may read, and its public half."""

import os
from collections.abc import Callable
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from license_core.errors import TrustedKeyInvalidError
from license_core.paths import unreadable, words
from license_core.publickey import PublicKey
from license_server.db.errors import InputInvalidError
from license_server.signing.signers import pkcs8

PRIVATE, PUBLIC = 0o600, 0o644
_LEAST_PASSPHRASE = 12


def check_passphrase(passphrase: bytes) -> None:
    """Raise InputInvalidError unless *passphrase* may seal a key."""
    if len(passphrase) < _LEAST_PASSPHRASE:
        reason = f"it has {len(passphrase)} bytes; what seals the keys has {_LEAST_PASSPHRASE}"
        raise InputInvalidError(field="passphrase", reason=f"{reason} or more")


def public_of(key: Ed25519PrivateKey) -> PublicKey:
    """The public half of *key*."""
    return PublicKey(key.public_key().public_bytes_raw())


def write_private(
    path: Path, key: Ed25519PrivateKey, passphrase: bytes, random: Callable[[int], bytes]
) -> None:
    """Write *key* under *passphrase* to a new file. Raises OSError, FileExistsError."""
    write(path, pkcs8.encrypt(key, passphrase, random(16), random(16)), PRIVATE)


def write_public(path: Path, key: PublicKey) -> None:
    """Write *key* to a new file. Raises OSError, FileExistsError."""
    write(path, key.to_pem().encode("ascii"), PUBLIC)


def write(path: Path, data: bytes, mode: int) -> None:
    """Write *data* to a new file: it is on the disk then, or not there.

    Raises OSError, FileExistsError.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    with open(os.open(path, flags, mode), "wb") as stream:
        try:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        except OSError:
            path.unlink()
            raise


def read_root(path: Path) -> PublicKey:
    """The root key in the file *path*. Raises TrustedKeyInvalidError or FileUnreadableError."""
    try:
        return PublicKey.from_pem(path.read_text("ascii"))
    except PermissionError as error:
        raise unreadable(str(path), error) from error
    except (OSError, ValueError) as error:
        raise TrustedKeyInvalidError(path=str(path), reason=words(error)) from error

"""A private key in a file: PKCS#8, encrypted under a passphrase (RFC 5958, RFC 7914)."""

import os
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from license_core.disk import told_plainly
from license_core.errors import InputInvalidError, SignerUnavailableError
from license_core.publickey import PublicKey
from license_core.signer import MemorySigner
from license_server.signers import Random, ReadPassphrase, pkcs8
from license_server.signers.private_file import read_private

LEAST_PASSPHRASE = 12
"""Bytes of what seals a new key."""


def open_file(path: str, read_passphrase: ReadPassphrase) -> MemorySigner:
    """The signer of the encrypted key in the file *path*.

    Raises SignerUnavailableError, SecretFileOpenError, PassphraseWrongError, or what
    *read_passphrase* raises.
    """
    return MemorySigner(read_key(Path(path), read_passphrase))


def read_key(path: Path, read_passphrase: ReadPassphrase) -> Ed25519PrivateKey:
    """The encrypted key in the file *path*. Raises as ``open_file`` does."""
    try:
        pem = read_private(path)
    except FileNotFoundError as error:
        raise SignerUnavailableError(reason=f"there is no file {path}") from error
    what = f"key {path.name}"
    return pkcs8.decrypt(pem, read_passphrase(what), what)


def create_file(path: str, read_passphrase: ReadPassphrase, random: Random) -> PublicKey:
    """Make a new key in the new file *path*, with mode 0600.

    Raises InputInvalidError, that it cannot be written, or what *read_passphrase* raises.
    """
    passphrase = check_passphrase(read_passphrase("new key"))
    key = Ed25519PrivateKey.generate()
    try:
        write_key(Path(path), key, passphrase, random)
    except FileExistsError as error:
        reason = f"{path} is there already; name a new file"
        raise InputInvalidError(field="URI", reason=reason) from error
    except OSError as error:
        raise told_plainly(error, path) from error
    return PublicKey(key.public_key().public_bytes_raw())


def check_passphrase(passphrase: bytes) -> bytes:
    """*passphrase*, if it may seal a new key. Raises InputInvalidError."""
    if len(passphrase) < LEAST_PASSPHRASE:
        reason = f"it has {len(passphrase)} bytes; what seals the keys has {LEAST_PASSPHRASE}"
        raise InputInvalidError(field="passphrase", reason=f"{reason} or more")
    return passphrase


def write_key(path: Path, key: Ed25519PrivateKey, passphrase: bytes, random: Random) -> None:
    """Write *key* to the new file *path*, which only its owner can read. Raises OSError."""
    write_new(path, pkcs8.encrypt(key, passphrase, random(16), random(16)), 0o600)


def write_new(path: Path, data: bytes, mode: int) -> None:
    """Write the new file *path*: it is on the disk then, or not there. Raises OSError."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    with open(os.open(path, flags, mode), "wb") as stream:
        try:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        except OSError:
            path.unlink()
            raise

"""A private key in a file: PKCS#8, encrypted under a passphrase (RFC 5958, RFC 7914)."""

from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from license_core.errors import SignerUnavailableError
from license_core.publickey import PublicKey
from license_core.signer import MemorySigner
from license_core.write_errors import as_license_error
from license_server.db.errors import InputInvalidError
from license_server.signing.signers import keyfiles, pkcs8
from license_server.signing.signers.backend import Random, ReadPassphrase
from license_server.signing.signers.private_file import read_private


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
    passphrase = read_passphrase("new key")
    keyfiles.check_passphrase(passphrase)
    key = Ed25519PrivateKey.generate()
    try:
        keyfiles.write_private(Path(path), key, passphrase, random)
    except FileExistsError as error:
        reason = f"{path} already exists; choose a new file"
        raise InputInvalidError(field="URI", reason=reason) from error
    except OSError as error:
        raise as_license_error(error, path) from error
    return keyfiles.public_of(key)

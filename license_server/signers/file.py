"""A private key in a file: PKCS#8, encrypted under a passphrase (RFC 5958, RFC 7914)."""

from collections.abc import Callable
from pathlib import Path

from license_core.errors import SignerUnavailableError
from license_core.place import words
from license_core.signer import MemorySigner
from license_server.signers import pkcs8


def open_file(path: str, read_passphrase: Callable[[str], bytes]) -> MemorySigner:
    """The signer of the encrypted key in the file *path*.

    Raises SignerUnavailableError, PassphraseWrongError, or what *read_passphrase* raises.
    """
    try:
        pem = Path(path).read_bytes()
    except (OSError, ValueError) as error:
        raise SignerUnavailableError(reason=f"{path}: {words(error)}") from error
    what = f"key {Path(path).name}"
    return MemorySigner(pkcs8.decrypt(pem, read_passphrase(what), what))

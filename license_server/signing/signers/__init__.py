"""Where the signing key lives: one module for each backend, imported only when used."""

from collections.abc import Iterator
from contextlib import contextmanager

from license_core.errors import SignerUnavailableError
from license_core.publickey import PublicKey
from license_core.signer import Signer
from license_server.db.errors import InputInvalidError
from license_server.signing.signers.backend import Described, Random, ReadPassphrase, Remote

REMOTE = ("pkcs11:", "vault:", "openbao:", "aws-kms:", "google-kms:")
"""How the URI of a key begins that is not in a file."""
_KINDS = "`file:PATH`, `pkcs11:…`, `vault://…`, `openbao://…`, `aws-kms://…` or `google-kms://…`"


def open_signer(uri: str, read_passphrase: ReadPassphrase) -> Signer:
    """The signer at *uri*: ``file:PATH``, encrypted PKCS#8, ``pkcs11:…``, or a service's.

    *read_passphrase* is asked when a file needs one, with the key's name. Raises
    InputInvalidError, SignerUnavailableError, PassphraseWrongError, SecretFileOpenError, or what
    *read_passphrase* raises.
    """
    scheme, _, rest = uri.partition(":")
    match scheme:
        case "file":
            from license_server.signing.signers.file import open_file

            return open_file(rest, read_passphrase)
        case "pkcs11":
            with _extra():
                from license_server.signing.signers.pkcs11 import open_pkcs11
            return open_pkcs11(rest)
        case "vault" | "openbao":
            from license_server.signing.signers.vault import open_vault

            return open_vault(rest)
        case "aws-kms":
            from license_server.signing.signers.aws_kms import open_aws_kms

            return open_aws_kms(rest)
        case "google-kms":
            from license_server.signing.signers.google_kms import open_google_kms

            return open_google_kms(rest)
    raise _unknown(scheme)


def describe(uri: str, read_passphrase: ReadPassphrase) -> Described:
    """What can be told of the key at *uri*. Raises as ``open_signer`` does."""
    signer = open_signer(uri, read_passphrase)
    if isinstance(signer, Remote):
        return signer.describe()
    return Described(signer.public_key, uri, exportable=True)


def create_key(uri: str, read_passphrase: ReadPassphrase, random: Random) -> PublicKey:
    """Make a new Ed25519 key at *uri*, where there is none; a token makes it within itself.

    Raises as ``open_signer`` does, and InputInvalidError where there is a key already.
    """
    scheme, _, rest = uri.partition(":")
    match scheme:
        case "file":
            from license_server.signing.signers.file import create_file

            return create_file(rest, read_passphrase, random)
        case "pkcs11":
            with _extra():
                from license_server.signing.signers.pkcs11 import create_pkcs11
            return create_pkcs11(rest, random)
        case "vault" | "openbao":
            from license_server.signing.signers.vault import create_vault

            return create_vault(rest)
        case "aws-kms":
            from license_server.signing.signers.aws_kms import create_aws_kms

            return create_aws_kms(rest)
        case "google-kms":
            from license_server.signing.signers.google_kms import create_google_kms

            return create_google_kms(rest)
    raise _unknown(scheme)


@contextmanager
def _extra() -> Iterator[None]:
    """What knows tokens is imported, if it is there. Raises SignerUnavailableError."""
    try:
        yield
    except ModuleNotFoundError as error:
        reason = "python-pkcs11 is not installed; run `pip install 'hostseal[pkcs11]'`"
        raise SignerUnavailableError(reason=reason) from error


def _unknown(scheme: str) -> InputInvalidError:
    reason = f"'{scheme[:32]}' is not a signer; use {_KINDS}"
    return InputInvalidError(field="LICENSE_SERVER_SIGNER", reason=reason)

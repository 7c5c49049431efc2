"""The data folder: where the keys and the database are, and how to open them.

hostseal.db           the database, where it is SQLite
ledger                which ledger was served from here last (ledger_identity.py)
root.pub.pem          the public root key, to be shipped with the product in keys/
record.pub.pem        the public key of the audit log, to be kept elsewhere with its checkpoints
keys/root.key.pem     the private root key, encrypted; may be taken away and kept offline
keys/signing.key.pem  the private signing key, encrypted
keys/record.key.pem   the private key that signs checkpoints of the audit log, encrypted
keys/seeds.key.pem    what the seeds of one-time codes and the secrets of webhooks are encrypted
                      under, encrypted itself
"""

import errno
import os
import stat
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from license_core.errors import LicenseError, SignerUnavailableError
from license_core.paths import words
from license_core.publickey import PublicKey
from license_core.signer import Signer
from license_core.write_errors import as_license_error
from license_server.access.totp_seeds import Seeds
from license_server.audit.checkpoints import Notary
from license_server.db.database import Database
from license_server.db.errors import InputInvalidError
from license_server.operations import ledger_identity, schema
from license_server.operations.errors import DataFolderOpenError, RecordKeyUnavailableError
from license_server.settings import ServerSettings
from license_server.signing.errors import NotInitialisedError
from license_server.signing.issuer import Issuer, open_issuer, read_trust
from license_server.signing.signature_count import CountedSigner, Tally, tally
from license_server.signing.signers import (
    keyfiles,
    open_signer,
)
from license_server.signing.signers.file import read_key

_OTHERS = 0o077
"""The rights to a file of all but its owner."""


def open_to_others(settings: ServerSettings) -> int | None:
    """The mode of the data folder where others than its owner have rights to it; else None."""
    try:
        mode = stat.S_IMODE(settings.data.stat().st_mode)
    except OSError:
        return None  # whoever opens it says what is wrong
    return mode if mode & _OTHERS else None


def close_to_others(settings: ServerSettings) -> int | None:
    """Take all rights to the data folder from others; the mode that it had, or None: it was closed.

    Raises DataFolderOpenError where that cannot be done.
    """
    mode = open_to_others(settings)
    if mode is not None:
        with suppress(OSError):
            settings.data.chmod(mode & ~_OTHERS)
        if open_to_others(settings) is not None:
            raise DataFolderOpenError(path=str(settings.data), mode=f"{mode:04o}")
    return mode


def ensure_record_key(settings: ServerSettings, random: Callable[[int], bytes]) -> None:
    """Make the audit log's key where the folder is of a version that had none.

    Where its making was cut off between the halves, the public one is made of the other. Raises
    PassphraseMissingError, what keeps that from being read, or that the folder cannot be written.
    """
    if settings.record_pub_pem.exists():
        return
    try:
        if settings.record_key.exists():
            signer = open_signer(f"file:{settings.record_key}", settings.read_passphrase)
            keyfiles.write_public(settings.record_pub_pem, signer.public_key)
            return
        passphrase = settings.read_passphrase("new audit log key")
        make_record_key(settings, passphrase, random)
    except OSError as error:
        raise folder_error(error, settings.data) from error


def open_notary(settings: ServerSettings, vendor: str, tally: Tally) -> Notary:
    """Who makes checkpoints of the *vendor*, and counts them in *tally*.

    Raises RecordKeyUnavailableError, or that there is no passphrase.
    """
    return Notary(vendor, CountedSigner(_open_record_signer(settings), tally.count))


def _open_record_signer(settings: ServerSettings) -> Signer:
    public = read_record_key(settings)
    try:
        signer = open_signer(f"file:{settings.record_key}", settings.read_passphrase)
    except SignerUnavailableError as error:
        raise RecordKeyUnavailableError(reason=error.reason) from error
    if signer.public_key != public:
        reason = f"{settings.record_pub_pem} is not the public half of {settings.record_key.name}"
        raise RecordKeyUnavailableError(reason=reason)
    return signer


def read_record_key(settings: ServerSettings) -> PublicKey:
    """The key that verifies checkpoints. Raises RecordKeyUnavailableError."""
    path = settings.record_pub_pem
    try:
        return PublicKey.from_pem(path.read_text("ascii"))
    except (OSError, ValueError) as error:
        raise RecordKeyUnavailableError(reason=f"{path}: {words(error)}") from error


def open_vault(settings: ServerSettings, now: int | None = None) -> tuple[Database, Issuer]:
    """The database and the issuer of the server in ``settings.data``; *now* in seconds.

    Raises NotInitialisedError, SchemaOutdatedError, DatabaseUnavailableError,
    LedgerSupersededError, or what the keys are wrong with.
    """
    database = open_database(settings)
    try:
        with database.reading() as connection:
            ledger_identity.check(connection, settings)
        trust = read_trust(settings, database)
        at = int(time.time()) if now is None else now
        return database, open_issuer(settings, trust, at, tally(database))
    except LicenseError:
        database.close()
        raise


def open_seeds(settings: ServerSettings) -> Seeds:
    """What opens the seeds of one-time codes.

    Raises SignerUnavailableError, PassphraseWrongError, or what settings.read_passphrase raises.
    """
    path = settings.seeds_key
    if not os.path.exists(path):
        reason = (
            f"{path} is missing: restore your copy of the keys to {path.parent}/ "
            "(a server of a former version gets this one by `upgrade`)"
        )
        raise SignerUnavailableError(reason=reason)
    return Seeds(read_key(path, settings.read_passphrase))


def ensure_seeds_key(settings: ServerSettings, random: Callable[[int], bytes]) -> None:
    """Make the key of the seeds where a former server made none.

    Raises NotInitialisedError, PassphraseMissingError, or that the file cannot be written.
    """
    path = settings.seeds_key
    if path.exists():
        return
    if not settings.root_pub_pem.exists():
        missing = settings.root_pub_pem.name
        raise NotInitialisedError(path=str(settings.data), missing=missing)
    passphrase = settings.read_passphrase("new key")
    new = path.with_name(f".{path.name}.{random(6).hex()}.tmp")
    try:
        path.parent.mkdir(mode=0o700, exist_ok=True)
        keyfiles.write_private(new, Ed25519PrivateKey.generate(), passphrase, random)
        os.link(new, path)
    except FileExistsError:
        pass  # another process made it meanwhile
    except OSError as error:
        raise folder_error(error, path) from error
    finally:
        new.unlink(missing_ok=True)


def open_database(settings: ServerSettings) -> Database:
    """The database, if it is of this server's version.

    Raises NotInitialisedError, SchemaOutdatedError or DatabaseUnavailableError.
    """
    database = open_any_database(settings)
    try:
        with database.reading() as connection:
            schema.check(connection, str(settings.data))
    except LicenseError:
        database.close()
        raise
    return database


def open_any_database(settings: ServerSettings) -> Database:
    """The database, of whatever version. Raises NotInitialisedError."""
    for path in (settings.root_pub_pem, *([] if settings.database else [settings.database_file])):
        if not path.exists():
            raise NotInitialisedError(path=str(settings.data), missing=path.name)
    return Database(settings.database_url, connections=settings.database_connections)


def make_record_key(
    settings: ServerSettings, passphrase: bytes, random: Callable[[int], bytes]
) -> None:
    """Write the key that signs checkpoints, and its public half."""
    key = Ed25519PrivateKey.generate()
    keyfiles.write_private(settings.record_key, key, passphrase, random)
    keyfiles.write_public(settings.record_pub_pem, keyfiles.public_of(key))


def folder_error(error: OSError, data: Path) -> LicenseError:
    """What it means that the data folder cannot be written."""
    if error.errno == errno.EBUSY:
        reason = f"{data} is a mount point; use a folder inside it, such as {data}/hostseal"
        return InputInvalidError(field="--data", reason=reason)
    return as_license_error(error, str(data))

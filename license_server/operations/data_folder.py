"""The data folder: a server's keys and database, made as a whole or not at all.

hostseal.db           the database, where it is SQLite
root.pub.pem          the public root key, to be shipped with the product in keys/
record.pub.pem        the public key of the record, to be kept elsewhere with its checkpoints
keys/root.key.pem     the private root key, encrypted; may be taken away and kept offline
keys/signing.key.pem  the private signing key, encrypted
keys/record.key.pem   the private key that signs checkpoints of the record, encrypted
keys/seeds.key.pem    what the seeds of one-time codes are encrypted under, encrypted itself
"""

import errno
import os
import shutil
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Connection

from license_core.errors import (
    AlreadyInitialisedError,
    DatabaseUnavailableError,
    InputInvalidError,
    LicenseError,
    NotInitialisedError,
    RecordKeyUnavailableError,
    SignerUnavailableError,
)
from license_core.keyset import Keyset, SigningKey
from license_core.paths import absolute, words
from license_core.publickey import PublicKey
from license_core.signer import MemorySigner, Signer
from license_core.write_errors import as_license_error
from license_server.access import access_store, accounts, passwords
from license_server.access.totp_seeds import Seeds
from license_server.actor import COMMAND
from license_server.audit import events
from license_server.audit.checkpoints import Notary
from license_server.db.database import Database, Work
from license_server.operations import schema
from license_server.settings import ServerSettings
from license_server.signing import keyset_store, keysets
from license_server.signing.issuer import Issuer, open_issuer, read_trust
from license_server.signing.signature_count import CountedSigner, Tally, tally
from license_server.signing.signers import (
    keyfiles,
    open_signer,
)
from license_server.signing.signers.file import read_key

DAY = 86400
_SIGNING_KEY_DAYS = 3653


class Administrator(NamedTuple):
    """The first user."""

    email: str
    password: str


def make(
    settings: ServerSettings,
    vendor: str,
    administrator: Administrator,
    now: int,
    random: Callable[[int], bytes],
) -> None:
    """Make the keys and the database in a new folder beside ``settings.data``, and rename it.

    The signing key is made too, unless the settings name one that is there.

    Raises AlreadyInitialisedError, InputInvalidError, PassphraseMissingError,
    DatabaseUnavailableError, what keeps that signing key from being used, or that the folder
    cannot be written.
    """
    _refuse_used(settings)
    passwords.check(administrator.password)
    passphrase = settings.read_passphrase("new key")
    keyfiles.check_passphrase(passphrase)
    root, signing = Ed25519PrivateKey.generate(), None
    if settings.signer is None:
        signing = Ed25519PrivateKey.generate()
        signer: Signer = MemorySigner(signing)
    else:
        signer = open_signer(settings.signer, settings.read_passphrase)
    keyset = _first_keyset(vendor, root, signer.public_key, now)
    data = Path(absolute(str(settings.data)))
    new = settings.model_copy(
        update={"data": data.with_name(f".{data.name}.{random(6).hex()}.tmp")}
    )
    try:
        new.data.mkdir(mode=0o700, parents=True)
        (new.data / "keys").mkdir(mode=0o700)
        keyfiles.write_private(new.root_key, root, passphrase, random)
        if signing is not None:
            keyfiles.write_private(new.signing_key, signing, passphrase, random)
        keyfiles.write_private(new.seeds_key, Ed25519PrivateKey.generate(), passphrase, random)
        keyfiles.write_public(new.root_pub_pem, keyfiles.public_of(root))
        _make_record_key(new, passphrase, random)
        _make_database(
            new,
            keyset,
            administrator,
            now,
            rename=lambda: _move(new.data, data),
            take_back=lambda: shutil.rmtree(data, ignore_errors=True),
        )
    except OSError as error:
        raise _as_license_error(error, settings.data) from error
    finally:
        shutil.rmtree(new.data, ignore_errors=True)


def ensure_record_key(settings: ServerSettings, random: Callable[[int], bytes]) -> None:
    """Make the record's key where the folder is of a version that had none.

    Raises PassphraseMissingError, or that the folder cannot be written.
    """
    if settings.record_pub_pem.exists() or settings.record_key.exists():
        return
    passphrase = settings.read_passphrase("new key of the record")
    try:
        _make_record_key(settings, passphrase, random)
    except OSError as error:
        raise _as_license_error(error, settings.data) from error


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


def put_in_place(
    settings: ServerSettings,
    files: Mapping[str, bytes],
    fill: Work[None],
    random: Callable[[int], bytes],
) -> None:
    """Make a data folder of *files* with a database that *fill* fills: all of it, or nothing.

    Raises AlreadyInitialisedError, what *fill* raises, or that the folder cannot be written.
    """
    _refuse_used(settings)
    data = Path(absolute(str(settings.data)))
    new = settings.model_copy(
        update={"data": data.with_name(f".{data.name}.{random(6).hex()}.tmp")}
    )
    try:
        new.data.mkdir(mode=0o700, parents=True)
        (new.data / "keys").mkdir(mode=0o700)
        for name, content in files.items():
            mode = keyfiles.PUBLIC if name.endswith(".pub.pem") else keyfiles.PRIVATE
            keyfiles.write(new.data / name, content, mode)
        _store(
            new,
            fill,
            rename=lambda: _move(new.data, data),
            take_back=lambda: shutil.rmtree(data, ignore_errors=True),
        )
    except OSError as error:
        raise _as_license_error(error, settings.data) from error
    finally:
        shutil.rmtree(new.data, ignore_errors=True)


def open_vault(settings: ServerSettings, now: int | None = None) -> tuple[Database, Issuer]:
    """The database and the issuer of the server in ``settings.data``; *now* in seconds.

    Raises NotInitialisedError, SchemaOutdatedError, DatabaseUnavailableError, or what the keys
    are wrong with.
    """
    database = open_database(settings)
    try:
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
            f"{path} is missing: put your copy of the keys into {path.parent}/ "
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
        raise _as_license_error(error, path) from error
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
    return Database(settings.database_url)


def _refuse_used(settings: ServerSettings) -> None:
    try:
        names = sorted(os.listdir(settings.data))
    except FileNotFoundError:
        return
    except OSError as error:
        raise InputInvalidError(
            field="--data", reason=f"{settings.data}: {words(error)}"
        ) from error
    ours = {"hostseal.db", "keys", "root.pub.pem", "record.pub.pem"} & set(names)
    if ours:
        raise AlreadyInitialisedError(path=str(settings.data), found=", ".join(sorted(ours)))
    if names:
        reason = f"{settings.data} is not empty (it has {names[0]}); name a new folder"
        raise InputInvalidError(field="--data", reason=reason)


def _first_keyset(vendor: str, root: Ed25519PrivateKey, signing: PublicKey, now: int) -> str:
    # From yesterday on, so that a clock which is corrected a little does no harm.
    key = SigningKey(signing, nbf=now - DAY, exp=now + _SIGNING_KEY_DAYS * DAY)
    try:
        token = Keyset(vendor, 1, now, (key,)).sign(MemorySigner(root))
    except ValueError as error:
        raise InputInvalidError(field="--vendor", reason=str(error)) from error
    return keysets.written((), (token,))


def _make_database(
    settings: ServerSettings,
    keyset: str,
    administrator: Administrator,
    now: int,
    rename: Callable[[], None],
    take_back: Callable[[], None],
) -> None:
    """Make the tables and the first rows, and put all in its place."""
    email, password_hash = administrator.email, passwords.hash_(administrator.password)

    def fill(connection: Connection) -> None:
        if schema.found(connection) is not None:
            raise AlreadyInitialisedError(path="the database", found="its tables")
        schema.upgrade(connection, now)
        keyset_store.add_keyset(connection, 1, keyset, now)
        row = ("keysets", {"version": 1, "token": keyset, "created_at": now})
        events.record(connection, now, COMMAND, "server.initialised", email, rows=[row])
        user = access_store.add_user(connection, email, password_hash, "administrator", now)
        accounts.record(connection, user, COMMAND, "user.added", now)

    _store(settings, fill, rename, take_back)


def _store(
    settings: ServerSettings,
    fill: Work[None],
    rename: Callable[[], None],
    take_back: Callable[[], None],
) -> None:
    """Fill the database, and give the folder its name by *rename*.

    SQLite is complete before its folder gets its name; PostgreSQL commits last, and the folder is
    taken away again if it cannot.
    """
    database = Database(settings.database_url)
    in_folder = settings.database is None

    def work(connection: Connection) -> None:
        fill(connection)
        if not in_folder:
            rename()

    try:
        database.write(work)
    except DatabaseUnavailableError:
        if not in_folder:
            take_back()
        raise
    finally:
        database.close()
    if in_folder:
        rename()


def _move(new: Path, data: Path) -> None:
    """Give the finished folder its name; an empty folder of that name gives way."""
    os.rename(new, data)
    descriptor = os.open(data.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _make_record_key(
    settings: ServerSettings, passphrase: bytes, random: Callable[[int], bytes]
) -> None:
    key = Ed25519PrivateKey.generate()
    keyfiles.write_private(settings.record_key, key, passphrase, random)
    keyfiles.write_public(settings.record_pub_pem, keyfiles.public_of(key))


def _as_license_error(error: OSError, data: Path) -> LicenseError:
    if error.errno == errno.EBUSY:
        reason = f"{data} is a mount of its own; name a folder inside it, such as {data}/hostseal"
        return InputInvalidError(field="--data", reason=reason)
    return as_license_error(error, str(data))

"""Sets up a new data folder with keys and database, all or nothing."""

import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Connection

from license_core import clock
from license_core.claims import MAX_INSTANT
from license_core.errors import ClockWrongError
from license_core.keyset import Keyset, SigningKey
from license_core.paths import absolute, words
from license_core.publickey import PublicKey
from license_core.signer import MemorySigner, Signer
from license_core.wording import utc
from license_server.access import access_store, accounts, invitations, passwords
from license_server.actor import COMMAND, Actor
from license_server.audit import events
from license_server.catalog.terms import DAY
from license_server.db.database import Database, Work
from license_server.db.errors import InputInvalidError
from license_server.operations import ledger_identity, schema
from license_server.operations.data_folder import folder_error, make_record_key
from license_server.operations.errors import AlreadyInitialisedError
from license_server.settings import ServerSettings
from license_server.signing import keyset_store, keysets
from license_server.signing.signers import keyfiles, open_signer

_SIGNING_KEY_DAYS = 3653


class Administrator(NamedTuple):
    """The first user."""

    email: str
    password: str | None
    """None: they are invited, and choose one."""


def make(
    settings: ServerSettings,
    vendor: str,
    administrator: Administrator,
    now: int,
    random: Callable[[int], bytes],
    actor: Actor = COMMAND,
) -> str | None:
    """Make the keys and the database in a new folder beside ``settings.data``, and rename it.

    The signing key is made too, unless the settings name one that is there. Returns the secret of
    the *administrator*'s invitation, where they have no password.

    Raises AlreadyInitialisedError, InputInvalidError, ClockWrongError, PassphraseMissingError,
    DatabaseUnavailableError, what keeps that signing key from being used, or that the folder
    cannot be written.
    """
    _refuse_used(settings)
    _check_clock(now)
    email, password_hash, secret = administrator.email, None, None
    if administrator.password is not None:
        passwords.check(administrator.password)
        password_hash = passwords.hash_(administrator.password)
    passphrase = settings.read_passphrase("new key")
    keyfiles.check_passphrase(passphrase)
    root, signing = Ed25519PrivateKey.generate(), None
    if settings.signer is None:
        signing = Ed25519PrivateKey.generate()
        signer: Signer = MemorySigner(signing)
    else:
        signer = open_signer(settings.signer, settings.read_passphrase)
    keyset = _first_keyset(vendor, root, signer.public_key, now)

    def write_keys(new: ServerSettings) -> None:
        keyfiles.write_private(new.root_key, root, passphrase, random)
        if signing is not None:
            keyfiles.write_private(new.signing_key, signing, passphrase, random)
        keyfiles.write_private(new.seeds_key, Ed25519PrivateKey.generate(), passphrase, random)
        keyfiles.write_public(new.root_pub_pem, keyfiles.public_of(root))
        make_record_key(new, passphrase, random)

    def fill(connection: Connection) -> None:
        nonlocal secret
        if schema.found(connection) is not None:
            raise AlreadyInitialisedError(path="the database", found="its tables")
        schema.upgrade(connection, now)
        keyset_store.add_keyset(connection, 1, keyset, now)
        row = ("keysets", {"version": 1, "token": keyset, "created_at": now})
        ledger = ledger_identity.drawn(random)
        events.record(
            connection, now, actor, "server.initialised", email, rows=[row], ledger=ledger
        )
        if password_hash is None:
            secret, _ = invitations.invite(connection, email, "administrator", actor, now, random)
            return
        user = access_store.add_user(connection, email, password_hash, "administrator", now)
        accounts.record(connection, user, actor, "user.added", now)

    put_in_place(settings, write_keys, fill, random)
    return secret


def put_in_place(
    settings: ServerSettings,
    write_files: Callable[[ServerSettings], None],
    fill: Work[None],
    random: Callable[[int], bytes],
) -> None:
    """Make a data folder with a database that *fill* fills: all of it, or nothing.

    *write_files* is given the settings of the folder as long as it is made beside its place.

    Raises AlreadyInitialisedError, what *write_files* and *fill* raise, or that the folder cannot
    be written.
    """
    _refuse_used(settings)
    data = Path(absolute(str(settings.data)))
    new = settings.model_copy(
        update={"data": data.with_name(f".{data.name}.{random(6).hex()}.tmp")}
    )
    try:
        new.data.mkdir(mode=0o700, parents=True)
        (new.data / "keys").mkdir(mode=0o700)
        write_files(new)
        _store(new, fill, data)
    except OSError as error:
        raise folder_error(error, settings.data) from error
    finally:
        shutil.rmtree(new.data, ignore_errors=True)


def _check_clock(now: int) -> None:
    """Raise ClockWrongError where no key could be made at *now* that clients would read."""
    clock.check(now)
    if now > MAX_INSTANT - _SIGNING_KEY_DAYS * DAY:
        told = f"it says {utc(now)}; a signing key of ten years would end after {utc(MAX_INSTANT)}"
        raise ClockWrongError(reason=told)
    if now < DAY:  # the signing key may sign from the day before on
        raise ClockWrongError(reason=f"it says {utc(now)}")


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
        reason = f"{settings.data} is not empty (it contains {names[0]}); choose a new folder"
        raise InputInvalidError(field="--data", reason=reason)


def _first_keyset(vendor: str, root: Ed25519PrivateKey, signing: PublicKey, now: int) -> str:
    # From yesterday on, so that a clock which is corrected a little does no harm.
    key = SigningKey(signing, nbf=now - DAY, exp=now + _SIGNING_KEY_DAYS * DAY)
    try:
        token = Keyset(vendor, 1, now, (key,)).sign(MemorySigner(root))
    except ValueError as error:
        raise InputInvalidError(field="--vendor", reason=str(error)) from error
    return keysets.written((), (token,))


def _store(new: ServerSettings, fill: Work[None], data: Path) -> None:
    """Fill the database, and give the folder *new* its name *data*.

    SQLite is complete before its folder gets its name; PostgreSQL commits last, and the folder is
    taken away again if it cannot.
    """
    database = Database(new.database_url, create=True)
    in_folder, moved = new.database is None, False

    def work(connection: Connection) -> None:
        nonlocal moved
        fill(connection)
        if not in_folder:
            _move(new.data, data)
            moved = True

    try:
        database.write(work)
    except BaseException:
        if moved:
            shutil.rmtree(data, ignore_errors=True)
        raise
    finally:
        database.close()
    if in_folder:
        _move(new.data, data)


def _move(new: Path, data: Path) -> None:
    """Give the finished folder its name; an empty folder of that name gives way."""
    for folder in (new / "keys", new):
        _sync(folder)
    os.rename(new, data)
    with suppress(OSError):  # it is in place: that nothing was changed would be untrue
        _sync(data.parent)


def _sync(folder: Path) -> None:
    """Let the names in a folder outlive a power failure."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

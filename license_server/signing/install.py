"""Creates signing keys, and puts a keyset in force.

The server needs no root key. Where it still holds the one that it was set up with, and that one
may sign alone, it signs keysets itself; else they come and go as drafts.
"""

import os
from collections.abc import Callable

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from license_core.errors import SignerUnavailableError
from license_core.keyset import Keyset
from license_core.publickey import PublicKey
from license_core.reason import Reason
from license_core.signer import Signer
from license_core.write_errors import as_license_error
from license_server.actor import Actor
from license_server.audit import events
from license_server.db.database import Database
from license_server.settings import ServerSettings
from license_server.signing import keyset_store, keysets
from license_server.signing.errors import KeysetRefusedError, SigningOverError
from license_server.signing.issuer import (
    Issuer,
    check_issuing,
    open_issuer,
    read_roots,
    read_trust,
)
from license_server.signing.keysets import Trust
from license_server.signing.signature_count import tally
from license_server.signing.signers import keyfiles, open_signer


def new_key(settings: ServerSettings, random: Callable[[int], bytes]) -> PublicKey:
    """Make a signing key in the folder of the keys; its public half.

    Nothing signs with it before a keyset names it. Raises PassphraseMissingError,
    InputInvalidError, or that it cannot be written.
    """
    passphrase = settings.read_passphrase("new signing key")
    keyfiles.check_passphrase(passphrase)
    key = Ed25519PrivateKey.generate()
    public = keyfiles.public_of(key)
    path = settings.new_signing_key(public.kid)
    try:
        keyfiles.write_private(path, key, passphrase, random)
    except OSError as error:
        raise as_license_error(error, str(path)) from error
    return public


def open_root(settings: ServerSettings, trust: Trust) -> Signer | None:
    """The root key of this server, where it may sign keysets alone; None: it has none such.

    Raises SignerUnavailableError, PassphraseWrongError, PassphraseMissingError.
    """
    if trust.roots.threshold > 1 or not os.path.exists(settings.root_key):
        return None
    signer = open_signer(f"file:{settings.root_key}", settings.read_passphrase)
    return signer if signer.public_key in trust.roots.keys else None


def next_keyset(present: Keyset, changed: Keyset, now: int) -> Keyset:
    """*changed* as the keyset that follows on *present*."""
    return changed._replace(version=present.version + 1, iat=now)


def install(
    settings: ServerSettings,
    database: Database,
    given: bytes,
    path: str,
    actor: Actor,
    now: int,
) -> Issuer:
    """Put the keyset in force that the bytes *given* of the file *path* hold, and the roots.

    Whoever signs from then on. Raises KeysetRefusedError where it may not take the place of the
    one in force (keysets.advance), or would leave this server without a key to sign with; and
    what issuer.open_issuer raises.
    """
    present = read_trust(settings, database)
    shipped = read_roots(settings)
    new = keysets.advance(present, given, path, shipped, now)
    issuer = open_issuer(settings, new, now, tally(database))
    try:
        check_issuing(issuer, now)
    except SigningOverError as error:
        reason = Reason("{what} ended at {ended}", **error.facts)
        raise KeysetRefusedError(path=path, reason=reason) from error
    except SignerUnavailableError as error:
        reason = Reason("this server could no longer sign: {reason}", reason=error.reason)
        raise KeysetRefusedError(path=path, reason=reason) from error
    try:
        database.write(lambda connection: _record(connection, new, actor, now))
    except IntegrityError as error:
        reason = Reason("version {version} has just been installed", version=issuer.version)
        raise KeysetRefusedError(path=path, reason=reason) from error
    return issuer


def _record(connection: Connection, new: Trust, actor: Actor, now: int) -> None:
    keyset = new.keyset.keyset
    keyset_store.add_keyset(connection, keyset.version, new.text, now)
    row = {"version": keyset.version, "token": new.text, "created_at": now}
    events.record(
        connection,
        now,
        actor,
        "keyset.installed",
        f"keyset {keyset.version}",
        rows=[("keysets", row)],
        roots=new.roots.version,
        keys={one.key.kid: one.state for one in keyset.keys},
    )

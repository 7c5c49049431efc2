"""``license-server signer``: the signing key, in a file or a PKCS#11 token."""

import secrets
import shlex
import time
from contextlib import closing

import click

from license_core.publickey import PublicKey
from license_server.cli.output import say
from license_server.db.errors import InputInvalidError
from license_server.settings import ServerSettings

_uri = click.argument("uri", required=False)


@click.group()
def signer() -> None:
    """The key that signs licences, in a file or in a token."""


@signer.command()
@_uri
@click.pass_obj
def create(settings: ServerSettings, uri: str | None) -> None:
    """Make a new Ed25519 key at URI, by default the one of LICENSE_SERVER_SIGNER.

    URI is file:PATH, an encrypted file, or pkcs11:…, a token (docs/SIGNERS.md), which makes the key
    within itself and never gives it away.
    """
    from license_server.signing.signers import create_key

    where = uri or settings.signer
    if where is None:
        raise InputInvalidError(field="URI", reason="name one, or set LICENSE_SERVER_SIGNER")
    _tell(create_key(where, settings.read_passphrase, secrets.token_bytes))
    click.echo(f"Made. `export LICENSE_SERVER_SIGNER={shlex.quote(where)}` uses it.", err=True)


@signer.command()
@_uri
@click.pass_obj
def show(settings: ServerSettings, uri: str | None) -> None:
    """Say which key is at URI, by default the one that signs; nothing is signed."""
    from license_server.operations import data_folder
    from license_server.signing.issuer import read_trust, signer_uri
    from license_server.signing.signers import describe

    where = uri or settings.signer
    if where is None:
        with closing(data_folder.open_database(settings)) as database:
            trust = read_trust(settings, database)
            where = signer_uri(settings, trust, int(time.time()))
    told = describe(where, settings.read_passphrase)
    _tell(told.public_key)
    kept = "can be copied" if told.exportable else "never leaves the token"
    click.echo(f"{told.place}: the private key {kept}.", err=True)


@signer.command()
@click.pass_obj
def count(settings: ServerSettings) -> None:
    """Hold the signatures that were counted against those in the ledger, a line a key and kind.

    More counted than recorded: what was signed came to nothing, and nobody has it. More recorded
    than counted: something signed past this server (`fsck` calls it a fault). What a key signs
    elsewhere is counted by nobody here; a token may keep a count of its own to compare with.
    """
    from license_server.operations import data_folder
    from license_server.signing import signature_count

    with (
        closing(data_folder.open_database(settings)) as database,
        database.snapshot() as connection,
    ):
        for kind, counted, recorded in signature_count.compare(connection):
            kept = "none kept" if recorded is None else f"{recorded} recorded"
            apart = 0 if recorded is None else counted - recorded
            said = f"difference {apart}" if apart else "they agree"
            say("\t".join((kind.kid, kind.typ, f"{counted} counted", kept, said)))


def _tell(key: PublicKey) -> None:
    """Its id, and its PEM text."""
    say(f"kid {key.kid}")
    say(key.to_pem().rstrip())

"""``license-server signer``: the signing key, in a file, a PKCS#11 token or a service."""

from __future__ import annotations

import secrets
import shlex
import time
from contextlib import closing
from typing import TYPE_CHECKING

import click

from license_server.cli.output import say
from license_server.db.errors import InputInvalidError

if TYPE_CHECKING:
    from license_core.publickey import PublicKey
    from license_server.settings import ServerSettings

_uri = click.argument("uri", required=False)


@click.group()
def signer() -> None:
    """The signing key, in a file, a PKCS#11 token or a key service."""


@signer.command()
@_uri
@click.pass_obj
def create(settings: ServerSettings, uri: str | None) -> None:
    """Create a new Ed25519 key at URI (default: LICENSE_SERVER_SIGNER).

    URI is file:PATH for an encrypted file, pkcs11:… for a token, or vault://…, openbao://…,
    aws-kms://… or google-kms://… for a key service (docs/SIGNERS.md). A token and a service
    generate the key internally and never export it.
    """
    from license_server.signing.signers import create_key

    where = uri or settings.signer
    if where is None:
        raise InputInvalidError(field="URI", reason="give a URI, or set LICENSE_SERVER_SIGNER")
    _tell(create_key(where, settings.read_passphrase, secrets.token_bytes))
    click.echo(f"Created. To use it: `export LICENSE_SERVER_SIGNER={shlex.quote(where)}`", err=True)


@signer.command()
@_uri
@click.pass_obj
def show(settings: ServerSettings, uri: str | None) -> None:
    """Show the key at URI (default: the one in use); signs nothing."""
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
    kept = "can be copied" if told.exportable else "never leaves it"
    click.echo(f"{told.place}: the private key {kept}.", err=True)


@signer.command()
@click.pass_obj
def count(settings: ServerSettings) -> None:
    """Compare the counted signatures with those in the ledger, one line per key and kind.

    More counted than recorded: some signatures were discarded and never issued. More recorded than
    counted: something was signed bypassing this server (`fsck` reports it as a fault). This server
    cannot count what a key signs elsewhere; a token may keep a counter of its own to compare with.
    """
    from license_server.operations import data_folder
    from license_server.signing import signature_count

    with (
        closing(data_folder.open_database(settings)) as database,
        database.snapshot() as connection,
    ):
        for kind, counted, recorded in signature_count.compare(connection):
            kept = "not recorded" if recorded is None else f"{recorded} recorded"
            apart = 0 if recorded is None else counted - recorded
            said = f"difference {apart}" if apart else "they agree"
            say("\t".join((kind.kid, kind.typ, f"{counted} counted", kept, said)))


def _tell(key: PublicKey) -> None:
    """Its id, and its PEM text."""
    say(f"kid {key.kid}")
    say(key.to_pem().rstrip())

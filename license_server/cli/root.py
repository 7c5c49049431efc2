"""``license-server root``: signing with a root key, away from the server's data.

The machine needs no network. What comes and goes are small files of armoured text.
"""

from __future__ import annotations

import secrets
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from license_core import armor
from license_core.wording import printable
from license_core.write_errors import as_license_error
from license_server.cli.output import say, written
from license_server.cli.shared import (
    confirmed,
    input_file,
    passphrase,
)
from license_server.db.errors import InputInvalidError

if TYPE_CHECKING:
    from license_core.signer import Signer
    from license_server.passphrases import GivesPassphrase
    from license_server.signing.root_signing import Work

_FILE = click.Path(path_type=Path, dir_okay=False)
_key = click.option(
    "--key",
    required=True,
    metavar="FILE",
    help="The root key to sign with: a file, or the URI of a token or a key service.",
)
_output = click.option(
    "-o", "--output", required=True, metavar="FILE", help="Where to write it; - : stdout."
)
_yes = click.option("--yes", is_flag=True, help="Sign without asking.")


@click.group()
def root() -> None:
    """Root keys, used on an offline machine without the server.

    Does not read the data folder. The passphrase of a root key is read from
    LICENSE_SERVER_PASSPHRASE_FILE or LICENSE_SERVER_PASSPHRASE, or prompted for.
    """


@root.command()
@click.argument("file", type=_FILE)
@click.pass_obj
def create(given: GivesPassphrase, file: Path) -> None:
    """Create a root key: FILE, encrypted, with its public key beside it (.pub.pem)."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from license_server.signing.signers import keyfiles

    public = file.with_name(f"{file.name.removesuffix('.pem').removesuffix('.key')}.pub.pem")
    for path in (file, public):
        if path.exists():
            reason = f"{path} already exists; a key is never overwritten"
            raise InputInvalidError(field="FILE", reason=reason)
    secret = passphrase(given, "new root key", new=True)
    keyfiles.check_passphrase(secret)
    key = Ed25519PrivateKey.generate()
    try:
        keyfiles.write_private(file, key, secret, secrets.token_bytes)
        keyfiles.write_public(public, keyfiles.public_of(key))
    except OSError as error:
        raise as_license_error(error, str(file)) from error
    say(f"Created the root key {keyfiles.public_of(key).kid}.")
    say(f"Keep {file} offline, with a copy elsewhere. {public} is not secret.")


@root.command()
@click.argument("file")
@_key
@_yes
@_output
@click.pass_obj
def keyset(given: GivesPassphrase, file: str, key: str, yes: bool, output: str) -> None:
    """Sign the keyset in FILE: a draft from the server, or one already signed by another root key.

    If several root keys must sign, each adds its signature to the file from the one before.
    """
    from license_server.signing import root_signing

    work = root_signing.read(input_file(file), file, armor.KEYSET)
    _sign(given, work, key, yes, output)


@root.command()
@click.argument("file", required=False)
@click.option("--vendor", metavar="NAME", help="Your company's name, as it appears in licences.")
@click.option(
    "--former",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    help="Version of the present roots document; 0: the root keys shipped with the product.",
)
@click.option(
    "--trust",
    "trusted",
    multiple=True,
    type=_FILE,
    metavar="FILE",
    help="A public key (.pub.pem) to trust from now on; repeat for every root key, old and new.",
)
@click.option(
    "--needed",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    help="How many of them must sign keysets and the next roots document.",
)
@_key
@_yes
@_output
@click.pass_obj
def rotate(
    given: GivesPassphrase,
    file: str | None,
    vendor: str | None,
    former: int,
    trusted: tuple[Path, ...],
    needed: int,
    key: str,
    yes: bool,
    output: str,
) -> None:
    """Draw up and sign a new roots document, or sign the one in FILE.

    It is trusted once enough of the former root keys and enough of the new ones have signed it:
    start without FILE, then have the other keys sign the resulting file.
    """
    from license_server.signing import root_signing
    from license_server.signing.signers.keyfiles import read_root

    if file is not None:
        if trusted or vendor:
            reason = "FILE already names the root keys; leave out --trust and --vendor"
            raise InputInvalidError(field="FILE", reason=reason)
        work = root_signing.read(input_file(file), file, armor.ROOTS)
    else:
        if not trusted or vendor is None:
            missing = "--vendor" if trusted else "--trust"
            raise InputInvalidError(field=missing, reason="it is missing")
        keys = [read_root(path) for path in trusted]
        try:
            work = root_signing.next_roots(vendor, former, keys, needed, int(time.time()))
        except ValueError as error:
            raise InputInvalidError(field="--trust", reason=str(error)) from error
    _sign(given, work, key, yes, output)


def _sign(given: GivesPassphrase, work: Work, key: str, yes: bool, output: str) -> None:
    for line in work.told():
        click.echo(printable(line), err=True)
    signer = _signer(given, key)
    confirmed(f"Sign this with {signer.public_key.kid}?", yes=yes)
    signed = work.signed(signer)
    with written(output) as put:
        put(signed.text().encode("ascii"))
    count = len(signed.tokens)
    told = "1 signature" if count == 1 else f"{count} signatures"
    again = "Already signed with this key" if count == len(work.tokens) else "Signed"
    click.echo(f"{again}; the file now has {told}.", err=True)


def _signer(given: GivesPassphrase, key: str) -> Signer:
    from license_server.signing.signers import REMOTE, open_signer

    uri = key if key.startswith(REMOTE) else f"file:{key}"
    return open_signer(uri, lambda what: passphrase(given, what))

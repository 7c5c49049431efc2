"""``license-server keys``: the signing keys, changed by keysets that root keys sign."""

from __future__ import annotations

import json
import re
import secrets
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from license_core.keyset import Keyset, SigningKey
from license_core.wording import printable, utc
from license_server.catalog.terms import DAY
from license_server.cli.caller import caller
from license_server.cli.keyset_change import KeysetChange, say_installed
from license_server.cli.output import (
    Folder,
    days_in_words,
    licences,
    say,
    written,
)
from license_server.cli.progress import Progress
from license_server.cli.shared import days_option, input_file
from license_server.db.errors import InputInvalidError

if TYPE_CHECKING:
    from license_core.errors import LicenseError
    from license_server.settings import ServerSettings
    from license_server.signing.keysets import Trust

_Day = click.DateTime(formats=["%Y-%m-%d"])
_SHOWN = 20
_draft = click.option(
    "-o",
    "--output",
    metavar="FILE",
    help="Write the new keyset as a draft, to be signed on a machine that has a root key; a draft "
    "already in FILE is changed further. [required unless a root key here can sign alone]",
)

_HYPHENED = re.compile("-[A-Za-z0-9_-]{42}|-[A-Za-np-z0-9_][A-Za-z0-9_-]{3,40}")
"""The id of a key (SPEC section 6.2), or its beginning, that looks like an option and is none."""


@click.group()
def keys() -> None:
    """The keys that sign licences.

    Every change is a new keyset signed by a root key: `root keyset` signs it, `keys install` puts
    it in force. If the root key is still on the server, both happen at once.
    """


@keys.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.pass_obj
def list_(settings: ServerSettings, as_json: bool) -> None:
    """List the keys of the keyset in force. Needs no passphrase."""
    from license_server.operations import data_folder
    from license_server.signing import keysets
    from license_server.signing.issuer import read_trust, signer_uri

    now = int(time.time())
    with closing(data_folder.open_database(settings)) as database:
        trust = read_trust(settings, database)
        uri = signer_uri(settings, trust, now)
    keyset = trust.keyset.keyset
    ours = _signing(settings, trust, uri)
    if as_json:
        say(json.dumps(_told(trust, now), ensure_ascii=False))
        return
    end = "no end" if keyset.exp is None else f"for licences issued before {utc(keyset.exp)}"
    say(f"Keyset version {keyset.version} of {printable(keyset.iss)}, {utc(keyset.iat)}; {end}.")
    for one in keyset.keys:
        mark = "  (this server's)" if one in ours else ""
        say(f"{one.key.kid}  {keysets.standing(one, now)}{mark}")
        products = "all products" if one.products is None else ", ".join(one.products)
        say(f"    from {utc(one.nbf)} until {utc(one.exp)}, {products}")
    roots = trust.roots
    say(f"Root keys, version {roots.version}; {roots.threshold} of {len(roots.keys)} must sign:")
    for key in roots.keys:
        say(key.kid)
    warn_of_end(trust, ours[0] if ours else None, now)


def _signing(settings: ServerSettings, trust: Trust, uri: str) -> list[SigningKey]:
    """The key at *uri*, which signs; none where nothing but the key itself could tell."""
    keys = trust.keyset.keyset.keys
    # Another than that of `init` has a file of its own name; that one is alone until there is one.
    alone = len(keys) == 1 and uri == f"file:{settings.signing_key}"
    return [one for one in keys if alone or uri == f"file:{settings.new_signing_key(one.key.kid)}"]


def _told(trust: Trust, now: int) -> dict[str, object]:
    from license_server.signing import keysets

    keyset = trust.keyset.keyset
    return {
        "version": keyset.version,
        "iss": keyset.iss,
        "iat": keyset.iat,
        "exp": keyset.exp,
        "keys": [
            {
                "kid": one.key.kid,
                "standing": keysets.standing(one, now),
                "nbf": one.nbf,
                "exp": one.exp,
                "products": None if one.products is None else list(one.products),
            }
            for one in keyset.keys
        ],
        "roots": {
            "version": trust.roots.version,
            "threshold": trust.roots.threshold,
            "keys": [key.kid for key in trust.roots.keys],
        },
    }


def warn_of_end(trust: Trust, ours: SigningKey | None, now: int) -> None:
    """Say on standard error what ends soon: the keyset, the key that signs, or the last of all."""
    from license_server.signing.keysets import WARN_DAYS, signs_until

    keyset = trust.keyset.keyset
    ends = [signs_until(keyset, one.key, now) for one in keyset.keys]
    until = max((end for end in ends if end is not None), default=None)
    if ours is not None:
        until = signs_until(keyset, ours.key, now)
    if until is None:
        click.echo(
            "[W]: No licence can be signed any more. `license-server check --offline` says what to "
            "do.",
            err=True,
        )
    elif until - now < WARN_DAYS * DAY:
        left = days_in_words((until - now) // DAY)
        click.echo(
            f"[W]: Licences can be signed for {left} more, until {utc(until)}.\n"
            "     `license-server check --offline` says how to go on.",
            err=True,
        )


@keys.command()
@days_option("How long the key may sign.", 3653)
@click.option(
    "--from", "begins", type=_Day, metavar="DATE", help="From this day on (UTC). [default: now]"
)
@click.option(
    "--product",
    "products",
    multiple=True,
    metavar="NAME",
    help="A product whose licences it may sign; may be repeated. [default: all]",
)
@click.option(
    "--signer", "uri", metavar="URI", help="Use an existing key, such as one in a PKCS#11 token."
)
@_draft
@click.pass_obj
def new(
    settings: ServerSettings,
    days: int,
    begins: datetime | None,
    products: tuple[str, ...],
    uri: str | None,
    output: str | None,
) -> None:
    """Add a signing key; the newest usable key signs as soon as its keyset is in force."""
    from license_server.signing import install, keysets
    from license_server.signing.signers import open_signer

    now = int(time.time())
    # From yesterday on, so that a clock which is corrected a little does no harm.
    nbf = now - DAY if begins is None else int(begins.replace(tzinfo=UTC).timestamp())
    with closing(KeysetChange(settings, output)) as change:
        change.root()  # or no key is made
        if uri is None:
            public = install.new_key(settings, secrets.token_bytes)
        else:
            public = open_signer(uri, settings.read_passphrase).public_key
        made = SigningKey(public, nbf, max(nbf, now) + days * DAY, products=products or None)
        click.echo(f"Created the signing key {public.kid}.", err=True)
        change.to(lambda keyset: keysets.with_key(keyset, made), now)


class _OfKey(click.Command):
    """A command on a key, whose id may begin with a hyphen, as an option does."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Take an id for what it is; a beginning that reads ``-o…`` still needs ``--``."""
        ids = [] if "--" in args else [one for one in args if _HYPHENED.fullmatch(one)]
        rest = [one for one in args if one not in ids]
        return super().parse_args(ctx, [*rest, "--", *ids] if ids else rest)


def _of_key(command: Callable[..., None]) -> click.Command:
    """A command that changes the key KID."""
    return keys.command(cls=_OfKey)(click.argument("kid")(_draft(click.pass_obj(command))))


@_of_key
def retire(settings: ServerSettings, kid: str, output: str | None) -> None:
    """Retire the key KID: it signs no more; licences it has already signed stay valid."""
    _set_state(settings, kid, "retired", output)


@_of_key
def revoke(settings: ServerSettings, kid: str, output: str | None) -> None:
    """Revoke the key KID and every licence it signed (listed by `keys leaked KID`)."""
    _set_state(settings, kid, "revoked", output)


def _set_state(settings: ServerSettings, kid: str, state: str, output: str | None) -> None:
    from license_server.signing import keysets

    with closing(KeysetChange(settings, output)) as change:
        change.to(
            lambda keyset: keysets.with_entry(
                keyset, keysets.entry(keyset, kid)._replace(state=state)
            ),
            int(time.time()),
        )


@keys.command(cls=_OfKey)
@click.argument("kid", required=False)
@click.option("--days", type=click.IntRange(1, 36500), help="KID may sign for this long from now.")
@click.option(
    "--keyset-days", type=click.IntRange(1, 36500), help="The keyset expires this long from now."
)
@_draft
@click.pass_obj
def renew(
    settings: ServerSettings,
    kid: str | None,
    days: int | None,
    keyset_days: int | None,
    output: str | None,
) -> None:
    """Renew the keyset with the same keys: with a later expiry, or for other root keys to sign."""
    from license_server.signing import keysets

    if (kid is None) != (days is None):
        raise InputInvalidError(field="--days", reason="KID and --days must be given together")
    now = int(time.time())

    def renewed(keyset: Keyset) -> Keyset:
        if kid is not None and days is not None:
            one = keysets.entry(keyset, kid)
            keyset = keysets.with_entry(keyset, one._replace(exp=now + days * DAY))
        if keyset_days is not None:
            keyset = keyset._replace(exp=now + keyset_days * DAY)
        return keyset

    with closing(KeysetChange(settings, output)) as change:
        change.to(renewed, now)


@keys.command("install")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.pass_obj
def install_(settings: ServerSettings, files: tuple[str, ...]) -> None:
    """Put the signed keyset in FILE in force, with the new roots document if roots were rotated.

    A running server picks it up within a second or two.
    """
    from license_server.operations import data_folder
    from license_server.signing import install

    given = b"\n".join(input_file(file) for file in files)
    with closing(data_folder.open_database(settings)) as database:
        issuer = install.install(
            settings, database, given, " ".join(files), caller(), int(time.time())
        )
    say_installed(issuer.version, issuer.signer.public_key.kid)


@keys.command("file")
@click.option(
    "-o", "--output", required=True, metavar="FILE", help="Where to write it; - : stdout."
)
@click.pass_obj
def file_(settings: ServerSettings, output: str) -> None:
    """Write the keyset in force and its roots documents, for sites that need it right away."""
    from license_server.operations import data_folder
    from license_server.signing.issuer import read_trust

    with closing(data_folder.open_database(settings)) as database:
        trust = read_trust(settings, database)
    with written(output) as put:
        put(trust.text.encode("ascii"))


@keys.command(cls=_OfKey)
@click.argument("kid")
@click.option("--yes", is_flag=True, help="Revoke it, and add a new key if none is left.")
@_draft
@click.pass_obj
def leaked(settings: ServerSettings, kid: str, yes: bool, output: str | None) -> None:
    """See which licences depend on the key KID: how many, and whose. --yes revokes it.

    `keys reissue KID` then reissues all its live licences with another key.
    """
    from license_server.licenses import signed_by
    from license_server.signing import install, keysets

    now = int(time.time())
    with closing(KeysetChange(settings, output)) as change:
        entry = keysets.entry(change.base, kid)
        kid = entry.key.kid
        with change.database.reading() as connection:
            shares = signed_by.shares(connection, kid, now)
            products = signed_by.products_of(connection, kid, now)
        total, live = sum(one.licenses for one in shares), sum(one.live for one in shares)
        say(f"{kid} is {entry.state}. Licences signed: {total}; customers: {len(shares)}.")
        say(f"Live licences: {live}; products: {', '.join(map(printable, products)) or 'none'}.")
        shown = sorted(shares, key=lambda one: -one.live)[:_SHOWN]
        for one in shown:
            to = f" <{one.contact_email}>" if one.contact_email else ""
            say(f"{one.live:>8} live of {one.licenses}  {printable(one.customer)}{printable(to)}")
        if len(shares) > len(shown):
            say(f"         more customers: {len(shares) - len(shown)}")
        if not yes or entry.state == "revoked":
            hint = "; --yes revokes the key"
            if entry.state == "revoked":
                hint = "; `keys reissue` reissues the live licences" if live else ""
            click.echo(f"Nothing was changed{hint}.", err=True)
            return
        others = [
            one
            for one in change.base.keys
            if one.key.kid != kid
            and keysets.standing(one, now) == "active"
            and (settings.signer is not None or settings.new_signing_key(one.key.kid).exists())
        ]
        made = None
        if not others and settings.signer is not None:
            reason = "no other key can sign: add one with `keys new --signer URI` first"
            raise InputInvalidError(field="KID", reason=reason)
        if not others:
            change.root()  # or no key is made
            public = install.new_key(settings, secrets.token_bytes)
            made = SigningKey(public, now - DAY, entry.exp, products=entry.products)
            click.echo(f"Created the signing key {public.kid}.", err=True)

        def revoked(keyset: Keyset) -> Keyset:
            keyset = keysets.with_entry(keyset, entry._replace(state="revoked"))
            return keyset if made is None else keysets.with_key(keyset, made)

        change.to(revoked, now)


@keys.command("reissue", cls=_OfKey)
@click.argument("kid")
@click.option(
    "-o",
    "--output",
    required=True,
    type=Folder(file_okay=False),
    metavar="FOLDER",
    help="Folder for the new files, their letters, and licenses.csv: whom each is for.",
)
@click.option(
    "--reason",
    default="the signing key was lost",
    show_default=True,
    help="The reason, for the audit log.",
)
@click.pass_obj
def reissue_(settings: ServerSettings, kid: str, output: Path, reason: str) -> None:
    """Reissue all live licences signed with the key KID, using the key now in use.

    Each keeps its host, term and entitlements, and gets a new number. If interrupted, run it again:
    it continues where it stopped and writes all files anew.
    """
    from license_server.licenses import reissue, signed_by
    from license_server.operations import data_folder, process
    from license_server.sheets import reissued_files
    from license_server.signing import keysets
    from license_server.web import delivery

    now = int(time.time())
    database, issuer = data_folder.open_vault(settings)
    process.settle_garbage()
    database.keep_fewer_pages()
    with closing(database):
        entry = keysets.entry(issuer.keyset.keyset, kid)
        kid = entry.key.kid
        if entry.key == issuer.signer.public_key:
            reason = "it is the key in use; replace it first with `keys leaked KID --yes`"
            raise InputInvalidError(field="KID", reason=reason)
        reissued_files.prepare(output)
        with database.reading() as connection:
            total = signed_by.count_live(connection, kid, now)
        progress = Progress(total, "licences")
        done = 0
        left: list[tuple[str, LicenseError]] = []
        for batch in reissue.reissue(
            database, issuer, kid, caller(), reason, now, secrets.token_bytes
        ):
            done += batch.done
            progress.advance(batch.done)
            left += batch.left
        progress.clear()
        pages = reissue.reissued(database, kid)
        found = (one for page in pages for one in delivery.outgoing(database.read, page))
        files = reissued_files.write(output, found)
    click.echo(f"Reissued {licences(done)}; files in {output}: {files}.", err=True)
    for number, error in left:
        click.echo(f"[W]: {number} was not reissued: {error.sentence}", err=True)
    if left:
        raise left[0][1]

"""``license-server init``: sets a server up."""

from __future__ import annotations

import secrets
import time
from typing import TYPE_CHECKING

import click

from license_core import b64url
from license_core.publickey import PublicKey
from license_server.cli.caller import caller
from license_server.cli.output import say

if TYPE_CHECKING:
    from license_server.settings import ServerSettings


@click.command()
@click.option(
    "--vendor",
    default="Vendor",
    show_default=True,
    help="Your company's name, as it appears in licences.",
)
@click.option(
    "--admin",
    default="admin@localhost",
    show_default=True,
    help="Email address of the first administrator.",
)
@click.option(
    "--invite",
    is_flag=True,
    help="Print an invitation with which they set a password of their own, instead of one.",
)
@click.pass_obj
def init(settings: ServerSettings, vendor: str, admin: str, *, invite: bool) -> None:
    """Set up a server: keys, database and first administrator.

    If LICENSE_SERVER_SIGNER names a signing key, that key is used and none is created.
    """
    from license_server.access import accounts, invitations
    from license_server.operations import initialise

    given = None if invite else settings.read_admin_password()
    password = None if invite else given or b64url.encode(secrets.token_bytes(15))
    administrator = initialise.Administrator(accounts.read_email(admin), password)
    secret = initialise.make(
        settings, vendor, administrator, int(time.time()), secrets.token_bytes, caller()
    )
    root_key = PublicKey.from_pem(settings.root_pub_pem.read_text("ascii"))
    say(f"Set up the server in {settings.data}.")
    say(f"The fingerprint of the root key: {root_key.kid}")
    say(f"Ship {settings.root_pub_pem} with your product, in its keys/ folder.")
    say(f"Keep a copy of {settings.root_key} offline; the server runs without it.")
    if secret is not None:
        say(f"{administrator.email} sets a password here, within {invitations.DAYS} days:")
        say((settings.public_url or "") + invitations.path(secret))
    elif given is None:
        say(f"{administrator.email} signs in with this password (shown only once): {password}")
    else:
        say(f"{administrator.email} signs in with the password from the environment.")

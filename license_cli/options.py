"""Options that several commands take."""

import click

from license_core.hostkey import DEFAULT_PROFILE, PROFILES

profile = click.option(
    "--profile",
    type=click.Choice(list(PROFILES)),
    default=DEFAULT_PROFILE,
    show_default=True,
    help="hk1-host: for containers that are made anew; needs the host's machine-id.",
)

"""Options that several commands take."""

import click

from license_core.hostkey import DEFAULT_PROFILE, PROFILES

profile = click.option(
    "--profile",
    type=click.Choice(list(PROFILES)),
    default=DEFAULT_PROFILE,
    show_default=True,
    help="What the key is made of. hk1: hostname, address, machine id and container id; one key, "
    "one container. hk1-host: without the container id, for containers that are made anew; needs "
    "the machine's own /etc/machine-id, bound in.",
)

"""Options that several commands take."""

import click

from license_core.hostkey import PROFILES

profile = click.option(
    "--profile",
    type=click.Choice(list(PROFILES)),
    help="What the host key is made of. hk1: hostname, address, machine id and container id; one "
    "key per container. hk1-host: no container id, for containers that are recreated; needs the "
    "Docker host's /etc/machine-id, mounted. [default: that of the installed licence, else hk1]",
)

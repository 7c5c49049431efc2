"""``license-server`` where only the client is installed: what works without a server's packages."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import click

from license_server.cli.root import root
from license_server.cli.running import run
from license_server.extras import ExtraMissingError
from license_server.passphrases import OfEnvironment


class _Base(click.Group):
    """A group that knows why it lacks the other commands."""

    missing = ""
    """The first package that is missing."""

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command. Raises ExtraMissingError where there is none here."""
        found = super().get_command(ctx, cmd_name)
        if found is None and not ctx.resilient_parsing:
            raise ExtraMissingError(extra="server", package=self.missing, python=sys.executable)
        return found


@click.group(cls=_Base, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name=None, version="0.1.0", prog_name="license-server")
@click.pass_context
def base(ctx: click.Context) -> None:
    """Sign with root keys; that needs no server.

    The other commands need packages that are not installed: `pip install 'hostseal[server]'`.
    """
    ctx.obj = OfEnvironment()


base.add_command(root)


def main(missing: str, arguments: Sequence[str] | None = None) -> int:
    """Run a command that needs no server; *missing*: a package that is not installed."""
    base.missing = missing
    return run(base, arguments)

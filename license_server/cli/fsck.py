"""``license-server fsck``: checks the ledger against the audit log."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from license_server.cli.faults import (
    checkpoint_option,
    json_option,
    tell_faults,
)

if TYPE_CHECKING:
    from license_server.settings import ServerSettings


@click.command("fsck")
@checkpoint_option
@json_option
@click.pass_obj
def fsck_(settings: ServerSettings, checkpoints: tuple[str, ...], as_json: bool) -> None:
    """Check that the ledger, the audit log and all signatures agree, read-only.

    Needs no passphrase. Exits with 95 if it finds a fault.
    """
    from license_server.operations import data_folder, fsck
    from license_server.signing.issuer import read_roots

    trusted = fsck.Trusted(read_roots(settings), data_folder.read_record_key(settings))
    tell_faults(settings, checkpoints, as_json, fsck.size, fsck.check, trusted)

"""``pin``: declares that this host keeps its address; what LICENSE_PINNED_IP does at a start."""

from __future__ import annotations

import os

import click

from license_cli import files, render
from license_cli.click_options import pass_session
from license_cli.session import Session
from license_core import pin, stability
from license_core.errors import PinnedAddressInvalidError
from license_core.probe import read_facts


@click.command("pin", short_help="Declare that this host keeps its address.")
@click.argument("address")
@pass_session
def command(session: Session, address: str) -> None:
    """Declare that this host keeps ADDRESS, its present one.

    For a container that exists already; it is kept in conf/license.pin, which may be removed again.
    A container that is started gets the same by LICENSE_PINNED_IP, which counts before this.
    """
    declared = pin.read(address)
    if declared is None:
        raise PinnedAddressInvalidError(pinned=address)
    # What was declared before is replaced, and need not be readable.
    facts = read_facts(session.place.root, os.environ)
    stability.check_pinned(facts._replace(pinned_ip=declared))
    path = session.place.pin
    files.replace(path, f"{declared}\n".encode())
    if session.as_json:
        render.say_json({"pinned_ip": declared, "path": path})
        return
    text = "This host is declared to keep the address {ip} ({path})."
    render.say(render.note(text, ip=declared, path=path))
    if os.environ.get(pin.PINNED_IP):
        render.remark([render.note("LICENSE_PINNED_IP is set here, and counts before it.")])

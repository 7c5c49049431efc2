"""``get_host_key``: the line that an operator sends to the vendor."""

from __future__ import annotations

import click

from license_cli import (
    memory,
    options,
    render,
)
from license_cli.session import (
    Session,
    installed,
    key_to_give,
    pass_session,
    profile_to_order,
    unread,
)
from license_core import hostline, stability
from license_core.hostkey import DEFAULT_PROFILE
from license_core.memory import Memory


@click.command("get_host_key")
@options.profile
@click.option(
    "--check", is_flag=True, help="Add a check code, so that the vendor notices a wrong character."
)
@pass_session
def command(session: Session, profile: str | None, check: bool) -> None:
    """Print the host key and hostname, for the vendor."""
    render.need_reader()
    facts = session.read_facts()
    unsure = () if profile else unread(session, DEFAULT_PROFILE)
    profile = profile_to_order(profile, None if profile else installed(session))
    host = key_to_give(facts, profile)
    notices = (*unsure, *stability.notices(facts, profile))
    # Remember what the key was made of: if it changes, `verify` can then say what changed.
    before, _ = session.place.read_memory(facts)
    memory.keep(
        session.place, before, (before or Memory(profile=profile)).remember_host(facts), facts
    )
    if session.as_json:
        element = hostline.check_element(host.key, host.hostname, profile) if check else None
        render.say_json(
            {
                "host_key": host.key,
                "hostname": host.hostname,
                "profile": host.profile,
                **({"check": element} if element else {}),
                "notices": [render.notice_json(notice, session.cli) for notice in notices],
            }
        )
        return
    render.say(hostline.write(host.key, host.hostname, profile, check=check))
    for notice in notices:
        render.remark(render.notice_lines(notice, session.cli))

"""``get_host_key``: the line that an operator sends to the vendor."""

import click

from license_cli import (
    memory,
    options,
    render,
)
from license_cli.session import Session, installed, key_to_give, pass_session, profile_to_order
from license_core import stability
from license_core.memory import Memory
from license_core.request import bare_line


@click.command("get_host_key")
@options.profile
@pass_session
def command(session: Session, profile: str | None) -> None:
    """Print the host key and hostname, for the vendor."""
    render.need_reader()
    facts = session.read_facts()
    profile = profile_to_order(profile, None if profile else installed(session))
    host = key_to_give(facts, profile)
    notices = stability.notices(facts, profile)
    # Remember what the key was made of: if it changes, `verify` can then say what changed.
    before, _ = session.place.read_memory(facts)
    memory.keep(
        session.place, before, (before or Memory(profile=profile)).remember_host(facts), facts
    )
    if session.as_json:
        render.say_json(
            {
                "host_key": host.key,
                "hostname": host.hostname,
                "profile": host.profile,
                "notices": [render.notice_json(notice, session.cli) for notice in notices],
            }
        )
        return
    render.say(bare_line(host.key, host.hostname, profile))
    for notice in notices:
        render.remark(render.notice_lines(notice, session.cli))

"""``get_host_key``: the line that an operator sends to the vendor."""

from __future__ import annotations

from license_cli import (
    memory,
    render,
)
from license_cli.options import CODE, PROFILE, Option
from license_cli.session import (
    Session,
    key_to_give,
    profile_here,
    unread,
)
from license_core import hostline, stability, strictjson
from license_core.hostkey import DEFAULT_PROFILE, HostKey
from license_core.memory import Memory

OPTIONS = (
    PROFILE,
    Option(
        ("--check",), "check", "Add a check code, so that the vendor notices a wrong character."
    ),
    Option(("--phone",), "phone", "Print a telephone code: digits to be read aloud."),
    *CODE,
)


def run(  # an argument an option
    session: Session,
    profile: str | None,
    check: bool,
    phone: bool,
    qr: bool,
    inverse: bool,
    to: str | None,
) -> None:
    """Print the host key and hostname, for the vendor."""
    render.need_reader()
    facts = session.read_facts()
    unsure = () if profile else unread(session, DEFAULT_PROFILE)
    profile = profile_here(session, profile)
    host = key_to_give(facts, profile)
    told = (*stability.notices(facts, profile), *stability.proposals(facts, profile))
    notices = (*unsure, *told)
    # Remember what the key was made of: if it changes, `verify` can then say what changed.
    before, _ = session.place.read_memory(facts)
    memory.keep(
        session.place, before, (before or Memory(profile=profile)).remember_host(facts), facts
    )
    if session.as_json:
        element = hostline.check_element(host.key, host.hostname, profile) if check else None
        code = " ".join(_telephone_code(host)) if phone else None
        render.say_json(
            {
                "host_key": host.key,
                "hostname": host.hostname,
                "profile": host.profile,
                **({"check": element} if element else {}),
                **({"telephone_code": code} if code else {}),
                "notices": [render.notice_json(notice, session.cli) for notice in notices],
            }
        )
        return
    for notice in notices if qr else ():  # above it, or they would move it off the screen
        render.remark(render.notice_lines(notice, session.cli))
    line = hostline.write(host.key, host.hostname, profile, check=check)
    if phone:
        _say_to_read(host)
    if qr:
        from license_cli import qr_picture

        qr_picture.show([*((qr_picture.link(to, line),) if to else ()), line], inverse=inverse)
        return
    if not phone:
        render.say(line)
    for notice in notices:
        render.remark(render.notice_lines(notice, session.cli))


def _telephone_code(host: HostKey) -> list[str]:
    from license_core import phonecode

    return phonecode.lines(host.key, host.profile)


def _say_to_read(host: HostKey) -> None:
    """The telephone code, and the hostname as the host key line has it."""
    for line in _telephone_code(host):
        render.say(line)
    if host.hostname is not None:
        render.say(strictjson.shown(host.hostname))
    text = (
        "Read the groups to your vendor in their order, then spell the hostname. Each group has a "
        "check of its own: a wrong one is noticed, and read again alone."
    )
    render.remark([render.note(text)])

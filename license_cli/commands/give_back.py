"""``return``: removes the licence, and prints the text by which the vendor ends it."""

from __future__ import annotations

import os

import click

from license_cli import files, giveback_secrets, memory, render
from license_cli.click_options import pass_session
from license_cli.files import FORMER, Replacement
from license_cli.language import tr
from license_cli.session import DECLINED, Refused, Session
from license_core import host_check, tokens
from license_core.armor import MAX_FILE
from license_core.errors import LicenseError, Notice, UsageError
from license_core.facts import HostFacts
from license_core.giveback import Returned
from license_core.installed import open_at
from license_core.license import License
from license_core.memory import Memory
from license_core.paths import Place, read
from license_core.reason import Reason
from license_core.verify import Report
from license_core.wording import printable

_UNASKED = Reason(
    "Nothing was removed: without a terminal nobody can be asked. To give the licence back, add "
    "--yes."
)


@click.command("return", short_help="Remove the licence and give it back to the vendor.")
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    help="Write to FILE instead of standard output.",
)
@click.option("--yes", is_flag=True, help="Do not ask.")
@pass_session
def command(session: Session, output: str | None, yes: bool) -> int:
    """Remove the installed licence and print the text that says so, for the vendor.

    The product does not start here afterwards. The text has the secret that the request for the
    licence named, where there is one: evidence for the vendor that it was given back here. If the
    licence was given back already, the same text is printed again.
    """
    if output is None:
        render.need_reader()
    place = session.place
    returned = place.read_returned()
    is_gone = place.source.data is None and not os.path.exists(place.license)
    if returned is not None and is_gone:
        _forget(place, returned)
        _tell(session, returned, output, removed=[], notices=[])
        return 0
    facts = session.read_facts()
    license_ = open_at(place.read_license(), place)
    before, _ = place.read_memory(facts)
    _refuse_of_another_host(session, license_, facts, before)
    _refuse_where_it_cannot_go(session)
    if not yes and not _may_go(session, license_):
        render.remark([render.note("Nothing was removed.")])
        return DECLINED
    if returned is None or returned.number != license_.jti:
        returned = _of_this_host(place, license_, session.now)
        files.replace_all([Replacement(place.returned, returned.to_text().encode(), private=True)])
    former, older = place.license + FORMER, _older(place)
    removed = [path for path in (former if older else None, place.license) if path]
    after = (before or Memory(profile=license_.host.profile)).give_back(license_, older)
    unkept = memory.keep(place, before, after, facts)
    files.remove_all(removed)
    _forget(place, returned)
    notices = [] if place.remembers else [Notice("memory-off")]
    notices += [unkept] if unkept else []
    _tell(session, returned, output, removed=removed, notices=notices)
    return 0


def _of_this_host(place: Place, license_: License, now: int) -> Returned:
    """What is said of *license_*: with the secret that it names, where this host has it."""
    secret = giveback_secrets.read_secrets(place).fitting(license_.host.return_digest)
    return Returned(license_.jti, now, secret)


def _forget(place: Place, returned: Returned) -> None:
    if returned.secret is not None:
        giveback_secrets.spend(place, returned.secret)


def _refuse_of_another_host(
    session: Session, license_: License, facts: HostFacts, before: Memory | None
) -> None:
    """Raise where the licence is not for this host: its own may use it still."""
    problems: list[LicenseError] = []
    host_check.judge(license_, facts, before, problems, [])
    if problems:
        raise Refused(Report(session.now, tuple(problems)))


def _refuse_where_it_cannot_go(session: Session) -> None:
    """Raise where the file cannot be removed, before anything says that it was."""
    if session.place.source.kind == "environment":
        reason = Reason("The licence is in the variable LICENSE; no command can remove it.")
        raise UsageError(reason=reason).advised(("unset-to-return",))
    session.refuse_in_secret("secret-to-return")
    files.check_removable(session.place.license)


def _may_go(session: Session, license_: License) -> bool:
    """Whether the person at the terminal agrees. Raises UsageError where there is none."""
    if not session.can_be_asked():
        raise UsageError(reason=_UNASKED, help="return --help")
    text = tr(
        "Give licence {number} back? The product will not start here afterwards.",
        number=printable(license_.jti),
    )
    return click.confirm(text, err=True)


def _older(place: Place) -> License | None:
    """The licence that was in force before, which is kept beside it."""
    try:
        data = read(os.path.realpath(place.license) + FORMER, MAX_FILE)
        return None if data is None or not tokens.license_in(data) else open_at(data, place)
    except LicenseError:
        return None


def _tell(
    session: Session,
    returned: Returned,
    output: str | None,
    *,
    removed: list[str],
    notices: list[Notice],
) -> None:
    text = returned.to_text()
    if output is not None:
        files.write_new(output, text.encode())
    if session.as_json:
        render.say_json(
            {
                "number": returned.number,
                "returned_at": returned.iat,
                "evidence": returned.secret is not None,
                "removed": removed,
                "text": text,
                "notices": [render.notice_json(notice, session.cli) for notice in notices],
            }
        )
        return
    if output is None:
        render.say(text.rstrip("\n"))
    lines = [render.note("Removed: {path}.", path=path) for path in removed]
    if not removed:
        lines.append(
            render.note("Licence {number} was given back here already.", number=returned.number)
        )
    if output is not None:
        lines.append(
            render.note("Return text written to {path}; send it to your vendor.", path=output)
        )
    if returned.secret is None:
        text = (
            "This licence names no secret of this host, so the text says it was given back and "
            "proves nothing."
        )
        lines.append(render.note(text))
    render.remark(lines)
    for notice in notices:
        render.remark(render.notice_lines(notice, session.cli))

"""``install``: checks a file from the vendor and puts it in place."""

from __future__ import annotations

import os
import sys

import click

from license_cli import (
    bearer,
    files,
    memory,
    render,
)
from license_cli.click_options import Whole, network, pass_session
from license_cli.files import Replacement
from license_cli.language import tr
from license_cli.session import (
    DECLINED,
    Refused,
    Session,
    installed,
    key_to_give,
    profile_to_order,
)
from license_core import armor, successor, tokens
from license_core.armor import MAX_FILE, MAX_MENDED, is_mail
from license_core.errors import (
    FileTooLargeError,
    FileUnreadableError,
    FolderNotWritableError,
    LicenseDamagedError,
    LicenseError,
    LicenseMissingError,
    Notice,
    UsageError,
)
from license_core.facts import HostFacts
from license_core.installed import (
    check_file,
    read_installed,
    read_known,
    read_roots,
)
from license_core.intake import Known, unusable, what_is_wrong
from license_core.license import License
from license_core.memory import Memory
from license_core.paths import MAX_REVOCATIONS, Place, Source, one_file, read, too_large
from license_core.reason import Reason
from license_core.revocation_errors import ListTooLargeError
from license_core.successor import Grant
from license_core.verify import Report

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType

    from license_core.trust import Blocks
    from license_core.update import Update

_HIDDEN = Reason("a part of it that is signed has no BEGIN line of its own that can be read")
_UNASKED = Reason(
    "Nothing was installed: this licence is older or grants less, and without a terminal nobody "
    "can be asked. If it is agreed, add --yes."
)


@click.command("install", short_help="Check a licence and install it.")
@click.argument("source")
@network
@click.option(
    "--wait",
    type=Whole(0, 604800),
    default=0,
    metavar="SECONDS",
    help="For a portal: wait so long until the licence is issued.",
)
@click.option("--yes", is_flag=True, help="Do not ask, even if something is taken away.")
@pass_session
def command(  # an argument an option
    session: Session,
    source: str,
    token_file: str | None,
    ca: str | None,
    insecure_http: bool,
    wait: int,
    yes: bool,
) -> int:
    """Check SOURCE (a file, - for standard input, or a URL) and install it as license.dat.

    A licence that is not valid on this host is rejected, and the installed one stays. Before a
    licence takes the place of one that grants more, it asks; without a terminal it installs such a
    licence only with --yes. SOURCE can also be a keyset, new root keys or a revocation list from
    the vendor; one older than this host has already seen is rejected.
    """
    data, what = _read_source(session, source, token_file, (ca, insecure_http, wait))
    source = _shown(source)
    facts = session.read_facts()
    remarks = [Notice("file-unwrapped", reason=what)] if what else []
    blocks = _blocks(data)
    if blocks.keys() & {armor.KEYSET, armor.ROOTS, armor.REVOCATIONS} and (
        armor.LICENSE not in blocks
    ):
        return _install_update(session, blocks, source, facts, remarks)
    before, _ = session.place.read_memory(facts)
    present = _present(session, facts)
    try:
        known = read_known(session.place)
        given = Source("argument", None if source == "-" else source)
        checked = check_file(data, session.place, facts, session.now, known=known, source=given)
        problems = _with_blocks(checked.report.problems, blocks, source, _known(session.place))
        # A memory that is missing is made by this very command.
        notices = tuple(n for n in checked.report.notices if n.slug != "memory-missing")
        report = checked.report._replace(notices=notices, problems=problems)
        if not report.ok:
            raise Refused(report)
    except (LicenseError, Refused) as refusal:
        if os.path.lexists(session.place.license):
            text = "The installed licence is unchanged: {path}."
            note = render.note(text, path=session.place.license)
            vars(refusal).setdefault("__notes__", []).append(note)  # PEP 678, of Python 3.11
        raise
    _refuse_if_kept_elsewhere(session)
    warnings = _taken(present, report.license)
    if not session.as_json:
        for warning in warnings:
            render.remark(render.notice_lines(warning, session.cli))
    if warnings and not yes and not session.can_be_asked():
        unasked = UsageError(reason=_UNASKED, help="install --help")
        unsaid = tuple(warnings) if session.as_json else ()
        raise Refused(Report(session.now, (unasked,), unsaid))
    if warnings and not yes and not click.confirm(tr("Install it all the same?"), err=True):
        render.remark([render.note("Nothing was installed.")])
        return DECLINED
    keeps = _is_to_keep(session.place.license, data)
    written = [Replacement(session.place.license, data, keep_former=keeps)]
    if checked.trust is not None:  # before the licence: it may be proven by nothing else
        written.insert(0, Replacement(session.place.trust, checked.trust.encode()))
    kept = _replace(written, session.place)
    unkept = memory.keep(session.place, before, checked.memory, facts)
    more = [*remarks, *(warnings if session.as_json else []), *([unkept] if unkept else [])]
    _tell(session, report, kept, more)
    return 0


def _refuse_if_kept_elsewhere(session: Session) -> None:
    """Raise where a licence that is written would not be in force, or not for long."""
    if session.place.source.kind == "environment":
        reason = Reason(
            "The licence in the variable LICENSE is in force, and no file takes its place; "
            "nothing was written to {path}.",
            path=session.place.license,
        )
        raise UsageError(reason=reason).advised(("set-in-environment",))
    session.refuse_in_secret("kept-by-kubernetes")


def _is_to_keep(path: str, new: bytes) -> bool:
    """Whether the file at *path* is kept as the former one, for which the one before it is lost.

    The same licence in other bytes is no former one; nor does what is no licence take the place of
    one.
    """
    present = tokens.license_in(_content(path))
    if present is not None:
        return present != tokens.license_in(new)
    return tokens.license_in(_content(os.path.realpath(path) + files.FORMER)) is None


def _content(path: str) -> bytes:
    """The file at *path*; empty where it is none that can be read."""
    try:
        return read(path, MAX_FILE) or b""
    except LicenseError:
        return b""


def _replace(written: list[Replacement], place: Place) -> str | None:
    """Put in place what was *written*, the licence last; under which name the former one stays."""
    try:
        return files.replace_all(written)[-1]
    except FolderNotWritableError as refused:
        is_of_licence = refused.folder == os.path.dirname(os.path.realpath(place.license))
        if place.named is not None and is_of_licence and refused.advice == ("read-only",):
            refused.advised(("read-only-source",), **{**refused.more, **place.license_parts})
        raise


def _present(session: Session, facts: HostFacts) -> Report:
    """The check of the licence that is installed."""
    try:
        return check_file(session.place.read_license(), session.place, facts, session.now).report
    except LicenseError as refused:
        return Report(session.now, (refused,))


def _taken(present: Report, new: License | None) -> list[Notice]:
    """What goes with the installed licence, where that one holds."""
    former = present.license
    if not present.ok or former is None or new is None or former.jti == new.jti:
        return []
    names = {"number": new.jti, "former": former.jti}
    warnings = []
    if former.replaces == new.jti or new.iat < former.iat:
        warnings.append(Notice("former-again", **names, issued_at=former.iat))
    less = successor.taken(Grant.of(former), Grant.of(new))
    if less is not None:
        warnings.append(Notice("grants-less", **names, reason=less))
    return warnings


def _blocks(data: bytes) -> Blocks:
    """The blocks of the file; none where it is cut off, which is for the check to say."""
    try:
        return armor.unwrap(data)
    except armor.ArmorError:
        return {}


def _known(place: Place) -> Known:
    """What this host knows of the vendor's keys. Raises as reading its files does."""
    data = read_known(place)
    blocks = {} if data is None else _blocks(data)
    present = read_installed(place)
    needed, number = place.read_settings().roots_needed, present.jti if present else None
    return Known(blocks, read_roots(place), needed, place.keys, number)


def _list_there(place: Place) -> bytes | None:
    """The revocation list that is there; None where there is none, or it is too large to be one.

    That one is replaced as any other is. Raises FileUnreadableError.
    """
    try:
        return place.read_revocations()
    except ListTooLargeError:
        return None


def _with_blocks(
    problems: tuple[LicenseError, ...], blocks: Blocks, source: str, known: Known
) -> tuple[LicenseError, ...]:
    """*problems*, and those of the blocks of the file that nothing was said of yet."""
    told = set(map(what_is_wrong, problems))
    more = (one for one in unusable(blocks, source, known) if what_is_wrong(one) not in told)
    return (*problems, *more)


def _install_update(
    session: Session, blocks: Blocks, source: str, facts: HostFacts, remarks: list[Notice]
) -> int:
    """Take in a keyset, roots or a list: all that the file has, or nothing.

    The exit code is that of the installed licence, where there is one that does not hold.
    """
    from license_core.update import open_update

    place = session.place
    held = _present(session, facts).ok
    before, _ = place.read_memory(facts)
    remembered = before if before is not None and before.authentic else Memory()
    known, listed = _known(place), _list_there(place)
    update = open_update(
        blocks,
        source,
        known=known.blocks,
        roots=known.roots,
        needed=known.needed,
        memory=remembered,
        present=listed,
        number=known.number,
    )
    problems = _with_blocks(update.problems, blocks, source, known)
    if len(problems) == 1:
        raise problems[0]
    if problems:
        raise Refused(Report(session.now, problems))
    written = []
    if update.trust is not None:
        text = update.trust.wrap().encode()
        if len(text) > MAX_FILE:  # no check could read it again
            raise FileTooLargeError(path=source, size=len(text), cap=MAX_FILE)
        if text != read(place.trust, MAX_FILE):
            written.append(Replacement(place.trust, text))
    if update.token is not None:
        new = armor.wrap(armor.REVOCATIONS, update.token).encode()
        if new != listed:
            written.append(Replacement(place.revocations, new))
    files.replace_all(written)
    version = update.trust.version if update.trust else remembered.trust
    number, kid = (
        (update.revocations.number, update.revocations.kid) if update.revocations else (0, None)
    )
    after = (before or Memory()).learn(version, number, kid, None)
    unkept = memory.keep(place, before, after, facts)
    report = _present(session, facts)
    more = [*remarks, *([unkept] if unkept else [])]
    _tell_update(session, update, source, [file.path for file in written], report, held, more)
    return report.exit_code if _wrong(report) else 0


def _wrong(report: Report) -> list[LicenseError]:
    """What is wrong with the installed licence; one that is not there yet comes later."""
    return [one for one in report.problems if not isinstance(one, LicenseMissingError)]


def _tell_update(
    session: Session,
    update: Update,
    source: str,
    written: list[str],
    report: Report,
    held: bool,
    more: list[Notice],
) -> None:
    """Say what was taken in, and what it means for the licence that is installed.

    *held*: whether that one was valid before.
    """
    if session.as_json:
        answer = render.report_json(report, session.cli)
        more_json = [render.notice_json(notice, session.cli) for notice in more]
        answer["notices"] = [*answer["notices"], *more_json]
        render.say_json({"installed": written, "check": answer})
        return
    if update.trust is not None:
        version = str(update.trust.keyset.keyset.version)
        roots = str(update.trust.roots_version)
        if not update.was_known:
            render.say(
                render.note(
                    "Keyset {version} (roots {roots}) is now trusted on this host.",
                    version=version,
                    roots=roots,
                )
            )
        elif update.revocations is None:  # a list always comes with the keyset that vouches for it
            render.say(
                render.note(
                    "Keyset {version} (roots {roots}) was already known; {path} has nothing newer.",
                    version=version,
                    roots=roots,
                    path=source,
                )
            )
    if update.revocations is not None:
        number = str(update.revocations.number)
        render.say(
            render.note("Revocation list {number} is now in force on this host.", number=number)
            if session.place.revocations in written
            else render.note(
                "Revocation list {number} was already in force on this host.", number=number
            )
        )
    for path in written:
        render.say(render.note("Installed as {path}.", path=path))
    if report.license is not None and report.ok:
        render.say(render.holds_line(report.license, session.now))
    wrong = _wrong(report)
    if wrong:
        render.say(
            render.note("With these changes the installed licence is not valid:")
            if held
            else render.note("The installed licence is still not valid:")
        )
    for error in wrong:
        render.remark(render.error_lines(error, session.cli))
    for notice in more:
        render.remark(render.notice_lines(notice, session.cli))


def _tell(session: Session, report: Report, kept: str | None, more: list[Notice]) -> None:
    notices = [*report.notices, *more]
    if session.as_json:
        answer = render.report_json(report, session.cli)
        answer["notices"] = [render.notice_json(notice, session.cli) for notice in notices]
        render.say_json({**answer, "installed": session.place.license, "former": kept})
        return
    if report.license is not None:
        render.say(render.holds_line(report.license, session.now))
    render.say(render.note("Installed as {path}.", path=session.place.license))
    if kept:
        render.say(render.note("The previous licence was kept as {path}.", path=kept))
    for notice in notices:
        render.remark(render.notice_lines(notice, session.cli))


def _read_source(
    session: Session, source: str, token_file: str | None, way: tuple[str | None, bool, int]
) -> tuple[bytes, Reason | None]:
    """The file in SOURCE, and what it had become on its way; None: nothing.

    Only a revocation list may have more than MAX_FILE bytes.
    """
    if source == "-":
        if sys.stdin is None:
            raise UsageError(reason="Standard input is closed; cannot read a licence from it.")
        path: str = Reason("Standard input")
        data = sys.stdin.buffer.read(MAX_REVOCATIONS + 1)
    elif source.lower().startswith(("https://", "http://")) and _is_portal(source):
        path = _shown(source)
        data = _from_portal(session, source, bearer.read_for(source, token_file), way)
    elif source.lower().startswith(("https://", "http://")):
        client = _fetcher()
        path = source
        data = client.fetch(source, bearer.read_for(source, token_file), cap=MAX_REVOCATIONS)
    else:
        path = source
        found = read(source, MAX_REVOCATIONS)
        if found is None:
            raise FileUnreadableError(path=source, reason="there is no such file")
        data = found
    what = None
    if len(data) <= MAX_MENDED and (is_mail(data) or not tokens.in_armor(data)):
        from license_core.parcel import open_parcel

        data, what = open_parcel(data)
        if tokens.is_hidden(data):
            raise LicenseDamagedError(reason=_HIDDEN)
    cap = MAX_REVOCATIONS if b"LICENSE REVOCATIONS" in data else MAX_FILE
    if len(data) > cap:
        refused = too_large(path, len(data), cap, data)
        from license_core import otherfile

        other = otherfile.of_another_program(data)
        raise refused if other is None else refused.advised(other.advice, **other.more)
    return data, what


def _is_portal(source: str) -> bool:
    from license_cli.portal import is_portal

    return is_portal(source)


def _shown(source: str) -> str:
    """*source* without the secret of a link."""
    return source.partition("?")[0] if "secret=" in source else source


def _from_portal(
    session: Session, source: str, token: str | None, way: tuple[str | None, bool, int]
) -> bytes:
    """The file of this host's licence."""
    from license_cli import portal

    ca, insecure_http, wait = way
    present = installed(session)
    host = key_to_give(session.read_facts(), profile_to_order(None, present))
    opened = portal.Portal(portal.link(source, token), portal.Way(ca, insecure_http))
    number = present.jti if present else None
    found = opened.licence_of(host.key, wait, other_than=number)
    return opened.file(str(found.get("number")))


def _fetcher() -> ModuleType:
    """What fetches files. Raises DependencyMissingError, as always in the one file."""
    try:
        from license_cli import client
    except ImportError as error:
        from license_core.dependency import problem_of

        missing = problem_of(error)
        raise missing.advised(("get-the-file",) if one_file() else None) from error
    return client

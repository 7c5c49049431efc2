"""``site``: draws the identity of a site, and puts machines on its roster (SPEC section 3.9)."""

from __future__ import annotations

import fcntl
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import click

from license_cli import files, render
from license_cli.click_options import pass_session
from license_cli.language import tr
from license_cli.session import Session
from license_core import hostfile, hostkey, membership, sitefile
from license_core.errors import UsageError
from license_core.facts import HostFacts
from license_core.membership_errors import HostSiteUnknownError, SiteExistsError
from license_core.reason import Reason
from license_core.sitefile import Site
from license_core.wording import printable


@click.command("site", short_help="Make a site, or add machines to it.")
@click.argument("action", type=click.Choice(["init", "add", "show"]))
@click.argument("machine_ids", metavar="[MACHINE_ID]...", nargs=-1)
@pass_session
def command(session: Session, action: str, machine_ids: tuple[str, ...]) -> None:
    """Make a site in the folder LICENSE_SITE, add machines to it, or show it.

    A site is an identity and a roster of machines, for the profile hk1-site. init draws the
    identity and adds this machine; add adds this one, or those with the given machine ids. Add all
    machines before you order a licence: it is for those on the roster, and one that is added later
    needs a new licence.
    """
    facts = session.read_facts()
    if facts.site_file is None:
        raise HostSiteUnknownError(why=membership.no_site(facts))
    path = os.path.join(session.place.root, facts.site_file.lstrip("/"))
    if action == "show":
        _say(session, facts, _present(facts, path), path)
        return
    change = _new if action == "init" else _more
    with _alone(os.path.dirname(path)):
        site = change(facts, path, _named(machine_ids), secrets.token_hex)
        files.replace(path, sitefile.dump(site))
    _say(session, session.read_facts(), site, path)


@contextmanager
def _alone(folder: str) -> Iterator[None]:
    """While nobody else changes a site there, where the file system can tell."""
    descriptor = None
    with suppress(OSError):  # writing says why
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    try:
        yield
    finally:
        if descriptor is not None:
            os.close(descriptor)


def _new(facts: HostFacts, path: str, ids: list[str], draw: Callable[[int], str]) -> Site:
    if os.path.lexists(path):
        raise SiteExistsError(path=path)
    return _with(Site(draw(32), ()), facts, ids, is_first=True)


def _more(facts: HostFacts, path: str, ids: list[str], _: Callable[[int], str]) -> Site:
    return _with(_present(facts, path), facts, ids, is_first=not ids)


def _with(site: Site, facts: HostFacts, ids: list[str], *, is_first: bool) -> Site:
    """*site* with this machine, where it *is_first*, and those of *ids*, unless they are there."""
    if is_first:
        ids = [membership.own_machine_id(facts), *ids]
    for machine_id in ids:
        if not site.has(machine_id):
            is_own = machine_id == facts.machine_id and facts.engine is None
            name = " ".join(printable(facts.hostname or "").split()) if is_own else ""
            site = site.plus(machine_id, name)
    if len(site.machines) > sitefile.MOST:
        raise UsageError(
            reason=Reason("A site has at most {most} machines.", most=sitefile.MOST),
            help="site --help",
        )
    return site


def _present(facts: HostFacts, path: str) -> Site:
    if facts.site is None:
        raise HostSiteUnknownError(why=membership.no_site(facts))
    # As it is now: another may have added a machine since the host was read.
    try:
        return sitefile.parse(hostfile.read(path) or b"")
    except ValueError as error:
        why = Reason("{path} is damaged: {reason}", path=path, reason=str(error))
        raise HostSiteUnknownError(why=why) from error


def _named(machine_ids: tuple[str, ...]) -> list[str]:
    named = [word.lower() for word in machine_ids]
    for word in named:
        if len(word) != 32 or not set(word) <= set("0123456789abcdef") or set(word) == {"0"}:
            reason = Reason(
                "{word} is not a machine id: that has 32 hexadecimal digits.", word=word
            )
            raise UsageError(reason=reason, help="site --help")
    return named


def _say(session: Session, facts: HostFacts, site: Site, path: str) -> None:
    own = facts.machine_id and site.tag_of(facts.machine_id)
    if session.as_json:
        machines = [
            {"tag": tag, "name": name or None, "this": tag == own} for tag, name in site.machines
        ]
        key = hostkey.key_of({"site": site.identity, "roster": site.roster}, "hk1-site")
        render.say_json({"path": path, "host_key": key, "machines": machines})
        return
    text = "The site in {path} has {count:# machine|# machines}:"
    render.say(render.note(text, path=path, count=len(site.machines)))
    for tag, name in site.machines:
        words = (tag, printable(name), tr("(this one)") if tag == own else "")
        render.say("     " + " ".join(filter(None, words)))
    text = (
        "Once all machines are on it, order a licence: send the output of "
        "`{cli} request --profile hk1-site`."
    )
    render.remark([render.note(text, cli=session.cli)])

"""``doctor``: one page on this host, its key, its licence, and what to fix."""

from __future__ import annotations

import json
import os
import re
import sys

import click

from license_cli import (
    doctor_page,
    files,
    paint,
    render,
)
from license_cli.click_options import pass_session, profile
from license_cli.doctor_page import Examined
from license_cli.session import Session, key_to_give, profile_here
from license_core import (
    diagnosis,
    evidence,
    pin,
    routes,
    stability,
)
from license_core.errors import LicenseError
from license_core.facts import HostFacts
from license_core.hostkey import HostKey
from license_core.installed import check_file
from license_core.requirements import (
    Requirements,
    Resources,
    measure,
)
from license_core.verify import Report
from license_core.wording import printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


@click.command("doctor", short_help="Diagnose this host, its host key and its licence.")
@profile
@click.option(
    "--bundle",
    metavar="FILE",
    help="Also write a support bundle to FILE, without this host's addresses, ids and names.",
)
@pass_session
def command(session: Session, profile: str | None, bundle: str | None) -> int:
    """Diagnose this host: what its host key is made of, what may change it, how to prevent that.

    Changes nothing. The exit code is that of the first error on the page (docs/SPEC.md, section
    9), and 0 if there is none: warnings do not count.
    """
    if bundle is None:
        render.need_reader()
    facts = session.read_facts()
    profile = profile_here(session, profile)
    memory, _ = session.place.read_memory(facts)
    requirements, unread = _requirements(session)
    wanted = diagnosis.wants(requirements, _measure(session, facts, requirements))
    found = Examined(
        key=_key(facts, profile),
        profile=profile,
        facts=facts,
        traits=evidence.read(facts),
        routes=routes.considered(facts),
        memory=memory,
        report=_check(session, facts),
        wanted=wanted,
        hazards=diagnosis.hazards(facts, wanted, profile),
        shortages=diagnosis.shortages(facts, wanted, session.place.conf),
        unread=unread,
        pinned_by=pin.PINNED_IP if pin.PINNED_IP in os.environ else session.place.pin,
    )
    answer = doctor_page.as_json(found, session.cli) if session.as_json or bundle else {}
    if bundle is not None:
        text = json.dumps(_without_names(answer, found), indent=2)
        files.write_new(bundle, f"{text}\n".encode())
    if session.as_json:
        render.say_json(answer)
    else:
        brush = paint.brush(sys.stdout, os.environ)
        for line in doctor_page.lines(found, session.cli, brush):
            render.say(line)
    if bundle is not None:
        render.remark(
            [render.note("Support bundle written to {path}; send it to your vendor.", path=bundle)]
        )
    return found.exit_code


def _requirements(session: Session) -> tuple[Requirements, LicenseError | None]:
    """What the product wants; nothing where that cannot be read, and why: the page goes on."""
    try:
        return session.place.read_requirements() or Requirements(), None
    except LicenseError as error:
        return Requirements(), error


def _key(facts: HostFacts, profile: str) -> HostKey | LicenseError:
    try:
        return key_to_give(facts, profile)
    except LicenseError as error:
        return error


def _measure(session: Session, facts: HostFacts, requirements: Requirements) -> Resources:
    if session.place.root != "/":
        return Resources(gpus=facts.gpus)  # a recorded host: this machine's size is not its
    return measure(os.path.dirname(session.place.conf), facts.gpus, requirements.ports)


def _check(session: Session, facts: HostFacts) -> Report:
    try:
        return check_file(session.place.read_license(), session.place, facts, session.now).report
    except LicenseError as error:
        return Report(session.now, (error,))


def _without_names(answer: Any, found: Examined) -> Any:
    """*answer*, with a word in place of all that names this host, now or formerly."""
    words = _names(found)
    # Whole: 172.30.0.1 is no part of 172.30.0.10, which is only proposed.
    whole = "|".join(re.escape(name) for name in sorted(words, key=len, reverse=True))
    pattern = re.compile(rf"(?<![0-9A-Za-z.:])(?:{whole})(?![0-9A-Za-z:]|\.[0-9])")

    def clean(value: Any) -> Any:
        if isinstance(value, str) and words:
            return pattern.sub(lambda found: words[found[0]], value)
        if isinstance(value, list):
            return [clean(item) for item in value]
        if isinstance(value, dict):
            return {name: clean(item) for name, item in value.items()}
        return value

    return clean(answer)


def _names(found: Examined) -> dict[str, str]:
    """What names this host, and the word in its place."""
    facts, hosts = found.facts, found.memory.hosts if found.memory else ()
    license_ = found.report.license
    addresses = [facts.ip, facts.gateway, facts.pinned_ip, *facts.nameservers]
    addresses += [address for _, address in facts.interfaces]
    addresses += [route.gateway for route in found.routes]
    addresses += [host["ip"] for host in hosts]
    hostnames = [facts.hostname, *(host["hostname"] for host in hosts)]
    hostnames += [license_.host.name] if license_ else []
    named = {
        "network": [facts.container_id and stability.network_name(facts)],
        "container": [facts.container_id and stability.container_name(facts), facts.container_id],
        "machine": [facts.machine_id],
        "cluster": [facts.cluster_uid],
        "hostname": hostnames,
        "address": addresses,
    }
    for trait in found.traits:
        named.setdefault(trait.name, []).append(trait.value)
    return {
        spelt: f"{word}-{number}"
        for word, names in named.items()
        for number, name in enumerate(dict.fromkeys(filter(None, names)), 1)
        for spelt in (name, printable(name))
    }

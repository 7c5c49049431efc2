"""``doctor``: one page on this host, its key, its licence, and what there is to mend."""

import json
import os
from typing import Any

import click

from license_cli import files, page, render
from license_cli.session import Session
from license_core import diagnosis, stability
from license_core.errors import LicenseError, Notice
from license_core.facts import HostFacts
from license_core.guard import Memory
from license_core.installed import check_file
from license_core.requirements import Requirements, Resources, measure
from license_core.verify import Report


@click.command("doctor", short_help="Examine this host, its key and its licence.")
@click.option(
    "--profile",
    type=click.Choice(["hk1", "hk1-host"]),
    default="hk1",
    show_default=True,
    help="See get_host_key.",
)
@click.option(
    "--bundle",
    type=click.Path(),
    metavar="FILE",
    help="Also write what support needs to FILE; no address and no id is in it.",
)
@click.pass_obj
def command(session: Session, profile: str, bundle: str | None) -> None:
    """Examine this host: what its key is made of, what may change it, and how to prevent that.

    Changes nothing. Exit 0 says that the page could be made, not that all is well: for that there
    is `verify`.
    """
    facts = session.read_facts()
    memory, _ = session.place.read_memory(facts)
    requirements = session.place.read_requirements() or Requirements()
    resources = _measure(session, facts, requirements)
    report = _check(session, facts)
    found = diagnosis.findings(facts, requirements, resources, session.place.conf)
    answer = _answer(session, facts, profile, memory, report, found)
    answer["machine"] = [want._asdict() for want in diagnosis.wants(requirements, resources)]
    if bundle is not None:
        text = json.dumps(_without_addresses(answer, facts, memory), indent=2)
        files.write_new(bundle, f"{text}\n".encode())
    if session.as_json:
        render.say_json(answer)
    else:
        for line in page.lines(answer, found, report, session.cli):
            render.say(line)
    if bundle is not None:
        text = "Written to {path}; it can be mailed to your vendor."
        render.remark([render.note(text, path=bundle)])


def _measure(session: Session, facts: HostFacts, requirements: Requirements) -> Resources:
    if session.place.root != "/":
        return Resources(gpus=facts.gpus)  # a recorded host: this machine's size is not its
    return measure(os.path.dirname(session.place.conf), facts.gpus, requirements.ports)


def _check(session: Session, facts: HostFacts) -> Report:
    try:
        return check_file(session.place.read_license(), session.place, facts, session.now).report
    except LicenseError as error:
        return Report(session.now, (error,))


def _answer(
    session: Session,
    facts: HostFacts,
    profile: str,
    memory: Memory | None,
    report: Report,
    found: tuple[Notice, ...],
) -> dict[str, Any]:
    key = diagnosis.host_key(facts, profile)
    problem = render.error_json(key, session.cli) if isinstance(key, LicenseError) else None
    return {
        "examined_at": session.now,
        "profile": profile,
        "host_key": None if isinstance(key, LicenseError) else key.key,
        "host_problem": problem,
        "components": [part._asdict() for part in diagnosis.parts(facts, profile)],
        "network": {
            "mode": stability.network_mode(facts),
            "engine": facts.engine,
            "gateway": facts.gateway,
            "pinned_ip": facts.pinned_ip,
            "interfaces": [
                {"name": name, "address": address or None, "chosen": address == facts.ip}
                for name, address in facts.interfaces
            ],
        },
        "clock": {
            "state": diagnosis.clock(memory, session.now),
            "seen_at": memory.seen_at if memory and memory.authentic else None,
        },
        "license": render.report_json(report, session.cli),
        "findings": [render.notice_json(notice, session.cli) for notice in found],
    }


def _without_addresses(
    answer: dict[str, Any], facts: HostFacts, memory: Memory | None
) -> dict[str, Any]:
    """*answer* with every address of this host, now or formerly, replaced by a number."""
    known = [facts.ip, facts.gateway, facts.pinned_ip, *facts.nameservers]
    known += [address for _, address in facts.interfaces]
    known += [host["ip"] for host in memory.hosts] if memory else []
    text = json.dumps(answer)
    unique = dict.fromkeys(address for address in known if address)
    for number, address in enumerate(sorted(unique, key=len, reverse=True), 1):
        text = text.replace(address, f"address-{number}")
    without: dict[str, Any] = json.loads(text)
    return without

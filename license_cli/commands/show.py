"""``show``: prints what is signed in a licence file."""

from __future__ import annotations

import click

from license_cli import render
from license_cli.click_options import pass_session
from license_cli.language import tr
from license_cli.session import Session
from license_cli.wrap import padded
from license_core.armor import MAX_FILE
from license_core.errors import FileUnreadableError
from license_core.installed import check_file
from license_core.license import License
from license_core.paths import Source, read
from license_core.verify import Report
from license_core.wording import printable, utc

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


@click.command("show", short_help="Show the contents of a licence.")
@click.argument("file", required=False)
@pass_session
def command(session: Session, file: str | None) -> None:
    """Show the verified contents of FILE [default: the installed licence].

    Text outside the signed blocks is not shown. Exit 0 means that the signature is valid; use
    `verify` to check whether the licence is valid on this host.
    """
    render.need_reader()
    data = session.place.read_license() if file is None else _read(file)
    source = None if file is None else Source("argument", file)
    facts = session.read_facts()
    report = check_file(data, session.place, facts, session.now, source=source).report
    license_ = report.license
    if license_ is None:  # its signature does not hold
        raise report.problems[0]
    if session.as_json:
        render.say_json(render.report_json(report, session.cli))
        return
    for name, value in _rows(license_).items():
        if value is not None:
            render.say(f"{padded(tr(name), 12)}{value}")
    render.say(f"{padded(tr('Source'), 12)}{render.source_words(report)}")
    render.say(f"{padded(tr('Trust'), 12)}{render.trust_words(report)}")
    render.say(f"{padded(tr('Here'), 12)}{_here(report, license_, session.now)}")


def _read(path: str) -> bytes:
    data = read(path, MAX_FILE)
    if data is None:
        raise FileUnreadableError(path=path, reason="there is no such file")
    return data


def _here(report: Report, license_: License, now: int) -> str:
    if report.ok:
        return tr("valid {until}", until=render.until(license_, now))
    titles = tr("; ").join(tr(error.row.title) for error in report.problems)
    return tr("not valid: {titles}", titles=titles)


def _rows(license_: License) -> dict[str, Any]:
    host = license_.host
    instants = {
        "Issued": license_.iat,
        "Valid from": license_.nbf,
        "Expires": license_.exp,
        "Warns from": license_.notify_from,
        "Grace until": license_.grace_until,
        "Maintenance": license_.maintenance_until,
    }
    return {
        "Licence": printable(license_.jti),
        "Replaces": license_.replaces and printable(license_.replaces),
        "Vendor": printable(license_.iss),
        "Customer": printable(license_.sub),
        "Product": printable(license_.aud),
        "Edition": license_.edition and printable(license_.edition),
        "Features": ", ".join(license_.features) or None,
        "Limits": ", ".join(f"{k} {v}" for k, v in (license_.limits or {}).items()) or None,
        "Host": f"{host.key} ({printable(host.name or 'unnamed')}), {host.profile}, {host.match}",
        **{
            name: tr("never")
            if name == "Expires" and value is None
            else value
            if value is None
            else utc(value)
            for name, value in instants.items()
        },
    }

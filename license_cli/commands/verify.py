"""``verify``: whether the product may run; start.sh calls it."""

from __future__ import annotations

from license_cli import memory, render
from license_cli.options import Option
from license_cli.session import Refused, Session
from license_core.errors import LicenseError
from license_core.facts import HostFacts
from license_core.installed import Checked, check_file
from license_core.verify import Report

SHORT_HELP = "Check whether the product may run."
OPTIONS = (
    Option(("-q", "--quiet"), "quiet", "Print warnings and errors only."),
    Option(
        ("--warn-days",),
        "warn_days",
        "Warn when fewer than N days are left [default: from hostseal.toml, else 30].",
        "N",
        most=3650,
    ),
    Option(
        ("--require",),
        "features",
        "Fail if the licence does not include this feature; may be repeated.",
        "FEATURE",
        is_many=True,
    ),
    Option(
        ("--wait-network",),
        "patience",
        "While the network is not up yet and the licence is not valid without it, wait so long.",
        "SECONDS",
        most=3600,
        usual=0,
    ),
    Option(("--explain",), "explain", "Compare the licensed host with this one."),
)


def run(
    session: Session,
    quiet: bool,
    warn_days: int | None,
    features: tuple[str, ...],
    patience: int,
    explain: bool,
) -> None:
    """Check the installed licence; exit 0 if the product may run.

    Prints every problem and what to do about it. Exit codes: docs/SPEC.md, section 9.
    """
    data = session.place.read_license()

    def look() -> tuple[HostFacts, Checked]:
        facts = session.read_facts()
        return facts, check_file(data, session.place, facts, session.now, warn_days=warn_days)

    facts, checked = look()
    if patience:
        from license_cli.network_wait import until_up

        facts, checked = until_up(look, (facts, checked), patience)
    before, _ = session.place.read_memory(facts)
    report = checked.report
    unkept = None
    if report.license is not None:
        unkept = memory.keep_all(session.place, before, checked, facts)
    comparison = None
    if explain and report.license is not None:
        from license_core.comparison import compare
        from license_core.hostkey import as_issued

        host = as_issued(facts, report.license.iat)
        comparison = compare(report.license.host, host, before)
    report = _with_features(report, features)
    if not report.ok:
        raise Refused(report, comparison)
    notices = list(report.notices)
    if unkept:  # it says as well that there is nothing from before
        notices = [notice for notice in notices if notice.slug != "memory-missing"] + [unkept]
    if session.as_json:
        answer = render.report_json(report, session.cli)
        answer["notices"] = [render.notice_json(notice, session.cli) for notice in notices]
        render.say_json({**answer, **render.comparison_json(comparison)})
        return
    if report.license is not None and not quiet:
        render.say(render.holds_line(report.license, session.now))
        if report.revocations or (report.trust and report.trust.roots_version):
            render.say(f"[N]: {render.trust_words(report)}")
    for line in render.comparison_lines(comparison):
        render.say(line)
    for notice in notices:
        # That nothing is to be remembered is the operator's own word: doctor says it again.
        if notice.slug != "memory-off" and (notice.level == "warning" or not quiet):
            render.remark(render.notice_lines(notice, session.cli))


def _with_features(report: Report, features: tuple[str, ...]) -> Report:
    """*report*, with a problem for each of *features* that the licence does not include."""
    problems = []
    for feature in features if report.ok else ():
        try:
            report.require(feature)
        except LicenseError as error:
            problems.append(error)
    return report._replace(problems=(*report.problems, *problems))

"""``guard``: keeps checking the licence, beside or around a running product."""

from __future__ import annotations

import sys

import click

from license_cli.click_options import Whole, pass_session
from license_cli.session import Session
from license_cli.watch import Check, Watch
from license_core.errors import UsageError
from license_core.paths import absolute

_CHECK_SECONDS, _PROGRAM_SECONDS = 60.0, 10.0


@click.command(
    "guard",
    short_help="Watch the licence while the product runs.",
    context_settings={"allow_interspersed_args": False},
)
@click.option(
    "--interval",
    type=Whole(1, 86400),
    default=3600,
    show_default=True,
    metavar="SECONDS",
    help="How often to check.",
)
@click.option(
    "--metrics",
    metavar="FILE",
    help="Write Prometheus metrics to FILE, for the node exporter's textfile collector.",
)
@click.option(
    "--on-end",
    metavar="COMMAND",
    help="Run COMMAND with sh when the licence is not valid, for at most 60 seconds.",
)
@click.argument("program", nargs=-1, metavar="[-- PROGRAM [ARGUMENT]...]")
@pass_session
def command(
    session: Session,
    interval: int,
    metrics: str | None,
    on_end: str | None,
    program: tuple[str, ...],
) -> int:
    """Check the licence every --interval seconds, and exit when it is no longer valid.

    With a PROGRAM: starts it if the licence is valid, forwards signals to it, stops it when the
    licence is no longer valid, and exits with its exit code. A check that crashes, hangs or cannot
    be started is retried three times, then the licence counts as invalid.
    """
    check = Check(client_command(session), _CHECK_SECONDS, session.cli)
    seconds = min(interval, _PROGRAM_SECONDS)  # nothing outlives a check by more than an interval
    place = session.place
    files = (place.license, place.revocations, place.trust)
    watch = Watch(check, interval, metrics, on_end, program_seconds=seconds, files=files)
    return watch.run(program)


def client_command(session: Session) -> tuple[str, ...]:
    """How this very client is started again, looking at the same place. Raises UsageError."""
    called = sys.argv[0]
    is_script = called.endswith((".py", ".pyz"))
    if is_script and not sys.executable:
        reason = "This Python does not know its own path, so the check cannot be started."
        raise UsageError(reason=reason)
    start = (sys.executable, absolute(called)) if is_script else (called,)
    place = session.place
    return (*start, "--conf", place.conf, "--keys", place.keys, "--root", place.root)

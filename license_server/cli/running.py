"""A run of ``license-server``: the only place that turns an error into an exit code."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Sequence
from io import TextIOWrapper
from pathlib import Path

import click

from license_core import paths
from license_core.errors import (
    LicenseError,
    NotFoundError,
    OutputFailedError,
    UsageError,
)
from license_core.unforeseen import problem_of
from license_core.wording import DEFAULT_SERVER
from license_server.catalog.faults import faults_of
from license_server.cli.output import give_up_output, say

_WHERE_TO_LOOK = {
    "revocation list": "Publish one: `{server} revocations publish`.",
    "valid API token called": "Run `{server} token list` to see the existing ones.",
    "account": "Check the address; to create the account: `{server} user add {name} --role ROLE`.",
}


CALL = "license_server.call"
"""Where the context has how this process was called."""
INVALID = "license_server.invalid"
"""Where the context of ``check`` has what is wrong with settings."""


class Call:
    """How this process was called, as far as the words of a remedy need it."""

    data: Path | None = None

    def __str__(self) -> str:
        """The command to type again, with the operator's own path and folder."""
        path = sys.argv[0]
        name = os.path.basename(path)
        if name == "__main__.py":
            words = f"{shlex.quote(sys.executable)} -m license_server"
        elif name == DEFAULT_SERVER and not _same(shutil.which(name), path):
            words = shlex.quote(path)
        else:
            words = DEFAULT_SERVER
        return words if self.data is None else f"{words} --data {shlex.quote(str(self.data))}"


def _same(found: str | None, path: str) -> bool:
    """Whether both are one file; in a folder that was removed nothing can be said of *path*."""
    try:
        return found is not None and os.path.realpath(found) == os.path.realpath(path)
    except FileNotFoundError:
        return False


def run(group: click.Group, arguments: Sequence[str] | None = None) -> int:
    """Run a command of *group* with *arguments* (default: the process's); its exit code."""
    call = Call()
    end_in_order(lambda number: 128 + number)
    sys.stdout, sys.stderr = (stream or _nowhere() for stream in (sys.stdout, sys.stderr))
    try:
        return _main(group, arguments, call)
    except OutputFailedError as error:
        give_up_output()
        return _refuse(error, call)
    except LicenseError as error:
        return _refuse(error, call)
    except click.ClickException as error:
        return _refuse(_misunderstood(error), call)
    except (click.Abort, KeyboardInterrupt):
        return 130
    except BrokenPipeError:
        give_up_output()  # the reader went away; say nothing more
        return 141
    except OSError as error:
        if not _is_of_click(error):
            return _refuse(problem_of(error), call)
        give_up_output()
        return _refuse(OutputFailedError(reason=paths.words(error)), call)
    except UnicodeEncodeError:  # and not the text itself: it may be a password
        reason = "The arguments or the environment contain text that is not UTF-8."
        return _refuse(UsageError(reason=reason), call)
    except Exception as error:  # noqa: BLE001  # the last net: nobody is shown a traceback
        return _refuse(problem_of(error), call)


def _main(group: click.Group, arguments: Sequence[str] | None, call: Call) -> int:
    try:
        group.main(
            None if arguments is None else list(arguments),
            prog_name="license-server",
            standalone_mode=False,
            obj=call,
        )
    except click.exceptions.NoArgsIsHelpError as error:
        say(error.format_message())
        return error.exit_code
    return 0


def _is_of_click(error: OSError) -> bool:
    """Whether it could not write what click says by itself: help pages, and the version."""
    *_, (frame, _) = traceback.walk_tb(error.__traceback__)
    return frame.f_code is click.echo.__code__


def end_in_order(code: Callable[[int], int], *, again: bool = False) -> None:
    """Let SIGTERM and SIGHUP end this process as an interrupt does: half-done work is undone.

    *code* is what it exits with after the signal of that number. What somebody else has settled
    stays, unless this is done *again*.
    """
    if threading.current_thread() is not threading.main_thread():
        return
    for number in (signal.SIGTERM, signal.SIGHUP):
        before = signal.getsignal(number)
        if before is signal.SIG_DFL or (again and before is not signal.SIG_IGN):  # as by nohup
            signal.signal(number, lambda number, _: sys.exit(code(number)))


def _nowhere() -> TextIOWrapper:
    """For a stream that whoever started this process has closed: nobody wants to read it."""
    return open(os.devnull, "w", encoding="utf-8")


def _misunderstood(error: click.ClickException) -> UsageError:
    """The problem, with the words that ask for the help of the command that was meant."""
    context = getattr(error, "ctx", None)
    words = [] if context is None else context.command_path.split()[1:]
    reason = " ".join(error.format_message().split())  # click lists choices on lines of their own
    return UsageError(reason=reason, help=" ".join([*words, "--help"]))


def _refuse(error: LicenseError, call: Call) -> int:
    """Tell what is wrong and what to do; of several faults with one remedy that only once."""
    problems = [fault.error for fault in faults_of(error)] or [error]
    remedies = [_remedy(problem, call) for problem in problems]
    for problem, remedy, following in zip(problems, remedies, [*remedies[1:], None], strict=True):
        click.echo(f"[E]: {problem.sentence}", err=True)
        if remedy != following:
            click.echo(f"     {remedy}", err=True)
    return error.exit_code


def _remedy(error: LicenseError, call: Call) -> str:
    remedy = error.remedy(str(call), server=str(call))
    if isinstance(error, NotFoundError) and error.what in _WHERE_TO_LOOK:
        remedy = _WHERE_TO_LOOK[error.what].format(server=call, name=shlex.quote(error.name))
    return remedy.replace("\n", "\n     ")

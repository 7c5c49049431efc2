"""The click group, and the only place that turns an error into an exit code."""

import importlib
import itertools
import os
import sys
import time
from collections.abc import Sequence
from io import TextIOWrapper
from types import ModuleType
from typing import TYPE_CHECKING

import click

from license_cli import render
from license_cli.language import LANGUAGES, is_english, of_environment, speak, teach_click, tr
from license_cli.session import Session, called_as
from license_core.errors import (
    DependencyMissingError,
    InternalError,
    LicenseError,
    OutputFailedError,
    UsageError,
)
from license_core.paths import Place

if TYPE_CHECKING:
    from license_core.comparison import Comparison
    from license_core.errors import Notice
    from license_core.verify import Report

VERSION = "0.1.0"
COMMANDS = ("get_host_key", "request", "install", "verify", "show", "doctor", "guard")


class Call:
    """A run of the client before its options are read, and what they say of how it is called."""

    def __init__(self, now: int, home: str | None) -> None:
        self.now = now
        self.home = home
        self.cli = called_as()


class Refused(Exception):  # noqa: N818  # an outcome, not an error: the report holds the errors
    """A command ends with the problems of a report."""

    def __init__(self, report: "Report", comparison: "Comparison | None" = None) -> None:
        super().__init__()
        self.report = report
        self.comparison = comparison


class Commands(click.Group):
    """Imports a command only when it is run, so that none pays for another."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """In the order in which an operator needs them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """The command in ``commands/<name>.py``."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"license_cli.commands.{cmd_name}")
        command: click.Command = module.command
        if not is_english():
            command = _manual().spoken(command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that is meant; for one that is none, the nearest is named."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            from difflib import get_close_matches

            near = get_close_matches(args[0].replace("-", "_"), COMMANDS, 1)
            if not near:
                raise
            hint = tr("Did you mean {command}?").format(command=near[0])
            raise click.UsageError(f"{error.message} {hint}", ctx) from error

    def get_help_option(self, ctx: click.Context) -> click.Option | None:
        """``--help``, which click has worded before a language was chosen."""
        option = super().get_help_option(ctx)
        if option is not None:
            option.help = tr("Show this message and exit.")
        return option

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The page of ``--help``."""
        told = self if is_english() else _manual().spoken(self)
        click.Group.format_help(told, ctx, formatter)


def _manual() -> ModuleType:
    """The room of what is not English."""
    return importlib.import_module("license_cli.click_language")


def _speak(arguments: list[str]) -> None:
    """Say everything in the language that ``--lang`` or the environment names.

    Looked for before the line is understood, so that a usage error is said in it as well. A
    machine, which asks for JSON, is answered in English.
    """
    ours = list(itertools.takewhile(lambda word: word not in COMMANDS, arguments))
    named = [language for language in LANGUAGES if f"--lang={language}" in ours]
    named += [word for option, word in itertools.pairwise(ours) if option == "--lang"]
    language = next(filter(LANGUAGES.__contains__, named), of_environment(os.environ))
    speak("en" if "--json" in ours else language)
    teach_click()
    if not is_english():
        click.Context.formatter_class = _manual().Formatter


def _show_version(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted and not ctx.resilient_parsing:
        click.echo(f"hostseal, version {VERSION}")
        ctx.exit()


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--conf",
    metavar="DIR",
    help="Folder of license.dat [LICENSE_CONF; default: conf/ next to cmd/].",
)
@click.option(
    "--keys",
    metavar="DIR",
    help="Folder of trusted root keys [LICENSE_KEYS; default: keys/ next to cmd/].",
)
@click.option(
    "--root",
    metavar="DIR",
    default="/",
    help="Root folder of the host to check [default: /].",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option(
    "--lang",
    type=click.Choice(LANGUAGES),
    expose_value=False,
    help="Output language [LC_ALL, LC_MESSAGES, LANG].",
)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_show_version,
    help="Show the version and exit.",
)
@click.pass_context
def cli(
    ctx: click.Context,
    conf: str | None,
    keys: str | None,
    root: str,
    as_json: bool,
) -> None:
    """Order, install and check the licence for this host.

    Send the output of get_host_key (or request) to your vendor, and install the licence that you
    get back.
    """
    call: Call = ctx.obj
    place = Place.default(os.environ, call.home)
    place = place._replace(conf=conf or place.conf, keys=keys or place.keys, root=root)
    call.cli = called_as(place, Place.default({}, call.home))
    ctx.obj = Session(place, call.now, as_json, call.cli)


def main(
    arguments: Sequence[str] | None = None, now: int | None = None, home: str | None = None
) -> int:
    """Run the client with *arguments* (default: the process's) and return its exit code.

    *now* is the instant of the run, by default the clock's; *home* the folder of ``conf/`` and
    ``keys/``. Every problem becomes its exit code and words; no traceback gets out.
    """
    sys.stdout, sys.stderr = (stream or _nowhere() for stream in (sys.stdout, sys.stderr))
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a name never stops an answer
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    _speak(arguments)
    instant = int(time.time()) if now is None else now
    call = Call(instant, home)
    try:
        code = _run(arguments, call)
        render.flush()
    except render.ReaderGone:
        _give_up_output()  # the reader went away; say nothing more
        return 141
    except OutputFailedError as error:
        _give_up_output()
        return _refuse(error, call.cli, as_json=False)
    return code


def _run(arguments: list[str], call: Call) -> int:
    """The exit code of a command; what it said may not be written yet."""
    as_json = "--json" in arguments
    try:
        result = cli.main(arguments, prog_name="cli.py", standalone_mode=False, obj=call)
    except (render.ReaderGone, OutputFailedError):
        raise
    except Refused as refused:
        return _refuse_report(refused, call.cli, as_json)
    except LicenseError as error:
        return _refuse(error, call.cli, as_json)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message())
        return error.exit_code
    except click.ClickException as error:
        return _refuse(_misunderstood(error), call.cli, as_json)
    except (click.Abort, KeyboardInterrupt):
        return 130
    except ModuleNotFoundError as error:
        missing = DependencyMissingError(python=sys.executable, package=error.name or str(error))
        return _refuse(missing, call.cli, as_json)
    except Exception as error:  # noqa: BLE001  # the last net: an operator never sees a traceback
        return _refuse(InternalError(reason=_describe(error)), call.cli, as_json)
    return result if isinstance(result, int) else 0


def _give_up_output() -> None:
    """Let what could not be written go nowhere, or the interpreter would try again at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def _nowhere() -> TextIOWrapper:
    """For a stream that whoever started this process has closed: nobody wants to read it."""
    return open(os.devnull, "w", encoding="utf-8")


def _misunderstood(error: click.ClickException) -> UsageError:
    """The problem, with the words that ask for the help of the command that was meant."""
    context = getattr(error, "ctx", None)
    words = [] if context is None else context.command_path.split()[1:]
    reason = error.format_message()
    ours = {name: option for option in cli.params for name in option.opts}
    if isinstance(error, click.NoSuchOption) and context and error.option_name in ours:
        value = ours[error.option_name].make_metavar(context)
        text = tr("It goes before the command: `{line}`.")
        line = " ".join(["cli.py", error.option_name, value, *words])
        reason += " " + text.format(line=line)
    return UsageError(reason=reason, help=" ".join([*words, "--help"]))


def _refuse(error: LicenseError, cli: str, as_json: bool) -> int:
    if as_json:
        render.say_json(
            {
                "ok": False,
                "exit_code": error.exit_code,
                "problems": [render.error_json(error, cli)],
                "notices": [],
            }
        )
    else:
        render.remark(render.error_lines(error, cli))
    return error.exit_code


def _refuse_report(refused: Refused, cli: str, as_json: bool) -> int:
    report = refused.report
    if as_json:
        answer = render.report_json(report, cli)
        render.say_json(answer | render.comparison_json(refused.comparison))
    else:
        for line in render.comparison_lines(refused.comparison):
            render.say(line)
        for error in report.problems:
            render.remark(render.error_lines(error, cli))
        for notice in _to_the_point(report):
            render.remark(render.notice_lines(notice, cli))
    return report.exit_code


def _to_the_point(report: "Report") -> list["Notice"]:
    """The notices of a refusal; that nothing was remembered matters only where the clock does."""
    about_the_clock = {problem.slug for problem in report.problems} & {
        "clock-set-back",
        "license-not-yet-valid",
    }
    return [
        notice for notice in report.notices if notice.slug != "memory-missing" or about_the_clock
    ]


def _describe(error: Exception) -> str:
    """Where an unknown error came from: its type and the last line of ours; no traceback."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    where = (
        f" at {os.path.basename(trace.tb_frame.f_code.co_filename)}:{trace.tb_lineno}"
        if trace
        else ""
    )
    return f"{type(error).__name__}: {error}{where}"

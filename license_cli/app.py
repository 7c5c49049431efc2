"""The click group, and the only place that turns an error into an exit code."""

from __future__ import annotations

import importlib
import itertools
import os
import sys
from collections import deque
from collections.abc import Sequence
from io import TextIOWrapper
from types import ModuleType
from typing import TYPE_CHECKING

import click

from license_cli import render
from license_cli.language import (
    LANGUAGES,
    charset_of_environment,
    is_english,
    of_environment,
    speak,
    teach_click,
    tr,
)
from license_cli.session import Call
from license_core.clock import present
from license_core.errors import (
    ClockWrongError,
    InternalError,
    LicenseError,
    MemoryExhaustedError,
    OutputFailedError,
    UsageError,
)
from license_core.paths import is_source_tree

if TYPE_CHECKING:
    from license_core.comparison import Comparison
    from license_core.errors import Notice
    from license_core.verify import Report

VERSION = "0.1.0"
COMMANDS = ("get_host_key", "request", "install", "verify", "show", "doctor", "guard", "pin")


_WITH_VALUE = frozenset({"--conf", "--keys", "--root", "--lang"})
CONF = "Folder of license.dat [LICENSE_CONF; default: conf/ next to cmd/]."
KEYS = "Folder of trusted root keys [LICENSE_KEYS; default: keys/ next to cmd/]."
INSTALLED_CONF = "Folder of license.dat [LICENSE_CONF]."
INSTALLED_KEYS = "Folder of trusted root keys [LICENSE_KEYS]."
_NO_MEMORY = b"[E]: There is too little memory to run this command.\n"


class Refused(Exception):  # noqa: N818  # an outcome, not an error: the report holds the errors
    """A command ends with the problems of a report."""

    def __init__(self, report: Report, comparison: Comparison | None = None) -> None:
        super().__init__()
        self.report = report
        self.comparison = comparison


class Commands(click.Group):
    """Imports a command only when it is run, so that none pays for another."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Show the help where no command is named; click's versions disagree on how that ends."""
        if not args and "is_parsed" not in ctx.meta:  # an older click asks a second time
            click.echo(ctx.get_help())
            ctx.exit(2)
        ctx.meta["is_parsed"] = True
        return super().parse_args(ctx, args)

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
    named += [word for option, word in zip(ours, ours[1:]) if option == "--lang"]
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
    help=CONF if is_source_tree() else INSTALLED_CONF,
)
@click.option(
    "--keys",
    metavar="DIR",
    help=KEYS if is_source_tree() else INSTALLED_KEYS,
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
    call.named = {"conf": conf, "keys": keys, "root": root}
    call.as_json = as_json


def main(
    arguments: Sequence[str] | None = None, now: int | None = None, home: str | None = None
) -> int:
    """Run the client with *arguments* (default: the process's) and return its exit code.

    *now* is the instant of the run, by default the clock's; *home* the folder of ``conf/`` and
    ``keys/``. Every problem becomes its exit code and words; no traceback gets out.
    """
    try:
        return _main(sys.argv[1:] if arguments is None else list(arguments), now, home)
    except MemoryError:  # not even for the words about it
        os.write(2, _NO_MEMORY)
        return MemoryExhaustedError().exit_code


def _main(arguments: list[str], now: int | None, home: str | None) -> int:
    sys.stdout, sys.stderr = (stream or render.nowhere() for stream in (sys.stdout, sys.stderr))
    charset = charset_of_environment(os.environ)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # a name never stops an answer
            stream.reconfigure(encoding=charset, errors="backslashreplace")
    arguments = in_front(arguments)
    _speak(arguments)
    try:
        call = Call(present() if now is None else now, home)
    except ClockWrongError as error:
        return _refuse(error, Call(0, home).cli, as_json="--json" in arguments)
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


def in_front(arguments: list[str]) -> list[str]:
    """*arguments* with the options of every command before the command, wherever they stood.

    What stands after ``--``, or belongs to the program that ``guard`` starts, is not ours.
    """
    ours: list[str] = []
    others: list[str] = []
    words = deque(arguments)
    while words and words[0] != "--" and not _is_program(words[0], others):
        word = words.popleft()
        if word == "--json" or word.partition("=")[0] in _WITH_VALUE:
            ours.append(word)
            if word in _WITH_VALUE and words:
                ours.append(words.popleft())
        else:
            others.append(word)
    return [*ours, *others, *words]


def _is_program(word: str, before: list[str]) -> bool:
    """Whether *word* is what guard starts: neither an option nor the value of the one before it."""
    if "guard" not in before or word.startswith("-"):
        return False
    return not before[-1].startswith("--") or "=" in before[-1]


def _run(arguments: list[str], call: Call) -> int:
    """The exit code of a command; what it said may not be written yet."""
    as_json = "--json" in itertools.takewhile(lambda word: word not in COMMANDS, arguments)
    try:
        name = "cli.py" if is_source_tree() else call.cli
        result = cli.main(arguments, prog_name=name, standalone_mode=False, obj=call)
    except (render.ReaderGone, OutputFailedError):
        raise
    except Refused as refused:
        return _refuse_report(refused, call.cli, as_json)
    except LicenseError as error:
        return _refuse(error, call.cli, as_json)
    except click.ClickException as error:
        return _refuse(_misunderstood(error), call.cli, as_json)
    except (click.Abort, KeyboardInterrupt):
        return 130
    except Exception as error:  # noqa: BLE001  # the last net: an operator never sees a traceback
        return _refuse(_unforeseen(error), call.cli, as_json)
    return result if isinstance(result, int) else 0


def _unforeseen(error: Exception) -> LicenseError:
    """What an error comes to that no command has thought of."""
    from license_core.exhaustion import is_of_memory

    if is_of_memory(error):
        return MemoryExhaustedError()
    if isinstance(error, ModuleNotFoundError) or (
        isinstance(error, PermissionError) and isinstance(error.filename, str)
    ):
        from license_core.dependency import problem_of

        return problem_of(error)
    return InternalError(reason=_describe(error))


def _give_up_output() -> None:
    """Let what could not be written go nowhere, or the interpreter would try again at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def _misunderstood(error: click.ClickException) -> UsageError:
    """The problem, with the words that ask for the help of the command that was meant."""
    context = getattr(error, "ctx", None)
    words = [] if context is None else context.command_path.split()[1:]
    return UsageError(reason=error.format_message(), help=" ".join([*words, "--help"]))


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
        render.remark([*render.error_lines(error, cli), *_afterwards(error)])
    return error.exit_code


def _refuse_report(refused: Refused, cli: str, as_json: bool) -> int:
    report = refused.report
    if as_json:
        answer = render.report_json(report, cli)
        render.say_json({**answer, **render.comparison_json(refused.comparison)})
    else:
        for line in render.comparison_lines(refused.comparison):
            render.say(line)
        for error in report.problems:
            render.remark(render.error_lines(error, cli))
        for notice in _to_the_point(report):
            render.remark(render.notice_lines(notice, cli))
        render.remark(_afterwards(refused))
    return report.exit_code


def _afterwards(error: BaseException) -> list[str]:
    """What a command has noted beside its refusal (PEP 678)."""
    return list(getattr(error, "__notes__", ()))


def _to_the_point(report: Report) -> list[Notice]:
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

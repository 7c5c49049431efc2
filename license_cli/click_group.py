"""The command line as click reads it: every command, help, and what is wrong with it."""

from __future__ import annotations

import importlib
import os
import sys

import click

from license_cli import options, render
from license_cli.click_options import command_of, option
from license_cli.language import is_english, tr
from license_cli.plain_line import COMMANDS
from license_core.errors import UsageError
from license_core.paths import is_source_tree, product_home

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType

    from license_cli.session import Call

VERSION = "0.1.0"
CONF = "Folder of license.dat [LICENSE_CONF; default: conf/ in the product's folder]."
KEYS = "Folder of trusted root keys [LICENSE_KEYS; default: keys/ in the product's folder]."
INSTALLED_CONF = "Folder of license.dat [LICENSE_CONF]."
INSTALLED_KEYS = "Folder of trusted root keys [LICENSE_KEYS]."


_MODULES = {"return": "give_back"}
"""Of the commands whose names Python keeps to itself."""


class Commands(click.Group):
    """Imports a command only when it is run, so that none pays for another."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Show the help where no command is named; click's versions disagree on how that ends."""
        if not args and "is_parsed" not in ctx.meta:  # an older click asks a second time
            render.say_page(ctx.get_help())
            ctx.exit(2)
        ctx.meta["is_parsed"] = True
        return super().parse_args(ctx, args)

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """In the order in which an operator needs them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """The command in ``commands/<name>.py``, mostly."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"license_cli.commands.{_MODULES.get(cmd_name, cmd_name)}")
        plain = not hasattr(module, "command")
        command: click.Command = command_of(cmd_name, module) if plain else module.command
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


def _show_version(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted and not ctx.resilient_parsing:
        render.say_page(f"hostseal, version {VERSION}")
        ctx.exit()


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@option(options.CONF, help=CONF if product_home() else INSTALLED_CONF)
@option(options.KEYS, help=KEYS if product_home() else INSTALLED_KEYS)
@option(options.ROOT)
@option(options.JSON)
@option(options.LANG, expose_value=False)
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


def run(arguments: list[str], call: Call) -> object:
    """Do what *arguments* say; what the command returns, or the exit code of what click says.

    Raises UsageError, and KeyboardInterrupt where whoever was asked interrupts.
    """
    teach_click()
    if not is_english():
        click.Context.formatter_class = _manual().Formatter
    name = "cli.py" if is_source_tree() else os.path.basename(sys.argv[0]) or call.cli
    try:
        return cli.main(arguments, prog_name=name, standalone_mode=False, obj=call)
    except click.ClickException as error:
        raise _misunderstood(error) from error
    except click.Abort as error:
        raise KeyboardInterrupt from error


def _misunderstood(error: click.ClickException) -> UsageError:
    """The problem, with the words that ask for the help of the command that was meant."""
    context = getattr(error, "ctx", None)
    words = [] if context is None else context.command_path.split()[1:]
    return UsageError(reason=_reason(error), help=" ".join([*words, "--help"]))


def _reason(error: click.ClickException) -> str:
    """What click says; in our words where its versions differ, or it would not say it in a line."""
    if isinstance(error, click.NoSuchOption):
        said = tr("No such option {name!r}.").format(name=error.option_name)
        near = ", ".join(map(repr, sorted(error.possibilities or ())))
        if not near:
            return said
        text = "(Did you mean one of: {possibilities}?)" if "," in near else _NEAREST
        return f"{said} {tr(text).format(possibility=near, possibilities=near)}"
    if isinstance(error, click.MissingParameter) and error.param is not None:
        name = error.param.get_error_hint(error.ctx).strip("'")
        return tr("Missing argument {name!r}.").format(name=name)
    return error.format_message()


_NEAREST = "Did you mean {possibility}?"


def teach_click() -> None:
    """Let click say its own words through the client's catalogue, and its pages where we say ours.

    It would look each of them up in a catalogue of the whole process, found by the environment
    alone: what is said here is said in one language, that of ``--lang`` too.
    """
    for name in ("click.core", "click.decorators"):  # the page of help
        vars(sys.modules[name])["echo"] = _echo
    for name, module in list(sys.modules.items()):
        if name.startswith("click.") and hasattr(module, "_"):
            vars(module)["_"] = tr
        if name.startswith("click.") and hasattr(module, "ngettext"):
            vars(module)["ngettext"] = _plural


def _echo(message: object = None, **_: object) -> None:
    """As the client says all that it says: what a full disk or a closed pipe means is known.

    Without a message click ends the line in which somebody interrupted it: that says nothing.
    """
    if message is not None:
        render.say_page(str(message))


def _plural(one: str, several: str, count: int) -> str:
    return tr(one if count == 1 else several)

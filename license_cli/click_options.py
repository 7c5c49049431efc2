"""What commands that click reads are made of."""

from __future__ import annotations

from functools import update_wrapper

import click

from license_cli import options
from license_cli.language import tr

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType
    from typing import Any

    from license_cli.options import Option
    from license_cli.session import Call


class Whole(click.IntRange):
    """A whole number in plain digits; Python's own reader takes those of every script, and 1_0."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """The number that *value* says."""
        if isinstance(value, str) and not (value.isascii() and value.lstrip("+-").isdigit()):
            words = tr("{value!r} is not a valid {number_type}.")
            self.fail(words.format(value=value, number_type=self.name), param, ctx)
        number: int = super().convert(value, param, ctx)
        return number


def pass_session(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give *command* its session first: made when it runs, so that its help needs no folder."""

    def run(*arguments: Any, **values: Any) -> Any:
        call: Call = click.get_current_context().obj
        return command(call.session(), *arguments, **values)

    return update_wrapper(run, command)


def option(told: Option, **more: Any) -> Callable[..., Any]:
    """The option *told* as click has it."""
    if told.is_flag:
        more["is_flag"] = True
    elif told.choices:
        more["type"] = click.Choice(told.choices)
    elif told.most is not None:
        more["type"] = Whole(0, told.most)
    if told.is_many:
        more["multiple"] = True
    if told.usual is not None:
        more["default"] = told.usual
    said = {"metavar": told.metavar, "help": told.help, **more}
    return click.option(*told.names, told.into, **said)


def command_of(name: str, module: ModuleType) -> click.Command:
    """The command of a *module* that click has no part in: its ``OPTIONS`` and its ``run``."""
    run = pass_session(module.run)
    for told in reversed(module.OPTIONS):
        run = option(told)(run)
    short = getattr(module, "SHORT_HELP", None)
    return click.command(name, short_help=short)(run)


profile = option(options.PROFILE)


def network(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give *command* the options of how a server is reached."""
    for told in reversed(options.NETWORK):
        command = option(told)(command)
    return command


def code(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give *command* the options of what is shown as a QR code."""
    for told in reversed(options.CODE):
        command = option(told)(command)
    return command

"""``license-server product letter``: the texts of the letters that go with a product's licences."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from license_core.wording import printable
from license_server.catalog.letter_texts import KINDS, LANGUAGES
from license_server.cli import table
from license_server.cli.caller import caller
from license_server.cli.output import say
from license_server.cli.shared import input_file, write
from license_server.db.errors import InputInvalidError

if TYPE_CHECKING:
    from license_server.settings import ServerSettings


@click.group("letter")
def letter() -> None:
    """The letters that go with a product's licences."""


def _named(command: Callable[..., Any]) -> Callable[..., Any]:
    """The arguments of a *command* that name a letter."""
    for argument in (
        click.argument("language", type=click.Choice(LANGUAGES)),
        click.argument("kind", type=click.Choice(tuple(KINDS))),
        click.argument("name"),
    ):
        command = argument(command)
    return command


@letter.command("list")
@click.argument("name")
@click.pass_obj
def list_(settings: ServerSettings, name: str) -> None:
    """List the letters of the product NAME, and which of them are its own."""
    from license_server.catalog import letters, products

    own = letters.own(write(settings, lambda c: products.find(c, name)))
    rows = (
        (kind, language, "own" if language in own.get(kind, {}) else "default")
        for kind in KINDS
        for language in LANGUAGES
    )
    table.put(("KIND", "LANGUAGE", "TEXT"), rows, "There are no letters.")


@letter.command("show")
@_named
@click.pass_obj
def show(settings: ServerSettings, name: str, kind: str, language: str) -> None:
    """Print a letter of the product NAME; its first line is the subject."""
    from license_server.catalog import letters, products

    product = write(settings, lambda c: products.find(c, name))
    for line in letters.text_of(product, kind, language).splitlines():
        say(printable(line) if line.strip() else "")


@letter.command("set")
@_named
@click.argument("file", metavar="FILE")
@click.pass_obj
def set_(settings: ServerSettings, name: str, kind: str, language: str, file: str) -> None:
    """Let a letter of the product NAME be the text in FILE; - reads stdin.

    Its first line is the subject. Names in braces are replaced: start from what `show` prints.
    """
    try:
        text = input_file(file).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputInvalidError(field="FILE", reason="it is not a text in UTF-8") from error
    _change(settings, name, kind, language, text)


@letter.command("reset")
@_named
@click.pass_obj
def reset(settings: ServerSettings, name: str, kind: str, language: str) -> None:
    """Let a letter of the product NAME be the default again."""
    _change(settings, name, kind, language, None)


def _change(
    settings: ServerSettings, name: str, kind: str, language: str, text: str | None
) -> None:
    from license_server.catalog import letters

    now, members = int(time.time()), {kind: {language: text}}
    product = write(settings, lambda c: letters.change(c, name, members, caller(), now))
    is_own = language in letters.own(product).get(kind, {})
    say(f"{product.name}\t{kind}\t{language}\t{'own' if is_own else 'default'}")

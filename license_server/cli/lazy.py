"""Commands that are loaded once they are called: to list and complete them takes a line of each."""

from collections.abc import Callable

import click


class Later(click.Command):
    """What is known of a command before it is loaded: its name, and how its help begins."""

    def __init__(self, name: str, load: Callable[[], click.Command], help: str) -> None:
        """*load* imports it; *help* is the first paragraph of its own, which a test compares."""
        super().__init__(name, help=help)
        self.load = load


class LazyGroup(click.Group):
    """A group of them."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command, loaded, and what it is given."""
        name, command, rest = super().resolve_command(ctx, args)
        return name, command.load() if isinstance(command, Later) else command, rest

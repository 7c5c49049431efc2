"""Reads the command line of a common command, where nothing in it is unusual.

The library that reads all others takes longer to import than ``verify`` does to run. What is not
understood here at once is left to it: other commands, help, and all that could be wrong. A test
holds the two readers against each other.
"""

from __future__ import annotations

from license_cli import options
from license_cli.options import Option
from license_core.record import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from license_cli.session import Session

COMMANDS = (
    *("get_host_key", "request", "install", "verify", "show"),
    *("doctor", "guard", "pin", "site", "return"),
)

_MOST_DIGITS = 9


class Line(NamedTuple):
    """A command line that was understood."""

    command: str
    named: dict[str, Any]
    """The options of every command."""
    given: dict[str, Any]
    """Those of this one."""

    def run(self, session: Session) -> None:
        """Do what it says."""
        _module(self.command).run(session, **self.given)


def read(words: Sequence[str]) -> Line | None:
    """What *words* say, the options of every command before the command; None: not understood."""
    named, at = _values(words, 0, options.COMMON)
    command = words[at] if at < len(words) else None
    if command not in ("verify", "get_host_key"):
        return None
    given, end = _values(words, at + 1, _module(command).OPTIONS)
    return Line(command, named, given) if end == len(words) else None


def _module(command: str) -> Any:
    if command == "verify":
        from license_cli.commands import verify

        return verify
    from license_cli.commands import get_host_key

    return get_host_key


def _values(words: Sequence[str], at: int, known: tuple[Option, ...]) -> tuple[dict[str, Any], int]:
    """The values of *known* options from *at* on, and where one that is not understood stands."""
    by_name = {name: option for option in known for name in option.names}
    values = {option.into: _unset(option) for option in known}
    while at < len(words):
        name, equals, value = words[at].partition("=")
        option = by_name.get(name)
        if option is None or (option.is_flag and equals):
            break
        size = 1
        if option.is_flag:
            values[option.into] = True
        else:
            if not equals:
                size, value = 2, words[at + 1] if at + 1 < len(words) else "-"
                if value.startswith("-"):
                    break  # a value that was forgotten, mostly
            if not _may_be(option, value):
                break
            values[option.into] = _value(option, value, values[option.into])
        at += size
    return values, at


def _unset(option: Option) -> Any:
    if option.is_many:
        return ()
    return False if option.is_flag else option.usual


def _may_be(option: Option, value: str) -> bool:
    if option.choices:
        return value in option.choices
    if option.most is None:
        return True
    is_number = value.isascii() and value.isdigit() and len(value) <= _MOST_DIGITS
    return is_number and int(value) <= option.most


def _value(option: Option, value: str, before: Any) -> Any:
    if option.is_many:
        return (*before, value)
    return value if option.most is None else int(value)

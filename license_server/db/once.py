"""What one read has asked the database before, it does not ask again."""

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

from sqlalchemy import Connection

P = ParamSpec("P")
T = TypeVar("T")
ANSWERS = "answers"
"""The execution option that holds the answers of a read, by what was asked."""


def begin(connection: Connection) -> None:
    """From here on a read asks each thing once. Nothing is written by this connection."""
    connection.execution_options(**{ANSWERS: {}})


def once(ask: Callable[Concatenate[Connection, P], T]) -> Callable[Concatenate[Connection, P], T]:
    """*ask*, whose answer stays the same for the rest of a read.

    What it is given can be told from other things by its hash, and nobody changes its answer. In a
    transaction that writes it is asked each time.
    """

    @wraps(ask)
    def asked(connection: Connection, /, *args: P.args, **kwargs: P.kwargs) -> T:
        answers: dict[Any, T] | None = connection.get_execution_options().get(ANSWERS)
        if answers is None:
            return ask(connection, *args, **kwargs)
        what = (ask, args, tuple(sorted(kwargs.items())))
        if what not in answers:
            answers[what] = ask(connection, *args, **kwargs)
        return answers[what]

    return asked

"""Questions to the database as values, so that several can be asked in one statement.

The rows of each come as JSON: as one value, whatever their columns are.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Generic, NamedTuple, TypeVar

from sqlalchemy import Boolean, Connection, Select, Text, select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.elements import Grouping

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
Rows = Sequence[Sequence[Any]]
_SEVERAL = 2


class Question(NamedTuple, Generic[T_co]):
    """What is asked: few rows of numbers, texts and truths."""

    query: Select[*tuple[Any, ...]] | None
    """None: the answer is known."""
    make: Callable[[Rows], T_co]
    """Makes the answer of them."""


Questions = Mapping[str, Question[Any]]
"""Several, by their names."""


def each(query: Select[Any], make: Callable[..., T]) -> Question[list[T]]:
    """For all rows of a *query*; *make*: what is made of the columns of one."""
    return Question(query, lambda rows: [make(*row) for row in rows])


def first(query: Select[Any], make: Callable[..., T]) -> Question[T | None]:
    """For the first row of a *query*; None: it has none."""
    return Question(query, lambda rows: make(*rows[0]) if rows else None)


def known(answer: T) -> Question[T]:
    """One that need not be asked."""
    return Question(None, lambda _: answer)


def ask(connection: Connection, question: Question[T]) -> T:
    """The answer to one question."""
    query = question.query
    return question.make(() if query is None else connection.execute(query).all())


def ask_all(connection: Connection, questions: Questions) -> dict[str, Any]:
    """The answers to several, by their names, in one statement."""
    asked = {name: one.query for name, one in questions.items() if one.query is not None}
    if len(asked) < _SEVERAL:
        return {name: ask(connection, one) for name, one in questions.items()}
    row = connection.execute(select(*(_Packed(query) for query in asked.values()))).one()
    told = zip(asked.items(), row, strict=True)
    rows = {name: _rows(query, text) for (name, query), text in told}
    return {name: one.make(rows.get(name, ())) for name, one in questions.items()}


class _Packed(Grouping[str]):
    """The rows of a query, in its order, as JSON in one value; null: it has none.

    SQLAlchemy's own functions would say the same, and take longer than to ask twice.
    """

    inherit_cache = True

    def __init__(self, query: Any) -> None:
        super().__init__(query)
        self.type = Text()


def _in_json(element: _Packed, compiler: SQLCompiler, group: str, row: str, **options: Any) -> str:
    of: Any = element.element
    columns = ", ".join(f"c{at}" for at in range(len(of.selected_columns)))
    query = compiler.process(of, **options)
    packed = f"CAST({group}({row}({columns})) AS TEXT)"
    return f"(WITH q({columns}) AS ({query}) SELECT {packed} FROM q)"  # noqa: S608  # compiled


@compiles(_Packed)
def _in_sqlite(element: _Packed, compiler: SQLCompiler, **_: Any) -> str:
    return _in_json(element, compiler, "json_group_array", "json_array")


@compiles(_Packed, "postgresql")
def _in_postgresql(element: _Packed, compiler: SQLCompiler, **_: Any) -> str:
    return _in_json(element, compiler, "json_agg", "json_build_array")


def _rows(query: Select[Any], text: str | None) -> Rows:
    rows: list[list[Any]] = json.loads(text or "[]")
    truths = [at for at, one in enumerate(query.selected_columns) if isinstance(one.type, Boolean)]
    for row in rows:  # to SQLite they are numbers
        for at in truths:
            row[at] = None if row[at] is None else bool(row[at])
    return rows

"""One of many values, as a condition whose statement is the same however many they are."""

import json
from collections.abc import Iterable
from typing import Any

from sqlalchemy import (
    ARRAY,
    JSON,
    BigInteger,
    Boolean,
    ColumnElement,
    Dialect,
    Integer,
    Subquery,
    Text,
    bindparam,
    cast,
    func,
    literal_column,
    select,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator, TypeEngine


def among(column: ColumnElement[Any], values: Iterable[Any] | str) -> ColumnElement[bool]:
    """Whether *column* is one of *values*, whole numbers or texts, none of which is None.

    A text for *values* is the name of the parameter that has them as a list.

    ``column.in_(values)`` has a parameter for each: with hundreds it takes longer to make the
    statement, and the database to read it, than to find the rows; and it is another statement for
    each number of them, which nobody keeps.
    """
    of = _Many(BigInteger() if isinstance(column.type, Integer) else Text())
    if isinstance(values, str):
        return _Among(column, bindparam(values, type_=of))
    return _Among(column, bindparam(None, list(values), of, unique=True))


def as_rows(ids: Iterable[int] | str) -> Subquery:
    """Whole numbers as rows with the column ``id``, without a look at any table.

    A text for *ids* is the name of the parameter that has them as a list.
    """
    of = _Many(BigInteger())
    if isinstance(ids, str):
        given = bindparam(ids, type_=of)
    else:
        given = bindparam(None, list(ids), of, unique=True)
    rows = _Rows(given).table_valued(literal_column("value", BigInteger))
    return select(rows.c.value.label("id")).subquery()


def pairs(name: str, dialect: str) -> Subquery:
    """Pairs of texts, none of which is None, as rows with the columns ``first`` and ``second``.

    The parameter of this *name* has them as a list.
    """
    given = bindparam(name, type_=_Json())
    first: ColumnElement[Any]
    second: ColumnElement[Any]
    if dialect == "postgresql":
        each = func.json_array_elements(cast(given, JSON)).table_valued("value")
        first, second = (each.c.value.op("->>")(at) for at in (0, 1))
    else:
        each = func.json_each(given).table_valued("value")
        first, second = (func.json_extract(each.c.value, f"$[{at}]") for at in (0, 1))
    rows = select(first.label("first"), second.label("second")).select_from(each)
    return rows.subquery()


class _Json(TypeDecorator[list[Any]]):
    """Values as one parameter: JSON in either database."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: list[Any] | None, _: Dialect) -> str:
        """The parameter."""
        return json.dumps(value)


class _Many(TypeDecorator[list[Any]]):
    """Values as one parameter: an array in PostgreSQL, JSON in SQLite."""

    impl = Text
    cache_ok = True

    def __init__(self, one: TypeEngine[Any]) -> None:
        super().__init__()
        self.one = one

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """An array, where there are some."""
        is_array = dialect.name == "postgresql"
        return dialect.type_descriptor(ARRAY(self.one) if is_array else Text())

    def process_bind_param(self, value: list[Any] | None, dialect: Dialect) -> Any:
        """The parameter."""
        return value if dialect.name == "postgresql" else json.dumps(value)


class _Among(FunctionElement[bool]):
    """A column, and a parameter of _Many."""

    type = Boolean()
    inherit_cache = True
    name = "among"

    def self_group(self, against: object = None) -> "_Among":  # noqa: ARG002  # SQLAlchemy's
        """Itself: to compare it with "true", as SQLite's dialect would, hides it from indexes."""
        return self


class _Rows(FunctionElement[Any]):
    """A parameter of _Many, as rows with the column ``value``."""

    inherit_cache = True
    name = "rows"


@compiles(_Rows)
def _json_rows(element: _Rows, compiler: SQLCompiler, **options: Any) -> str:
    return f"json_each({compiler.process(element.clauses, **options)})"


@compiles(_Rows, "postgresql")
def _array_rows(element: _Rows, compiler: SQLCompiler, **options: Any) -> str:
    values = compiler.process(element.clauses, **options)
    return f"(SELECT unnest({values}) AS value)"


@compiles(_Among)
def _in_json(element: _Among, compiler: SQLCompiler, **options: Any) -> str:
    column, values = (compiler.process(one, **options) for one in element.clauses)
    return f"{column} IN (SELECT value FROM json_each({values}))"  # noqa: S608  # both compiled


@compiles(_Among, "postgresql")
def _in_array(element: _Among, compiler: SQLCompiler, **options: Any) -> str:
    column, values = (compiler.process(one, **options) for one in element.clauses)
    return f"{column} = ANY ({values})"

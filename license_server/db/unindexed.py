"""A column whose indexes SQLite is not to use: another condition tells far fewer rows.

It keeps no statistics here, so it takes all indexes for equally good, and the one that has the
order of the list for the best: to find the licences of a host it would read all that are active.
"""

from typing import Any

from sqlalchemy import ColumnElement
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement


class _Unindexed(FunctionElement[Any]):
    inherit_cache = True
    name = "unindexed"


def unindexed(column: ColumnElement[Any]) -> ColumnElement[Any]:
    """*column*, to be compared row by row; PostgreSQL decides by what it knows of the table."""
    found = _Unindexed(column)
    found.type = column.type
    return found


@compiles(_Unindexed)
def _plus(element: _Unindexed, compiler: SQLCompiler, **options: Any) -> str:
    return f"+{compiler.process(element.clauses, **options)}"


@compiles(_Unindexed, "postgresql")
def _plain(element: _Unindexed, compiler: SQLCompiler, **options: Any) -> str:
    return compiler.process(element.clauses, **options)

"""New databases get their tables by the statements that the migrations sent to the first one.

What is not empty is migrated, and what is to be of another revision than the last.
"""

from typing import Any

from alembic.config import Config
from sqlalchemy import Connection, event, inspect

from alembic import command

migrate = command.upgrade
_SENT: dict[str, list[tuple[str, Any]]] = {}
"""What changed an empty database, by its kind: statements, and what they were given."""
_READS = ("SELECT", "PRAGMA", "WITH")


def _upgrade(config: Config, revision: str) -> None:
    connection: Connection = config.attributes["connection"]
    if revision != "head" or inspect(connection).get_table_names():
        migrate(config, revision)
    elif sent := _SENT.get(connection.dialect.name):
        for statement, given in sent:
            connection.exec_driver_sql(statement, given)
    else:
        _SENT[connection.dialect.name] = _noted(connection, config)


def _noted(connection: Connection, config: Config) -> list[tuple[str, Any]]:
    """What the migrations send to an empty database."""
    sent: list[tuple[str, Any]] = []

    def note(_: object, __: object, statement: str, given: Any, *___: object) -> None:
        if not statement.lstrip().startswith(_READS):
            sent.append((statement, given or None))

    event.listen(connection, "before_cursor_execute", note)
    migrate(config, "head")
    event.remove(connection, "before_cursor_execute", note)
    return sent


command.upgrade = _upgrade  # type: ignore[assignment]

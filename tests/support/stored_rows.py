"""What a server has stored, to hold a restored one against."""

from typing import Any

from sqlalchemy import select

from license_server.operations import backup
from license_server.operations.data_folder import open_database
from license_server.settings import ServerSettings


def everything(settings: ServerSettings) -> dict[str, list[Any]]:
    """Every row of every table that is backed up, but for the event of restoring."""
    database = open_database(settings)
    with database.reading() as connection:
        found = {
            table.name: [
                tuple(bytes(v) if isinstance(v, memoryview) else v for v in row)
                for row in connection.execute(select(table).order_by(*table.primary_key.columns))
                if getattr(row, "action", "") not in ("server.restored", "server.backed-up")
            ]
            for table in backup.tables()
        }
    database.close()
    return found

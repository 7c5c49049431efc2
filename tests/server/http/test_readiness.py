"""``/readyz`` is 200 only while a licence could be issued, and again once one can."""

import asyncio
import gc
import itertools
import shutil
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from pathlib import Path
from typing import NamedTuple

import httpx
import psycopg
import pytest
import sqlalchemy
from starlette.testclient import TestClient

from license_core.errors import DatabaseUnavailableError
from license_core.keyset import TrustedKeyset
from license_server.app import create_app
from license_server.db.probe import Probe
from license_server.http.state import ServerState
from license_server.operations import schema
from tests.support import disks, server
from tests.support.desk import Clock
from tests.support.postgres import OwnServer, new_database
from tests.support.server import LINE

ORDER = {"customer": "ACME", "product": "darwin", "days": 30, "host": LINE}


class Vendor(NamedTuple):
    """A server in this process, and where its data is."""

    client: TestClient
    state: ServerState
    folder: Path
    bearer: dict[str, str]
    clock: Clock

    def ready(self) -> tuple[int, list[str]]:
        """The status of ``/readyz``, and what is missing."""
        reply = self.client.get("/readyz")
        assert self.client.get("/healthz").status_code == 200
        return reply.status_code, reply.json().get("missing", [])

    def issue(self) -> int:
        """The status of the reply to an order."""
        reply = self.client.post("/api/v1/licenses", json=ORDER, headers=self.bearer)
        return int(reply.status_code)

    def awaken(self) -> None:
        """Until it is ready again."""
        while self.ready()[0] != 200:
            pass

    def stored(self) -> int:
        """How many licences there are for whoever opens the database now."""
        query = "select count(*) from licenses"
        url = self.state.site.database.engine.url
        if url.drivername == "sqlite":
            with closing(sqlite3.connect(self.file)) as other:
                return int(other.execute(query).fetchone()[0])
        plain = url.set(drivername="postgresql").render_as_string(hide_password=False)
        with psycopg.connect(plain) as connection:
            return int(connection.execute(query).fetchone()[0])  # type: ignore[index]

    @property
    def file(self) -> Path:
        """Its SQLite database."""
        return Path(self.state.site.database.engine.url.database or "")


@contextmanager
def vendor(folder: Path, url: str | None = None) -> Iterator[Vendor]:
    clock, passing = Clock(), itertools.count()
    made = server.make(folder / "server", url, clock.now)
    app = create_app(made, clock=clock)
    with TestClient(app, base_url="http://testserver", follow_redirects=False) as client:
        state: ServerState = app.state.server
        state.probe = Probe(state.site.database, lambda: float(next(passing)))
        token = server.new_token(state.site.database, "test", clock.now)
        made_ = Vendor(client, state, folder, {"Authorization": f"Bearer {token}"}, clock)
        assert (made_.ready(), made_.issue()) == ((200, []), 201)
        yield made_


def hurry(connection: sqlite3.Connection, *_: object) -> None:
    connection.execute("PRAGMA busy_timeout=50")


@contextmanager
def locked(one: Vendor) -> Iterator[str]:
    """Another program keeps the SQLite file locked."""
    sqlalchemy.event.listen(one.state.site.database.engine, "checkout", hurry)
    file = one.state.site.database.file
    assert file is not None
    before, file.patience = file.patience, 0.0
    with closing(sqlite3.connect(one.file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield "database"
        other.execute("ROLLBACK")
    file.patience = before


@contextmanager
def full(one: Vendor) -> Iterator[str]:
    """The disk of the SQLite file is full."""
    filler = one.folder / "filler"
    with filler.open("wb", buffering=0) as stream:
        try:
            while True:
                stream.write(b"x" * 4096)
        except OSError:
            pass
    yield "database"
    filler.unlink()


@contextmanager
def left(one: Vendor, kib: int) -> Iterator[None]:
    """So much room is left on the disk."""
    free = shutil.disk_usage(one.folder).free
    filler = one.folder / "filler"
    filler.write_bytes(b"x" * (free - kib * 1024))
    yield
    filler.unlink()


@contextmanager
def nearly_full(one: Vendor) -> Iterator[str]:
    """There is room for a commit of nothing, but soon for no licence."""
    with left(one, 900):
        yield "database"


def moved(which: Callable[[Vendor], Path], name: str) -> "Condition":
    """Something was moved away: what is written now is lost with the process."""

    @contextmanager
    def condition(one: Vendor) -> Iterator[str]:
        place = which(one)
        away = place.rename(place.with_name("away"))
        yield "database"
        assert not place.exists()  # nothing took its place of itself
        away.rename(place)

    condition.__name__ = name
    return condition


gone = moved(lambda one: one.file, "file moved away")
folder_gone = moved(lambda one: one.file.parent, "folder moved away")
log_gone = moved(lambda one: one.file.with_name(f"{one.file.name}-wal"), "log moved away")
index_gone = moved(lambda one: one.file.with_name(f"{one.file.name}-shm"), "index moved away")


@contextmanager
def replaced(one: Vendor) -> Iterator[str]:
    """A copy is in the place of the SQLite file, and another connection is opened meanwhile."""
    away = one.file.rename(one.file.with_name("away"))
    shutil.copy(away, one.file)
    with ExitStack() as stack:
        yield "database"
        with pytest.raises(DatabaseUnavailableError, match="in place of"):
            for _ in range(9):
                stack.enter_context(one.state.site.database.reading())
    away.rename(one.file)


@contextmanager
def outdated(one: Vendor) -> Iterator[str]:
    """The database is of another version."""

    def set_version(version: str | None) -> None:
        query = sqlalchemy.text("update alembic_version set version_num = :version")
        one.state.site.database.write(lambda c: c.execute(query, {"version": version}))

    set_version("0001")
    yield "schema"
    set_version(schema.current())


@contextmanager
def key_ended(one: Vendor) -> Iterator[str]:
    """The signing key may sign no more."""
    before = one.clock.now
    one.clock.now += 20 * 366 * 86400
    yield "signer"
    one.clock.now = before


@contextmanager
def keyset_ended(one: Vendor) -> Iterator[str]:
    """The keyset has ended just now; its key has not."""
    site = one.state.site
    ended = site.issuer.keyset.keyset._replace(exp=one.clock.now + 1)
    one.state.site = site._replace(issuer=site.issuer._replace(keyset=TrustedKeyset(ended)))
    assert one.ready() == (200, [])
    one.clock.now += 1
    yield "signer"
    one.clock.now -= 1
    one.state.site = site


@contextmanager
def other_keyset(one: Vendor) -> Iterator[str]:
    """Another process installed a keyset that this one does not use yet."""
    site = one.state.site
    older = TrustedKeyset(site.issuer.keyset.keyset._replace(version=0))
    one.state.site = site._replace(issuer=site.issuer._replace(keyset=older))
    yield "signer"
    one.state.site = site


@contextmanager
def stopping(one: Vendor) -> Iterator[str]:
    """The process is to end."""
    one.state.stop()
    yield "stopping"
    one.state.site.database.stopping.clear()


@contextmanager
def read_only(one: Vendor) -> Iterator[str]:
    """PostgreSQL was made read-only while connections were opened."""
    url = one.state.site.database.engine.url
    plain = url.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(plain, autocommit=True) as connection:
        connection.execute(f"alter database {url.database} set default_transaction_read_only = on")
        connection.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where datname = current_database() and pid <> pg_backend_pid()"
        )
        assert one.issue() == 503  # its connections are opened anew, read-only
        yield "database"
        connection.execute("set default_transaction_read_only = off")
        connection.execute(f"alter database {url.database} set default_transaction_read_only = off")


Condition = Callable[[Vendor], AbstractContextManager[str]]
ON_SQLITE = [
    locked,
    gone,
    folder_gone,
    log_gone,
    index_gone,
    replaced,
    outdated,
    key_ended,
    keyset_ended,
    other_keyset,
]
ON_POSTGRESQL = [read_only, outdated, key_ended, other_keyset]


def check(one: Vendor, condition: Condition, refused: tuple[int, ...] = (503,)) -> None:
    before = one.stored()
    with condition(one) as missing:
        refuses = missing not in ("stopping", "schema") and condition is not nearly_full
        asked = [(one.ready(), one.issue() if refuses else 503) for _ in range(2)]
    for ready, issued in asked:  # once all is as before, for those who come after
        assert ready == (503, [missing])
        assert issued in refused
    one.awaken()
    assert (one.ready(), one.issue()) == ((200, []), 201)
    assert one.stored() == before + 1


@pytest.fixture
def on_sqlite(tmp_path: Path) -> Iterator[Vendor]:
    with vendor(tmp_path) as made:
        yield made


@pytest.fixture(scope="module")
def lasting_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Vendor]:
    """One for all that passes."""
    with vendor(tmp_path_factory.mktemp("sqlite")) as made:
        yield made


@pytest.fixture(scope="module")
def lasting_postgresql(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Vendor]:
    """One for all that passes."""
    with vendor(tmp_path_factory.mktemp("postgresql"), new_database()) as made:
        yield made


@pytest.mark.parametrize("condition", [*ON_SQLITE, stopping], ids=lambda one: one.__name__)
def test_sqlite_is_not_ready_while_it_cannot_issue(
    lasting_sqlite: Vendor, condition: Condition
) -> None:
    check(lasting_sqlite, condition)


def test_deleted_database_takes_no_licence(on_sqlite: Vendor) -> None:
    on_sqlite.file.unlink()
    for _ in range(2):
        assert (on_sqlite.ready(), on_sqlite.issue()) == ((503, ["database"]), 503)
    assert not on_sqlite.file.exists()


@pytest.mark.parametrize("condition", ON_POSTGRESQL)
def test_postgresql_is_not_ready_while_it_cannot_issue(
    lasting_postgresql: Vendor, condition: Condition
) -> None:
    check(lasting_postgresql, condition)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 8 MiB."""
    with disks.small_disk(tmp_path / "disk", "8m") as folder:
        yield folder


@pytest.mark.parametrize("condition", [full, nearly_full])
def test_full_disk_is_not_ready(small_disk: Path, condition: Condition) -> None:
    with vendor(small_disk) as made:
        check(made, condition)
        with left(made, 1200):  # a mebibyte is 1024
            assert (made.ready(), made.issue()) == ((200, []), 201)


def test_server_is_not_ready_without_its_writer(on_sqlite: Vendor) -> None:
    on_sqlite.state.site.database.writer.close()
    assert on_sqlite.ready() == (503, ["writer"])
    assert on_sqlite.issue() == 503


def test_stopped_postgresql_is_not_ready_until_it_is_back(tmp_path: Path) -> None:
    postgres = OwnServer()
    with vendor(tmp_path, postgres.url) as made:
        postgres.stop_at_once()
        assert made.ready() == (503, ["database"])
        assert made.issue() == 503
        postgres.start()
        made.awaken()
        assert made.issue() == 201


def test_one_commit_a_second_answers_everybody(on_sqlite: Vendor) -> None:
    database, time = on_sqlite.state.site.database, [10.0]
    on_sqlite.state.probe = Probe(database, lambda: time[0])
    begun: list[str] = []

    def note(_: object, __: object, text: str, *___: object) -> None:
        if text.startswith("PRAGMA user_version ="):  # the keeper of the audit log commits, too
            begun.append(text)

    sqlalchemy.event.listen(database.engine, "before_cursor_execute", note)
    for _ in range(5):
        assert on_sqlite.ready()[0] == 200
    assert len(begun) == 1
    time[0] += 1.0
    assert on_sqlite.ready()[0] == 200
    assert len(begun) == 2
    database.writer.failures += 1  # a write that was refused ends what held
    assert on_sqlite.ready()[0] == 200
    assert len(begun) == 3


def test_answer_that_comes_too_late_is_told_to_nobody(
    on_sqlite: Vendor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither asyncio says that nobody asked for it."""
    monkeypatch.setattr("license_server.db.probe.PATIENCE", 0.02)
    database, told, held = on_sqlite.state.site.database, list[str](), threading.Event()
    before = database.writer.submit(lambda _: held.wait(60))

    async def ask() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, of: told.append(of["message"]))
        probe = Probe(database)
        with pytest.raises(DatabaseUnavailableError, match="has been waiting"):
            await probe.check()
        away = on_sqlite.file.rename(on_sqlite.file.with_name("away"))
        held.set()
        await asyncio.gather(asyncio.wrap_future(before), return_exceptions=True)
        monkeypatch.setattr("license_server.db.probe.PATIENCE", 60)
        with pytest.raises(DatabaseUnavailableError):
            await probe.check()
        away.rename(on_sqlite.file)
        gc.collect()

    asyncio.run(ask())
    assert told == []


def test_database_that_was_moved_is_told_to_the_log_and_not_to_strangers(tmp_path: Path) -> None:
    with server.running_server(tmp_path) as running:
        (running.data / "hostseal.db").rename(running.data / "away")
        reply = httpx.get(f"{running.url}/readyz", timeout=60)
        assert str(tmp_path) not in reply.text
        running.process.terminate()
        running.process.wait(60)
    assert "its file is gone" in (tmp_path / "server.log").read_text()

"""Backups: every row and the public keys in one file (backup_file.py), and back from it.

The rows are those of one instant, read while others write. They are no database's own format: what
was on SQLite can be restored into PostgreSQL, and the other way. Left out is who is signed in, who
guessed passwords, and what somebody typed and did not send. What else passes (db/passing.py) is
there: whoever asks again, or lets an import go on, finds what was done, and nothing is done twice.

``checked_rows`` are the rules of restoring. A backup is read by them before it counts as made.
"""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import Connection, Integer, Table, func, insert, literal_column, select
from sqlalchemy.exc import DataError, IntegrityError

from license_core.errors import LicenseError
from license_core.paths import read as read_file
from license_core.verify import open_license
from license_core.wording import utc
from license_server.actor import COMMAND, Actor
from license_server.audit import events
from license_server.db.database import keeping_few_pages
from license_server.db.portal_tables import portal_sessions
from license_server.db.tables import (
    attempts,
    drafts,
    import_sheets,
    keysets,
    licenses,
    metadata,
    sessions,
    text_tails,
    text_uses,
    texts,
)
from license_server.licenses import erased_claims, issuing
from license_server.mail import outbox_store
from license_server.operations import (
    backup_file,
    backup_rows,
    finding_again,
    ledger_identity,
    schema,
)
from license_server.operations.backup_file import BackupFile, BackupWriter
from license_server.operations.errors import AlreadyInitialisedError, BackupNotMadeError
from license_server.portal import links
from license_server.requests import request_store
from license_server.settings import ServerSettings
from license_server.webhooks import endpoints

_FOUND_BY = {texts.name, text_tails.name, text_uses.name}
"""What is made of other rows (finding_again.py)."""
_LEFT_OUT = {sessions.name, portal_sessions.name, attempts.name, drafts.name, *_FOUND_BY}
_NO_MORE = {sessions.name, portal_sessions.name, attempts.name, *_FOUND_BY}
"""What no backup ever had: former ones had drafts."""
_AT_ONCE, _PART = 20, 2 * 1024 * 1024
"""So many rows are in memory, and at most so many bytes of them in a part."""
_BATCH, _BATCH_BYTES = 500, 1024 * 1024
_MOST_IN_PART = 2000
_LONGEST_KEY = 64 * 1024
_SAMPLE = 200
Advance = Callable[[int], None]


class Batch(NamedTuple):
    """Some rows of a backup that are as they should be."""

    where: str
    """Which lines of which part they are."""
    table: Table
    rows: list[dict[str, Any]]


def tables() -> list[Table]:
    """The tables that are backed up, each after those that it refers to."""
    return [table for table in metadata.sorted_tables if table.name not in _LEFT_OUT]


def count(connection: Connection) -> int:
    """How many rows a backup has."""
    return sum(
        connection.execute(select(func.count()).select_from(table)).scalar_one()
        for table in tables()
    )


def key_files(settings: ServerSettings, *, with_keys: bool) -> dict[str, bytes]:
    """The keys of the data folder that go into a backup: the public ones, and the others if asked.

    Raises FileUnreadableError, FileTooLargeError or BackupNotMadeError.
    """
    found = sorted(settings.data.glob("*.pub.pem"))
    if with_keys:
        found += sorted((settings.data / "keys").glob("*.pem"))
    keys: dict[str, bytes] = {}
    for path in found:
        name = path.relative_to(settings.data).as_posix()
        if not backup_file.may_be_called(name):
            reason = f"{path} has a name that no backup can hold; rename it, or move it away"
            raise BackupNotMadeError(reason=reason)
        keys[name] = read_file(path, _LONGEST_KEY) or b""
    return keys


def write(
    connection: Connection,
    keys: Mapping[str, bytes],
    to: Callable[[bytes], object],
    now: int,
    advance: Advance,
) -> None:
    """Write what *connection* reads, which must be a snapshot, and *keys*.

    Raises BackupNotMadeError.
    """
    with BackupWriter(to, now) as file:
        for name, data in keys.items():
            file.add(name, data)
        rows: dict[str, int] = {}
        for table in tables():
            rows[table.name] = 0
            for number, part in enumerate(_parts(connection, table), 1):
                file.add(f"tables/{table.name}/{number:06}.jsonl", b"".join(part))
                rows[table.name] += len(part)
                advance(len(part))
        file.finish(schema.found(connection), rows)


def check(path: Path, *, thorough: bool = False) -> None:
    """Read the backup *path* by the rules of restoring. Raises as ``checked_rows``."""
    with backup_file.opened(path) as file:
        for _ in checked_rows(file, thorough=thorough):
            pass


def load(
    connection: Connection,
    file: BackupFile,
    now: int,
    *,
    thorough: bool,
    advance: Advance,
    random: Callable[[int], bytes],
    actor: Actor = COMMAND,
) -> None:
    """Fill an empty database with the rows of *file*, and record that: it is a new ledger.

    Raises AlreadyInitialisedError, SchemaOutdatedError, SchemaNewerError or BackupInvalidError.
    """
    if schema.found(connection) is not None:
        raise AlreadyInitialisedError(path="the database", found="its tables")
    schema.check_backup(file.manifest.schema)
    schema.upgrade(connection, now)
    with keeping_few_pages(connection):
        for batch in checked_rows(file, thorough=thorough):
            try:
                connection.execute(insert(batch.table), batch.rows)
            except (IntegrityError, DataError) as error:
                reason = str(error.orig).partition("\n")[0]
                raise file.invalid(f"{batch.where}: {reason}") from error
            advance(len(batch.rows))
    # Or what was sent, or issued by a rule, since would be once more.
    outbox_store.hold_open(connection)
    request_store.hold_due(connection)
    for table in tables():
        _go_on_counting(connection, table)
    finding_again.make(connection)
    when = utc(file.manifest.made_at)
    ledger, name = ledger_identity.drawn(random), file.path.name
    events.record(connection, now, actor, "server.restored", name, made_at=when, ledger=ledger)
    endpoints.pause_all(connection, actor, now)
    links.withdraw_mailed(connection, actor, now)  # or one that was used since would be used again


def checked_rows(file: BackupFile, *, thorough: bool) -> Iterator[Batch]:
    """The rows of *file*, in its order, as far as they are what a server can have.

    Their licences verify: all of them if *thorough*, else some of every age. What is wrong may be
    found as late as after the last of them. Raises BackupInvalidError, SchemaOutdatedError or
    SchemaNewerError.
    """
    schema.check_backup(file.manifest.schema)
    known = {table.name: table for table in metadata.tables.values() if table.name not in _NO_MORE}
    for name in file.manifest.rows.keys() - known.keys():
        raise file.invalid(f"it has a table {name[:64]!r}, which this server does not know")
    licences = _Licences(file, thorough=thorough)
    found = dict.fromkeys(known, 0)
    for part, name, lines in file.parts():
        table = known.get(name)
        if table is None:
            raise file.invalid(f"{part} is of a table that this server does not know")
        for batch in _batches(file, part, table, lines):
            for row in batch.rows:
                licences.check(table, row)
            found[name] += len(batch.rows)
            yield batch
    for name, rows in found.items():
        told = file.manifest.rows.get(name, 0)
        if rows != told:
            raise file.invalid(f"{name} has {rows} rows, not {told}")


class _Licences:
    """Holds the licences of a backup against its root keys."""

    def __init__(self, file: BackupFile, *, thorough: bool) -> None:
        self._file, self._roots = file, file.roots()
        total = file.manifest.rows.get(licenses.name, 0)
        self._step = 1 if thorough else max(1, total // _SAMPLE)
        self._keysets: dict[int, str] = {}
        self._seen = 0

    def check(self, table: Table, row: dict[str, Any]) -> None:
        """Look at a *row*. Raises BackupInvalidError."""
        if table is keysets:
            self._keysets[row["version"]] = row["token"]
        elif table is licenses:
            self._seen += 1
            if self._seen % self._step == 0:
                self._check(row)

    def _check(self, row: dict[str, Any]) -> None:
        number = row["number"][:64]
        keyset = self._keysets.get(row["keyset_version"])
        if keyset is None:
            raise self._file.invalid(f"the keyset of licence {number} is missing")
        if erased_claims.is_erased(row["token"]):
            return  # the events bind what is left of it
        try:
            opened = open_license(issuing.file_of_tokens(row["token"], keyset), roots=self._roots)
        except (LicenseError, ValueError) as error:
            raise self._file.invalid(f"licence {number} does not verify") from error
        if opened.license.jti != row["number"]:
            raise self._file.invalid(f"the file of licence {number} is another licence")


def _batches(file: BackupFile, part: str, table: Table, lines: Iterator[bytes]) -> Iterator[Batch]:
    """The rows of a part, some at a time."""
    rows: list[dict[str, Any]] = []
    first, size = 1, 0
    for number, line in enumerate(lines, 1):
        try:
            row = backup_rows.decode(table, line)
        except ValueError as error:
            raise file.invalid(f"{part}, line {number}: {error}") from error
        if rows and (len(rows) == _BATCH or size + len(line) > _BATCH_BYTES):
            yield Batch(f"{part}, lines {first} to {number - 1}", table, rows)
            rows, first, size = [], number, 0
        rows.append(row)
        size += len(line)
    if rows:
        yield Batch(f"{part}, lines {first} to {first + len(rows) - 1}", table, rows)


def _parts(connection: Connection, table: Table) -> Iterator[list[bytes]]:
    """The rows of *table* as lines, in parts of few bytes: a row may be a whole sheet."""
    query = select(table).order_by(*table.primary_key.columns)
    at_once = 1 if table is import_sheets else _AT_ONCE
    rows = connection.execute(query, execution_options={"yield_per": at_once}).mappings()
    part, size = list[bytes](), 0
    for row in rows:
        line = backup_rows.encode(table, row)
        if part and (len(part) == _MOST_IN_PART or size + len(line) > _PART):
            yield part
            part, size = [], 0
        part.append(line)
        size += len(line)
    if part:
        yield part


def _go_on_counting(connection: Connection, table: Table) -> None:
    """PostgreSQL counts apart from the rows: let it go on after the last."""
    column = table.columns.get("id")
    if connection.dialect.name != "postgresql" or column is None:
        return
    if not isinstance(column.type, Integer):  # it is drawn at random
        return
    last = connection.execute(select(func.max(column))).scalar()
    if last is not None:
        sequence = func.pg_get_serial_sequence(table.name, literal_column("'id'"))
        connection.execute(select(func.setval(sequence, last)))

"""Backups: one tar file with every row, the public keys, and a manifest of digests.

tables/NAME/000001.jsonl  rows of a table in the order of their keys, an object a line
*.pem                     what the data folder has beside the database
keys/*.pem                the private keys, encrypted as they are; only where asked for
manifest.json             the version, when, and each file's size and SHA-256
manifest.sha256           last: the digest of that

The rows are those of one instant, read while others write. They are no database's own format: what
was on SQLite can be restored into PostgreSQL, and the other way. Who is signed in and who guessed
passwords is left out; what else passes (db/passing.py) is there: whoever asks again, or lets an
import go on, finds what was done. Digests find damage; that nobody changed anything, the signatures
tell.
"""

import hashlib
import io
import re
import tarfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import (
    Connection,
    LargeBinary,
    RowMapping,
    Table,
    func,
    insert,
    literal_column,
    select,
)

from license_core import b64url, strictjson
from license_core.errors import LicenseError
from license_core.paths import words
from license_core.publickey import PublicKey
from license_core.verify import open_license
from license_core.wording import utc
from license_server.actor import COMMAND
from license_server.audit import events
from license_server.db.tables import (
    attempts,
    licenses,
    metadata,
    sessions,
)
from license_server.licenses import issuing, license_store
from license_server.licenses.license_store import StoredLicense
from license_server.licenses.search import Filter
from license_server.operations import schema
from license_server.operations.errors import AlreadyInitialisedError, BackupInvalidError
from license_server.settings import ServerSettings

_FORMAT = 1
_MANIFEST, _SEAL = "manifest.json", "manifest.sha256"
_PASSING = {sessions.name, attempts.name}
_ROWS, _AT_ONCE = 2000, 100
_PART, _LARGEST = 16 * 1024 * 1024, 64 * 1024 * 1024
"""The most bytes of several rows in a file, and of any file."""
_NAMES = re.compile(
    r"(?:tables/[a-z_]+/[0-9]{6}\.jsonl|(?:keys/)?[A-Za-z0-9._-]+\.pem|manifest\.(?:json|sha256))"
)
_SAMPLE = 200
Advance = Callable[[int], None]


class Backup(NamedTuple):
    """A backup file whose digests are right."""

    path: Path
    made_at: int
    schema: str
    rows: Mapping[str, int]
    """How many each table has."""
    files: Mapping[str, bytes]
    """What goes into the data folder."""

    @property
    def total(self) -> int:
        """How many rows there are in all."""
        return sum(self.rows.values())


def tables() -> list[Table]:
    """The tables that are backed up, each after those that it refers to."""
    return [table for table in metadata.sorted_tables if table.name not in _PASSING]


def count(connection: Connection) -> int:
    """How many rows a backup has."""
    return sum(
        connection.execute(select(func.count()).select_from(table)).scalar_one()
        for table in tables()
    )


def write(
    connection: Connection,
    settings: ServerSettings,
    to: Callable[[bytes], object],
    now: int,
    *,
    with_keys: bool,
    advance: Advance,
) -> None:
    """Write what *connection* reads, which must be a snapshot, and the keys of the data folder."""
    listed: dict[str, dict[str, Any]] = {}
    rows: dict[str, int] = {}
    with tarfile.open(fileobj=_Sink(to), mode="w|", format=tarfile.USTAR_FORMAT) as tar:

        def add(name: str, data: bytes) -> None:
            listed[name] = {"size": len(data), "sha256": _digest(data)}
            _add(tar, name, data, now)

        for path in _key_files(settings, with_keys=with_keys):
            add(path.relative_to(settings.data).as_posix(), path.read_bytes())
        for table in tables():
            rows[table.name] = 0
            for number, part in enumerate(_parts(connection, table), 1):
                add(f"tables/{table.name}/{number:06}.jsonl", b"".join(part))
                rows[table.name] += len(part)
                advance(len(part))
        manifest = {
            "format": _FORMAT,
            "made_at": now,
            "schema": schema.found(connection),
            "rows": rows,
            "files": listed,
        }
        data = strictjson.dumps(manifest)
        _add(tar, _MANIFEST, data, now)
        _add(tar, _SEAL, _digest(data).encode("ascii"), now)


def read(path: Path) -> Backup:
    """The backup in the file *path*, whose every digest is right. Raises BackupInvalidError."""
    digests: dict[str, dict[str, Any]] = {}
    files: dict[str, bytes] = {}
    told: dict[str, bytes] = {}
    try:
        with tarfile.open(path, "r:") as tar:
            for name, data in _members(tar):
                if name in (_MANIFEST, _SEAL):
                    told[name] = data
                    continue
                digests[name] = {"size": len(data), "sha256": _digest(data)}
                if name.endswith(".pem"):
                    files[name] = data
        if _digest(told[_MANIFEST]).encode("ascii") != told[_SEAL]:
            raise ValueError("its manifest is damaged")
        manifest = strictjson.loads(told[_MANIFEST])
        if not isinstance(manifest, dict) or manifest.get("format") != _FORMAT:
            raise ValueError("its manifest has a format that this server does not support")
        if manifest["files"] != digests:
            raise ValueError(f"{_other(manifest['files'], digests)} does not match the manifest")
        if "root.pub.pem" not in files:
            raise ValueError("it has no root.pub.pem")
        return Backup(path, manifest["made_at"], manifest["schema"], manifest["rows"], files)
    except (OSError, ValueError) as error:
        raise BackupInvalidError(path=str(path), reason=words(error).rstrip("?.")) from error
    except (tarfile.TarError, KeyError, EOFError) as error:
        raise BackupInvalidError(
            path=str(path), reason="it is not a backup, or it is truncated"
        ) from error


def load(
    connection: Connection, backup: Backup, now: int, *, thorough: bool, advance: Advance
) -> None:
    """Fill an empty database with *backup*, and check what is there then.

    Raises AlreadyInitialisedError, SchemaOutdatedError, SchemaNewerError or BackupInvalidError.
    """
    if schema.found(connection) is not None:
        raise AlreadyInitialisedError(path="the database", found="its tables")
    schema.check_version(backup.schema)
    schema.upgrade(connection, now)
    by_name = {table.name: table for table in tables()}
    with tarfile.open(backup.path, "r:") as tar:
        for name, data in _members(tar):
            if name.startswith("tables/"):
                table = by_name[name.split("/")[1]]
                rows = _decode(table, data)
                connection.execute(insert(table), rows)
                advance(len(rows))
    for table in by_name.values():
        _go_on_counting(connection, table)
    _check(connection, backup, thorough=thorough)
    when = utc(backup.made_at)
    events.record(connection, now, COMMAND, "server.restored", backup.path.name, made_at=when)


def _check(connection: Connection, backup: Backup, *, thorough: bool) -> None:
    """Raise unless all rows came, and licences of it verify: all, or some of every age."""
    for table in tables():
        found = connection.execute(select(func.count()).select_from(table)).scalar_one()
        if found != backup.rows.get(table.name, 0):
            reason = f"{table.name} has {found} rows, not {backup.rows.get(table.name, 0)}"
            raise BackupInvalidError(path=str(backup.path), reason=reason)
    roots = tuple(
        PublicKey.from_pem(data.decode("ascii"))
        for name, data in backup.files.items()
        if name.startswith("root") and name.endswith(".pub.pem")
    )
    for stored in _all(connection) if thorough else _some(connection):
        try:
            verified = open_license(issuing.file_of(stored), roots=roots)
        except (LicenseError, ValueError) as error:
            raise BackupInvalidError(
                path=str(backup.path), reason=f"licence {stored.number} does not verify"
            ) from error
        if verified.license.jti != stored.number:
            reason = f"the file of licence {stored.number} is another licence"
            raise BackupInvalidError(path=str(backup.path), reason=reason)


def _all(connection: Connection) -> Iterator[StoredLicense]:
    before: int | None = None
    while page := license_store.listed(connection, Filter(), 0, before=before, limit=500).rows:
        yield from page
        before = page[-1].id


def _some(connection: Connection) -> Iterator[StoredLicense]:
    last = connection.execute(select(func.max(licenses.c.id))).scalar() or 0
    for place in sorted({1 + last * step // _SAMPLE for step in range(1, _SAMPLE + 1)}):
        yield from license_store.listed(connection, Filter(), 0, before=place, limit=1).rows


class _Sink(io.RawIOBase):
    """What tarfile writes to."""

    def __init__(self, to: Callable[[bytes], object]) -> None:
        super().__init__()
        self._to = to

    def write(self, data: Any) -> int:
        self._to(bytes(data))
        return len(data)


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _add(tar: tarfile.TarFile, name: str, data: bytes, now: int) -> None:
    info = tarfile.TarInfo(name)
    info.size, info.mtime, info.mode = len(data), now, 0o600
    tar.addfile(info, io.BytesIO(data))


def _members(tar: tarfile.TarFile) -> Iterator[tuple[str, bytes]]:
    """Each file's name and bytes. Raises ValueError for what no backup has."""
    seen: set[str] = set()
    for member in tar:
        if not _NAMES.fullmatch(member.name) or not member.isfile() or member.name in seen:
            raise ValueError(f"it has {member.name[:64]!r}, which does not belong in a backup")
        if member.size > _LARGEST:
            raise ValueError(f"{member.name} is too large")
        seen.add(member.name)
        stream = tar.extractfile(member)
        assert stream is not None  # noqa: S101  # it is a file
        yield member.name, stream.read()


def _other(listed: Mapping[str, Any], found: Mapping[str, Any]) -> str:
    """The first name under which two manifests differ."""
    return next(name for name in sorted({*listed, *found}) if listed.get(name) != found.get(name))


def _key_files(settings: ServerSettings, *, with_keys: bool) -> list[Path]:
    folders = [settings.data, settings.data / "keys"] if with_keys else [settings.data]
    return [path for folder in folders for path in sorted(folder.glob("*.pem"))]


def _parts(connection: Connection, table: Table) -> Iterator[list[bytes]]:
    """The rows of *table* as lines, in parts that can be read back: a row may be a whole sheet."""
    query = select(table).order_by(*table.primary_key.columns)
    rows = connection.execution_options(yield_per=_AT_ONCE).execute(query).mappings()
    part, size, binary = list[bytes](), 0, _binary(table)
    for row in rows:
        line = _encode(row, binary)
        if part and (len(part) == _ROWS or size + len(line) > _PART):
            yield part
            part, size = [], 0
        part.append(line)
        size += len(line)
    if part:
        yield part


def _binary(table: Table) -> set[str]:
    return {column.name for column in table.columns if isinstance(column.type, LargeBinary)}


def _encode(row: RowMapping, binary: set[str]) -> bytes:
    plain = {
        name: b64url.encode(bytes(value)) if name in binary and value is not None else value
        for name, value in row.items()
    }
    return strictjson.dumps(plain) + b"\n"


def _decode(table: Table, data: bytes) -> list[dict[str, Any]]:
    binary = _binary(table)
    rows: list[dict[str, Any]] = [strictjson.loads(line) for line in data.splitlines()]
    for row in rows:
        for name in binary & row.keys():
            if row[name] is not None:
                row[name] = b64url.decode(row[name])
    return rows


def _go_on_counting(connection: Connection, table: Table) -> None:
    """PostgreSQL counts apart from the rows: let it go on after the last."""
    column = table.columns.get("id")
    if connection.dialect.name != "postgresql" or column is None or table.name == "tokens":
        return
    last = connection.execute(select(func.max(column))).scalar()
    if last is not None:
        sequence = func.pg_get_serial_sequence(table.name, literal_column("'id'"))
        connection.execute(select(func.setval(sequence, last)))

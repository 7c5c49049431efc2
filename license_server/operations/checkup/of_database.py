"""The database: whether it is there, of this version, safe where it is, and takes writes."""

import os
import shlex
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, text

from license_core.errors import LicenseError
from license_core.wording import utc
from license_server.audit import audit_store
from license_server.audit.audit_store import EventFilter
from license_server.db import probe
from license_server.db.database import Database
from license_server.operations import data_folder, ledger_identity, schema
from license_server.operations.checkup.finding import Finding, Section, found, of_error
from license_server.operations.checkup.subject import Subject

_MIB = 1024 * 1024
_LEAST_FREE = 256 * _MIB
_NETWORK = {"nfs", "nfs4", "cifs", "smb3", "smbfs", "afs", "ceph", "glusterfs", "9p", "virtiofs"}
"""Types of file systems whose locks another machine has (SQLite, "How To Corrupt", section 2.1)."""
_DURABLE = ("fsync", "full_page_writes", "synchronous_commit")
_BEHIND = 300
"""Seconds by which a clock may be behind what was written before."""


@contextmanager
def opened(subject: Subject) -> Iterator[tuple[Database | None, Section]]:
    """The database, if it can be used; and what was seen of it."""
    section = Section("Database", [], [])
    try:
        database = data_folder.open_database(subject.settings)
    except LicenseError as error:
        section.findings.append(of_error(error, subject.server))
        section.findings.extend(_place(subject))
        yield None, section
        return
    try:
        _look(subject, database, section)
        yield database, section
    finally:
        database.close()


def _look(subject: Subject, database: Database, section: Section) -> None:
    section.findings.extend(_place(subject))
    try:
        with database.reading() as connection:
            section.lines.append(_told(connection))
            section.findings.extend(_settings(connection))
            section.findings.extend(_clock(connection, subject))
            ledger_identity.check(connection, subject.settings)
        database.write(lambda connection: probe.touch(database, connection))
    except LicenseError as error:
        section.findings.append(of_error(error, subject.server))


def _told(connection: Connection) -> str:
    version = schema.found(connection)
    if connection.dialect.name == "sqlite":
        engine = connection.execute(text("select sqlite_version()")).scalar_one()
        return f"SQLite {engine}, tables at {version}, synchronous=FULL"
    engine = connection.execute(text("show server_version")).scalar_one()
    return f"PostgreSQL {engine}, tables at {version}"


def _settings(connection: Connection) -> Iterator[Finding]:
    """What PostgreSQL was told that may lose what was committed; SQLite is told by this server."""
    if connection.dialect.name == "sqlite":
        return
    for name in _DURABLE:
        value = connection.execute(text("select current_setting(:name)"), {"name": name})
        told = value.scalar_one()
        if told == "off":
            yield found("commits-not-durable", setting=name, value=told)


def _clock(connection: Connection, subject: Subject) -> Iterator[Finding]:
    newest = audit_store.events(connection, EventFilter(), before=None, limit=1)
    if newest and newest[0].at > subject.now + _BEHIND:
        yield found("clock-behind", now=utc(subject.now), then=utc(newest[0].at))


def _place(subject: Subject) -> Iterator[Finding]:
    """Where the file of SQLite is."""
    if subject.settings.database is not None:
        return
    folder = os.path.realpath(subject.settings.data)
    mount, type_ = mounted_at(folder, subject.mounts)
    if type_ in _NETWORK or type_.startswith("fuse.ssh"):
        yield found("database-on-network", type=type_, mount=mount, server=subject.server)
    try:
        there = os.statvfs(folder)
        size = subject.settings.database_file.stat().st_size
    except OSError:
        return
    free = there.f_bavail * there.f_frsize
    if free < max(_LEAST_FREE, size):
        quoted = shlex.quote(folder)
        yield found("disk-nearly-full", free=free // _MIB, size=size // _MIB, quoted=quoted)


def mounted_at(folder: str, mounts: str) -> tuple[str, str]:
    """Where the file system of *folder* is mounted, and its type, as *mounts* tell; last counts."""
    best = ("/", "")
    for line in mounts.splitlines():
        before, _, after = line.partition(" - ")
        fields = before.split(" ")
        if len(fields) < 5 or not after:
            continue
        place = fields[4].replace("\\040", " ")
        within = folder == place or folder.startswith(place.rstrip("/") + "/")
        if within and len(place) >= len(best[0]):
            best = (place, after.split(" ")[0])
    return best

"""What somebody has to do now and then: backups, and revocation lists."""

from collections.abc import Iterator

from sqlalchemy import Connection

from license_core.wording import utc
from license_server.audit import audit_store
from license_server.audit.kinds import BACKED_UP
from license_server.catalog.terms import DAY
from license_server.operations.checkup.finding import Finding, Section, found
from license_server.operations.checkup.subject import Subject
from license_server.signing import revocation_store

_BACKUP_DAYS = 7
_LIST_DAYS = 7


def look(connection: Connection, subject: Subject) -> Section:
    """How backups and the revocation list stand."""
    backup = audit_store.last_at(connection, BACKED_UP)
    due, number = revocation_store.due(connection), revocation_store.newest_number(connection)
    made = "none is known" if backup is None else utc(backup)
    listed = "none" if due.expires_at is None else f"{number}, due again {utc(due.expires_at)}"
    findings = [*_backup(backup, subject), *_revocations(due, number, subject)]
    return Section("Upkeep", [f"last backup: {made}", f"revocation list: {listed}"], findings)


def _backup(at: int | None, subject: Subject) -> Iterator[Finding]:
    if at is None:
        yield found("backup-missing", server=subject.server)
    elif subject.now - at > _BACKUP_DAYS * DAY:
        days = (subject.now - at) // DAY
        yield found("backup-old", at=utc(at), days=days, server=subject.server)


def _revocations(due: revocation_store.Due, number: int, subject: Subject) -> Iterator[Finding]:
    server, now = subject.server, subject.now
    if due.expires_at is not None and due.expires_at - now < _LIST_DAYS * DAY:
        yield found("revocations-due", number=number, due=utc(due.expires_at), server=server)
    waits = due.waiting_since
    by_itself = subject.settings.revocations_minutes * 60
    if waits is not None and now - waits > max(DAY, 2 * by_itself):
        yield found("revocations-waiting", since=utc(waits), server=server)

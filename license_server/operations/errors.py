"""What is refused of a data folder, its schema, its record and its backups."""

from license_core.errors import LicenseError
from license_core.problems import Problem


class AlreadyInitialisedError(LicenseError):
    """The data folder holds a server already."""

    row = Problem(
        "already-initialised",
        72,
        "There is a server in this folder already",
        "{path} already holds a server ({found}); nothing was changed.",
        "Start it with `{server} serve`, or choose another folder.",
    )

    path: str
    found: str


class SchemaOutdatedError(LicenseError):
    """The database is of another schema version."""

    row = Problem(
        "schema-outdated",
        84,
        "The database is of another version",
        "The database is at version {found}; this server needs {wanted}.",
        "Make a backup, then run `{server} upgrade`.",
    )

    found: str
    wanted: str


class SchemaNewerError(LicenseError):
    """The database was upgraded by a later server."""

    row = Problem(
        "schema-newer",
        85,
        "The database belongs to a later server",
        "The database is at version {found}, which this server does not know; it knows {wanted}.",
        "Install the version of the server that made it, or restore the backup from before.",
    )

    found: str
    wanted: str


class RecordBrokenError(LicenseError):
    """The ledger and its record do not agree."""

    row = Problem(
        "record-broken",
        95,
        "The ledger and its record do not agree",
        "Faults found: {count}. The first: {first}.",
        "Keep this database as it is, as evidence, and go on with the last good backup.",
    )

    count: int
    first: str


class RecordKeyUnavailableError(LicenseError):
    """The key that signs checkpoints cannot be used."""

    row = Problem(
        "record-key-unavailable",
        97,
        "The key of the record cannot be used",
        "The key that signs checkpoints of the record cannot be used: {reason}.",
        "Put keys/record.key.pem and record.pub.pem back into the data folder from your backup. "
        "Where there never were such files, `{server} upgrade` makes them.",
    )

    reason: str


class BackupInvalidError(LicenseError):
    """A file is no backup, or is damaged."""

    row = Problem(
        "backup-invalid",
        105,
        "The backup cannot be restored",
        "{path} cannot be restored: {reason}.",
        "Nothing was put in place. Take another copy of it, or an earlier backup.",
    )

    path: str
    reason: str

"""Errors of data folders, schemas, the audit log and backups."""

from license_core.errors import LicenseError
from license_core.problem import Problem


class AlreadyInitialisedError(LicenseError):
    """The data folder holds a server already."""

    row = Problem(
        "already-initialised",
        72,
        "This folder already holds a server",
        "{path} already holds a server ({found}); nothing was changed.",
        "Start it with `{server} serve`, or choose another folder.",
    )

    path: str
    found: str


class SchemaOutdatedError(LicenseError):
    """The database, or a backup, is of an earlier schema version."""

    row = Problem(
        "schema-outdated",
        84,
        "The database has to be upgraded",
        "The {what} is at version {found}; this server needs {wanted}.",
        "{first}, then run `{server} upgrade`.",
    )

    what: str
    found: str
    wanted: str
    first: str
    """What to do before the upgrade: this version backs up and restores its own schema only."""


class SchemaNewerError(LicenseError):
    """The database, or a backup, is of a later server."""

    row = Problem(
        "schema-newer",
        85,
        "The database is newer than this server",
        "The {what} is at version {found}; this server supports only {wanted}.",
        "Install the server version that it is of, or use a copy or backup of an earlier one.",
    )

    what: str
    found: str
    wanted: str


class RecordBrokenError(LicenseError):
    """The ledger and its record do not agree."""

    row = Problem(
        "record-broken",
        95,
        "The ledger and the audit log do not match",
        "Faults found: {count}. The first: {first}.",
        "Keep this database unchanged, as evidence, and continue from the last good backup.",
    )

    count: int
    first: str


class RecordKeyUnavailableError(LicenseError):
    """The key that signs checkpoints cannot be used."""

    row = Problem(
        "record-key-unavailable",
        97,
        "The audit log's key cannot be used",
        "The key that signs checkpoints of the audit log cannot be used: {reason}.",
        "Restore keys/record.key.pem and record.pub.pem to the data folder from your "
        "backup. If these files never existed, `{server} upgrade` creates them.",
    )

    reason: str


class LedgerSupersededError(LicenseError):
    """The data folder was served with another ledger, which the database does not come from."""

    row = Problem(
        "ledger-superseded",
        162,
        "The database is not the one that this server used last",
        "{path} names the ledger {kept}, which this database does not know (its own is {found}): "
        "it is of before a restore, or of another server.",
        "Two servers with the same keys must not use two databases. Set LICENSE_SERVER_DATABASE, "
        "or `--data`, to the one that was in use. Only if every server of that one is stopped for "
        "good: `rm {path}`, then start again.",
    )

    path: str
    kept: str
    found: str


class DataFolderOpenError(LicenseError):
    """Others than the owner of the data folder have rights to it, and that cannot be mended."""

    row = Problem(
        "data-folder-open",
        161,
        "The data folder is open to others",
        "{path} holds customers' data and keys, but not only its owner can access it "
        "(mode {mode}).",
        "Run `chmod 700 {path}` as its owner.",
    )

    path: str
    mode: str


class CheckFailedError(LicenseError):
    """``check`` found something that must be mended."""

    row = Problem(
        "check-failed",
        160,
        "The check found something to mend",
        "{count:# finding|# findings} must be mended.",
        "The page above says how; then run `{server} check` again.",
    )

    count: int


class BackupInvalidError(LicenseError):
    """A file is no backup, or is damaged."""

    row = Problem(
        "backup-invalid",
        105,
        "The backup cannot be restored",
        "{path} cannot be restored: {reason}.",
        "Nothing was restored. Use another copy of the file, or an earlier backup.",
    )

    path: str
    reason: str


class BackupNotMadeError(LicenseError):
    """A backup would be one that cannot be restored."""

    row = Problem(
        "backup-not-made",
        106,
        "The backup was not made",
        "The backup was not made: {reason}.",
        "No file was left. `{server} fsck` examines the server that should be backed up; keep "
        "its last good backup.",
    )

    reason: str

"""Every problem this server can report, with its HTTP status (RFC 9457).

One line a slug, the core's and the server's: a core's error reaches HTTP where a request holds what
the core reads. Slugs and status are in SPEC section 9.
"""

import license_core.errors
import license_core.giveback
import license_core.membership_errors
import license_core.revocation_errors
import license_server.access.errors
import license_server.catalog.errors
import license_server.db.errors
import license_server.erasure.errors
import license_server.extras
import license_server.http.errors
import license_server.licenses.errors
import license_server.mail.errors
import license_server.operations.errors
import license_server.passphrases
import license_server.portal.errors
import license_server.requests.errors
import license_server.sheets.errors
import license_server.signing.errors
from license_core.errors import LicenseError
from license_core.problem import Problem

STATUS = {
    "internal-error": 500,
    "usage": 400,
    "dependency-missing": 500,
    "memory-exhausted": 503,
    "folder-unnamed": 500,
    "license-missing": 404,
    "file-unreadable": 400,
    "file-too-large": 413,
    "list-too-large": 413,
    "license-block-missing": 422,
    "license-damaged": 422,
    "license-several": 422,
    "license-claims-invalid": 422,
    "license-unsupported": 422,
    "settings-invalid": 500,
    "revocations-invalid": 422,
    "trusted-key-missing": 500,
    "trusted-key-invalid": 500,
    "keyset-missing": 422,
    "keyset-untrusted": 422,
    "keyset-invalid": 422,
    "keyset-expired": 422,
    "signing-key-unknown": 422,
    "signature-invalid": 422,
    "signing-key-revoked": 422,
    "signing-key-not-allowed": 422,
    "wrong-host": 409,
    "wrong-product": 409,
    "host-unidentifiable": 409,
    "host-machine-id-not-bound": 409,
    "host-cluster-unknown": 409,
    "host-site-unknown": 409,
    "host-not-in-site": 409,
    "site-exists": 409,
    "pinned-address-differs": 409,
    "pinned-address-invalid": 409,
    "gpus-not-licensed": 409,
    "feature-not-licensed": 409,
    "keyset-rolled-back": 422,
    "roots-invalid": 422,
    "roots-skipped": 422,
    "license-expired": 409,
    "license-not-yet-valid": 409,
    "clock-set-back": 409,
    "clock-wrong": 500,
    "license-revoked": 409,
    "license-returned": 409,
    "maintenance-ended": 409,
    "revocations-rolled-back": 409,
    "request-unreadable": 422,
    "request-damaged": 422,
    "request-ambiguous": 422,
    "file-is-mounted": 500,
    "folder-not-writable": 500,
    "disk-full": 507,
    "write-failed": 500,
    "server-unreachable": 502,
    "output-failed": 500,
    "license-not-written": 500,
    "program-not-started": 500,
    "folder-missing": 500,
    "path-is-folder": 500,
    "passphrase-missing": 500,
    "extra-missing": 500,
    "passphrase-wrong": 500,
    "already-initialised": 409,
    "not-initialised": 500,
    "database-unavailable": 503,
    "signer-unavailable": 503,
    "signing-over": 503,
    "secret-file-open": 503,
    "input-invalid": 422,
    "not-found": 404,
    "not-authenticated": 401,
    "not-permitted": 403,
    "codes-required": 403,
    "form-expired": 403,
    "too-many-attempts": 429,
    "idempotency-key-reused": 422,
    "address-in-use": 500,
    "schema-outdated": 500,
    "schema-newer": 500,
    "method-not-allowed": 405,
    "request-too-large": 413,
    "still-running": 409,
    "server-stopping": 503,
    "changed-meanwhile": 412,
    "license-state": 409,
    "term-too-long": 409,
    "rehosts-used-up": 409,
    "proposal-decided": 409,
    "mail-off": 409,
    "mail-state": 409,
    "mailbox-off": 409,
    "mailbox-unreadable": 503,
    "rate-limited": 429,
    "record-broken": 500,
    "approval-pending": 202,
    "name-taken": 409,
    "term-over": 409,
    "evidence-missing": 409,
    "record-key-unavailable": 503,
    "keyset-refused": 409,
    "revocations-too-large": 409,
    "check-failed": 500,
    "data-folder-open": 500,
    "ledger-superseded": 500,
    "too-large-to-sign": 422,
    "backup-invalid": 500,
    "backup-not-made": 500,
    "last-administrator": 409,
    "invitation-over": 410,
    "openid-refused": 403,
    "openid-unavailable": 503,
    "sheet-invalid": 422,
    "import-refused": 409,
    "product-unknown": 422,
    "archived": 409,
    "plan-unknown": 409,
    "trial-used": 409,
    "stop-gap-used": 409,
    "request-closed": 409,
    "request-without-host": 409,
    "portal-link-over": 410,
    "license-erased": 410,
    "licenses-live": 409,
}

_HOMES = (
    license_core.errors,
    license_core.giveback,
    license_core.membership_errors,
    license_core.revocation_errors,
    license_server.access.errors,
    license_server.catalog.errors,
    license_server.db.errors,
    license_server.erasure.errors,
    license_server.extras,
    license_server.http.errors,
    license_server.licenses.errors,
    license_server.mail.errors,
    license_server.operations.errors,
    license_server.portal.errors,
    license_server.requests.errors,
    license_server.passphrases,
    license_server.sheets.errors,
    license_server.signing.errors,
)

ROWS: dict[str, Problem] = {
    kind.row.slug: kind.row
    for home in _HOMES
    for kind in vars(home).values()
    if isinstance(kind, type) and issubclass(kind, LicenseError) and kind is not LicenseError
}
"""What each problem says, by its slug."""


def status_of(error: LicenseError) -> int:
    """The HTTP status of an answer that refuses with *error*."""
    return STATUS[error.slug]


def is_of_what_was_asked(error: LicenseError) -> bool:
    """Whether *error* is about what was asked, and is told there; else the server cannot go on."""
    return status_of(error) < 500

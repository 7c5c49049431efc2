"""Licences as JSON. Instants are RFC 3339 texts in UTC, or null."""

import time
from typing import Any

from license_server import issuing
from license_server.store import StoredLicense


def license_json(stored: StoredLicense, prefix: str) -> dict[str, Any]:
    """A licence, with links to itself and its file."""
    license_ = issuing.claims_of(stored)
    here = f"{prefix}/licenses/{stored.number}"
    return {
        "id": stored.number,
        "customer": stored.customer,
        "product": stored.product,
        "edition": license_.edition,
        "features": list(license_.features),
        "limits": dict(license_.limits or {}),
        "host": {
            "key": license_.host.key,
            "name": license_.host.name,
            "profile": license_.host.profile,
            "match": license_.host.match,
            "tags": sorted(license_.host.tags or {}),
        },
        "issued_at": _instant(stored.issued_at),
        "expires_at": _instant(stored.expires_at),
        "notify_from": _instant(license_.notify_from),
        "grace_until": _instant(stored.grace_until),
        "maintenance_until": _instant(license_.maintenance_until),
        "replaces": stored.replaces,
        "replaced_by": stored.replaced_by,
        "links": {"self": here, "file": f"{here}/license.dat"},
    }


def _instant(seconds: int | None) -> str | None:
    if seconds is None:
        return None
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))

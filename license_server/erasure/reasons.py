"""Why somebody is erased, as whoever wants it says."""

from collections.abc import Mapping
from typing import Any

from license_core import claims
from license_core.claims import ClaimError
from license_server.db.errors import InputInvalidError

_LONGEST = 1000


def read(members: Mapping[str, Any]) -> str:
    """Why, as somebody gave it. Raises InputInvalidError."""
    try:
        reason = claims.text(members, "reason", longest=_LONGEST)
    except ClaimError as error:
        raise InputInvalidError(field="reason", reason=error.reason) from error
    if reason is None or not reason.strip():
        raise InputInvalidError(field="reason", reason="it is missing")
    return reason.strip()

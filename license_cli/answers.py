"""What a server's refusal is to the client: the problem that its document names (RFC 9457)."""

from __future__ import annotations

from license_core import errors, revocation_errors, strictjson
from license_core.claims import MAX_INSTANT
from license_core.errors import LicenseError, ServerUnreachableError
from license_core.problems import PROBLEMS
from license_core.reason import Reason

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def problem_of(status: int, body: bytes, url: str) -> LicenseError:
    """The error that a problem document names; its words are the server's facts in our table."""
    unknown = ServerUnreachableError(
        url=url, reason=Reason("it responded with status {status}", status=status)
    )
    try:
        document = strictjson.loads(body)
    except ValueError:
        return unknown
    if not isinstance(document, dict):
        return unknown
    slug = str(document.get("type", "")).rpartition("/")[2]
    name = next((name for name, row in PROBLEMS.items() if row.slug == slug), None)
    if name is None:
        return unknown
    kind: type[LicenseError] | None = getattr(errors, name, getattr(revocation_errors, name, None))
    if kind is None:
        return unknown
    try:
        return kind(
            **{fact: _fact(document.get(fact), of) for fact, of in kind.__annotations__.items()}
        )
    except ValueError:
        return unknown


def _fact(value: Any, kind: str) -> Any:
    """A fact as our table has it. Raises ValueError for one that its words could not be said of."""
    if isinstance(value, str) and kind in ("str", "str | None"):
        return value
    if type(value) is int and kind == "int" and 0 <= value <= MAX_INSTANT:
        return value
    if value is None and kind == "str | None":
        return None
    raise ValueError(kind)

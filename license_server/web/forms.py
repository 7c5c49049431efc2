"""Forms as browsers send them, and the values of their fields."""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode

from starlette.requests import Request

from license_core import b64url
from license_server.access.errors import FormExpiredError
from license_server.catalog import terms
from license_server.db.errors import InputInvalidError
from license_server.db.idempotency import Idempotency
from license_server.licenses.acts import REASON
from license_server.sheets import threads
from license_server.site import Random

_MOST_FIELDS = 50
_LARGE = 256 * 1024
"""How many bytes of a form are read at once, while everything else waits; only a sheet has more."""


async def read(request: Request) -> dict[str, str]:
    """The fields of a form (``application/x-www-form-urlencoded``, UTF-8).

    Raises FormExpiredError where another site sends it, InputInvalidError for another kind of
    body, too many fields, or one given twice.
    """
    if from_elsewhere(request):
        raise FormExpiredError
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        raise InputInvalidError(field="body", reason="it is not a form")
    body = await request.body()
    pairs = _pairs(body) if len(body) <= _LARGE else await threads.one_at_a_time(_pairs, body)
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise InputInvalidError(field="body", reason="a field occurs twice")
    return fields


def from_elsewhere(request: Request) -> bool:
    """Whether the browser says that another site sends *request* (W3C Fetch Metadata)."""
    return request.headers.get("sec-fetch-site", "none") not in ("same-origin", "none")


def _pairs(body: bytes) -> list[tuple[str, str]]:
    try:
        return parse_qsl(
            body.decode("ascii", "strict"), keep_blank_values=True, max_num_fields=_MOST_FIELDS
        )
    except ValueError as error:
        raise InputInvalidError(field="body", reason="it is not a form") from error


def new_once(random: Random) -> str:
    """What a form carries as ``once``."""
    return b64url.encode(random(12))


def once(fields: dict[str, str], path: str) -> Idempotency:
    """Take the ``once`` out of the *fields*: what is sent twice with it is done once.

    Raises FormExpiredError where there is none.
    """
    key = fields.pop("once", "")
    if not may_be_once(key):
        raise FormExpiredError
    content = urlencode(sorted(fields.items())).encode("ascii")
    return Idempotency.of(key_of(key), "POST", path, content)


def may_be_once(text: str) -> bool:
    """Whether a form of this server may carry *text* as its ``once``."""
    return 0 < len(text) <= 64 and text.isascii() and text.isprintable()


def key_of(once: str) -> str:
    """The key under which the reply to a form that carries *once* is kept."""
    return f"form:{once}"


def reason_of(fields: Mapping[str, str]) -> dict[str, str]:
    """The member that says why, where the form's *fields* do."""
    reason = " ".join(fields.get("reason", "").split())
    return {REASON: reason} if reason else {}


def names_in(text: str) -> list[str]:
    """The names in a list as people type it."""
    return [name for name in re.split(r"[\s,;，、；]+", text) if name]


def typed(value: Any) -> str:
    """The value of an order's member as it is typed into a form."""
    if isinstance(value, Mapping):
        return ", ".join(f"{name}={number}" for name, number in value.items())
    return ", ".join(value) if isinstance(value, (list, tuple)) else str(value)


def number(fields: Mapping[str, str], name: str) -> int:
    """The number of days in a field. Raises InputInvalidError."""
    return terms.days_of(fields.get(name, ""), name, 1 if name == "days" else 0)

"""What comes in and goes out: bodies, parameters, keys, ETags, pages and replies."""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

from fastapi import Request
from sqlalchemy import Connection
from starlette.responses import Response

from license_core import strictjson
from license_server.actor import Actor
from license_server.api import responses
from license_server.db.errors import InputInvalidError
from license_server.db.idempotency import Idempotency
from license_server.db.reply_store import Reply
from license_server.http import cursors
from license_server.site import Site

S = TypeVar("S")
T = TypeVar("T")
MEDIA_TYPE = "application/json"
PAGE, LARGEST_PAGE = 50, 200
"""How many rows a page has: by default, and at most."""
_LONGEST_KEY = 200
_ETAG = re.compile(r'(?:W/)?"?([!#-~]{1,64})"?')
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def json_response(reply: object, etag: str | None = None, status: int = 200) -> Response:
    """A reply that reports."""
    headers = {} if etag is None else {"ETag": f'"{etag}"'}
    return Response(responses.to_json(reply), status, headers, media_type=MEDIA_TYPE)


def respond(reply: Reply) -> Response:
    """The reply of an act, as it was kept."""
    headers = {} if reply.location is None else {"Location": reply.location}
    return Response(reply.body, reply.status, headers, media_type=MEDIA_TYPE)


async def body_of(request: Request) -> tuple[dict[str, Any], bytes]:
    """The members of the JSON object in a request's body, and its bytes.

    Raises InputInvalidError.
    """
    kind = request.headers.get("content-type", MEDIA_TYPE).partition(";")[0].strip().lower()
    if kind != MEDIA_TYPE:
        raise InputInvalidError(field="Content-Type", reason=f"'{kind}' is not {MEDIA_TYPE}")
    body = await request.body()
    try:
        members = _whole(strictjson.loads(body))
    except ValueError as error:
        raise InputInvalidError(field="body", reason=str(error)) from error
    if not isinstance(members, dict):
        raise InputInvalidError(field="body", reason="it is not a JSON object")
    return members, body


def _whole(value: Any) -> Any:
    """*value* with 30.0 as 30: JSON has one kind of number (RFC 8259 section 6)."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, list):
        return [_whole(item) for item in value]
    if isinstance(value, dict):
        return {name: _whole(item) for name, item in value.items()}
    return value


def idempotency(request: Request, body: bytes) -> Idempotency | None:
    """The key of a request. Raises InputInvalidError."""
    key = request.headers.get("idempotency-key")
    if key is None:
        return None
    if not 1 <= len(key) <= _LONGEST_KEY or not (key.isascii() and key.isprintable()):
        reason = f"it must have 1 to {_LONGEST_KEY} printable ASCII characters"
        raise InputInvalidError(field="Idempotency-Key", reason=reason)
    query = f"?{request.url.query}" if request.url.query else ""
    return Idempotency.of(key, request.method, request.url.path + query, body)


async def once(
    request: Request,
    site: Site,
    actor: Actor,
    work: Callable[[Connection, dict[str, Any], int], Reply],
) -> Response:
    """What *work* replies to the members of a body now; once for each key.

    Raises InputInvalidError, and what *work* raises.
    """
    members, body = await body_of(request)
    key, now = idempotency(request, body), site.clock()
    reply = await site.once(actor, key, now, lambda connection: work(connection, members, now))
    return respond(reply)


def refuse_key(request: Request) -> None:
    """Raise InputInvalidError where a reply with a secret would have to be kept."""
    if "idempotency-key" in request.headers:
        reason = (
            "a secret is shown only once and not stored, so this request cannot be "
            "repeated safely with a key; its name is unique anyway"
        )
        raise InputInvalidError(field="Idempotency-Key", reason=reason)


def known(members: Mapping[str, Any], allowed: Sequence[str]) -> dict[str, Any]:
    """*members* without those that are null, which say nothing.

    Raises InputInvalidError for a member that there is not.
    """
    unknown = next((name for name in members if name not in allowed), None)
    if unknown is not None:
        reason = f"there is no such field; the fields are {', '.join(allowed)}"
        raise InputInvalidError(field=unknown[:64], reason=reason)
    return {name: value for name, value in members.items() if value is not None}


def expected(request: Request) -> str | None:
    """The ETag that the caller saw (RFC 9110 section 13.1.1). Raises InputInvalidError."""
    given = request.headers.get("if-match")
    if given is None or given == "*":
        return None
    found = _ETAG.fullmatch(given)
    if found is None:
        raise InputInvalidError(field="If-Match", reason="it is not an ETag from this server")
    return found[1]


def query(request: Request) -> dict[str, str]:
    """The parameters of the query, which ``auth.Needs`` has checked."""
    checked: dict[str, str] = request.state.query
    return checked


def check_query(request: Request, allowed: Collection[str]) -> dict[str, str]:
    """The parameters of the query, each known and given once. Raises InputInvalidError."""
    given: dict[str, str] = {}
    for name, value in request.query_params.multi_items():
        if name not in allowed:
            told = (
                f"the parameters are {', '.join(allowed)}" if allowed else "none are allowed here"
            )
            raise InputInvalidError(field=name[:64], reason=f"there is no such parameter; {told}")
        if name in given:
            raise InputInvalidError(field=name, reason="it is given twice")
        if not value.isprintable():
            raise InputInvalidError(field=name, reason="it has control characters")
        given[name] = value
    return given


def is_dry(request: Request) -> bool:
    """Whether the caller only wants to know. Raises InputInvalidError."""
    return truth(query(request), "dry_run")


def truth(given: Mapping[str, str], name: str) -> bool:
    """Whether the parameter *name* is ``true``. Raises InputInvalidError."""
    text = given.get(name, "false")
    if text not in ("true", "false"):
        raise InputInvalidError(field=name, reason=f"'{text}' is neither true nor false")
    return text == "true"


def limit(given: Mapping[str, str]) -> int:
    """How many rows a page is to have. Raises InputInvalidError."""
    text = given.get("limit", str(PAGE))
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 6 else 0
    if not 1 <= number <= LARGEST_PAGE:
        reason = f"'{text}' is not a number from 1 to {LARGEST_PAGE}"
        raise InputInvalidError(field="limit", reason=reason)
    return number


def before(given: Mapping[str, str]) -> int | None:
    """The id under which a page begins. Raises InputInvalidError."""
    return cursors.read(given["cursor"]) if "cursor" in given else None


def state(given: Mapping[str, str], allowed: Sequence[str]) -> str | None:
    """The state of which rows are listed; None: of each. Raises InputInvalidError."""
    return one_of(given, "state", allowed)


def one_of(given: Mapping[str, str], name: str, allowed: Sequence[str]) -> str | None:
    """What a parameter names of *allowed*; None: it is not given. Raises InputInvalidError."""
    named = given.get(name)
    if named is not None and named not in allowed:
        reason = f"'{named[:64]}' is not one of {', '.join(allowed)}"
        raise InputInvalidError(field=name, reason=reason)
    return named


def day(given: Mapping[str, str], name: str) -> int | None:
    """The first instant, in UTC, of the day that a parameter names. Raises InputInvalidError."""
    if name not in given:
        return None
    try:
        if not _DATE.fullmatch(given[name]):
            raise ValueError("another form")
        return int(datetime.fromisoformat(given[name]).replace(tzinfo=UTC).timestamp())
    except ValueError as error:
        reason = f"'{given[name]}' is not a date such as 2027-12-31"
        raise InputInvalidError(field=name, reason=reason) from error


def page(
    kind: Callable[[list[S], str | None], object],
    rows: Sequence[T],
    limit_: int,
    id_of: Callable[[T], int],
    shape: Callable[[T], S],
) -> Response:
    """A page of a list: *rows* has one row more than *limit_* where another page follows."""
    shown = rows[:limit_]
    below = id_of(shown[-1]) if len(rows) > limit_ else None
    return page_until(kind, shown, below, shape)


def page_until(
    kind: Callable[[list[S], str | None], object],
    rows: Sequence[T],
    below: int | None,
    shape: Callable[[T], S],
) -> Response:
    """A page of a list that goes on under the id *below*; None: that was all."""
    cursor = None if below is None else cursors.write(below)
    return json_response(kind([shape(row) for row in rows], cursor))

"""Cursors: opaque marks of where a page of a list ends."""

from license_core import b64url
from license_server.db.errors import InputInvalidError

_MOST = 2**63 - 1


def write(id_: int) -> str:
    """The cursor after the row *id_*."""
    return b64url.encode(id_.to_bytes(8, "big"))


def read(cursor: str) -> int:
    """The id that a cursor stands for. Raises InputInvalidError."""
    try:
        data = b64url.decode(cursor)
    except ValueError:
        data = b""
    id_ = int.from_bytes(data, "big")
    if len(data) != 8 or id_ > _MOST:
        reason = "it is not a next_cursor from this server"
        raise InputInvalidError(field="cursor", reason=reason)
    return id_

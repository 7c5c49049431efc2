"""Files as answers, with an ETag, and in parts (RFC 9110 sections 13 and 14).

A download that broke off goes on where it ended: ``Range: bytes=512-`` with the ETag of the former
answer as ``If-Range``. Several ranges at once are answered with the whole file, as a server may.
"""

import hashlib
import re

from starlette.requests import Request
from starlette.responses import Response

from license_core import b64url

_RANGE = re.compile(r"bytes=(?:([0-9]{1,18})-([0-9]{0,18})|-([0-9]{1,18}))")


def answer(request: Request, content: bytes, media_type: str, filename: str) -> Response:
    """What *request* asks for of *content*: all (200), a part (206), or nothing (304, 416)."""
    etag = f'"{b64url.encode(hashlib.sha256(content).digest())}"'
    headers = {
        "ETag": etag,
        "Accept-Ranges": "bytes",
        "Content-Disposition": f'attachment; filename="{filename}"',
    }
    if etag in _etags(request.headers.get("if-none-match", "")):
        return Response(status_code=304, headers=headers)
    wanted = _RANGE.fullmatch(request.headers.get("range", "").strip().lower())
    same = request.headers.get("if-range", etag).strip() == etag
    if wanted is None or not same:
        return Response(content, media_type=media_type, headers=headers)
    first, last = _bounds(wanted, len(content))
    if first >= len(content) or last < first:
        return Response(
            status_code=416, headers=headers | {"Content-Range": f"bytes */{len(content)}"}
        )
    headers["Content-Range"] = f"bytes {first}-{last}/{len(content)}"
    return Response(content[first : last + 1], 206, headers, media_type=media_type)


def _bounds(wanted: re.Match[str], size: int) -> tuple[int, int]:
    """The first and the last byte of a range."""
    if wanted[3] is not None:
        count = min(int(wanted[3]), size)
        return (size - count if count else size), size - 1
    first = int(wanted[1])
    last = int(wanted[2]) if wanted[2] else size - 1
    return first, min(last, size - 1) if last >= first else -1


def _etags(header: str) -> list[str]:
    """The tags in an ``If-None-Match``, compared weakly."""
    return [one.strip().removeprefix("W/") for one in header.split(",")]

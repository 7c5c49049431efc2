"""The parts of a mail (RFC 2046), in their order, with those of the mails within it.

A walk of our own: that of the library takes a time that grows with depth times size, and ends in
errors of its own on headers that nobody wrote by hand. Nothing here is decoded yet.
"""

from collections.abc import Iterator
from typing import NamedTuple

from license_server.mail import transfers
from license_server.mail.fields import Fields
from license_server.mail.limits import LARGEST, Budget

_MAILS = ("message/rfc822", "message/global", "message/news")
_MOST_MARKS = 20_000
"""So often is it looked whether a boundary is one; what follows is of the last part."""


class Part(NamedTuple):
    """A part that has no parts of its own."""

    fields: Fields
    kind: str
    """As ``text/plain``."""
    data: bytes
    """As it was sent."""
    filename: str = ""
    """The name it was given, without folders; empty where it has none."""
    depth: int = 0
    """In how many parts and mails it is."""
    is_forward: bool = False
    """Whether it is of a mail within the mail."""

    def decoded(self, most: int) -> bytes:
        """At most *most* bytes of it, without its transfer encoding."""
        encoding = self.fields.value("content-transfer-encoding")
        return transfers.decode(self.data, encoding, most)


def split(mail: bytes) -> tuple[Fields, bytes]:
    """The header of a mail, or part, and what follows it."""
    if mail[:1] == b"\n" or mail[:2] == b"\r\n":
        return Fields([]), mail.lstrip(b"\r\n")
    ends = [at for at in (mail.find(b"\n\n"), mail.find(b"\n\r\n")) if at >= 0]
    end = min(ends, default=len(mail))
    return Fields.read(mail[: end + 1]), mail[end + 1 :].lstrip(b"\r\n")


def walk(
    fields: Fields, body: bytes, budget: Budget, depth: int = 0, is_forward: bool = False
) -> Iterator[Part]:
    """The parts of what has these *fields*, as far as the *budget* goes."""
    kind = fields.value("content-type") or "text/plain"
    inner = depth + 1
    if kind.startswith("multipart/") and budget.within(inner):
        boundary = fields.parameters("content-type").get("boundary", "")
        for piece in _parts(body, boundary.encode("utf-8", "replace")):
            if not budget.take_part():
                return
            yield from walk(*split(piece), budget, inner, is_forward)
        return
    if kind.startswith("multipart/"):
        return
    part = Part(fields, kind, body, _name(fields), depth, is_forward)
    if is_mail(part):
        if budget.within(inner) and budget.take_part():
            yield from walk(*split(part.decoded(LARGEST)), budget, inner, is_forward=True)
        return
    yield part


def is_mail(part: Part) -> bool:
    """Whether a part is a mail within the mail."""
    is_named = part.filename.lower().endswith(".eml") and part.kind != "text/plain"
    return part.kind in _MAILS or is_named


def _name(fields: Fields) -> str:
    given = fields.parameters("content-disposition").get("filename", "")
    given = given or fields.parameters("content-type").get("name", "")
    return given.replace("\\", "/").rpartition("/")[2][:255]


def _parts(body: bytes, boundary: bytes) -> Iterator[bytes]:
    """What stands between the lines of a boundary; the whole where there are none."""
    begun, ended = None, False
    for start, end, is_last in _lines(body, boundary) if boundary else ():
        if begun is not None:
            yield body[begun:start]
        begun, ended = end, is_last
        if is_last:
            break
    if begun is None:
        yield b"\n" + body  # what is before the first boundary is for programs without MIME
    elif not ended:
        yield body[begun:]


def _lines(body: bytes, boundary: bytes) -> Iterator[tuple[int, int, bool]]:
    """Where each line of a boundary begins and ends, and whether it is the last of all."""
    mark, at = b"--" + boundary, -1
    for _ in range(_MOST_MARKS):
        at = body.find(mark, at + 1)
        if at < 0:
            return
        if at and body[at - 1 : at] != b"\n":
            continue
        end = body.find(b"\n", at)
        end = len(body) if end < 0 else end + 1
        rest = body[at + len(mark) : min(end, at + len(mark) + 100)].strip()
        if rest in (b"", b"--"):
            yield at, end, rest == b"--"
            at = end - 1

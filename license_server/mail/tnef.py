"""``winmail.dat`` (MS-OXTNEF): how Exchange sends a mail to programs that cannot read it.

A small reader of our own, of the body and the attachments alone: the libraries for it are no
longer kept, and know no bounds.
"""

import struct
from collections.abc import Iterator
from typing import NamedTuple

from license_server.mail import charsets, rtf
from license_server.mail.limits import PART

SIGNATURE = b"\x78\x9f\x3e\x22"
KINDS = ("application/ms-tnef", "application/vnd.ms-tnef")
FILE = "winmail.dat"
_BODY, _CODE_PAGE, _PROPERTIES = 0x800C, 0x9007, 0x9003
_BEGIN_OF_FILE, _TITLE, _DATA, _OF_FILE = 0x9002, 0x8010, 0x800F, 0x9005
_TEXT, _HTML, _RTF, _LONG_NAME = 0x1000, 0x1013, 0x1009, 0x3707
_OBJECT = 0x3701
_GUID = 16
"""The bytes before a mail that is attached as an object: what sort of object it is."""
_SIZES = {
    0x2: 4,
    0x3: 4,
    0x4: 4,
    0x5: 8,
    0x6: 8,
    0x7: 8,
    0xA: 4,
    0xB: 4,
    0x14: 8,
    0x40: 8,
    0x48: 16,
}
_OF_ANY_SIZE = (0x1E, 0x1F, 0x102, 0xD)
_UNICODE, _SEVERAL = 0x1F, 0x1000
_MOST_ATTRIBUTES = 2000
_MOST_PROPERTIES = 2000
_MOST_FILES = 100


class Enclosed(NamedTuple):
    """What a ``winmail.dat`` has within."""

    text: str
    html: str
    files: tuple[tuple[str, bytes], ...]
    """Name and content of each attachment."""
    is_whole: bool
    """Whether that is all; else it is damaged, or longer than is read."""


class _DamagedError(Exception):
    """It ends, or goes on, otherwise than it says."""


def read(data: bytes) -> Enclosed | None:
    """What is within; None where it is none, and what there is up to a damage."""
    if not data.startswith(SIGNATURE):
        return None
    text = html = ""
    page = "windows-1252"
    files: list[tuple[str, bytes]] = []
    is_whole = True
    try:
        for name, value in _attributes(data):
            if name == _CODE_PAGE and len(value) >= 4:
                page = _page(int.from_bytes(value[:4], "little"))
            elif name == _BODY:
                text = charsets.decode(value.rstrip(b"\0"), page).text
            elif name == _PROPERTIES:
                found = dict(_properties(value))
                text = _text(found, _TEXT, page) or text
                html = _text(found, _HTML, page) or html
                rich = rtf.unpacked(found.get(_RTF, (0, b""))[1], PART)
                is_whole = is_whole and len(rich) < PART
                text = text or rtf.shown(rich)
            elif name == _BEGIN_OF_FILE and len(files) < _MOST_FILES:
                files.append(("", b""))
            elif name in (_TITLE, _DATA, _OF_FILE) and files:
                files[-1] = _with(files[-1], name, value, page)
    except _DamagedError:
        is_whole = False  # what came before the damage was read, and is what there is
    is_whole = is_whole and max(len(text), len(html)) <= PART
    return Enclosed(text[:PART], html[:PART], tuple(files), is_whole)


def _with(file: tuple[str, bytes], name: int, value: bytes, page: str) -> tuple[str, bytes]:
    called, content = file
    if name == _TITLE:
        return called or charsets.decode(value.rstrip(b"\0"), page).text, content
    if name == _DATA:
        return called, value
    found = dict(_properties(value))
    inner = found.get(_OBJECT, (0, b""))[1][_GUID:]
    is_mail = not content and inner.startswith(SIGNATURE)
    return _text(found, _LONG_NAME, page) or called, inner if is_mail else content


def _page(number: int) -> str:
    return {936: "gb18030", 950: "big5", 65001: "utf-8"}.get(number, f"windows-{number}")


def _attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Name and value of each attribute."""
    at = 6
    for _ in range(_MOST_ATTRIBUTES):
        if at + 9 > len(data):
            return
        name, _kind, length = struct.unpack_from("<HHI", data, at + 1)
        at += 9
        if at + length > len(data):
            raise _DamagedError
        yield name, data[at : at + length]
        at += length + 2  # a checksum


def _text(found: dict[int, tuple[int, bytes]], name: int, page: str) -> str:
    kind, value = found.get(name, (0, b""))
    if kind == _UNICODE:
        return value.decode("utf-16-le", "replace").rstrip("\0")
    return charsets.decode(value.rstrip(b"\0"), page).text


def _properties(data: bytes) -> Iterator[tuple[int, tuple[int, bytes]]]:
    """Name, kind and first value of each property that has a value of any size."""
    count, at = _number(data, 0), 4
    for _ in range(min(count, _MOST_PROPERTIES)):
        kind, name = struct.unpack("<HH", _piece(data, at, 4))
        at += 4
        if name >= 0x8000:
            at = _after_name(data, at)
        base = kind & ~_SEVERAL
        values = 1
        if kind & _SEVERAL or base in _OF_ANY_SIZE:
            values, at = _number(data, at), at + 4
        if base in _SIZES:
            at += _SIZES[base] * values
        elif base in _OF_ANY_SIZE:
            for n in range(min(values, _MOST_PROPERTIES)):
                length = _number(data, at)
                if n == 0:
                    yield name, (base, _piece(data, at + 4, length))
                at += 4 + length + -length % 4
        else:
            raise _DamagedError


def _after_name(data: bytes, at: int) -> int:
    """Where the name of a named property ends."""
    if _number(data, at + 16) == 0:
        return at + 24
    length = _number(data, at + 20)
    return at + 24 + length + -length % 4


def _number(data: bytes, at: int) -> int:
    return int.from_bytes(_piece(data, at, 4), "little")


def _piece(data: bytes, at: int, size: int) -> bytes:
    if at + size > len(data):
        raise _DamagedError
    return data[at : at + size]

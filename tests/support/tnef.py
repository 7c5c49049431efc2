"""Writes ``winmail.dat``, as Exchange does: the body packed as Rich Text, or plainly."""

import struct
import zlib
from collections.abc import Sequence

from license_server.mail.rtf import _DICTIONARY

_SIGNATURE = struct.pack("<IH", 0x223E9F78, 1)


def _attribute(level: int, name: int, kind: int, value: bytes) -> bytes:
    checksum = sum(value) & 0xFFFF
    return struct.pack("<BHHI", level, name, kind, len(value)) + value + struct.pack("<H", checksum)


def _property(kind: int, name: int, value: bytes) -> bytes:
    return struct.pack("<HHII", kind, name, 1, len(value)) + value + b"\0" * (-len(value) % 4)


def rich_text(text: str) -> bytes:
    """*text* in Rich Text of a Chinese Outlook: each character beyond ASCII by its number."""
    shown = []
    for one in text:
        if one in "\\{}":
            shown.append("\\" + one)
        elif one == "\n":
            shown.append("\\par\r\n")
        elif one.isascii():
            shown.append(one)
        else:
            code = ord(one)
            shown.append(f"\\u{code - 0x10000 if code > 0x7FFF else code} ?")
    return (
        "{\\rtf1\\ansi\\ansicpg936\\fromtext \\deff0{\\fonttbl\n{\\f0\\fswiss Arial;}{\\f1\\fmodern"
        " \\'cb\\'ce\\'cc\\'e5;}}{\\colortbl;\\red0\\green0\\blue255;}\n\\uc1\\pard\\plain"
        "\\deftab360 \\f0\\fs20 " + "".join(shown) + "}"
    ).encode("ascii")


def packed(data: bytes) -> bytes:
    """*data* packed by LZFu, with references to what came before."""
    window = bytearray(_DICTIONARY)
    items: list[bytes | tuple[int, int]] = []
    at = 0
    while at < len(data):
        best, length = -1, 0
        for size in range(min(17, len(data) - at), 2, -1):
            best = window.rfind(data[at : at + size], max(0, len(window) - 4000))
            if best >= 0:
                length = size
                break
        if best >= 0:
            items.append((best % 4096, length))
        else:
            length = 1
            items.append(data[at : at + 1])
        window += data[at : at + length]
        at += length
    items.append((len(window) % 4096, 2))
    out = bytearray()
    for start in range(0, len(items), 8):
        some, control, body = items[start : start + 8], 0, bytearray()
        for bit, one in enumerate(some):
            if isinstance(one, bytes):
                body += one
            else:
                control |= 1 << bit
                body += struct.pack(">H", one[0] << 4 | (one[1] - 2))
        out += bytes([control]) + body
    head = struct.pack("<II4sI", len(out) + 12, len(data), b"LZFu", zlib.crc32(bytes(out)))
    return head + bytes(out)


def write(text: str, *, as_rtf: bool, files: Sequence[tuple[str, bytes]] = ()) -> bytes:
    """A ``winmail.dat`` with a body and attachments."""
    properties = [
        struct.pack("<HHi", 0x3, 0x3FDE, 936),
        # A named property, which has its name between its number and its value.
        struct.pack("<HH", 0x3, 0x8001) + bytes(16) + struct.pack("<III", 0, 1, 7),
    ]
    if as_rtf:
        properties.append(_property(0x102, 0x1009, packed(rich_text(text))))
    else:
        properties.append(_property(0x1F, 0x1000, (text + "\0").encode("utf-16-le")))
    props = struct.pack("<I", len(properties)) + b"".join(properties)
    data = _SIGNATURE + _attribute(1, 0x9007, 0x6, struct.pack("<II", 936, 0))
    data += _attribute(1, 0x8008, 0x7, b"IPM.Microsoft Mail.Note\0")
    data += _attribute(1, 0x9003, 0x6, props)
    for name, content in files:
        long = _property(0x1F, 0x3707, (name + "\0").encode("utf-16-le"))
        data += _attribute(2, 0x9002, 0x6, bytes(14))
        data += _attribute(2, 0x8010, 0x1, b"ATT0001.TXT\0")
        data += _attribute(2, 0x800F, 0x6, content)
        data += _attribute(2, 0x9005, 0x6, struct.pack("<I", 1) + long)
    return data

"""Rich Text, as Outlook keeps the body of a mail: unpacked (MS-OXRTFCP), and as a text."""

import re

from license_server.mail import charsets

_DICTIONARY = (
    b"{\\rtf1\\ansi\\mac\\deff0\\deftab720{\\fonttbl;}{\\f0\\fnil \\froman \\fswiss \\fmodern "
    b"\\fscript \\fdecor MS Sans SerifSymbolArialTimes New RomanCourier{\\colortbl\\red0\\green0"
    b"\\blue0\r\n\\par \\pard\\plain\\f0\\fs20\\b\\i\\u\\tab\\tx"
)
_WINDOW = 4096
_HEADER = 16
_PACKED, _PLAIN = b"LZFu", b"MELA"
_TOKEN = re.compile(
    rb"\\([a-zA-Z]{1,32})(-?[0-9]{1,9})? ?|\\'([0-9a-fA-F]{2})|\\(.)|([{}])|([\r\n]+)"
    rb"|([^\\{}\r\n]+)",
    re.DOTALL,
)
_UNSEEN = {
    *(b"fonttbl", b"colortbl", b"stylesheet", b"info", b"pict", b"object", b"themedata"),
    *(b"header", b"footer", b"listtable", b"listoverridetable", b"rsidtbl", b"generator"),
}
_BREAKS = {b"par": "\n", b"line": "\n", b"row": "\n", b"sect": "\n", b"page": "\n"}
_SIGNS = {
    b"tab": "\t",
    b"cell": "\t",
    b"bullet": "\u2022",
    b"emdash": "\u2014",
    b"endash": "\u2013",
    b"lquote": "\u2018",
    b"rquote": "\u2019",
    b"ldblquote": "\u201c",
    b"rdblquote": "\u201d",
}
_ESCAPES = {b"\\": "\\", b"{": "{", b"}": "}", b"~": "\u00a0", b"_": "-", b"\n": "\n", b"\r": "\n"}
_PAGES = {b"936": "gb18030", b"950": "big5", b"65001": "utf-8", b"932": "shift_jis"}
_DEEPEST = 500


def unpacked(data: bytes, most: int) -> bytes:
    """At most *most* bytes of what was packed; empty where it is in no known form."""
    kind, packed = data[8:12], data[_HEADER:]
    if kind == _PLAIN:
        return packed[:most]
    if kind != _PACKED:
        return b""
    most = min(most, int.from_bytes(data[4:8], "little"))
    window = bytearray(_DICTIONARY.ljust(_WINDOW, b" "))
    write, at, found = len(_DICTIONARY), 0, bytearray()
    while at < len(packed) and len(found) < most:
        control, at = packed[at], at + 1
        for bit in range(8):
            if at >= len(packed):
                break
            if not control >> bit & 1:
                piece, at = packed[at : at + 1], at + 1
            elif at + 1 < len(packed):
                offset, length = packed[at] << 4 | packed[at + 1] >> 4, (packed[at + 1] & 15) + 2
                at += 2
                if offset == write:
                    return bytes(found[:most])
                piece = _repeated(window, offset, length, write)
            else:
                break
            for byte in piece:
                window[write] = byte
                write = (write + 1) % _WINDOW
            found += piece
    return bytes(found[:most])


def _repeated(window: bytearray, offset: int, length: int, write: int) -> bytes:
    """What stands in the window at *offset*: as it grows, where it goes on past what is written."""
    piece = bytearray()
    for n in range(length):
        at = (offset + n) % _WINDOW
        behind = (at - write) % _WINDOW
        piece.append(piece[behind] if behind < len(piece) else window[at])
    return bytes(piece)


class _Reader:
    """What is shown of a text in Rich Text, as it is read."""

    def __init__(self) -> None:
        self.pieces: list[str] = []
        self._bytes = bytearray()
        self._page = "windows-1252"
        self._is_unseen, self._after_u = False, 1
        self._stack: list[tuple[bool, int]] = []
        self._too_deep = 0
        self._skip = 0

    def say(self, text: str) -> None:
        self.flush()
        if not self._is_unseen:
            self.pieces.append(text)

    def flush(self) -> None:
        if self._bytes:
            self.pieces.append(charsets.decode(bytes(self._bytes), self._page).text)
            self._bytes.clear()

    def octets(self, data: bytes, *, is_one: bool) -> None:
        """Bytes in the code page; the substitute of a character by number is passed over."""
        if self._skip and not self._is_unseen:
            passed = 1 if is_one else min(self._skip, len(data))
            self._skip -= passed
            data = data[passed:]
        if not self._is_unseen:
            self._bytes += data

    def brace(self, sign: bytes) -> None:
        self._skip = 0
        if sign == b"{":
            if len(self._stack) < _DEEPEST:
                self._stack.append((self._is_unseen, self._after_u))
            else:
                self._too_deep += 1
        elif self._too_deep:
            self._too_deep -= 1
        elif self._stack:
            self._is_unseen, self._after_u = self._stack.pop()

    def word(self, name: bytes, number: bytes) -> None:
        if name in _UNSEEN:
            self._is_unseen = True
        elif name in _BREAKS or name in _SIGNS:
            self.say(_BREAKS.get(name) or _SIGNS[name])
        elif name == b"ansicpg":
            self._page = _PAGES.get(number, f"windows-{number.decode('ascii')}")
        elif name == b"uc" and number:
            self._after_u = min(abs(int(number)), 8)
        elif name == b"u" and number:
            code = int(number) % 0x10000
            self.say(chr(code) if not 0xD800 <= code < 0xE000 else "\ufffd")
            self._skip = self._after_u

    def sign(self, sign: bytes) -> None:
        if sign == b"*":
            self.flush()
            self._is_unseen = True
        elif sign in _ESCAPES:
            self.say(_ESCAPES[sign])


def shown(data: bytes) -> str:
    """The text that *data*, in Rich Text, shows."""
    if not data.lstrip().startswith(b"{\\rtf"):
        return ""
    reader = _Reader()
    for token in _TOKEN.finditer(data):
        name, number, octet, sign, brace, _, text = token.groups()
        if name is not None:
            reader.word(name, number or b"")
        elif octet is not None:
            reader.octets(bytes.fromhex(octet.decode("ascii")), is_one=True)
        elif text is not None:
            reader.octets(text, is_one=False)
        elif brace is not None:
            reader.flush()
            reader.brace(brace)
        elif sign is not None:
            reader.sign(sign)
    reader.flush()
    return "".join(reader.pieces)

"""What programs wrap a file in, and what was in it: mail, HTML, JSON, base64, sheets, escapes.

Each way has a definite sign, and yields texts that may be the file, or be wrapped once more;
``parcel`` decides. A way that finds nothing yields the text as it is, or none. Nothing is looked at
twice, however long a text is.
"""

from __future__ import annotations

import re

from license_core import armor, b64url, mending, strictjson, tokens
from license_core.possessive import compiled
from license_core.reason import Reason
from license_core.record import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

_LEAST = 100
"""No file with a token has fewer characters."""
_LEAST_LINES = 3
_MOST_COLUMNS = 100
_MOST_PARTS = 1000

# Zeros are half of UTF-16; tabs, breaks, backspaces, escapes and the end of a file of DOS are text.
_CONTROLS = bytes({*range(1, 8), *range(14, 26), *range(28, 32), 127})
_WINDOWS = "cp1252"
_PAGES = (_WINDOWS, "gb18030", "big5", "shift_jis", "mac_roman")
_HEADERS = r"(?:>?From |[A-Za-z][A-Za-z0-9-]*:)[^\n]*\n"
_TAG = (
    r"<(/?(?:a|abbr|b|blockquote|body|br|center|code|dd|div|dl|dt|em|font|h[1-6]|head|hr|html|i"
    r"|img|kbd|li|mark|meta|ol|o:p|p|pre|s|samp|script|small|span|strong|style|sub|sup|table|tbody"
    r"|td|th|thead|title|tr|tt|u|ul|var|wbr|!doctype|!--|!\[cdata\[|\?xml))(?![A-Za-z0-9])[^<>]*>"
)
_INLINE = (
    r"(?i)/?(?:a|abbr|b|code|em|font|i|img|kbd|mark|o:p|s|samp|small|span|strong|su[bp]|tt|u|var"
    r"|wbr)"
)
_LINK = r"<(?:https?://|mailto:)[^<>\s]{1,2000}>"
# With its semicolon: the end of one that was torn apart would be taken for a character.
_ENTITY = r"&(?:#[0-9]{1,7}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z]{2,12});"
# At least one backslash: what is a value in a value has several.
_ESCAPED = (
    r"(?<!\\)\\++(?:(?P<hex>u[0-9A-Fa-f]{4}|x[0-9A-Fa-f]{2}|u\{[0-9A-Fa-f]{1,6}\})"
    r"|(?P<octal>[0-7]{3})|(?P<letter>[rnt])|(?P<sign>[^\sA-Za-z0-9\\]))"
)
# A field of a mail that has parameters, with its folded lines.
_FIELD = r"(?im)^content-[a-z-]+:[^\n]*(?:\n[ \t][^\n]*)*"
_LONGEST_FIELD = 4096
_TRANSFER, _TRANSFERS = "content-transfer-encoding", ("base64", "quoted-printable")
_FOLD = r"(?<!\\)\\++\r?\n[ \t]*+(?:\\++(?= ))?"
_BACKTICKED = r"`[rn]"
_EXCEL_BREAK = r"(?m)_x000[AD]_[^\S\n]*$"
_BASE64 = rf"[A-Za-z0-9+/_-]{{{_LEAST},}}={{0,2}}"
_BASE64_LINES = r"(?m)^(?:[A-Za-z0-9+/]{40,}[^\S\n]*\n)+[A-Za-z0-9+/]+={0,2}"
_LONG_RUN = r"[A-Za-z0-9+/]{57}"
_FOLDED = r"(?<![ \t])[ \t]*+\r?\n[ \t]+"
_PERCENT = r"(?:%[0-9A-Fa-f]{2})+"
_QUOTED = r"(?:=[0-9A-F]{2})+"
# UTF-8 that was read as Latin-1, or as a code page of Windows: each of its bytes as a character.
_BYTE_OF = {
    ord(bytes([byte]).decode("cp1252")): byte
    for byte in range(0x80, 0xA0)
    if byte not in {0x81, 0x8D, 0x8F, 0x90, 0x9D}
}
_TAIL = "".join(map(chr, _BYTE_OF))
_MOJIBAKE = rf"(?:[\u00c2-\u00f4][\u0080-\u00bf{_TAIL}]{{1,3}})+"
_MARKS = rf"(?m)^[^\S\n]*+[{mending.MARK}](?:[{mending.MARK}]|[^\S\n])*+"


def decoded(data: bytes) -> Iterator[str]:
    """The texts that *data* may be: UTF-8, else whatever it shows signs of."""
    data = data.rstrip(b"\0")
    if data.startswith((b"\xff\xfe\0\0", b"\0\0\xfe\xff")):
        yield data.decode("utf-32", "replace")
    elif data.startswith((b"\xff\xfe", b"\xfe\xff")):
        yield data.decode("utf-16", "replace")
    elif data.count(0) > len(data) // 8:
        even, odd = data[::2].count(0), data[1::2].count(0)
        yield data.decode("utf-16-be" if even > odd else "utf-16-le", "replace")
        yield from _in_pages(data)
    else:
        yield from _in_pages(data)


def may_hold(text: str) -> bool:
    """Whether *text* shows a token, or something that may be one in base64: not a mere payload."""
    return (
        tokens.begins(text)
        or re.search(_LONG_RUN, text) is not None
        or (not text.isascii() and tokens.begins(mending.plain(text)))
    )


def _in_pages(data: bytes) -> Iterator[str]:
    """UTF-8; else all code pages that *data* may be in: letters of one are signs of another."""
    try:
        yield data.decode("utf-8-sig")
        return
    except UnicodeDecodeError:
        pass
    texts: dict[str, None] = {}
    for page in _PAGES:
        try:
            text = data.decode(page)
        except UnicodeDecodeError:
            continue
        # The others are guesses: words in them would be others.
        texts[text if page == _WINDOWS else mending.signs(text)] = None
    yield from texts


def _is_text(data: bytes) -> bool:
    """Whether *data* can be a text: not a picture, and no digests."""
    return len(data) - len(data.translate(None, _CONTROLS)) <= len(data) // 8


def _without_zeros(text: str) -> Iterator[str]:
    yield text.rstrip("\0")


def _without_invisible(text: str) -> Iterator[str]:
    yield mending.clean(text)


def _in_plain_characters(text: str) -> Iterator[str]:
    yield mending.plain(text)


def parts_of_mail(data: bytes) -> Iterator[str]:
    """Each part of the mail in *data*, decoded; none where no part says how it is encoded."""
    if armor.is_mail(data):
        for text in decoded(data):
            yield from _from_mail(text)


def _from_mail(text: str) -> Iterator[str]:
    """Each part of a mail (RFC 5322, RFC 2045), as it was before it was sent."""
    text = text.lstrip()
    if not re.match(_HEADERS, text) or text.count("\n--") > _MOST_PARTS:
        return
    # The library reads the parameters of a field in a time that grows with the square.
    if any(len(field[0]) > _LONGEST_FIELD for field in re.finditer(_FIELD, text)):
        return
    from email import message_from_bytes

    try:
        parts = list(message_from_bytes(text.encode("utf-8", "replace")).walk())
    except RecursionError:
        return
    for part in parts:
        if str(part.get(_TRANSFER, "")).lower() not in _TRANSFERS:
            # What else the library undoes nobody sends, and old Pythons raise errors of their own.
            del part[_TRANSFER]
        body = None if part.is_multipart() else part.get_payload(decode=True)
        if isinstance(body, bytes) and _is_text(body):
            yield from decoded(body)


def _from_markup(text: str) -> Iterator[str]:
    """What a page shows, a line where one may begin or end."""
    if not re.search(_TAG, text, re.IGNORECASE):
        return

    def shown(tag: re.Match[str]) -> str:
        return "" if re.fullmatch(_INLINE, tag[1]) else "\n"

    text = re.sub(_LINK, "", text)
    if any(tokens.begins(tag[0]) for tag in re.finditer(_TAG, text, re.IGNORECASE)):
        return  # a comment that holds a token: nothing is left behind
    yield _unescaped(re.sub(_TAG, shown, text, flags=re.IGNORECASE))


def _from_entities(text: str) -> Iterator[str]:
    """One level of the entities of HTML and XML, in a text without tags."""
    yield _unescaped(text)


def _unescaped(text: str) -> str:
    if not re.search(_ENTITY, text):
        return text
    from html import unescape

    return re.sub(_ENTITY, lambda entity: unescape(entity[0]), text)


def _from_json(text: str) -> Iterator[str]:
    """Each string of a value of JSON."""
    if text.lstrip()[:1] not in {"{", "[", '"'}:
        return
    try:
        value = strictjson.loads(text.encode("utf-8", "replace"))
    except ValueError:
        return
    yield from (one for one in _strings(value) if len(one) >= _LEAST)


def _strings(value: Any) -> Iterator[str]:
    values = [value]
    while values:
        one = values.pop()
        if isinstance(one, str):
            yield one
        elif isinstance(one, (list, dict)):
            values += one if isinstance(one, list) else one.values()


def _from_escapes(text: str) -> Iterator[str]:
    r"""Escapes of a shell, JSON, Python, Markdown, PowerShell or Excel; YAML folds lines, too."""
    undone = compiled(_ESCAPED).sub(_escaped, compiled(_FOLD).sub("", text))
    yield re.sub(_EXCEL_BREAK, "", re.sub(_BACKTICKED, "\n", undone))


def _escaped(found: re.Match[str]) -> str:
    if found["hex"]:
        return _character(int(found["hex"][1:].strip("{}"), 16))
    if found["octal"]:
        return _character(int(found["octal"], 8))
    return found["sign"] or ("\t" if found["letter"] == "t" else "\n")


def _character(code: int) -> str:
    return chr(code) if code < 0xD800 or 0xDFFF < code < 0x110000 else "\ufffd"


def _from_base64(text: str) -> Iterator[str]:
    """As a whole, in lines of its own, or as a value in a text: a Secret of Kubernetes."""
    runs = ["".join(text.split())]
    runs += ["".join(lines.split()) for lines in re.findall(_BASE64_LINES, text)]
    runs += re.findall(_BASE64, text) + re.findall(_BASE64, compiled(_FOLDED).sub("", text))
    for run in dict.fromkeys(runs):
        if not re.fullmatch(_BASE64, run):
            continue
        body = run.rstrip("=").replace("-", "+").replace("_", "/")
        try:
            data = b64url.decode_standard(body + "=" * (-len(body) % 4))
        except ValueError:
            continue
        if _is_text(data):
            yield from decoded(data)


def _from_percents(text: str) -> Iterator[str]:
    """One level of URL encoding (RFC 3986); blanks that became ``+`` need no undoing."""
    yield re.sub(_PERCENT, lambda run: _in_hexadecimal(run[0].replace("%", "")), text)


def _from_quoted_printable(text: str) -> Iterator[str]:
    """One level of quoted-printable (RFC 2045 section 6.7)."""
    text = re.sub(armor.SOFT_BREAK, "", text)
    yield re.sub(_QUOTED, lambda run: _in_hexadecimal(run[0].replace("=", "")), text)


def _in_hexadecimal(digits: str) -> str:
    data = bytes.fromhex(digits)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")


def _from_mojibake(text: str) -> Iterator[str]:
    """UTF-8 that a program took for a code page of Windows."""

    def undone(run: re.Match[str]) -> str:
        try:
            return run[0].translate(_BYTE_OF).encode("latin-1").decode("utf-8")
        except UnicodeDecodeError:
            return run[0]

    yield re.sub(_MOJIBAKE, undone, text)


def _without_marks(text: str) -> Iterator[str]:
    """Without quote marks, bullets and marks of comments at the beginnings of lines."""
    undone, count = compiled(_MARKS).subn("", text)
    if count >= _LEAST_LINES:
        yield undone


def _without_prefixes(text: str) -> Iterator[str]:
    """Without what all lines begin with, but for its numbers: of a log, a chat, a listing."""
    lines = [line for line in text.split("\n") if line.strip()]
    if len(lines) < _LEAST_LINES:
        return
    shapes = [re.sub(r"\d+", "0", line[:_LEAST].lstrip()) for line in lines]
    first, last = min(shapes), max(shapes)
    size = next((n for n, one in enumerate(first) if last[n : n + 1] != one), len(first))
    common = re.match(r".*[^A-Za-z0-9+/=_.-]", first[:size])
    if common is not None:
        pattern = re.escape(common[0]).replace("0", r"\d++")
        yield compiled(rf"(?m)^[^\S\n]*+{pattern}").sub("", text)


def _from_cells(text: str) -> Iterator[str]:
    """A cell of a sheet, or a column with a line in each, that has all tokens of the sheet."""
    import csv
    import io

    text = re.sub(_EXCEL_BREAK, "", text)
    tokens_, begins = tokens.beginnings(text)
    for delimiter in ",;\t":
        if delimiter not in text:
            continue
        cells: list[str] = []
        columns: list[list[str]] = []
        try:
            for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter):
                cells += (cell for cell in row if len(cell) >= _LEAST)
                columns += ([] for _ in row[len(columns) : _MOST_COLUMNS])
                for column, cell in zip(columns, row):
                    column.append(cell)
        except csv.Error:
            continue
        cells += map("\n".join, columns)
        for cell in cells:
            if len(cell) >= _LEAST:
                found = tokens.beginnings(cell)
                if found[0] >= tokens_ and found[1] >= begins:
                    yield cell


class Way(NamedTuple):
    """How a file may be wrapped."""

    what: Reason
    undo: Callable[[str], Iterator[str]]
    takes_part: bool = False
    """Whether it finds a small file in a large one; a large one is not looked at otherwise."""


MAIL = Reason("it is a mail with its headers")
WAYS = (
    Way(Reason("zero bytes follow its last line"), _without_zeros, True),
    Way(mending.INVISIBLE, _without_invisible),
    Way(mending.TYPOGRAPHIC, _in_plain_characters),
    Way(MAIL, _from_mail, True),
    Way(Reason("it is an HTML page"), _from_markup, True),
    Way(Reason("it is a JSON value"), _from_json, True),
    Way(Reason(r"its line breaks became the two characters \n"), _from_escapes),
    Way(Reason("it is encoded as base64"), _from_base64, True),
    Way(Reason("it is encoded for HTML"), _from_entities),
    Way(Reason("it is encoded for a URL"), _from_percents),
    Way(Reason("it is encoded as quoted-printable"), _from_quoted_printable),
    Way(Reason("it was read in another encoding than it was written in"), _from_mojibake),
    Way(Reason("its lines are quoted"), _without_marks),
    Way(mending.FRAMED, _without_prefixes),
    Way(Reason("it is a cell or a column of a spreadsheet"), _from_cells, True),
)
"""Each is tried on what the others yield; what it undoes is named by the first."""

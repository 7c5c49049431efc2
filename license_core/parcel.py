"""A licence file in other people's hands: what programs make of it, and how that is undone.

Only ``install`` undoes it, before SPEC applies (section 6.5): what comes out is installed, and each
check sees the file as the vendor sent it. It is undone strictly: what comes out has whole blocks,
and there is one such file, or it is left alone.
"""

import binascii
import csv
import html
import io
import json
import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from license_core import armor
from license_core.reason import Reason

MAX_PARCEL = 1024 * 1024
"""The most bytes that are looked at."""

_LEAST = 100
"""No file with a block has fewer characters."""
_MOST_COLUMNS = 100
_BASE64 = rf"[A-Za-z0-9+/_-]{{{_LEAST},}}={{0,2}}"
# At least one backslash: what is a value in a value has several. Nothing is looked at twice.
_ESCAPED_BREAK = r"(?<!\\)\\++[rn]"
_FOLD = r"(?<!\\)\\++\r?\n[ \t]*+(?:\\++(?= ))?"
_EXCEL_BREAK = "_x000D_"
_HEADERS = rb"(?:From |[A-Za-z][A-Za-z0-9-]*:)[^\n]*\n"
_PAGE = r"<(?:!DOCTYPE|html|body|p|div|br|pre|span|table)\b"
_TAG = r"<(/?[A-Za-z0-9!]*)[^<>]*>"
_INLINE = frozenset({"a", "b", "code", "em", "font", "i", "span", "strong", "tt", "u", "wbr"})


class Parcel(NamedTuple):
    """A file as the vendor sent it, and what it had become."""

    data: bytes
    what: Reason | None
    """None: it was no parcel, or none that could be opened."""


def open_parcel(data: bytes) -> Parcel:
    """The file in *data*; *data* itself where nothing has to be undone, or nothing can be."""
    if len(data) > MAX_PARCEL or armor.whole(data):
        return Parcel(data, None)
    for what, undo in _WAYS:
        found: dict[str, bytes] = {}
        for candidate in undo(data):
            blocks = armor.whole(candidate)
            if blocks:
                found.setdefault(repr(blocks), candidate)
        if len(found) == 1:
            return Parcel(next(iter(found.values())), what)
    return Parcel(data, None)


def name_of(data: bytes) -> Reason | None:
    """What *data* has become, with what to do; None where it is no parcel that is known here."""
    parcel = open_parcel(data)
    if parcel.what is not None:
        return Reason("{what}; `install` takes the licence out of it", what=parcel.what)
    return next((name for start, name in _CLOSED.items() if data.startswith(start)), None)


def _text(data: bytes) -> str:
    return data.decode("utf-8-sig", "replace")


def _without_zeros(data: bytes) -> Iterator[bytes]:
    yield data.rstrip(b"\0")


def _with_breaks(data: bytes) -> Iterator[bytes]:
    """Of a shell, of JSON, or of YAML in double quotes, which folds lines too."""
    yield re.sub(_ESCAPED_BREAK, "\n", re.sub(_FOLD, "", _text(data))).encode()


def _from_base64(data: bytes) -> Iterator[bytes]:
    """As a whole, or as a value in a text: a Secret of Kubernetes."""
    text = _text(data)
    for run in ("".join(text.split()), *re.findall(_BASE64, text)):
        if re.fullmatch(_BASE64, run):
            yield from _decoded(run)


def _decoded(run: str) -> Iterator[bytes]:
    body = run.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        yield binascii.a2b_base64(body + "=" * (-len(body) % 4), strict_mode=True)
    except binascii.Error:
        return


def _from_json(data: bytes) -> Iterator[bytes]:
    try:
        value = json.loads(_text(data))
    except (ValueError, RecursionError):
        return
    for text in _texts(value):
        if len(text) >= _LEAST:
            yield text.encode("utf-8", "replace")
            yield from _from_base64(text.encode("utf-8", "replace"))


def _texts(value: Any) -> Iterator[str]:
    values = [value]
    while values:
        one = values.pop()
        if isinstance(one, str):
            yield one
        elif isinstance(one, list | dict):
            values += one if isinstance(one, list) else one.values()


def _from_mail(data: bytes) -> Iterator[bytes]:
    """Each part of a mail (RFC 5322, RFC 2045), as it was before it was sent."""
    if not re.match(_HEADERS, data.lstrip()):
        return
    from email import message_from_bytes

    try:
        parts = list(message_from_bytes(data.lstrip()).walk())
    except RecursionError:
        return
    for part in parts:
        body = None if part.is_multipart() else part.get_payload(decode=True)
        if isinstance(body, bytes):
            yield body
            yield from _from_html(body)


def _from_html(data: bytes) -> Iterator[bytes]:
    """What a page shows, a line where one may begin or end."""
    text = _text(data)
    if not re.search(_PAGE, text, re.IGNORECASE):
        return

    def shown(tag: re.Match[str]) -> str:
        return "" if tag[1].lower().removeprefix("/") in _INLINE else "\n"

    yield html.unescape(re.sub(_TAG, shown, text)).encode("utf-8", "replace")


def _from_cells(data: bytes) -> Iterator[bytes]:
    """A cell of a sheet, or a column with a line in each."""
    text = _text(data).replace(_EXCEL_BREAK, "")
    for delimiter in ",;\t":
        try:
            rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
        except csv.Error:
            continue
        cells = [cell for row in rows for cell in row]
        columns = range(min(_MOST_COLUMNS, max(map(len, rows), default=0)))
        cells += ["\n".join(row[n] for row in rows if n < len(row)) for n in columns]
        yield from (cell.encode("utf-8", "replace") for cell in cells if len(cell) >= _LEAST)


_WAYS: tuple[tuple[Reason, Callable[[bytes], Iterator[bytes]]], ...] = (
    (Reason("zero bytes follow its last line"), _without_zeros),
    (Reason("it is a mail with its headers"), _from_mail),
    (Reason("it is an HTML page"), _from_html),
    (Reason("it is a JSON value"), _from_json),
    (Reason(r"its line breaks became the two characters \n"), _with_breaks),
    (Reason("it is encoded as base64"), _from_base64),
    (Reason("it is a cell or a column of a spreadsheet"), _from_cells),
)
_CLOSED = {
    b"PK\3\4": Reason("it is a ZIP archive or an Office document; take the file out of it"),
    b"\x1f\x8b": Reason("it is compressed with gzip; unpack it with `gunzip`"),
    b"%PDF": Reason("it is a PDF; ask for the file itself"),
    b"\xd0\xcf\x11\xe0": Reason(
        "it is an Outlook message or an old Office document; save the attachment from it"
    ),
    rb"{\rtf": Reason("it is an RTF document; save it as plain text"),
}
"""What is named and not opened, by how it begins."""

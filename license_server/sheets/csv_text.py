"""CSV text: rows under named columns (RFC 4180).

What is written can be opened by a spreadsheet without harm: what it would take for a formula is
written behind an apostrophe, which reading takes away again. That is not only the beginning of a
field: where another list separator is usual, cells begin in the middle of what we wrote.
"""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import BinaryIO, TextIO

from license_core.reason import Reason
from license_server.db.errors import InputInvalidError
from license_server.sheets.errors import SheetInvalidError

ENCODINGS = ("utf-8", "gb18030", "cp1252", "utf-16")
_CALLED = {"windows-1252": "cp1252", "gbk": "gb18030", "gb2312": "gb18030"}
_DELIMITERS = ",;\t"
_SEPARATOR = re.compile(r'"?sep=(.)"?[\r\n]*', re.IGNORECASE)
"""The line before the names of the columns with which Excel is told what separates them."""
_WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
"""With what the files of Excel and its like begin."""
_BLANKS = ("\t", "\r")
"""What a field must not begin with either: some programs take it away first."""
# What may stand before the first character of a cell is without line breaks and tabs: those begin
# a cell by themselves, and it takes no longer than the text is long.
_BEFORE = r"""(\A|[,;\t\r\n])((?:[^\S\t\r\n]|["\u200b\ufeff])*)"""
_BARE = re.compile(_BEFORE + "(?='*[=+\\-@＝＋－＠])")  # full-width, as Excel takes them
_DEFUSED = re.compile(_BEFORE + "'(?='*[=+\\-@＝＋－＠])")
_LONGEST_HEADER = 10_000
_AT_ONCE = 500  # lines

NO_SYNONYMS: Mapping[str, str] = {}

Row = tuple[int, dict[str, str]]
"""The number of its first line in the file, and its fields that are not empty."""


def read(
    data: BinaryIO,
    columns: Sequence[str],
    encoding: str = "utf-8",
    synonyms: Mapping[str, str] = NO_SYNONYMS,
) -> Iterator[Row]:
    """The rows of the sheet *data*, one after another; the first line names some of *columns*.

    A column that is one of *synonyms* has in each row the name that stands there for it.
    A byte order mark, also of UTF-16, commas, semicolons or tabs, a line ``sep=;``, and line breaks
    in quotes are understood. Raises InputInvalidError for an unknown encoding, SheetInvalidError
    for what is no such sheet.
    """
    named = _CALLED.get(encoding.lower(), encoding.lower())
    if named not in ENCODINGS:
        reason = Reason(
            "{value!r} is not one of {allowed}", value=encoding, allowed=", ".join(ENCODINGS)
        )
        raise InputInvalidError(field="encoding", reason=reason)
    text = io.TextIOWrapper(data, encoding=_encoding(data, named), newline="")
    at = 1
    try:
        at, names, delimiter = _header(text, columns, synonyms)
        above = at
        reader = csv.reader(text, delimiter=delimiter, strict=True)
        for fields in reader:
            at, begins = reader.line_num + above, at + 1
            if any(fields):
                yield begins, _row(begins, names, fields)
    except UnicodeDecodeError as error:
        reason = Reason(
            "the text after this line is not {encoding}; if the file is GB18030, Windows-1252 or "
            "UTF-16, choose that encoding",
            encoding=encoding,
        )
        raise SheetInvalidError(line=at, reason=reason) from error
    except csv.Error as error:
        raise SheetInvalidError(line=at + 1, reason=str(error)) from error
    finally:
        text.detach()


def columns(data: BinaryIO, known: Sequence[str]) -> list[str]:
    """The columns that the first line of *data*, in UTF-8, names. Raises SheetInvalidError."""
    text = io.TextIOWrapper(data, encoding=_encoding(data, "utf-8"), newline="")
    try:
        return _header(text, known)[1]
    except UnicodeDecodeError as error:
        raise SheetInvalidError(line=1, reason=Reason("it is not UTF-8")) from error
    finally:
        text.detach()


def _header(
    text: TextIO, columns: Sequence[str], synonyms: Mapping[str, str] = NO_SYNONYMS
) -> tuple[int, list[str], str]:
    """The line in which the columns are named, their names, and what separates them."""
    at, first = 1, text.readline(_LONGEST_HEADER).removeprefix("\ufeff")
    told = _SEPARATOR.fullmatch(first)
    if told is not None:
        at, first = 2, text.readline(_LONGEST_HEADER)
    delimiter = told[1] if told is not None else max(_DELIMITERS, key=first.count)
    return at, _names(at, first, delimiter, columns, synonyms), delimiter


def write(columns: Sequence[str], rows: Iterable[Iterable[object]]) -> Iterator[str]:
    """The lines of a sheet."""
    yield line(columns)
    for row in rows:
        yield line(row)


def encoded(lines: Iterable[str]) -> Iterator[bytes]:
    """*lines* in UTF-8, many at a time: whoever sends them changes threads for each piece."""
    rest = iter(lines)
    while some := "".join(islice(rest, _AT_ONCE)):
        yield some.encode("utf-8")


def line(fields: Iterable[object]) -> str:
    """A line of a sheet. None is an empty field."""
    buffer = io.StringIO()
    csv.writer(buffer).writerow(["" if one is None else _harmless(str(one)) for one in fields])
    return buffer.getvalue()


def _harmless(text: str) -> str:
    told = _BARE.sub(r"\1\2'", text)
    return f"'{told}" if _begins_blank(text) else told


def _as_it_was(text: str) -> str:
    if "'" not in text:
        return text
    if text.startswith("'") and _begins_blank(text):
        text = text[1:]
    return _DEFUSED.sub(r"\1\2", text)


def _begins_blank(text: str) -> bool:
    return text.lstrip("'").startswith(_BLANKS)


def _encoding(data: BinaryIO, named: str) -> str:
    """How *data* is encoded: as its byte order mark says, else as it was *named*.

    Raises SheetInvalidError for what is no text.
    """
    head = data.read(4)
    data.seek(-len(head), io.SEEK_CUR)
    if head in _WORKBOOKS:
        reason = Reason("this is a workbook, not CSV: save it as “CSV UTF-8” and take that file")
        raise SheetInvalidError(line=1, reason=reason)
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    if named == "utf-16":  # without a mark: the first letter of a column's name tells
        return "utf-16-be" if head.startswith(b"\0") else "utf-16-le"
    return "utf-8-sig" if named == "utf-8" else named


def _names(
    line: int, first: str, delimiter: str, columns: Sequence[str], synonyms: Mapping[str, str]
) -> list[str]:
    names = [name.strip().lower() for name in next(csv.reader([first], delimiter=delimiter), [])]
    unknown = next((name for name in names if name not in columns), None)
    if unknown is not None or not names:
        reason = Reason(
            "{value!r} is not a known column; the columns are {allowed}",
            value=unknown or "",
            allowed=", ".join(columns),
        )
        raise SheetInvalidError(line=line, reason=reason)
    called: dict[str, str] = {}
    for name in names:
        earlier = called.setdefault(synonyms.get(name, name), name)
        if earlier != name:
            reason = Reason(
                "the columns {first} and {second} are the same: leave one out",
                first=earlier,
                second=name,
            )
            raise SheetInvalidError(line=line, reason=reason)
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        reason = Reason("the column {name} appears twice", name=twice)
        raise SheetInvalidError(line=line, reason=reason)
    return list(called)


def _row(number: int, names: list[str], fields: list[str]) -> dict[str, str]:
    if len(fields) > len(names):
        reason = Reason(
            "fields in this row: {count}, columns in the header: {most}",
            count=len(fields),
            most=len(names),
        )
        raise SheetInvalidError(line=number, reason=reason)
    if "\0" in "".join(fields):
        raise SheetInvalidError(line=number, reason="it contains a NUL character")
    return {name: _as_it_was(field) for name, field in zip(names, fields, strict=False) if field}

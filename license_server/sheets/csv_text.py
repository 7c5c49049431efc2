"""CSV text: rows under named columns (RFC 4180).

What is written can be opened by a spreadsheet without harm: what it would take for a formula is
written behind an apostrophe, which reading takes away again. That is not only the beginning of a
field: where another list separator is usual, cells begin in the middle of what we wrote.
"""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import BinaryIO

from license_core.reason import Reason
from license_server.db.errors import InputInvalidError
from license_server.sheets.errors import SheetInvalidError

ENCODINGS = ("utf-8", "gb18030")
_DELIMITERS = ",;\t"
_BLANKS = ("\t", "\r")
"""What a field must not begin with either: some programs take it away first."""
# What may stand before the first character of a cell is without line breaks and tabs: those begin
# a cell by themselves, and it takes no longer than the text is long.
_BEFORE = r"""(\A|[,;\t\r\n])((?:[^\S\t\r\n]|["\u200b\ufeff])*)"""
_BARE = re.compile(_BEFORE + "(?='*[=+\\-@＝＋－＠])")  # full-width, as Excel takes them
_DEFUSED = re.compile(_BEFORE + "'(?='*[=+\\-@＝＋－＠])")
_LONGEST_HEADER = 10_000
_AT_ONCE = 500  # lines

Row = tuple[int, dict[str, str]]
"""The number of its first line in the file, and its fields that are not empty."""


def read(data: BinaryIO, columns: Sequence[str], encoding: str = "utf-8") -> Iterator[Row]:
    """The rows of the sheet *data*, one after another; the first line names some of *columns*.

    A byte order mark, commas, semicolons or tabs, and line breaks in quotes are understood.
    Raises InputInvalidError for an unknown encoding, SheetInvalidError for what is no such sheet.
    """
    if encoding.lower() not in ENCODINGS:
        reason = Reason(
            "{value!r} is not one of {allowed}", value=encoding, allowed=", ".join(ENCODINGS)
        )
        raise InputInvalidError(field="encoding", reason=reason)
    known = "utf-8-sig" if encoding.lower() == "utf-8" else encoding
    text = io.TextIOWrapper(data, encoding=known, newline="")
    at = 1
    try:
        first = text.readline(_LONGEST_HEADER).removeprefix("\ufeff")
        delimiter = max(_DELIMITERS, key=first.count)
        names = _names(first, delimiter, columns)
        reader = csv.reader(text, delimiter=delimiter, strict=True)
        for fields in reader:
            at, begins = reader.line_num + 1, at + 1
            if any(fields):
                yield begins, _row(begins, names, fields)
    except UnicodeDecodeError as error:
        reason = Reason(
            "the text after this line is not {encoding}; if the file is GB18030, choose "
            "that encoding",
            encoding=encoding,
        )
        raise SheetInvalidError(line=at, reason=reason) from error
    except csv.Error as error:
        raise SheetInvalidError(line=at + 1, reason=str(error)) from error
    finally:
        text.detach()


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


def _names(first: str, delimiter: str, columns: Sequence[str]) -> list[str]:
    names = [name.strip().lower() for name in next(csv.reader([first], delimiter=delimiter), [])]
    unknown = next((name for name in names if name not in columns), None)
    if unknown is not None or not names:
        reason = Reason(
            "{value!r} is not a known column; the columns are {allowed}",
            value=unknown or "",
            allowed=", ".join(columns),
        )
        raise SheetInvalidError(line=1, reason=reason)
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        reason = Reason("the column {name} appears twice", name=twice)
        raise SheetInvalidError(line=1, reason=reason)
    return names


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

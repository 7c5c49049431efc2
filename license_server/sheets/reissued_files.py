"""The folder of reissued licences: their files and letters, and a sheet of whom each is for.

The sheet is written last: where it is there, all files are.
"""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from license_core.write_errors import as_license_error
from license_server.sheets import csv_text
from license_server.sheets.outgoing import COLUMNS, FILE, SHEET, Outgoing


def prepare(folder: Path) -> None:
    """Make *folder* where it is not there. Raises that it cannot be written."""
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        _put(folder / SHEET, b"")
        (folder / SHEET).unlink()
    except OSError as error:
        raise as_license_error(error, str(folder / SHEET)) from error


def write(folder: Path, found: Iterable[Outgoing]) -> int:
    """Write the files of each of *found*, and the sheet; how many licences they are.

    However many there are, a few are in memory. Raises that one cannot be written.
    """
    count = 0
    try:
        with _putting(folder / SHEET) as sheet:
            sheet.write(csv_text.line(COLUMNS).encode("utf-8"))
            for one in found:
                number = one.license.number
                for name, content in one.files():
                    _put(folder / f"{number}.{name}", content)
                sheet.write(csv_text.line(one.row(f"{number}.{FILE}")).encode("utf-8"))
                count += 1
    except OSError as error:
        raise as_license_error(error, str(folder / SHEET)) from error
    return count


def _put(path: Path, data: bytes) -> None:
    with _putting(path) as file:
        file.write(data)


@contextmanager
def _putting(path: Path) -> Iterator[BinaryIO]:
    """Write a file that is its owner's alone: who a customer is goes nobody else in the folder.

    It is there once it is whole.
    """
    new = path.with_name(f".{path.name}.tmp")
    new.unlink(missing_ok=True)
    try:
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            yield file
        os.replace(new, path)
    finally:
        new.unlink(missing_ok=True)

"""The folder of reissued licences: their files and letters, and a sheet of whom each is for.

The sheet is written last: where it is there, all files are.
"""

import os
from collections.abc import Iterable
from pathlib import Path

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

    Raises that one cannot be written.
    """
    lines = [csv_text.line(COLUMNS)]
    try:
        for one in found:
            number = one.license.number
            for name, content in one.files():
                _put(folder / f"{number}.{name}", content)
            lines.append(csv_text.line(one.row(f"{number}.{FILE}")))
        _put(folder / SHEET, "".join(lines).encode("utf-8"))
    except OSError as error:
        raise as_license_error(error, str(folder / SHEET)) from error
    return len(lines) - 1


def _put(path: Path, data: bytes) -> None:
    """Write a file that is its owner's alone: who a customer is goes nobody else in the folder."""
    new = path.with_name(f".{path.name}.tmp")
    new.unlink(missing_ok=True)
    try:
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(data)
        os.replace(new, path)
    finally:
        new.unlink(missing_ok=True)

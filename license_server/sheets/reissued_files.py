"""The folder of reissued licences: their files, and a CSV file that says whom each is for.

The sheet is written last: where it is there, all files are.
"""

import os
from collections.abc import Iterable
from pathlib import Path

from license_core.wording import utc
from license_core.write_errors import as_license_error
from license_server.licenses import issuing
from license_server.licenses.signed_by import Reissued
from license_server.sheets import csv_text

SHEET = "licenses.csv"
COLUMNS = (
    *("file", "license", "replaces", "customer", "contact_name", "contact_email", "language"),
    *("product", "host_key", "host_name", "expires_at"),
)


def prepare(folder: Path) -> None:
    """Make *folder* where it is not there. Raises that it cannot be written."""
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        _put(folder / SHEET, b"")
        (folder / SHEET).unlink()
    except OSError as error:
        raise as_license_error(error, str(folder / SHEET)) from error


def write(folder: Path, found: Iterable[Reissued]) -> int:
    """Write a file for each of *found*, and the sheet; how many. Raises that one cannot be."""
    lines = [csv_text.line(COLUMNS)]
    try:
        for one in found:
            name = f"{one.license.number}.license.dat"
            _put(folder / name, issuing.file_of(one.license))
            lines.append(csv_text.line(_row(name, one)))
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


def _row(name: str, one: Reissued) -> tuple[object, ...]:
    stored = one.license
    return (
        name,
        stored.number,
        stored.replaces,
        stored.customer,
        one.contact_name,
        one.contact_email,
        one.language,
        stored.product,
        stored.host_key,
        stored.host_name,
        None if stored.expires_at is None else utc(stored.expires_at),
    )

"""Errors of CSV files and their rows."""

from license_core.errors import LicenseError
from license_core.problem import Problem


class SheetInvalidError(LicenseError):
    """A CSV file is none that is understood."""

    row = Problem(
        "sheet-invalid",
        110,
        "The CSV file cannot be read",
        "Line {line} of the CSV file: {reason}.",
        "Correct the line; docs/API.md lists the columns.",
    )

    line: int
    reason: str


class ImportRefusedError(LicenseError):
    """Lines of an import are wrong, so nothing was issued."""

    row = Problem(
        "import-refused",
        111,
        "The file has errors; nothing was issued",
        "Rows with errors in {path}: {wrong} of {lines}, the first on line {first}; "
        "nothing was issued.",
        "Correct them, or add `--skip-wrong` to issue only the others; `--report FILE` lists them.",
    )

    path: str
    wrong: int
    lines: int
    first: int

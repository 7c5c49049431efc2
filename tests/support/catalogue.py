"""Compiles the catalogues of client and desk: ``python -m tests.support.catalogue``.

The client's is one file; the desk's are several, one for each group of pages, and become one.
"""

import io
from datetime import UTC, datetime
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

_ROOT = Path(__file__).resolve().parents[2]
FOLDER = _ROOT / "license_cli" / "locale"
DESK = _ROOT / "license_server" / "web" / "locale"


def read(language: str) -> Catalog:
    """The client's catalogue as it is written by hand."""
    return _read(FOLDER / f"{language}.po", language)


def read_desk(language: str) -> Catalog:
    """The desk's catalogues as they are written by hand, in one."""
    # A fixed date: what is written from the same words is the same file at any time.
    whole = Catalog(locale=language, creation_date=datetime(2026, 1, 1, tzinfo=UTC))
    for path in sorted((DESK / language).glob("*.po")):
        for message in _read(path, language):
            if message.id:
                former = whole.get(message.id)
                if former is not None and former.string != message.string:
                    raise ValueError(f"{path.name}: {message.id!r} is translated in two ways")
                whole[message.id] = message
    return whole


def translated() -> set[str]:
    """The texts of the desk that have a translation."""
    found: set[str] = set()
    for message in read_desk("zh"):
        if message.id and message.string:
            found.add(message.id if isinstance(message.id, str) else message.id[0])
    return found


def compiled(catalogue: Catalog) -> bytes:
    """The compiled catalogue, as bytes."""
    written = io.BytesIO()
    write_mo(written, catalogue)
    return written.getvalue()


def _read(path: Path, language: str) -> Catalog:
    with path.open("rb") as stream:
        return read_po(stream, locale=language)


if __name__ == "__main__":
    (FOLDER / "zh.mo").write_bytes(compiled(read("zh")))
    (DESK / "zh.mo").write_bytes(compiled(read_desk("zh")))

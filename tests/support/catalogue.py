"""Compiles the client's catalogues: ``python -m tests.support.catalogue``."""

import io
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

FOLDER = Path(__file__).resolve().parents[2] / "license_cli" / "locale"


def read(language: str) -> Catalog:
    """The catalogue as it is written by hand."""
    with (FOLDER / f"{language}.po").open("rb") as stream:
        return read_po(stream, locale=language)


def compiled(language: str) -> bytes:
    """What the client reads."""
    written = io.BytesIO()
    write_mo(written, read(language))
    return written.getvalue()


if __name__ == "__main__":
    (FOLDER / "zh.mo").write_bytes(compiled("zh"))

"""Licences with their letters as one ZIP archive, which is made while it is sent."""

import io
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from license_server.licenses.license_store import StoredLicense
from license_server.sheets import csv_text
from license_server.sheets.outgoing import COLUMNS, FILE, SHEET, Outgoing


def archive(found: Iterable[Sequence[Outgoing]]) -> Iterator[bytes]:
    """What was *found*, as a ZIP archive, some at a time; the sheet comes last."""
    stream, lines = _Stream(), [csv_text.line(COLUMNS)]
    made = (1980, 1, 1, 0, 0, 0)
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as packed:
        for some in found:
            for one in some:
                folder = _folder(one.license)
                made = datetime.fromtimestamp(one.license.issued_at, UTC).timetuple()[:6]
                for name, content in one.files():
                    _add(packed, f"{folder}/{name}", made, content)
                lines.append(csv_text.line(one.row(f"{folder}/{FILE}")))
            if some:
                yield stream.taken()
        if lines[1:]:
            _add(packed, SHEET, made, "".join(lines).encode("utf-8-sig"))
    yield stream.taken()


def _add(packed: zipfile.ZipFile, name: str, made: Any, content: bytes) -> None:
    packed.writestr(zipfile.ZipInfo(name, made), content, zipfile.ZIP_DEFLATED)


class _Stream(io.RawIOBase):
    """What is written can be taken away, and is not kept."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, part: Any) -> int:
        self._parts.append(bytes(part))
        return len(part)

    def taken(self) -> bytes:
        """What was written since the last time."""
        found = b"".join(self._parts)
        self._parts.clear()
        return found


def _folder(stored: StoredLicense) -> str:
    """Where the files of a licence lie in the archive: nothing in it leads out of there."""
    told = f"{stored.number} {stored.customer} {stored.host_name or ''}"
    return "".join(c if c.isalnum() or c == "-" else "_" for c in told).rstrip("_")[:100]

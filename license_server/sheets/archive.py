"""The files issued by an import, as one ZIP archive made while it is sent."""

import io
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from itertools import islice
from typing import Any

from license_server.actor import Actor
from license_server.licenses import issuing, license_store
from license_server.licenses.license_store import StoredLicense
from license_server.sheets import batches, results
from license_server.site import Site


def archive(site: Site, id_: str, actor: Actor, now: int) -> Iterator[bytes]:
    """The files of what a job issued, as a ZIP archive, some at a time. Raises NotFoundError."""
    stream = _Stream()
    numbers = (one.number for _, one in results.outcomes(site, id_, actor, now) if one.number)
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as packed:
        while some := list(islice(numbers, batches.BATCH)):
            found = site.database.read(partial(license_store.by_numbers, numbers=some))
            for stored in found:
                made = datetime.fromtimestamp(stored.issued_at, UTC).timetuple()[:6]
                entry = zipfile.ZipInfo(f"{_folder(stored)}/license.dat", made)
                packed.writestr(entry, issuing.file_of(stored), zipfile.ZIP_DEFLATED)
            yield stream.taken()
    yield stream.taken()


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
    """Where a licence's file lies in the archive: nothing in it leads out of there."""
    told = f"{stored.number} {stored.customer} {stored.host_name or ''}"
    return "".join(c if c.isalnum() or c == "-" else "_" for c in told).rstrip("_")[:100]

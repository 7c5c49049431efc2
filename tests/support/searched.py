"""Looks for words in bytes of any kind: as they are, in base64, and in what is compressed."""

import base64
import gzip
import io
import json
import tarfile
import zipfile
from collections.abc import Collection, Iterator
from typing import Any

from sqlalchemy import Connection, select

from license_server.db.tables import metadata

_LEAST = 8
"""Letters of a word."""


def found_in(data: bytes, words: Collection[str]) -> set[str]:
    """Those of *words* that are in *data*, without case.

    None is short: in thousands of digests in base64, four letters turn up by chance.
    """
    assert all(len(word) >= _LEAST for word in words), words
    each = [(part, part.lower()) for part in parts(data)]
    return {word for word in words if any(_has(*one, word) for one in each)}


def _has(part: bytes, folded: bytes, word: str) -> bool:
    if word.lower().encode() in folded or _escaped(word) in folded:
        return True
    return any(one in part for one in _in_base64(word.encode()))


def parts(data: bytes) -> Iterator[bytes]:
    """*data*, and what is packed in it."""
    yield data
    if data[:2] == b"\x1f\x8b":
        yield from parts(gzip.decompress(data))
    if data[:4] == b"PK\x03\x04":
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            for name in packed.namelist():
                yield from parts(packed.read(name))
    if data[257:262] == b"ustar":
        with tarfile.open(fileobj=io.BytesIO(data)) as archive:
            for member in archive:
                file = archive.extractfile(member)
                if file is not None:
                    yield from parts(file.read())


def _escaped(word: str) -> bytes:
    """As JSON has it."""
    return json.dumps(word)[1:-1].lower().encode()


def _in_base64(word: bytes) -> Iterator[bytes]:
    """What of it is the same in base64, wherever it begins; in either alphabet."""
    for before in range(3):
        text = base64.b64encode(bytes(before) + word)
        inner = text[(0, 2, 3)[before] :].rstrip(b"=")[:-1]
        yield inner
        yield inner.translate(bytes.maketrans(b"+/", b"-_"))


def rows(connection: Connection) -> bytes:
    """Every value of every table, as bytes."""
    return b"\n".join(map(_bytes, _values(connection)))


def places(connection: Connection, words: Collection[str]) -> dict[str, set[str]]:
    """The columns in which one of *words* is, and which."""
    places: dict[str, set[str]] = {}
    for table in metadata.sorted_tables:
        for row in connection.execute(select(table)).mappings():
            for name, value in row.items():
                found = found_in(_bytes(value), words)
                if found:
                    places.setdefault(f"{table.name}.{name}", set()).update(found)
    return places


def _values(connection: Connection) -> Iterator[Any]:
    for table in metadata.sorted_tables:
        for row in connection.execute(select(table)):
            yield from row


def _bytes(value: Any) -> bytes:
    return bytes(value) if isinstance(value, bytes | memoryview) else str(value).encode()

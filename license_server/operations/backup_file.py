"""The file of a backup: a tar of small members, a manifest of their digests, and its seal.

tables/NAME/000001.jsonl  rows of a table in the order of their keys, an object a line
*.pub.pem                 the public keys of the data folder
keys/*.pem                its private keys, encrypted as they are; only where asked for
manifest.json             the version, when, how many rows, and each member's size and SHA-256
manifest.sha256           last: the digest of that

Digests find damage; that nobody changed anything, the signatures tell. A file that was cut off has
no seal, so it is never taken for whole.
"""

import hashlib
import io
import re
import tarfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, NamedTuple, Self, cast

from license_core import strictjson
from license_core.claims import MAX_INSTANT
from license_core.paths import unreadable, words
from license_core.publickey import PublicKey
from license_server.operations.errors import BackupInvalidError, BackupNotMadeError

_FORMAT = 1
_MANIFEST, _SEAL = "manifest.json", "manifest.sha256"
_KEY = re.compile(r"(?:keys/)?[A-Za-z0-9._-]{1,80}\.pem")
_PART = re.compile(r"tables/([a-z_]{1,64})/[0-9]{6}\.jsonl")
_LARGEST, _LARGEST_KEY = 64 * 1024 * 1024, 64 * 1024
"""The most bytes of any member, and of a key."""
_AT_ONCE = 1 << 20
_LAST_TIME = 8**11 - 1
"""The last instant that tar can say, in 2242; ``made_at`` has the right one."""


class Manifest(NamedTuple):
    """What a backup says of itself."""

    made_at: int
    schema: str
    rows: Mapping[str, int]
    """How many each table has."""
    members: Mapping[str, Mapping[str, Any]]
    """Each member's ``size`` in bytes and ``sha256``."""

    @classmethod
    def of_json(cls, data: bytes) -> "Manifest":
        """Read ``manifest.json``. Raises ValueError with the reason."""
        told = strictjson.loads(data)
        if not isinstance(told, dict) or told.get("format") != _FORMAT:
            raise ValueError("its manifest has a format that this server does not support")
        made_at, schema = told.get("made_at"), told.get("schema")
        rows, members = told.get("rows"), told.get("files")
        for name, right in (
            ("made_at", _is_instant(made_at)),
            ("schema", isinstance(schema, str)),
            ("rows", isinstance(rows, dict) and all(map(_is_count, rows.values()))),
            ("files", isinstance(members, dict)),
        ):
            if not right:
                raise ValueError(f"{name} of its manifest is missing, or of another form")
        return cls(*cast("tuple[int, str, dict[str, int], Any]", (made_at, schema, rows, members)))


class BackupFile(NamedTuple):
    """A backup whose digests are right, open to be read."""

    path: Path
    stream: IO[bytes]
    manifest: Manifest
    keys: Mapping[str, bytes]
    """What goes into the data folder."""

    @property
    def total(self) -> int:
        """How many rows there are in all."""
        return sum(self.manifest.rows.values())

    def roots(self) -> tuple[PublicKey, ...]:
        """The root keys that the product ships. Raises BackupInvalidError."""
        found = []
        for name, data in self.keys.items():
            if re.fullmatch(r"root(-.*)?\.pub\.pem", name):
                try:
                    found.append(PublicKey.from_pem(data.decode("ascii")))
                except ValueError as error:
                    raise self.invalid(f"{name} is not a public key") from error
        return tuple(found)

    def parts(self) -> Iterator[tuple[str, str, Iterator[bytes]]]:
        """Each part's name, its table's, and its lines, which are to be read to their end.

        Raises BackupInvalidError, where the file has changed meanwhile too.
        """
        self.stream.seek(0)
        with _reading(self.path), _tar(self.stream) as tar:
            for member in tar:
                found = _PART.fullmatch(member.name)
                if found is not None:
                    yield member.name, found[1], self._lines(tar, member)

    def _lines(self, tar: tarfile.TarFile, member: tarfile.TarInfo) -> Iterator[bytes]:
        hashed, stream = hashlib.sha256(), tar.extractfile(member)
        assert stream is not None  # noqa: S101  # it was one when its digest was right
        with _reading(self.path):
            for line in stream:
                hashed.update(line)
                yield line
        if hashed.hexdigest() != self.manifest.members[member.name]["sha256"]:
            raise self.invalid(f"{member.name} changed while it was read")

    def invalid(self, reason: str) -> BackupInvalidError:
        """That it cannot be restored."""
        return BackupInvalidError(path=str(self.path), reason=reason)


class BackupWriter:
    """Writes a backup piece by piece; what is not finished has no seal. A context manager."""

    def __init__(self, to: Callable[[bytes], object], now: int) -> None:
        self._sink = _Sink(to)
        self._tar = tarfile.open(  # noqa: SIM115  # ``__exit__`` closes it
            fileobj=self._sink, mode="w|", format=tarfile.USTAR_FORMAT
        )
        self._now = min(max(now, 0), MAX_INSTANT)  # whatever the clock says
        self._members: dict[str, dict[str, Any]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._sink.to = None  # where it failed, tarfile would still end what cannot be written
        self._tar.close()

    def add(self, name: str, data: bytes) -> None:
        """Add a member. Raises BackupNotMadeError for one that could never be restored."""
        most = _LARGEST_KEY if name.endswith(".pem") else _LARGEST
        if len(data) > most or not may_be_called(name):
            reason = f"{name} has {len(data)} bytes; a backup can hold {most}"
            raise BackupNotMadeError(reason=reason)
        self._members[name] = {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        self._put(name, data)

    def finish(self, schema: str | None, rows: Mapping[str, int]) -> None:
        """Add the manifest and the seal."""
        manifest = {
            "format": _FORMAT,
            "made_at": self._now,
            "schema": schema,
            "rows": rows,
            "files": self._members,
        }
        data = strictjson.dumps(manifest)
        self._put(_MANIFEST, data)
        self._put(_SEAL, hashlib.sha256(data).hexdigest().encode("ascii"))
        self._tar.close()

    def _put(self, name: str, data: bytes) -> None:
        info = tarfile.TarInfo(name)
        info.size, info.mtime, info.mode = len(data), min(self._now, _LAST_TIME), 0o600
        self._tar.addfile(info, io.BytesIO(data))


def may_be_called(name: str) -> bool:
    """Whether a member of a backup may have this *name*."""
    return _KEY.fullmatch(name) is not None or _PART.fullmatch(name) is not None


@contextmanager
def opened(path: Path) -> Iterator[BackupFile]:
    """The backup in the file *path*, every digest of which is right. Raises BackupInvalidError."""
    with _reading(path):
        stream = path.open("rb")
    with stream:
        with _reading(path), _tar(stream) as tar:
            manifest, keys = _read(tar)
        yield BackupFile(path, stream, manifest, keys)


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Say of a file that cannot be read, or is none of ours, what is wrong with it."""
    try:
        yield
    except PermissionError as error:
        raise unreadable(str(path), error) from error
    except (OSError, ValueError) as error:
        raise BackupInvalidError(path=str(path), reason=words(error).rstrip("?.")) from error
    except (tarfile.TarError, EOFError) as error:
        reason = "it is not a backup, or it is truncated"
        raise BackupInvalidError(path=str(path), reason=reason) from error


def _read(tar: tarfile.TarFile) -> tuple[Manifest, dict[str, bytes]]:
    """What all members are held against, and the keys. Raises ValueError, TarError or OSError."""
    found: dict[str, dict[str, Any]] = {}
    kept: dict[str, bytes] = {}
    for member in tar:
        name = member.name
        if name in found:
            raise ValueError(f"it has {name} twice")
        if _PART.fullmatch(name):
            found[name] = _digest(tar, member)
        elif _KEY.fullmatch(name) or name in (_MANIFEST, _SEAL):
            kept[name] = b""
            found[name] = _digest(tar, member, kept)
        else:
            raise ValueError(f"it has {name[:64]!r}, which does not belong in a backup")
    if _MANIFEST not in kept or _SEAL not in kept:
        raise EOFError
    if found.pop(_MANIFEST)["sha256"].encode("ascii") != kept.pop(_SEAL):
        raise ValueError("its manifest is damaged")
    del found[_SEAL]
    manifest = Manifest.of_json(kept.pop(_MANIFEST))
    _compare(manifest.members, found)
    if "root.pub.pem" not in kept:
        raise ValueError("it has no root.pub.pem")
    return manifest, kept


def _digest(
    tar: tarfile.TarFile, member: tarfile.TarInfo, kept: dict[str, bytes] | None = None
) -> dict[str, Any]:
    """The size and digest of *member*, whose bytes go into *kept*. Raises ValueError, OSError."""
    name = member.name
    stream = tar.extractfile(member) if member.isreg() else None
    if stream is None:
        raise ValueError(f"{name} is not a plain file")
    if member.size > (_LARGEST_KEY if _KEY.fullmatch(name) else _LARGEST):
        raise ValueError(f"{name} is too large")
    hashed = hashlib.sha256()
    while piece := stream.read(_AT_ONCE):
        hashed.update(piece)
        if kept is not None:
            kept[name] += piece
    return {"size": member.size, "sha256": hashed.hexdigest()}


def _compare(told: Mapping[str, Any], found: Mapping[str, Any]) -> None:
    """Raise ValueError with the first name under which they differ."""
    for name in sorted({*told, *found}):
        if name not in found:
            raise ValueError(f"{name[:64]} is missing")
        if told.get(name) != found[name]:
            raise ValueError(f"{name} does not match the manifest")


class _Sink(io.RawIOBase):
    """What tarfile writes to."""

    def __init__(self, to: Callable[[bytes], object]) -> None:
        super().__init__()
        self.to: Callable[[bytes], object] | None = to

    def write(self, data: Any) -> int:
        if self.to is not None:
            self.to(bytes(data))
        return len(data)


def _tar(stream: IO[bytes]) -> tarfile.TarFile:
    return tarfile.open(fileobj=stream, mode="r:")


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_instant(value: Any) -> bool:
    return _is_count(value) and value <= MAX_INSTANT

"""A folder with every shard of the revocation list in force, for a web server that has only files.

The shard of the digests that begin with PREFIX is ``PREFIX/license.revocations`` (SPEC section
8.1), the whole list, as long as there is one, ``license.revocations``. All new files stand before
the first takes the place of a former one, and those of another cut go last: whoever is stopped in
between leaves a folder in which each file is a whole list. Written again, the folder is the same.
"""

import errno
import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import product
from pathlib import Path
from typing import NamedTuple

from license_core.reason import Reason
from license_core.write_errors import as_license_error
from license_server.db.errors import InputInvalidError
from license_server.signing.list_file import FILE
from license_server.signing.revocation_shards import MOST_DIGITS, Shards

_NEW = f".{FILE}.new"
_DIGITS = "0123456789abcdef"
_AT_ONCE = 256
"""After so many signatures they are counted."""


class Written(NamedTuple):
    """What a folder has now."""

    digits: int
    """Of the names of its shards; 0: it has the whole list alone."""
    changed: int
    removed: int


def write(
    folder: Path, shards: Shards, now: int, digits: int | None, count: Callable[[], object]
) -> Written:
    """Put the list into *folder*, which is made where only it is missing.

    The names of shards get so many *digits*; None: as many as they have there, or as the list
    needs. *count* is called now and then, once something was signed. Raises InputInvalidError
    where they are too few, SignerUnavailableError, TooLargeToSignError, or that the folder cannot
    be written.
    """
    least = shards.digits or int(not shards.is_whole)  # there is always a list for a site
    if digits is not None and digits < least:
        reason = Reason("list {number} needs {least}", number=shards.stored.number, least=least)
        raise InputInvalidError(field="--digits", reason=reason)
    with _told(folder / FILE), _alone(folder):
        cut = max(least, _standing(folder)) if digits is None else digits
        kept = _replace(folder, shards, now, cut, count)
        removed = [path for path in _lists(folder) if path not in kept]
        for path in removed:
            _remove(path)
        return Written(cut, sum(kept.values()), len(removed))


def _replace(
    folder: Path, shards: Shards, now: int, digits: int, count: Callable[[], object]
) -> dict[Path, bool]:
    """Write what is new beside what it shall replace, then replace it: all files, and if changed.

    Where that fails, nothing is left of what was written beside.
    """
    files = dict[Path, bool]()
    try:
        try:
            for number, (path, body) in enumerate(_files(folder, shards, now, digits), 1):
                files[path] = _write_beside(folder, path, body)
                if number % _AT_ONCE == 0:
                    count()
        finally:
            count()
        for path in (path for path, changed in files.items() if changed):
            with _told(path):
                os.replace(path.with_name(_NEW), path)
    except BaseException:
        for path, changed in files.items():
            if changed:
                _remove(path.with_name(_NEW))
        raise
    return files


def _write_beside(folder: Path, path: Path, body: bytes) -> bool:
    """Write *body* beside *path*, unless *path* has it: whether it was written."""
    # What is made here is gone once it failed: what is named is there.
    with _told(path if path.parent.exists() else folder / FILE):
        if path.is_file() and path.read_bytes() == body:
            return False
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        path.parent.mkdir(exist_ok=True)
        new = path.with_name(_NEW)
        try:
            _write(new, body)
        except BaseException:
            _remove(new)
            raise
        return True


def _files(folder: Path, shards: Shards, now: int, digits: int) -> Iterator[tuple[Path, bytes]]:
    if shards.is_whole:
        yield folder / FILE, shards.whole().body
    for prefix in map("".join, product(_DIGITS, repeat=digits)):
        if prefix:
            yield folder / prefix / FILE, shards.cut(prefix, now)


def _write(path: Path, body: bytes) -> None:
    path.unlink(missing_ok=True)  # whose it was that was killed; a link is not written through
    with path.open("xb") as stream:
        stream.write(body)
        stream.flush()
        os.fsync(stream.fileno())


def _lists(folder: Path) -> Iterator[Path]:
    """The lists that are in *folder*, and those that somebody began who was killed."""
    places = [folder, *(one for one in folder.iterdir() if _is_prefix(one.name) and one.is_dir())]
    for place in sorted(places):
        for name in (FILE, _NEW):
            if (place / name).is_file():
                yield place / name


def _standing(folder: Path) -> int:
    """How many digits the shards have that are in *folder*; 0: it has none.

    The first of a cut comes first, and goes first. One file in a folder "2026" is no cut.
    """
    cuts = range(MOST_DIGITS, 0, -1)
    return next((n for n in cuts if (folder / (_DIGITS[0] * n) / FILE).is_file()), 0)


def _is_prefix(name: str) -> bool:
    return 0 < len(name) <= MOST_DIGITS and not name.strip(_DIGITS)


def _remove(path: Path) -> None:
    path.unlink(missing_ok=True)
    if _is_prefix(path.parent.name):
        with suppress(OSError):  # something else is in it
            path.parent.rmdir()


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One run at a time; the other waits, and then has little to do."""
    with suppress(FileExistsError):
        folder.mkdir()
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


@contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        own = isinstance(error, IsADirectoryError)
        raise as_license_error(error, str(path), own=own) from error

"""Changes the passphrase of the private keys: at each instant the former or the new one opens all.

A file of a key may hold it twice, under two passphrases (signers/pkcs8.py). First every file gets a
second copy, under the new passphrase: until the last has it, the former one opens them all. Then
every file loses its first copy: from the first of these on, the new one opens them all. Whatever
ends the process in between, the same command goes on from there.
"""

import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from license_core.errors import SignerUnavailableError
from license_core.reason import Reason
from license_core.write_errors import as_license_error
from license_server.db.errors import InputInvalidError
from license_server.settings import ServerSettings
from license_server.signing.errors import PassphraseWrongError
from license_server.signing.signers import keyfiles, pkcs8
from license_server.signing.signers.private_file import read_private

_TRIAL = ".passphrase.tmp"
"""How the names of files end that are yet to take the place of a key's."""


class _Sealed(NamedTuple):
    """A file of a key that one of the two passphrases opens."""

    path: Path
    """Behind any link."""
    both: bytes | None
    """What it is to hold first, under both; None: the new one opens it already."""
    alone: bytes
    """What it is to hold at last, under the new one."""


def sealed_files(settings: ServerSettings) -> list[Path]:
    """The files of private keys that the server's passphrase seals, in the order of their names.

    Those of the data folder, and the one that LICENSE_SERVER_SIGNER leads to. Raises
    SecretFileOpenError, or SignerUnavailableError for what cannot be read.
    """
    found = sorted((settings.data / "keys").glob("*.pem"))
    scheme, _, path = (settings.signer or "").partition(":")
    if scheme == "file":
        found.append(Path(path))
    real = dict.fromkeys(Path(os.path.realpath(one)) for one in found)
    return [one for one in real if pkcs8.copies(_read(one))]


def change(
    paths: Sequence[Path], former: bytes, new: bytes, random: Callable[[int], bytes]
) -> None:
    """Let *new* open the keys in *paths*, and *former* none of them.

    Nothing is changed where it raises InputInvalidError, PassphraseWrongError (one of the files is
    opened by neither), SecretFileOpenError, SignerUnavailableError, or that something cannot be
    written.
    """
    keyfiles.check_passphrase(new)
    if new == former:
        raise InputInvalidError(field="passphrase", reason="the new one is the present one")
    files = [_sealed(path, former, new, random) for path in paths]
    _forget_trials(paths)
    try:
        both = [(one.path, _beside(one.path, one.both, random)) for one in files if one.both]
        alone = [(one.path, _beside(one.path, one.alone, random)) for one in files]
        for steps in (both, alone):
            for path, trial in steps:
                os.replace(trial, path)
            _keep_names(path.parent for path, _ in steps)
    except OSError as error:
        raise as_license_error(error, os.fspath(error.filename or paths[0]), own=True) from error
    finally:
        _forget_trials(paths)


def _sealed(path: Path, former: bytes, new: bytes, random: Callable[[int], bytes]) -> _Sealed:
    """What is to become of the file *path*. Raises PassphraseWrongError."""
    pem, what = _read(path), f"key {path.name}"
    try:
        key, is_new = pkcs8.decrypt(pem, new, what), True
    except PassphraseWrongError:
        key, is_new = pkcs8.decrypt(pem, former, what), False
    fresh = pkcs8.encrypt(key, new, random(16), random(16))
    return _Sealed(path, None if is_new else pem.rstrip() + b"\n" + fresh, fresh)


def _read(path: Path) -> bytes:
    try:
        return read_private(path)
    except FileNotFoundError as error:
        reason = Reason("there is no file {path}", path=str(path))
        raise SignerUnavailableError(reason=reason) from error


def _beside(path: Path, data: bytes, random: Callable[[int], bytes]) -> Path:
    """A new file with *data*, of the owner of *path*, to take its place. Raises OSError."""
    trial = path.with_name(f".{path.name}.{random(6).hex()}{_TRIAL}")
    keyfiles.write(trial, data, keyfiles.PRIVATE)
    owner = path.stat()
    if (owner.st_uid, owner.st_gid) != (os.geteuid(), os.getegid()):
        os.chown(trial, owner.st_uid, owner.st_gid)  # or the server could not read it any more
    return trial


def _forget_trials(paths: Iterable[Path]) -> None:
    """Delete what a run left that was ended."""
    for path in paths:
        for trial in path.parent.glob(f".{path.name}.*{_TRIAL}"):
            trial.unlink(missing_ok=True)


def _keep_names(folders: Iterable[Path]) -> None:
    """Let the names in *folders* outlive a power failure. Raises OSError."""
    for folder in set(folders):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

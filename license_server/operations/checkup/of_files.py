"""The data folder and the files with secrets: whose they are, and who may read them."""

import pwd
import shlex
import stat
from collections.abc import Iterator
from pathlib import Path

from license_core.errors import LicenseError
from license_server.operations.checkup.finding import Finding, Section, found, of_error
from license_server.operations.checkup.subject import Subject
from license_server.operations.data_folder import open_to_others
from license_server.operations.errors import DataFolderOpenError
from license_server.passphrases import first_line
from license_server.signing.errors import SecretFileOpenError
from license_server.signing.signers.private_file import read_private

_MOST_OF_ANOTHER = 3


def look(subject: Subject) -> Section:
    """The data folder, and the files that settings lead to."""
    settings = subject.settings
    findings = [*_folder(subject), *_of_another(settings.data), *_secrets(subject)]
    if settings.root_key.exists():
        path = settings.root_key
        findings.append(found("root-key-here", path=path, quoted=shlex.quote(str(path))))
    return Section("Data folder", _told(settings.data), findings)


def _told(folder: Path) -> list[str]:
    try:
        there = folder.stat()
    except OSError as error:
        return [f"{folder}: {error.strerror}"]
    mode = stat.S_IMODE(there.st_mode)
    return [f"{folder}, of {_user(there.st_uid)}, mode {mode:04o}"]


def _folder(subject: Subject) -> Iterator[Finding]:
    mode = open_to_others(subject.settings)
    if mode is not None:
        path = str(subject.settings.data)
        yield of_error(DataFolderOpenError(path=path, mode=f"{mode:04o}"), subject.server)


def _of_another(folder: Path) -> Iterator[Finding]:
    """Some files that do not belong to the owner of the folder: a command was run as root."""
    try:
        right = folder.stat().st_uid
        within = sorted([*folder.iterdir(), *(folder / "keys").glob("*")])
    except OSError:
        return
    others = [(one, one.lstat().st_uid) for one in within]
    for path, owner in [one for one in others if one[1] != right][:_MOST_OF_ANOTHER]:
        quoted = shlex.quote(str(path))
        yield found(
            "files-of-another", path=path, owner=_user(owner), right=_user(right), quoted=quoted
        )


def _secrets(subject: Subject) -> Iterator[Finding]:
    """Files with secrets that are missing, or that others may read.

    A server warns of those that settings lead to, as a Secret of Kubernetes is its group's; it
    refuses keys.
    """
    for name, path in subject.settings.secret_settings.items():
        if path is not None:
            yield from _secret(subject, path, name)
    for path in sorted((subject.settings.data / "keys").glob("*.pem")):
        opened = _open_to_others(path)
        if opened is not None:
            yield of_error(opened, subject.server)


def _secret(subject: Subject, path: Path, name: str) -> Iterator[Finding]:
    try:
        first_line(path, name)
    except LicenseError as error:
        yield of_error(error, subject.server)
        return
    opened = _open_to_others(path)
    if opened is not None:
        quoted = shlex.quote(str(path))
        yield found("secret-readable", path=path, mode=opened.mode, quoted=quoted)


def _open_to_others(path: Path) -> SecretFileOpenError | None:
    try:
        read_private(path)
    except SecretFileOpenError as error:
        return error
    except (LicenseError, OSError):
        return None  # what reads it for its content says so (of_keys.py)
    return None


def _user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)

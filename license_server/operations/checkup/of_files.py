"""The data folder and the files with secrets: whose they are, and who may read them."""

import os
import shlex
import stat
from collections.abc import Iterator
from pathlib import Path

from license_core.errors import LicenseError
from license_server.operations.checkup.finding import Finding, Section, found, of_error
from license_server.operations.checkup.subject import Subject
from license_server.operations.data_folder import open_to_others
from license_server.operations.errors import DataFolderOpenError
from license_server.operations.users import account, name_of
from license_server.passphrases import first_line
from license_server.signing.errors import SecretFileOpenError
from license_server.signing.signers.private_file import read_private

_MOST_OF_ANOTHER = 3


def look(subject: Subject) -> Section:
    """The data folder, and the files that settings lead to."""
    settings = subject.settings
    findings = [*_folder(subject), *_of_another(subject), *_secrets(subject)]
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
    return [f"{folder}, of {name_of(there.st_uid)}, mode {mode:04o}"]


def _folder(subject: Subject) -> Iterator[Finding]:
    mode = open_to_others(subject.settings)
    if mode is not None:
        path = str(subject.settings.data)
        yield of_error(DataFolderOpenError(path=path, mode=f"{mode:04o}"), subject.server)


def _of_another(subject: Subject) -> Iterator[Finding]:
    """What does not belong to the owner of the folder, or will not: a command was run as root."""
    folder = subject.settings.data
    quoted = shlex.quote(str(folder))
    try:
        right = folder.stat().st_uid
        within = sorted([*folder.iterdir(), *(folder / "keys").glob("*")])
    except OSError:
        return
    owners = [(one.relative_to(folder), one.lstat().st_uid) for one in within]
    others = [f"{path} ({name_of(owner)})" for path, owner in owners if owner != right]
    if others:
        files = ", ".join(
            [*others[:_MOST_OF_ANOTHER], *(["…"] if others[_MOST_OF_ANOTHER:] else [])]
        )
        count, server = len(others), name_of(right)
        yield found("files-of-another", count=count, files=files, right=server, quoted=quoted)
    elif os.geteuid() == 0 != right:
        yield found(
            "folder-of-another",
            path=folder,
            owner=account(right),
            server=subject.server,
            quoted=quoted,
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

"""Where the client finds conf/, keys/ and the host's root.

The only room that reads those folders. Nothing here knows of signatures.
"""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from license_core import pin, settings
from license_core.armor import MAX_FILE
from license_core.errors import (
    FileTooLargeError,
    FileUnreadableError,
    FolderUnnamedError,
    LicenseError,
    LicenseMissingError,
    Notice,
    SettingsInvalidError,
    TrustedKeyMissingError,
)
from license_core.facts import HostFacts
from license_core.memory import Memory, parse
from license_core.settings import Settings

if TYPE_CHECKING:
    from license_core.requirements import Requirements

_MAX_PIN = 1024
MAX_REVOCATIONS = 16 * 1024 * 1024


class Place(NamedTuple):
    """Two folders, and the root of the host to probe."""

    conf: str
    keys: str
    root: str = "/"

    @classmethod
    def default(
        cls,
        environ: Mapping[str, str],
        home: str | None = None,
        *,
        conf: str | None = None,
        keys: str | None = None,
        root: str | None = None,
    ) -> Place:
        """*conf* and *keys*, else ``LICENSE_CONF`` and ``LICENSE_KEYS``, else those below *home*.

        *home* is by default ``product_home()``: never the working folder, or whoever starts the
        product in a folder of theirs would choose the vendor. *root* is by default ``/``. Raises
        FolderUnnamedError.
        """
        named = {
            "conf": conf or environ.get("LICENSE_CONF"),
            "keys": keys or environ.get("LICENSE_KEYS"),
        }
        if not all(named.values()):
            home = home or product_home()
        for name, folder in named.items():
            if not folder and home is None:
                raise FolderUnnamedError(folder=name)
            named[name] = folder or os.path.join(home or "", name)
        return cls(named["conf"] or "", named["keys"] or "", root or "/")

    @property
    def license(self) -> str:
        """The licence file."""
        return os.path.join(self.conf, "license.dat")

    @property
    def state(self) -> str:
        """The client's memory."""
        return os.path.join(self.conf, "license.state")

    @property
    def pin(self) -> str:
        """Where ``pin`` keeps the declared address."""
        return os.path.join(self.conf, "license.pin")

    def environment(self, environ: Mapping[str, str]) -> Mapping[str, str]:
        """*environ*, with the address that was declared by ``pin`` where it declares none.

        Raises FileUnreadableError or FileTooLargeError.
        """
        if pin.PINNED_IP in environ:
            return environ
        data = _read_visible(self.pin, _MAX_PIN)
        return (
            environ if data is None else {**environ, pin.PINNED_IP: data.decode("utf-8", "replace")}
        )

    @property
    def revocations(self) -> str:
        """The revocation list beside the licence."""
        return os.path.join(self.conf, "license.revocations")

    @property
    def trust(self) -> str:
        """What the client has learned of the vendor's keys."""
        return os.path.join(self.conf, "license.trust")

    def read_trust(self) -> bytes | None:
        """What the client has learned of the vendor's keys; None: nothing."""
        return _read_own(self.trust, MAX_FILE)

    def read_license(self) -> bytes:
        """The installed licence.

        Raises LicenseMissingError, FileUnreadableError or FileTooLargeError.
        """
        data = _read_own(self.license, MAX_FILE)
        if data is None:
            raise LicenseMissingError(path=self.license)
        return data

    def read_revocations(self) -> bytes | None:
        """The revocation list beside the licence; None where there is none."""
        return _read_own(self.revocations, MAX_REVOCATIONS)

    def read_settings(self) -> Settings:
        """The product's settings; the defaults where it ships none. Raises SettingsInvalidError."""
        path = os.path.join(self.conf, "hostseal.toml")
        data = _read_own(path, MAX_FILE)
        if data is None:
            return Settings(path=path)
        try:
            return settings.parse(data, path)
        except ValueError as error:
            raise SettingsInvalidError(path=path, reason=str(error)) from error

    def read_requirements(self) -> Requirements | None:
        """What the product wants of the machine; None where it ships none.

        Raises SettingsInvalidError, FileUnreadableError or FileTooLargeError.
        """
        from license_core import requirements

        path = os.path.join(self.conf, "requirements.toml")
        data = _read_own(path, MAX_FILE)
        if data is None:
            return None
        try:
            return requirements.parse(data)
        except ValueError as error:
            raise SettingsInvalidError(path=path, reason=str(error)) from error

    def read_memory(self, facts: HostFacts) -> tuple[Memory | None, tuple[Notice, ...]]:
        """What earlier checks remember, and a remark where that is nothing to rely on."""
        try:
            data = _read_own(self.state, MAX_FILE)
            if data is None:
                return None, (Notice("memory-missing", path=self.state),)
            memory = parse(data, facts)
        except FileUnreadableError as error:
            return None, (_unread("memory-unreadable", error),)
        except (ValueError, LicenseError):
            return None, (Notice("memory-invalid", path=self.state),)
        if not memory.authentic:
            return memory, (Notice("memory-invalid", path=self.state),)
        if not memory.seen_at:  # no check wrote it, only get_host_key
            return memory, (Notice("memory-missing", path=self.state),)
        return memory, ()

    def read_trusted_keys(self) -> dict[str, bytes]:
        """The PEM text of every ``*.pub.pem``, in the order of the names.

        Raises TrustedKeyMissingError or FileUnreadableError.
        """
        try:
            names = sorted(name for name in os.listdir(self.keys) if name.endswith(".pub.pem"))
        except (FileNotFoundError, NotADirectoryError):
            names = []
        except OSError as error:
            raise unreadable(self.keys, error) from error
        files = {path: read(path, MAX_FILE) for path in (os.path.join(self.keys, n) for n in names)}
        found = {path: data for path, data in files.items() if data is not None}
        if not found:
            raise TrustedKeyMissingError(path=self.keys)
        return found


def is_source_tree() -> bool:
    """Whether ``cmd/cli.py`` stands beside this package: a product ships a copy of both."""
    return os.path.exists(os.path.join(_beside(), "cmd", "cli.py"))


def product_home() -> str | None:
    """The folder of ``conf/`` and ``keys/``; None where nobody has said which it is.

    The one in which ``cmd/cli.py`` stands beside this package; of an installed package the one
    that a product has installed with it, ``share/hostseal`` under ``sys.prefix``.
    """
    if is_source_tree():
        return _beside()
    shared = os.path.join(sys.prefix, "share", "hostseal")
    return shared if os.path.isdir(shared) else None


def _beside() -> str:
    return os.path.dirname(os.path.dirname(os.path.realpath(__file__)))


def read(path: str | os.PathLike[str], cap: int) -> bytes | None:
    """The bytes of the plain file *path*; None where there is none. Never blocks on a pipe.

    A link that leads nowhere is no missing file: whoever made it meant one to be there. Raises
    FileUnreadableError, or FileTooLargeError for more than *cap* bytes.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
        try:
            info = os.fstat(descriptor)
            if stat.S_ISDIR(info.st_mode):
                raise FileUnreadableError(path=os.fspath(path), reason="it is a folder")
            if not stat.S_ISREG(info.st_mode):
                raise FileUnreadableError(path=os.fspath(path), reason="it is not a regular file")
            with open(descriptor, "rb", closefd=False) as stream:
                data = stream.read(cap + 1)
        finally:
            os.close(descriptor)
    except (FileNotFoundError, NotADirectoryError) as error:
        if not os.path.islink(path):
            return None
        reason = "it is a broken symbolic link"
        broken = FileUnreadableError(path=os.fspath(path), reason=reason)
        raise broken.advised(("broken-link",)) from error
    except (OSError, ValueError) as error:
        raise unreadable(os.fspath(path), error) from error
    if len(data) > cap:
        raise FileTooLargeError(path=os.fspath(path), size=max(info.st_size, len(data)), cap=cap)
    return data


def unreadable(path: str, error: OSError | ValueError) -> FileUnreadableError:
    """The problem that *error* is to whoever reads *path*."""
    refused = FileUnreadableError(path=path, reason=words(error))
    barred = first_barred(path) if isinstance(error, PermissionError) else None
    return refused.advised(("may-not-enter",), folder=barred) if barred else refused


def first_barred(path: str) -> str | None:
    """The first folder on the way to *path* that this user may not enter; None: there is none."""
    barred, folder = None, os.path.dirname(absolute(path))
    while folder != os.path.dirname(folder):
        if os.path.isdir(folder) and not os.access(folder, os.X_OK):
            barred = folder
        folder = os.path.dirname(folder)
    return barred


def _unread(slug: str, refused: FileUnreadableError) -> Notice:
    return Notice(slug, path=refused.path, reason=refused.reason).because(refused)


def _read_visible(path: str, cap: int) -> bytes | None:
    """Like ``_read_own``; None also where the folder does not let this user see what is in it.

    Commands that tell of a host go on there: what they need of that folder says so itself.
    """
    try:
        return _read_own(path, cap)
    except LicenseError:
        if os.path.lexists(path):
            raise
        return None


def _read_own(path: str, cap: int) -> bytes | None:
    """As ``read``; a folder in the place of a file of conf/ was made by nobody but an engine."""
    try:
        return read(path, cap)
    except FileUnreadableError as error:
        if os.path.isdir(path):
            error.advised(("folder-of-docker",))
        raise


def absolute(path: str) -> str:
    """*path* from the root on; as it is in a working folder that has been removed."""
    try:
        return os.path.abspath(path)
    except FileNotFoundError:
        return path


def words(error: OSError | ValueError) -> str:
    """What the system says of *error*, without numbers and paths."""
    return (isinstance(error, OSError) and error.strerror) or str(error)

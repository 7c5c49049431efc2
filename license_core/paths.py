"""Where the client finds conf/, keys/, the licence, its memory and the host's root.

The only room that reads those files. Nothing here knows of signatures.
"""

from __future__ import annotations

import os
import stat
import sys

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
from license_core.record import NamedTuple
from license_core.settings import Settings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from license_core.giveback import Returned
    from license_core.requirements import Requirements

_MAX_PIN = 1024
_NOWHERE = "none"
"""What ``LICENSE_STATE`` says where nothing is to be remembered."""
_OF_KUBERNETES = "..data"
"""The link by which Kubernetes swaps what a Secret mounts (its AtomicWriter)."""
MAX_REVOCATIONS = 16 * 1024 * 1024


class Source(NamedTuple):
    """What a licence is taken from."""

    kind: str
    """``conf`` (license.dat there), ``file`` (LICENSE_FILE), ``environment`` (LICENSE), ``code``,
    or ``argument``: what a command was given."""
    path: str | None = None
    """The file; None where it is none."""
    data: bytes | None = None
    """The licence, where it is in no file."""
    is_doubled: bool = False
    """Whether both variables are set: then the file counts."""

    @classmethod
    def named(cls, environ: Mapping[str, str]) -> Source | None:
        """What the environment names; None: nothing. Raises FileUnreadableError."""
        path, text = _from_root(environ, "LICENSE_FILE"), environ.get("LICENSE")
        if path:
            return cls("file", path, is_doubled=bool(text))
        return cls("environment", data=content(os.fsencode(text))) if text else None


class Place(NamedTuple):
    """Two folders, the root of the host to probe, and what is elsewhere (SPEC section 7.4)."""

    conf: str
    keys: str
    root: str = "/"
    named: Source | None = None
    """What the licence is taken from; None: ``license.dat`` in *conf*."""
    memory: str | None = None
    """The folder of what checks remember; None: *conf*."""
    remembers: bool = True
    """Whether checks read and write a state file, and write what they learned."""

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

        The licence is what ``LICENSE_FILE`` or ``LICENSE`` names, else in *conf*.

        *home* is by default ``product_home()``: never the working folder, or whoever starts the
        product in a folder of theirs would choose the vendor. *root* is by default ``/``. Raises
        FolderUnnamedError, and FileUnreadableError for a variable that would be taken from there.
        """
        named = {
            "conf": conf or environ.get("LICENSE_CONF"),
            "keys": keys or environ.get("LICENSE_KEYS"),
        }
        if not all(named.values()):
            home = home or product_home()
        for name, folder in named.items():
            if not folder and home is None:
                raise _unnamed(name)
            named[name] = folder or os.path.join(home or "", name)
        place = cls(named["conf"] or "", named["keys"] or "", root or "/")
        if environ.get("LICENSE_STATE") == _NOWHERE:
            place = place._replace(remembers=False)
        else:
            place = place._replace(memory=_from_root(environ, "LICENSE_STATE"))
        source = Source.named(environ)
        return place._replace(named=source) if source else place

    @property
    def license(self) -> str:
        """The licence file, or where it would be installed."""
        path = self.named.path if self.named else None
        return path or os.path.join(self.conf, "license.dat")

    @property
    def license_parts(self) -> dict[str, str]:
        """The folder and the name of that file, for remedies."""
        folder, name = os.path.split(self.license)
        return {"folder": folder or os.curdir, "name": name}

    @property
    def secret_parts(self) -> dict[str, str] | None:
        """The Secret's folder and name there, where that file lies in one; None: in none.

        Kubernetes swaps its content by a link, and would undo what is written there. The file may
        be named in the Secret's folder, behind its link, or by a link from anywhere else.
        """
        folder, name = os.path.split(self.license)
        if os.path.islink(os.path.join(folder, _OF_KUBERNETES)):
            return {"folder": folder or os.curdir, "name": name}
        real = os.path.realpath(self.license)
        holder, name = os.path.split(real)
        folder = holder
        while True:
            swapped = os.path.join(folder, _OF_KUBERNETES)
            if os.path.islink(swapped) and (
                folder == holder or real.startswith(os.path.join(os.path.realpath(swapped), ""))
            ):
                return {"folder": folder, "name": name}
            above = os.path.dirname(folder)
            if above == folder:
                return None
            folder = above

    @property
    def source(self) -> Source:
        """What the licence is taken from."""
        return self.named or Source("conf", self.license)

    @property
    def settings(self) -> str:
        """What the product says of itself."""
        return os.path.join(self.conf, "hostseal.toml")

    @property
    def state(self) -> str:
        """The client's memory."""
        return os.path.join(self.memory or self.conf, "license.state")

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
        return os.path.join(self.memory or self.conf, "license.trust")

    def read_trust(self) -> bytes | None:
        """What the client has learned of the vendor's keys; None: nothing."""
        return _read_own(self.trust, MAX_FILE)

    @property
    def secrets(self) -> str:
        """By what the licences of this host can be given back (giveback.py)."""
        return os.path.join(self.memory or self.conf, "license.return")

    @property
    def returned(self) -> str:
        """The text of the licence that was given back last."""
        return os.path.join(self.memory or self.conf, "license.returned")

    def read_returned(self) -> Returned | None:
        """What that text says; None where there is none, or it cannot be read."""
        from license_core import giveback

        try:
            data = _read_own(self.returned, MAX_FILE)
            return None if data is None else giveback.parse(data.decode("utf-8", "replace"))
        except (ValueError, LicenseError):
            return None

    def read_license(self) -> bytes:
        """The licence that is in force.

        Raises LicenseMissingError, FileUnreadableError or FileTooLargeError.
        """
        if self.named is None:
            data = _read_own(self.license, MAX_FILE)
        elif self.named.data is not None:
            data = self.named.data
        else:
            data = self._read_named()
        if data is None:
            missing = LicenseMissingError(path=self.license)
            if self.named:
                raise missing.advised(("missing-where-named",))
            returned = self.read_returned()
            if returned is not None:
                missing.advised(("given-back",), number=returned.number, returned_at=returned.iat)
            raise missing
        return data

    def _read_named(self) -> bytes | None:
        """The file that ``LICENSE_FILE`` names."""
        try:
            return read(self.license, MAX_FILE)
        except FileUnreadableError as error:
            if os.path.isdir(self.license):
                error.advised(("names-a-folder",))
            raise

    def read_revocations(self) -> bytes | None:
        """The revocation list beside the licence; None: there is none. Raises ListTooLargeError."""
        try:
            return _read_own(self.revocations, MAX_REVOCATIONS)
        except FileTooLargeError as error:
            from license_core.revocation_errors import ListTooLargeError

            raise ListTooLargeError(**error.facts) from error

    def read_settings(self) -> Settings:
        """The product's settings; the defaults where it ships none. Raises SettingsInvalidError."""
        path = self.settings
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
        try:
            return None if data is None else requirements.parse(data)
        except ValueError as error:
            raise SettingsInvalidError(path=path, reason=str(error)) from error

    def read_memory(self, facts: HostFacts) -> tuple[Memory | None, tuple[Notice, ...]]:
        """What earlier checks remember, and a remark where that is nothing to rely on."""
        if not self.remembers:
            return None, (Notice("memory-off"),)
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

    def watched(self) -> list[str]:
        """What a check reads here: the files that are there, and the folders of those that are not.

        The licence is among them in any case.
        """
        folders = [self.conf, self.keys, *([self.memory] if self.memory else [])]
        files = [self.settings, self.trust, self.revocations, self.pin]
        if self.remembers:
            files.append(self.state)
        try:
            files += (os.path.join(self.keys, n) for n in os.listdir(self.keys) if _is_key(n))
        except OSError:
            pass  # the check says so
        if self.named is None or self.named.data is None:
            folders.append(self.license)
        return folders + [file for file in files if os.path.lexists(file)]

    def read_trusted_keys(self) -> dict[str, bytes]:
        """The PEM text of every ``*.pub.pem``, in the order of the names.

        Raises TrustedKeyMissingError or FileUnreadableError.
        """
        try:
            names = sorted(filter(_is_key, os.listdir(self.keys)))
        except (FileNotFoundError, NotADirectoryError):
            names = []
        except OSError as error:
            raise unreadable(self.keys, error) from error
        files = {path: read(path, MAX_FILE) for path in (os.path.join(self.keys, n) for n in names)}
        found = {path: data for path, data in files.items() if data is not None}
        if not found:
            raise TrustedKeyMissingError(path=self.keys)
        return found


def _from_root(environ: Mapping[str, str], variable: str) -> str | None:
    """The path in a *variable*; None where there is none. Raises FileUnreadableError."""
    path = environ.get(variable) or None
    if path is not None and not path.startswith("/"):
        error = FileUnreadableError(path=path, reason="it does not begin with a slash")
        raise error.advised(("from-the-root",), variable=variable)
    return path


def _is_key(name: str) -> bool:
    return name.endswith(".pub.pem")


def content(value: bytes) -> bytes:
    """The licence file that the *value* of a variable is: its text, or base64 of it.

    No text is both: the lines around a block have dashes, which are not of that alphabet.
    """
    packed = value.translate(None, b" \t\n\r\v\f")
    bare = packed.rstrip(b"=")
    is_packed = bare.translate(None, b"+/").isalnum()
    if not is_packed or len(packed) % 4 or len(packed) - len(bare) > 2:
        return value
    import binascii

    return binascii.a2b_base64(packed)


def is_source_tree() -> bool:
    """Whether ``cmd/cli.py`` stands beside this package: a product ships a copy of both."""
    return os.path.exists(os.path.join(_beside(), "cmd", "cli.py"))


def product_home() -> str | None:
    """The folder of ``conf/`` and ``keys/``; None where nobody has said which it is.

    The one in which ``cmd/cli.py`` stands beside this package, or the one file beside the trusted
    ``keys/``; of an installed package the one that a product has installed with it,
    ``share/hostseal`` under ``sys.prefix``.
    """
    if is_source_tree():
        return _beside()
    archive = one_file()
    if archive is not None:
        folder = os.path.dirname(archive)
        return folder if os.path.isdir(os.path.join(folder, "keys")) else None
    shared = os.path.join(sys.prefix, "share", "hostseal")
    return shared if os.path.isdir(shared) else None


def one_file() -> str | None:
    """The archive ``hostseal.pyz`` of which this package is a part; None: it is a folder."""
    beside = _beside()
    return beside if os.path.isfile(beside) else None


def _unnamed(folder: str) -> FolderUnnamedError:
    """That nobody has named *folder*, with what to do about it where this is the one file."""
    archive = one_file()
    if archive is None:
        return FolderUnnamedError(folder=folder)
    if os.path.isdir(os.path.join(os.path.dirname(archive), "conf")):
        return FolderUnnamedError(folder="keys").advised(("one-file-without-keys",), path=archive)
    return FolderUnnamedError(folder=folder).advised(("one-file-apart",), path=archive)


def _beside() -> str:
    return os.path.dirname(os.path.dirname(os.path.realpath(__file__)))


def read(path: str | os.PathLike[str], cap: int) -> bytes | None:
    """The bytes of the plain file *path*; None where there is none. Never blocks on a pipe.

    A link that leads nowhere is no missing file: whoever made it meant one to be there. Raises
    FileUnreadableError, or for more than *cap* bytes as ``too_large`` says.
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
        raise too_large(os.fspath(path), max(info.st_size, len(data)), cap, data)
    return data


def too_large(path: str, size: int, cap: int, data: bytes) -> LicenseError:
    """That *path*, which begins with *data*, has more than *cap* bytes."""
    if cap != MAX_REVOCATIONS or b"LICENSE REVOCATIONS" not in data:
        return FileTooLargeError(path=path, size=size, cap=cap)
    from license_core.revocation_errors import ListTooLargeError

    return ListTooLargeError(path=path, size=size, cap=cap)


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

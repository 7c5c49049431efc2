"""The licence that is installed here: reads conf/, keys/, the host and the clock, then checks.

What the client and a product's own code import. Nothing is kept between calls, so a licence that
was replaced on disk counts from the next call on.
"""

import os
import stat
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from license_core import guard, settings
from license_core.errors import (
    FileTooLargeError,
    FileUnreadableError,
    LicenseError,
    LicenseMissingError,
    Notice,
    SettingsInvalidError,
    TrustedKeyInvalidError,
    TrustedKeyMissingError,
)
from license_core.facts import HostFacts
from license_core.guard import Memory
from license_core.probe import read_facts
from license_core.publickey import PublicKey
from license_core.settings import Settings
from license_core.verify import MAX_FILE, Report, check

LICENSE_FILE = "license.dat"
STATE_FILE = "license.state"
SETTINGS_FILE = "hostseal.toml"
REVOCATIONS_FILE = "license.revocations"

MAX_REVOCATIONS = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Place:
    """Where the client finds things: two folders, and the root of the host."""

    conf: Path
    keys: Path
    root: Path = Path("/")

    @classmethod
    def default(cls, environ: Mapping[str, str]) -> "Place":
        """``LICENSE_CONF`` and ``LICENSE_KEYS``, else ``conf/`` and ``keys/`` beside ``cmd/``."""
        home = Path(__file__).resolve().parent.parent
        if not (home / "cmd" / "cli.py").exists():  # an installed wheel: the product's folder
            home = Path.cwd()
        return cls(
            conf=Path(environ.get("LICENSE_CONF") or home / "conf"),
            keys=Path(environ.get("LICENSE_KEYS") or home / "keys"),
        )

    @property
    def license(self) -> Path:
        """The licence file."""
        return self.conf / LICENSE_FILE

    @property
    def state(self) -> Path:
        """The client's memory."""
        return self.conf / STATE_FILE


@dataclass(frozen=True, slots=True)
class Checked:
    """A report, with what it was made from and what to remember of it."""

    report: Report
    facts: HostFacts
    memory: Memory
    """After this check; to be written to ``Place.state``."""


def check_installed(
    conf: str | Path | None = None,
    keys: str | Path | None = None,
    *,
    root: str | Path = "/",
    now: int | None = None,
) -> Report:
    """Check the installed licence for this host.

    *conf* and *keys* are folders, by default ``LICENSE_CONF`` and ``LICENSE_KEYS``, else those
    beside ``cmd/``. *now* is an instant in seconds, by default the clock's. What is wrong is in
    the report; nothing is raised and nothing is written.
    """
    place = Place.default(os.environ)
    place = Place(Path(conf or place.conf), Path(keys or place.keys), Path(root))
    instant = int(time.time()) if now is None else now
    try:
        facts = read_facts(place.root, os.environ)
        return check_file(read_license(place), place, facts, instant).report
    except LicenseError as error:
        return Report(instant, (error,))


def check_file(data: bytes, place: Place, facts: HostFacts, now: int) -> Checked:
    """Check the bytes of a licence file as if they were installed at *place*.

    Raises the LicenseError of a trusted key or of settings that cannot be read: they are the
    product's, and without them nothing can be said of a licence.
    """
    product_settings = read_settings(place)
    roots = read_roots(place.keys)
    memory, remarks = read_memory(place, facts)
    report = check(
        data,
        roots=roots,
        facts=facts,
        now=now,
        settings=product_settings,
        memory=memory,
        revocations=_read(place.conf / REVOCATIONS_FILE, MAX_REVOCATIONS),
        keys_path=str(place.keys),
    )
    after = memory or Memory()
    if report.license is not None:
        after = after.advance(now, report.license.jti, report.license.iat)
        if report.ok:
            after = after.remember_host(facts)
        report = Report(
            report.now, report.problems, remarks + report.notices,
            report.license, report.host, report.keyset_version,
        )  # fmt: skip
    return Checked(report, facts, after)


def read_license(place: Place) -> bytes:
    """The bytes of the installed licence.

    Raises LicenseMissingError, FileUnreadableError or FileTooLargeError.
    """
    data = _read(place.license, MAX_FILE)
    if data is None:
        raise LicenseMissingError(path=str(place.license))
    return data


def read_roots(folder: Path) -> tuple[PublicKey, ...]:
    """The trusted keys: every ``*.pub.pem`` in *folder*, in the order of the names.

    Raises TrustedKeyMissingError, TrustedKeyInvalidError or FileUnreadableError.
    """
    try:
        names = sorted(name for name in os.listdir(folder) if name.endswith(".pub.pem"))
    except FileNotFoundError:
        names = []
    except OSError as error:
        raise FileUnreadableError(path=str(folder), reason=_words(error)) from error
    if not names:
        raise TrustedKeyMissingError(path=str(folder))
    return tuple(_root(folder / name) for name in names)


def read_settings(place: Place) -> Settings:
    """The product's settings; the defaults where it ships none. Raises SettingsInvalidError."""
    path = place.conf / SETTINGS_FILE
    data = _read(path, MAX_FILE)
    if data is None:
        return Settings(path=str(path))
    try:
        return settings.parse(data, str(path))
    except ValueError as error:
        raise SettingsInvalidError(path=str(path), reason=str(error)) from error


def read_memory(place: Place, facts: HostFacts) -> tuple[Memory | None, tuple[Notice, ...]]:
    """What earlier checks remember, and a remark where that is nothing to rely on."""
    try:
        data = _read(place.state, MAX_FILE)
        if data is None:
            return None, (Notice("memory-missing", path=place.state),)
        memory = guard.parse(data, facts)
    except (ValueError, LicenseError):
        return None, (Notice("memory-invalid", path=place.state),)
    return memory, () if memory.authentic else (Notice("memory-invalid", path=place.state),)


def _root(path: Path) -> PublicKey:
    data = _read(path, MAX_FILE)
    if data is None:
        raise FileUnreadableError(path=str(path), reason="it leads nowhere")
    try:
        return PublicKey.from_pem(data.decode("ascii", "replace"))
    except ValueError as error:
        raise TrustedKeyInvalidError(path=str(path), reason=str(error)) from error


def _read(path: Path, cap: int) -> bytes | None:
    """The bytes of the plain file *path*; None where there is none. Never blocks on a pipe."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise FileUnreadableError(path=str(path), reason=_words(error)) from error
    with open(descriptor, "rb") as stream:
        info = os.fstat(descriptor)
        if not stat.S_ISREG(info.st_mode):
            raise FileUnreadableError(path=str(path), reason="it is not a plain file")
        data = stream.read(cap + 1)
    if len(data) > cap:
        raise FileTooLargeError(path=str(path), size=max(info.st_size, len(data)), cap=cap)
    return data


def _words(error: OSError) -> str:
    return error.strerror or str(error)

"""One run of the client: its paths, the instant, and its output."""

from __future__ import annotations

import os
import sys

from license_core import armor, b64url, hostkey, stability, strictjson
from license_core.errors import (
    FileUnreadableError,
    FolderNotWritableError,
    FolderUnnamedError,
    LicenseError,
    Notice,
)
from license_core.facts import HostFacts
from license_core.hostkey import DEFAULT_PROFILE, HostKey
from license_core.paths import Place, absolute
from license_core.probe import read_facts
from license_core.record import NamedTuple
from license_core.wording import DEFAULT_CLI, printable

TYPE_CHECKING = False
if TYPE_CHECKING:  # get_host_key must not pay for the verifier
    from license_core.comparison import Comparison
    from license_core.license import License
    from license_core.verify import Report

DECLINED = 130
"""The exit code where the person who was asked said no: as of one who interrupts."""
_PLAIN = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789@%+=:,./_-")


class Session(NamedTuple):
    """What every command is given."""

    place: Place
    now: int
    """The instant of this run, in seconds; read once."""
    as_json: bool
    cli: str
    """How the operator called the client, for remedies."""

    def read_facts(self) -> HostFacts:
        """The host of this run."""
        return read_facts(self.place.root, self.place.environment(os.environ))

    def can_be_asked(self) -> bool:
        """Whether a person is at a terminal; a script says beforehand that it agrees."""
        return not self.as_json and sys.stdin is not None and sys.stdin.isatty()

    def refuse_in_secret(self, advice: str) -> None:
        """Raise FolderNotWritableError, with *advice*, where a Secret has the licence."""
        parts = self.place.secret_parts
        if parts is not None:
            reason = "Kubernetes keeps what is in it"
            kept = FolderNotWritableError(folder=parts["folder"], reason=reason)
            raise kept.advised((advice,), **parts)


class Refused(Exception):  # noqa: N818  # an outcome, not an error: the report holds the errors
    """A command ends with the problems of a report."""

    def __init__(self, report: Report, comparison: Comparison | None = None) -> None:
        super().__init__()
        self.report = report
        self.comparison = comparison


class Call:
    """A run of the client: what its options say, and how it is called."""

    def __init__(self, now: int, home: str | None) -> None:
        self.now = now
        self.home = home
        self.as_json = False
        self.named: dict[str, str | None] = {}
        """The folders that the options name: ``conf``, ``keys`` and ``root``."""
        self.cli = called_as()

    def session(self) -> Session:
        """What a command is given. Raises as ``Place.default`` does."""
        place = Place.default(os.environ, self.home, **self.named)
        try:
            usual = Place.default({}, self.home)
        except FolderUnnamedError:
            usual = None
        self.cli = called_as(place, usual)
        return Session(place, self.now, self.as_json, self.cli)


def installed(session: Session) -> License | None:
    """What the installed licence says; None where there is none, or none that can be verified.

    Without a licence nothing of the verifier is loaded.
    """
    if not _may_be_installed(session.place):
        return None
    from license_core.installed import read_installed

    return read_installed(session.place)


def _may_be_installed(place: Place) -> bool:
    """Whether there is a licence, or nobody can tell."""
    if place.source.data is not None:
        return True
    try:
        os.lstat(place.license)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True
    return True


def unread(session: Session, profile: str) -> tuple[Notice, ...]:
    """That the installed licence cannot be read, so that nobody knows whether *profile* is its."""
    if not _may_be_installed(session.place):
        return ()
    try:
        session.place.read_license()
    except FileUnreadableError as error:
        facts = {"path": error.path, "reason": error.reason, "profile": profile}
        return (Notice("license-unread", **facts).because(error),)
    except LicenseError:
        pass  # it can be read, and `verify` says what is wrong with it
    return ()


def profile_here(session: Session, named: str | None) -> str:
    """As ``profile_to_order`` says it of the installed licence.

    One that names no profile but ``hk1`` is not verified for that: it is ``hk1`` either way.
    """
    if named or not _may_name_another(session.place):
        return named or DEFAULT_PROFILE
    return profile_to_order(None, installed(session))


def _may_name_another(place: Place) -> bool:
    """Whether what stands in the licence's place may be for another profile than ``hk1``."""
    try:
        tokens = armor.unwrap(place.read_license()).get(armor.LICENSE, ())
        named = [strictjson.loads(b64url.decode(token.split(".")[1])) for token in tokens]
        return any(claims["host"]["profile"] != DEFAULT_PROFILE for claims in named)
    except LicenseError:
        return False  # nor can it be verified
    except (ValueError, LookupError, TypeError):
        return True


def profile_to_order(named: str | None, present: License | None) -> str:
    """The profile that was *named*, else that of the licence that is *present*, else ``hk1``.

    A profile is one thing from the first line to the last renewal.
    """
    return named or (present.host.profile if present else DEFAULT_PROFILE)


def key_to_give(facts: HostFacts, profile: str) -> HostKey:
    """The key of the host under *profile*, for the vendor.

    Raises as hostkey.derive does, and PinnedAddressDiffersError.
    """
    stability.check_pinned(facts, profile)
    return hostkey.derive(facts, profile)


def called_as(place: Place | None = None, default: Place | None = None) -> str:
    """How this process can be called again from the operator's own shell.

    ``python cmd/cli.py`` with the operator's own path, and with the folders of *place* where they
    are not those of *default*: what start.sh sets in its environment a shell has not got.
    """
    path = sys.argv[0]
    if path.endswith(("cli.py", ".pyz")):
        words = [*_python(), _tidy(path)]
    else:
        words = [os.path.basename(path)] if path else DEFAULT_CLI.split()
    if place is not None:
        for option, folder, usual in (
            ("--conf", place.conf, default and default.conf),
            ("--keys", place.keys, default and default.keys),
        ):
            if usual is None or (folder != usual and _real(folder) != _real(usual)):
                words += [option, _tidy(folder)]
    return " ".join(map(_quoted, words))


def _python() -> list[str]:
    """What to type for this interpreter: ``python`` only where that is the one which is found."""
    for name in ("python", "python3"):
        folders = os.environ.get("PATH", "").split(os.pathsep)
        found = (os.path.join(folder, name) for folder in folders)
        if next(filter(os.path.exists, found), None) == sys.executable:
            return [name]
    here = absolute("")
    python = _tidy(sys.executable)
    if here and python.startswith(here + os.sep):
        python = python[len(here) + 1 :]
    return [python or "python"]


def _tidy(path: str) -> str:
    """*path* without detours such as ``conf/../..``; the name of a link at its end stays."""
    folder, name = os.path.split(path)
    if ".." not in path.split(os.sep)[1:]:
        return path
    plain, real = os.path.normpath(folder), _real(folder)
    # Where a link lies before `..` these are two folders.
    return os.path.join(plain if _real(plain) == real else real, name)


def _real(path: str) -> str:
    """*path* with links followed; as it is in a working folder that has been removed."""
    try:
        return os.path.realpath(path)
    except FileNotFoundError:
        return path


def _quoted(word: str) -> str:
    """*word* for a shell."""
    if _PLAIN.issuperset(word):
        return word
    import shlex  # few paths need it

    return shlex.quote(printable(word))

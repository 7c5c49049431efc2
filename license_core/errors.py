"""One tree of refusals, and the remarks beside it; their words are in problems.py and notices.py.

An error carries facts as attributes. Its row says its slug, exit code and words: an error of the
core has it in the table of problems.py, which is loaded when something is said of it; an error of
the server declares it in its class. So the core knows of no error but its own.
"""

from __future__ import annotations

from license_core.wording import Worded

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, ClassVar, dataclass_transform

    from license_core.notices import Remark
    from license_core.problem import Problem
else:  # Python 3.11 has it; it does nothing but tell the type checker
    dataclass_transform = lambda **_: lambda kind: kind  # noqa: E731


class _RowOfTheCore:
    """The row of a class, or of an instance, in the core's table."""

    def __get__(self, error: object, kind: type) -> Problem:
        from license_core.problems import PROBLEMS

        return PROBLEMS[kind.__name__]


@dataclass_transform(kw_only_default=True)
class LicenseError(Worded, Exception):
    """Something that Hostseal refuses; the root of every error that it raises on purpose.

    The annotations of a class are its facts: it is made with each of them by name, and has each
    as an attribute.
    """

    if TYPE_CHECKING:
        row: ClassVar[Problem]
        """What the table says of this kind of error."""
    else:
        row = _RowOfTheCore()

    def __init__(self, **facts: Any) -> None:
        super().__init__()
        self.facts = facts
        self.__dict__.update(facts)

    @property
    def slug(self) -> str:
        """The stable name of the problem (SPEC section 9)."""
        return self.row.slug

    @property
    def exit_code(self) -> int:
        """What a command that fails with this problem exits with (SPEC section 9)."""
        return self.row.exit_code

    def __str__(self) -> str:
        return self.sentence


def anew(error: LicenseError) -> LicenseError:
    """The same as *error*, not raised yet."""
    made = type(error).__new__(type(error))
    made.__dict__.update(error.__dict__)
    made.__cause__ = error.__cause__
    return made


class Notice(Worded):
    """A remark that refuses nothing: a warning, a note, or a detail of a refusal."""

    def __init__(self, slug: str, **facts: Any) -> None:
        self.slug = slug
        self.facts = facts

    @property
    def row(self) -> Remark:
        """This notice's row of the core's table."""
        from license_core.notices import NOTICES

        return NOTICES[self.slug]

    @property
    def level(self) -> str:
        """``warning``, ``note`` or ``detail``."""
        return self.row.level

    def __repr__(self) -> str:
        return f"Notice({self.slug!r}, {self.facts!r})"


class InternalError(LicenseError):
    """A case that Hostseal does not know."""

    reason: str


class UsageError(LicenseError):
    """The command line or request was not understood."""

    reason: str
    help: str

    def __init__(self, *, reason: str, help: str = "--help") -> None:  # noqa: A002
        super().__init__(reason=reason, help=help)


class DependencyMissingError(LicenseError):
    """A package that the client needs cannot be imported."""

    python: str
    package: str


class MemoryExhaustedError(LicenseError):
    """The machine or the container has too little memory left to go on."""


class FolderUnnamedError(LicenseError):
    """An installed package was not told where ``conf`` or ``keys`` is."""

    folder: str


class LicenseMissingError(LicenseError):
    """There is no licence file."""

    path: str


class FileUnreadableError(LicenseError):
    """A file is there but cannot be read."""

    path: str
    reason: str


class FileTooLargeError(LicenseError):
    """A file is larger than its format allows (SPEC section 4.1)."""

    path: str
    size: int
    cap: int


class LicenseBlockMissingError(LicenseError):
    """The file has no LICENSE block."""

    size: int
    found: str


class LicenseDamagedError(LicenseError):
    """The armour or the token of a licence is not whole."""

    reason: str


class SeveralLicensesError(LicenseError):
    """The file has more than one LICENSE block."""

    count: int


class LicenseClaimsInvalidError(LicenseError):
    """A signed claim breaks the rules of SPEC section 5.2."""

    claim: str
    reason: str


class LicenseUnsupportedError(LicenseError):
    """The licence demands something of a later version."""

    what: str


class SettingsInvalidError(LicenseError):
    """conf/hostseal.toml cannot be used."""

    path: str
    reason: str


class TrustedKeyMissingError(LicenseError):
    """The folder of trusted keys has none."""

    path: str


class TrustedKeyInvalidError(LicenseError):
    """A trusted key cannot be used."""

    path: str
    reason: str


class KeysetMissingError(LicenseError):
    """The file has no LICENSE KEYSET block."""


class KeysetUntrustedError(LicenseError):
    """Too few trusted root keys signed the keyset."""

    reason: str
    trusted: str
    keys: str


class KeysetInvalidError(LicenseError):
    """The keyset breaks the rules of SPEC section 6.1."""

    reason: str


class KeysetExpiredError(LicenseError):
    """The keyset had ended when the licence was issued."""

    version: int
    ended_at: int
    issued_at: int


class SigningKeyUnknownError(LicenseError):
    """No key of the keyset would have made this header."""

    version: int


class SignatureInvalidError(LicenseError):
    """The signature of the licence does not match its bytes."""


class SigningKeyRevokedError(LicenseError):
    """The keyset says that the signing key is revoked."""

    kid: str
    version: int


class SigningKeyNotAllowedError(LicenseError):
    """The signing key is not for this product or this time."""

    kid: str
    reason: str


class WrongHostError(LicenseError):
    """The licence is sealed to another host; ``details`` says what differs."""

    licensed_key: str
    licensed_name: str | None
    host_key: str
    hostname: str | None
    details: tuple[Notice, ...]
    evidence: str


class WrongProductError(LicenseError):
    """The licence is for another product."""

    licensed: str
    product: str


class HostUnidentifiableError(LicenseError):
    """Neither a machine id that is this host's own nor a container id is known."""

    root: str
    why: str


class PinnedAddressDiffersError(LicenseError):
    """LICENSE_PINNED_IP names another address than the host has."""

    pinned: str
    ip: str | None
    engine: str
    container: str


class PinnedAddressInvalidError(LicenseError):
    """What is declared as this host's address is none."""

    pinned: str


class GpusNotLicensedError(LicenseError):
    """More GPUs are visible than ``limits.gpus`` allows."""

    licensed: int
    present: int


class FeatureNotLicensedError(LicenseError):
    """A product asks for a feature that the licence does not name."""

    number: str
    feature: str
    licensed: str


class KeysetRolledBackError(LicenseError):
    """This host has seen a later keyset, or later roots."""

    version: int
    roots: int
    seen_version: int
    seen_roots: int


class RootsInvalidError(LicenseError):
    """Trusted root keys signed a roots document that breaks the rules of SPEC section 6.3."""

    reason: str


class RootsSkippedError(LicenseError):
    """A version of the roots is missing between those that are known and those that are there."""

    known: int
    found: int


class LicenseExpiredError(LicenseError):
    """The term, and any grace, is over."""

    ended_at: int
    now_at: int


class LicenseNotYetValidError(LicenseError):
    """The term has not begun."""

    begins_at: int
    now_at: int


class ClockSetBackError(LicenseError):
    """The clock is more than the tolerance behind what this host has seen."""

    now_at: int
    seen_at: int


class ClockWrongError(LicenseError):
    """The clock of this machine says what no clock can say."""

    reason: str


class LicenseRevokedError(LicenseError):
    """The licence is on the vendor's revocation list."""

    number: str
    list_number: int
    listed_at: int


class MaintenanceEndedError(LicenseError):
    """This version was released after the licence's maintenance ended."""

    until_at: int
    released_at: int


class RequestUnreadableError(LicenseError):
    """No host key can be found in the operator's text."""

    size: int
    reason: str


class RequestDamagedError(LicenseError):
    """A request block is there but not whole."""

    reason: str


class RequestAmbiguousError(LicenseError):
    """The text holds more than one host key."""

    count: int


class FileIsMountedError(LicenseError):
    """The file is a mount point, so it cannot be replaced (EBUSY)."""

    path: str
    folder: str
    name: str


class FolderNotWritableError(LicenseError):
    """The folder is read-only for this user (EROFS, EACCES, EPERM)."""

    folder: str
    reason: str


class DiskFullError(LicenseError):
    """No room on the disk or in the quota (ENOSPC, EDQUOT)."""

    folder: str
    reason: str


class FolderMissingError(LicenseError):
    """The folder of a file that is to be written is not there."""

    folder: str


class PathIsFolderError(LicenseError):
    """A folder stands where a file is to be written."""

    path: str


class WriteFailedError(LicenseError):
    """A file could not be written for another reason."""

    path: str
    folder: str
    reason: str


class ServerUnreachableError(LicenseError):
    """The licence server gave no usable answer."""

    url: str
    reason: str


class OutputFailedError(LicenseError):
    """The answer of a command could not be written."""

    reason: str


class ProgramNotStartedError(LicenseError):
    """The program that guard should start cannot be."""

    program: str
    reason: str


class DatabaseUnavailableError(LicenseError):
    """The database does not answer."""

    reason: str


class SignerUnavailableError(LicenseError):
    """The signing key cannot be used now."""

    reason: str


class NotFoundError(LicenseError):
    """No such licence, page or product."""

    what: str
    name: str


class NotAuthenticatedError(LicenseError):
    """Nobody is signed in, or the token is not valid."""

    reason: str


class NotPermittedError(LicenseError):
    """Signed in, but not allowed."""

    reason: str


class RateLimitedError(LicenseError):
    """One client asks more often than the server answers."""

    seconds: int
    limit: str

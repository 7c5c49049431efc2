"""One tree of refusals, and the remarks beside it; their words are in problems.py.

An error carries facts as attributes; its sentence, remedy, slug and codes come from the one table.
What a file or a request said is shown with its control characters escaped, so that a hostile
value cannot move the cursor of the terminal it is shown in.
"""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from license_core.reason import Reason, say

if TYPE_CHECKING:
    from license_core.problems import Problem, Remark

DEFAULT_CLI = "python cmd/cli.py"
DEFAULT_SERVER = "license-server"
_DIRECTION_MARKS = frozenset(
    "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
)


def printable(text: str) -> str:
    r"""*text* on one line, with control characters and direction marks written as ``\uXXXX``."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        c if c.isprintable() and c not in _DIRECTION_MARKS else f"\\u{ord(c):04x}" for c in text
    )


def utc(instant: int) -> str:
    """An instant in seconds, as ``2026-11-23 16:00:00 UTC``."""
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(instant))


Translate = Callable[[str], str]
"""From an English text to the same in another language; ``str`` for English."""


# Facts that are words themselves, and not names or numbers.
_WORDS = frozenset({"reason", "what", "found"})


def _spoken(facts: dict[str, Any], translate: Translate) -> dict[str, str]:
    """The facts as words for a template; ``…_at`` are instants in seconds."""
    return {name: _word(name, value, translate) for name, value in facts.items()}


def _word(name: str, value: Any, translate: Translate) -> str:
    if value is None:
        return translate("unknown")
    if name.endswith("_at") and isinstance(value, int):
        return utc(value)
    if isinstance(value, Reason) or (name in _WORDS and isinstance(value, str)):
        value = say(value, translate)
    return printable(str(value))


class _Worded:
    """Facts, and the row of the tables that has the words for them."""

    __slots__ = ()
    facts: dict[str, Any]

    @property
    def row(self) -> "Problem | Remark":
        """Its row."""
        raise NotImplementedError

    @property
    def sentence(self) -> str:
        """What there is to say of these facts, in one line of English."""
        return self.say()

    def say(self, translate: Translate = str) -> str:
        """What there is to say of these facts, in one line."""
        return translate(self.row.sentence).format_map(_spoken(self.facts, translate))

    def remedy(
        self, cli: str = DEFAULT_CLI, translate: Translate = str, server: str = DEFAULT_SERVER
    ) -> str:
        """What to do about it; *cli* and *server* are how these are called here."""
        facts = _spoken(self.facts, translate) | {"cli": cli, "server": server}
        return translate(self.row.remedy).format_map(facts)


class LicenseError(_Worded, Exception):
    """Something that Hostseal refuses; the root of every error that it raises on purpose."""

    def __init__(self, **facts: Any) -> None:
        super().__init__()
        self.facts = facts

    def __getattr__(self, name: str) -> Any:
        try:
            return self.__dict__["facts"][name]
        except KeyError:
            raise AttributeError(name) from None

    @property
    def row(self) -> "Problem":
        """This error's row of the table."""
        from license_core.problems import PROBLEMS

        return PROBLEMS[type(self).__name__]

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


class Notice(_Worded):
    """A remark that refuses nothing: a warning, a note, or a detail of a refusal."""

    __slots__ = ("facts", "slug")

    def __init__(self, slug: str, **facts: Any) -> None:
        self.slug = slug
        self.facts = facts

    @property
    def row(self) -> "Remark":
        """This notice's row of the table."""
        from license_core.problems import NOTICES

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


class RevocationsInvalidError(LicenseError):
    """The revocation list is damaged or untrusted."""

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
    """Neither machine id nor container id is known."""

    root: str


class MachineIdNotBoundError(LicenseError):
    """hk1-host without the host's own machine id."""

    root: str
    found: str


class PinnedAddressDiffersError(LicenseError):
    """LICENSE_PINNED_IP names another address than the host has."""

    pinned: str
    ip: str | None
    engine: str
    container: str


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


class LicenseRevokedError(LicenseError):
    """The licence is on the vendor's revocation list."""

    number: str
    list_number: int
    listed_at: int


class RevocationsRolledBackError(LicenseError):
    """This host has seen a later revocation list."""

    number: int
    seen_number: int


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


class LicenseNotWrittenError(LicenseError):
    """A licence was issued and recorded, and its file could not be written."""

    number: str
    path: str
    reason: str


class ProgramNotStartedError(LicenseError):
    """The program that guard should start cannot be."""

    program: str
    reason: str


class PassphraseMissingError(LicenseError):
    """An encrypted key and no passphrase."""

    what: str


class PassphraseWrongError(LicenseError):
    """The passphrase does not decrypt the key."""

    what: str


class AlreadyInitialisedError(LicenseError):
    """The data folder holds a server already."""

    path: str
    found: str


class NotInitialisedError(LicenseError):
    """The data folder holds no server."""

    path: str
    missing: str


class DatabaseUnavailableError(LicenseError):
    """The database does not answer."""

    reason: str


class SignerUnavailableError(LicenseError):
    """The signing key cannot be used now."""

    reason: str


class SecretFileOpenError(LicenseError):
    """A file with a private key or a PIN can be read by others than its owner."""

    path: str
    mode: str


class InputInvalidError(LicenseError):
    """A value that a person or client sent is not valid."""

    field: str
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


class FormExpiredError(LicenseError):
    """The form's token does not belong to the session."""


class TooManyAttemptsError(LicenseError):
    """Signing in is slowed after wrong attempts."""

    seconds: int


class IdempotencyConflictError(LicenseError):
    """The same Idempotency-Key with other content."""

    key: str


class AddressInUseError(LicenseError):
    """The server cannot listen on its address."""

    address: str
    reason: str


class SchemaOutdatedError(LicenseError):
    """The database is of another schema version."""

    found: str
    wanted: str


class SchemaNewerError(LicenseError):
    """The database was upgraded by a later server."""

    found: str
    wanted: str


class MethodNotAllowedError(LicenseError):
    """The address is right, the HTTP method is not."""

    method: str
    path: str
    allowed: str


class RequestTooLargeError(LicenseError):
    """The body of an HTTP request is too large."""

    size: int
    cap: int


class StillRunningError(LicenseError):
    """The same request is being worked on."""

    key: str


class ChangedMeanwhileError(LicenseError):
    """Somebody changed it after the caller saw it."""

    what: str


class LicenseStateError(LicenseError):
    """What became of the licence does not allow this act."""

    number: str
    act: str
    became: str


class TermTooLongError(LicenseError):
    """The product allows no term as long as this."""

    product: str
    days: int
    asked: str


class RehostsUsedUpError(LicenseError):
    """The licence has moved to another host as often as the product allows."""

    number: str
    allowed: int
    product: str


class ProposalDecidedError(LicenseError):
    """Somebody has decided the proposal already."""

    id: int
    state: str
    decided_by: str


class RateLimitedError(LicenseError):
    """One client asks more often than the server answers."""

    seconds: int
    limit: str


class RecordBrokenError(LicenseError):
    """The ledger and its record do not agree."""

    count: int
    first: str


class LastAdministratorError(LicenseError):
    """Nobody would be left who may manage people."""

    email: str


class InvitationOverError(LicenseError):
    """The invitation was accepted, withdrawn or replaced, is over, or never was."""


class OpenIdRefusedError(LicenseError):
    """The word of the vendor's OpenID provider lets nobody in."""

    reason: str


class OpenIdUnavailableError(LicenseError):
    """The vendor's OpenID provider cannot be asked."""

    reason: str


class ApprovalPendingError(LicenseError):
    """A second person must approve it before there is a licence."""

    id: int
    product: str


class TermOverError(LicenseError):
    """The term that is asked for has ended."""

    field: str
    last: str


class EvidenceMissingError(LicenseError):
    """A licence cannot be anchored to a host of which only the key is known."""

    field: str
    key: str


class NameTakenError(LicenseError):
    """There is one of this name already."""

    what: str
    name: str


class RecordKeyUnavailableError(LicenseError):
    """The key that signs checkpoints cannot be used."""

    reason: str


class KeysetRefusedError(LicenseError):
    """A keyset cannot take the place of the one that is in force."""

    path: str
    reason: str


class BackupInvalidError(LicenseError):
    """A file is no backup, or is damaged."""

    path: str
    reason: str


class SheetInvalidError(LicenseError):
    """A CSV file is none that is understood."""

    line: int
    reason: str


class ImportRefusedError(LicenseError):
    """Lines of an import are wrong, so nothing was issued."""

    path: str
    wrong: int
    lines: int
    first: int

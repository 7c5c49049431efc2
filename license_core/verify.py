"""The check of a licence: an ordered workflow on bytes, facts and an instant (SPEC section 7).

The rules that ``check`` keeps:

* Files, clock and host are read by others. The same arguments give the same report.
* Until the signature of the licence is verified nothing that the file says is looked at; each
  problem up to there ends the check, since nothing after it could be believed.
* From there on everything that is wrong is found, and the first in the order below is primary.
* A report either has problems, or a licence that holds. There is no third outcome.
"""

from __future__ import annotations

from license_core import (
    advice,
    armor,
    host_check,
    jws,
    stability,
    strictjson,
)
from license_core.armor import MAX_FILE
from license_core.claims import MAX_INSTANT, ClaimError
from license_core.errors import (
    ClockSetBackError,
    FeatureNotLicensedError,
    FileTooLargeError,
    GpusNotLicensedError,
    KeysetExpiredError,
    KeysetRolledBackError,
    LicenseBlockMissingError,
    LicenseClaimsInvalidError,
    LicenseDamagedError,
    LicenseError,
    LicenseExpiredError,
    LicenseNotYetValidError,
    LicenseUnsupportedError,
    MaintenanceEndedError,
    Notice,
    SeveralLicensesError,
    SignatureInvalidError,
    SigningKeyNotAllowedError,
    SigningKeyRevokedError,
    SigningKeyUnknownError,
    WrongProductError,
    anew,
)
from license_core.facts import HostFacts
from license_core.hostkey import HostKey
from license_core.keyset import TrustedKeyset
from license_core.license import License, UnsupportedError
from license_core.memory import (
    TOLERANCE,
    Memory,
    SeenList,
)
from license_core.publickey import PublicKey
from license_core.reason import Reason
from license_core.record import NamedTuple
from license_core.settings import Settings
from license_core.trust import (
    Trust,
    open_trust,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from license_core.paths import Source
    from license_core.revocation import Revocations
    from license_core.trust import Blocks

DAY = 86400


class Verified(NamedTuple):
    """A licence whose signature was verified, whatever else may be wrong with it."""

    license: License
    signing_key: PublicKey
    trust: Trust
    revocations_token: str | None = None
    known_is_damaged: bool = False
    """Whether what was learned before could not be read."""


class Report(NamedTuple):
    """What a check found."""

    now: int
    problems: tuple[LicenseError, ...]
    """Everything that is wrong; the first is the primary one. Empty: the licence holds."""
    notices: tuple[Notice, ...] = ()
    license: License | None = None
    """The verified claims; None where the signature could not be verified."""
    host: HostKey | None = None
    trust: Trust | None = None
    """What the signatures were verified with; None where none could be."""
    revocations: Revocations | None = None
    """The latest of the revocation lists; None where none could be opened."""
    seen_list: SeenList | None = None
    """What to remember of the list beside the licence."""
    source: Source | None = None
    """What the licence was taken from; None where there is none."""

    @property
    def keyset_version(self) -> int | None:
        """The version of the keyset that counts."""
        return self.trust.keyset.keyset.version if self.trust else None

    @property
    def ok(self) -> bool:
        """Whether the product may run."""
        return not self.problems

    @property
    def state(self) -> str:
        """``active``, ``notify``, ``grace``, ``pending``, ``expired``, or ``refused``."""
        state = "refused" if self.license is None else self.license.state(self.now)
        return state if self.ok or state in ("pending", "expired") else "refused"

    @property
    def exit_code(self) -> int:
        """0, or that of the primary problem."""
        return self.problems[0].exit_code if self.problems else 0

    @property
    def features(self) -> tuple[str, ...]:
        """The licensed features; none where the licence does not hold."""
        return self.license.features if self.ok and self.license else ()

    @property
    def limits(self) -> Mapping[str, int]:
        """The licensed limits, such as ``{"gpus": 4}``; none where the licence does not hold."""
        return self.license.limits or {} if self.ok and self.license else {}

    @property
    def edition(self) -> str | None:
        """The licensed edition; None where there is none or the licence does not hold."""
        return self.license.edition if self.ok and self.license else None

    def require_valid(self) -> None:
        """Raise the primary problem, if there is one: each time an error of its own.

        A report may be kept and asked by several threads, and an error has one traceback.
        """
        if self.problems:
            raise anew(self.problems[0])

    def require(self, feature: str) -> None:
        """Raise unless the licence holds and includes *feature*.

        Raises the primary problem, or FeatureNotLicensedError.
        """
        self.require_valid()
        if self.license is not None and feature not in self.license.features:
            raise FeatureNotLicensedError(
                number=self.license.jti,
                feature=feature,
                licensed=", ".join(self.license.features) or Reason("none"),
            )


def check(
    data: bytes,
    *,
    roots: tuple[PublicKey, ...],
    facts: HostFacts,
    now: int,
    settings: Settings,
    memory: Memory | None,
    revocations: bytes | None = None,
    known: bytes | None = None,
    keys_path: str = "keys",
    revocations_path: str = "conf/license.revocations",
    known_path: str = "conf/license.trust",
) -> Report:
    """Check the licence file *data* for the host *facts* at the instant *now* (seconds).

    An instant that no calendar has counts as the nearest that one has. *roots* are the trusted
    keys, *memory* what earlier checks saw (None: nothing), *revocations* the bytes of a
    revocation list beside the licence, *known* those of the keyset and roots that were learned
    before. The paths are for messages only.
    Never raises LicenseError: what is wrong is in the report.
    """
    now = min(max(now, 0), MAX_INSTANT)
    try:
        verified = open_license(
            data, roots=roots, needed=settings.roots_needed, known=known, keys_path=keys_path
        )
    except LicenseError as error:
        return Report(now, (error,))
    license_ = verified.license
    problems: list[LicenseError] = []
    notices: list[Notice] = []

    if verified.known_is_damaged:
        notices.append(Notice("trust-invalid", path=known_path))
    if memory is not None:
        _check_trust(verified.trust, memory, problems)
    _check_signing_key(verified, problems)
    latest, listed_at, seen_list = None, 0, None
    if revocations is not None or verified.revocations_token is not None:
        from license_core.revocation_check import look_up

        found = look_up(
            license_.jti,
            verified.trust,
            inside=verified.revocations_token,
            beside=revocations,
            path=revocations_path,
            memory=memory,
        )
        latest, listed_at, seen_list = found.latest, found.listed_at, found.seen_list
        problems.extend(found.problems)
    if memory is not None and memory.gave_back(license_):
        from license_core.giveback import LicenseReturnedError

        problems.append(LicenseReturnedError(number=license_.jti))
    if latest is not None or memory is not None:
        _check_list(latest, verified, memory, now, notices, revocations_path)
    if settings.product is None:
        notices.append(Notice("product-unset", path=settings.path))
    elif license_.aud != settings.product:
        problems.append(WrongProductError(licensed=license_.aud, product=settings.product))
    host = host_check.judge(license_, facts, memory, problems, notices)
    _check_gpus(license_, facts, problems, notices)
    _check_clock(verified, memory, now, listed_at, problems)
    state = license_.state(now)
    _check_term(license_, state, settings, now, problems)
    if not problems:
        notices.extend(_of_term(license_, state, settings, now))
        notices.extend(stability.of_former_rules(facts, license_.iat))
    if not problems and license_.host.match == "exact":
        notices.extend(
            stability.of_licensed(facts, license_.host.profile, license_.host.layer is not None)
        )
    return Report(
        now,
        tuple(problems),
        tuple(notices),
        license_,
        host,
        verified.trust,
        latest,
        seen_list,
        None,
    )


def open_license(
    data: bytes,
    *,
    roots: tuple[PublicKey, ...],
    needed: int = 1,
    known: bytes | None = None,
    keys_path: str = "keys",
) -> Verified:
    """Verify the signatures of the licence file *data* and read its claims.

    At least *needed* of *roots* must have signed the keyset; *known* is what was learned before.
    Says nothing of host, product or term. Raises the LicenseError that ends SPEC section 7.2.
    """
    if len(data) > MAX_FILE:
        raise FileTooLargeError(path=Reason("The file"), size=len(data), cap=MAX_FILE)
    try:
        return _open(data, roots, needed, known, keys_path)
    except (LicenseBlockMissingError, LicenseDamagedError) as error:
        from license_core import otherfile

        other = otherfile.closed(data)
        if other is None:
            raise
        is_missing = isinstance(error, LicenseBlockMissingError)
        raise (other.missing(data) if is_missing else other.damaged()) from error


def _open(
    data: bytes, roots: tuple[PublicKey, ...], needed: int, known: bytes | None, keys_path: str
) -> Verified:
    try:
        blocks = armor.unwrap(data)
    except armor.ArmorError as error:
        raise LicenseDamagedError(reason=str(error)) from error
    licenses = blocks.get(armor.LICENSE, [])
    if not licenses:
        from license_core import otherfile

        raise otherfile.without_license(data, blocks).missing(data)
    if len(licenses) > 1:
        raise SeveralLicensesError(count=len(licenses))
    learned, is_damaged = ({}, False) if known is None else _learned(known)
    trust = open_trust(blocks, learned, roots, needed=needed, keys_path=keys_path)
    key, payload = _verify_license(licenses[0], trust.keyset)
    lists = blocks.get(armor.REVOCATIONS)
    inside = lists[0] if lists else None
    return Verified(_read_claims(payload), key, trust, inside, is_damaged)


def _learned(known: bytes) -> tuple[Blocks, bool]:
    """The blocks of what was learned before, and whether they cannot be read."""
    try:
        blocks = armor.unwrap(known)
    except armor.ArmorError:
        blocks = {}
    return blocks, not blocks


def _verify_license(token: str, keyset: TrustedKeyset) -> tuple[PublicKey, bytes]:
    error: jws.TokenError | None = None
    for reading in armor.readings(token):
        try:
            return jws.verify(reading, keyset.license_headers)
        except jws.TokenError as refused:
            error = refused
    if isinstance(error, jws.MalformedTokenError):
        raise LicenseDamagedError(reason=str(error)) from error
    if isinstance(error, jws.UnknownHeaderError):
        raise SigningKeyUnknownError(version=keyset.keyset.version) from error
    raise SignatureInvalidError from error


def _read_claims(payload: bytes) -> License:
    try:
        return License.from_dict(strictjson.loads(payload))
    except UnsupportedError as error:
        raise LicenseUnsupportedError(what=str(error)) from error
    except ClaimError as error:
        raise LicenseClaimsInvalidError(claim=error.claim, reason=error.reason) from error
    except ValueError as error:
        raise LicenseClaimsInvalidError(claim="payload", reason=str(error)) from error


def _check_trust(trust: Trust, memory: Memory, problems: list[LicenseError]) -> None:
    """Refuse a trust that is older than the one that was seen here."""
    if memory.authentic and trust.version < memory.trust:
        (roots, version), (seen_roots, seen_version) = trust.version, memory.trust
        problems.append(
            KeysetRolledBackError(
                version=version, roots=roots, seen_version=seen_version, seen_roots=seen_roots
            )
        )


def _check_signing_key(verified: Verified, problems: list[LicenseError]) -> None:
    license_, keyset = verified.license, verified.trust.keyset.keyset
    entry = verified.trust.keyset.entry(verified.signing_key)
    kid = entry.key.kid
    if entry.state == "revoked":
        problems.append(SigningKeyRevokedError(kid=kid, version=keyset.version))
    if entry.products is not None and license_.aud not in entry.products:
        reason = Reason("it is not for product {product}", product=license_.aud)
        problems.append(SigningKeyNotAllowedError(kid=kid, reason=reason))
    if not entry.nbf <= license_.iat < entry.exp:
        reason = Reason("it was not valid when the licence was issued")
        problems.append(SigningKeyNotAllowedError(kid=kid, reason=reason))
    if keyset.exp is not None and license_.iat >= keyset.exp:
        problems.append(
            KeysetExpiredError(version=keyset.version, ended_at=keyset.exp, issued_at=license_.iat)
        )


def _check_list(
    latest: Revocations | None,
    verified: Verified,
    memory: Memory | None,
    now: int,
    notices: list[Notice],
    path: str,
) -> None:
    """Say where the knowledge of what was revoked is of others, old, or less than it was."""
    license_, keyset = verified.license, verified.trust.keyset
    # One from before the licence was issued could tell nothing of it in any case.
    if latest is not None and latest.iat >= license_.iat and not latest.covers(license_.jti):
        notices.append(
            Notice(
                "revocations-of-others",
                path=path,
                list_number=latest.number,
                number=license_.jti,
            )
        )
    if latest is not None and latest.exp is not None and now >= latest.exp:
        notices.append(
            Notice(
                "revocations-old",
                number=latest.number,
                listed_at=latest.iat,
                ended_at=latest.exp,
            )
        )
    seen = 0 if memory is None else memory.seen_number(keyset.trusts)
    number = latest.number if latest is not None else 0
    if number < seen:
        notices.append(Notice("revocations-dropped", number=number, seen_number=seen))


def _check_gpus(
    license_: License, facts: HostFacts, problems: list[LicenseError], notices: list[Notice]
) -> None:
    licensed = (license_.limits or {}).get("gpus")
    if licensed is None:
        return
    if facts.gpus is None:
        notices.append(Notice("gpus-not-counted", licensed=licensed))
    elif facts.gpus > licensed:
        error = GpusNotLicensedError(licensed=licensed, present=facts.gpus)
        problems.append(error.advised(advice.fewer_gpus(facts)))


def _check_clock(
    verified: Verified,
    memory: Memory | None,
    now: int,
    listed_at: int,
    problems: list[LicenseError],
) -> None:
    license_ = verified.license
    mark = 0 if memory is None else memory.mark(license_.jti, license_.iat)
    seen_at = max(license_.iat, verified.trust.keyset.keyset.iat, listed_at, mark)
    if now < seen_at - TOLERANCE:
        problems.append(ClockSetBackError(now_at=now, seen_at=seen_at))


def _check_term(
    license_: License,
    state: str,
    settings: Settings,
    now: int,
    problems: list[LicenseError],
) -> None:
    if state == "pending":
        problems.append(LicenseNotYetValidError(begins_at=license_.nbf, now_at=now))
    elif state == "expired":
        ended_at = max(license_.exp or 0, license_.grace_until or 0)  # no grace before the term
        problems.append(LicenseExpiredError(ended_at=ended_at, now_at=now))
    released = settings.released_at
    if (
        released is not None
        and license_.maintenance_until is not None
        and released > license_.maintenance_until
    ):
        problems.append(
            MaintenanceEndedError(until_at=license_.maintenance_until, released_at=released)
        )


def _of_term(license_: License, state: str, settings: Settings, now: int) -> tuple[Notice, ...]:
    """That a licence that holds ends soon. One that does not is not to be renewed as it is."""
    exp = license_.exp
    if state == "grace":
        return (Notice("in-grace", ended_at=exp, grace_until_at=license_.grace_until),)
    if exp is None:
        return ()
    begins = exp - settings.warn_days * DAY if license_.notify_from is None else exp
    if state == "notify" or now >= begins:
        return (Notice("expires-soon", ended_at=exp, days=(exp - now) // DAY),)
    return ()

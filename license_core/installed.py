"""Checks the installed licence with conf/, keys/, the host and the clock.

What the client and a product's own code import. A program that checks again gets the former answer
where a check would say the same: within a second of the clock, while no file has changed (SPEC
section 7.5). A licence that was replaced on disk counts from the next call on.
"""

from __future__ import annotations

import os
import time

from license_core import armor, folder, pin
from license_core.claims import MAX_INSTANT
from license_core.clock import present
from license_core.errors import (
    ClockWrongError,
    LicenseBlockMissingError,
    LicenseDamagedError,
    LicenseError,
    Notice,
    TrustedKeyInvalidError,
)
from license_core.facts import HostFacts
from license_core.hostkey import as_issued
from license_core.license import License
from license_core.memory import Memory
from license_core.paths import Place, Source
from license_core.probe import read_facts
from license_core.publickey import PublicKey
from license_core.record import NamedTuple
from license_core.trust import Trust
from license_core.verify import Report, check, open_license

TYPE_CHECKING = False
if TYPE_CHECKING:
    from license_core.watched import Watched


class Checked(NamedTuple):
    """A report, and what to remember of it."""

    report: Report
    memory: Memory
    """After this check; to be written to ``Place.state``."""
    trust: str | None = None
    """What was learned, to be written to ``Place.trust`` before the memory; None: nothing."""


def check_installed(
    conf: str | os.PathLike[str] | None = None,
    keys: str | os.PathLike[str] | None = None,
    *,
    product: str | None = None,
    root: str | os.PathLike[str] = "/",
    now: int | None = None,
) -> Report:
    """Check the installed licence for this host.

    *conf* and *keys* are folders, by default ``LICENSE_CONF`` and ``LICENSE_KEYS``, else those
    beside ``cmd/``; an installed package has only those in ``share/hostseal`` under ``sys.prefix``,
    and never one of the working folder. *product* takes the place of the one in ``hostseal.toml``,
    which whoever can write that folder can change. *now* is an instant in seconds, by default the
    clock's. What is wrong is in the report; nothing is raised and nothing is written.
    """
    return _checked(None, conf, keys, product, root, now)


def check_license(
    data: bytes | bytearray | memoryview,
    conf: str | os.PathLike[str] | None = None,
    keys: str | os.PathLike[str] | None = None,
    *,
    product: str | None = None,
    root: str | os.PathLike[str] = "/",
    now: int | None = None,
) -> Report:
    """Check the licence file *data* for this host, whatever is installed.

    For a product that keeps its licence itself: all else is as with ``check_installed``. Raises
    TypeError where *data* is no bytes, such as None.
    """
    return _checked(bytes(memoryview(data)), conf, keys, product, root, now)


def _checked(
    data: bytes | None,
    conf: str | os.PathLike[str] | None,
    keys: str | os.PathLike[str] | None,
    product: str | None,
    root: str | os.PathLike[str],
    now: int | None,
) -> Report:
    try:
        instant = present() if now is None else now
    except ClockWrongError as error:
        return Report(MAX_INSTANT, (error,))
    environ = tuple(map(os.environ.get, _VARIABLES))
    asked = (data, conf, keys, product, root, environ)
    kept = _kept.get(asked)
    if kept is not None and kept.counts(instant, time.monotonic()):
        return kept.report
    try:
        place = Place.default(
            os.environ,
            conf=os.fspath(conf) if conf else None,
            keys=os.fspath(keys) if keys else None,
            root=os.fspath(root),
        )
    except LicenseError as error:
        return Report(instant, (error,))
    if data is not None:
        place = place._replace(named=Source("code", data=data))
    fresh = _look(place, product, instant, kept)
    if place.root == "/":
        if len(_kept) >= _MOST_KEPT:
            _kept.clear()
        _kept[asked] = fresh
    return fresh.report


class _Kept(NamedTuple):
    """What a check in this process found, and what it was made of. Nothing in it ever changes.

    So neither threads nor processes that fork need a lock.
    """

    report: Report
    facts: HostFacts | None
    """The host; None where the check did not get so far."""
    probed_at: float
    """When it was probed, by a clock that nobody sets."""
    files: Watched
    is_certain: bool
    """Whether a change of these files is certain to show."""

    def counts(self, instant: int, at: float) -> bool:
        """Whether a check at *instant* would say the same; *at* is the time of ``probed_at``."""
        return (
            self.report.now == instant
            and self.is_certain
            and self.is_of_this_host(at)
            and self.files.is_unchanged()
        )

    def is_of_this_host(self, at: float) -> bool:
        """Whether the host was probed less than a second before *at*."""
        return at - _SECONDS_OF_A_PROBE < self.probed_at <= at


_kept: dict[object, _Kept] = {}
"""By what was asked: the latest answer."""
_MOST_KEPT = 64
_SECONDS_OF_A_PROBE = 1.0
_MOST_LOOKS = 3
_VARIABLES = (
    "LICENSE_CONF",
    "LICENSE_KEYS",
    "LICENSE_FILE",
    "LICENSE",
    "LICENSE_STATE",
    pin.PINNED_IP,
)


def forget() -> None:
    """Let the next check look at everything anew, the host too."""
    _kept.clear()


def _look(place: Place, product: str | None, instant: int, former: _Kept | None) -> _Kept:
    """Check what is at *place*; of the *former* answer only the host may count."""
    from license_core.watched import Watched  # the client checks once

    at = time.monotonic()
    facts = None
    if former is not None and former.is_of_this_host(at):
        facts, at = former.facts, former.probed_at
    for _ in range(_MOST_LOOKS):
        started = time.time_ns()
        files = Watched.of(place.watched())
        report, facts = _check_place(place, product, instant, facts)
        is_whole = files.is_unchanged()
        if is_whole:
            break  # else a file changed while it was read
    return _Kept(report, facts, at, files, is_whole and files.is_settled(started))


def _check_place(
    place: Place, product: str | None, instant: int, facts: HostFacts | None
) -> tuple[Report, HostFacts | None]:
    """The check, and the host, which is probed unless *facts* are those of a moment ago."""
    try:
        data = place.read_license()
        environ = place.environment(os.environ)
        if facts is None:
            facts = read_facts(place.root, environ)
        else:
            facts = facts._replace(pinned_ip=pin.read(environ.get(pin.PINNED_IP, "")))
        return check_file(data, place, facts, instant, product=product).report, facts
    except LicenseError as error:
        # What it was raised through would be kept as well.
        return Report(instant, (error.with_traceback(None),)), facts
    except (ImportError, MemoryError, OSError) as error:  # what this machine lacks
        from license_core import unforeseen

        return Report(instant, (unforeseen.problem_of(error),)), facts


def check_file(
    data: bytes,
    place: Place,
    facts: HostFacts,
    now: int,
    *,
    product: str | None = None,
    warn_days: int | None = None,
    known: bytes | None = None,
    source: Source | None = None,
) -> Checked:
    """Check the bytes of a licence file as if they were in force at *place*.

    *product* and *warn_days* take the place of those in the settings, *known* that of
    ``license.trust``, *source* that of what *place* names. Raises the LicenseError of a trusted
    key, of settings or of a list that cannot be read: without them nothing can be said of a
    licence.
    """
    settings = place.read_settings()
    if product is not None:
        settings = settings._replace(product=product)
    if warn_days is not None:
        settings = settings._replace(warn_days=warn_days)
    memory, remarks = place.read_memory(facts)
    learned = place.read_trust()
    report = check(
        data,
        roots=read_roots(place),
        facts=facts,
        now=now,
        settings=settings,
        memory=memory,
        revocations=place.read_revocations(),
        known=learned if known is None else known,
        keys_path=place.keys,
        revocations_path=place.revocations,
        known_path=place.trust,
    )
    now = report.now
    source = source or place.source
    after, trust = memory or Memory(), None
    if report.license is not None and report.trust is not None:
        number, kid = after.seen_number(report.trust.keyset.trusts), after.revocations_kid
        if report.revocations is not None and report.revocations.number >= number:
            number, kid = report.revocations.number, report.revocations.kid
        is_carried = known is None or _carries(data, report.trust)
        if not is_carried or _is_to_keep(report.trust, after, learned, holds=report.ok):
            trust = report.trust.wrap()
        after = after.learn(report.trust.version, number, kid, report.seen_list)
        after = after.advance(now, report.license.jti, report.license.iat, holds=report.ok)
        if memory is not None and memory.seen_at and after.leapt_at is not None:
            remarks += (Notice("clock-leapt", now_at=now, seen_at=after.seen_at),)
        if memory is not None and memory.is_of_other_layer(facts):
            remarks += (Notice("container-is-shared", path=place.state),)
        if report.ok:
            layer = facts.layer_digest if facts.engine == "docker" else None
            after = after._replace(layer=layer)
            after = after.remember_host(as_issued(facts, report.license.iat))
            after = after._replace(profile=report.license.host.profile)
        if source.is_doubled:
            remarks += (Notice("license-set-twice", path=place.license),)
        remarks += folder.remarks(place, facts)
        folder.explain(report.notices, place, facts)
        report = report._replace(notices=remarks + report.notices)
    else:
        _explain_source(report, source, place)
    return Checked(report._replace(source=source), after, trust)


def _explain_source(report: Report, source: Source, place: Place) -> None:
    """Say of a licence that is none what helps where it was taken from, if not ``install``."""
    for error in report.problems:
        if isinstance(error, (LicenseBlockMissingError, LicenseDamagedError)):
            if source.kind == "environment":
                error.advised(("no-licence-in-variable",))
            elif source.kind in ("file", "conf"):
                parts = place.secret_parts
                if parts is not None:
                    error.advised(("kept-by-kubernetes",), **parts)


def _carries(data: bytes, trust: Trust) -> bool:
    """Whether the keyset that was believed is in the licence file itself."""
    return set(trust.keyset.tokens) <= set(armor.unwrap(data).get(armor.KEYSET, ()))


def _is_to_keep(trust: Trust, before: Memory, learned: bytes | None, *, holds: bool) -> bool:
    """Whether another licence may come that carries less than what this check believed.

    Not so for a vendor whose keys were never changed: then there is no file to be read.
    """
    if learned is not None:
        return learned.decode("latin-1") != trust.wrap()
    seen = before.trust if before.authentic else (0, 0)
    return trust.roots_version > 0 or (trust.version > seen and (seen > (0, 0) or not holds))


def read_installed(place: Place) -> License | None:
    """What the installed licence says, valid or not; None where it cannot be verified."""
    try:
        return open_at(place.read_license(), place)
    except LicenseError:
        return None


def open_at(data: bytes, place: Place) -> License:
    """What the licence file *data* says, valid at *place* or not.

    Raises the LicenseError of what cannot be read or verified.
    """
    verified = open_license(
        data,
        roots=read_roots(place),
        needed=place.read_settings().roots_needed,
        known=place.read_trust(),
    )
    return verified.license


def read_known(place: Place) -> bytes | None:
    """What was learned of the vendor's keys, and what the installed licence carries of them.

    None: nothing. Raises FileUnreadableError or FileTooLargeError.
    """
    learned = place.read_trust()
    try:
        carried = _proofs(place.read_license())
    except LicenseError:
        return learned
    # Each read by itself: what is damaged in one hides nothing of the other.
    return (_proofs(learned or b"") + carried).encode() or learned


def _proofs(data: bytes) -> str:
    """The blocks of roots and keysets in *data*; none where it is cut off."""
    try:
        blocks = armor.unwrap(data)
    except armor.ArmorError:
        return ""
    return "".join(
        armor.wrap(label, token)
        for label in (armor.ROOTS, armor.KEYSET)
        for token in blocks.get(label, ())
    )


def read_roots(place: Place) -> tuple[PublicKey, ...]:
    """The trusted root keys.

    Raises TrustedKeyMissingError, TrustedKeyInvalidError or FileUnreadableError.
    """
    return tuple(_root(path, pem) for path, pem in place.read_trusted_keys().items())


def _root(path: str, pem: bytes) -> PublicKey:
    try:
        return PublicKey.from_pem(pem.decode("ascii", "replace"))
    except ValueError as error:
        raise TrustedKeyInvalidError(path=path, reason=str(error)) from error

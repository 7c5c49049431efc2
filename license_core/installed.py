"""Checks the installed licence with conf/, keys/, the host and the clock.

What the client and a product's own code import. Nothing is kept between calls, so a licence that
was replaced on disk counts from the next call on.
"""

from __future__ import annotations

import os
from typing import NamedTuple

from license_core import armor, folder
from license_core.claims import MAX_INSTANT
from license_core.clock import present
from license_core.errors import ClockWrongError, LicenseError, Notice, TrustedKeyInvalidError
from license_core.facts import HostFacts
from license_core.hostkey import as_issued
from license_core.license import License
from license_core.memory import Memory
from license_core.paths import Place
from license_core.probe import read_facts
from license_core.publickey import PublicKey
from license_core.trust import Trust
from license_core.verify import Report, check, open_license


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
    try:
        instant = present() if now is None else now
    except ClockWrongError as error:
        return Report(MAX_INSTANT, (error,))
    try:
        place = Place.default(
            os.environ,
            conf=os.fspath(conf) if conf else None,
            keys=os.fspath(keys) if keys else None,
            root=os.fspath(root),
        )
        data = place.read_license()
        facts = read_facts(place.root, place.environment(os.environ))
        return check_file(data, place, facts, instant, product=product).report
    except LicenseError as error:
        return Report(instant, (error,))


def check_file(
    data: bytes,
    place: Place,
    facts: HostFacts,
    now: int,
    *,
    product: str | None = None,
    warn_days: int | None = None,
    known: bytes | None = None,
) -> Checked:
    """Check the bytes of a licence file as if they were installed at *place*.

    *product* and *warn_days* take the place of those in the settings, *known* that of
    ``license.trust``. Raises the LicenseError of a trusted key, of settings or of a list that
    cannot be read: without them nothing can be said of a licence.
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
        remarks += folder.remarks(place, facts)
        folder.explain(report.notices, place, facts)
        report = report._replace(notices=remarks + report.notices)
    return Checked(report, after, trust)


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
        verified = open_license(
            place.read_license(),
            roots=read_roots(place),
            needed=place.read_settings().roots_needed,
            known=place.read_trust(),
        )
    except LicenseError:
        return None
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

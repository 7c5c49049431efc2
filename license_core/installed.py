"""The licence that is installed here: what conf/, keys/, the host and the clock say of it.

What the client and a product's own code import. Nothing is kept between calls, so a licence that
was replaced on disk counts from the next call on.
"""

import os
import time
from typing import NamedTuple

from license_core.errors import LicenseError, TrustedKeyInvalidError
from license_core.facts import HostFacts
from license_core.guard import Memory
from license_core.place import Place
from license_core.probe import read_facts
from license_core.publickey import PublicKey
from license_core.verify import Report, check


class Checked(NamedTuple):
    """A report, and what to remember of it."""

    report: Report
    memory: Memory
    """After this check; to be written to ``Place.state``."""


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
    beside ``cmd/``. *product* takes the place of the one in ``hostseal.toml``, which whoever can
    write that folder can change. *now* is an instant in seconds, by default the clock's. What is
    wrong is in the report; nothing is raised and nothing is written.
    """
    place = Place.default(os.environ)
    place = Place(os.fspath(conf or place.conf), os.fspath(keys or place.keys), os.fspath(root))
    instant = int(time.time()) if now is None else now
    try:
        facts = read_facts(place.root, os.environ)
        return check_file(place.read_license(), place, facts, instant, product=product).report
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
) -> Checked:
    """Check the bytes of a licence file as if they were installed at *place*.

    *product* and *warn_days* take the place of those in the settings. Raises the LicenseError of
    a trusted key, of settings or of a list that cannot be read: without them nothing can be said
    of a licence.
    """
    settings = place.read_settings()
    if product is not None:
        settings = settings._replace(product=product)
    if warn_days is not None:
        settings = settings._replace(warn_days=warn_days)
    memory, remarks = place.read_memory(facts)
    report = check(
        data,
        roots=read_roots(place),
        facts=facts,
        now=now,
        settings=settings,
        memory=memory,
        revocations=place.read_revocations(),
        known=place.read_trust(),
        keys_path=place.keys,
        revocations_path=place.revocations,
        known_path=place.trust,
    )
    after = memory or Memory()
    if report.license is not None and report.trust is not None:
        number = report.revocations.number if report.revocations else 0
        after = after.learn(report.trust.version, number, report.seen_list)
        after = after.advance(now, report.license.jti, report.license.iat, holds=report.ok)
        if report.ok:
            after = after.remember_host(facts)
        report = report._replace(notices=remarks + report.notices)
    return Checked(report, after)


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

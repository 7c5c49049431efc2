"""The keys: whether each can be used, and for how long."""

from collections.abc import Callable, Iterator
from typing import TypeVar

from license_core.errors import LicenseError
from license_core.wording import utc
from license_server.catalog.terms import DAY
from license_server.db.database import Database
from license_server.operations import data_folder
from license_server.operations.checkup.finding import Finding, Section, found, of_error
from license_server.operations.checkup.subject import Subject
from license_server.signing.issuer import (
    Issuer,
    check_signing_key,
    open_issuer,
    read_trust,
)
from license_server.signing.keysets import WARN_DAYS, Trust, signs_until
from license_server.signing.signature_count import Tally

T = TypeVar("T")


def look(subject: Subject, database: Database) -> Section:
    """The keys in the data folder, and the signer."""
    findings: list[Finding] = []

    def tried(what: Callable[[], T]) -> T | None:
        try:
            return what()
        except LicenseError as error:
            finding = of_error(error, subject.server)
            if finding not in findings:
                findings.append(finding)
            return None

    settings = subject.settings
    tried(lambda: data_folder.open_seeds(settings))
    trust = tried(lambda: read_trust(settings, database))
    tried(lambda: data_folder.open_notary(settings, "", Tally("check")))
    if trust is None:
        return Section("Keys", ["the keyset cannot be read"], findings)
    issuer = tried(lambda: open_issuer(settings, trust, subject.now, Tally("check")))
    if issuer is None:
        return Section("Keys", _told(trust), findings)
    tried(lambda: check_signing_key(issuer, subject.now))
    if issuer.remote is not None and subject.asks:
        tried(issuer.remote.check)
    findings += _ends(subject, issuer)
    return Section("Keys", [*_told(trust), f"signs: {issuer.signer.public_key.kid}"], findings)


def _told(trust: Trust) -> list[str]:
    keyset = trust.keyset.keyset
    return [f"keyset {keyset.version} of {keyset.iss}, keys: {len(keyset.keys)}"]


def _ends(subject: Subject, issuer: Issuer) -> Iterator[Finding]:
    until = signs_until(issuer.keyset.keyset, issuer.signer.public_key, subject.now)
    if until is not None and until - subject.now < WARN_DAYS * DAY:
        days = (until - subject.now) // DAY
        yield found("signing-ends", days=days, until=utc(until), server=subject.server)

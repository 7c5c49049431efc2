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
from license_server.signing.install import open_root
from license_server.signing.issuer import (
    Issuer,
    check_issuing,
    ended,
    entry,
    open_issuer,
    read_trust,
)
from license_server.signing.keysets import WARN_DAYS, Trust, signs_until
from license_server.signing.signature_count import Tally

T = TypeVar("T")
_KEY_DAYS, _KEYSET_DAYS = 1095, 730
"""For how long a remedy renews the key, and the keyset."""


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
    over = ended(issuer, subject.now)
    if over is None:
        tried(lambda: check_issuing(issuer, subject.now))
    else:
        what, at = over
        remedy = _remedy(subject, issuer, trust)
        findings.append(found("signing-over", what=what, ended=utc(at), remedy=remedy))
    if issuer.remote is not None and subject.asks:
        tried(issuer.remote.check)
    findings += _ends(subject, issuer, trust)
    return Section("Keys", [*_told(trust), f"signs: {issuer.signer.public_key.kid}"], findings)


def _told(trust: Trust) -> list[str]:
    keyset = trust.keyset.keyset
    return [f"keyset {keyset.version} of {keyset.iss}, keys: {len(keyset.keys)}"]


def _ends(subject: Subject, issuer: Issuer, trust: Trust) -> Iterator[Finding]:
    until = signs_until(issuer.keyset.keyset, issuer.signer.public_key, subject.now)
    if until is not None and until - subject.now < WARN_DAYS * DAY:
        days = (until - subject.now) // DAY
        yield found(
            "signing-ends", days=days, until=utc(until), remedy=_remedy(subject, issuer, trust)
        )


def _remedy(subject: Subject, issuer: Issuer, trust: Trust) -> str:
    """What lets licences be signed for longer: by the root key that is here, or by a draft."""
    server, change = subject.server, _change(subject, issuer)
    if _root_is_here(subject, trust):
        return f"The root key is here, and puts it in force at once:\n  {server} {change}"
    more = [
        f"  {server} root keyset keyset.txt --key root-{number}.key.pem -o keyset.txt"
        for number in range(2, issuer.roots.threshold + 1)
    ]
    signs = [f"  {server} root keyset draft.txt --key root.key.pem -o keyset.txt", *more]
    return "\n".join(
        [
            f"Draft it here:\n  {server} {change} -o draft.txt",
            "Sign the draft where the root key is:",
            *signs,
            f"Put it in force here:\n  {server} keys install keyset.txt",
        ]
    )


def _root_is_here(subject: Subject, trust: Trust) -> bool:
    """Whether a root key here signs keysets alone: one that cannot be opened does not."""
    try:
        return open_root(subject.settings, trust) is not None
    except LicenseError:
        return False


def _change(subject: Subject, issuer: Issuer) -> str:
    """The command that changes what ends soon, or has ended: the key, the keyset, or both.

    Both at once are renewed: no keyset is accepted that has ended, or whose key has.
    """
    soon, keyset, key = subject.now + WARN_DAYS * DAY, issuer.keyset.keyset, entry(issuer)
    ends = keyset.exp is not None and keyset.exp < soon
    if key is None or key.exp >= soon:
        return f"keys renew --keyset-days {_KEYSET_DAYS}"
    if not ends and subject.settings.signer is None and key.products is None:
        return "keys new"
    renewed = f"keys renew {key.key.kid} --days {_KEY_DAYS}"
    return f"{renewed} --keyset-days {_KEYSET_DAYS}" if ends else renewed

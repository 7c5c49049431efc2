"""What is wrong with settings by themselves, and beside one another."""

from collections.abc import Iterable, Iterator
from ipaddress import ip_address, ip_network
from urllib.parse import urlsplit

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from license_core.errors import LicenseError
from license_server.access import openid
from license_server.operations.checkup.finding import Finding, Section, found, of_error
from license_server.operations.checkup.subject import Subject
from license_server.settings import Network, ServerSettings

_WIDE = {4: 8, 6: 32}
"""The bits of a network's name, at the most, of one that is too wide to be a choice."""
_OWN = (
    (ip_network("169.254.0.0/16"), "the metadata of a cloud"),
    (ip_network("127.0.0.0/8"), "the ports of this machine"),
    (ip_network("::1"), "the ports of this machine"),
)


def look(subject: Subject) -> Section:
    """The settings, without what mail needs of them (of_mail.py)."""
    settings = subject.settings
    chosen = sorted(settings.model_fields_set - {"data"})
    findings = [of_error(error, subject.server) for error in subject.invalid]
    findings += [*_misspelt(subject), *_addresses(settings), *_networks(settings)]
    findings += _single_sign_on(subject)
    if _has_password(settings.database):
        findings.append(found("database-password-shown"))
    proxies = ", ".join(map(str, settings.trusted_proxies)) or "none"
    lines = [
        f"set: {', '.join(chosen) or 'none'}",
        f"trusted proxies: {proxies}",
        f"portal: {'on' if settings.portal else 'off'}",
    ]
    return Section("Settings", lines, findings)


def _misspelt(subject: Subject) -> Iterator[Finding]:
    for name, near in ServerSettings.misspelt(subject.environ):
        hint = f"Did you mean {near}? " if near else ""
        yield found("setting-unknown", name=name, hint=hint)


def _addresses(settings: ServerSettings) -> Iterator[Finding]:
    url = settings.public_url
    if url is None:
        if settings.trusted_proxies or settings.portal or settings.openid_issuer:
            yield found("public-url-missing")
    elif url.startswith("https://"):
        if not settings.trusted_proxies:
            yield found("proxies-missing", url=url)
    elif not is_this_machine(urlsplit(url).hostname or ""):
        yield found("public-url-plain", url=url, secure=url.replace("http://", "https://", 1))


def _networks(settings: ServerSettings) -> Iterator[Finding]:
    for slug, networks in (
        ("proxies-wide", settings.trusted_proxies),
        ("metrics-wide", settings.metrics_from),
    ):
        yield from (found(slug, network=one) for one in _wide(networks))
    wide = list(_wide(settings.webhook_networks))
    for one in settings.webhook_networks:
        what = [told for own, told in _OWN if own.version == one.version and own.overlaps(one)]
        if one in wide:
            yield found("webhook-networks-wide", network=one, what="nearly everything")
        elif what:
            yield found("webhook-networks-wide", network=one, what=what[0])


def _wide(networks: Iterable[Network]) -> Iterator[Network]:
    # Loopback has as few bits as the networks that are meant, and nobody else is in there.
    return (one for one in networks if one.prefixlen < _WIDE[one.version])


def _single_sign_on(subject: Subject) -> Iterator[Finding]:
    issuer = subject.settings.openid_issuer
    if issuer is None:
        return
    if issuer.startswith("http://") and not is_this_machine(urlsplit(issuer).hostname or ""):
        yield found("openid-plain", url=issuer, secure=issuer.replace("http://", "https://", 1))
    try:
        openid.configured(subject.settings)
    except LicenseError as error:
        yield of_error(error, subject.server)


def _has_password(url: str | None) -> bool:
    try:
        return url is not None and bool(make_url(url).password)
    except (ArgumentError, ValueError):
        return False  # whoever opens it says so


def is_this_machine(host: str) -> bool:
    """Whether nobody is between this process and *host*."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False

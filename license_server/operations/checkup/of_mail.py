"""Mail in and out, and webhooks: whether they are set up, can be reached, and go on."""

from collections.abc import Iterator

from sqlalchemy import Connection

from license_core.errors import LicenseError
from license_core.wording import utc
from license_server.catalog import catalog_store
from license_server.db.questions import ask
from license_server.mail import mail_servers, mailbox, mailbox_store, outbox_store, relay
from license_server.mail.errors import MailboxUnreadableError
from license_server.mail.mailbox import Mailbox
from license_server.operations.checkup.finding import Finding, Section, found, of_error
from license_server.operations.checkup.of_settings import is_this_machine
from license_server.operations.checkup.subject import Subject
from license_server.webhooks import webhook_store

_ANSWERS_WITHIN = 10.0
"""Seconds that a mail server is waited for."""
_STUCK = 3600
"""Seconds after which a mail should have been sent."""


def out(subject: Subject) -> Section:
    """The server that takes mails."""
    settings, server = subject.settings, subject.server
    section = Section("Mail out", [], [])
    if settings.smtp_host is None:
        section.lines.append("off")
        return section
    host, port = settings.smtp_host, settings.smtp_port
    section.lines.append(f"{host}:{port}, {settings.smtp_tls}, from {settings.mail_from}")
    if settings.smtp_tls == "none" and not is_this_machine(host):
        name = "LICENSE_SERVER_SMTP_TLS"
        section.findings.append(found("mail-plain", host=host, name=name, better="starttls"))
    try:
        made = mail_servers.relay(settings, lambda: subject.now)
    except LicenseError as error:
        section.findings.append(of_error(error, server))
        return section
    if made is not None and subject.asks:
        said = relay.trouble(made._replace(answers_within=_ANSWERS_WITHIN))
        more = " -starttls smtp" if settings.smtp_tls == "starttls" else ""
        if said is not None:
            section.findings.append(
                found("mail-server-unreachable", host=host, port=port, said=said, more=more)
            )
    return section


def inward(subject: Subject) -> Section:
    """The mailbox."""
    settings, server = subject.settings, subject.server
    section = Section("Mail in", [], [])
    if settings.imap_host is None:
        section.lines.append("off")
        return section
    host = settings.imap_host
    section.lines.append(f"{host}:{settings.imap_port}, {settings.imap_tls}, {settings.imap_user}")
    if settings.imap_tls == "none" and not is_this_machine(host):
        name = "LICENSE_SERVER_IMAP_TLS"
        section.findings.append(found("mail-plain", host=host, name=name, better="tls"))
    try:
        made = mail_servers.mailbox(settings, lambda: subject.now)
        if made is not None and subject.asks:
            _sign_in(made._replace(answers_within=_ANSWERS_WITHIN))
    except LicenseError as error:
        section.findings.append(of_error(error, server))
    return section


def _sign_in(made: Mailbox) -> None:
    try:
        with mailbox.opened(made):
            pass
    except mailbox.FAULTS as error:
        reason = mailbox.said(error).rstrip(".")
        raise MailboxUnreadableError(user=made.user, host=made.host, reason=reason) from error


def waiting(connection: Connection, subject: Subject) -> Section:
    """What the database tells of mails and webhooks that wait."""
    findings = [*_mails(connection, subject), *_webhooks(connection, subject)]
    outbox, hooks = outbox_store.count_open(connection), webhook_store.listed(connection)
    lines = [f"mails that wait: {outbox.waiting}; webhooks: {len(hooks)}"]
    return Section("Under way", lines, findings)


def _mails(connection: Connection, subject: Subject) -> Iterator[Finding]:
    settings, server, now = subject.settings, subject.server, subject.now
    outbox = outbox_store.count_open(connection)
    if outbox.oldest_at is not None and now - outbox.oldest_at > _STUCK:
        yield found("outbox-stuck", since=utc(outbox.oldest_at), server=server)
    if outbox.undecided:
        yield found("mails-undecided", count=outbox.undecided, server=server)
    inbox = ask(connection, mailbox_store.present(settings.imap_place))
    if inbox is not None and inbox.failing_since is not None:
        since, said = utc(inbox.failing_since), (inbox.problem or "").rstrip(".")
        yield found("mailbox-failing", since=since, said=said, server=server)
    ruled = catalog_store.answered_by_rule(connection)
    if ruled and settings.imap_authserv_id is None:
        yield found("authserv-missing", products=", ".join(ruled))


def _webhooks(connection: Connection, subject: Subject) -> Iterator[Finding]:
    for one in ask(connection, webhook_store.in_trouble()):
        yield found(
            "webhooks-paused",
            name=one.name,
            why=one.paused_why,
            quoted=one.name,
            server=subject.server,
        )

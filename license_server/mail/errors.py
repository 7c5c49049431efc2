"""Errors of mails that go out, and of the mailbox."""

from license_core.errors import LicenseError
from license_core.problem import Problem


class MailOffError(LicenseError):
    """The settings name no server that sends mail."""

    row = Problem(
        "mail-off",
        107,
        "This server sends no mail",
        "No mail was sent: the settings name no mail server.",
        "Set LICENSE_SERVER_SMTP_HOST and LICENSE_SERVER_MAIL_FROM, then restart "
        "`{server} serve`. Until then, download the file and send it by hand.",
    )


class MailStateError(LicenseError):
    """What became of a mail leaves no room for what is asked."""

    row = Problem(
        "mail-state",
        108,
        "The mail is in another state",
        'The state of mail {id} is "{state}"; nothing was done.',
        "Load it again: `{server} mail show {id}` tells what the other side answered.",
    )

    id: int
    state: str


class MailboxOffError(LicenseError):
    """The settings name no mailbox."""

    row = Problem(
        "mailbox-off",
        109,
        "This server reads no mailbox",
        "No mail was read: the settings name no mailbox.",
        "Set LICENSE_SERVER_IMAP_HOST, LICENSE_SERVER_IMAP_USER and "
        "LICENSE_SERVER_IMAP_PASSWORD_FILE, then run `{server} mail fetch`.",
    )


class MailboxUnreadableError(LicenseError):
    """The mailbox could not be read, or not all of it."""

    row = Problem(
        "mailbox-unreadable",
        112,
        "The mailbox cannot be read",
        "The mailbox of {user} at {host} was not read to its end: {reason}.",
        "Nothing is lost: what was not read waits in the mailbox. Check the settings of the "
        "mailbox (LICENSE_SERVER_IMAP_HOST and those beside it), and run `{server} mail fetch`.",
    )

    user: str
    host: str
    reason: str

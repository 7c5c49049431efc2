"""A finding of a check: what is wrong, with its values, and a remedy that can be pasted."""

from typing import NamedTuple

from license_core.errors import LicenseError
from license_core.reason import fill

ERROR, WARNING = "error", "warning"
"""What must be mended, and what should be looked at."""


class Row(NamedTuple):
    """One kind of finding. Lines of a remedy that are indented are to be pasted."""

    level: str
    sentence: str
    remedy: str


class Finding(NamedTuple):
    """What was found."""

    slug: str
    level: str
    sentence: str
    remedy: str


class Section(NamedTuple):
    """A part of the page: how something stands, and what is wrong with it."""

    title: str
    lines: list[str]
    findings: list[Finding]


def found(slug: str, **facts: object) -> Finding:
    """The finding *slug* of ROWS, with its *facts*."""
    row = ROWS[slug]
    return Finding(slug, row.level, fill(row.sentence, facts), fill(row.remedy, facts))


def of_error(error: LicenseError, server: str) -> Finding:
    """What keeps the server from its work; *server* is the command to type."""
    return Finding(error.slug, ERROR, error.sentence, error.remedy(server, server=server))


ROWS = {
    # settings
    "setting-unknown": Row(
        WARNING,
        "{name} is not a setting; it is ignored.",
        "{hint}Take it out of the environment:\n  unset {name}",
    ),
    "public-url-missing": Row(
        WARNING,
        "LICENSE_SERVER_PUBLIC_URL is not set: links begin with whatever a browser calls the "
        "server, and mails with links are not sent.",
        "Set it to the address that people type:\n"
        "  export LICENSE_SERVER_PUBLIC_URL=https://licences.example.com",
    ),
    "public-url-elsewhere": Row(
        WARNING,
        "{url} does not lead to a running server, as far as this machine can see: {said}.",
        "See what answers there, and what the proxy passes on:\n  curl -i {url}/healthz",
    ),
    "public-url-plain": Row(
        ERROR,
        "Passwords and licences pass {url} without TLS.",
        "Let a reverse proxy do TLS (docs/RUNNING.md), and set\n"
        "  export LICENSE_SERVER_PUBLIC_URL={secure}",
    ),
    "proxies-missing": Row(
        ERROR,
        "{url} is served by a proxy, but LICENSE_SERVER_TRUSTED_PROXIES names none: limits and the "
        "audit log take it for the client, and cookies are not kept to HTTPS.",
        "Name its address, such as\n  export LICENSE_SERVER_TRUSTED_PROXIES=127.0.0.1",
    ),
    "proxies-wide": Row(
        ERROR,
        "LICENSE_SERVER_TRUSTED_PROXIES has {network}: whoever is in there can name any address as "
        "the client's.",
        "Name the proxies alone, such as\n  export LICENSE_SERVER_TRUSTED_PROXIES=127.0.0.1",
    ),
    "metrics-wide": Row(
        WARNING,
        "LICENSE_SERVER_METRICS_FROM has {network}: nearly anybody may read the metrics.",
        "Name the address of Prometheus, such as\n  export LICENSE_SERVER_METRICS_FROM=127.0.0.1",
    ),
    "webhook-networks-wide": Row(
        WARNING,
        "LICENSE_SERVER_WEBHOOK_NETWORKS has {network}: webhooks may lead to {what}, without TLS.",
        "Name the networks of the programs that are told, such as\n"
        "  export LICENSE_SERVER_WEBHOOK_NETWORKS=10.20.0.0/16",
    ),
    "database-password-shown": Row(
        WARNING,
        "LICENSE_SERVER_DATABASE has the password of the database: whoever sees the environment "
        "sees it.",
        "Keep it in a file that only the server's user can read, and leave it out of the URL:\n"
        "  export PGPASSFILE=/etc/hostseal/pgpass",
    ),
    "openid-plain": Row(
        ERROR,
        "The identity provider {url} is asked without TLS: whoever is in between signs in as "
        "anybody.",
        "Use its address that begins with https://:\n"
        "  export LICENSE_SERVER_OPENID_ISSUER={secure}",
    ),
    # files
    "files-of-another": Row(
        ERROR,
        "{count:# file of the data folder belongs|# files of the data folder belong} to another "
        "user than the folder, which belongs to {right}: {files}. The server may fail to use what "
        "is not its own.",
        "Give the whole folder to the server's user, as root:\n  chown -R {right}: {quoted}",
    ),
    "folder-of-another": Row(
        WARNING,
        "{path} belongs to {owner}, and this command is run as root: what root's commands write "
        "there, the server of {owner} may fail to use.",
        "Run commands as the server's user:\n"
        "  sudo -E -u {owner} {server} check\n"
        "If the server is to run as root, give it the folder:\n"
        "  chown -R root: {quoted}",
    ),
    "secret-readable": Row(
        WARNING,
        "{path} holds a secret that others than its owner can read (mode {mode}).",
        "Take it from them:\n  chmod 600 {quoted}",
    ),
    "root-key-here": Row(
        WARNING,
        "The private root key is beside the server, in {path}: whoever takes the server over, and "
        "has its passphrase, can sign any keyset.",
        "The server runs without it. Take it to where it is offline (docs/KEYS.md), such as\n"
        "  mv {quoted} /media/offline/",
    ),
    # keys
    "signing-ends": Row(
        WARNING,
        "Licences can be signed for {days:less than a day|# day|# days} more, until {until}.",
        "{remedy}",
    ),
    "signing-over": Row(
        ERROR,
        "No licence can be signed any more: {what} ended at {ended}.",
        "What was signed before stays valid. {remedy}",
    ),
    # clock
    "clock-behind": Row(
        ERROR,
        "The clock says {now}, but the newest event of the audit log is of {then}.",
        "Set the clock, and let it be kept:\n  timedatectl set-ntp true",
    ),
    "clock-not-kept": Row(
        WARNING,
        "No time server keeps this machine's clock, as far as the kernel knows: licences begin and "
        "end by it.",
        "Let it be kept, and look whether it is:\n  timedatectl set-ntp true\n  timedatectl",
    ),
    # database
    "database-on-network": Row(
        ERROR,
        "The SQLite database is on a network file system ({type} at {mount}), whose locks do not "
        "protect it.",
        "Move the data folder to a disk of this machine, or use PostgreSQL (docs/HOWTO.md):\n"
        "  {server} backup --with-keys -o hostseal.tar",
    ),
    "disk-nearly-full": Row(
        WARNING,
        "{free} MiB are free where the database is, which has {size} MiB.",
        "Make room, or move the data folder to a larger disk. What takes it:\n"
        "  du -xh --max-depth=1 {quoted}",
    ),
    "commits-not-durable": Row(
        ERROR,
        "PostgreSQL runs with {setting} = {value}: what was acknowledged can be lost with the "
        "power.",
        "As its administrator, turn it on and reload:\n"
        '  psql -c "alter system set {setting} = on" -c "select pg_reload_conf()"',
    ),
    # mail
    "mail-plain": Row(
        ERROR,
        "Mail and passwords pass to {host} without TLS ({name}=none).",
        "That is for a server on the same machine only. Else:\n  export {name}={better}",
    ),
    "mail-server-unreachable": Row(
        ERROR,
        "The mail server {host}:{port} does not take mails: {said}.",
        "Check LICENSE_SERVER_SMTP_HOST and the settings beside it. Whether it can be reached:\n"
        "  openssl s_client -connect {host}:{port}{more}",
    ),
    "authserv-missing": Row(
        WARNING,
        "Mails about {products} are to be answered without a person, but "
        "LICENSE_SERVER_IMAP_AUTHSERV_ID is not set: no sender counts as known.",
        "Set it to the name with which your mail server begins Authentication-Results:\n"
        "  export LICENSE_SERVER_IMAP_AUTHSERV_ID=mx.example.com",
    ),
    "mailbox-failing": Row(
        ERROR,
        "The mailbox has not been read since {since}: {said}.",
        "Read it now, and see what it says:\n  {server} mail fetch",
    ),
    "outbox-stuck": Row(
        ERROR,
        "A mail has been waiting to be sent since {since}.",
        "See what the mail server answered, and whether a server is running:\n  {server} mail list",
    ),
    "mails-undecided": Row(
        WARNING,
        "{count:# mail was|# mails were} perhaps sent, or held after a restore: a person decides.",
        "List them, then `{server} mail retry ID` or `{server} mail cancel ID`:\n"
        "  {server} mail list",
    ),
    "webhooks-paused": Row(
        WARNING,
        "The webhook {name} is paused ({why}): it is told nothing.",
        "Once it can be reached:\n  {server} webhook resume {quoted}",
    ),
    # upkeep
    "backup-missing": Row(
        WARNING,
        "No backup of this server is known.",
        "Make one now, and let a timer make the next (docs/RUNNING.md):\n"
        "  {server} backup -o hostseal.tar",
    ),
    "backup-old": Row(
        WARNING,
        "The last backup is of {at}, {days:today|# day|# days} ago.",
        "Make one now, and see why none was made:\n  {server} backup -o hostseal.tar",
    ),
    "revocations-due": Row(
        WARNING,
        "The list after revocation list {number} is due by {due}: from then on clients warn.",
        "Publish the next one:\n  {server} revocations publish",
    ),
    "revocations-waiting": Row(
        WARNING,
        "What was revoked since {since} is on no revocation list.",
        "Publish the next one:\n  {server} revocations publish",
    ),
}
"""Every kind of finding that is no error of the server itself."""

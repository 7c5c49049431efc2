"""The server's settings: environment variables ``LICENSE_SERVER_…``."""

import os
import re
import sys
from collections.abc import Iterable, Mapping, MutableMapping
from difflib import get_close_matches
from email.utils import parseaddr
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import quote, urlsplit
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict, SettingsError

from license_core.paths import MAX_REVOCATIONS
from license_server.db.errors import InputInvalidError
from license_server.db.turns import CONNECTIONS
from license_server.passphrases import PassphraseMissingError, first_line
from license_server.permissions import ROLES

Network = IPv4Network | IPv6Network
MOST = 1_000_000_000
"""Of what is counted: no setting that means something is larger."""
LARGEST_LIST = 7 * MAX_REVOCATIONS // 8
"""Bytes of a revocation list's file, at the most; clients read one eighth more."""
_PREFIX = "LICENSE_SERVER_"
_OF_KUBERNETES = (
    r"SERVICE_(?:HOST|PORT(?:_\w+)?)=.*|PORT(?:_\d+_(?:TCP|UDP|SCTP))?=\w+://.*|PORT_\d+_.*"
)


def _networks(given: object) -> object:
    """The networks in a text such as ``10.0.0.0/8, 192.0.2.7``."""
    if not isinstance(given, str):
        return given
    return tuple(ip_network(part.strip()) for part in given.split(",") if part.strip())


def _base(given: object) -> object:
    """An address such as ``https://licences.example.com``, without a last slash."""
    told = str(given).strip().rstrip("/")
    parts = urlsplit(told)
    plain = parts.scheme in ("http", "https") and parts.hostname and not parts.username
    if not plain or parts.path or parts.query or parts.fragment or not told.isprintable():
        raise ValueError("it is not an address such as https://licences.example.com")
    return told


def _zone(given: object) -> object:
    """The name of a time zone, such as ``Asia/Shanghai``."""
    name = str(given).strip().strip("\"'")
    try:
        return ZoneInfo(name).key
    except (OSError, KeyError, ValueError) as error:  # none of that name, or no name
        raise ValueError("it is not a time zone such as Asia/Shanghai or UTC") from error


def _roles(given: object) -> object:
    """The roles in a text such as ``administrator, issuer``."""
    if not isinstance(given, str):
        return given
    named = [part.strip() for part in given.split(",") if part.strip()]
    wrong = next((one for one in named if one not in ROLES), None)
    if wrong is not None:
        raise ValueError(f"{wrong[:64]!r} is not a role; the roles are {', '.join(ROLES)}")
    return frozenset(named)


def _mailbox(given: object) -> object:
    """A mailbox such as ``Support <support@vendor.example>``."""
    text = str(given).strip()
    address = parseaddr(text)[1]
    if not text.isprintable() or not re.fullmatch(r"[^@\s<>]+@[A-Za-z0-9.-]+", address):
        raise ValueError("it is not a mailbox such as Support <support@vendor.example>")
    return text


Mailbox = Annotated[str, BeforeValidator(_mailbox)]
TimeZone = Annotated[str, BeforeValidator(_zone)]
PublicUrl = Annotated[str, BeforeValidator(_base)]
RoleNames = Annotated[frozenset[str], NoDecode, BeforeValidator(_roles)]
Networks = Annotated[tuple[Network, ...], NoDecode, BeforeValidator(_networks)]


class ServerSettings(BaseSettings):
    """What one server is told from outside."""

    model_config = SettingsConfigDict(env_prefix=_PREFIX, env_ignore_empty=True, frozen=True)

    data: Path = Path("server")
    """The folder of the database and the keys."""
    database: str | None = None
    """A PostgreSQL URL; None: SQLite in the data folder."""
    database_connections: int = Field(CONNECTIONS, ge=2, le=1000)
    """How many connections to PostgreSQL one process has at the most."""
    signer: str | None = None
    """Where the signing key is, as a URI; None: the key file in the data folder."""
    roots_needed: int = Field(1, ge=1)
    """How many of the root keys that the product ships must sign a keyset."""
    passphrase: SecretStr | None = None
    passphrase_file: Path | None = None
    admin_password: SecretStr | None = None
    admin_password_file: Path | None = None
    session_hours: int = Field(12, ge=1, le=8760)
    """How long somebody stays signed in."""
    openid_issuer: str | None = None
    """The vendor's OpenID Connect provider; None: people sign in with passwords only."""
    openid_client_id: str = "hostseal"
    openid_client_secret_file: Path | None = None
    openid_role_claim: str = "groups"
    openid_roles: dict[str, str] = {}
    """From a value of that claim to a role, as JSON; empty: roles are given by invitation."""
    codes_required: RoleNames = frozenset()
    """The roles whose users must have one-time codes, unless a provider signs them in."""
    rate: int = Field(6000, ge=1, le=MOST)
    """How many requests a minute the API takes from one token, or one address without."""
    time_zone: TimeZone = "UTC"
    """Whose days the desk's form means, unless somebody types another."""
    checkpoint_minutes: int = Field(default=60, ge=1, le=MOST)
    """How often a checkpoint of the audit log is made, where something was done."""
    revocations_minutes: int = Field(default=0, ge=0, le=MOST)
    """How long after a revocation the server publishes a list by itself; 0: never."""
    revocations_bytes: int = Field(LARGEST_LIST, ge=1024, le=LARGEST_LIST)
    """How many bytes a revocation list may have; clients read no larger one."""
    webhook_networks: Networks = ()
    """The networks that are not public into which webhooks may lead, and without TLS, too."""
    webhook_days: int = Field(default=30, ge=7, le=MOST)
    """How long what was sent to webhooks can be looked at, and sent again."""
    requests_days: int = Field(default=90, ge=1, le=3650)
    """How many days a request waits until it expires, and its conversation is kept once closed."""
    mail_text_days: int = Field(default=0, ge=0, le=36500)
    """How many days what a mail said is kept once it was sent or given up; 0: for good."""
    sender_days: int = Field(default=0, ge=0, le=36500)
    """How many days it is kept who sent a request that is closed; 0: for good."""
    address_days: int = Field(default=0, ge=0, le=36500)
    """How many days the audit log tells from which address somebody acted; 0: for good."""
    portal: bool = False
    """Whether customers have a portal, at ``/portal``."""
    portal_days: int = Field(default=30, ge=1, le=366)
    """How long an invitation to the portal is valid, where nobody says another time."""
    trusted_proxies: Networks = ()
    """The proxies that are believed when they say who calls and how; none unless named."""
    public_url: PublicUrl | None = None
    """How the desk's addresses begin where people reach it; None: as their browsers call it."""
    smtp_host: str | None = None
    """Where mails are handed in; None: the server sends none."""
    smtp_port: int = Field(587, ge=1, le=65535)
    smtp_tls: Literal["starttls", "tls", "none"] = "starttls"
    """How the connection is encrypted; none: only for a relay on the same machine."""
    smtp_user: str | None = None
    smtp_password_file: Path | None = None
    mail_from: Mailbox | None = None
    """Who writes to customers, such as ``Support <support@vendor.example>``."""
    mail_ca_file: Path | None = None
    """Certificates that mail servers are verified by, in place of the system's."""
    mail_oauth_token_url: str | None = None
    """Where access tokens for the mailbox are got (XOAUTH2); None: it has a password."""
    mail_oauth_client_id: str | None = None
    mail_oauth_client_secret_file: Path | None = None
    mail_oauth_refresh_token_file: Path | None = None
    """None: the token is for the client itself (client credentials)."""
    mail_oauth_scope: str | None = None
    imap_host: str | None = None
    """Where mails of operators come in; None: no mailbox is read."""
    imap_port: int = Field(993, ge=1, le=65535)
    imap_tls: Literal["tls", "starttls", "none"] = "tls"
    """How the connection is encrypted; none: only for a server on the same machine."""
    imap_user: str | None = None
    imap_password_file: Path | None = None
    """None: an access token, as with ``mail_oauth_token_url``."""
    imap_folder: str = "INBOX"
    imap_seconds: int = Field(default=30, ge=1, le=86400)
    """How often the mailbox is looked at."""
    imap_days: int = Field(default=30, ge=1, le=3650)
    """From a mailbox that is new to the server, only mails of the last days are read."""
    language: Literal["en", "zh"] = "en"
    """Of the mails that the server writes to the vendor's own people."""
    imap_authserv_id: str | None = None
    """By what name the receiving server signs its Authentication-Results; None: none counts."""
    metrics_from: Networks = (ip_network("127.0.0.0/8"), ip_network("::1"))
    """Who may read /metrics."""

    @classmethod
    def read(cls, **given: Any) -> "ServerSettings":
        """The environment's settings, and those *given* that are not None over them.

        Raises InputInvalidError.
        """
        try:
            return cls(**{name: value for name, value in given.items() if value is not None})
        except ValidationError as error:
            first = error.errors()[0]
            name = f"{_PREFIX}{'_'.join(map(str, first['loc'])).upper()}"
            raise InputInvalidError(
                field=name, reason=first["msg"].removeprefix("Value error, ")
            ) from error
        except SettingsError as error:  # what should be JSON and is none
            field = next(name for name in cls.model_fields if f'"{name}"' in str(error))
            name, reason = f"{_PREFIX}{field.upper()}", "it is not JSON"
            raise InputInvalidError(field=name, reason=reason) from error

    @classmethod
    def read_valid(
        cls, environ: MutableMapping[str, str], **given: Any
    ) -> "tuple[ServerSettings, list[InputInvalidError]]":
        """The settings, and what is wrong with those that are passed over for their defaults.

        *environ* is the process's environment, from which these are taken. Raises InputInvalidError
        for what is wrong with several settings together.
        """
        wrong: list[InputInvalidError] = []
        settings = [f"{_PREFIX}{name}".upper() for name in cls.model_fields]
        while True:
            try:
                return cls.read(**given), wrong
            except InputInvalidError as error:
                # The name of one setting may begin another's: ..._DATA, ..._DATABASE.
                begun = (name for name in settings if error.field.startswith(name))
                meant = max(begun, key=len, default=None)
                names = [name for name in environ if name.upper() == meant]
                if not names:
                    raise
                wrong.append(error)
                for name in names:
                    del environ[name]

    @classmethod
    def misspelt(cls, environ: Mapping[str, str]) -> list[tuple[str, str | None]]:
        """The names in *environ* that look like settings and are none, with the nearest that is.

        Those are left out that Kubernetes gives every pod beside a service ``license-server``.
        """
        known = [name.upper() for name in cls.model_fields]
        found = []
        for name, value in sorted(environ.items()):
            bare = name.upper().removeprefix(_PREFIX)
            if (
                bare == name.upper()
                or bare in known
                or re.fullmatch(_OF_KUBERNETES, f"{bare}={value}")
            ):
                continue
            near = get_close_matches(bare, known, 1, 0.7)
            found.append((name, f"{_PREFIX}{near[0]}" if near else None))
        return found

    @property
    def imap_place(self) -> str | None:
        """By which the database knows the folder of the mailbox; the port may change."""
        if self.imap_host is None:
            return None
        return f"{self.imap_user} {self.imap_host} {self.imap_folder}"[:500]

    @property
    def sends_mail(self) -> bool:
        """Whether they name a server that takes mails, and who writes them."""
        return self.smtp_host is not None and self.mail_from is not None

    @property
    def database_url(self) -> str:
        """The URL of the database, as SQLAlchemy takes it."""
        if self.database is None:
            return f"sqlite:///{quote(os.fsencode(self.database_file))}"
        scheme, separator, rest = self.database.partition("://")
        return (
            f"{'postgresql+psycopg' if scheme.startswith('postgres') else scheme}{separator}{rest}"
        )

    @property
    def database_file(self) -> Path:
        """Where SQLite keeps its data, if it is used."""
        return self.data / "hostseal.db"

    @property
    def ledger_file(self) -> Path:
        """Which ledger was served from this folder last (operations/ledger_identity.py)."""
        return self.data / "ledger"

    @property
    def root_pub_pem(self) -> Path:
        """The public root key, to be shipped with the product."""
        return self.data / "root.pub.pem"

    @property
    def root_pub_pems(self) -> list[Path]:
        """All root keys that the product ships: that one, and ``root-….pub.pem`` beside it."""
        return [self.root_pub_pem, *sorted(self.data.glob("root-*.pub.pem"))]

    @property
    def root_key(self) -> Path:
        """The private root key, encrypted. The server runs without it."""
        return self.data / "keys" / "root.key.pem"

    @property
    def signing_key(self) -> Path:
        """The private signing key, encrypted."""
        return self.data / "keys" / "signing.key.pem"

    def new_signing_key(self, kid: str) -> Path:
        """The private signing key *kid* that was made later, encrypted."""
        return self.data / "keys" / f"signing-{kid}.key.pem"

    @property
    def record_key(self) -> Path:
        """The private key that signs checkpoints of the audit log, encrypted."""
        return self.data / "keys" / "record.key.pem"

    @property
    def record_pub_pem(self) -> Path:
        """Its public half, to be kept elsewhere with the checkpoints."""
        return self.data / "record.pub.pem"

    @property
    def seeds_key(self) -> Path:
        """The private key, encrypted, under which the seeds of one-time codes are kept."""
        return self.data / "keys" / "seeds.key.pem"

    def signer_uri(self, kids: Iterable[str] = ()) -> str:
        """Where the signing key is (signers.open_signer): one of *kids* that has a file here.

        The first of them counts; without one, the key that came with the server.
        """
        if self.signer is not None:
            return self.signer
        paths = map(self.new_signing_key, kids)
        return f"file:{next((path for path in paths if path.exists()), self.signing_key)}"

    @property
    def secret_settings(self) -> dict[str, Path | None]:
        """The variables that lead to files that nobody else may read, and those files."""
        names = (
            "passphrase_file",
            "admin_password_file",
            "openid_client_secret_file",
            "smtp_password_file",
            "imap_password_file",
            "mail_oauth_client_secret_file",
            "mail_oauth_refresh_token_file",
        )
        return {f"{_PREFIX}{name.upper()}": getattr(self, name) for name in names}

    def read_passphrase(self, what: str) -> bytes:
        """The passphrase of the key *what*; at a terminal it is asked for, once a process.

        Raises PassphraseMissingError, InputInvalidError.
        """
        secret = self.given_passphrase
        if secret is None and sys.stdin is not None and sys.stdin.isatty():
            secret = _typed(what)
        if not secret:
            raise PassphraseMissingError(what=what)
        return secret.encode("utf-8", "surrogateescape")

    @property
    def given_passphrase(self) -> str | None:
        """The one that the environment tells or leads to. Raises InputInvalidError."""
        return _secret(self.passphrase_file, self.passphrase, "LICENSE_SERVER_PASSPHRASE_FILE")

    def read_openid_secret(self) -> str:
        """What proves this server to the OpenID provider. Raises InputInvalidError."""
        name = "LICENSE_SERVER_OPENID_CLIENT_SECRET_FILE"
        secret = _secret(self.openid_client_secret_file, None, name)
        if not secret:
            raise InputInvalidError(field=name, reason="it is missing")
        return secret

    def read_mail_secret(self, setting: str) -> str:
        """The first line of the file that a *setting* leads to. Raises InputInvalidError."""
        name = f"{_PREFIX}{setting.upper()}"
        secret = _secret(getattr(self, setting), None, name)
        if not secret:
            raise InputInvalidError(field=name, reason="it is missing")
        return secret

    def read_admin_password(self) -> str | None:
        """The first administrator's password; None: to be generated. Raises InputInvalidError."""
        name = "LICENSE_SERVER_ADMIN_PASSWORD_FILE"
        return _secret(self.admin_password_file, self.admin_password, name)


_known: list[str] = []
"""What was typed already."""


def _typed(what: str) -> str:
    """What somebody types; all keys of a server have one passphrase. A new one is typed twice."""
    import click

    if not _known:
        again = what.startswith("new ")
        asked = f"Passphrase of the {what}"
        _known[:] = [click.prompt(asked, hide_input=True, err=True, confirmation_prompt=again)]
    return _known[0]


def _secret(path: Path | None, value: SecretStr | None, name: str) -> str | None:
    """The first line of the file *path*, else *value*."""
    if path is None:
        return None if value is None else value.get_secret_value()
    return first_line(path, name)

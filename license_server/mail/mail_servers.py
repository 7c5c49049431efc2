"""The mail servers that the settings name, and how this server signs in there."""

import os
import ssl
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from license_core.reason import Reason
from license_server.db.errors import InputInvalidError
from license_server.mail import addresses
from license_server.mail.access_tokens import AccessTokens, Grant
from license_server.mail.incoming import Own
from license_server.mail.mailbox import Mailbox
from license_server.mail.relay import Relay
from license_server.settings import ServerSettings


def sender(settings: ServerSettings) -> str:
    """Who writes to customers. Raises InputInvalidError where that is not said."""
    told = settings.mail_from
    if told is None or addresses.read(told) is None:
        reason = "it is missing" if told is None else "it is not the address of a mailbox"
        raise InputInvalidError(field="LICENSE_SERVER_MAIL_FROM", reason=reason)
    return told


def address(settings: ServerSettings) -> str | None:
    """Where customers can write to; None where the settings name no mailbox of the vendor."""
    told = addresses.read(settings.mail_from) if settings.mail_from else None
    return told.address if told else None


def relay(settings: ServerSettings, clock: Callable[[], int]) -> Relay | None:
    """Where mails are handed in; None where the settings name no server.

    Raises InputInvalidError for settings that do not go together, and for files that are not there.
    """
    if settings.smtp_host is None:
        return None
    sender(settings)
    password = _secret(settings, "smtp_password_file")
    tokens = access_tokens(settings, clock) if password is None else None
    if settings.smtp_user is not None and password is None and tokens is None:
        reason = "it is missing, and so is LICENSE_SERVER_MAIL_OAUTH_TOKEN_URL"
        raise InputInvalidError(field="LICENSE_SERVER_SMTP_PASSWORD_FILE", reason=reason)
    return Relay(
        settings.smtp_host,
        settings.smtp_port,
        settings.smtp_tls,
        verifying(settings),
        settings.smtp_user,
        password,
        tokens.current if tokens else None,
        tokens.forget if tokens else lambda: None,
    )


def mailbox(settings: ServerSettings, clock: Callable[[], int]) -> Mailbox | None:
    """Where mails come in; None where the settings name no server.

    Raises InputInvalidError for settings that do not go together, and for files that are not there.
    """
    place = settings.imap_place
    if settings.imap_host is None or place is None:
        return None
    if settings.imap_user is None:
        raise InputInvalidError(field="LICENSE_SERVER_IMAP_USER", reason="it is missing")
    password = _secret(settings, "imap_password_file")
    tokens = access_tokens(settings, clock) if password is None else None
    if password is None and tokens is None:
        reason = "it is missing, and so is LICENSE_SERVER_MAIL_OAUTH_TOKEN_URL"
        raise InputInvalidError(field="LICENSE_SERVER_IMAP_PASSWORD_FILE", reason=reason)
    return Mailbox(
        settings.imap_host,
        settings.imap_port,
        settings.imap_tls,
        verifying(settings),
        settings.imap_user,
        settings.imap_folder,
        place,
        password,
        tokens.current if tokens else None,
        tokens.forget if tokens else lambda: None,
    )


def own(settings: ServerSettings) -> Own:
    """What tells this server's mails from others."""
    told = addresses.read(settings.mail_from) if settings.mail_from else None
    return Own(told.domain if told else None, settings.imap_authserv_id)


def verifying(settings: ServerSettings) -> ssl.SSLContext:
    """How mail servers are verified. Raises InputInvalidError."""
    try:
        return ssl.create_default_context(cafile=settings.mail_ca_file)
    except (OSError, ssl.SSLError) as error:
        reason = Reason("{path}: {error}", path=str(settings.mail_ca_file), error=str(error))
        raise InputInvalidError(field="LICENSE_SERVER_MAIL_CA_FILE", reason=reason) from error


def access_tokens(settings: ServerSettings, clock: Callable[[], int]) -> AccessTokens | None:
    """The access tokens of the mailbox; None where it has a password. Raises InputInvalidError."""
    if settings.mail_oauth_token_url is None:
        return None
    if settings.mail_oauth_client_id is None:
        name = "LICENSE_SERVER_MAIL_OAUTH_CLIENT_ID"
        raise InputInvalidError(field=name, reason="it is missing")
    if not _is_private(settings.mail_oauth_token_url):
        name = "LICENSE_SERVER_MAIL_OAUTH_TOKEN_URL"
        reason = "it must begin with https://: secrets are sent there"
        raise InputInvalidError(field=name, reason=reason)
    grant = Grant(
        settings.mail_oauth_token_url,
        settings.mail_oauth_client_id,
        _secret(settings, "mail_oauth_client_secret_file"),
        _secret(settings, "mail_oauth_refresh_token_file"),
        settings.mail_oauth_scope,
        verifying(settings),
        lambda token: _keep(settings.mail_oauth_refresh_token_file, token),
    )
    return AccessTokens(grant, clock)


def _is_private(url: str) -> bool:
    """Whether nobody reads along."""
    try:
        where = urlsplit(url)
        return bool(where.hostname) and (
            where.scheme == "https"
            or (where.scheme == "http" and where.hostname in ("127.0.0.1", "::1", "localhost"))
        )
    except ValueError:
        return False


def _keep(path: Path | None, secret: str) -> None:
    """Put a *secret* into the file of the former, whole or not at all. Raises OSError."""
    if path is None:
        return
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(f"{secret}\n")
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError:
        beside.unlink(missing_ok=True)
        raise


def _secret(settings: ServerSettings, setting: str) -> Callable[[], str] | None:
    """What reads a secret when it is needed; None where the settings have none."""
    if getattr(settings, setting) is None:
        return None
    settings.read_mail_secret(setting)
    return lambda: settings.read_mail_secret(setting)

"""Where credentials for AWS come from: a file, the environment, the container or the machine.

The first of these that there is counts; what it gives for a while is kept until shortly before its
end. Files are read at each request, so new credentials count without a restart.
"""

import configparser
import threading
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from license_core.errors import SignerUnavailableError
from license_server.signing.signers.aws_request import Credentials
from license_server.signing.signers.channel import Answer, Channel
from license_server.signing.signers.private_file import read_private
from license_server.signing.signers.service_uri import base_of

_BEFORE_ITS_END = 300
_CONTAINER = "http://169.254.170.2"
_MACHINE = "http://169.254.169.254"
_AGENTS = ("169.254.170.2", "169.254.170.23", "fd00:ec2::23")
"""Where containers are given credentials without TLS: addresses that lead out of no machine."""
_ROLE = "/latest/meta-data/iam/security-credentials/"


class AwsCredentials:
    """Credentials as they are now."""

    def __init__(
        self,
        environ: Mapping[str, str],
        file: str | None,
        profile: str,
        patience: float,
        clock: Callable[[], int],
    ) -> None:
        """*file* and *profile*: what the URI names, which counts first; *patience* in seconds."""
        self._environ, self._file, self._profile, self._clock = environ, file, profile, clock
        self._channel = Channel("credentials for AWS", patience, proxies=False)
        self._kept: Credentials | None = None
        self._lock = threading.Lock()

    def current(self) -> Credentials:
        """Raises SignerUnavailableError or SecretFileOpenError."""
        environ = self._environ
        if self._file is not None:
            return self._of_file(self._file)
        key_id, secret = environ.get("AWS_ACCESS_KEY_ID"), environ.get("AWS_SECRET_ACCESS_KEY")
        if key_id and secret:
            token = environ.get("AWS_SESSION_TOKEN") or None
            return self._credentials(Credentials(key_id, secret, token), "in the environment")
        with self._lock:
            kept = self._kept
            if kept is None or kept.until is None or self._clock() >= kept.until - _BEFORE_ITS_END:
                kept = self._kept = self._asked()
            return kept

    def _of_file(self, path: str) -> Credentials:
        try:
            text = read_private(path).decode("utf-8")
            parser = configparser.ConfigParser(interpolation=None)
            parser.read_string(text)
            found = parser[self._profile]
            given = Credentials(
                found["aws_access_key_id"],
                found["aws_secret_access_key"],
                found.get("aws_session_token"),
            )
        except FileNotFoundError as error:
            raise self._channel.unavailable(f"there is no file {path}") from error
        except (configparser.Error, KeyError, UnicodeDecodeError) as error:  # it shows no content
            reason = f"{path} has no aws_access_key_id and aws_secret_access_key in"
            raise self._channel.unavailable(f"{reason} [{self._profile}]") from error
        return self._credentials(given, f"in {path}")

    def _asked(self) -> Credentials:
        relative = self._environ.get("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI")
        full = self._environ.get("AWS_CONTAINER_CREDENTIALS_FULL_URI")
        if relative:
            return self._read(self._channel.ask("GET", f"{_CONTAINER}{relative}", {}))
        if full:
            if urlsplit(full).hostname not in _AGENTS:
                base_of(full, "AWS_CONTAINER_CREDENTIALS_FULL_URI")
            token = self._authorization()
            headers = {"Authorization": token} if token else {}
            return self._read(self._channel.ask("GET", full, headers, None, (token,) * bool(token)))
        return self._of_machine()

    def _authorization(self) -> str:
        """What the container is known by; empty: there is nothing."""
        path = self._environ.get("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE")
        name = path or "AWS_CONTAINER_AUTHORIZATION_TOKEN"
        token = self._environ.get("AWS_CONTAINER_AUTHORIZATION_TOKEN", "")
        if path:
            try:
                with open(path, encoding="ascii") as stream:
                    token = stream.read(64 * 1024)
            except (OSError, ValueError) as error:
                raise self._channel.unavailable(f"{path} cannot be read") from error
        token = token.strip()
        if not (token.isascii() and token.isprintable()):
            raise self._channel.unavailable(f"the token in {name} is not one line of plain text")
        return token

    def _of_machine(self) -> Credentials:
        """What an EC2 machine's role gives (IMDSv2)."""
        if self._environ.get("AWS_EC2_METADATA_DISABLED", "").lower() == "true":
            raise self._none()
        base = self._environ.get("AWS_EC2_METADATA_SERVICE_ENDPOINT", _MACHINE).rstrip("/")
        try:
            session = self._channel.ask(
                "PUT",
                f"{base}/latest/api/token",
                {"X-aws-ec2-metadata-token-ttl-seconds": "300"},
            )
        except SignerUnavailableError as error:
            raise self._none() from error
        if session.status != 200:
            raise self._channel.unavailable("this machine has no role")
        token = self._channel.token(session.text, "the session that this machine gave")
        headers = {"X-aws-ec2-metadata-token": token}
        role = self._channel.ask("GET", f"{base}{_ROLE}", headers, None, (token,))
        name = role.text.split("\n", 1)[0].strip()
        if role.status != 200 or not name:
            raise self._channel.unavailable("this machine has no role")
        return self._read(self._channel.ask("GET", f"{base}{_ROLE}{name}", headers, None, (token,)))

    def _none(self) -> SignerUnavailableError:
        return self._channel.unavailable(
            "there are none; name a credentials-file in the URI, or set AWS_ACCESS_KEY_ID and "
            "AWS_SECRET_ACCESS_KEY"
        )

    def _read(self, answer: Answer) -> Credentials:
        found: dict[str, Any] = answer.members
        try:
            end = datetime.fromisoformat(str(found["Expiration"]))
            given = Credentials(
                str(found["AccessKeyId"]),
                str(found["SecretAccessKey"]),
                str(found["Token"]),
                int(end.timestamp()),
            )
        except (KeyError, ValueError) as error:
            reason = f"who gives them answered with the status {answer.status}, without them"
            raise self._channel.unavailable(reason) from error
        return self._credentials(given, "given to this machine")

    def _credentials(self, given: Credentials, where: str) -> Credentials:
        """Those of *given* as they can be sent. Raises SignerUnavailableError."""
        token = given.token
        return given._replace(
            key_id=self._channel.token(given.key_id, f"the access key's id {where}"),
            secret=self._channel.token(given.secret, f"the secret access key {where}"),
            token=token and self._channel.token(token, f"the session token {where}"),
        )

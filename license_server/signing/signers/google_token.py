"""Access tokens for Google Cloud: of a service account's key file, or of the machine's account."""

import base64
import json
import threading
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple
from urllib.parse import urlencode

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from license_core.errors import SignerUnavailableError
from license_server.signing.signers.channel import Answer, Channel
from license_server.signing.signers.private_file import read_private
from license_server.signing.signers.service_uri import base_of

_SCOPE = "https://www.googleapis.com/auth/cloudkms"
_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_NONE = (
    *(AttributeError, KeyError, RecursionError, TypeError, ValueError),
    UnsupportedAlgorithm,
)
"""What a file that is none raises."""
_LIFE = 3600
_BEFORE_ITS_END = 60
_MACHINE = "metadata.google.internal"
_ACCOUNT = "/computeMetadata/v1/instance/service-accounts/default/token"


class _Account(NamedTuple):
    """A service account, as its file has it."""

    email: str
    key_id: str
    key: RSAPrivateKey
    token_url: str


class GoogleTokens:
    """The token as it is now; it is kept until shortly before its end."""

    def __init__(
        self,
        environ: Mapping[str, str],
        file: str | None,
        channel: Channel,
        clock: Callable[[], int],
    ) -> None:
        """*file* is what the URI names; else GOOGLE_APPLICATION_CREDENTIALS, or the machine."""
        self._environ, self._file, self._clock = environ, file, clock
        self._channel = channel
        self._kept: tuple[str, int] | None = None
        self._lock = threading.Lock()

    def current(self) -> str:
        """Raises SignerUnavailableError or SecretFileOpenError."""
        with self._lock:
            now = self._clock()
            if self._kept is None or now >= self._kept[1]:
                self._kept = self._read(self._asked(now), now)
            return self._kept[0]

    def forget(self) -> None:
        """Ask for another one next time: this one was refused."""
        with self._lock:
            self._kept = None

    def _asked(self, now: int) -> Answer:
        path = self._file or self._environ.get("GOOGLE_APPLICATION_CREDENTIALS")
        if not path:
            return self._of_machine()
        account = self._account(path)
        assertion = _assertion(account, now)
        fields = urlencode({"grant_type": _GRANT, "assertion": assertion}).encode("ascii")
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        return self._channel.ask("POST", account.token_url, kind, fields, (assertion,))

    def _of_machine(self) -> Answer:
        host = self._environ.get("GCE_METADATA_HOST", _MACHINE)
        machine = Channel("the account of this machine", self._channel.patience, proxies=False)
        try:
            return machine.ask("GET", f"http://{host}{_ACCOUNT}", {"Metadata-Flavor": "Google"})
        except SignerUnavailableError as error:
            reason = "there are no credentials; name a credentials-file in the URI"
            raise self._channel.unavailable(reason) from error

    def _account(self, path: str) -> _Account:
        try:
            found: dict[str, Any] = json.loads(read_private(path))
            if found["type"] != "service_account":
                reason = f"{path} is not a key of a service account"
                raise self._channel.unavailable(reason)
            key = serialization.load_pem_private_key(found["private_key"].encode("ascii"), None)
            if not isinstance(key, RSAPrivateKey):
                raise TypeError
            return _Account(
                str(found["client_email"]),
                str(found["private_key_id"]),
                key,
                base_of(str(found["token_uri"]), "token_uri"),
            )
        except FileNotFoundError as error:
            raise self._channel.unavailable(f"there is no file {path}") from error
        except _NONE as error:
            reason = f"{path} is not a key file of a service account"  # and nothing of its content
            raise self._channel.unavailable(reason) from error

    def _read(self, answer: Answer, now: int) -> tuple[str, int]:
        token, life = answer.members.get("access_token"), answer.members.get("expires_in")
        if answer.status != 200 or not isinstance(token, str):
            told = answer.members.get("error_description") or answer.members.get("error") or ""
            reason = f"Google refused the credentials with the status {answer.status}"
            raise self._channel.unavailable(f"{reason} {self._channel.told(told)}".rstrip())
        token = self._channel.token(token, "the access token that Google gave")
        seconds = life if isinstance(life, int) and life > 0 else 0
        return token, now + max(1, seconds - _BEFORE_ITS_END)


def _assertion(account: _Account, now: int) -> str:
    """What asks for a token: a JWT signed by the account's key (RFC 7523)."""
    header = {"alg": "RS256", "typ": "JWT", "kid": account.key_id}
    claims = {
        "iss": account.email,
        "scope": _SCOPE,
        "aud": account.token_url,
        "iat": now,
        "exp": now + _LIFE,
    }
    text = ".".join(_encoded(json.dumps(part).encode("utf-8")) for part in (header, claims))
    signature = account.key.sign(text.encode("ascii"), padding.PKCS1v15(), hashes.SHA256())
    return f"{text}.{_encoded(signature)}"


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")

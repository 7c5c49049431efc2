"""A private key in Google Cloud KMS: algorithm EC_SIGN_ED25519, which takes the message itself."""

import base64
import binascii
import json
import os
import re
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from license_core.publickey import PublicKey
from license_server.db.errors import InputInvalidError
from license_server.signing.signers.backend import Described
from license_server.signing.signers.channel import Answer, Channel
from license_server.signing.signers.google_token import GoogleTokens
from license_server.signing.signers.key_service import ServiceSigner
from license_server.signing.signers.service_uri import ServiceUri, base_of, invalid

_OPTIONS = ("endpoint", "credentials-file", "protection")
_PARTS = ("projects", "locations", "keyRings", "cryptoKeys", "cryptoKeyVersions")
_NAME = re.compile("/".join(f"{part}/[A-Za-z0-9_.:-]+" for part in _PARTS))
_EXAMPLE = f"google-kms://{'/'.join(f'{part}/…' for part in _PARTS)}"
_ENDPOINT = "https://cloudkms.googleapis.com"
_ALGORITHM = "EC_SIGN_ED25519"
_WORDS = {
    "NOT_FOUND": "there is no such key; create one with `license-server signer create`",
    "PERMISSION_DENIED": "the account may not do this",
    "UNAUTHENTICATED": "it refused the access token",
    "RESOURCE_EXHAUSTED": "its quota is used up; try again later",
    "FAILED_PRECONDITION": "the key is disabled, destroyed or still being made",
    "INVALID_ARGUMENT": f"the key is not for signatures with {_ALGORITHM}",
    "UNAVAILABLE": "it is unavailable for now",
    "DEADLINE_EXCEEDED": "it is too slow for now",
}


class GoogleKmsUri(NamedTuple):
    """What a URI says."""

    name: str
    """Of the version of the key."""
    endpoint: str
    uri: ServiceUri

    @classmethod
    def parse(cls, text: str) -> "GoogleKmsUri":
        """Read what follows ``google-kms:``. Raises InputInvalidError."""
        uri = ServiceUri.parse(text, _OPTIONS)
        if not _NAME.fullmatch(uri.place):
            raise invalid(f"it does not name a version of a key; such a URI is `{_EXAMPLE}`")
        endpoint = base_of(uri.options.get("endpoint", _ENDPOINT), "endpoint")
        if uri.options.get("protection", "software") not in ("software", "hsm"):
            raise invalid("its protection is neither software nor hsm")
        return cls(uri.place, endpoint, uri)

    @property
    def place(self) -> str:
        """What the key is called in messages."""
        return f"key {self.name} in Google Cloud KMS"


class GoogleKms:
    """The version of a key that a URI names."""

    kind = "Google Cloud KMS"
    most = 65_536

    def __init__(
        self, uri: GoogleKmsUri, environ: Mapping[str, str], clock: Callable[[], int]
    ) -> None:
        self._uri, self.place, self.patience = uri, uri.place, uri.uri.patience
        secure = uri.endpoint.startswith("https:")
        context = uri.uri.context() if secure else False
        self._channel = Channel(self.place, self.patience, context, proxies=secure)
        file = uri.uri.file("credentials-file")
        self._tokens = GoogleTokens(environ, file, self._channel, clock)

    def read_key(self) -> Described:
        """What KMS tells of the key; no key of KMS can be copied out of it."""
        found = self._found("GET", f"{self._uri.name}/publicKey")
        algorithm, pem = found.get("algorithm"), found.get("pem")
        if algorithm != _ALGORITHM:
            reason = f"the key is {self._channel.told(algorithm)}, and not {_ALGORITHM}"
            raise self._channel.unavailable(reason)
        try:
            public = PublicKey.from_pem(pem if isinstance(pem, str) else "")
        except ValueError as error:
            raise self._channel.unavailable(f"its public key cannot be read ({error})") from error
        return Described(public, self.place, exportable=False)

    def sign(self, message: bytes) -> bytes:
        """The signature over *message*."""
        asked = {"data": base64.b64encode(message).decode("ascii")}
        found = self._found("POST", f"{self._uri.name}:asymmetricSign", asked)
        try:
            return base64.b64decode(found["signature"], validate=True)
        except (KeyError, TypeError, ValueError, binascii.Error) as error:
            raise self._channel.unavailable("its answer has no signature") from error

    def create(self) -> PublicKey:
        """Make the key. Raises InputInvalidError where there is one."""
        key, _, version = self._uri.name.partition("/cryptoKeyVersions/")
        ring, _, name = key.rpartition("/cryptoKeys/")
        if version != "1":
            reason = (
                "a new key has version 1; make a further one with `gcloud kms keys versions create`"
            )
            raise InputInvalidError(field="URI", reason=reason)
        level = self._uri.uri.options.get("protection", "software").upper()
        asked = {
            "purpose": "ASYMMETRIC_SIGN",
            "versionTemplate": {"algorithm": _ALGORITHM, "protectionLevel": level},
        }
        made = self._ask("POST", f"{ring}/cryptoKeys?cryptoKeyId={name}", asked)
        if made.status == 409:
            reason = f"there is a key {name} in this key ring already; choose a new name"
            raise InputInvalidError(field="URI", reason=reason)
        self._read(made)
        return self.read_key().public_key

    def _found(self, method: str, path: str, asked: dict[str, Any] | None = None) -> dict[str, Any]:
        return self._read(self._ask(method, path, asked))

    def _ask(self, method: str, path: str, asked: dict[str, Any] | None = None) -> Answer:
        body = None if asked is None else json.dumps(asked).encode("ascii")
        token = self._tokens.current()
        headers = {"Authorization": f"Bearer {token}"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        url = f"{self._uri.endpoint}/v1/{path}"
        answer = self._channel.ask(method, url, headers, body, (token,))
        if answer.status == 401:
            self._tokens.forget()
        return answer

    def _read(self, answer: Answer) -> dict[str, Any]:
        """The members of an answer. Raises SignerUnavailableError with what is wrong, if it is."""
        if answer.status == 200:
            return answer.members
        error = answer.members.get("error")
        found = error if isinstance(error, dict) else {}
        status, told = str(found.get("status", "")), self._channel.told(found.get("message", ""))
        words = _WORDS.get(status) or f"it answered with the status {answer.status}"
        raise self._channel.unavailable(f"{words} ({told})" if told else words)


def open_google_kms(uri: str) -> ServiceSigner:
    """The signer of the key that *uri* names, without its scheme.

    Raises InputInvalidError, SecretFileOpenError or SignerUnavailableError.
    """
    return ServiceSigner(_kms(uri))


def create_google_kms(uri: str) -> PublicKey:
    """Let KMS make a key that stays in it. Raises as ``open_google_kms`` does."""
    return _kms(uri).create()


def _kms(uri: str) -> GoogleKms:
    return GoogleKms(GoogleKmsUri.parse(uri), os.environ, lambda: int(time.time()))

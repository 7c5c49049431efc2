"""A private key in AWS KMS: key spec ECC_NIST_EDWARDS25519, algorithm ED25519_SHA_512.

KMS signs a message of at most 4,096 bytes. A longer one would have to be hashed first, which is
another algorithm (Ed25519ph) that no client of ours verifies, so it is refused before it is asked.
"""

import base64
import binascii
import json
import os
import re
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from license_core.publickey import PublicKey
from license_server.db.errors import InputInvalidError
from license_server.signing.signers.aws_credentials import AwsCredentials
from license_server.signing.signers.aws_request import Scope, signed
from license_server.signing.signers.backend import Described
from license_server.signing.signers.channel import Answer, Channel
from license_server.signing.signers.key_service import ServiceSigner, key_of_der
from license_server.signing.signers.service_uri import ServiceUri, base_of, invalid

_OPTIONS = ("endpoint", "credentials-file", "profile")
_EXAMPLE = "aws-kms://REGION/KEY, where KEY is a key's id or alias/NAME"
_SPEC, _ALGORITHM = "ECC_NIST_EDWARDS25519", "ED25519_SHA_512"
_MISSING = "NotFoundException"
_WORDS = {
    _MISSING: "there is no such key in this region; create one with `license-server signer create`",
    "AccessDeniedException": "its policy does not allow this",
    "DisabledException": "the key is disabled",
    "KMSInvalidStateException": "the key is disabled or about to be deleted",
    "KeyUnavailableException": "the key is unavailable for now",
    "InvalidKeyUsageException": f"the key is not for signatures with {_ALGORITHM}",
    "UnsupportedOperationException": f"the key is not for signatures with {_ALGORITHM}",
    "ThrottlingException": "its quota is used up; try again later",
    "LimitExceededException": "its quota is used up",
    "ExpiredTokenException": "the credentials have expired",
    "UnrecognizedClientException": "it does not know the credentials",
    "InvalidSignatureException": "it refused the credentials, or this machine's clock is wrong",
    "DependencyTimeoutException": "it is too slow for now",
}


class AwsKmsUri(NamedTuple):
    """What a URI says."""

    region: str
    key: str
    endpoint: str
    uri: ServiceUri

    @classmethod
    def parse(cls, text: str) -> "AwsKmsUri":
        """Read what follows ``aws-kms:``. Raises InputInvalidError."""
        uri = ServiceUri.parse(text, _OPTIONS)
        region, _, key = uri.place.partition("/")
        if not (re.fullmatch(r"[a-z]{2}(-[a-z]+)+-\d+", region) and key):
            raise invalid(f"it does not name a region and a key; such a URI is `{_EXAMPLE}`")
        top = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
        given = uri.options.get("endpoint", f"https://kms.{region}.{top}")
        return cls(region, key, base_of(given, "endpoint"), uri)

    @property
    def place(self) -> str:
        """What the key is called in messages."""
        return f"key {self.key} in AWS KMS in {self.region}"


class AwsKms:
    """The key that a URI names."""

    kind = "AWS KMS"
    most = 4096

    def __init__(
        self, uri: AwsKmsUri, environ: Mapping[str, str], clock: Callable[[], int]
    ) -> None:
        self._uri, self.place, self.patience = uri, uri.place, uri.uri.patience
        self._clock = clock
        secure = uri.endpoint.startswith("https:")
        context = uri.uri.context() if secure else False
        self._channel = Channel(self.place, self.patience, context, proxies=secure)
        self._credentials = AwsCredentials(
            environ,
            uri.uri.file("credentials-file"),
            uri.uri.options.get("profile", "default"),
            self.patience,
            clock,
        )

    def read_key(self) -> Described:
        """What KMS tells of the key; no key of KMS can be copied out of it."""
        return self._described(self._found("GetPublicKey", {"KeyId": self._uri.key}))

    def sign(self, message: bytes) -> bytes:
        """The signature over *message*."""
        asked = {
            "KeyId": self._uri.key,
            "Message": base64.b64encode(message).decode("ascii"),
            "MessageType": "RAW",
            "SigningAlgorithm": _ALGORITHM,
        }
        return self._decoded(self._found("Sign", asked), "Signature")

    def create(self) -> PublicKey:
        """Make a key, and name it. Raises InputInvalidError where the name is taken."""
        name = self._uri.key
        if not name.startswith("alias/"):
            reason = (
                "KMS chooses the id of a new key; name it by an alias: aws-kms://REGION/alias/NAME"
            )
            raise InputInvalidError(field="URI", reason=reason)
        there = self._ask("GetPublicKey", {"KeyId": name})
        if _code(there) != _MISSING:
            self._read(there)
            reason = f"there is a key {name} already; choose a new name"
            raise InputInvalidError(field="URI", reason=reason)
        asked = {"KeySpec": _SPEC, "KeyUsage": "SIGN_VERIFY", "Description": "Hostseal"}
        made = self._found("CreateKey", asked).get("KeyMetadata")
        id_ = made.get("KeyId") if isinstance(made, dict) else None
        if not isinstance(id_, str):
            raise self._channel.unavailable("its answer names no new key")
        named = self._ask("CreateAlias", {"AliasName": name, "TargetKeyId": id_})
        if named.status != 200:
            reason = f"the new key {id_} got no name: {self._words(named)}"
            raise self._channel.unavailable(f"{reason}; give it one, or delete it")
        return self._described(self._found("GetPublicKey", {"KeyId": id_})).public_key

    def _described(self, found: dict[str, Any]) -> Described:
        spec = found.get("KeySpec")
        if spec != _SPEC:
            raise self._channel.unavailable(
                f"the key is {self._channel.told(spec)}, and not {_SPEC}"
            )
        try:
            public = key_of_der(self._decoded(found, "PublicKey"))
        except ValueError as error:
            raise self._channel.unavailable(f"its public key cannot be read ({error})") from error
        return Described(public, self.place, exportable=False)

    def _found(self, action: str, asked: dict[str, Any]) -> dict[str, Any]:
        return self._read(self._ask(action, asked))

    def _ask(self, action: str, asked: dict[str, Any]) -> Answer:
        body = json.dumps(asked).encode("ascii")
        headers = {
            "host": urlsplit(self._uri.endpoint).netloc,
            "content-type": "application/x-amz-json-1.1",
            "x-amz-target": f"TrentService.{action}",
        }
        scope, now = Scope(self._uri.region, "kms"), self._clock()
        found = self._credentials.current()
        headers = signed(found, scope, headers, body, now)
        secrets = (found.secret, *([found.token] if found.token is not None else ()))
        return self._channel.ask("POST", f"{self._uri.endpoint}/", headers, body, secrets)

    def _read(self, answer: Answer) -> dict[str, Any]:
        """The members of an answer. Raises SignerUnavailableError with what is wrong, if it is."""
        if answer.status != 200:
            raise self._channel.unavailable(self._words(answer))
        return answer.members

    def _words(self, answer: Answer) -> str:
        code = _code(answer)
        words = _WORDS.get(code) or f"it answered with the status {answer.status}"
        message = answer.members.get("message", answer.members.get("Message", ""))
        told = self._channel.told(f"{code} {message}")
        return f"{words} ({told})" if told else words

    def _decoded(self, found: dict[str, Any], name: str) -> bytes:
        try:
            return base64.b64decode(found[name], validate=True)
        except (KeyError, TypeError, ValueError, binascii.Error) as error:
            raise self._channel.unavailable(f"its answer has no {name}") from error


def _code(answer: Answer) -> str:
    """The error that an answer names; empty: none."""
    return str(answer.members.get("__type", "")).rpartition("#")[2]


def open_aws_kms(uri: str) -> ServiceSigner:
    """The signer of the key that *uri* names, without its scheme.

    Raises InputInvalidError, SecretFileOpenError or SignerUnavailableError.
    """
    return ServiceSigner(_kms(uri))


def create_aws_kms(uri: str) -> PublicKey:
    """Let KMS make a key that stays in it. Raises as ``open_aws_kms`` does."""
    return _kms(uri).create()


def _kms(uri: str) -> AwsKms:
    return AwsKms(AwsKmsUri.parse(uri), os.environ, lambda: int(time.time()))

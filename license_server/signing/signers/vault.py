"""A private key in the transit engine of HashiCorp Vault or OpenBao: both have the same API.

The token is read from its file at each request, so an agent may renew it there. The key's version
is said, not looked up: a later one that somebody makes is another key, which no keyset knows.
"""

import base64
import binascii
import json
from typing import Any, NamedTuple
from urllib.parse import quote, unquote

from license_core.publickey import PublicKey
from license_server.db.errors import InputInvalidError
from license_server.signing.signers.backend import Described
from license_server.signing.signers.channel import Answer, Channel
from license_server.signing.signers.key_service import ServiceSigner
from license_server.signing.signers.private_file import read_private
from license_server.signing.signers.service_uri import ServiceUri, base_of, invalid

_OPTIONS = ("token-file", "namespace", "version", "tls")
_EXAMPLE = "vault://HOST:8200/transit/KEY?token-file=/…/token"
_LONGEST_MESSAGE = 16 * 1024 * 1024
"""What is signed here is far shorter; Vault takes requests of 32 MiB."""
_WORDS = {
    400: "it refused the request",
    403: "it refused the token, or its policy does not allow this",
    404: "it has no such key or engine",
    429: "its quota is used up; try again later",
    503: "it is sealed or in maintenance",
}


class VaultUri(NamedTuple):
    """What a URI says."""

    base: str
    """The address of the server."""
    mount: str
    key: str
    version: int
    token_file: str
    namespace: str | None
    uri: ServiceUri

    @classmethod
    def parse(cls, text: str) -> "VaultUri":
        """Read what follows ``vault:``. Raises InputInvalidError."""
        uri = ServiceUri.parse(text, _OPTIONS)
        host, _, path = uri.place.partition("/")
        mount, _, key = path.strip("/").rpartition("/")
        if not (host and mount and key):
            raise invalid(
                f"it does not name a server, an engine and a key; such a URI is `{_EXAMPLE}`"
            )
        tls = uri.options.get("tls", "yes")
        if tls not in ("yes", "none"):
            raise invalid("its tls is neither yes nor none")
        base = base_of(f"http{'' if tls == 'none' else 's'}://{host}", "server")
        token_file = uri.file("token-file")
        if token_file is None:
            raise invalid(f"it has no token-file; such a URI is `{_EXAMPLE}`")
        version = uri.options.get("version", "1")
        if not (version.isascii() and version.isdigit() and 1 <= int(version) < 2**31):
            raise invalid("its version is not a whole number from 1")
        return cls(
            base,
            unquote(mount),
            unquote(key),
            int(version),
            token_file,
            uri.options.get("namespace"),
            uri,
        )

    @property
    def place(self) -> str:
        """What the key is called in messages."""
        host = self.base.partition("//")[2]
        return f"key {self.mount}/{self.key} (version {self.version}) in Vault at {host}"


class Vault:
    """The key that a URI names."""

    kind = "Vault"
    most = _LONGEST_MESSAGE

    def __init__(self, uri: VaultUri) -> None:
        self._uri, self.place, self.patience = uri, uri.place, uri.uri.patience
        secure = uri.base.startswith("https:")
        context = uri.uri.context() if secure else False
        self._channel = Channel(self.place, self.patience, context, proxies=secure)

    def read_key(self) -> Described:
        """What the engine tells of the key."""
        found = self._found(self._ask("GET", "keys"))
        kind, versions = found.get("type"), found.get("keys")
        if kind != "ed25519" or found.get("derived"):
            what = "derived" if kind == "ed25519" else self._channel.told(kind)
            raise self._channel.unavailable(f"the key is {what}, and not a plain ed25519 key")
        entry = versions.get(str(self._uri.version)) if isinstance(versions, dict) else None
        text = entry.get("public_key") if isinstance(entry, dict) else None
        if not isinstance(text, str):
            raise self._channel.unavailable("it has no such version of the key")
        public = PublicKey(self._decoded(text, "public key", 32))
        copied = found.get("exportable") or found.get("allow_plaintext_backup")
        return Described(public, self.place, exportable=bool(copied))

    def sign(self, message: bytes) -> bytes:
        """The signature over *message*."""
        asked = {
            "input": base64.b64encode(message).decode("ascii"),
            "key_version": self._uri.version,
        }
        told = self._found(self._ask("POST", "sign", asked)).get("signature")
        before, _, text = told.rpartition(":") if isinstance(told, str) else ("", "", "")
        if before != f"vault:v{self._uri.version}":
            raise self._channel.unavailable("its answer has no signature of this version")
        return self._decoded(text, "signature", 64)

    def create(self) -> None:
        """Make the key. Raises InputInvalidError where there is one."""
        if self._uri.version != 1:
            raise InputInvalidError(
                field="URI",
                reason="a new key has version 1; make a further version with "
                f"`vault write -f {self._uri.mount}/keys/{self._uri.key}/rotate`",
            )
        there = self._ask("GET", "keys")
        if there.status != 404:
            self._found(there)
            raise self._taken()
        asked = {"type": "ed25519", "exportable": False, "allow_plaintext_backup": False}
        made = self._ask("POST", "keys", asked)
        if made.status not in (200, 204):
            self._found(made)
        warnings = made.members.get("warnings") or ()
        if any("already existed" in str(one) for one in warnings):
            raise self._taken()  # somebody else was quicker

    def _taken(self) -> InputInvalidError:
        return InputInvalidError(
            field="URI", reason=f"{self.place} exists already; choose a new name"
        )

    def _ask(self, method: str, what: str, asked: dict[str, Any] | None = None) -> Answer:
        uri = self._uri
        token = self._token()
        headers = {"X-Vault-Token": token, "X-Vault-Request": "true"}
        if uri.namespace is not None:
            headers["X-Vault-Namespace"] = uri.namespace
        path = f"{uri.base}/v1/{quote(uri.mount)}/{what}/{quote(uri.key, safe='')}"
        body = None if asked is None else json.dumps(asked).encode("ascii")
        return self._channel.ask(method, path, headers, body, (token,))

    def _found(self, answer: Answer) -> dict[str, Any]:
        """The data of an answer. Raises SignerUnavailableError with what is wrong, if it is."""
        data = answer.members.get("data")
        if answer.status == 200 and isinstance(data, dict):
            return data
        errors = answer.members.get("errors")
        told = self._channel.told("; ".join(map(str, errors))) if isinstance(errors, list) else ""
        words = _WORDS.get(answer.status, f"it answered with the status {answer.status}")
        raise self._channel.unavailable(f"{words} ({told})" if told else words)

    def _token(self) -> str:
        path = self._uri.token_file
        try:
            lines = read_private(path).splitlines()
        except FileNotFoundError as error:
            reason = f"there is no file {path} with its token"
            raise self._channel.unavailable(reason) from error
        first = lines[0].decode("utf-8", "replace") if lines else ""
        return self._channel.token(first, f"the token in the first line of {path}")

    def _decoded(self, text: str, what: str, size: int) -> bytes:
        try:
            found = base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            found = b""
        if len(found) != size:
            raise self._channel.unavailable(f"its {what} does not have {size} bytes")
        return found


def open_vault(uri: str) -> ServiceSigner:
    """The signer of the key that *uri* names, without its scheme.

    Raises InputInvalidError, SecretFileOpenError or SignerUnavailableError.
    """
    return ServiceSigner(Vault(VaultUri.parse(uri)))


def create_vault(uri: str) -> PublicKey:
    """Let the engine make a key that stays in it. Raises as ``open_vault`` does."""
    vault = Vault(VaultUri.parse(uri))
    vault.create()
    return vault.read_key().public_key

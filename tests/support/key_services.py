"""Services that keep signing keys, on loopback: Vault or OpenBao, AWS KMS, Google Cloud KMS.

They answer as the documentation of each says: the same paths, members, statuses and errors. AWS
verifies the signature of each request (Signature Version 4), Google the JWT that asks for a token.
"""

import base64
import hashlib
import hmac
import json
import re
import ssl
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import parse_qsl, unquote, urlsplit

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

Answer = tuple[int, dict[str, Any] | str]
"""The status, and the JSON or the text."""
SECRET = "s.CAESIJ-a-secret-of-this-test"


class Asked:
    """A request."""

    def __init__(self, method: str, target: str, headers: dict[str, str], body: bytes) -> None:
        parts = urlsplit(target)
        self.method, self.path, self.body = method, unquote(parts.path), body
        self.query, self.headers = dict(parse_qsl(parts.query)), headers

    @property
    def members(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.body or b"{}")
        return found


class KeyServiceServer(ThreadingHTTPServer, ABC):
    """A service, and the ways in which it can fail."""

    daemon_threads = True
    request_queue_size = 64
    name: ClassVar[str]

    def __init__(self, folder: Path, tls: tuple[ssl.SSLContext, str]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        context, self.authority = tls
        self.socket = context.wrap_socket(self.socket, server_side=True)
        self.folder, self.host = folder, f"localhost:{self.server_address[1]}"
        self.keys: dict[str, Any] = {}
        self.asked: list[str] = []
        self.signed = 0
        self.trouble: Callable[[Asked], Answer | None] | None = None
        """What is answered in place of the usual; None of it: the connection is cut."""
        self.cut_after_signing = False
        self.go_on = threading.Event()
        self.go_on.set()
        folder.mkdir()

    def handle_error(self, *_: object) -> None:
        """A client that went away is none of the test's."""

    def client_context(self) -> ssl.SSLContext:
        """What a client verifies it by."""
        return ssl.create_default_context(cafile=self.authority)

    def secret_file(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.write_text(text)
        path.chmod(0o600)
        return path

    def answer(self, asked: Asked) -> Answer | None:
        self.asked.append(f"{asked.method} {asked.path}")
        self.go_on.wait(60)
        if self.trouble is not None and asked.path != "/token":
            return self.trouble(asked)
        before = self.signed
        found = self.usual(asked)
        return None if self.cut_after_signing and self.signed > before else found

    @abstractmethod
    def uri(self, key: str) -> str:
        """The URI of a key."""

    @abstractmethod
    def usual(self, asked: Asked) -> Answer:
        """What the service answers."""

    @abstractmethod
    def refusals(self) -> dict[str, Answer]:
        """Answers where it does not sign, and the words that people are to read of each."""

    @abstractmethod
    def put(self, key: str, private: object) -> None:
        """Let *key* be of another kind."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        server = self.server
        assert isinstance(server, KeyServiceServer)
        length = int(self.headers.get("content-length", 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        found = server.answer(Asked(self.command, self.path, headers, self.rfile.read(length)))
        if found is None:
            self.close_connection = True
            return
        status, content = found
        body = (content if isinstance(content, str) else json.dumps(content)).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        self.do_GET()

    def do_PUT(self) -> None:
        self.do_GET()

    def log_message(self, *_: object) -> None:
        """Nobody reads it."""


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _public(key: Any, encoding: serialization.Encoding) -> bytes:
    data: bytes = key.public_key().public_bytes(
        encoding, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return data


class FakeVault(KeyServiceServer):
    """The transit engine of Vault and OpenBao, at ``transit/``, in the namespace ``vendor``."""

    name = "vault"

    def __init__(self, folder: Path, tls: tuple[ssl.SSLContext, str]) -> None:
        super().__init__(folder, tls)
        self.token_file = self.secret_file("token", f"{SECRET}\n")

    def uri(self, key: str) -> str:
        return (
            f"vault://{self.host}/transit/{key}?token-file={self.token_file}"
            f"&namespace=vendor&ca-file={self.authority}&timeout=60"
        )

    def usual(self, asked: Asked) -> Answer:
        if not hmac.compare_digest(asked.headers.get("x-vault-token", ""), SECRET):
            return 403, {"errors": ["permission denied"]}
        found = re.fullmatch(r"/v1/transit/(keys|sign)/([^/]+)(/rotate)?", asked.path)
        if found is None or asked.headers.get("x-vault-namespace") != "vendor":
            route = asked.path.removeprefix("/v1/")
            return 404, {"errors": [f'no handler for route "{route}". route entry not found.']}
        what, key, further = found.groups()
        if what == "sign":
            return self._sign(key, asked.members)
        if asked.method == "GET":
            return self._told(key) if key in self.keys else (404, {"errors": []})
        if further:
            self.keys[key].append(Ed25519PrivateKey.generate())
            return self._told(key)
        if key in self.keys:
            status, told = self._told(key)
            assert isinstance(told, dict)
            return status, told | {"warnings": [f"key {key} already existed"]}
        assert asked.members["type"] == "ed25519"
        self.keys[key] = [Ed25519PrivateKey.generate()]
        return self._told(key)

    def _told(self, key: str) -> Answer:
        versions = self.keys[key]
        kind = "ed25519" if isinstance(versions[0], Ed25519PrivateKey) else "ecdsa-p256"
        return 200, {
            "request_id": "6c1d",
            "lease_id": "",
            "data": {
                "type": kind,
                "name": key,
                "latest_version": len(versions),
                "derived": False,
                "exportable": False,
                "allow_plaintext_backup": False,
                "supports_signing": True,
                "keys": {
                    str(number): {
                        "creation_time": "2026-11-30T00:00:00Z",
                        "name": "ed25519",
                        "public_key": _b64(one.public_key().public_bytes_raw())
                        if kind == "ed25519"
                        else _public(one, serialization.Encoding.PEM).decode("ascii"),
                    }
                    for number, one in enumerate(versions, 1)
                },
            },
            "warnings": None,
        }

    def _sign(self, key: str, members: dict[str, Any]) -> Answer:
        if key not in self.keys:
            return 400, {"errors": ["signing key not found"]}
        version = members["key_version"]
        if version > len(self.keys[key]):
            return 400, {"errors": ["invalid key version"]}
        self.signed += 1
        signature = self.keys[key][version - 1].sign(base64.b64decode(members["input"]))
        text = f"vault:v{version}:{_b64(signature)}"
        return 200, {"data": {"signature": text, "key_version": version}}

    def refusals(self) -> dict[str, Answer]:
        quota = 'request path "transit/sign/k": rate limit quota exceeded'
        return {
            "refused the token, or its policy does not allow this": (
                403,
                {"errors": ["1 error occurred:\n\t* permission denied\n\n"]},
            ),
            "its quota is used up": (429, {"errors": [quota]}),
            "it is sealed": (503, {"errors": ["Vault is sealed"]}),
            "no such key or engine": (404, {"errors": []}),
            "answered with the status 500": (500, {"errors": ["internal error"]}),
            "answered with the status 502": (502, "<html>Bad Gateway</html>"),
        }

    def put(self, key: str, private: object) -> None:
        self.keys[key] = [private]


class FakeAwsKms(KeyServiceServer):
    """KMS in the region eu-central-1."""

    name = "aws-kms"
    ID = "AKIDEXAMPLE"

    def __init__(self, folder: Path, tls: tuple[ssl.SSLContext, str]) -> None:
        super().__init__(folder, tls)
        self.aliases: dict[str, str] = {}
        text = f"[vendor]\naws_access_key_id = {self.ID}\naws_secret_access_key = {SECRET}\n"
        self.credentials = self.secret_file("credentials", text)

    def uri(self, key: str) -> str:
        return (
            f"aws-kms://eu-central-1/alias/{key}?endpoint=https://{self.host}"
            f"&credentials-file={self.credentials}&profile=vendor"
            f"&ca-file={self.authority}&timeout=60"
        )

    def usual(self, asked: Asked) -> Answer:
        if not self._authentic(asked):
            return _aws(
                "InvalidSignatureException", "The request signature we calculated does not match"
            )
        members = asked.members
        match asked.headers["x-amz-target"].removeprefix("TrentService."):
            case "CreateKey":
                assert members["KeySpec"] == "ECC_NIST_EDWARDS25519"
                assert members["KeyUsage"] == "SIGN_VERIFY"
                id_ = f"1234abcd-12ab-34cd-56ef-{len(self.keys):012}"
                self.keys[id_] = Ed25519PrivateKey.generate()
                return 200, {"KeyMetadata": {"KeyId": id_, "KeyState": "Enabled"}}
            case "CreateAlias":
                self.aliases[members["AliasName"]] = members["TargetKeyId"]
                return 200, ""
            case action:
                id_ = self.aliases.get(members["KeyId"], members["KeyId"])
                if id_ not in self.keys:
                    return _aws("NotFoundException", f"Alias {members['KeyId']} is not found.")
                return self._sign(id_, members) if action == "Sign" else self._told(id_)

    def _told(self, id_: str) -> Answer:
        key = self.keys[id_]
        is_ours = isinstance(key, Ed25519PrivateKey)
        return 200, {
            "KeyId": f"arn:aws:kms:eu-central-1:111122223333:key/{id_}",
            "KeySpec": "ECC_NIST_EDWARDS25519" if is_ours else "ECC_NIST_P256",
            "KeyUsage": "SIGN_VERIFY",
            "PublicKey": _b64(_public(key, serialization.Encoding.DER)),
            "SigningAlgorithms": ["ED25519_SHA_512", "ED25519_PH_SHA_512"],
        }

    def _sign(self, id_: str, members: dict[str, Any]) -> Answer:
        message = base64.b64decode(members["Message"])
        if len(message) > 4096:
            told = "1 validation error detected: Value at 'message' failed to satisfy constraint: "
            return _aws("ValidationException", f"{told}Member must have length less than 4097")
        assert (members["MessageType"], members["SigningAlgorithm"]) == ("RAW", "ED25519_SHA_512")
        self.signed += 1
        return 200, {
            "KeyId": f"arn:aws:kms:eu-central-1:111122223333:key/{id_}",
            "Signature": _b64(self.keys[id_].sign(message)),
            "SigningAlgorithm": "ED25519_SHA_512",
        }

    def _authentic(self, asked: Asked) -> bool:
        """Whether the request is signed as AWS documents it, within five minutes of now."""
        said = asked.headers.get("authorization", "")
        who = r"AWS4-HMAC-SHA256 Credential=(\S+?)/(\d{8})/(\S+?)"
        found = re.fullmatch(rf"{who}, SignedHeaders=(\S+), Signature=(\S+)", said)
        if found is None:
            return False
        id_, day, where, names, signature = found.groups()
        moment = asked.headers["x-amz-date"]
        at = datetime.strptime(moment, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        if abs((datetime.now(UTC) - at).total_seconds()) > 300 or not moment.startswith(day):
            return False
        if (id_, where) != (self.ID, "eu-central-1/kms/aws4_request"):
            return False
        if not {"host", "x-amz-date", "x-amz-target"} <= set(names.split(";")):
            return False
        canonical = "POST\n/\n\n"
        for name in names.split(";"):
            canonical += f"{name}:{asked.headers[name]}\n"
        canonical += f"\n{names}\n{hashlib.sha256(asked.body).hexdigest()}"
        text = f"AWS4-HMAC-SHA256\n{moment}\n{day}/{where}\n"
        text += hashlib.sha256(canonical.encode()).hexdigest()
        key = b"AWS4" + SECRET.encode()
        for part in (day, "eu-central-1", "kms", "aws4_request", text):
            key = hmac.new(key, part.encode(), hashlib.sha256).digest()
        return hmac.compare_digest(key.hex(), signature)

    def refusals(self) -> dict[str, Answer]:
        return {
            "its policy does not allow this": _aws(
                "AccessDeniedException",
                "User: arn:aws:iam::111122223333:user/x is not authorized to perform: kms:Sign",
            ),
            "its quota is used up": _aws("ThrottlingException", "Rate exceeded"),
            "the key is disabled": _aws("DisabledException", "the key is disabled."),
            "about to be deleted": _aws(
                "com.amazonaws.kms#KMSInvalidStateException", "the key is pending deletion."
            ),
            "the credentials have expired": _aws(
                "ExpiredTokenException", "The security token included in the request is expired"
            ),
            "it is too slow": (500, {"__type": "DependencyTimeoutException"}),
            "answered with the status 503": (503, "<html>Service Unavailable</html>"),
        }

    def put(self, key: str, private: object) -> None:
        self.keys[f"of {key}"] = private
        self.aliases[f"alias/{key}"] = f"of {key}"


def _aws(code: str, message: str) -> Answer:
    return 400, {"__type": code, "message": message}


class FakeGoogleKms(KeyServiceServer):
    """Cloud KMS, with one key ring, and the server that gives tokens for it."""

    name = "google-kms"
    RING = "projects/vendor/locations/europe-west3/keyRings/licences"

    def __init__(self, folder: Path, tls: tuple[ssl.SSLContext, str]) -> None:
        super().__init__(folder, tls)
        self.account = rsa.generate_private_key(65537, 2048)
        self.token = SECRET
        pem = self.account.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        file = {
            "type": "service_account",
            "client_email": "hostseal@vendor.iam.gserviceaccount.com",
            "private_key_id": "k1",
            "private_key": pem.decode("ascii"),
            "token_uri": f"https://{self.host}/token",
        }
        self.credentials = self.secret_file("account.json", json.dumps(file))

    def uri(self, key: str) -> str:
        return (
            f"google-kms://{self.RING}/cryptoKeys/{key}/cryptoKeyVersions/1"
            f"?endpoint=https://{self.host}&credentials-file={self.credentials}"
            f"&ca-file={self.authority}&timeout=60"
        )

    def usual(self, asked: Asked) -> Answer:
        if asked.path == "/token":
            return self._granted(asked)
        if asked.headers.get("authorization") != f"Bearer {self.token}":
            return _google(
                401, "UNAUTHENTICATED", "Request had invalid authentication credentials."
            )
        if asked.path == f"/v1/{self.RING}/cryptoKeys":
            key = asked.query["cryptoKeyId"]
            if key in self.keys:
                return _google(409, "ALREADY_EXISTS", f"CryptoKey {key} already exists.")
            assert asked.members["versionTemplate"]["algorithm"] == "EC_SIGN_ED25519"
            self.keys[key] = Ed25519PrivateKey.generate()
            return 200, {"name": f"{self.RING}/cryptoKeys/{key}", "purpose": "ASYMMETRIC_SIGN"}
        form = (
            rf"/v1/({self.RING}/cryptoKeys/([^/]+)/cryptoKeyVersions/1)(/publicKey|:asymmetricSign)"
        )
        found = re.fullmatch(form, asked.path)
        if found is None or found[2] not in self.keys:
            return _google(404, "NOT_FOUND", f"{asked.path} not found.")
        key = self.keys[found[2]]
        is_ours = isinstance(key, Ed25519PrivateKey)
        if found[3] == "/publicKey":
            return 200, {
                "name": found[1],
                "pem": _public(key, serialization.Encoding.PEM).decode("ascii"),
                "algorithm": "EC_SIGN_ED25519" if is_ours else "EC_SIGN_P256_SHA256",
                "protectionLevel": "HSM",
            }
        self.signed += 1
        signature = key.sign(base64.b64decode(asked.members["data"]))
        return 200, {"name": found[1], "signature": _b64(signature), "protectionLevel": "HSM"}

    def _granted(self, asked: Asked) -> Answer:
        fields = dict(parse_qsl(asked.body.decode("ascii")))
        text, _, signature = fields["assertion"].rpartition(".")
        claims = json.loads(base64.urlsafe_b64decode(text.partition(".")[2] + "=="))
        try:
            self.account.public_key().verify(
                base64.urlsafe_b64decode(signature + "=="),
                text.encode("ascii"),
                padding.PKCS1v15(),
                hashes.SHA256(),
            )
        except InvalidSignature:
            return 400, {"error": "invalid_grant", "error_description": "Invalid JWT Signature."}
        assert fields["grant_type"] == "urn:ietf:params:oauth:grant-type:jwt-bearer"
        assert claims["aud"] == f"https://{self.host}/token"
        assert claims["exp"] - claims["iat"] <= 3600
        return 200, {"access_token": self.token, "expires_in": 3599, "token_type": "Bearer"}

    def refusals(self) -> dict[str, Answer]:
        return {
            "the account may not do this": _google(
                403, "PERMISSION_DENIED", "Permission 'useToSign' denied"
            ),
            "its quota is used up": _google(429, "RESOURCE_EXHAUSTED", "Quota exceeded for quota"),
            "the key is disabled": _google(400, "FAILED_PRECONDITION", "it is not enabled"),
            "refused the access token": _google(401, "UNAUTHENTICATED", "invalid credentials"),
            "it is unavailable for now": _google(503, "UNAVAILABLE", "try again"),
            "it is too slow": _google(504, "DEADLINE_EXCEEDED", "Deadline exceeded"),
            "answered with the status 502": (502, "<html>Bad Gateway</html>"),
        }

    def put(self, key: str, private: object) -> None:
        self.keys[key] = private


def _google(code: int, status: str, message: str) -> Answer:
    return code, {"error": {"code": code, "message": message, "status": status}}


KINDS: tuple[type[KeyServiceServer], ...] = (FakeVault, FakeAwsKms, FakeGoogleKms)


def another_kind() -> object:
    """A private key that is no Ed25519 key."""
    return ec.generate_private_key(ec.SECP256R1())


@contextmanager
def serving(
    kind: type[KeyServiceServer], folder: Path, tls: tuple[ssl.SSLContext, str]
) -> Iterator[KeyServiceServer]:
    """A service that answers, until the end."""
    with kind(folder, tls) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield server
        server.go_on.set()
        server.shutdown()

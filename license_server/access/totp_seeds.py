"""TOTP seeds at rest: encrypted with a key that is not in the database.

That key, and those of sealed cookies, of mailed portal links and of the secrets of webhooks, are
drawn with HKDF (RFC 5869) from the private key in ``keys/seeds.key.pem``, which signs nothing. A
seed is sealed with AES-256-GCM for one user: moved to another's row it does not open.
"""

from collections.abc import Callable

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from license_core.errors import SignerUnavailableError
from license_server.access.sealed_cookies import SealedCookies
from license_server.webhooks.sealed_secrets import SealedSecrets

_NONCE_BYTES = 12


class Seeds:
    """What seals and opens seeds."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._cipher = AESGCM(_derive(key, b"hostseal seeds"))
        self.cookies = SealedCookies(_derive(key, b"hostseal cookies"))
        self.portal = _derive(key, b"hostseal portal")
        """What the links are drawn from that leave by mail."""
        self.webhooks = SealedSecrets(_derive(key, b"hostseal webhooks"))

    def seal(self, user_id: int, seed: bytes, random: Callable[[int], bytes]) -> bytes:
        """*seed*, encrypted for the user in this row."""
        nonce = random(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, seed, _for(user_id))

    def open(self, user_id: int, sealed: bytes) -> bytes:
        """The seed that was sealed for this user.

        Raises SignerUnavailableError where it was sealed for somebody else or under another key.
        """
        try:
            return self._cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], _for(user_id))
        except (InvalidTag, ValueError) as error:
            reason = f"the seed of account {user_id} does not open under keys/seeds.key.pem"
            raise SignerUnavailableError(reason=reason) from error


def _derive(key: Ed25519PrivateKey, info: bytes) -> bytes:
    return HKDF(SHA256(), 32, salt=None, info=info).derive(key.private_bytes_raw())


def _for(user_id: int) -> bytes:
    return f"user:{user_id}".encode("ascii")

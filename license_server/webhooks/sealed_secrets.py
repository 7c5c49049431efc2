"""Secrets of webhooks at rest: encrypted with a key that is not in the database.

That key is drawn from the one of ``keys/seeds.key.pem`` (access/totp_seeds.py). A secret is sealed
with AES-256-GCM for one webhook: moved to another's row it does not open.
"""

from collections.abc import Callable

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from license_core.errors import SignerUnavailableError
from license_core.reason import Reason

_NONCE_BYTES = 12


class SealedSecrets:
    """What seals and opens the secrets of webhooks."""

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)

    def seal(self, id_: int, secret: str, random: Callable[[int], bytes]) -> bytes:
        """*secret*, encrypted for the webhook in this row."""
        nonce = random(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, secret.encode("ascii"), _for(id_))

    def open(self, id_: int, sealed: bytes) -> str:
        """The secret that was sealed for this webhook.

        Raises SignerUnavailableError where it was sealed for another or under another key.
        """
        try:
            nonce, rest = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
            return self._cipher.decrypt(nonce, rest, _for(id_)).decode("ascii")
        except (InvalidTag, ValueError) as error:
            reason = Reason(
                "the secret of webhook {number} does not open under keys/seeds.key.pem", number=id_
            )
            raise SignerUnavailableError(reason=reason) from error


def _for(id_: int) -> bytes:
    return f"webhook:{id_}".encode("ascii")

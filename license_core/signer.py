"""The signer interface: something that holds a private Ed25519 key and signs with it.

The protocol is all that issuing needs to know; where the key lives is the server's business.
"""

from __future__ import annotations

from typing import Protocol

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from license_core.publickey import PublicKey


class Signer(Protocol):
    """Signs bytes with one private key that it does not show."""

    @property
    def public_key(self) -> PublicKey:
        """The key that verifies what this signer signs."""

    def sign(self, message: bytes) -> bytes:
        """The 64-byte Ed25519 signature over *message* (RFC 8032 section 5.1.6)."""


class MemorySigner:
    """A signer whose private key is in this process."""

    def __init__(self, private_key: Ed25519PrivateKey) -> None:
        self._private_key = private_key
        self.public_key = PublicKey(private_key.public_key().public_bytes_raw())

    @classmethod
    def from_seed(cls, seed: bytes) -> MemorySigner:
        """The signer of the 32-byte private key *seed* (RFC 8032 section 5.1.5)."""
        return cls(Ed25519PrivateKey.from_private_bytes(seed))

    def sign(self, message: bytes) -> bytes:
        """The 64-byte signature over *message*."""
        return self._private_key.sign(message)

    def __repr__(self) -> str:
        return f"MemorySigner({self.public_key.kid})"

"""An encrypted private key: PKCS#8 under PBES2 with scrypt and AES-256-CBC.

The writer of ``cryptography`` knows only PBKDF2 with few rounds, so the few bytes of DER are made
here (RFC 5958 section 3, RFC 8018 appendix A.4, RFC 7914 section 7). Any OpenSSL reads them.
"""

import base64
from typing import NamedTuple

from cryptography.hazmat.primitives import padding, serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from license_core.errors import SignerUnavailableError
from license_server.signing.errors import PassphraseWrongError


class Cost(NamedTuple):
    """The parameters of scrypt (RFC 7914 section 2): 128 n r bytes are needed, p times over."""

    n: int
    r: int
    p: int


COST = Cost(2**14, 8, 8)
"""16 MiB: the most that ``openssl pkey`` opens by itself is 32; p makes up for it in time."""

_PBES2 = bytes.fromhex("06092a864886f70d01050d")
_SCRYPT = bytes.fromhex("06092b06010401da47040b")
_AES_256_CBC = bytes.fromhex("060960864801650304012a")
_BEGIN = b"-----BEGIN ENCRYPTED PRIVATE KEY-----"
_INTEGER, _OCTETS, _SEQUENCE = 0x02, 0x04, 0x30


def encrypt(key: Ed25519PrivateKey, passphrase: bytes, salt: bytes, iv: bytes) -> bytes:
    """The PEM text of *key* under *passphrase*; *salt* and *iv* are 16 random bytes each."""
    plain = key.private_bytes(
        serialization.Encoding.DER,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    secret = Scrypt(salt=salt, length=32, **COST._asdict()).derive(passphrase)
    padder = padding.PKCS7(128).padder()
    encryptor = Cipher(algorithms.AES(secret), modes.CBC(iv)).encryptor()
    sealed = encryptor.update(padder.update(plain) + padder.finalize()) + encryptor.finalize()
    costs = b"".join(map(_integer, COST))
    derivation = _der(_SEQUENCE, _SCRYPT + _der(_SEQUENCE, _der(_OCTETS, salt) + costs))
    encryption = _der(_SEQUENCE, _AES_256_CBC + _der(_OCTETS, iv))
    scheme = _der(_SEQUENCE, _PBES2 + _der(_SEQUENCE, derivation + encryption))
    text = base64.b64encode(_der(_SEQUENCE, scheme + _der(_OCTETS, sealed))).decode("ascii")
    lines = [text[start : start + 64] for start in range(0, len(text), 64)]
    label = "ENCRYPTED PRIVATE KEY"
    return "\n".join((f"-----BEGIN {label}-----", *lines, f"-----END {label}-----", "")).encode()


def copies(pem: bytes) -> list[bytes]:
    """The encrypted keys in *pem*: one, or the same one under two passphrases (passphrase.py)."""
    _, *found = pem.split(_BEGIN)
    return [_BEGIN + one for one in found]


def decrypt(pem: bytes, passphrase: bytes, what: str) -> Ed25519PrivateKey:
    """The key in *pem*; *what* names it in messages.

    Raises PassphraseWrongError, or SignerUnavailableError where it is no encrypted Ed25519 key.
    """
    found = copies(pem)
    if not found:
        raise SignerUnavailableError(reason=f"the {what} is not an encrypted PKCS#8 key")
    for one in found:
        try:
            key = serialization.load_pem_private_key(one, passphrase)
        except ValueError:  # a wrong passphrase and damage look alike
            continue
        if not isinstance(key, Ed25519PrivateKey):
            raise SignerUnavailableError(reason=f"the {what} is not an Ed25519 key")
        return key
    raise PassphraseWrongError(what=what)


def _integer(value: int) -> bytes:
    return _der(_INTEGER, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def _der(tag: int, content: bytes) -> bytes:
    """One element in DER (X.690 section 10.1)."""
    size = len(content)
    if size < 0x80:
        return bytes((tag, size)) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(length))) + length + content

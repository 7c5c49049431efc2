"""A JWS in compact form (RFC 7515 section 7.1), Ed25519 only (RFC 8037, RFC 9864).

The rules that this module keeps:

* The protected header is exactly ``{"alg":"Ed25519","kid":…,"typ":…}``. A verifier never parses
  it: it looks the header's text up among the texts that its trusted keys would have made. So
  there is no ``alg`` to choose, and no ``jku``, ``jwk``, ``x5c`` or ``crit`` to obey.
* Each part is canonical base64url; a token has one text.
* What is returned are the very bytes that were signed. Nothing is parsed before.
"""

from __future__ import annotations

from license_core import b64url
from license_core.kept import lru_cache
from license_core.publickey import PublicKey
from license_core.reason import Reason

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from license_core.signer import Signer

LICENSE = "license+jwt"
KEYSET = "license-keyset+jwt"
ROOTS = "license-roots+jwt"
REVOCATIONS = "license-revocations+jwt"
CHECKPOINT = "license-checkpoint+jwt"

SIGNATURE_CHARACTERS = 86  # 64 bytes
_MOST_DAMAGED = 4


class TokenError(ValueError):
    """A token cannot be accepted."""


class MalformedTokenError(TokenError):
    """It is not three parts of canonical base64url."""


class UnknownHeaderError(TokenError):
    """Its header is none that a trusted key would have made."""


class WrongSignatureError(TokenError):
    """The signature does not match."""


@lru_cache(maxsize=64)
def header(kid: str, typ: str) -> str:
    """The first part of a token of type *typ* by the key *kid*: base64url text."""
    return b64url.encode(f'{{"alg":"Ed25519","kid":"{kid}","typ":"{typ}"}}'.encode("ascii"))


def headers(keys: Iterable[PublicKey], typ: str) -> dict[str, PublicKey]:
    """The header text that each of *keys* would have made for *typ*, with its key."""
    return {header(key.kid, typ): key for key in keys}


def sign(payload: bytes, signer: Signer, typ: str) -> str:
    """The compact token over *payload*: ``header.payload.signature``."""
    signed = f"{header(signer.public_key.kid, typ)}.{b64url.encode(payload)}"
    return f"{signed}.{b64url.encode(signer.sign(signed.encode('ascii')))}"


def sign_parts(payload: Iterable[bytes], signer: Signer, typ: str) -> str:
    """As ``sign``, of a long *payload* in parts."""
    token = header(signer.public_key.kid, typ) + "."
    for piece in b64url.encoded(payload):
        token += piece  # in place: CPython copies a string that nobody else has no more than once
    signature = signer.sign(token.encode("ascii"))
    token += "." + b64url.encode(signature)
    return token


def verify(token: str, trusted: Mapping[str, PublicKey]) -> tuple[PublicKey, bytes]:
    """The key that signed *token*, and the payload bytes that it signed.

    *trusted* is what ``headers`` made. Raises MalformedTokenError, UnknownHeaderError or
    WrongSignatureError, in this order (SPEC section 5.1).
    """
    signed, _, third = token.rpartition(".")
    first, dot, second = signed.partition(".")
    if not dot or "." in second:
        count = token.count(".") + 1
        raise MalformedTokenError(Reason("it has {count:# part|# parts}, not 3", count=count))
    if len(third) != SIGNATURE_CHARACTERS:
        raise MalformedTokenError(
            Reason(
                "its signature has {count:# character|# characters}, not {wanted}",
                count=len(third),
                wanted=SIGNATURE_CHARACTERS,
            )
        )
    try:
        payload = b64url.decode(second)
        signature = b64url.decode(third)
    except ValueError as error:
        raise MalformedTokenError(str(error)) from error
    key = trusted.get(first)
    if key is None:
        if any(_is_damaged(first.encode(), one.encode()) for one in trusted):
            raise MalformedTokenError("its header is damaged")
        raise UnknownHeaderError("no trusted key matches its header")
    if not key.verifies(signature, signed.encode("ascii")):
        raise WrongSignatureError("its signature is invalid")
    return key, payload


def _is_damaged(header_: bytes, trusted: bytes) -> bool:
    """Whether *header_* is *trusted* but for one place of few bytes (SPEC section 5.1).

    Thumbprints of two keys differ from beginning to end: it is no header of another key.
    """
    shorter, longer = sorted((len(header_), len(trusted)))
    front = 0
    while front < shorter and header_[front] == trusted[front]:
        front += 1
    back = 0
    while back < shorter - front and header_[-1 - back] == trusted[-1 - back]:
        back += 1
    return longer - front - back <= _MOST_DAMAGED


def signed(
    tokens: Iterable[str], trusted: Mapping[str, PublicKey]
) -> dict[bytes, dict[PublicKey, str]]:
    """The payloads that *trusted* keys signed, each with those that did, and their tokens.

    A key counts once, in however many tokens. Tokens that no trusted key signed are passed over,
    and one that stands twice is verified once.
    """
    found: dict[bytes, dict[PublicKey, str]] = {}
    for token in dict.fromkeys(tokens):
        try:
            key, payload = verify(token, trusted)
        except TokenError:
            continue
        if payload not in found:
            found[payload] = {key: token}
        else:
            found[payload].setdefault(key, token)
    return found

"""The chain of trust handed to clients: roots documents, then the keyset they signed.

The row of a keyset holds the very text that stands in each licence file: its ROOTS and KEYSET
blocks (SPEC section 4.1). Where a keyset has one token and no roots before it, the row may hold
that token alone, as former servers wrote it.

A draft is a keyset that nobody has signed yet, on its way to whoever holds a root key.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from license_core import (
    armor,
    b64url,
    jws,
    strictjson,
)
from license_core.errors import NotFoundError
from license_core.keyset import (
    Keyset,
    SigningKey,
    TooFewSignersError,
    TrustedKeyset,
    open_keyset,
)
from license_core.parcel import open_parcel
from license_core.publickey import PublicKey
from license_core.reason import Reason
from license_core.roots import (
    Roots,
    SkippedError,
    follow,
)
from license_core.wording import utc
from license_server.signing.errors import KeysetRefusedError

DRAFT = "LICENSE DRAFT"
WARN_DAYS = 90
"""So long before its end a key, or a keyset, is warned of."""
_CHECK_CHARACTERS = 8
_LONGEST = armor.MAX_FILE // 2
"""The most bytes of what proves a keyset: it stands in every licence file."""


class Trust(NamedTuple):
    """What clients trust."""

    roots: Roots
    """The latest."""
    keyset: TrustedKeyset
    text: str
    """The blocks that prove both, as they stand in a licence file."""


def blocks(stored: str) -> str:
    """The blocks of a licence file, as the row of a keyset holds them."""
    return stored if stored.startswith("-----BEGIN ") else armor.wrap(armor.KEYSET, stored)


def open_trust(text: str, shipped: Roots) -> Trust:
    """The latest roots that *text* leads to from those *shipped*, and the newest keyset by them.

    Raises ValueError with the reason: also jws.TokenError, ClaimError, SkippedError, ArmorError.
    """
    return _opened(armor.unwrap(blocks(text).encode()), (), shipped)


def advance(present: Trust, given: bytes, path: str, shipped: Roots, now: int) -> Trust:
    """What is trusted once *given* is installed, a text with a keyset, and roots where they change.

    *path* is where it was read from, *now* in seconds. Raises KeysetRefusedError where it is
    damaged, untrusted, signed by too few, no newer, over, too long, or leaves out a key that
    counts.
    """
    try:
        found = armor.unwrap(open_parcel(given).data)
        if armor.KEYSET not in found:
            raise ValueError(_instead(found))
        new = _opened(found, armor.unwrap(present.text.encode()).get(armor.ROOTS, ()), shipped)
        _check_newer(present.keyset.keyset, new.keyset.keyset, now)
        if len(new.text) > _LONGEST:
            raise ValueError(
                Reason(
                    "with its roots documents it is {size} bytes long, and only {most} "
                    "leave room for a licence; use no more root signatures than required",
                    size=len(new.text),
                    most=_LONGEST,
                )
            )
    except ValueError as error:
        raise KeysetRefusedError(path=path, reason=_told(error)) from error
    return new


def _instead(found: Mapping[str, Sequence[str]]) -> str:
    if DRAFT in found:
        return "it is an unsigned draft"
    if armor.ROOTS in found:
        return "a new roots document is installed together with a keyset that its keys signed"
    return "it holds no keyset"


def _told(error: ValueError) -> str:
    """What *error* means to whoever installs."""
    if isinstance(error, SkippedError):
        return Reason(
            "its roots document is version {found} and the trusted one is version {known}; "
            "a version in between is missing",
            found=error.found,
            known=error.known,
        )
    if isinstance(error, TooFewSignersError):
        return Reason("{reason}", reason=str(error))
    if isinstance(error, jws.TokenError):
        return (
            "it is not signed by a trusted root key, nor by one in the roots documents that "
            "come with it"
        )
    return str(error)


def _opened(found: Mapping[str, Sequence[str]], before: Iterable[str], shipped: Roots) -> Trust:
    chain = follow((*before, *found.get(armor.ROOTS, ())), shipped)
    signed = tuple(found.get(armor.KEYSET, ()))
    if not signed:
        raise ValueError("it holds no keyset")
    keyset = open_keyset(signed, chain.roots.keys, chain.roots.threshold)
    return Trust(chain.roots, keyset, written(chain.tokens, keyset.tokens))


def written(roots: Iterable[str], keyset: Iterable[str]) -> str:
    """The blocks of these tokens."""
    labelled = ((armor.ROOTS, roots), (armor.KEYSET, keyset))
    return "".join(armor.wrap(label, token) for label, tokens in labelled for token in tokens)


def _check_newer(present: Keyset, new: Keyset, now: int) -> None:
    """Raise ValueError unless *new* may take the place of *present*."""
    if new.version <= present.version:
        raise ValueError(
            Reason(
                "it is version {given}, and version {present} is in force",
                given=new.version,
                present=present.version,
            )
        )
    if new.exp is not None and new.exp <= now:
        raise ValueError(Reason("it expired at {ended}", ended=utc(new.exp)))
    named = {entry.key for entry in new.keys}
    for entry in present.keys:
        if entry.state != "revoked" and entry.key not in named:
            raise ValueError(
                Reason(
                    "it lacks the key {kid}, so every licence signed with that key would "
                    "be rejected",
                    kid=entry.key.kid,
                )
            )


# Drafts


def draft_text(keyset: Keyset) -> str:
    """The block of a keyset that nobody has signed yet."""
    payload = strictjson.dumps(keyset.to_dict())
    return armor.wrap(DRAFT, f"{b64url.encode(payload)}.{_check(payload)}")


def read_draft(token: str) -> bytes:
    """The payload of a draft: what is to be signed. Raises ValueError: it is damaged."""
    body, _, check = token.partition(".")
    payload = b64url.decode(body)
    if check != _check(payload):
        raise ValueError("its checksum does not match")
    return payload


def drafted(data: bytes, path: str, present: Keyset) -> Keyset | None:
    """The draft in the bytes of the file *path*, which is to follow on *present*.

    None: it is of a version that is in force by now, and done with. Raises KeysetRefusedError.
    """
    try:
        tokens = armor.unwrap(data).get(DRAFT, [])
        if len(tokens) != 1:
            raise ValueError(Reason("it holds {count} drafts, not one", count=len(tokens)))
        keyset = Keyset.from_dict(strictjson.loads(read_draft(tokens[0])))
        if keyset.version > present.version + 1:
            raise ValueError(
                Reason(
                    "it is a draft of version {given}, and version {present} is in force",
                    given=keyset.version,
                    present=present.version,
                )
            )
    except ValueError as error:
        raise KeysetRefusedError(path=path, reason=str(error)) from error
    return keyset if keyset.version > present.version else None


def _check(payload: bytes) -> str:
    return b64url.encode(hashlib.sha256(payload).digest())[:_CHECK_CHARACTERS]


def with_key(keyset: Keyset, new: SigningKey) -> Keyset:
    """*keyset* with one key more."""
    return keyset._replace(keys=(*keyset.keys, new))


def with_entry(keyset: Keyset, changed: SigningKey) -> Keyset:
    """*keyset* with *changed* in place of what it says of that key."""
    keys = (changed if one.key == changed.key else one for one in keyset.keys)
    return keyset._replace(keys=tuple(keys))


def entry(keyset: Keyset, kid: str) -> SigningKey:
    """The key *kid*, or the one key whose id begins so. Raises NotFoundError."""
    found = [one for one in keyset.keys if one.key.kid.startswith(kid)]
    exact = [one for one in found if one.key.kid == kid]
    if len(found) != 1 and not exact:
        raise NotFoundError(what="key in the keyset called", name=kid[:64])
    return (exact or found)[0]


# What ends


def standing(one: SigningKey, now: int) -> str:
    """``active``, ``retired`` or ``revoked``; of an active one also ``early`` and ``ended``."""
    if one.state != "active":
        return one.state
    return "early" if now < one.nbf else "ended" if now >= one.exp else "active"


def signs_until(keyset: Keyset, key: PublicKey, now: int) -> int | None:
    """Until when *key* may sign; None: it may not now."""
    mine = next((one for one in keyset.keys if one.key == key), None)
    if mine is None or standing(mine, now) != "active":
        return None
    end = mine.exp if keyset.exp is None else min(mine.exp, keyset.exp)
    return end if now < end else None

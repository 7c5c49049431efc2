"""Issuing: turns an order into a signed, verified licence and its file.

Signing needs no database, so it is done outside the transaction that records it (recording.py).
Nobody is given a file before that is committed.
"""

import time
from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection

from license_core import (
    armor,
    b64url,
    jws,
    strictjson,
)
from license_core.claims import ClaimError
from license_core.errors import (
    InternalError,
    LicenseError,
    NotFoundError,
    SignerUnavailableError,
)
from license_core.license import HostBinding, License
from license_core.verify import open_license
from license_core.wording import utc
from license_server.actor import Actor
from license_server.db.errors import InputInvalidError, or_not_found
from license_server.licenses import license_store
from license_server.licenses.errors import LicenseErasedError
from license_server.licenses.license_store import StoredLicense
from license_server.licenses.orders import NUMBER, Order
from license_server.signing import keysets
from license_server.signing.issuer import Issuer, Random, check_issuing

LEEWAY = 300
"""By how many seconds a licence begins before it is issued (SPEC section 5.2)."""
_SAMPLE = 50
"""Of so many licences in bulk one is verified as a client would (docs/adr/0011)."""
_DRAWN = 5
"""Random bytes of a number."""
_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_PAIRS = tuple(first + second for first in _CROCKFORD for second in _CROCKFORD)


class SignedLicense(NamedTuple):
    """A licence that is signed, but not yet recorded."""

    license: License
    token: str


def new_number(now: int, random: Random) -> str:
    """A licence's number such as ``HS-2026-7F3K9QXB``: the year, and 40 random bits."""
    return new_numbers(now, random, 1)[0]


def new_numbers(now: int, random: Random, count: int) -> list[str]:
    """So many of them, drawn at once."""
    year, drawn = time.gmtime(now).tm_year, random(_DRAWN * count)
    each = (
        int.from_bytes(drawn[at : at + _DRAWN], "big") for at in range(0, _DRAWN * count, _DRAWN)
    )
    return [
        f"HS-{year}-{''.join([_PAIRS[bits >> shift & 1023] for shift in (30, 20, 10, 0)])}"
        for bits in each
    ]


def sign_and_verify(order: Order, issuer: Issuer, number: str, now: int) -> SignedLicense:
    """Sign the licence that *order* asks for, and verify it as a client would.

    Raises InputInvalidError, SignerUnavailableError, or InternalError for a signature that does
    not verify.
    """
    check_issuing(issuer, now, order.product)
    signed = _sign(order, issuer, number, now)
    _verify(signed, issuer)
    return signed


def sign_each(
    orders: Sequence[Order], issuer: Issuer, now: int, random: Random
) -> list[SignedLicense | LicenseError]:
    """Sign the licences that *orders* ask for; all claims are read back, some files are verified.

    The first, the last and each of _SAMPLE between are verified as a client would
    (docs/adr/0011). What is wrong with an order alone, such as a product that the key is not for,
    stands in its place; raises as ``sign_and_verify`` does what keeps all from being signed.
    """
    check_issuing(issuer, now)
    unsigned: dict[str, LicenseError] = {}
    for product in {order.product for order in orders}:
        try:
            check_issuing(issuer, now, product)
        except SignerUnavailableError as error:
            unsigned[product] = error
    made: list[SignedLicense | LicenseError] = []
    for order, number in zip(orders, new_numbers(now, random, len(orders)), strict=True):
        try:
            wrong = unsigned.get(order.product) if unsigned else None
            made.append(wrong or _sign(order, issuer, number, now))
        except InputInvalidError as error:
            made.append(error)
    signed = [one for one in made if isinstance(one, SignedLicense)]
    for one in (*signed[::_SAMPLE], *signed[-1:]):
        _verify(one, issuer)
    return made


def _sign(order: Order, issuer: Issuer, number: str, now: int) -> SignedLicense:
    asked = order.request
    # By their places: there are many, and names would take as long as the signature.
    license_ = License(
        issuer.name,
        order.customer,
        order.product,
        number,
        now,
        max(0, now - LEEWAY) if order.begins_at is None else order.begins_at,
        HostBinding(
            *(asked.key, asked.name, asked.profile, order.match),
            *(asked.tags, asked.layer, asked.return_digest),
        ),
        order.expires_at,
        order.edition,
        order.features,
        order.limits or None,
        order.notify_from,
        order.grace_until,
        order.maintenance_until,
        order.replaces,
    )
    try:
        payload = license_.payload()
    except ClaimError as error:
        raise InputInvalidError(field=error.claim, reason=error.reason) from error
    return SignedLicense(license_, jws.sign(payload, issuer.signer, jws.LICENSE))


def _verify(signed: SignedLicense, issuer: Issuer) -> None:
    """Raise unless its file is what a client of this vendor accepts."""
    file = license_file(signed.license, signed.token, issuer.keyset_token)
    try:
        verified = open_license(file, roots=issuer.shipped.keys, needed=issuer.shipped.threshold)
    except LicenseError as error:
        raise InternalError(reason=f"what was signed does not verify ({error.sentence})") from error
    if verified.license != signed.license:
        raise InternalError(reason="the signed licence does not match the order")


def find(connection: Connection, number: str) -> StoredLicense:
    """The licence of this number. Raises NotFoundError."""
    return or_not_found(
        license_store.by_number(connection, number) if NUMBER.fullmatch(number) else None,
        what="licence",
        name=number[:64],
    )


def seen(connection: Connection, number: str, actor: Actor) -> StoredLicense:
    """The licence of this number, if *actor* may see it. Raises NotFoundError."""
    stored = find(connection, number)
    if not actor.may_use(stored.product):
        raise NotFoundError(what="licence", name=number)
    return stored


def claims_of(stored: StoredLicense) -> License:
    """What a stored licence says."""
    return claims_in(stored.token)


def claims_in(token: str) -> License:
    """What a token says, whoever signed it. Raises ValueError where it is none."""
    payload = token.partition(".")[2].partition(".")[0]
    return License.from_dict(strictjson.loads(b64url.decode(payload)))


FILE_TYPE = "application/octet-stream"
"""The media type of ``license.dat``."""


def file_of(stored: StoredLicense) -> bytes:
    """The very file that was issued. Raises LicenseErasedError."""
    if stored.is_erased:
        raise LicenseErasedError(number=stored.number)
    return file_of_tokens(stored.token, stored.keyset_token)


def file_of_tokens(token: str, keyset_token: str) -> bytes:
    """The very file that was issued with this *token*. Raises ValueError where it is none."""
    return license_file(claims_in(token), token, keyset_token)


def license_file(license_: License, token: str, keyset_token: str) -> bytes:
    """``license.dat``: a few words for people, then the licence and its keyset (SPEC section 4)."""
    until = "without end" if license_.exp is None else f"until {utc(license_.exp)}"
    words = (
        f"Licence {license_.jti} of {license_.iss} for {license_.sub}\n"
        f"Product {license_.aud}, host {license_.host.name or ''} {license_.host.key}\n"
        f"Valid {until}\n\n"
    )
    # A name must not look like a marker, nor become one when quoted-printable is undone.
    words = words.replace("LICENSE", "License").replace("=", " ")
    blocks = armor.wrap(armor.LICENSE, token) + keysets.blocks(keyset_token)
    return (words + blocks).encode("utf-8")

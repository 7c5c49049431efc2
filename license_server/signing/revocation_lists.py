"""Revocation lists: signed, numbered and published (SPEC section 8).

Listed are those that were revoked, suspended or moved away, with those that they had replaced: the
former files are still there. What a renewal or a change replaced is not: a list may reach its site
first. A licence that was reinstated has another number (docs/adr/0015). One whose term is over is
left out: who reads the list knows its instant, by which the licence has ended.
"""

import hashlib
from typing import NamedTuple

from sqlalchemy import Connection

from license_core import armor, clock
from license_core.errors import NotFoundError
from license_core.memory import TOLERANCE
from license_core.reason import Reason
from license_core.revocation import DIGEST_BYTES, Revocations
from license_core.wording import utc
from license_server.actor import Actor
from license_server.audit import events
from license_server.catalog.terms import DAY
from license_server.settings import LARGEST_LIST
from license_server.signing import keysets, revocation_store
from license_server.signing.errors import RevocationsTooLargeError
from license_server.signing.issuer import Issuer, check_signing_key
from license_server.signing.list_days import LISTED_DAYS
from license_server.signing.revocation_store import StoredList

_OVER_FOR = TOLERANCE + DAY
"""Seconds after its end when a licence is left out; a clock may be so much behind the list's."""
FILE = "license.revocations"
"""What its file is called, on the server and beside the licence."""


class Published(NamedTuple):
    """The file of the list that is in force, as it is served."""

    number: int
    body: bytes
    etag: str
    created_at: int
    expires_at: int


def sign_next(
    connection: Connection,
    issuer: Issuer,
    now: int,
    days: int = LISTED_DAYS,
    largest: int = LARGEST_LIST,
) -> tuple[StoredList, int]:
    """The next list, signed, and how many licences it has.

    Raises SignerUnavailableError, or RevocationsTooLargeError where its file has more than
    *largest* bytes.
    """
    check_signing_key(issuer, now)
    number, ended = (
        revocation_store.newest_number(connection) + 1,
        revocation_store.to_be_listed(connection, now - _OVER_FOR),
    )
    expires_at = clock.later(now, days * DAY)
    listed = Revocations.of(ended, iss=issuer.name, number=number, iat=now, exp=expires_at)
    version = issuer.keyset.keyset.version
    token = listed.sign(issuer.signer)
    new = StoredList(number, token, now, expires_at, version, issuer.keyset_token)
    count, size = len(listed.digests) // DIGEST_BYTES, len(file_of(new))
    if size > largest:
        raise RevocationsTooLargeError(licenses=count, size=size, most=largest)
    return new, count


def record(connection: Connection, new: StoredList, count: int, actor: Actor) -> None:
    """Publish a list. Raises IntegrityError where another was published meanwhile."""
    revocation_store.add(connection, new)
    row = ("revocation_lists", new._asdict())
    events.record(
        connection,
        new.created_at,
        actor,
        "revocations.published",
        f"list {new.number}",
        rows=[row],
        licenses=count,
    )


def file_of(stored: StoredList) -> bytes:
    """``license.revocations``: words for people, the list, and what proves its key."""
    words = (
        f"Revocation list {stored.number}, made {utc(stored.created_at)}.\n"
        f"The next one is due {utc(stored.expires_at)}.\n\n"
    )
    blocks = armor.wrap(armor.REVOCATIONS, stored.token) + keysets.blocks(stored.keyset_token)
    return (words + blocks).encode("ascii")


def block(connection: Connection) -> bytes:
    """The block of the list in force, to stand in a licence file. Raises NotFoundError."""
    stored = revocation_store.newest(connection)
    if stored is None:
        raise NotFoundError(what="revocation list", name=Reason("yet"))
    return armor.wrap(armor.REVOCATIONS, stored.token).encode("ascii")


class Kept:
    """The file of the newest list: made once for each list, and given to everybody."""

    def __init__(self) -> None:
        self._file: Published | None = None

    def newest(self, connection: Connection) -> Published | None:
        """The file of the list in force; None: none was published."""
        number = revocation_store.newest_number(connection)
        kept = self._file
        if kept is not None and kept.number == number:
            return kept
        stored = revocation_store.by_number(connection, number)
        if stored is None:
            return None
        body = file_of(stored)
        etag = f'"{number}-{hashlib.sha256(body).hexdigest()[:16]}"'
        self._file = Published(number, body, etag, stored.created_at, stored.expires_at)
        return self._file

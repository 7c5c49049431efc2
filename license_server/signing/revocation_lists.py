"""Revocation lists: signed, numbered and published (SPEC section 8).

Listed are those that were revoked, suspended or moved away, with those that they had replaced: the
former files are still there. What a renewal or a change replaced is not: a list may reach its site
first. A licence that was reinstated has another number (docs/adr/0015). One whose term is over is
left out: who reads the list knows its instant, by which the licence has ended.
"""

from sqlalchemy import Connection

from license_core import clock
from license_core.memory import TOLERANCE
from license_core.revocation import DIGEST_BYTES, Revocations
from license_server.actor import Actor
from license_server.audit import events
from license_server.catalog.terms import DAY
from license_server.settings import LARGEST_LIST
from license_server.signing import revocation_store
from license_server.signing.issuer import Issuer, check_signing_key
from license_server.signing.list_days import LISTED_DAYS
from license_server.signing.revocation_shards import can_be_signed
from license_server.signing.revocation_store import StoredList

_OVER_FOR = TOLERANCE + DAY
"""Seconds after its end when a licence is left out; a clock may be so much behind the list's."""


def sign_next(
    connection: Connection,
    issuer: Issuer,
    now: int,
    days: int = LISTED_DAYS,
    largest: int = LARGEST_LIST,
) -> tuple[StoredList, int]:
    """The next list, and how many licences it has. *connection* is in a transaction.

    It is signed, unless its file would have more than *largest* bytes, or the signer does not take
    it: then there are shards of it alone. Raises SignerUnavailableError.
    """
    check_signing_key(issuer, now)
    number, ended = (
        revocation_store.newest_number(connection) + 1,
        revocation_store.to_be_listed(connection, now - _OVER_FOR),
    )
    expires_at = clock.later(now, days * DAY)
    listed = Revocations.of(ended, iss=issuer.name, number=number, iat=now, exp=expires_at)
    version = issuer.keyset.keyset.version
    new = StoredList(number, "", now, expires_at, version, issuer.keyset_token)
    token = signed_or_not(listed, new, issuer, largest)
    return new._replace(token=token), len(listed.digests) // DIGEST_BYTES


def signed_or_not(listed: Revocations, new: StoredList, issuer: Issuer, largest: int) -> str:
    """What is stored of a list: its token, or what it says where it is for shards alone."""
    if can_be_signed(listed, new, issuer, largest):
        return listed.sign(issuer.signer)
    return revocation_store.unsigned(listed)


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

"""Stored revocation lists, and the licences that belong on the next one.

A list may have millions of licences: what is long is read and written a part at a time.
"""

import io
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import NamedTuple

from sqlalchemy import Connection, and_, func, insert, or_, select, union_all

from license_core import b64url, strictjson
from license_core.revocation import Revocations
from license_server.db.database import keeping_few_pages
from license_server.db.tables import (
    audit_events,
    keysets,
    licenses,
    revocation_lists,
)

MOST_WAITING = 100
_ENDING = ("license.revoked", "license.suspended", "license.returned", "license.rehosted")


_FORMER = "eyJhbGciOiJub25lIn0."
"""How a list began that was unsigned before 2026-12-01: ``{"alg":"none"}``, as a token does."""
signed = and_(
    func.substr(revocation_lists.c.token, 1, 1) != "{",
    func.substr(revocation_lists.c.token, 1, len(_FORMER)) != _FORMER,
)


_REVOKED, _END = b'"revoked":"', b'"}'
"""What stands before and after the digests: their member is the last."""
_PIECE = 2**18
"""Characters that are read at once."""
_AT_ONCE = 5000
"""Numbers of licences that are read at once."""


class StoredList(NamedTuple):
    """A revocation list that was published, and the keyset that it is to be trusted by."""

    number: int
    token: str
    """Where the whole list is published in shards alone, what it says, unsigned."""
    created_at: int
    expires_at: int
    keyset_version: int
    keyset_token: str

    @property
    def is_whole(self) -> bool:
        """Whether the whole list is signed, and served."""
        return not self.token.startswith(("{", _FORMER))

    def listed(self) -> Revocations:
        """What the list says, as it was signed, or would be. Raises ValueError."""
        payload = self._payload()
        before, revoked, digests = next(payload, b"").partition(_REVOKED)
        run = io.BytesIO()
        run.writelines(b64url.decoded(_of_run(part) for part in chain([digests], payload)))
        members = strictjson.loads(before + revoked + _END)
        return Revocations.from_dict(members)._replace(digests=run.getvalue())

    def _payload(self) -> Iterator[bytes]:
        if self.token.startswith("{"):
            return (part.encode("utf-8") for part in _pieces(self.token, 0, len(self.token)))
        begin, end = self.token.index(".") + 1, self.token.rindex(".")
        return b64url.decoded(_pieces(self.token, begin, end))


def unsigned(listed: Revocations) -> str:
    """What is stored of a list that nobody signs as a whole: its payload."""
    text = ""
    for part in listed.payload():
        text += part.decode("utf-8")  # in place: CPython copies no string that nobody else has
    return text


def _pieces(text: str, begin: int, end: int) -> Iterator[str]:
    return (text[at : min(at + _PIECE, end)] for at in range(begin, end, _PIECE))


def _of_run(part: bytes) -> str:
    """*part* of a payload without its end, which no base64url has."""
    return part.rstrip(_END).decode("ascii")


class Standing(NamedTuple):
    """The list in force, without what it lists."""

    number: int
    created_at: int
    expires_at: int


def to_be_listed(connection: Connection, since: int) -> Iterator[str]:
    """The numbers of all licences that hold no more, though their files would at *since*, or later.

    Of a line that was revoked, suspended or given back it is each, since a former file would do as
    well as the last; of one that was moved to another host, each from before: that host still has
    them. A number may come twice. *connection* is in a transaction: few are in memory at a time.
    """
    over = func.coalesce(licenses.c.grace_until, licenses.c.expires_at)
    may_hold = or_(over.is_(None), over > since)
    later = licenses.alias()
    lines = select(later.c.line).where(later.c.state.in_(("revoked", "suspended", "returned")))
    ended = select(licenses.c.number).where(licenses.c.line.in_(lines))
    moved = select(licenses.c.number).join(
        later,
        and_(
            later.c.line == licenses.c.line,
            later.c.act == "rehost",
            later.c.id > licenses.c.id,
        ),
    )
    both = ended.where(may_hold).union_all(moved.where(may_hold))
    return iter(connection.execute(both, execution_options={"yield_per": _AT_ONCE}).scalars())


def count_waiting(connection: Connection, since: int) -> int:
    """How many acts since that instant the next list is for; MOST_WAITING: so many, or more."""
    return min(sum(at >= since for at in _newest_acts(connection)), MOST_WAITING)


def waiting_since(connection: Connection, since: int) -> int | None:
    """When the first act at or after *since* was done that the next list is for; None: none was.

    Of the newest MOST_WAITING acts of each kind.
    """
    return min((at for at in _newest_acts(connection) if at >= since), default=None)


def _newest_acts(connection: Connection) -> Sequence[int]:
    """When the newest acts were that a list is for, at most MOST_WAITING of each kind."""
    events = audit_events.c
    newest = (
        select(events.at).where(events.action == action).order_by(events.id.desc())
        for action in _ENDING
    )
    each = (one.limit(MOST_WAITING).subquery() for one in newest)
    return connection.execute(union_all(*(select(one.c.at) for one in each))).scalars().all()


class Due(NamedTuple):
    """How the revocation list stands."""

    expires_at: int | None
    """When the one in force expires; None: none was published."""
    waiting_since: int | None
    """Since when an act waits that the next one is for; None: nothing waits."""


def due(connection: Connection) -> Due:
    """How the revocation list stands."""
    last = standing(connection)
    if last is None:
        return Due(None, waiting_since(connection, 0))
    return Due(last.expires_at, waiting_since(connection, last.created_at))


def standing(connection: Connection) -> Standing | None:
    """The list in force, of which nothing long is read; None: none was published."""
    its = revocation_lists.c
    query = select(its.number, its.created_at, its.expires_at).order_by(its.number.desc()).limit(1)
    row = connection.execute(query).first()
    return None if row is None else Standing(*row)


def is_whole(connection: Connection, number: int) -> bool:
    """Whether the list of this number is signed as a whole."""
    query = select(signed).where(revocation_lists.c.number == number)
    return bool(connection.execute(query).scalar())


def newest_number(connection: Connection) -> int:
    """The number of the last list; 0: there was none."""
    query = select(revocation_lists.c.number).order_by(revocation_lists.c.number.desc()).limit(1)
    return connection.execute(query).scalar() or 0


def by_number(connection: Connection, number: int) -> StoredList | None:
    """The list of this number."""
    query = (
        select(revocation_lists, keysets.c.token)
        .join(keysets, keysets.c.version == revocation_lists.c.keyset_version)
        .where(revocation_lists.c.number == number)
    )
    with keeping_few_pages(connection):
        row = connection.execute(query).first()
    return None if row is None else StoredList(*row)


def newest(connection: Connection) -> StoredList | None:
    """The last list that was published."""
    return by_number(connection, newest_number(connection))


def add(connection: Connection, new: StoredList) -> None:
    """Store a list. Raises IntegrityError where its number is taken."""
    values = new._asdict()
    del values["keyset_token"]
    with keeping_few_pages(connection):
        connection.execute(insert(revocation_lists), values)

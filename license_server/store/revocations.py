"""The revocation lists that were published, and what goes into the next."""

from typing import NamedTuple

from sqlalchemy import Connection, insert, select

from license_server.models import keysets, licenses, revocation_lists


class StoredList(NamedTuple):
    """A revocation list that was published, and the keyset that it is to be trusted by."""

    number: int
    token: str
    created_at: int
    expires_at: int
    keyset_version: int
    keyset_token: str


def revoked(connection: Connection) -> list[str]:
    """The numbers of all licences that were revoked, and of those that they replaced.

    What was replaced holds until its end: its file, which `install` keeps as license.dat.old, would
    outlive the revocation of the licence that came after it.
    """
    ended = select(licenses.c.line).where(licenses.c.state == "revoked")
    query = select(licenses.c.number).where(
        (licenses.c.state == "revoked")
        | ((licenses.c.state == "replaced") & licenses.c.line.in_(ended))
    )
    return list(connection.execute(query).scalars())


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
    row = connection.execute(query).first()
    return None if row is None else StoredList(*row)


def newest(connection: Connection) -> StoredList | None:
    """The last list that was published."""
    return by_number(connection, newest_number(connection))


def add(connection: Connection, new: StoredList) -> None:
    """Store a list. Raises IntegrityError where its number is taken."""
    values = new._asdict()
    del values["keyset_token"]
    connection.execute(insert(revocation_lists), values)

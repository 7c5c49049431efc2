"""Users as the owners of customers: who of them can sign in."""

from collections.abc import Collection

from sqlalchemy import Connection, select

from license_server.db.questions import Question, each
from license_server.db.tables import users


def may_sign_in(connection: Connection, addresses: Collection[str]) -> set[str]:
    """Those of these *addresses* that are of users who are not disabled."""
    query = select(users.c.email).where(
        users.c.email.in_(sorted(addresses)), users.c.ended_at.is_(None)
    )
    return set(connection.execute(query).scalars())


def all_who_may(limit: int) -> Question[list[str]]:
    """The addresses of at most *limit* users who are not disabled."""
    query = select(users.c.email).where(users.c.ended_at.is_(None)).order_by(users.c.email)
    return each(query.limit(limit), str)

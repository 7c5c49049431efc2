"""Stored users, sessions, invitations, API tokens, and failed sign-in attempts."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, and_, delete, func, insert, or_, select

from license_server.access import passwords
from license_server.db import sorted_rows
from license_server.db.questions import Question, each
from license_server.db.sorted_rows import Count, SortedRows
from license_server.db.tables import (
    attempts,
    invitations,
    recovery_codes,
    sessions,
    tokens,
    users,
)


class StoredUser(NamedTuple):
    """Somebody who may sign in."""

    id: int
    email: str
    password_hash: str
    """argon2id; ``!``: they have none."""
    created_at: int
    role: str
    totp: bytes | None
    """The seed, encrypted."""
    totp_used: int | None
    ended_at: int | None
    issuer: str | None
    issuer_subject: str | None


class StoredToken(NamedTuple):
    """A bearer token, without its secret."""

    id: str
    name: str
    secret_hash: bytes
    created_at: int
    revoked_at: int | None
    scopes: str
    products: str | None
    expires_at: int | None
    used_at: int | None


class Invitation(NamedTuple):
    """Somebody who may set a password and then sign in."""

    secret_hash: bytes
    email: str
    role: str
    invited_by: str
    created_at: int
    expires_at: int

    @property
    def id(self) -> str:
        """What names it, and helps nobody to accept it."""
        return self.secret_hash[:8].hex()


class StoredSession(NamedTuple):
    """Where somebody is signed in."""

    id_hash: bytes
    created_at: int
    expires_at: int
    address: str | None
    agent: str | None

    @property
    def id(self) -> str:
        """What names it, and helps nobody to use it."""
        return self.id_hash[:8].hex()


class SignedIn(NamedTuple):
    """Whose a session is."""

    user_id: int
    email: str
    role: str
    by_password_alone: bool
    """Whether they have a password, and no one-time codes beside it."""


def add_token(connection: Connection, token: StoredToken) -> None:
    """Store a token. Raises IntegrityError where its name is taken."""
    connection.execute(insert(tokens), token._asdict())


def token_by_id(connection: Connection, id_: str) -> StoredToken | None:
    """The token of this id, revoked or not."""
    row = connection.execute(select(tokens).where(tokens.c.id == id_)).first()
    return None if row is None else StoredToken(*row)


def token_by_name(connection: Connection, name: str) -> StoredToken | None:
    """The token that is called so."""
    row = connection.execute(select(tokens).where(tokens.c.name == name)).first()
    return None if row is None else StoredToken(*row)


def list_tokens(connection: Connection) -> list[StoredToken]:
    """All tokens, in the order of their names."""
    return [StoredToken(*row) for row in connection.execute(select(tokens).order_by(tokens.c.name))]


def tokens_after(
    connection: Connection, name: str | None, limit: int, *, revoked: bool
) -> list[StoredToken]:
    """At most *limit* tokens in the order of their names, after *name*; *revoked*, or not."""
    query = select(tokens).where(_is_revoked(revoked)).order_by(tokens.c.name)
    if name is not None:
        query = query.where(tokens.c.name > name)
    return [StoredToken(*row) for row in connection.execute(query.limit(limit))]


def _is_revoked(revoked: bool) -> ColumnElement[bool]:
    column = tokens.c.revoked_at
    return column.is_not(None) if revoked else column.is_(None)


_ENDLESS = 1 << 62
TOKEN_SORTS: dict[str, Any] = {
    "name": func.lower(tokens.c.name),
    "created_at": tokens.c.created_at,
    "expires_at": func.coalesce(tokens.c.expires_at, _ENDLESS),
    "used_at": func.coalesce(tokens.c.used_at, 0),
}
"""By what tokens can be sorted."""
USER_SORTS: dict[str, Any] = {
    "email": users.c.email,
    "role": users.c.role,
    "codes": users.c.totp.is_not(None),
    "created_at": users.c.created_at,
    "state": func.coalesce(users.c.ended_at, 0),
}
"""By what users can be sorted."""


def count_tokens(connection: Connection, *, revoked: bool) -> Count:
    """How many tokens ``tokens_after`` lists, to a bound."""
    return sorted_rows.count(connection, select(tokens.c.id).where(_is_revoked(revoked)))


tokens_in_order = SortedRows(select(tokens), tokens, TOKEN_SORTS, StoredToken).in_order


def count_users(connection: Connection) -> Count:
    """How many users there are, to a bound."""
    return sorted_rows.count(connection, select(users.c.id))


users_in_order = SortedRows(select(users), users, USER_SORTS, StoredUser).in_order


def revoke_token(connection: Connection, name: str, now: int) -> StoredToken | None:
    """Revoke the token of this name, if there is one that still holds."""
    query = (
        tokens.update()
        .where(tokens.c.name == name, tokens.c.revoked_at.is_(None))
        .values(revoked_at=now)
        .returning(*tokens.c)
    )
    row = connection.execute(query).first()
    return None if row is None else StoredToken(*row)


def set_token_used(connection: Connection, id_: str, now: int) -> None:
    """Remember when a token was used last, unless a later use is known."""
    earlier = or_(tokens.c.used_at.is_(None), tokens.c.used_at < now)
    connection.execute(tokens.update().where(tokens.c.id == id_, earlier).values(used_at=now))


def add_user(
    connection: Connection, email: str, password_hash: str, role: str, now: int, **more: Any
) -> StoredUser:
    """Store somebody who may sign in. Raises IntegrityError where the address is taken."""
    values = {"email": email, "password_hash": password_hash, "role": role, "created_at": now}
    query = insert(users).returning(*users.c)
    return StoredUser(*connection.execute(query, values | more).one())


def user_by_email(connection: Connection, email: str) -> StoredUser | None:
    """The user of this address, which is in lower case."""
    row = connection.execute(select(users).where(users.c.email == email)).first()
    return None if row is None else StoredUser(*row)


def users_called(connection: Connection, emails: Iterable[str]) -> list[StoredUser]:
    """Those of the users of these addresses that there are."""
    named = sorted(emails)
    rows = connection.execute(select(users).where(users.c.email.in_(named))) if named else ()
    return [StoredUser(*row) for row in rows]


def user_by_subject(connection: Connection, issuer: str, subject: str) -> StoredUser | None:
    """The user whom an OpenID provider calls *subject*."""
    query = select(users).where(users.c.issuer == issuer, users.c.issuer_subject == subject)
    row = connection.execute(query).first()
    return None if row is None else StoredUser(*row)


def user_by_id(connection: Connection, id_: int) -> StoredUser | None:
    """The user in this row."""
    row = connection.execute(select(users).where(users.c.id == id_)).first()
    return None if row is None else StoredUser(*row)


def users_before(connection: Connection, before: int | None, limit: int) -> list[StoredUser]:
    """At most *limit* users, the newest first; those with an id under *before*."""
    query = select(users).order_by(users.c.id.desc()).limit(limit)
    if before is not None:
        query = query.where(users.c.id < before)
    return [StoredUser(*row) for row in connection.execute(query)]


def take_step(connection: Connection, user_id: int, step: int) -> bool:
    """Accept a time step of somebody's codes, once; whether it is later than those before."""
    later = or_(users.c.totp_used.is_(None), users.c.totp_used < step)
    query = users.update().where(users.c.id == user_id, later).values(totp_used=step)
    return connection.execute(query.returning(users.c.id)).first() is not None


def set_recovery_codes(connection: Connection, user_id: int, hashes: list[bytes]) -> None:
    """Replace the recovery codes of a user."""
    connection.execute(delete(recovery_codes).where(recovery_codes.c.user_id == user_id))
    if hashes:
        rows = [{"user_id": user_id, "code_hash": hashed} for hashed in hashes]
        connection.execute(insert(recovery_codes), rows)


def take_recovery_code(connection: Connection, user_id: int, code_hash: bytes, now: int) -> bool:
    """Use up a recovery code; whether there was this one."""
    table = recovery_codes
    query = (
        table.update()
        .where(
            table.c.user_id == user_id, table.c.code_hash == code_hash, table.c.used_at.is_(None)
        )
        .values(used_at=now)
    )
    return connection.execute(query.returning(table.c.user_id)).first() is not None


def recovery_codes_left(connection: Connection, user_id: int) -> int:
    """How many recovery codes of a user were not used yet."""
    query = select(func.count()).where(
        recovery_codes.c.user_id == user_id, recovery_codes.c.used_at.is_(None)
    )
    left: int = connection.execute(query).scalar_one()
    return left


def lock_administrators(connection: Connection) -> list[StoredUser]:
    """The administrators who may sign in; nobody else changes them before the commit."""
    query = select(users).where(users.c.role == "administrator", users.c.ended_at.is_(None))
    rows = connection.execute(query.order_by(users.c.id).with_for_update())
    return [StoredUser(*row) for row in rows]


def list_users(connection: Connection) -> list[StoredUser]:
    """Everybody, in the order of their addresses."""
    return [StoredUser(*row) for row in connection.execute(select(users).order_by(users.c.email))]


def first_emails(limit: int) -> Question[list[str]]:
    """At most *limit* addresses of those who can sign in, or could, in their order."""
    return each(select(users.c.email).order_by(users.c.email).limit(limit), str)


def change_user(connection: Connection, user_id: int, **changed: Any) -> StoredUser:
    """The user with other values."""
    query = users.update().where(users.c.id == user_id).values(changed).returning(*users.c)
    return StoredUser(*connection.execute(query).one())


def add_invitation(connection: Connection, invitation: Invitation) -> None:
    """Store an invitation in place of an earlier one of the same address."""
    connection.execute(delete(invitations).where(invitations.c.email == invitation.email))
    connection.execute(insert(invitations), invitation._asdict())


def invitation(connection: Connection, secret_hash: bytes) -> Invitation | None:
    """The invitation with this secret, over or not."""
    query = select(invitations).where(invitations.c.secret_hash == secret_hash)
    row = connection.execute(query).first()
    return None if row is None else Invitation(*row)


def list_invitations(connection: Connection) -> list[Invitation]:
    """All invitations, over or not, in the order of their addresses."""
    rows = connection.execute(select(invitations).order_by(invitations.c.email))
    return [Invitation(*row) for row in rows]


def take_invitation(connection: Connection, secret_hash: bytes) -> bool:
    """Forget an invitation; whether there was one still."""
    query = delete(invitations).where(invitations.c.secret_hash == secret_hash)
    return connection.execute(query.returning(invitations.c.email)).first() is not None


def take_invitation_of(connection: Connection, email: str) -> Invitation | None:
    """Forget the invitation of this address; what it was, if there was one."""
    query = delete(invitations).where(invitations.c.email == email).returning(*invitations.c)
    row = connection.execute(query).first()
    return None if row is None else Invitation(*row)


def add_session(
    connection: Connection,
    id_hash: bytes,
    user_id: int,
    now: int,
    expires_at: int,
    address: str | None = None,
    agent: str | None = None,
) -> None:
    """Store a session, and forget those that are over."""
    connection.execute(delete(sessions).where(sessions.c.expires_at <= now))
    values = {
        "id_hash": id_hash,
        "user_id": user_id,
        "created_at": now,
        "expires_at": expires_at,
        "address": address,
        "agent": agent,
    }
    connection.execute(insert(sessions), values)


def session_user(connection: Connection, id_hash: bytes, now: int) -> SignedIn | None:
    """Whose session this is, if it is not over."""
    query = (
        select(
            users.c.id,
            users.c.email,
            users.c.role,
            and_(users.c.totp.is_(None), users.c.password_hash != passwords.NONE),
        )
        .join(sessions, sessions.c.user_id == users.c.id)
        .where(
            sessions.c.id_hash == id_hash, sessions.c.expires_at > now, users.c.ended_at.is_(None)
        )
    )
    row = connection.execute(query).first()
    if row is None:
        return None
    user_id, email, role, by_password_alone = row
    return SignedIn(user_id, email, role, bool(by_password_alone))


def sessions_of(connection: Connection, user_id: int, now: int) -> list[StoredSession]:
    """Where a user is signed in, the newest first."""
    table = sessions
    query = (
        select(
            table.c.id_hash, table.c.created_at, table.c.expires_at, table.c.address, table.c.agent
        )
        .where(table.c.user_id == user_id, table.c.expires_at > now)
        .order_by(table.c.created_at.desc(), table.c.id_hash)
    )
    return [StoredSession(*row) for row in connection.execute(query)]


def open_sessions(
    connection: Connection, user_ids: Iterable[int], now: int
) -> dict[int, tuple[int, int]]:
    """In how many places each of these users is signed in, and since when in the newest."""
    table = sessions
    query = (
        select(table.c.user_id, func.count(), func.max(table.c.created_at))
        .where(table.c.user_id.in_(list(user_ids)), table.c.expires_at > now)
        .group_by(table.c.user_id)
    )
    return {user_id: (count, newest) for user_id, count, newest in connection.execute(query)}


def end_session(connection: Connection, id_hash: bytes) -> None:
    """Forget a session."""
    connection.execute(delete(sessions).where(sessions.c.id_hash == id_hash))


def end_sessions_of(connection: Connection, user_id: int) -> None:
    """Forget all sessions of a user."""
    connection.execute(delete(sessions).where(sessions.c.user_id == user_id))


def failures(connection: Connection, subject: str) -> tuple[int, int] | None:
    """How often signing in failed for *subject*, and when last."""
    query = select(attempts.c.failures, attempts.c.last_at).where(attempts.c.subject == subject)
    row = connection.execute(query).first()
    return None if row is None else (row.failures, row.last_at)


def set_failures(connection: Connection, subject: str, count: int, now: int) -> None:
    """Remember how often signing in failed for *subject*."""
    forget_failures(connection, subject)
    connection.execute(insert(attempts), {"subject": subject, "failures": count, "last_at": now})


def forget_failures(connection: Connection, subject: str) -> None:
    """Forget the failures of *subject*."""
    connection.execute(delete(attempts).where(attempts.c.subject == subject))


TOLD = "told:"
"""How the subject of a count begins that is of events, not of attempts: nothing forgets it."""


def forget_failures_before(connection: Connection, instant: int) -> None:
    """Forget whoever has not failed since *instant*."""
    ours = attempts.c.subject.startswith(TOLD)
    connection.execute(delete(attempts).where(attempts.c.last_at < instant, ~ours))

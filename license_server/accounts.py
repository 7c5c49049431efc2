"""Accounts of people who may sign in at the desk."""

from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from license_core.errors import InputInvalidError, NotFoundError
from license_server import audit, passwords
from license_server.actor import Actor
from license_server.permissions import ROLES
from license_server.store import people as store
from license_server.store.people import StoredUser


def add(
    connection: Connection, email: str, password: str, role: str, actor: Actor, now: int
) -> StoredUser:
    """Let *email* (in lower case) sign in. Raises InputInvalidError, NotPermittedError."""
    actor.need("people:manage")
    check_role(role)
    passwords.check(password)
    try:
        user = store.add_user(connection, email, passwords.hash_(password), role, now)
    except IntegrityError as error:
        raise InputInvalidError(field="email", reason=f"{email} may sign in already") from error
    record(connection, user, actor, "user.added", now)
    return user


def set_password(connection: Connection, email: str, password: str, actor: Actor, now: int) -> None:
    """Replace the password of *email* and end its sessions.

    Raises InputInvalidError, NotFoundError or NotPermittedError.
    """
    actor.need("people:manage")
    passwords.check(password)
    user = find(connection, email)
    changed = store.change_user(connection, user.id, password_hash=passwords.hash_(password))
    store.end_sessions_of(connection, user.id)
    record(connection, changed, actor, "user.password-changed", now)


def find(connection: Connection, email: str) -> StoredUser:
    """The account of *email*. Raises NotFoundError."""
    user = store.user_by_email(connection, email)
    if user is None:
        raise NotFoundError(what="account", name=email[:200])
    return user


def check_role(role: str) -> None:
    """Raise InputInvalidError for a role that is none."""
    if role not in ROLES:
        reason = f"{role!r} is none; there are {', '.join(ROLES)}"
        raise InputInvalidError(field="role", reason=reason)


def record(connection: Connection, user: StoredUser, actor: Actor, action: str, now: int) -> None:
    """Write down what was done to an account."""
    row = ("users", user._asdict())
    audit.record(connection, now, actor, action, user.email, rows=[row], role=user.role)

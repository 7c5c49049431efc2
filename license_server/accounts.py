"""Accounts of people who may sign in at the desk."""

from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from license_core.errors import InputInvalidError, NotFoundError
from license_server import audit, passwords, store


def add(connection: Connection, email: str, password: str, actor: str, now: int) -> None:
    """Let *email* (in lower case) sign in. Raises InputInvalidError."""
    passwords.check(password)
    try:
        store.add_user(connection, email, passwords.hash_(password), now)
    except IntegrityError as error:
        raise InputInvalidError(field="email", reason=f"{email} may sign in already") from error
    audit.record(connection, now, actor, "user.added", email)


def set_password(connection: Connection, email: str, password: str, actor: str, now: int) -> None:
    """Replace the password of *email* and end its sessions.

    Raises InputInvalidError or NotFoundError.
    """
    passwords.check(password)
    user = store.user_by_email(connection, email)
    if user is None:
        raise NotFoundError(what="account", name=email)
    store.set_password(connection, user.id, passwords.hash_(password))
    store.end_sessions_of(connection, user.id)
    audit.record(connection, now, actor, "user.password-changed", email)

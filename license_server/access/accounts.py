"""User accounts, and the rules for changing them.

Nobody gives away more than they may do themselves, nobody changes their own role, and there is
always an administrator.
"""

from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from license_core.errors import NotPermittedError
from license_core.reason import Reason
from license_server.access import access_store, passwords, standing
from license_server.access.access_store import StoredUser
from license_server.access.errors import LastAdministratorError
from license_server.actor import Actor
from license_server.audit import changes, digests, events
from license_server.db.errors import ChangedMeanwhileError, InputInvalidError, or_not_found
from license_server.permissions import ROLES

_MANAGE = "people:manage"
_ADMINISTRATOR = "administrator"


def add(
    connection: Connection, email: str, password: str, role: str, actor: Actor, now: int
) -> StoredUser:
    """Let *email* (in lower case) sign in. Raises InputInvalidError, NotPermittedError."""
    check_gift(role, actor)
    passwords.check(password)
    return insert(connection, email, passwords.hash_(password), role, actor, now)


def insert(
    connection: Connection, email: str, password_hash: str, role: str, actor: Actor, now: int
) -> StoredUser:
    """Store somebody whose right to sign in was decided before. Raises InputInvalidError."""
    try:
        user = access_store.add_user(connection, email, password_hash, role, now)
    except IntegrityError as error:
        raise InputInvalidError(
            field="email", reason=Reason("{email} can already sign in", email=email)
        ) from error
    record(connection, user, actor, "user.added", now)
    return user


def check_still(
    connection: Connection, actor: Actor, permission: str, clock: Callable[[], int]
) -> None:
    """Raise NotPermittedError where *actor* may not do that any more, by the *clock*.

    A person's account may have ended, or have another role; a token may be revoked, or over, or
    have ended with the account of whoever created it.
    """
    standing.present(connection, actor.name, clock()).need(permission)


def set_password(connection: Connection, email: str, password: str, actor: Actor, now: int) -> None:
    """Replace the password of *email* and end its sessions.

    Raises InputInvalidError, NotFoundError or NotPermittedError.
    """
    actor.need(_MANAGE)
    passwords.check(password)
    user = find(connection, email)
    replace_password(connection, user, passwords.hash_(password), actor, now)


def replace_password(
    connection: Connection, user: StoredUser, password_hash: str, actor: Actor, now: int
) -> StoredUser:
    """The user with another password, and without sessions."""
    changed = access_store.change_user(connection, user.id, password_hash=password_hash)
    access_store.end_sessions_of(connection, user.id)
    record(connection, changed, actor, "user.password-changed", now, user)
    return changed


def change_role(
    connection: Connection,
    user: StoredUser,
    role: str,
    actor: Actor,
    now: int,
    expected: str | None = None,
) -> StoredUser:
    """Give *user* another role, at once; *expected* is the digest of what the caller saw.

    Raises InputInvalidError, NotPermittedError, LastAdministratorError, ChangedMeanwhileError.
    """
    check_gift(role, actor)
    _check_other(connection, user, actor)
    _check_within(user, actor)
    if expected is not None and expected != etag(user):
        raise ChangedMeanwhileError(what=Reason("account {name}", name=user.email))
    if role == user.role:
        return user
    if role != _ADMINISTRATOR:
        _keep_an_administrator(connection, user)
    changed = access_store.change_user(connection, user.id, role=role)
    record(connection, changed, actor, "user.role-changed", now, user, before=user.role)
    return changed


def end(connection: Connection, user: StoredUser, actor: Actor, now: int) -> StoredUser:
    """Let *user* sign in no more, and end all sessions.

    Raises InputInvalidError, NotPermittedError, LastAdministratorError.
    """
    check_manager(connection, user, actor)
    if user.ended_at is not None:
        return user
    _keep_an_administrator(connection, user)
    access_store.end_sessions_of(connection, user.id)
    changed = access_store.change_user(connection, user.id, ended_at=now)
    record(connection, changed, actor, "user.ended", now, user)
    return changed


def reopen(connection: Connection, user: StoredUser, actor: Actor, now: int) -> StoredUser:
    """Let *user* sign in again. Raises InputInvalidError, NotPermittedError."""
    check_manager(connection, user, actor)
    if is_erased(user):
        raise InputInvalidError(field="email", reason=Reason("this user was erased"))
    if user.ended_at is None:
        return user
    changed = access_store.change_user(connection, user.id, ended_at=None)
    record(connection, changed, actor, "user.reopened", now, user)
    return changed


def erased_name(id_: int) -> str:
    """What an erased user is called in place of the address; nobody else can be."""
    return f"user #{id_}, erased"


def is_erased(user: StoredUser) -> bool:
    """Whether it is not known any more who this is."""
    return user.email == erased_name(user.id)


def end_sessions(connection: Connection, user: StoredUser, actor: Actor, now: int) -> None:
    """Sign *user* out everywhere. Raises NotPermittedError."""
    actor.need(_MANAGE)
    access_store.end_sessions_of(connection, user.id)
    events.record(connection, now, actor, "session.ended-all", user.email)


def find(connection: Connection, email: str) -> StoredUser:
    """The account of *email*. Raises NotFoundError."""
    return or_not_found(
        access_store.user_by_email(connection, email), what="account", name=email[:200]
    )


def by_id(connection: Connection, id_: int) -> StoredUser:
    """The account in this row. Raises NotFoundError."""
    return or_not_found(access_store.user_by_id(connection, id_), what="account", name=str(id_))


def read_email(text: object) -> str:
    """The address in *text*, in lower case. Raises InputInvalidError."""
    address = text.strip().lower() if isinstance(text, str) and len(text) <= 200 else ""
    if len(address) < 3 or "@" not in address[1:-1] or not address.isprintable():
        raise InputInvalidError(
            field="email", reason=Reason("{value!r} is not an email address", value=str(text)[:200])
        )
    return address


def check_gift(role: str, actor: Actor) -> None:
    """Raise unless *actor* may give *role* to somebody: one that can do no more than they.

    Raises InputInvalidError for a role that is none, or NotPermittedError.
    """
    actor.need(_MANAGE)
    if role not in ROLES:
        allowed = ", ".join(ROLES)
        reason = Reason("{value!r} is not one of {allowed}", value=role[:64], allowed=allowed)
        raise InputInvalidError(field="role", reason=reason)
    for permission in sorted(ROLES[role]):
        actor.need(permission)


def check_manager(connection: Connection, user: StoredUser, actor: Actor) -> None:
    """Raise NotPermittedError unless *actor* may manage *user*: another, who may do no more."""
    actor.need(_MANAGE)
    _check_other(connection, user, actor)
    _check_within(user, actor)


def etag(user: StoredUser) -> str:
    """What a caller names to say which state of the account it saw."""
    return digests.digest("users", user._asdict())


def record(
    connection: Connection,
    user: StoredUser,
    actor: Actor,
    action: str,
    now: int,
    former: StoredUser | None = None,
    **details: str,
) -> None:
    """Write down what was done to an account; *former* is what it was."""
    row = ("users", user._asdict())
    changed = changes.between({} if former is None else _told(former), _told(user))
    more: dict[str, Any] = {"changed": changed} if changed else {}
    events.record(
        connection,
        now,
        actor,
        action,
        user.email,
        rows=[row],
        role=user.role,
        **more,
        **details,
    )


def _told(user: StoredUser) -> dict[str, Any]:
    """The fields of an account, as the audit log tells of them; nothing that is secret."""
    return {
        "role": user.role,
        "disabled": user.ended_at is not None,
        "one_time_codes": user.totp is not None,
        "issuer": user.issuer,
        "issuer_subject": user.issuer_subject,
    }


def _check_other(connection: Connection, user: StoredUser, actor: Actor) -> None:
    """Raise NotPermittedError where *actor* is *user*, or a token that they are behind."""
    if standing.person_behind(connection, actor.name) == user.email:
        raise NotPermittedError(reason="Someone else has to change your own role")


def _check_within(user: StoredUser, actor: Actor) -> None:
    """Raise NotPermittedError where *user* may do more than *actor*."""
    for permission in sorted(ROLES.get(user.role, frozenset())):
        actor.need(permission)


def _keep_an_administrator(connection: Connection, user: StoredUser) -> None:
    """Raise LastAdministratorError where nobody else is one."""
    others = [one for one in access_store.lock_administrators(connection) if one.id != user.id]
    if user.role == _ADMINISTRATOR and user.ended_at is None and not others:
        raise LastAdministratorError(email=user.email)

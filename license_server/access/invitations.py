"""Invitations: a single-use link with which a new user sets their own password."""

from collections.abc import Callable

from sqlalchemy import Connection

from license_core import b64url, clock
from license_core.errors import NotFoundError, NotPermittedError
from license_core.reason import Reason
from license_server.access import access_store, accounts, secrets, standing
from license_server.access.access_store import Invitation, StoredUser
from license_server.access.errors import InvitationOverError
from license_server.actor import Actor
from license_server.audit import changes, events
from license_server.db.errors import InputInvalidError, NameTakenError

Random = Callable[[int], bytes]
DAYS, MOST_DAYS = 7, 30
"""How long an invitation holds: by default, and at most."""
_SECRET_BYTES = 32


def invite(
    connection: Connection,
    email: str,
    role: str,
    actor: Actor,
    now: int,
    random: Random,
    days: int = DAYS,
) -> tuple[str, Invitation]:
    """The secret, told this once, and the invitation of *email* (in lower case).

    An earlier one of the same address holds no more. Raises InputInvalidError, NotPermittedError.
    """
    accounts.check_gift(role, actor)
    if not 1 <= days <= MOST_DAYS:
        reason = Reason(
            "{days} is not a number of days from 1 to {most}", days=days, most=MOST_DAYS
        )
        raise InputInvalidError(field="days", reason=reason)
    if access_store.user_by_email(connection, email) is not None:
        raise NameTakenError(what="account", name=email)
    secret = b64url.encode(random(_SECRET_BYTES))
    until = clock.later(now, days * 86400)
    made = Invitation(secrets.hash_of(secret), email, role, actor.name, now, until)
    access_store.add_invitation(connection, made)
    changed = changes.between({}, {"role": role, "expires_at": until})
    events.record(connection, now, actor, "invitation.made", email, role=role, changed=changed)
    return secret, made


def find(connection: Connection, secret: str, now: int) -> Invitation:
    """The invitation that *secret* belongs to, which holds. Raises InvitationOverError."""
    found = access_store.invitation(connection, secrets.hash_of(secret))
    if found is None or not holds(connection, found, now):
        raise InvitationOverError
    return found


def holds(connection: Connection, invitation: Invitation, now: int) -> bool:
    """Whether an invitation can be accepted: it is not over, and whoever made it still may."""
    if invitation.expires_at <= now:
        return False
    try:
        accounts.check_gift(invitation.role, standing.present(connection, invitation.invited_by))
    except NotPermittedError:
        return False
    return True


def listed(connection: Connection, now: int) -> list[tuple[Invitation, bool]]:
    """All invitations in the order of their addresses, and whether each holds at *now*."""
    found = access_store.list_invitations(connection)
    return [(one, holds(connection, one, now)) for one in found]


def accept(
    connection: Connection, secret: str, password_hash: str, address: str | None, now: int
) -> StoredUser:
    """Let who was invited sign in with a password of their own.

    Raises InvitationOverError, InputInvalidError.
    """
    found = find(connection, secret, now)
    if not access_store.take_invitation(connection, found.secret_hash):
        raise InvitationOverError
    actor = Actor(f"user:{found.email}", frozenset(), address=address)
    return accounts.insert(connection, found.email, password_hash, found.role, actor, now)


def withdraw(connection: Connection, id_: str, actor: Actor, now: int) -> None:
    """Let an invitation hold no more. Raises NotFoundError, NotPermittedError."""
    actor.need("people:manage")
    listed = access_store.list_invitations(connection)
    found = next((one for one in listed if id_ in (one.id, one.email)), None)
    if found is None or not access_store.take_invitation(connection, found.secret_hash):
        raise NotFoundError(what="invitation", name=id_[:200])
    events.record(connection, now, actor, "invitation.withdrawn", found.email, role=found.role)


def path(secret: str) -> str:
    """Where at the desk an invitation is accepted."""
    return f"/invitation?secret={secret}"

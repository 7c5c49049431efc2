"""Who deals with a request, and what is written about it."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection

from license_core.claims import ClaimError
from license_core.errors import NotFoundError
from license_core.reason import Reason
from license_server.access import accounts
from license_server.access.standing import USER
from license_server.actor import Actor
from license_server.audit import changes, events
from license_server.catalog.faults import Faults
from license_server.db.errors import ChangedMeanwhileError
from license_server.db.postgresql import NULL_SHOWN
from license_server.requests import finding, incoming, message_store, recording, request_store
from license_server.requests.filing import PERMISSION
from license_server.requests.message_store import Message
from license_server.requests.request_store import OPEN, StoredRequest

_LONGEST = 10_000


def assign(
    connection: Connection, id_: int, owner: str | None, actor: Actor, now: int
) -> StoredRequest:
    """Let *owner*, the name of an actor, deal with an open request; None: nobody in particular.

    Raises NotPermittedError, NotFoundError, ChangedMeanwhileError.
    """
    actor.need(PERMISSION)
    former = finding.seen(connection, id_, actor)
    if owner is not None and owner != actor.name:
        _check_user(connection, owner)
    if former.owner == owner:
        return former
    left = request_store.change(connection, id_, OPEN, owner=owner)
    if left is None:
        raise ChangedMeanwhileError(what=Reason("request {id}", id=id_))
    changed = changes.between({"owner": former.owner}, {"owner": owner})
    if owner == actor.name:
        recording.record(connection, left, actor, "request.taken", now, changed=changed)
    else:
        recording.record(connection, left, actor, "request.assigned", now, changed=changed)
    return left


def _check_user(connection: Connection, owner: str) -> None:
    """Raise NotFoundError unless *owner* is the name of somebody with an account."""
    email = owner.removeprefix(USER) if owner.startswith(USER) else ""
    if accounts.find(connection, email or owner).ended_at is not None or not email:
        raise NotFoundError(what="account", name=owner)


def note(
    connection: Connection, id_: int, members: Mapping[str, Any], actor: Actor, now: int
) -> Message:
    """Add the ``text`` in *members* to a conversation, for colleagues.

    Raises NotPermittedError, NotFoundError, InputInvalidError.
    """
    added = _write(connection, id_, message_store.NOTE, members, actor, now)
    events.record(connection, now, actor, "request.noted", recording.subject(id_))
    return added


def reply(
    connection: Connection, id_: int, members: Mapping[str, Any], actor: Actor, now: int
) -> Message:
    """Add the ``text`` in *members* to a conversation, for the operator; raises as ``note``."""
    added = _write(connection, id_, message_store.REPLY, members, actor, now)
    events.record(connection, now, actor, "request.answered", recording.subject(id_))
    return added


def sent(
    connection: Connection,
    stored: StoredRequest,
    text: str,
    message_id: str,
    actor: Actor,
    now: int,
) -> Message:
    """Keep in the conversation what was mailed to who asked. Raises NotPermittedError."""
    actor.need(PERMISSION)
    kind, text = message_store.REPLY, text[:_LONGEST]
    added = message_store.add(connection, stored.id, now, kind, actor.name, text, message_id)
    events.record(connection, now, actor, "request.answered", recording.subject(stored.id))
    return added


def answered_with(connection: Connection, id_: int, number: str, actor: Actor) -> StoredRequest:
    """The request that licence *number* answers.

    Raises NotFoundError for one that it does not answer, or that *actor* may not see.
    """
    stored = finding.seen(connection, id_, actor)
    if stored.license != number:
        raise NotFoundError(what="request", name=str(id_))
    return stored


def _write(
    connection: Connection,
    id_: int,
    kind: str,
    members: Mapping[str, Any],
    actor: Actor,
    now: int,
) -> Message:
    actor.need(PERMISSION)
    stored = finding.seen(connection, id_, actor)
    return message_store.add(connection, stored.id, now, kind, actor.name, read_text(members))


def read_text(members: Mapping[str, Any]) -> str:
    """The ``text`` in *members*, which have nothing else. Raises InputInvalidError."""
    faults = Faults()
    faults.refuse_others(members, ("text",), "there is no such field; only text is allowed")
    text = faults.read("text", _text, members)
    faults.check()
    return str(text)


def _text(members: Mapping[str, Any]) -> str:
    value = members.get("text")
    if not isinstance(value, str) or incoming.is_blank(value):
        raise ClaimError("text", "it must be a text that is not blank")
    if len(value) > _LONGEST:
        reason = Reason("it is longer than {most:# character|# characters}", most=_LONGEST)
        raise ClaimError("text", reason)
    return value.replace("\r\n", "\n").replace("\0", NULL_SHOWN).strip()

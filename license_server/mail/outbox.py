"""The outbox: a mail is queued in the transaction of its act, and sent once that is committed.

It is ``waiting`` until a server has ``claimed`` it. Just before its content leaves it is
``sending``, by a commit of its own; then it is ``sent``, ``waiting`` again, or ``failed``. One that
was sent may be ``bounced``: it came back (mail/bounces.py). Where
nobody knows whether the other side took it, it is ``unsure`` and waits for a person, as one that is
``held`` does (docs/adr/0034).
"""

from typing import Any, NamedTuple

from sqlalchemy import Connection

from license_core import claims
from license_core.claims import ClaimError
from license_core.errors import NotFoundError
from license_server.actor import SERVER, Actor
from license_server.audit import events
from license_server.db.errors import InputInvalidError, or_not_found
from license_server.mail import addresses, outbox_store
from license_server.mail import states as mail_states
from license_server.mail.bounces import Bounce
from license_server.mail.errors import MailStateError
from license_server.mail.outbox_store import (
    BOUNCED,
    CANCELLED,
    CLAIMED,
    FAILED,
    HELD,
    SENDING,
    SENT,
    UNSURE,
    WAITING,
    Mail,
)

SEND = "licenses:issue"
"""The permission to send, and to say what becomes of a mail."""
LEASE = 600
"""Seconds for which a mail is one server's; a try is given up long before."""
FIRST_WAIT, LONGEST_WAIT = 60, 4 * 3600
TRIED_FOR = 3 * 86400
"""Seconds after which a mail that nobody takes has failed."""
_AT_ONCE = 20
_LONGEST_ANSWER = 500
_LONGEST_SUBJECT = 500
_LONGEST_NAME = 200
_LONGEST_BODY = 100_000
_STOPPED = "the server stopped while the mail was being sent"
WITHDRAWN = "withdrawn: when it was to leave, what it says was not so any more"
"""In place of the other side's answer; people read it in their language."""
_TABLE = "mails"


class Draft(NamedTuple):
    """A mail to be queued."""

    recipient: str
    subject: str
    body: str
    recipient_name: str | None = None
    license: str | None = None
    """Whose file is attached, and whose product it is about."""
    product: str | None = None
    thread: tuple[str, ...] = ()
    """The ids of the mails before it, the last of which it answers."""
    automatic: bool = False
    """Whether no person asked for it."""
    held: bool = False
    """Whether a person is to say first that it is sent."""


class Outcome(NamedTuple):
    """What became of a try."""

    state: str
    """``sent``, ``waiting``, ``failed`` or ``unsure``."""
    answer: str
    """What the other side said, or why there was no try."""


def queue(connection: Connection, draft: Draft, actor: Actor, now: int, message_id: str) -> Mail:
    """Queue a mail. Raises NotPermittedError or InputInvalidError."""
    actor.need(SEND, draft.product)
    if not addresses.is_address(draft.recipient):
        raise InputInvalidError(field="recipient", reason="it is not the address of a mailbox")
    mail = outbox_store.add(
        connection,
        queued_at=now,
        queued_by=actor.name,
        license=draft.license,
        product=draft.product,
        recipient=draft.recipient,
        recipient_name=_shown(draft.recipient_name or "")[:_LONGEST_NAME] or None,
        subject=_line("subject", draft.subject, _LONGEST_SUBJECT),
        body=_text("body", draft.body, _LONGEST_BODY),
        message_id=message_id,
        thread=" ".join(draft.thread) or None,
        automatic=draft.automatic,
        state=HELD if draft.held else WAITING,
        attempts=0,
        due_at=now,
    )
    _record(connection, "mail.queued", mail, actor, now, binds=True)
    return mail


def _line(member: str, text: str, longest: int) -> str:
    line = _shown(text)
    if not line:
        raise InputInvalidError(field=member, reason="it is missing")
    return line[:longest]


def _shown(text: str) -> str:
    return " ".join("".join(one if one.isprintable() else " " for one in text).split())


def _text(member: str, text: str, longest: int) -> str:
    try:
        found = claims.text({member: text}, member, longest=longest)
    except ClaimError as error:
        raise InputInvalidError(field=error.claim, reason=error.reason) from error
    if not found:
        raise InputInvalidError(field=member, reason="it is missing")
    return found


def _record(
    connection: Connection, action: str, mail: Mail, actor: Actor, now: int, *, binds: bool = False
) -> None:
    """Tell the audit log; whom the mail is for stays out of it."""
    rows = [(_TABLE, mail._asdict())] if binds else []
    subject = mail.license or f"mail {mail.id}"
    events.record(connection, now, actor, action, subject, rows=rows, mail=mail.id)


def seen(connection: Connection, id_: int, actor: Actor) -> Mail:
    """The mail of this number, if *actor* may see it. Raises NotFoundError."""
    mail = or_not_found(outbox_store.by_id(connection, id_), what="mail", name=str(id_))
    if actor.products is not None and (mail.product is None or not actor.may_use(mail.product)):
        raise NotFoundError(what="mail", name=str(id_))
    return mail


# What people do


def cancel(connection: Connection, id_: int, actor: Actor, now: int) -> Mail:
    """Let a mail that is not sent yet never be. Raises NotFoundError or MailStateError."""
    states = (WAITING, HELD, UNSURE, FAILED)
    values = {"state": CANCELLED, "ended_at": now, "leased_by": None}
    mail = _decide(connection, id_, actor, states, values)
    _record(connection, "mail.cancelled", mail, actor, now)
    return mail


def retry(connection: Connection, id_: int, actor: Actor, now: int) -> Mail:
    """Let a mail be sent now: one that waits, failed, came back, or is held; or was perhaps sent.

    Raises NotFoundError or MailStateError.
    """
    states = (WAITING, HELD, UNSURE, FAILED, BOUNCED)
    values = {"state": WAITING, "due_at": now, "attempts": 0, "ended_at": None}
    mail = _decide(connection, id_, actor, states, values)
    _record(connection, "mail.retried", mail, actor, now)
    return mail


def _decide(
    connection: Connection,
    id_: int,
    actor: Actor,
    states: tuple[str, ...],
    values: dict[str, Any],
) -> Mail:
    mail = seen(connection, id_, actor)
    actor.need(SEND, mail.product)
    changed = outbox_store.change(connection, id_, states, **values)
    if changed is None:
        raise MailStateError(id=id_, state=mail_states.told(mail.state))
    return changed


# What a server does


def claim(connection: Connection, by: str, now: int, most: int) -> list[Mail]:
    """At most *most* mails that are due, and from now on this server's, which is called *by*."""
    _let_go(connection, now)
    found = (
        outbox_store.change(
            connection, id_, (WAITING,), state=CLAIMED, leased_by=by, due_at=now + LEASE
        )
        for id_ in outbox_store.due(connection, now, most)
    )
    return [mail for mail in found if mail is not None]  # the others are another server's


def _let_go(connection: Connection, now: int) -> None:
    """Take back what a server that is gone had claimed; of what it was sending nobody knows."""
    for mail in outbox_store.expired(connection, now, _AT_ONCE):
        if mail.state == CLAIMED:
            outbox_store.change(
                connection, mail.id, (CLAIMED,), state=WAITING, due_at=now, leased_by=None
            )
        else:
            _settle(connection, mail, Outcome(UNSURE, _STOPPED), now, now)


def begin(connection: Connection, id_: int, by: str, now: int) -> bool:
    """Whether the content of a mail may leave now: it is still this server's."""
    begun = outbox_store.change(
        connection, id_, (CLAIMED,), held_by=by, state=SENDING, due_at=now + LEASE
    )
    return begun is not None


def withdraw(connection: Connection, mail: Mail, actor: Actor, now: int) -> bool:
    """Let a mail that a server has claimed never leave; false: it is another's by now."""
    changed = outbox_store.change(
        connection,
        mail.id,
        (CLAIMED,),
        held_by=mail.leased_by,
        state=CANCELLED,
        leased_by=None,
        answer=WITHDRAWN,
        ended_at=now,
    )
    if changed is None:
        return False
    _record(connection, "mail.cancelled", changed, actor, now)
    return True


def finish(
    connection: Connection, id_: int, by: str, outcome: Outcome, now: int, chance: float
) -> None:
    """Keep what became of a try; *chance*, from 0 to 1, spreads the next ones."""
    mail = outbox_store.by_id(connection, id_)
    if mail is None or mail.leased_by != by or mail.state not in (CLAIMED, SENDING):
        return  # another server took it for lost, and a person may have decided
    wait = min(FIRST_WAIT * 2 ** min(mail.attempts, 20), LONGEST_WAIT)
    due_at = now + int(wait * (0.8 + 0.4 * chance))
    if outcome.state == WAITING and now - mail.queued_at >= TRIED_FOR:
        outcome = outcome._replace(state=FAILED)
    _settle(connection, mail, outcome, now, due_at)


def came_back(connection: Connection, bounce: Bounce, now: int) -> None:
    """Keep what a *bounce* tells of a mail that was sent, or was perhaps sent.

    It may be here before what the mail server answered is kept: then it counts.
    """
    for mail in outbox_store.by_message_ids(connection, bounce.message_ids):
        answer = _shown(bounce.said)[:_LONGEST_ANSWER]
        if not bounce.is_final:
            outbox_store.change(connection, mail.id, (SENT,), answer=answer)
            continue
        changed = outbox_store.change(
            connection,
            mail.id,
            (SENT, SENDING, UNSURE, HELD),
            state=BOUNCED,
            attempts=max(1, mail.attempts),
            leased_by=None,
            answer=answer,
            ended_at=now,
        )
        if changed is not None:
            _record(connection, "mail.bounced", changed, SERVER, now)


def _settle(connection: Connection, mail: Mail, outcome: Outcome, now: int, due_at: int) -> None:
    changed = outbox_store.change(
        connection,
        mail.id,
        (CLAIMED, SENDING),
        state=outcome.state,
        attempts=mail.attempts + 1,
        due_at=due_at,
        leased_by=None,
        answer=_shown(outcome.answer)[:_LONGEST_ANSWER],
        ended_at=now if outcome.state in (SENT, FAILED) else None,
    )
    if changed is None:
        return
    if outcome.state == SENT:
        _record(connection, "mail.sent", changed, SERVER, now)
    elif outcome.state == FAILED:
        _record(connection, "mail.failed", changed, SERVER, now)
    elif outcome.state == UNSURE:
        _record(connection, "mail.unsure", changed, SERVER, now)

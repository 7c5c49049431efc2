"""What a restored server lets in again: all that may have ended since its backup was made."""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection, select

from license_server.access import access_store, feed_store, invitations, standing
from license_server.db.tables import proposals
from license_server.mail import outbox_store
from license_server.mail.outbox_store import Mail
from license_server.portal import portal_store
from license_server.webhooks import webhook_store

_NAMED = 20
_MOST = 10_000


class Returned(NamedTuple):
    """Some things of one kind that are valid again."""

    kind: str
    names: Sequence[str]
    end: str
    """How one of them is ended."""

    def __str__(self) -> str:
        named = ", ".join(self.names[:_NAMED])
        if len(self.names) > _NAMED:
            named += f" and {len(self.names) - _NAMED} more"
        return f"{self.kind}: {named} ({self.end})"


def returned(connection: Connection, now: int) -> list[Returned]:
    """What counts again at *now*, in seconds; kinds of which there is none are left out."""
    users = [user for user in access_store.list_users(connection) if user.ended_at is None]
    valid = [one.token for one in standing.listed(connection) if one.is_valid(now)]
    invited = [one for one, holds in invitations.listed(connection, now) if holds]
    codes = [(user.email, access_store.recovery_codes_left(connection, user.id)) for user in users]
    links = portal_store.valid_links(connection, now)
    waiting = select(proposals.c.id).where(proposals.c.state == "waiting").order_by(proposals.c.id)
    kinds = (
        Returned(
            "accounts", [f"{one.email} ({one.role})" for one in users], _end("user end EMAIL")
        ),
        Returned("API tokens", [one.name for one in valid], _end("token revoke NAME")),
        Returned(
            "invitations",
            [f"{one.email} ({one.role})" for one in invited],
            _end("user withdraw EMAIL"),
        ),
        Returned(
            "portal links",
            [f"{one.id} (customer {one.customer_id})" for one in links],
            _end("portal withdraw NUMBER"),
        ),
        Returned(
            "recovery codes",
            [f"{email} ({left})" for email, left in codes if left],
            "each person can make new ones at the desk",
        ),
        Returned(
            "calendar addresses",
            [one.email for one in feed_store.listed(connection)],
            "each person can withdraw theirs at the desk",
        ),
        Returned(
            "waiting proposals",
            [str(id_) for id_ in connection.execute(waiting).scalars()],
            _end("proposal refuse ID"),
        ),
        Returned(
            "webhooks, paused",
            [one.name for one in webhook_store.listed(connection)],
            "to send what waits and what comes: license-server webhook resume NAME",
        ),
        Returned(
            "held mails",
            [f"{one.id} to {one.recipient}" for one in _held(connection)],
            "to send one: license-server mail retry ID; or never: license-server mail cancel ID",
        ),
    )
    return [kind for kind in kinds if kind.names]


def _held(connection: Connection) -> list[Mail]:
    return outbox_store.in_states(connection, (outbox_store.HELD, outbox_store.UNSURE), _MOST)


def _end(command: str) -> str:
    return f"to end one: license-server {command}"

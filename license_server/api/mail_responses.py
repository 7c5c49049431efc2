"""What the API replies of mails that go out."""

from dataclasses import dataclass
from typing import Annotated, Self

from pydantic import Field

from license_server.api import schemas
from license_server.api.responses import Instant, instant
from license_server.mail import outbox_store
from license_server.mail.outbox_store import STATES

Number = Annotated[str, Field(json_schema_extra={"pattern": schemas.NUMBER["pattern"]})]


@dataclass(slots=True, kw_only=True)
class Mail:
    """A mail that goes out, and what became of it."""

    id: int
    state: Annotated[str, Field(json_schema_extra={"enum": list(STATES)})]
    license: Number | None
    recipient: str
    recipient_name: str | None
    subject: str
    body: str
    message_id: str
    queued_at: Instant
    queued_by: str
    attempts: int
    next_try_at: Instant | None
    answer: str | None
    ended_at: Instant | None

    @classmethod
    def of(cls, row: outbox_store.Mail) -> Self:
        """The reply that tells of *row*."""
        waits = row.state == outbox_store.WAITING
        return cls(
            id=row.id,
            state=row.state,
            license=row.license,
            recipient=row.recipient,
            recipient_name=row.recipient_name,
            subject=row.subject,
            body=row.body,
            message_id=row.message_id,
            queued_at=instant(row.queued_at),
            queued_by=row.queued_by,
            attempts=row.attempts,
            next_try_at=instant(row.due_at) if waits else None,
            answer=row.answer,
            ended_at=instant(row.ended_at),
        )


@dataclass(slots=True)
class MailPage:
    """A page of the list of mails."""

    mails: list[Mail]
    next_cursor: str | None

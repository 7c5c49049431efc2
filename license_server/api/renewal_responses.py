"""What the API replies of what is due."""

from dataclasses import dataclass
from typing import Annotated, Self

from pydantic import Field

from license_server.api import schemas
from license_server.api.responses import Instant, instant
from license_server.renewals import reminder_store, schedule
from license_server.renewals.listing import DueLicense
from license_server.renewals.reminding import OUTCOMES

Number = Annotated[str, Field(json_schema_extra={"pattern": schemas.NUMBER["pattern"]})]
Outcome = Annotated[str, Field(json_schema_extra={"enum": list(OUTCOMES)})]


@dataclass(slots=True, kw_only=True)
class Reminder:
    """A reminder that was given."""

    days: int
    given_at: Instant
    outcome: Outcome
    mail: int | None

    @classmethod
    def of(cls, given: reminder_store.Given) -> Self:
        """The reminder *given*."""
        return cls(
            days=given.days,
            given_at=instant(given.given_at),
            outcome=given.outcome,
            mail=given.mail,
        )


@dataclass(slots=True, kw_only=True)
class NextReminder:
    """The reminder that comes next, or is due now."""

    days: int
    due_at: Instant

    @classmethod
    def of(cls, reminder: schedule.Reminder) -> Self:
        """It as it is planned."""
        return cls(days=reminder.days, due_at=instant(reminder.due_at))


@dataclass(slots=True, kw_only=True)
class Renewal:
    """A licence that expires, or has just expired, and what was reminded of it."""

    license: Number
    line: Number
    customer: str
    customer_id: int
    product: str
    host_name: str | None
    contract: str | None
    kind: str | None
    last_day: str | None
    time_zone: str
    days: int
    owner: str | None
    not_mailed: Outcome | None
    reminders: list[Reminder]
    next_reminder: NextReminder | None

    @classmethod
    def of(cls, due: DueLicense) -> Self:
        """What there is to tell of what is *due*."""
        stored = due.stored
        return cls(
            license=stored.number,
            line=stored.line,
            customer=due.customer.name,
            customer_id=stored.customer_id,
            product=stored.product,
            host_name=stored.host_name,
            contract=stored.contract,
            kind=stored.kind,
            last_day=None if stored.last is None else stored.last.day.isoformat(),
            time_zone=stored.zone,
            days=due.days,
            owner=due.owner,
            not_mailed=due.why_not,
            reminders=[Reminder.of(one) for one in due.given],
            next_reminder=None if due.following is None else NextReminder.of(due.following),
        )


@dataclass(slots=True)
class RenewalPage:
    """A page of the list of what is due."""

    renewals: list[Renewal]
    next_cursor: str | None

"""What the API replies of requests."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Self

from pydantic import Field

from license_server.api import responses
from license_server.api.license_responses import HostDifference, Number, Remark
from license_server.api.responses import Instant
from license_server.mail.outbox_store import STATES as MAIL_STATES
from license_server.requests import filing, matching, message_store, request_store, rules
from license_server.requests.incoming import SOURCES
from license_server.requests.message_store import KINDS
from license_server.requests.reading import Reading
from license_server.requests.request_store import STANDINGS, STATES
from license_server.requests.wishes import WISHES

MailState = Annotated[str, Field(json_schema_extra={"enum": list(MAIL_STATES)})]
State = Annotated[str, Field(json_schema_extra={"enum": list(STATES)})]
Standing = Annotated[str, Field(json_schema_extra={"enum": list(STANDINGS)})]
RULES = (request_store.DUE, request_store.BY_RULE, *rules.WHYS)
Source = Annotated[str, Field(json_schema_extra={"enum": list(SOURCES)})]


@dataclass(slots=True, kw_only=True)
class LicenseRequest:
    """A request, as it was filed, and what became of it."""

    id: int
    state: State
    standing: Standing
    source: Source
    received_at: Instant
    wish: Annotated[str, Field(json_schema_extra={"enum": list(WISHES)})] | None
    about: Number | None
    repeats: int
    repeated_at: Instant | None
    customer: str | None
    product: str | None
    host: str | None
    host_key: str | None
    host_name: str | None
    earlier: Number | None
    sender_name: str | None
    sender_address: str | None
    language: str | None
    subject: str | None
    message_id: str | None
    owner: str | None
    proposal: int | None
    license: Number | None
    reason: str | None
    closed_by: str | None
    closed_at: Instant | None
    follows: int | None
    authenticated: str | None
    rule: Annotated[str, Field(json_schema_extra={"enum": list(RULES)})] | None

    @classmethod
    def of(cls, stored: request_store.StoredRequest) -> Self:
        """The request *stored*."""
        return responses.from_row(cls, stored)


@dataclass(slots=True)
class RequestPage:
    """A page of the list of requests."""

    requests: list[LicenseRequest]
    next_cursor: str | None


@dataclass(slots=True, kw_only=True)
class FiledRequest:
    """What was filed: a new request, or the one that there is."""

    new: bool
    request: LicenseRequest
    notices: list[Remark]

    @classmethod
    def of(cls, filed: filing.Filed) -> Self:
        """What was *filed*."""
        notices = [Remark.of(notice) for notice in filed.notices]
        return cls(new=filed.is_new, request=LicenseRequest.of(filed.request), notices=notices)


@dataclass(slots=True, kw_only=True)
class SentMail:
    """The mail by which a reply was sent, and what became of it."""

    id: int
    state: MailState
    answer: str | None


@dataclass(slots=True, kw_only=True)
class Message:
    """A text of the conversation about a request."""

    id: int
    at: Instant
    kind: Annotated[str, Field(json_schema_extra={"enum": list(KINDS)})]
    author: str | None
    text: str
    mail: SentMail | None

    @classmethod
    def of(cls, stored: message_store.Message) -> Self:
        """The text *stored*."""
        sent = stored.mail
        return cls(
            id=stored.id,
            at=responses.instant(stored.at),
            kind=stored.kind,
            author=stored.author,
            text=stored.text,
            mail=SentMail(**sent._asdict()) if sent else None,
        )


@dataclass(slots=True, kw_only=True)
class Clue:
    """A customer or a product, and by what it is known."""

    value: str
    by: Annotated[str, Field(json_schema_extra={"enum": list(matching.CLUES)})]

    @classmethod
    def of(cls, clue: matching.Clue | None) -> Self | None:
        """What a *clue* says."""
        return None if clue is None else cls(value=clue.value, by=clue.by)


@dataclass(slots=True, kw_only=True)
class SeenRequest:
    """A request, what was written about it, and what it means now."""

    request: LicenseRequest
    conversation: list[Message]
    customer: Clue | None
    product: Clue | None
    doubts: list[Clue]
    problems: list[str]
    tags: list[str]
    here: Number | None
    near: Number | None
    earlier: Number | None
    moves: HostDifference | None

    @classmethod
    def of(
        cls,
        stored: request_store.StoredRequest,
        conversation: Iterable[message_store.Message],
        read: Reading,
    ) -> Self:
        """The request *stored*, as it is *read* now."""
        matched, earlier, asked = read.matched, read.earlier, read.asked
        moves = None
        if read.may_move and earlier is not None and read.change is not None:
            moves = HostDifference.of(earlier.number, read.change)
        return cls(
            request=LicenseRequest.of(stored),
            conversation=[Message.of(one) for one in conversation],
            customer=Clue.of(matched.customer),
            product=Clue.of(matched.product),
            doubts=[Clue(value=one.value, by=one.by) for one in matched.doubts],
            problems=list(read.diagnosis.symptoms.problems),
            tags=sorted((asked and asked.tags) or ()),
            here=read.here.number if read.here else None,
            near=read.near.number if read.near else None,
            earlier=earlier.number if earlier else None,
            moves=moves,
        )

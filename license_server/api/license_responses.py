"""What the API replies of licences, actions, proposals and CSV files."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Any, Self

from pydantic import Field

from license_core import strictjson
from license_core.errors import LicenseError, Notice
from license_server.actor import Actor
from license_server.api import PREFIX, responses, schemas
from license_server.api.audit_responses import Event
from license_server.api.responses import Instant, instant
from license_server.http.problem_json import FieldError
from license_server.licenses import host_changes, issuing, kinds, proposal_store
from license_server.licenses.host_changes import HostChange
from license_server.licenses.license_store import StoredLicense
from license_server.licenses.planning import Plan
from license_server.licenses.term_days import Day
from license_server.licenses.vocabulary import KINDS
from license_server.sheets.batches import Outcome

Number = Annotated[str, Field(json_schema_extra={"pattern": schemas.NUMBER["pattern"]})]

Kind = Annotated[str, Field(json_schema_extra={"enum": list(KINDS)})]
LastDay = Annotated[str, Field(json_schema_extra={"format": "date"})]


def _day(last: Day | None) -> str | None:
    return None if last is None else last.day.isoformat()


@dataclass(slots=True, kw_only=True)
class Host:
    """The host that a licence is bound to."""

    key: Annotated[str, Field(json_schema_extra={"pattern": "^[0-9a-f]{40}$"})]
    name: str | None
    profile: str
    match: str
    tags: list[str]


@dataclass(slots=True, kw_only=True)
class Links:
    """Where a licence and its file are."""

    self: str
    file: str


@dataclass(slots=True, kw_only=True)
class License:
    """A licence, with links to itself and its file."""

    id: Number
    state: Annotated[str, Field(json_schema_extra={"enum": schemas.STATE["enum"]})]
    customer: str
    product: str
    edition: str | None
    features: list[str]
    limits: dict[str, int]
    host: Host
    issued_at: Instant
    issued_by: str
    act: str
    expires_at: Instant | None
    notify_from: Instant | None
    grace_until: Instant | None
    maintenance_until: Instant | None
    line: str
    replaces: str | None
    replaced_by: str | None
    last_day: LastDay | None
    time_zone: str
    contract: str | None
    plan: str | None
    kind: Kind | None
    stands_for: str | None
    despite: str | None
    links: Links

    @classmethod
    def of(cls, stored: StoredLicense, now: int, actor: Actor) -> Self:
        """The licence *stored*, as it is at the instant *now* and as *actor* may see it."""
        license_ = issuing.claims_of(stored)
        host = license_.host
        here = f"{PREFIX}/licenses/{stored.number}"
        return cls(
            id=stored.number,
            state=stored.state_at(now),
            customer=stored.customer,
            product=stored.product,
            edition=license_.edition,
            features=list(license_.features),
            limits=dict(license_.limits or {}),
            host=Host(
                key=host.key,
                name=host.name,
                profile=host.profile,
                match=host.match,
                tags=sorted(host.tags or {}),
            ),
            issued_at=instant(stored.issued_at),
            issued_by=stored.issued_by,
            act=stored.act,
            expires_at=instant(stored.expires_at),
            notify_from=instant(license_.notify_from),
            grace_until=instant(stored.grace_until),
            maintenance_until=instant(license_.maintenance_until),
            line=stored.line,
            replaces=stored.replaces,
            replaced_by=stored.replaced_by,
            last_day=_day(stored.last),
            time_zone=stored.zone,
            contract=stored.contract,
            plan=stored.plan,
            kind=stored.kind,
            stands_for=stored.stands_for,
            despite=kinds.despite_seen(stored, actor),
            links=Links(self=here, file=f"{here}/license.dat"),
        )


@dataclass(slots=True)
class LicensePage:
    """A page of the list of licences."""

    licenses: list[License]
    next_cursor: str | None


@dataclass(slots=True, kw_only=True)
class Remark:
    """A refusal or a notice, in words."""

    slug: str
    detail: str
    remedy: str

    @classmethod
    def of(cls, told: LicenseError | Notice) -> Self:
        """What *told* says."""
        return cls(slug=told.slug, detail=told.sentence, remedy=told.remedy())


@dataclass(slots=True, kw_only=True)
class OrderedHost:
    """The host that a licence would be bound to."""

    key: str
    name: str | None
    match: str


@dataclass(slots=True, kw_only=True)
class HostDifference:
    """What differs between the host of a licence and the one of a request, by component."""

    license: Number
    differs: list[str]
    same: list[str]
    unknown: list[str]
    place: Annotated[str, Field(json_schema_extra={"enum": list(host_changes.PLACES)})]

    @classmethod
    def of(cls, number: str, change: HostChange) -> Self:
        """The *change* from the host of the licence of this *number*."""
        return cls(
            license=number,
            differs=list(change.differs),
            same=list(change.same),
            unknown=list(change.unknown),
            place=change.place,
        )


@dataclass(slots=True, kw_only=True)
class DryRun:
    """What an action would do."""

    dry_run: bool
    act: str
    customer: str
    product: str
    host: OrderedHost
    expires_at: Instant | None
    replaces: str | None
    last_day: LastDay | None
    time_zone: str
    needs_approval: bool
    plan: str | None
    kind: Kind | None
    stands_for: str | None
    moves: HostDifference | None
    alike: list[HostDifference]
    refusals: list[Remark]
    notices: list[Remark]

    @classmethod
    def of(cls, planned: Plan) -> Self:
        """What is *planned*."""
        order = planned.order
        host = OrderedHost(key=order.request.key, name=order.request.name, match=order.match)
        former, change = planned.former, planned.change
        return cls(
            dry_run=True,
            act=planned.act.name,
            customer=order.customer,
            product=order.product,
            host=host,
            expires_at=instant(order.expires_at),
            replaces=order.replaces,
            last_day=_day(order.last),
            time_zone=order.time_zone,
            needs_approval=planned.needs_approval,
            plan=order.plan,
            kind=order.kind,
            stands_for=order.stands_for,
            moves=HostDifference.of(former.number, change) if former and change else None,
            alike=[HostDifference.of(one.number, other) for one, other in planned.alike],
            refusals=[Remark.of(error) for error in planned.refusals],
            notices=[Remark.of(notice) for notice in planned.notices],
        )


@dataclass(slots=True, kw_only=True)
class EndingDryRun:
    """The licence that would be suspended, revoked or ended as given back."""

    dry_run: bool
    act: str
    license: License


@dataclass(slots=True, kw_only=True)
class Noted:
    """A note that was added."""

    license: str
    note: str


@dataclass(slots=True, kw_only=True)
class History:
    """A lineage, and who did what, when and why."""

    licenses: list[License]
    events: list[Event]
    request: str | None


@dataclass(slots=True, kw_only=True)
class Proposal:
    """A proposal and its outcome."""

    id: int
    state: Annotated[str, Field(json_schema_extra={"enum": schemas.PROPOSAL_STATE["enum"]})]
    act: str
    license: str | None
    customer: str
    product: str
    members: dict[str, Any]
    reason: str | None
    proposed_by: str
    proposed_at: Instant
    decided_by: str | None
    decided_at: Instant | None
    decision: str | None
    issued: str | None

    @classmethod
    def of(cls, stored: proposal_store.Proposal) -> Self:
        """The proposal *stored*."""
        return responses.from_row(
            cls,
            stored,
            license=stored.subject,
            members=strictjson.loads(stored.members.encode("utf-8")),
            issued=stored.number,
        )


@dataclass(slots=True)
class ProposalPage:
    """A page of the list of proposals."""

    proposals: list[Proposal]
    next_cursor: str | None


@dataclass(slots=True, kw_only=True)
class IssuedLine:
    """A valid row: the licence that was issued; in a dry run none, and what to know before."""

    line: int
    ok: bool
    license: str | None
    notices: list[Remark]


@dataclass(slots=True, kw_only=True)
class RefusedLine:
    """An invalid row, with the column of the problem if it is in just one."""

    line: int
    ok: bool
    column: str | None
    slug: str
    detail: str | None
    errors: list[FieldError]


@dataclass(slots=True, kw_only=True)
class Imported:
    """The result of an import, row by row."""

    dry_run: bool
    lines: list[IssuedLine | RefusedLine]

    @classmethod
    def of(cls, outcomes: Iterable[Outcome], *, dry: bool) -> Self:
        """What became of the lines of a sheet, or would in a dry run."""
        return cls(dry_run=dry, lines=[_line(one) for one in outcomes])


def _line(one: Outcome) -> IssuedLine | RefusedLine:
    if one.slug is None:
        notices = [Remark.of(notice) for notice in one.notices]
        return IssuedLine(line=one.line, ok=True, license=one.number, notices=notices)
    return RefusedLine(
        line=one.line,
        ok=False,
        column=one.column,
        slug=one.slug,
        detail=one.detail,
        errors=[FieldError.of(*fault) for fault in one.faults or ()],
    )

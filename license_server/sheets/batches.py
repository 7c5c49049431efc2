"""Bulk issue: many first licences at once, with the same rows and events as one by one.

A batch is planned by reading, signed without a database, and recorded in one transaction: all
of it is there, or nothing. A job is a series of batches; its name lets it go on where it stopped.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection

from license_core.errors import LicenseError, Notice
from license_core.reason import Reason
from license_server.actor import Actor
from license_server.audit.audit_store import NewEvent
from license_server.catalog import catalog_store, customers, products
from license_server.catalog.faults import Faults, faults_of
from license_server.db import bulk_insert, deferred
from license_server.db.errors import InputInvalidError
from license_server.db.tables import audit_events, licenses
from license_server.licenses import issuing, planning, recording, states
from license_server.licenses.acts import ISSUE
from license_server.licenses.issuing import SignedLicense
from license_server.licenses.license_store import NewLicense
from license_server.licenses.planning import ActRequest, Plan
from license_server.signing import keyset_store
from license_server.signing.issuer import Issuer, Random, check_in_force

BATCH = 500
"""How many lines one transaction has."""
CONTACT = ("contact_name", "contact_email", "language")
"""What a line may say of its customer, who is added with it."""


class Line(NamedTuple):
    """A line of a job: its number, and the members of an order (orders.py), with CONTACT."""

    number: int
    members: Mapping[str, Any]


class Planned(NamedTuple):
    """A line that can be issued."""

    line: int
    plan: Plan
    contact: dict[str, Any]

    @property
    def notices(self) -> tuple[Notice, ...]:
        """What to know before it is issued."""
        return tuple(planning.of_grant(self.plan))

    @property
    def losses(self) -> tuple[Notice, ...]:
        """What its licence takes away from the one before it."""
        return tuple(notice for notice in self.notices if notice.slug == "takes-away")


class Refused(NamedTuple):
    """A line that cannot be issued, and why."""

    line: Line
    error: LicenseError

    @property
    def faults(self) -> list[tuple[str | None, LicenseError]]:
        """All that is wrong with it: the column, if it is in one, and the problem."""
        return [(fault.field, fault.error) for fault in faults_of(self.error)] or [
            (None, self.error)
        ]


class Outcome(NamedTuple):
    """What became of a line: a licence, a problem, or neither where it is only right."""

    line: int
    number: str | None = None
    """Of its licence."""
    column: str | None = None
    """Where the problem is, if it is in one column."""
    slug: str | None = None
    """The problem."""
    detail: str | None = None
    faults: list[list[str]] | None = None
    """All that is wrong with it: the column, the problem and its detail, each."""
    notices: tuple[Notice, ...] = ()
    """What to know before it is issued; nobody needs it afterwards, and it is not kept."""

    @property
    def details(self) -> str | None:
        """All that is wrong with it, or should be known before, for one cell of a sheet."""
        told = [detail for _, _, detail in self.faults or ()]
        told += [notice.sentence for notice in self.notices]
        return "; ".join(told) or self.detail


def plan(
    connection: Connection, lines: Iterable[Line], actor: Actor, now: int
) -> tuple[list[Planned], list[Outcome]]:
    """What *lines* mean at the instant *now*, in seconds; and what cannot be done."""
    right: list[Planned] = []
    wrong: list[Outcome] = []
    for one in each(connection, lines, actor, now):
        if isinstance(one, Planned):
            right.append(one)
        else:
            wrong.append(_wrong(one))
    return right, wrong


def _wrong(refused: Refused) -> Outcome:
    error = refused.error
    faults = [[column, one.slug, one.sentence] for column, one in refused.faults if column]
    column = error.facts.get("field")
    return Outcome(refused.line.number, None, column, error.slug, error.sentence, faults)


def each(
    connection: Connection, lines: Iterable[Line], actor: Actor, now: int
) -> Iterator[Planned | Refused]:
    """What each of *lines* means at the instant *now*, in seconds; or why it cannot be done."""
    find_product = products.finder(connection)
    replaced: set[str] = set()
    for line in lines:
        members = dict(line.members)
        try:
            faults = Faults()
            named = {name: members.pop(name) for name in CONTACT if name in members}
            contact = customers.read_into(named, faults)
            wanted = ActRequest(ISSUE, members, faults=tuple(faults))
            planned = planning.plan(connection, wanted, actor, now, find_product=find_product)
            if planned.needs_approval:
                reason = Reason(
                    "each licence for {product} must be approved individually",
                    product=planned.order.product,
                )
                raise InputInvalidError(field="product", reason=reason)
            _refuse_second(planned, replaced)
        except LicenseError as error:
            yield Refused(line, error)
        else:
            yield Planned(line.number, planned, contact)


def _refuse_second(planned: Plan, replaced: set[str]) -> None:
    """Raise LicenseStateError where a line before replaces the same licence."""
    if planned.former is None:
        return
    number = planned.former.number
    if number in replaced:
        became = Reason("is already replaced by an earlier row")
        raise states.refusal(planned.former, ISSUE, became)
    replaced.add(number)


def sign_planned(
    planned: Sequence[Planned], issuer: Issuer, now: int, random: Random
) -> list[SignedLicense]:
    """Sign what was planned. Raises as issuing.sign_and_verify_many does."""
    return issuing.sign_and_verify_many([one.plan.order for one in planned], issuer, now, random)


def record(
    connection: Connection,
    planned: Sequence[Planned],
    drawn: Sequence[SignedLicense],
    issuer: Issuer,
    actor: Actor,
    now: int,
) -> list[Outcome]:
    """Store a batch; what was issued.

    Raises as recording.record does, or IntegrityError where a number is taken.
    """
    check_in_force(issuer, keyset_store.newest_version(connection))
    customer_ids, product_ids = _party_ids(connection, planned, actor, now)
    ids = iter(bulk_insert.take_ids(connection, licenses, len(planned)))
    rows: list[tuple[Any, ...]] = []
    events: list[NewEvent] = []
    for one, signed in zip(planned, drawn, strict=True):
        if one.plan.former is not None:  # it changes a row, too
            recording.record(connection, one.plan, signed, issuer, actor, line=one.line)
            continue
        license_ = signed.license
        new = recording.row_of(
            one.plan, signed, issuer, actor, customer_ids[license_.sub], product_ids[license_.aud]
        )
        id_ = next(ids)
        left = ("licenses", new._asdict() | {"id": id_})
        rows.append((id_, *new))
        events.append(recording.event_of(one.plan, signed, [left], actor, line=one.line))
    if not rows:
        return _issued(planned, drawn)
    bulk_insert.insert(connection, licenses, ("id", *NewLicense._fields), rows)
    deferred.write(connection)  # in the order in which it was done
    bulk_insert.insert(connection, audit_events, NewEvent._fields, events)
    return _issued(planned, drawn)


def _issued(planned: Sequence[Planned], drawn: Sequence[SignedLicense]) -> list[Outcome]:
    return [
        Outcome(one.line, signed.license.jti) for one, signed in zip(planned, drawn, strict=True)
    ]


def _party_ids(
    connection: Connection, planned: Sequence[Planned], actor: Actor, now: int
) -> tuple[dict[str, int], dict[str, int]]:
    """The customers and products by name; those that are new are added.

    Raises ChangedMeanwhileError where a product needs approval since.
    """
    contacts = {one.plan.order.customer: one.contact for one in reversed(planned)}
    customer_ids = catalog_store.ids_by_name(connection, "customers", contacts)
    for name in sorted(contacts.keys() - customer_ids.keys()):
        added = customers.ensure(connection, name, actor, now, contacts[name])
        customer_ids[name] = added.id
    named = {one.plan.order.product for one in planned}
    found = catalog_store.products_by_name(connection, named)
    for name in sorted(named - found.keys()):
        found[name] = products.ensure(connection, name, actor, now)
    for one in planned:
        recording.check_approval(one.plan, found[one.plan.order.product].needs_approval)
    return customer_ids, {name: product.id for name, product in found.items()}

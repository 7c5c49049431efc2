"""Batches of a job: licences issued, replaced or ended together, with the same rows as one by one.

A batch is planned by reading, signed without a database, and recorded in one transaction: all
of it is there, or nothing. A job is a series of batches; its name lets it go on where it stopped.
"""

from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, TypeGuard

from sqlalchemy import Connection

from license_core.errors import LicenseError, NotFoundError, Notice
from license_core.reason import Reason
from license_server.actor import Actor
from license_server.catalog import catalog_store, customers, products
from license_server.catalog.catalog_store import Product
from license_server.catalog.faults import Faults, faults_of
from license_server.catalog.parties import Parties
from license_server.db.errors import InputInvalidError
from license_server.licenses import (
    issuing,
    kinds,
    many,
    orders,
    planning,
    proposals,
    recording,
    states,
)
from license_server.licenses.acts import ISSUE, PLAN, Act
from license_server.licenses.held import check_expected
from license_server.licenses.issuing import SignedLicense
from license_server.licenses.license_store import StoredLicense
from license_server.licenses.many import Replacing
from license_server.licenses.notices import OrderNotice
from license_server.licenses.order_kinds import OrderKind
from license_server.licenses.planning import ActRequest, Plan
from license_server.licenses.subjects import Subjects
from license_server.signing import keyset_store
from license_server.signing.issuer import Issuer, Random, check_in_force

BATCH = 500
"""How many lines one transaction has;"""
OF_ACTS = 100
"""how many, where they act on licences that there are: others wait for it."""
CONTACT = ("contact_name", "contact_email", "language")
"""What a line may say of its customer, who is added with it."""
APART = frozenset((*orders.APART, *CONTACT))
"""What tells lines of one kind apart: whom and which host they are for."""


class Line(NamedTuple):
    """A line of a job: its number, and the members of what it asks for (orders.py).

    Those of a first licence may have CONTACT among them.
    """

    number: int
    members: Mapping[str, Any]
    same_as: int | None = None
    """The number of an earlier line that says the very same."""
    act: Act = ISSUE
    subject: str | None = None
    """The number of the licence to act on; None: a first one is ordered."""
    expected: str | None = None
    """The ETag of that licence, as somebody saw it."""
    kind: Hashable = None
    """Of a first licence: lines of the same kind say the same but for APART; None: unknown."""

    @property
    def said(self) -> list[Any]:
        """All that it asks for, by which it is known again."""
        if self.subject is None:
            return [self.number, dict(self.members)]
        return [self.number, dict(self.members), self.act.name, self.subject, self.expected]


class Planned(NamedTuple):
    """A line of which a licence can be issued, or proposed."""

    line: int
    act_request: ActRequest
    plan: Plan
    contact: dict[str, Any]
    same_as: int | None = None
    """The number of an earlier line that says the very same."""
    beside: tuple[Notice, ...] = ()
    """The licence that its host has already, where that was looked for (second_licences)."""
    keeps_contact: bool = False
    """Whether the customer is there already, with another contact than *contact*."""

    @property
    def former(self) -> StoredLicense | None:
        """The licence that will be replaced."""
        return self.plan.former

    @property
    def product(self) -> Product | None:
        """The product, with its rules; None: it is not there yet."""
        return self.plan.product

    @property
    def waits(self) -> bool:
        """Whether a second person must approve it."""
        return self.plan.needs_approval

    @property
    def is_first(self) -> bool:
        """Whether it is recorded with others at once: it changes no row, nor looks at one."""
        return self.former is None and not self.waits and self.plan.uses is None

    @property
    def where(self) -> dict[str, int]:
        """What the event of its licence says of where it was asked for."""
        return {} if self.act_request.subject else {"line": self.line}

    @property
    def notices(self) -> tuple[Notice, ...]:
        """What to know before it is issued."""
        told: list[Notice] = []
        if self.same_as is not None:
            told.append(OrderNotice("row-twice", line=self.same_as))
        told += self.beside
        if self.keeps_contact:
            told.append(OrderNotice("row-contact-unused", customer=self.plan.order.customer))
        told += planning.of_grant(self.plan)
        if self.waits:
            told.append(OrderNotice("needs-approval", product=self.plan.order.product))
        return tuple(told)

    @property
    def losses(self) -> tuple[Notice, ...]:
        """What its licence takes away from the one before it."""
        return tuple(notice for notice in self.notices if notice.slug == "takes-away")


class Ending(NamedTuple):
    """A line of which nothing is issued: a licence can be suspended, or revoked."""

    line: int
    act_request: ActRequest
    former: StoredLicense
    product: Product | None
    waits: bool = False
    notices: tuple[Notice, ...] = ()
    losses: tuple[Notice, ...] = ()


Right = Planned | Ending
"""A line that can be done."""


class Refused(NamedTuple):
    """A line that cannot be done, and why."""

    line: Line
    error: LicenseError

    @property
    def faults(self) -> list[tuple[str | None, LicenseError]]:
        """All that is wrong with it: the column, if it is in one, and the problem."""
        return _all_faults(self.error)


class Outcome(NamedTuple):
    """What became of a line: a licence, a proposal, a problem, or nothing yet."""

    line: int
    number: str | None = None
    """Of its licence: the new one, or that which was ended."""
    column: str | None = None
    """Where the problem is, if it is in one column."""
    slug: str | None = None
    """The problem."""
    detail: str | None = None
    faults: list[list[str]] | None = None
    """All that is wrong with it: the column, the problem and its detail, each."""
    proposal: int | None = None
    """Where it waits for a second person."""
    notices: tuple[Notice, ...] = ()
    """What to know before it is issued; nobody needs it afterwards, and it is not kept."""

    @property
    def details(self) -> str | None:
        """All that is wrong with it, or should be known before, for one cell of a sheet."""
        told = [detail for _, _, detail in self.faults or ()]
        told += [notice.sentence for notice in self.notices]
        return "; ".join(told) or self.detail


def plan(
    connection: Connection, lines: Sequence[Line], actor: Actor, now: int
) -> tuple[list[Right], list[Outcome]]:
    """What *lines* mean at the instant *now*, in seconds; and what cannot be done."""
    right: list[Right] = []
    wrong: list[Outcome] = []
    for one in each(connection, lines, actor, now):
        if isinstance(one, Refused):
            wrong.append(_wrong(one.line.number, one.error))
        else:
            right.append(one)
    return right, wrong


def _wrong(line: int, error: LicenseError) -> Outcome:
    faults = [[column, one.slug, one.sentence] for column, one in _all_faults(error) if column]
    column = error.facts.get("field")
    return Outcome(line, None, column, error.slug, error.sentence, faults)


def _all_faults(error: LicenseError) -> list[tuple[str | None, LicenseError]]:
    return [(fault.field, fault.error) for fault in faults_of(error)] or [(None, error)]


def each(
    connection: Connection, lines: Sequence[Line], actor: Actor, now: int
) -> Iterator[Right | Refused]:
    """What each of *lines* means at the instant *now*, in seconds; or why it cannot be done."""
    called = (line.members.get("customer") for line in lines)
    parties = Parties(connection, actor, (name for name in called if isinstance(name, str)))
    chosen = [line.subject for line in lines if line.subject is not None]
    present = recording.etags(connection, chosen) if chosen else {}
    subjects = Subjects.of(connection, actor, chosen) if chosen else None
    replaced: set[str] = set()
    once: dict[Hashable, int] = {}
    order_kinds: dict[Hashable, OrderKind] = {}
    for line in lines:
        try:
            if line.subject is not None:
                check_expected(line.subject, line.expected, present.get(line.subject))
            if not line.act.issues:
                yield _ending(connection, line, actor, parties, subjects)
                continue
            wanted, contact = _read(line)
            kind = order_kinds.get(line.kind)
            alike = kind.plan(wanted.members) if kind and not wanted.faults else None
            planned = alike or planning.plan(
                connection, wanted, actor, now, parties=parties, subjects=subjects
            )
            if line.kind is not None and kind is None:
                order_kinds[line.kind] = OrderKind(planned, parties)
            if planned.needs_approval and line.subject is None:
                reason = Reason(
                    "each licence for {product} must be approved individually",
                    product=planned.order.product,
                )
                raise InputInvalidError(field="product", reason=reason)
            _refuse_second(planned, replaced)
            _refuse_second_trial(planned, once, line.number, actor)
        except LicenseError as error:
            yield Refused(line, error)
        else:
            keeps = _keeps_contact(planned, contact, parties, actor)
            yield Planned(line.number, wanted, planned, contact, line.same_as, keeps_contact=keeps)


def _read(line: Line) -> tuple[ActRequest, dict[str, Any]]:
    """What a line asks for, and what it says of its customer."""
    said = {name: line.members[name] for name in CONTACT if name in line.members}
    if not said:
        return _wanted(line), said
    faults = Faults()
    contact = customers.read_into(said, faults)
    members = {name: value for name, value in line.members.items() if name not in said}
    return _wanted(line)._replace(members=members, faults=tuple(faults)), contact


def _wanted(line: Line) -> ActRequest:
    return ActRequest(line.act, line.members, line.subject, line.expected)


def _ending(
    connection: Connection, line: Line, actor: Actor, parties: Parties, subjects: Subjects | None
) -> Ending:
    """What ends a licence. Raises as recording.end does."""
    wanted = _wanted(line)
    former = recording.check_end(connection, wanted, actor, subjects).license
    return Ending(line.number, wanted, former, parties.product(former.product))


def _keeps_contact(
    planned: Plan, contact: Mapping[str, Any], parties: Parties, actor: Actor
) -> bool:
    """Whether the customer is there, and its contact another one, as far as *actor* may know."""
    there = parties.customer(planned.order.customer) if contact else None
    if there is None:
        return False
    unseen = actor.products is not None
    return unseen or any(getattr(there, name) != value for name, value in contact.items())


def _refuse_second(planned: Plan, replaced: set[str]) -> None:
    """Raise LicenseStateError where a line before replaces the same licence."""
    if planned.former is None:
        return
    number = planned.former.number
    if number in replaced:
        became = Reason("is already replaced by an earlier row")
        raise states.refusal(planned.former, ISSUE, became)
    replaced.add(number)


def _refuse_second_trial(planned: Plan, once: dict[Hashable, int], line: int, actor: Actor) -> None:
    """Raise InputInvalidError where a line before, in *once*, is a trial for the same ones.

    Unless it is to be an exception: which licence was before it is known once that is recorded.
    """
    order = planned.order
    if planned.uses is None or order.despite is not None:
        return
    customer = None if kinds.only_moves(planned) else order.customer
    whom = {"customer": customer, "host": order.request.key, "tag": order.host_tag}
    of_whom = [(order.product, *one) for one in whom.items() if one[1] is not None]
    there = [once[one] for one in of_whom if one in once]
    if there and not kinds.is_exception(planned, actor):
        reason = Reason(
            "row {line} is a trial of {product} for the same customer or host",
            line=there[0],
            product=order.product,
        )
        raise InputInvalidError(field=PLAN, reason=reason)
    once |= dict.fromkeys(of_whom, line)


def sign_planned(
    planned: Sequence[Right], issuer: Issuer, now: int, random: Random
) -> tuple[dict[int, SignedLicense], list[Outcome]]:
    """Sign what is to be issued now, by the numbers of their lines; and what cannot be signed.

    A first licence that cannot is no line to be told: raises why, and as issuing.sign_each does.
    """
    issued = [one for one in planned if _is_issued(one)]
    each_ = issuing.sign_each([one.plan.order for one in issued], issuer, now, random)
    signed: dict[int, SignedLicense] = {}
    wrong: list[Outcome] = []
    for one, made in zip(issued, each_, strict=True):
        if not isinstance(made, LicenseError):
            signed[one.line] = made
        elif one.former is None:
            raise made
        else:
            wrong.append(_wrong(one.line, made))
    return signed, wrong


def _is_issued(one: Right) -> TypeGuard[Planned]:
    return isinstance(one, Planned) and not one.waits


def record(
    connection: Connection,
    planned: Sequence[Right],
    signed: Mapping[int, SignedLicense],
    issuer: Issuer,
    actor: Actor,
    now: int,
) -> list[Outcome]:
    """Store a batch; what became of each line.

    What is wrong with one by now is told at its line. Raises as many.replace, recording.record and
    proposals.propose do, or IntegrityError where a number is taken: then nothing is stored.
    """
    check_in_force(issuer, keyset_store.newest_version(connection))
    firsts = [one for one in planned if isinstance(one, Planned) and one.is_first]
    if firsts:
        _record_firsts(connection, firsts, signed, issuer, actor, now)
    refused = _record_acts(connection, planned, signed, issuer, actor, now)
    done: list[Outcome] = []
    for one in planned:
        if one.line in refused:
            done.append(_wrong(one.line, refused[one.line]))
        elif isinstance(one, Ending):
            done.append(Outcome(one.line, one.former.number))
        else:
            try:
                done.append(_record_alone(connection, one, signed, issuer, actor, now))
            except NotFoundError as error:  # its customer is being erased: nothing was written
                done.append(_wrong(one.line, error))
    return done


def _record_alone(
    connection: Connection,
    one: Planned,
    signed: Mapping[int, SignedLicense],
    issuer: Issuer,
    actor: Actor,
    now: int,
) -> Outcome:
    """What became of a line, once it is stored, unless it was with others.

    Raises as proposals.propose and recording.record do.
    """
    if one.waits:
        product = catalog_store.product_by_name(connection, one.plan.order.product)
        recording.check_approval(one.plan, product is not None and product.needs_approval)
        made = proposals.propose(connection, one.act_request, one.plan, actor, now)
        return Outcome(one.line, proposal=made.id)
    license_ = signed[one.line]
    if one.plan.uses is not None:  # it looks at others
        recording.record(connection, one.plan, license_, issuer, actor, **one.where)
    return Outcome(one.line, license_.license.jti)


def _record_acts(
    connection: Connection,
    planned: Sequence[Right],
    signed: Mapping[int, SignedLicense],
    issuer: Issuer,
    actor: Actor,
    now: int,
) -> dict[int, LicenseError]:
    """Store what is done to licences that there are, all at once; what is wrong, by its line."""
    ending = [one for one in planned if isinstance(one, Ending)]
    ended = many.end(connection, [one.act_request for one in ending], actor, now) if ending else []
    replacing = {
        one.line: Replacing(one.plan, one.plan.former, signed[one.line], one.where)
        for one in planned
        if _is_issued(one) and one.plan.former is not None and one.plan.uses is None
    }
    made = many.replace(connection, [*replacing.values()], issuer, actor) if replacing else []
    lines = [*(one.line for one in ending), *replacing]
    return {
        line: one.error
        for line, one in zip(lines, [*ended, *made], strict=True)
        if isinstance(one, many.Refusal)
    }


def _record_firsts(
    connection: Connection,
    planned: Sequence[Planned],
    signed: Mapping[int, SignedLicense],
    issuer: Issuer,
    actor: Actor,
    now: int,
) -> None:
    """Store licences that replace no other, all at once."""
    customer_ids, product_ids = _party_ids(connection, planned, actor, now)
    new = []
    for one in planned:
        order, drawn = one.plan.order, signed[one.line]
        ids = customer_ids[order.customer], product_ids[order.product]
        details = {"line": one.line}
        new.append(recording.New(one.plan, drawn, issuer, actor, *ids, details))
    recording.write(connection, new)


def _party_ids(
    connection: Connection, planned: Sequence[Planned], actor: Actor, now: int
) -> tuple[dict[str, int], dict[str, int]]:
    """The customers and products by name; those that are new are added.

    Raises ChangedMeanwhileError where a product needs approval since, or ArchivedError.
    """
    contacts = {one.plan.order.customer: one.contact for one in reversed(planned)}
    found_customers = catalog_store.customers_called(connection, contacts, held=True)
    new = {name: contacts[name] for name in contacts.keys() - found_customers.keys()}
    found_customers |= customers.ensure_all(connection, new, actor, now)
    named = {one.plan.order.product for one in planned}
    found = catalog_store.products_by_name(connection, named)
    for name in sorted(named - found.keys()):
        found[name] = products.ensure(connection, name, actor, now)
    for one in planned:
        customer, product = found_customers[one.plan.order.customer], found[one.plan.order.product]
        recording.check_approval(one.plan, product.needs_approval)
        recording.check_in_use(one.plan, customer.archived_at, product.archived_at)
    customer_ids = {name: customer.id for name, customer in found_customers.items()}
    return customer_ids, {name: product.id for name, product in found.items()}

"""Merges two customers that are one: licences, names, contact and notes go to one of them.

Nothing is lost: the row of the other stays, with its contact and notes, and says where it went; it
is listed no more. Its names find the one that is left. It cannot be undone: which licences came
from where, the audit log tells.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from sqlalchemy import Connection

from license_core.errors import NotFoundError
from license_core.reason import Reason
from license_server.actor import Actor
from license_server.audit import events
from license_server.catalog import (
    catalog_store,
    customer_names,
    customers,
    former_name_store,
    locks,
    mail_domains,
    merge_store,
    tags,
)
from license_server.catalog.catalog_store import Customer
from license_server.db.errors import ChangedMeanwhileError, InputInvalidError
from license_server.db.questions import ask
from license_server.finding import finding_store
from license_server.finding.finding_store import Use
from license_server.finding.texts import Kind

_BATCH = 200
"""So many licences are named by one event."""


class Merge(NamedTuple):
    """What a merge would do."""

    former: Customer
    into: Customer
    licenses: int
    """How many licences would move."""
    values: Mapping[str, Any]
    """What the customer that is left would have that it does not have now."""

    @property
    def done(self) -> bool:
        """Whether it was done before."""
        return self.former.merged_into == self.into.id


def plan(connection: Connection, id_: int, into: int, actor: Actor) -> Merge:
    """What it would do to merge the customer *id_* into the customer *into*.

    Raises InputInvalidError, NotFoundError, NotPermittedError.
    """
    actor.need("customers:write")
    if id_ == into:
        raise InputInvalidError(field="into", reason="it is the same customer")
    former, target = customers.seen(connection, id_, actor), _target(connection, into, actor)
    for one in (former, target):
        customers.check_ours(connection, one, actor)
    if former.merged_into not in (None, target.id):
        raise InputInvalidError(field="into", reason="it was merged into another customer before")
    customers.check_live(target)
    if former.erased_at is not None:
        customers.check_live(former)
    values = {} if former.merged_into else _taken(former, target)
    return Merge(former, target, merge_store.count_licenses(connection, id_), values)


def _target(connection: Connection, into: int, actor: Actor) -> Customer:
    """The customer *into*; what does not exist is a fault of the field that names it."""
    try:
        return customers.seen(connection, into, actor)
    except NotFoundError as error:
        reason = Reason("there is no customer {id}", id=str(into))
        raise InputInvalidError(field="into", reason=reason) from error


def merge(
    connection: Connection,
    id_: int,
    into: int,
    actor: Actor,
    now: int,
    expected: str | None = None,
) -> Customer:
    """Merge the customer *id_* into the customer *into*, which is what is left.

    Where that was done before, nothing changes. Once it is committed, ``follow`` does the rest.
    *expected* is the ``etag`` of what the caller saw. Raises as ``plan`` does, or
    ChangedMeanwhileError.
    """
    locks.whole(connection, (id_, into))
    planned = plan(connection, id_, into, actor)
    former, target = planned.former, planned.into
    if not planned.done:
        if expected is not None and expected != etag(planned):
            raise ChangedMeanwhileError(what=Reason("customer {name}", name=target.name))
        target = _merge(connection, planned, actor, now)
    _move(connection, former, target, actor, now)
    return target


def follow(connection: Connection, id_: int, actor: Actor, now: int) -> None:
    """Let those licences follow a merged customer that another process issued to it meanwhile.

    It could not see that the customer was to be merged; who merged it may do that.
    """
    former = catalog_store.customer_by_id(connection, id_)
    if former is None or former.merged_into is None:
        return
    locks.whole(connection, (id_,))
    target = catalog_store.customer_by_id(connection, former.merged_into)
    if target is not None:
        _move(connection, former, target, actor, now)


def etag(planned: Merge) -> str:
    """What a caller names to say which state of both customers it saw."""
    return f"{customers.etag(planned.former)}.{customers.etag(planned.into)}"


def _merge(connection: Connection, planned: Merge, actor: Actor, now: int) -> Customer:
    """Everything but the licences."""
    former, into = planned.former, planned.into
    former_name_store.take_names(connection, former, into.id, now)
    names = [former.name, *ask(connection, catalog_store.former_names(into.id))]
    rows = []
    for one in (former, *catalog_store.merged_into(connection, former.id)):
        name = customer_names.of_merged(connection, one.id, into.id)
        left = catalog_store.change_customer(connection, one.id, name=name, merged_into=into.id)
        rows.append(("customers", left._asdict()))
    target = into
    if planned.values:
        target = catalog_store.change_customer(connection, into.id, **planned.values)
    catalog_store.set_alike(connection, target)
    events.record(
        connection,
        now,
        actor,
        "customer.merged",
        former.name,
        rows=rows,
        into=into.name,
        licenses=planned.licenses,
    )
    for _, left_ in rows:  # else they would be found by what is nobody's now
        for kind in (Kind.CUSTOMER, Kind.CONTACT):
            finding_store.forget(connection, kind, left_["id"])
    finding_store.add(connection, [Use(Kind.CUSTOMER, into.id, name) for name in names])
    return customers.record_change(connection, target, actor, now, into)


def _move(
    connection: Connection, former: Customer, target: Customer, actor: Actor, now: int
) -> None:
    """Give the licences of the *former* customer to *target*, some with each event."""
    while rows := merge_store.move_licenses(connection, former.id, target.id, _BATCH):
        events.record(
            connection,
            now,
            actor,
            "customer.licenses-moved",
            target.name,
            rows=[("licenses", row) for row in rows],
            former=former.name,
            numbers=[row["number"] for row in rows],
        )


def _taken(former: Customer, target: Customer) -> dict[str, Any]:
    """What *target* takes of the *former* one: what it has not, and notes. Raises InputInvalid."""
    values: dict[str, Any] = {}
    notes = [target.notes] if target.notes else []
    if not target.contact_name and not target.contact_email:
        values |= {"contact_name": former.contact_name, "contact_email": former.contact_email}
    elif former.contact_name or former.contact_email:
        contact = (former.contact_name, former.contact_email)
        if contact != (target.contact_name, target.contact_email):
            notes.append(f"{former.name}: {' '.join(filter(None, contact))}")
    if target.language is None:
        values["language"] = former.language
    if former.notes and former.notes != target.notes:
        notes.append(former.notes)
    values["notes"] = "\n\n".join(notes) or None
    if len(values["notes"] or "") > customers.LONGEST_NOTES:
        reason = Reason(
            "both have {count} characters of notes, and at most {most} are allowed; shorten them "
            "first",
            count=len(values["notes"]),
            most=customers.LONGEST_NOTES,
        )
        raise InputInvalidError(field="notes", reason=reason)
    both = list(dict.fromkeys([*tags.of(target.tags), *tags.of(former.tags)]))
    if len(both) > tags.MOST:
        raise InputInvalidError(field="tags", reason=tags.too_many(len(both)))
    values["tags"] = "\n".join(both) or None
    values["owner"] = target.owner or former.owner
    values["no_reminders"] = target.no_reminders or former.no_reminders
    own = [*mail_domains.of(target.domains), *mail_domains.of(former.domains)]
    if len(own) > mail_domains.MOST:
        raise InputInvalidError(field="domains", reason=mail_domains.too_many(len(own)))
    values["domains"] = "\n".join(own) or None
    return {name: value for name, value in values.items() if value != getattr(target, name)}

"""Customers: added on the first issue, or beforehand."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection

from license_core import claims
from license_core.claims import ClaimError
from license_core.errors import NotFoundError, NotPermittedError
from license_core.reason import Reason
from license_server.actor import Actor
from license_server.audit import audit_store, digests, events
from license_server.catalog import (
    catalog_store,
    customer_names,
    former_name_store,
    list_store,
    mail_domains,
    owner_store,
    row_store,
    tags,
)
from license_server.catalog.catalog_store import Customer
from license_server.catalog.errors import ArchivedError
from license_server.catalog.faults import Faults
from license_server.catalog.fields import clean_text, present, truth
from license_server.catalog.letter_texts import LANGUAGES
from license_server.catalog.list_store import CUSTOMER_SORTS
from license_server.catalog.named_rows import NamedRows
from license_server.db.errors import (
    InputInvalidError,
    NameTakenError,
    or_not_found,
)
from license_server.db.questions import Question, ask, known
from license_server.db.sorted_rows import Count, Sorting
from license_server.finding import finding_store
from license_server.finding.texts import Kind
from license_server.finding.words import Words

MEMBERS = (
    *("name", "contact_name", "contact_email", "language", "tags", "domains", "notes"),
    *("owner", "no_reminders"),
)
_TEXTS = {"name": customer_names.read, "contact_name": clean_text, "contact_email": clean_text}
LONGEST_NOTES = 4000
PERSONAL = frozenset({"contact_name", "contact_email", "notes"})
"""What is about people: the audit log tells of it until it is erased."""


def _told(customer: Customer) -> dict[str, Any]:
    told = {member: getattr(customer, member) for member in MEMBERS}
    told["tags"] = tags.of(customer.tags) or None
    told["domains"] = mail_domains.of(customer.domains) or None
    return told | {"archived": customer.archived_at is not None or None}


_ROWS = NamedRows(
    "customer",
    lambda name: Reason("customer {name}", name=name),
    "customers",
    "customer.added",
    "customer.archived",
    "customer.unarchived",
    catalog_store.customer_called,
    catalog_store.add_customer,
    catalog_store.change_customer,
    _told,
    PERSONAL,
)
find = _ROWS.find
ensure = _ROWS.ensure
etag = _ROWS.etag


def ensure_all(
    connection: Connection, new: Mapping[str, Mapping[str, Any]], actor: Actor, now: int
) -> dict[str, Customer]:
    """The customers of names that nobody had, which are added as ``ensure`` does, together.

    *new* has the contact of each, by its name.
    """
    if not new:
        return {}
    added = catalog_store.add_customers(connection, new, now)
    return {
        name: _ROWS.record(connection, added[name], actor, _ROWS.added, now)
        if name in added
        else find(connection, name)  # another process was first
        for name in sorted(new)
    }


def read(members: Mapping[str, Any]) -> dict[str, Any]:
    """The values in *members*; a null empties what may be empty.

    Raises InputInvalidError, which carries all that is wrong (faults.faults_of).
    """
    faults = Faults()
    values = read_into(members, faults)
    faults.check()
    return values


def read_into(members: Mapping[str, Any], faults: Faults) -> dict[str, Any]:
    """The values in *members* as far as they are right; *faults* takes what is wrong."""
    if not members:
        return {}
    faults.refuse_others(members, MEMBERS, "there is no such field")
    given = present(members)
    values = {
        member: faults.read(member, reader, given, member)
        for member, reader in _TEXTS.items()
        if member in members
    }
    if "name" in values and not values["name"]:
        faults.refuse("name", "it is missing")
    if "language" in members:
        values["language"] = faults.read("language", claims.one_of, given, "language", LANGUAGES)
    if "tags" in members:
        values["tags"] = faults.read("tags", tags.read, given, "tags")
    if "domains" in members:
        values["domains"] = faults.read("domains", mail_domains.read, given)
    if "notes" in members:
        values["notes"] = faults.read("notes", _notes, given, "notes")
    if "owner" in members:
        values["owner"] = faults.read("owner", _owner, given, "owner")
    if "no_reminders" in members:
        wants_none = "no_reminders" in given and faults.read(
            "no_reminders", truth, given, "no_reminders"
        )
        values["no_reminders"] = wants_none or None
    return values


def _owner(given: Mapping[str, Any], member: str) -> str | None:
    address = clean_text(given, member)
    return None if address is None else address.lower()


def _check_owner(connection: Connection, owner: str | None, former: str | None) -> None:
    """Raise InputInvalidError for an owner who is not the *former* one and cannot sign in."""
    if owner not in (None, former) and not owner_store.may_sign_in(connection, [owner]):
        raise InputInvalidError(field="owner", reason=no_such_owner(owner))


def no_such_owner(address: str) -> Reason:
    """Why the user of this *address* can be the owner of no customer."""
    return Reason("no user with the address {address} can sign in", address=address)


def _notes(given: Mapping[str, Any], member: str) -> str | None:
    notes = claims.text(given, member, longest=LONGEST_NOTES)
    if "\0" in (notes or ""):
        raise ClaimError(member, "it has control characters")
    return notes


def add(connection: Connection, members: Mapping[str, Any], actor: Actor, now: int) -> Customer:
    """Add a customer. Raises InputInvalidError, NameTakenError, NotPermittedError."""
    actor.need("customers:write")
    values = read(members)
    _check_owner(connection, values.get("owner"), None)
    mail_domains.check_free(connection, values.get("domains"), None)
    return _ROWS.add(connection, values, actor, now)


def change(
    connection: Connection,
    id_: int,
    members: Mapping[str, Any],
    actor: Actor,
    now: int,
    expected: str | None = None,
) -> Customer:
    """Change a customer; *expected* is the digest of what the caller saw.

    Raises InputInvalidError, NotFoundError, NotPermittedError, ChangedMeanwhileError.
    """
    actor.need("customers:write")
    values = read(members)
    former = seen(connection, id_, actor)
    check_ours(connection, former, actor)
    check_live(former)
    _check_owner(connection, values.get("owner"), former.owner)
    _ROWS.expect(former, expected)
    name = values.get("name")
    if name not in (None, former.name) and catalog_store.customer_by_name(connection, name):
        raise NameTakenError(what="customer", name=name)
    mail_domains.check_free(connection, values.get("domains"), id_)
    if not values:
        return former
    if name not in (None, former.name):
        former_name_store.rename(connection, former, name, now)
    customer = catalog_store.change_customer(connection, id_, **values)
    return record_change(connection, customer, actor, now, former)


def record_change(
    connection: Connection, customer: Customer, actor: Actor, now: int, former: Customer
) -> Customer:
    """*customer*, once the event is written that it is another than the *former* one, if it is."""
    if customer == former:
        return former
    return _ROWS.record(connection, customer, actor, "customer.changed", now, former)


def archive(
    connection: Connection, id_: int, actor: Actor, now: int, *, archived: bool = True
) -> Customer:
    """Let a customer take no new licences, or take them again. What it has stays as it is.

    Raises NotFoundError, NotPermittedError.
    """
    actor.need("customers:write")
    former = seen(connection, id_, actor)
    check_ours(connection, former, actor)
    check_live(former)
    return _ROWS.archive(connection, former, actor, now, archived=archived)


def check_in_use(customer: Customer | None) -> None:
    """Raise ArchivedError where a customer takes no new licences."""
    if customer is not None and customer.archived_at is not None:
        raise ArchivedError(what=Reason("customer"), name=customer.name)


def check_live(customer: Customer) -> None:
    """Raise NotFoundError for a customer that was merged into another, or erased."""
    if customer.merged_into is not None or customer.erased_at is not None:
        raise NotFoundError(what="customer", name=customer.name)


def check_kept(connection: Connection, name: str) -> None:
    """Raise NotFoundError where the customer of this name is being erased: nothing is added."""
    customer = catalog_store.customer_by_name(connection, name)
    if customer is not None and customer.erased_at is not None:
        raise NotFoundError(what="customer", name=name)


def erase_contact(connection: Connection, id_: int, actor: Actor, now: int) -> Customer:
    """Erase what is about people: here, and in what the audit log tells of former values.

    The customer goes on; all of it is erased by erasure/customer_erasure.py.

    Those of customers that were merged into it, too; and nobody finds it by a former name any more.
    The events themselves stay as they are. Raises NotFoundError, NotPermittedError.
    """
    actor.need("customers:write")
    former = seen(connection, id_, actor)
    check_ours(connection, former, actor)
    check_live(former)
    blank = dict.fromkeys(PERSONAL)
    left = [
        catalog_store.change_customer(connection, one.id, **blank)
        for one in (former, *catalog_store.merged_into(connection, id_))
    ]
    former_name_store.forget(connection, left[0])
    finding_store.forget(connection, Kind.CUSTOMER, id_)
    rows = [("customers", one._asdict()) for one in left]
    count = audit_store.erase_values(connection, [digests.name(*row) for row in rows])
    events.record(
        connection, now, actor, "customer.contact-erased", former.name, rows=rows, values=count
    )
    return left[0]


def seen(connection: Connection, id_: int, actor: Actor) -> Customer:
    """The customer in this row as *actor* may see it. Raises NotFoundError.

    Who is for some products only sees the customers that have, or had, a licence of one of them;
    what colleagues noted of those that have one of another product too, they do not see.
    """
    found = catalog_store.customer_by_id(connection, id_, actor.products)
    return _as_seen(connection, [or_not_found(found, what="customer", name=str(id_))], actor)[0]


def listed(
    connection: Connection,
    after: str | None,
    limit: int,
    text: str | None,
    actor: Actor,
    *,
    archived: bool | None = None,
    tag: str | None = None,
) -> list[Customer]:
    """At most *limit* customers as *actor* may see them, in the order of their names, after one.

    *text*: each word of it is in the name, or in what *actor* may see beside it; *archived*:
    whether they are; *tag*: that they have it.
    """
    # Of what colleagues noted nothing is told to who is for some products only: not that it is so.
    found = catalog_store.customers_after(
        connection,
        after,
        limit,
        text,
        actor.products,
        contacts=actor.products is None,
        archived=archived,
        tag=tag,
    )
    return _as_seen(connection, found, actor)


def of_ids(connection: Connection, ids: Collection[int], actor: Actor) -> dict[int, Customer]:
    """The customers in these rows, as *actor* may see them."""
    found = ask(connection, row_store.customers_by_ids(list(ids), len(ids))) if ids else []
    return {one.id: one for one in _as_seen(connection, found, actor)}


def some_with_all(
    having: Words, words: Sequence[str], actor: Actor, limit: int
) -> Question[list[Customer]]:
    """Some that ``listed`` would find by folded *words*, by name; where they are many, of few."""
    if actor.products is not None:  # of few that are found, none may be theirs to see
        return known(listed(having.connection, None, limit, " ".join(words), actor))
    ids, _ = having.some_with_all((Kind.CUSTOMER, Kind.CONTACT), words)
    return row_store.customers_by_ids(ids, limit) if ids else known([])


def counted(
    connection: Connection,
    text: str | None,
    actor: Actor,
    *,
    archived: bool | None = None,
    tag: str | None = None,
) -> Count:
    """How many customers ``listed`` has, to a bound."""
    whole = actor.products is None
    return list_store.count_customers(
        connection, text, actor.products, contacts=whole, archived=archived, tag=tag
    )


def in_order(
    connection: Connection, count: Count, sorting: Sorting, offset: int, limit: int, actor: Actor
) -> list[Customer]:
    """At most *limit* of the customers that were counted, as *actor* may see them, in that order.

    *sorting*: one of ``sorts_of``.
    """
    rows = list_store.customers_in_order(connection, count, sorting, offset=offset, limit=limit)
    return _as_seen(connection, rows, actor)


def sorts_of(actor: Actor) -> frozenset[str]:
    """By what *actor* may sort: an order would tell what colleagues noted of a customer."""
    return (
        frozenset(CUSTOMER_SORTS) if actor.products is None else frozenset({"name", "created_at"})
    )


def _as_seen(connection: Connection, found: list[Customer], actor: Actor) -> list[Customer]:
    """Customers that *actor* may see, without what is not theirs to see."""
    shared = _shared(connection, found, actor)
    return [_bare(one) if one.id in shared else one for one in found]


def _bare(customer: Customer) -> Customer:
    """What who is for some products only sees of a customer that is not theirs alone."""
    return customer._replace(
        contact_name=None,
        contact_email=None,
        language=None,
        tags=None,
        domains=None,
        notes=None,
        owner=None,
        no_reminders=None,
    )


def check_ours(connection: Connection, customer: Customer, actor: Actor) -> None:
    """Raise NotPermittedError where a customer is not theirs alone who are for some products."""
    if _shared(connection, [customer], actor):
        reason = Reason(
            "{name} cannot change customer {customer}, which also has licences for products that "
            "{name} has no access to",
            name=actor.name,
            customer=customer.name,
        )
        raise NotPermittedError(reason=reason)


def _shared(connection: Connection, found: list[Customer], actor: Actor) -> set[int]:
    """Those that also have licences of products that *actor* is not for."""
    if actor.products is None:
        return set()
    return catalog_store.with_other_licences(connection, [one.id for one in found], actor.products)

"""By what is told what is a customer's: its rows, names, addresses, and what they become."""

from collections.abc import Collection, Mapping
from typing import NamedTuple

from sqlalchemy import Connection

from license_server.audit import audit_store, changes, seals
from license_server.audit.audit_store import Event
from license_server.catalog import catalog_store, customer_names, former_name_store
from license_server.catalog.catalog_store import Customer
from license_server.erasure import erasure_store

_AT_ONCE = 500


class Whose(NamedTuple):
    """Whose data is erased."""

    customer: Customer
    ids: tuple[int, ...]
    """Its row, and those of the customers that were merged into it."""
    names: frozenset[str]
    """What it is called, and was."""
    shared: Mapping[str, int]
    """Before which instant such a name was its own that another has or had; 0: unknown."""
    addresses: frozenset[str]
    """Of its contacts, in lower case; no other customer has or had them."""

    @property
    def own_names(self) -> frozenset[str]:
        """Those that no other customer has or had."""
        return self.names.difference(self.shared)

    def is_meant(self, name: str, at: int) -> bool:
        """Whether a *name* of its own that was written *at* an instant meant nobody else."""
        return at < self.shared[name] if name in self.shared else name in self.names

    def is_told(self, event: Event) -> bool:
        """Whether an event whose subject is one of the names is about it: by its row, if told."""
        prefix = "rows/customers/"
        told = {path.removeprefix(prefix) for path in seals.words(event) if path.startswith(prefix)}
        if told:
            return not told.isdisjoint(map(str, self.ids))
        return self.is_meant(event.subject, event.at)

    @property
    def erased_name(self) -> str:
        """What it is called once that is done."""
        return customer_names.of_erased(self.customer.id)

    @property
    def mailbox(self) -> str:
        """In place of the addresses that mails went to: none, by its domain (RFC 2606)."""
        return f"erased@customer-{self.customer.id}.invalid"


def of(connection: Connection, customer: Customer) -> Whose:
    """What is *customer*'s."""
    rows = (customer, *catalog_store.merged_into(connection, customer.id))
    ids = tuple(one.id for one in rows)
    until = former_name_store.until(connection, customer.id)
    names = frozenset({customer.name, *until})
    shared: dict[str, int] = {}
    for name, since in erasure_store.others_called(connection, ids, names):
        # It had the name until then; whoever is there since then cannot have had it before.
        known = name != customer.name and since >= until[name]
        shared[name] = min(since if known else 0, shared.get(name, since))
    own = names.difference(shared)
    addresses = {one.contact_email for one in rows if one.contact_email}
    addresses |= _former_addresses(connection, ids, names)
    free = {
        address
        for address in (one.lower() for one in addresses)
        if not erasure_store.is_taken(connection, address, ids, own)
    }
    return Whose(customer, ids, names, shared, frozenset(free))


def _former_addresses(
    connection: Connection, ids: Collection[int], names: Collection[str]
) -> set[str]:
    """The addresses that contacts of these customers had, as far as the audit log tells."""
    logged = erasure_store.logged_values(connection, ids)
    found, after, more = set[str](), 0, True
    while more:
        some = audit_store.subject_events(connection, names, after, _AT_ONCE)
        for told in changes.of_events(connection, some).values():
            for one in told:
                if one.field == "contact_email":
                    found |= logged.intersection(
                        text for text in (one.old, one.new) if isinstance(text, str)
                    )
        more = len(some) == _AT_ONCE
        after = some[-1].id if some else after
    return found

"""What the ledger knows of a sender: queries about customers and products."""

from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, func, select

from license_server.db.questions import Question, each
from license_server.db.tables import customers, is_there, licenses, products
from license_server.finding import finding_store
from license_server.finding.texts import Kind, fold

_FEW = 2
"""One that is found is a match; of several none is."""


def customers_of_address(address: str, of: frozenset[str] | None) -> Question[list[str]]:
    """The customers whose contact has this address, at most two; *of*: of these products."""
    return _customers(have_address(address), of)


def customers_of_domain(domain: str, of: frozenset[str] | None) -> Question[list[str]]:
    """The customers whose contacts have addresses of this domain, at most two."""
    email = func.lower(customers.c.contact_email)
    same = email.endswith(f"@{domain.lower()}", autoescape=True)
    return _customers(_have_contact(domain, same), of)


def have_address(address: str) -> ColumnElement[bool]:
    """Of customers in use: whether their contact has this address."""
    same = func.lower(customers.c.contact_email) == address.lower()
    return _have_contact(address, same)


def _have_contact(part: str, same: ColumnElement[bool]) -> ColumnElement[bool]:
    """Whether it is so of their contact; a *part* of its address is found by an index."""
    return and_(
        customers.c.id.in_(finding_store.things((Kind.CONTACT,), fold(part))),
        same,
        customers.c.merged_into.is_(None),
        customers.c.archived_at.is_(None),
    )


def _customers(wanted: ColumnElement[bool], of: frozenset[str] | None) -> Question[list[str]]:
    query = select(customers.c.name).where(wanted)
    if of is not None:
        query = query.where(is_there(_licence_of(of)))
    return each(query.order_by(customers.c.id).limit(_FEW), str)


def _licence_of(of: frozenset[str]) -> Select[Any]:
    return (
        select(licenses.c.id)
        .join(products, products.c.id == licenses.c.product_id)
        .where(licenses.c.customer_id == customers.c.id, products.c.name.in_(sorted(of)))
    )


def customers_of_host(connection: Connection, host_key: str) -> set[int]:
    """The ids of the customers who have, or had, a licence of this host."""
    query = select(licenses.c.customer_id).where(licenses.c.host_key == host_key).distinct()
    return set(connection.execute(query).scalars())


def products_of(customer: str) -> Question[list[str]]:
    """The products that a customer has licences for, at most two; none that is archived."""
    query = (
        select(products.c.name)
        .where(
            products.c.archived_at.is_(None),
            products.c.id.in_(
                select(licenses.c.product_id)
                .join(customers, customers.c.id == licenses.c.customer_id)
                .where(customers.c.name == customer, customers.c.merged_into.is_(None))
            ),
        )
        .order_by(products.c.id)
    )
    return each(query.limit(_FEW), str)


def all_products() -> Question[list[str]]:
    """The products of the server, at most two; none that is archived."""
    query = select(products.c.name).where(products.c.archived_at.is_(None)).order_by(products.c.id)
    return each(query.limit(_FEW), str)

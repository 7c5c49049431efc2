"""Stored customers and products."""

from collections.abc import Iterable, Sequence
from typing import Any, Literal, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    Insert,
    Table,
    bindparam,
    delete,
    exists,
    func,
    insert,
    select,
)
from sqlalchemy.dialects import postgresql, sqlite

from license_server.catalog.names import alike_key, words
from license_server.db.tables import (
    begins,
    customer_words,
    customers,
    keysets,
    licenses,
    metadata,
    products,
)

_FEW = 500
"""So many customers are looked through one by one."""
_PRODUCT_BY_NAME = select(products).where(products.c.name == bindparam("name"))
_STANDING = select(
    select(customers.c.id).where(customers.c.name == bindparam("customer")).scalar_subquery(),
    select(products.c.id).where(products.c.name == bindparam("product")).scalar_subquery(),
    select(products.c.needs_approval)
    .where(products.c.name == bindparam("product"))
    .scalar_subquery(),
    select(func.max(keysets.c.version)).scalar_subquery(),
)


class Standing(NamedTuple):
    """What a licence is recorded under. None: there is no such customer or product yet."""

    customer_id: int | None
    product_id: int | None
    needs_approval: bool | None
    """Whether the product does."""
    keyset_version: int
    """Of the keyset that is in force."""


class Customer(NamedTuple):
    """Somebody to whom licences are issued."""

    id: int
    name: str
    created_at: int
    contact_name: str | None
    contact_email: str | None
    language: str | None
    notes: str | None


class Product(NamedTuple):
    """What is licensed, and the rules of its licences."""

    id: int
    name: str
    created_at: int
    defaults: str | None
    """JSON: the members of an order that are taken where it has none."""
    longest_days: int | None
    rehosts: int | None
    needs_approval: bool


def customer_by_name(
    connection: Connection, name: str, of: frozenset[str] | None = None
) -> Customer | None:
    """The customer of this name; *of*: if it has, or had, a licence of one of these products."""
    query = select(customers).where(customers.c.name == name, *_with_licence(of))
    row = connection.execute(query).first()
    return None if row is None else Customer(*row)


def customer_by_id(
    connection: Connection, id_: int, of: frozenset[str] | None = None
) -> Customer | None:
    """The customer in this row; *of*: if it has, or had, a licence of one of these products."""
    query = select(customers).where(customers.c.id == id_, *_with_licence(of))
    row = connection.execute(query).first()
    return None if row is None else Customer(*row)


def product_by_name(connection: Connection, name: str) -> Product | None:
    """The product of this name."""
    row = connection.execute(_PRODUCT_BY_NAME, {"name": name}).first()
    return None if row is None else Product(*row)


def standing(connection: Connection, customer: str, product: str) -> Standing:
    """How things stand for a licence to a customer for a product of these names: in one go."""
    names = {"customer": customer, "product": product}
    customer_id, product_id, needs, version = connection.execute(_STANDING, names).one()
    return Standing(customer_id, product_id, needs, version or 0)


def ids_by_name(
    connection: Connection, table: Literal["customers", "products"], names: Iterable[str]
) -> dict[str, int]:
    """The ids of those of *names* that there are."""
    columns = metadata.tables[table].c
    query = select(columns.name, columns.id).where(columns.name.in_(sorted(names)))
    return {row.name: row.id for row in connection.execute(query)}


def products_by_name(connection: Connection, names: Iterable[str]) -> dict[str, Product]:
    """Those of the products of these *names* that there are."""
    query = select(products).where(products.c.name.in_(sorted(names)))
    return {row.name: Product(*row) for row in connection.execute(query)}


def add_customer(connection: Connection, name: str, now: int, **more: Any) -> Customer | None:
    """The new customer; None where there is one of this name already."""
    row = _add(connection, customers, name, now, more)
    if row is None:
        return None
    customer = Customer(*row)
    set_words(connection, customer)
    return customer


def add_product(connection: Connection, name: str, now: int, **more: Any) -> Product | None:
    """The new product; None where there is one of this name already."""
    row = _add(connection, products, name, now, more)
    return None if row is None else Product(*row)


def _add(connection: Connection, table: Table, name: str, now: int, more: dict[str, Any]) -> Any:
    query = _insert(connection, table).on_conflict_do_nothing().returning(*table.c)
    return connection.execute(query, {"name": name, "created_at": now} | more).first()


def _insert(connection: Connection, table: Table) -> Any:
    return (sqlite if connection.dialect.name == "sqlite" else postgresql).insert(table)


def change_customer(connection: Connection, id_: int, **changed: Any) -> Customer:
    """The customer with other values."""
    query = customers.update().where(customers.c.id == id_).values(changed).returning(*customers.c)
    customer = Customer(*connection.execute(query).one())
    if "name" in changed:
        connection.execute(delete(customer_words).where(customer_words.c.customer_id == id_))
        set_words(connection, customer)
    return customer


def change_product(connection: Connection, id_: int, **changed: Any) -> Product:
    """The product with other values."""
    query = products.update().where(products.c.id == id_).values(changed).returning(*products.c)
    return Product(*connection.execute(query).one())


def set_words(connection: Connection, customer: Customer) -> None:
    """Let a customer be found by the words of its name, and by names that are alike."""
    found = [*words(customer.name), *_key(customer.name)]
    rows = [{"word": word, "customer_id": customer.id} for word in found]
    if rows:
        query: Insert = insert(customer_words)
        connection.execute(query, rows)


def set_all_words(connection: Connection) -> None:
    """Let every customer be found as ``set_words`` does."""
    connection.execute(delete(customer_words))
    after: str | None = None
    while rows := customers_after(connection, after, _FEW):
        for row in rows:
            set_words(connection, row)
        after = rows[-1].name


def alike(connection: Connection, name: str, of: frozenset[str] | None = None) -> Customer | None:
    """A customer of another name that people might take for this one (names.py).

    *of*: only one with a licence of one of these products.
    """
    key = _key(name)
    query = (
        select(customers)
        .join(customer_words, customer_words.c.customer_id == customers.c.id)
        .where(customer_words.c.word.in_(key), customers.c.name != name, *_with_licence(of))
        .order_by(customers.c.id)
        .limit(1)
    )
    row = connection.execute(query).first() if key else None
    return None if row is None else Customer(*row)


def _key(name: str) -> list[str]:
    """Under which names that are alike stand among the words; nobody who searches types that."""
    key = alike_key(name)
    return [] if key is None else [f"={key}"]


def customers_after(
    connection: Connection,
    name: str | None,
    limit: int,
    text: str | None = None,
    of: frozenset[str] | None = None,
) -> list[Customer]:
    """At most *limit* customers in the order of their names, after *name*; *text*: of that name.

    *of*: only those with a licence of one of these products.
    """
    query = select(customers).where(*_with_licence(of)).order_by(customers.c.name).limit(limit)
    if name is not None:
        query = query.where(customers.c.name > name)
    typed = words(text or "", whole=True)
    if typed:
        found = ids_named(connection, typed, _FEW)
        if found is None:
            query = query.where(*(named(customers.c.id, word) for word in typed))
        else:
            query = query.where(customers.c.id.in_(found))
    return [Customer(*row) for row in connection.execute(query)]


def with_other_licences(connection: Connection, ids: Iterable[int], of: frozenset[str]) -> set[int]:
    """Those of these customers that have, or had, a licence of a product that is none of these."""
    others = _licence_of(products.c.name.not_in(sorted(of)))
    query = select(customers.c.id).where(customers.c.id.in_(sorted(ids)), others)
    return set(connection.execute(query).scalars())


def _with_licence(of: frozenset[str] | None) -> tuple[ColumnElement[bool], ...]:
    """That a customer has, or had, a licence of one of these products; None: nothing is asked."""
    return () if of is None else (_licence_of(products.c.name.in_(sorted(of))),)


def _licence_of(wanted: ColumnElement[bool]) -> ColumnElement[bool]:
    """That a customer has, or had, a licence of one of the products that are *wanted*."""
    ids = select(products.c.id).where(wanted)
    return exists().where(licenses.c.customer_id == customers.c.id, licenses.c.product_id.in_(ids))


def named(customer_id: Any, word: str) -> ColumnElement[bool]:
    """Whether a word of that customer's name begins with *word*."""
    table = customer_words.c
    return exists().where(table.customer_id == customer_id, begins(table.word, word))


def ids_named(connection: Connection, typed: Sequence[str], most: int) -> list[int] | None:
    """The customers whose names have a word that begins with each of *typed*.

    None where each of *typed* is the beginning of more than *most* words.
    """
    table = customer_words.c
    for word in typed:
        query = select(table.customer_id).where(begins(table.word, word))
        # In the index's order, so that it is used.
        ids = list(connection.execute(query.order_by(table.word).limit(most + 1)).scalars())
        if len(ids) <= most:
            break
    else:
        return None
    query = select(customers.c.id).where(
        customers.c.id.in_(ids), *(named(customers.c.id, other) for other in typed if other != word)
    )
    return list(connection.execute(query).scalars())


def product_ids(connection: Connection, names: Iterable[str]) -> list[int]:
    """The products that are called so."""
    query = select(products.c.id).where(products.c.name.in_(sorted(names)))
    return list(connection.execute(query).scalars())


def products_after(
    connection: Connection, name: str | None, limit: int, of: frozenset[str] | None = None
) -> list[Product]:
    """At most *limit* products in the order of their names, after *name*; *of*: of these only."""
    query = select(products).order_by(products.c.name).limit(limit)
    if of is not None:
        query = query.where(products.c.name.in_(of))
    if name is not None:
        query = query.where(products.c.name > name)
    return [Product(*row) for row in connection.execute(query)]


def product_by_id(
    connection: Connection, id_: int, of: frozenset[str] | None = None
) -> Product | None:
    """The product in this row; *of*: if it is one of these."""
    row = connection.execute(select(products).where(products.c.id == id_)).first()
    product = None if row is None else Product(*row)
    return product if product is None or of is None or product.name in of else None


def names(connection: Connection, limit: int) -> tuple[list[str], list[str]]:
    """The first *limit* names of customers and of products, in their order."""
    customer_names, product_names = (
        list(connection.execute(select(table.c.name).order_by(table.c.name).limit(limit)).scalars())
        for table in (customers, products)
    )
    return customer_names, product_names

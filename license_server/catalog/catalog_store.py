"""Stored customers and products."""

from collections.abc import Collection, Iterable, Mapping
from functools import lru_cache
from typing import Any, Literal, NamedTuple, TypeVar

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    Table,
    bindparam,
    delete,
    insert,
    not_,
    select,
)
from sqlalchemy.dialects import postgresql, sqlite

from license_server.catalog import tag_store
from license_server.catalog.names import alike_key
from license_server.db.among import among
from license_server.db.once import once
from license_server.db.questions import Question, ask, each
from license_server.db.tables import (
    customer_names,
    customer_words,
    customers,
    is_there,
    licenses,
    metadata,
    products,
)
from license_server.finding import finding_store
from license_server.finding.texts import Kind, fold
from license_server.finding.words import Words

S = TypeVar("S", bound=Select[Any])
_STATEMENTS = 32  # are kept
_FEW = 500
"""So many customers are looked through one by one."""
_LIVE = customers.c.merged_into.is_(None)
_CUSTOMER_BY_NAME = select(customers).where(customers.c.name == bindparam("name"), _LIVE)
_PRODUCT_BY_NAME = select(products).where(products.c.name == bindparam("name"))


class Customer(NamedTuple):
    """Somebody to whom licences are issued."""

    id: int
    name: str
    created_at: int
    contact_name: str | None
    contact_email: str | None
    language: str | None
    notes: str | None
    archived_at: int | None = None
    """Since when it takes no new licences."""
    merged_into: int | None = None
    """The row of the customer whose all of its licences are now."""
    tags: str | None = None
    """A line each (tags.py)."""
    owner: str | None = None
    """The address of the user at the vendor who looks after it."""
    no_reminders: bool | None = None
    """Whether it wants no reminders; never false."""
    domains: str | None = None
    """From which it writes mail: a line each (mail_domains.py)."""
    erased_at: int | None = None
    """When it was begun to erase what is known of it (erasure/)."""


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
    title: str | None = None
    """What people call it; its name is in its licences."""
    archived_at: int | None = None
    """Since when it takes no new licences."""
    plans: str | None = None
    """JSON: the name of each plan to what it has (plans.py)."""
    commands: str | None = None
    """JSON: those of its client that are not the default (client_commands.py)."""
    letters: str | None = None
    """JSON: those that are not the default, by kind and language (letters.py)."""
    reminders: str | None = None
    """JSON: when its licences are reminded of (reminders.py); None: never."""
    mail_plan: str | None = None
    """The plan that mails of known senders get without a person; None: none (requests/rules.py)."""
    mail_daily: int | None = None
    """So many a day for a customer; None: products.DAILY."""
    mail_moves: bool | None = None
    """Whether licences move without a person, too."""


@once
def customer_by_name(
    connection: Connection, name: str, of: frozenset[str] | None = None
) -> Customer | None:
    """The customer of this name; *of*: if it has, or had, a licence of one of these products."""
    if of is None:
        return _named(connection, name)
    query = select(customers).where(customers.c.name == name, _LIVE, *_with_licence(of))
    row = connection.execute(query).first()
    return None if row is None else Customer(*row)


@once
def customer_called(
    connection: Connection, name: str, of: frozenset[str] | None = None
) -> Customer | None:
    """The customer of this name, or the one that was called so last; *of*: as customer_by_name."""
    if of is not None:
        return customers_called(connection, (name,), of).get(name)
    return _named(connection, name) or _formerly_called(connection, [name]).get(name)


@once
def _named(connection: Connection, name: str) -> Customer | None:
    row = connection.execute(_CUSTOMER_BY_NAME, {"name": name}).first()
    return None if row is None else Customer(*row)


def customers_called(
    connection: Connection,
    names: Collection[str],
    of: frozenset[str] | None = None,
    *,
    held: bool = False,
) -> dict[str, Customer]:
    """The customers of these names, each as customer_called; a name that nobody has is left out.

    *held*: they get licences now, so nobody merges or erases one before the commit (locks.py).
    """
    query = _called(of, is_one=len(names) == 1, held=held)
    found = {row.name: Customer(*row) for row in connection.execute(query, _given(names))}
    rest = set(names) - found.keys()
    return found | _formerly_called(connection, rest, of, held=held) if rest else found


def _formerly_called(
    connection: Connection,
    names: Collection[str],
    of: frozenset[str] | None = None,
    *,
    held: bool = False,
) -> dict[str, Customer]:
    """The customers that were called so last."""
    rows = connection.execute(_called_once(of, is_one=len(names) == 1, held=held), _given(names))
    return {name: Customer(*row) for name, *row in rows}


@lru_cache(_STATEMENTS)
def _called(of: frozenset[str] | None, *, is_one: bool, held: bool) -> Select[Any]:
    """The query of ``customers_called`` by the names that they have."""
    is_named = _is_named(customers.c.name, is_one=is_one)
    query = select(customers).where(is_named, _LIVE, *_with_licence(of))
    return _hold(query.order_by(customers.c.id)) if held else query


@lru_cache(_STATEMENTS)
def _called_once(of: frozenset[str] | None, *, is_one: bool, held: bool) -> Select[Any]:
    """The query of ``customers_called`` by the names that they had."""
    query = (
        select(customer_names.c.name.label("former"), customers)
        .join(customers, customer_names.c.customer_id == customers.c.id)
        .where(_is_named(customer_names.c.name, is_one=is_one), *_with_licence(of))
        .order_by(customer_names.c.until, customers.c.id)  # the last one stays
    )
    return _hold(query) if held else query


def _is_named(column: ColumnElement[str], *, is_one: bool) -> ColumnElement[bool]:
    """That a name is one of those that are ``_given``; of one name, the quicker way to ask."""
    return column == bindparam("names") if is_one else among(column, "names")


def _given(names: Collection[str]) -> dict[str, Any]:
    """The parameter for *names*."""
    return {"names": next(iter(names)) if len(names) == 1 else sorted(names)}


def _hold(query: S) -> S:
    """*query*, with the lock that a licence takes on its customer."""
    return query.with_for_update(read=True, key_share=True, of=customers)


def former_names(id_: int) -> Question[list[str]]:
    """What a customer was called before, the latest first."""
    table = customer_names.c
    query = select(table.name).where(table.customer_id == id_).order_by(table.until.desc())
    return each(query, str)


@once
def merged_into(connection: Connection, id_: int) -> list[Customer]:
    """The customers that were merged into this one."""
    query = select(customers).where(customers.c.merged_into == id_).order_by(customers.c.id)
    return [Customer(*row) for row in connection.execute(query)]


@once
def customer_by_id(
    connection: Connection, id_: int, of: frozenset[str] | None = None
) -> Customer | None:
    """The customer in this row; *of*: if it has, or had, a licence of one of these products."""
    query = select(customers).where(customers.c.id == id_, *_with_licence(of))
    row = connection.execute(query).first()
    return None if row is None else Customer(*row)


@once
def product_by_name(connection: Connection, name: str) -> Product | None:
    """The product of this name."""
    row = connection.execute(_PRODUCT_BY_NAME, {"name": name}).first()
    return None if row is None else Product(*row)


def answered_by_rule(connection: Connection) -> list[str]:
    """The names of the products about which mails are answered without a person, in order."""
    name = products.c.name
    query = select(name).where(products.c.mail_plan.is_not(None)).order_by(name)
    return list(connection.execute(query).scalars())


def ids_by_name(
    connection: Connection, table: Literal["customers", "products"], names: Iterable[str]
) -> dict[str, int]:
    """The ids of those of *names* that there are."""
    columns, named = metadata.tables[table].c, sorted(names)
    query = select(columns.name, columns.id).where(among(columns.name, named))
    return {row.name: row.id for row in connection.execute(query)} if named else {}


def products_by_name(connection: Connection, names: Iterable[str]) -> dict[str, Product]:
    """Those of the products of these *names* that there are."""
    return dict(_products_named(connection, frozenset(names)))


@once
def _products_named(connection: Connection, names: frozenset[str]) -> dict[str, Product]:
    query = select(products).where(_is_named(products.c.name, is_one=len(names) == 1))
    return {row.name: Product(*row) for row in connection.execute(query, _given(names))}


def add_customer(connection: Connection, name: str, now: int, **more: Any) -> Customer | None:
    """The new customer; None where there is one of this name already."""
    row = _add(connection, customers, name, now, more)
    if row is None:
        return None
    customer = Customer(*row)
    set_alike(connection, customer)
    return customer


def add_customers(
    connection: Connection, new: Mapping[str, Mapping[str, Any]], now: int
) -> dict[str, Customer]:
    """The new customers, by their names; without those of which there is one already.

    *new* has the other columns of each, by its name.
    """
    row = {"created_at": now} | dict.fromkeys(name for more in new.values() for name in more)
    # In the order in which other processes do it, so that none waits for another.
    rows = [{**row, **new[name], "name": name} for name in sorted(new)]
    query = _insert(connection, customers).on_conflict_do_nothing().returning(*customers.c)
    added = {row.name: Customer(*row) for row in connection.execute(query, rows)}
    _add_words(connection, ((one, [one.name]) for one in added.values()))
    return added


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
    if not changed.keys().isdisjoint(("name", "tags")) and customer.merged_into is None:
        set_alike(connection, customer)
    return customer


def change_product(connection: Connection, id_: int, **changed: Any) -> Product:
    """The product with other values."""
    query = products.update().where(products.c.id == id_).values(changed).returning(*products.c)
    return Product(*connection.execute(query).one())


def set_alike(connection: Connection, customer: Customer) -> None:
    """Let ``alike`` find a customer by its names, and a list by its tags."""
    of_it = customer_words.c.customer_id == customer.id
    connection.execute(delete(customer_words).where(of_it))
    _add_words(
        connection, [(customer, [customer.name, *ask(connection, former_names(customer.id))])]
    )


def _add_words(connection: Connection, of: Iterable[tuple[Customer, list[str]]]) -> None:
    rows = []
    for one, names_ in of:
        found = {key for name in names_ for key in _key(name)}.union(tag_store.words(one.tags))
        rows += [{"word": key, "customer_id": one.id} for key in sorted(found)]
    if rows:
        connection.execute(insert(customer_words), rows)


def set_all_alike(connection: Connection) -> None:
    """Let ``alike`` find every customer."""
    connection.execute(delete(customer_words))
    after: str | None = None
    while rows := customers_after(connection, after, _FEW):
        for row in rows:
            set_alike(connection, row)
        after = rows[-1].name


@once
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
    """Under which names that are alike stand; the sign is of the words that stood there before."""
    key = alike_key(name)
    return [] if key is None else [f"={key}"]


def customers_after(
    connection: Connection,
    name: str | None,
    limit: int,
    text: str | None = None,
    of: frozenset[str] | None = None,
    *,
    contacts: bool = False,
    archived: bool | None = None,
    tag: str | None = None,
) -> list[Customer]:
    """At most *limit* customers in the order of their names, after *name*.

    *text*: each word of it is in the name, or in a name that it had; *contacts*: or in the
    contact, the mail address, the tags or the notes. *of*: only those with a licence of one of
    these products; *archived*: whether they are; *tag*: that they have it, and are theirs alone
    who are for the products *of*. None is there that was merged into another.
    """
    wanted = customers_wanted(connection, text, of, contacts=contacts, archived=archived, tag=tag)
    query = select(customers).where(*wanted).order_by(customers.c.name).limit(limit)
    if name is not None:
        query = query.where(customers.c.name > name)
    return [Customer(*row) for row in connection.execute(query)]


def customers_wanted(
    connection: Connection,
    text: str | None,
    of: frozenset[str] | None,
    *,
    contacts: bool,
    archived: bool | None,
    tag: str | None,
) -> list[ColumnElement[bool]]:
    """What must hold of the customers that ``customers_after`` lists."""
    wanted = [*_with_licence(of), _LIVE]
    wanted += _archived(customers, archived)
    if tag is not None:
        wanted.append(tag_store.has(tag))
        if of is not None:  # of the others they do not see the tags
            wanted.append(not_(_licence_of(products.c.name.not_in(sorted(of)))))
    typed = [folded for word in (text or "").split() if (folded := fold(word))]
    if typed:
        kinds = (Kind.CUSTOMER, Kind.CONTACT) if contacts else (Kind.CUSTOMER,)
        found = _having(connection, kinds, tuple(typed))
        if found is None:
            each = (finding_store.things(kinds, word) for word in typed)
            wanted += (customers.c.id.in_(one) for one in each)
        else:
            wanted.append(among(customers.c.id, found))
    return wanted


@once
def _having(
    connection: Connection, kinds: tuple[Kind, ...], words: tuple[str, ...]
) -> list[int] | None:
    return Words(connection).things_with_all(kinds, words)


def with_other_licences(connection: Connection, ids: Iterable[int], of: frozenset[str]) -> set[int]:
    """Those of these customers that have, or had, a licence of a product that is none of these."""
    others = _licence_of(products.c.name.not_in(sorted(of)))
    query = select(customers.c.id).where(among(customers.c.id, sorted(ids)), others)
    return set(connection.execute(query).scalars())


def _with_licence(of: frozenset[str] | None) -> tuple[ColumnElement[bool], ...]:
    """That a customer has, or had, a licence of one of these products; None: nothing is asked."""
    return () if of is None else (_licence_of(products.c.name.in_(sorted(of))),)


def _licence_of(wanted: ColumnElement[bool]) -> ColumnElement[bool]:
    """That a customer has, or had, a licence of one of the products that are *wanted*."""
    ids = select(products.c.id).where(wanted)
    its = select(licenses.c.id).where(licenses.c.customer_id == customers.c.id)
    return is_there(its.where(licenses.c.product_id.in_(ids)))


def product_ids(connection: Connection, names: Iterable[str]) -> list[int]:
    """The products that are called so."""
    named = sorted(names)
    if len(named) == 1:
        product = product_by_name(connection, named[0])
        return [] if product is None else [product.id]
    return list(ids_by_name(connection, "products", named).values())


@once
def products_after(
    connection: Connection,
    name: str | None,
    limit: int,
    of: frozenset[str] | None = None,
    *,
    archived: bool | None = None,
) -> list[Product]:
    """At most *limit* products in the order of their names, after *name*; *of*: of these only.

    *archived*: whether they are.
    """
    query = select(products).where(*products_wanted(of, archived=archived))
    query = query.order_by(products.c.name).limit(limit)
    if name is not None:
        query = query.where(products.c.name > name)
    return [Product(*row) for row in connection.execute(query)]


def products_wanted(
    of: frozenset[str] | None, *, archived: bool | None
) -> list[ColumnElement[bool]]:
    """What must hold of the products that ``products_after`` lists."""
    named = [] if of is None else [products.c.name.in_(sorted(of))]
    return [*_archived(products, archived), *named]


def product_by_id(
    connection: Connection, id_: int, of: frozenset[str] | None = None
) -> Product | None:
    """The product in this row; *of*: if it is one of these."""
    row = connection.execute(select(products).where(products.c.id == id_)).first()
    product = None if row is None else Product(*row)
    return product if product is None or of is None or product.name in of else None


def product_names(connection: Connection, of: frozenset[str] | None = None) -> list[str]:
    """The names of all products; *of*: of these only. There are few."""
    query = select(products.c.name).order_by(products.c.name)
    if of is not None:
        query = query.where(products.c.name.in_(sorted(of)))
    return list(connection.execute(query).scalars())


def _archived(table: Table, archived: bool | None) -> tuple[ColumnElement[bool], ...]:
    """That a customer or product is *archived*, or not; None: nothing is asked."""
    if archived is None:
        return ()
    column = table.c.archived_at
    return (column.is_not(None) if archived else column.is_(None),)

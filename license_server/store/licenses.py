"""Licences: the rows, and the ways to find them."""

from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, and_, func, insert, or_, select

from license_server.models import customers, keysets, licenses, products
from license_server.store import parties
from license_server.words import words

STATES = ("active", "replaced", "suspended", "revoked")


class NewLicense(NamedTuple):
    """A row of ``licenses`` to be."""

    number: str
    customer_id: int
    product_id: int
    host_key: str
    host_name: str | None
    issued_at: int
    expires_at: int | None
    grace_until: int | None
    replaces: str | None
    token: str
    keyset_version: int
    issued_by: str
    line: str
    act: str
    request: str | None
    state: str = "active"
    replaced_by: str | None = None


class StoredLicense(NamedTuple):
    """A licence as it is stored."""

    id: int
    number: str
    customer: str
    product: str
    host_key: str
    host_name: str | None
    issued_at: int
    expires_at: int | None
    grace_until: int | None
    replaces: str | None
    replaced_by: str | None
    token: str
    keyset_token: str
    issued_by: str
    line: str
    act: str
    state: str
    """What became of it: one of STATES."""


class Filter(NamedTuple):
    """Which licences to list. *text* is what somebody types into a search field."""

    customer: str | None = None
    product: str | None = None
    host_key: str | None = None
    """The key, or its beginning."""
    host_name: str | None = None
    """The hostname, or its beginning."""
    number: str | None = None
    """The number, or its beginning."""
    state: str | None = None
    """One of STATES; or ``expired``: active, and over at *now*."""
    line: str | None = None
    expires_from: int | None = None
    expires_before: int | None = None
    text: str | None = None
    products: frozenset[str] | None = None
    """Only of these; None: of all."""


_LICENSES = (
    select(
        licenses.c.id,
        licenses.c.number,
        customers.c.name.label("customer"),
        products.c.name.label("product"),
        licenses.c.host_key,
        licenses.c.host_name,
        licenses.c.issued_at,
        licenses.c.expires_at,
        licenses.c.grace_until,
        licenses.c.replaces,
        licenses.c.replaced_by,
        licenses.c.token,
        keysets.c.token.label("keyset_token"),
        licenses.c.issued_by,
        licenses.c.line,
        licenses.c.act,
        licenses.c.state,
    )
    .join(customers, customers.c.id == licenses.c.customer_id)
    .join(products, products.c.id == licenses.c.product_id)
    .join(keysets, keysets.c.version == licenses.c.keyset_version)
)
_END = func.coalesce(licenses.c.grace_until, licenses.c.expires_at)


def add(connection: Connection, new: NewLicense) -> int:
    """Store a licence; the id of its row. Raises IntegrityError where its number is taken."""
    query = insert(licenses).returning(licenses.c.id)
    id_: int = connection.execute(query, new._asdict()).scalar_one()
    return id_


def leave_state(
    connection: Connection, number: str, states: tuple[str, ...], **changed: Any
) -> dict[str, Any] | None:
    """Change what became of a licence that is in one of *states*; its row then.

    None where it is in another state by now: somebody else was first.
    """
    query = (
        licenses.update()
        .where(licenses.c.number == number, licenses.c.state.in_(states))
        .values(changed)
        .returning(*licenses.c)
    )
    row = connection.execute(query).first()
    return None if row is None else dict(row._mapping)


def columns_of(connection: Connection, number: str) -> dict[str, Any] | None:
    """All columns of a licence."""
    found = connection.execute(select(licenses).where(licenses.c.number == number)).first()
    return None if found is None else dict(found._mapping)


def by_number(connection: Connection, number: str) -> StoredLicense | None:
    """The licence of this number."""
    found = connection.execute(_LICENSES.where(licenses.c.number == number)).first()
    return None if found is None else StoredLicense(*tuple(found))


def request_of(connection: Connection, number: str) -> str | None:
    """The operator's text that a licence came from."""
    query = select(licenses.c.request).where(licenses.c.number == number)
    text: str | None = connection.execute(query).scalar()
    return text


def of_line(connection: Connection, line: str) -> list[StoredLicense]:
    """The licences that replaced one another, the first one first."""
    rows = connection.execute(_LICENSES.where(licenses.c.line == line).order_by(licenses.c.id))
    return [StoredLicense(*tuple(row)) for row in rows]


def rehosts(connection: Connection, line: str) -> int:
    """How often a licence has moved to another host."""
    query = select(func.count()).where(licenses.c.line == line, licenses.c.act == "rehost")
    count: int = connection.execute(query).scalar_one()
    return count


def live(connection: Connection, host_key: str, now: int) -> list[StoredLicense]:
    """The licences of a host that hold at *now* and that no other replaces, newest first."""
    query = _LICENSES.where(
        and_(
            licenses.c.host_key == host_key,
            or_(_END.is_(None), now < _END),
            licenses.c.state == "active",
        )
    )
    rows = connection.execute(query.order_by(licenses.c.id.desc()))
    return [StoredLicense(*tuple(row)) for row in rows]


def listed(
    connection: Connection, wanted: Filter, now: int, *, before: int | None, limit: int
) -> list[StoredLicense]:
    """At most *limit* licences, the newest first; those with an id under *before*."""
    query = _narrow(_LICENSES, wanted, now)
    if before is not None:
        query = query.where(licenses.c.id < before)
    rows = connection.execute(query.order_by(licenses.c.id.desc()).limit(limit))
    return [StoredLicense(*tuple(row)) for row in rows]


def _narrow(query: Select[Any], wanted: Filter, now: int) -> Select[Any]:
    if wanted.customer is not None:
        query = query.where(customers.c.name == wanted.customer)
    if wanted.product is not None:
        query = query.where(products.c.name == wanted.product)
    if wanted.products is not None:
        query = query.where(products.c.name.in_(wanted.products))
    if wanted.line is not None:
        query = query.where(licenses.c.line == wanted.line)
    if wanted.expires_from is not None:
        query = query.where(licenses.c.expires_at >= wanted.expires_from)
    if wanted.expires_before is not None:
        query = query.where(licenses.c.expires_at < wanted.expires_before)
    for column, text in (
        (licenses.c.host_key, wanted.host_key),
        (licenses.c.host_name, wanted.host_name),
        (licenses.c.number, wanted.number),
    ):
        if text is not None:
            query = query.where(begins(column, text))
    if wanted.state == "expired":
        query = query.where(licenses.c.state == "active", now >= _END)
    elif wanted.state == "active":
        query = query.where(licenses.c.state == "active", or_(_END.is_(None), now < _END))
    elif wanted.state is not None:
        query = query.where(licenses.c.state == wanted.state)
    return query if wanted.text is None else query.where(_matches(wanted.text))


def begins(column: Any, text: str) -> Any:
    """Whether *column* begins with *text*, as an index can answer it."""
    return and_(column >= text, column < text + "\U0010ffff")


def _matches(text: str) -> Any:
    """Whether a licence is what somebody means who types *text*."""
    low = text.strip().lower()
    found = [
        begins(licenses.c.host_key, low),
        begins(licenses.c.host_name, low),
        begins(licenses.c.number, low.upper()),
        products.c.name == text.strip(),
    ]
    typed = words(text, whole=True)
    if typed:
        named = select(customers.c.id).where(
            *(customers.c.id.in_(parties.ids_with(word)) for word in typed)
        )
        found.append(licenses.c.customer_id.in_(named))
    return or_(*found)

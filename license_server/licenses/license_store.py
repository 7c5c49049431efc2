"""Stored licences."""

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol, Self

from sqlalchemy import Connection, and_, func, insert, or_, select

from license_core.license import License
from license_server.catalog.catalog_store import Customer
from license_server.db.tables import (
    customers,
    keysets,
    licenses,
    products,
)
from license_server.licenses import search
from license_server.licenses.acts import REHOST, Act
from license_server.licenses.search import Filter

STATES = ("active", "replaced", "suspended", "revoked")


class Signed(Protocol):
    """A licence that was signed (issuing.SignedLicense)."""

    @property
    def license(self) -> License:
        """What it says."""
        ...

    @property
    def token(self) -> str:
        """Its JWS."""
        ...


class Planned(Protocol):
    """What a row repeats of the plan it comes from (planning.Plan)."""

    @property
    def act(self) -> Act:
        """What was done."""
        ...

    @property
    def former(self) -> "StoredLicense | None":
        """The licence that it replaces."""
        ...

    @property
    def text(self) -> str | None:
        """What the operator sent."""
        ...


class NewLicense(NamedTuple):
    """A row of ``licenses`` to be, but for its id."""

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

    @classmethod
    def of(
        cls,
        plan: Planned,
        signed: Signed,
        *,
        customer_id: int,
        product_id: int,
        keyset_version: int,
        issued_by: str,
    ) -> Self:
        """The row of what was *signed* as it was planned."""
        license_ = signed.license
        return cls(
            **signed_columns(license_),
            customer_id=customer_id,
            product_id=product_id,
            token=signed.token,
            keyset_version=keyset_version,
            issued_by=issued_by,
            line=plan.former.line if plan.former else license_.jti,
            act=plan.act.name,
            request=plan.text,
        )


class StoredLicense(NamedTuple):
    """A licence as it is stored: columns of its row, and what those of other tables name."""

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

    @classmethod
    def of_row(cls, new: NewLicense, **others: Any) -> Self:
        """What *new* is once it is stored; *others* are not in that row, or not in it yet."""
        values = new._asdict() | others
        return cls(*(values[name] for name in cls._fields))

    def state_at(self, now: int) -> str:
        """What it is at the instant *now*, as programs are told: ``expired``, where it is over."""
        end = self.expires_at if self.grace_until is None else self.grace_until
        over = self.state == "active" and end is not None and end <= now
        return "expired" if over else self.state


def signed_columns(license_: License) -> dict[str, Any]:
    """The columns that repeat what was signed, to be searched and counted by."""
    return {
        "number": license_.jti,
        "host_key": license_.host.key,
        "host_name": license_.host.name,
        "issued_at": license_.iat,
        "expires_at": license_.exp,
        "grace_until": license_.grace_until,
        "replaces": license_.replaces,
    }


_NAMED_BY_OTHERS = {
    "customer": customers.c.name,
    "product": products.c.name,
    "keyset_token": keysets.c.token,
}
ALL = (
    select(
        *(
            _NAMED_BY_OTHERS[name].label(name) if name in _NAMED_BY_OTHERS else licenses.c[name]
            for name in StoredLicense._fields
        )
    )
    .join(customers, customers.c.id == licenses.c.customer_id)
    .join(products, products.c.id == licenses.c.product_id)
    .join(keysets, keysets.c.version == licenses.c.keyset_version)
)
_ADD = insert(licenses).returning(licenses.c.id)
END = func.coalesce(licenses.c.grace_until, licenses.c.expires_at)


def add(connection: Connection, new: NewLicense) -> int:
    """Store a licence; the id of its row. Raises IntegrityError where its number is taken."""
    id_: int = connection.execute(_ADD, new._asdict()).scalar_one()
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
    found = connection.execute(ALL.where(licenses.c.number == number)).first()
    return None if found is None else StoredLicense(*tuple(found))


def by_numbers(connection: Connection, numbers: Sequence[str]) -> list[StoredLicense]:
    """The licences of these numbers, in the order in which they were issued."""
    rows = connection.execute(ALL.where(licenses.c.number.in_(numbers)).order_by(licenses.c.id))
    return [StoredLicense(*tuple(row)) for row in rows]


def request_of(connection: Connection, number: str) -> str | None:
    """The operator's text that a licence came from."""
    query = select(licenses.c.request).where(licenses.c.number == number)
    text: str | None = connection.execute(query).scalar()
    return text


def of_line(connection: Connection, line: str) -> list[StoredLicense]:
    """The licences that replaced one another, the first one first."""
    rows = connection.execute(ALL.where(licenses.c.line == line).order_by(licenses.c.id))
    return [StoredLicense(*tuple(row)) for row in rows]


def newest_of_line(connection: Connection, line: str, limit: int) -> list[StoredLicense]:
    """At most *limit* of the licences that replaced one another, the newest first."""
    query = ALL.where(licenses.c.line == line).order_by(licenses.c.id.desc()).limit(limit)
    return [StoredLicense(*tuple(row)) for row in connection.execute(query)]


def request_behind(connection: Connection, stored: StoredLicense) -> str | None:
    """The operator's text by which a licence has its host: its own, or that of one it replaced."""
    query = (
        select(licenses.c.request)
        .where(licenses.c.line == stored.line, licenses.c.id <= stored.id)
        .where(licenses.c.request.is_not(None))
        .order_by(licenses.c.id.desc())
        .limit(1)
    )
    text: str | None = connection.execute(query).scalar()
    return text


def newest_of_lines(connection: Connection, lines: Sequence[str]) -> list[StoredLicense]:
    """Of each of these lines the licence that no other replaces."""
    query = ALL.where(licenses.c.line.in_(lines), licenses.c.replaced_by.is_(None))
    return [StoredLicense(*tuple(row)) for row in connection.execute(query)]


def rehosts(connection: Connection, line: str) -> int:
    """How often a licence has moved to another host."""
    query = select(func.count()).where(licenses.c.line == line, licenses.c.act == REHOST.name)
    count: int = connection.execute(query).scalar_one()
    return count


def live(
    connection: Connection, host_key: str, now: int, limit: int | None = None
) -> list[StoredLicense]:
    """The licences of a host that hold at *now* and that no other replaces, newest first.

    At most *limit*; None: all.
    """
    query = ALL.where(
        and_(
            licenses.c.host_key == host_key,
            or_(END.is_(None), now < END),
            licenses.c.state == "active",
        )
    )
    rows = connection.execute(query.order_by(licenses.c.id.desc()).limit(limit))
    return [StoredLicense(*tuple(row)) for row in rows]


class Page(NamedTuple):
    """Licences, the newest first, and the id under which to go on; None: that was all."""

    rows: list[StoredLicense]
    below: int | None


def listed(
    connection: Connection,
    wanted: Filter,
    now: int,
    *,
    before: int | None,
    limit: int,
    patient: bool = False,
) -> Page:
    """At most *limit* licences, the newest first; those with an id under *before*.

    There may be fewer than *limit* although more follow; for people, who are *patient*, more are
    looked at before (search.py).
    """
    ids, below = search.find(connection, wanted, now, before, limit, patient)
    if not ids:
        return Page([], below)
    query = ALL.where(licenses.c.id.in_(ids)).order_by(licenses.c.id.desc())
    return Page([StoredLicense(*tuple(row)) for row in connection.execute(query)], below)


MOST_OF_CUSTOMER = 500
"""Of so many licences of a customer the events are listed."""


def of_customer(connection: Connection, customer: Customer) -> list[str]:
    """The subjects of a customer's events: its name, and the numbers of its newest licences."""
    query = (
        select(licenses.c.number)
        .where(licenses.c.customer_id == customer.id)
        .order_by(licenses.c.id.desc())
        .limit(MOST_OF_CUSTOMER)
    )
    return [customer.name, *connection.execute(query).scalars()]

"""Stored licences."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol, Self

from sqlalchemy import Connection, Select, bindparam, func, or_, select

from license_core.license import License
from license_server.db import bulk_insert
from license_server.db.among import among
from license_server.db.once import once
from license_server.db.questions import Question, each, first
from license_server.db.sorted_rows import SortedRows
from license_server.db.tables import (
    customers,
    keysets,
    licenses,
    products,
)
from license_server.db.unindexed import unindexed
from license_server.licenses import erased_claims, term_days
from license_server.licenses.acts import Act
from license_server.licenses.search import Filter, Search
from license_server.licenses.term_days import Day

STATES = ("active", "replaced", "suspended", "revoked", "returned")


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


class Ordered(Protocol):
    """What a row keeps of an order (orders.Order)."""

    @property
    def time_zone(self) -> str:
        """That of its term."""
        ...

    @property
    def contract(self) -> str | None:
        """The number of the order or the contract."""
        ...

    @property
    def plan(self) -> str | None:
        """The name of the plan."""
        ...

    @property
    def kind(self) -> str | None:
        """Of kinds.KINDS."""
        ...

    @property
    def stands_for(self) -> str | None:
        """The number of the licence that a stop-gap stands in for."""
        ...

    @property
    def despite(self) -> str | None:
        """The number of the earlier one of this kind."""
        ...

    @property
    def host_tag(self) -> str | None:
        """What tells the host of a trial."""
        ...


class Planned(Protocol):
    """What a row repeats of the plan it comes from (planning.Plan)."""

    @property
    def order(self) -> Ordered:
        """What was ordered."""
        ...

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
    time_zone: str
    last_day: int | None
    state: str = "active"
    replaced_by: str | None = None
    contract: str | None = None
    """The number of the order or the contract, as the vendor has it."""
    plan: str | None = None
    kind: str | None = None
    stands_for: str | None = None
    despite: str | None = None
    host_tag: str | None = None

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
            time_zone=plan.order.time_zone,
            last_day=last_day(license_, plan.order.time_zone),
            contract=plan.order.contract,
            plan=plan.order.plan,
            kind=plan.order.kind,
            stands_for=plan.order.stands_for,
            despite=plan.order.despite,
            host_tag=plan.order.host_tag,
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
    time_zone: str | None
    """In which its term was ordered; None: that was not kept."""
    last_day: int | None
    """The number of its last day there (term_days); None: it is perpetual."""
    contract: str | None
    """The number of the order or the contract."""
    customer_id: int
    product_id: int
    plan: str | None
    """The name of the plan of its product that it has."""
    kind: str | None
    """One of vocabulary.KINDS; None: it is of no such kind."""
    stands_for: str | None
    """Of a stop-gap: the number of the licence that it stands in for."""
    despite: str | None
    """Of a trial or stop-gap by exception: the number of the one before it."""

    @classmethod
    def of_row(cls, new: NewLicense, **others: Any) -> Self:
        """What *new* is once it is stored; *others* are not in that row, or not in it yet."""
        values = new._asdict() | others
        return cls(*(values[name] for name in cls._fields))

    @property
    def is_erased(self) -> bool:
        """Whether only what was sold is left of it: there is no file."""
        return erased_claims.is_erased(self.token)

    @property
    def zone(self) -> str:
        """The time zone of its days."""
        return self.time_zone or term_days.zone_ending(self.expires_at)

    @property
    def last(self) -> Day | None:
        """Its last day; None: it is perpetual."""
        if self.expires_at is None or self.last_day is None:
            return None
        return Day(term_days.day_of(self.last_day), self.zone, self.expires_at)

    @property
    def last_of_grace(self) -> Day | None:
        """The last day of its grace period; None: it has none."""
        return term_days.last_of_any(self.grace_until, self.zone)

    def standing_at(self, now: int) -> str:
        """What it is at the instant *now*, as people are told: ``valid`` or ``grace``, too."""
        state = self.state_at(now)
        if state != "active":
            return state
        return "valid" if self.expires_at is None or now < self.expires_at else "grace"

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


def last_day(license_: License, zone: str | None) -> int | None:
    """The number of the last day of what was signed; *zone*: of its term, None: not kept."""
    end = license_.exp
    return None if end is None else term_days.last_number(end, zone or term_days.zone_ending(end))


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
END = func.coalesce(licenses.c.grace_until, licenses.c.expires_at)
_OF_NUMBERS = among(licenses.c.number, "numbers")
_COLUMNS_BY_NUMBERS = select(licenses).where(_OF_NUMBERS)
_BY_NUMBERS = ALL.where(_OF_NUMBERS).order_by(licenses.c.id)


def take_ids(connection: Connection, count: int) -> list[int]:
    """The ids of so many rows to be, which nobody else gets."""
    return bulk_insert.take_ids(connection, licenses, count)


def add(
    connection: Connection,
    ids: Sequence[int],
    new: Sequence[NewLicense],
    meanwhile: Callable[[], object] = lambda: None,
) -> None:
    """Store licences in rows of these *ids*, and do *meanwhile* what needs no database.

    Raises IntegrityError where a number is taken.
    """
    rows = [(id_, *one) for id_, one in zip(ids, new, strict=True)]
    bulk_insert.insert(connection, licenses, ("id", *NewLicense._fields), rows, meanwhile)


def columns_of(connection: Connection, number: str) -> dict[str, Any] | None:
    """All columns of a licence."""
    found = connection.execute(select(licenses).where(licenses.c.number == number)).first()
    return None if found is None else dict(found._mapping)


def columns_of_many(connection: Connection, numbers: Sequence[str]) -> list[dict[str, Any]]:
    """All columns of the licences of these numbers, in no order."""
    found = connection.execute(_COLUMNS_BY_NUMBERS, {"numbers": list(numbers)})
    return [dict(row._mapping) for row in found]


@once
def by_number(connection: Connection, number: str) -> StoredLicense | None:
    """The licence of this number."""
    found = connection.execute(ALL.where(licenses.c.number == number)).first()
    return None if found is None else StoredLicense(*tuple(found))


def by_numbers(connection: Connection, numbers: Sequence[str]) -> list[StoredLicense]:
    """The licences of these numbers, in the order in which they were issued."""
    rows = connection.execute(_BY_NUMBERS, {"numbers": list(numbers)}) if numbers else ()
    return [StoredLicense(*tuple(row)) for row in rows]


@once
def request_of(connection: Connection, number: str) -> str | None:
    """The operator's text that a licence came from."""
    query = select(licenses.c.request).where(licenses.c.number == number)
    text: str | None = connection.execute(query).scalar()
    return text


def requests_of(connection: Connection, numbers: Sequence[str]) -> dict[str, str | None]:
    """The operator's text that each of these licences came from."""
    query = select(licenses.c.number, licenses.c.request).where(licenses.c.number.in_(numbers))
    return {row.number: row.request for row in connection.execute(query)}


def of_line(connection: Connection, line: str) -> list[StoredLicense]:
    """The licences that replaced one another, the first one first."""
    rows = connection.execute(ALL.where(licenses.c.line == line).order_by(licenses.c.id))
    return [StoredLicense(*tuple(row)) for row in rows]


@once
def newest_of_line(connection: Connection, line: str, limit: int) -> list[StoredLicense]:
    """At most *limit* of the licences that replaced one another, the newest first."""
    query = ALL.where(licenses.c.line == line).order_by(licenses.c.id.desc()).limit(limit)
    return [StoredLicense(*tuple(row)) for row in connection.execute(query)]


def request_behind(stored: StoredLicense) -> Question[str | None]:
    """The operator's text by which a licence has its host: its own, or that of one it replaced."""
    query = (
        select(licenses.c.request)
        .where(licenses.c.line == stored.line, licenses.c.id <= stored.id)
        .where(licenses.c.request.is_not(None))
        .order_by(licenses.c.id.desc())
        .limit(1)
    )
    return first(query, str)


def newest_of_lines(connection: Connection, lines: Sequence[str]) -> list[StoredLicense]:
    """Of each of these lines the licence that no other replaces."""
    query = ALL.where(licenses.c.line.in_(lines), licenses.c.replaced_by.is_(None))
    rows = connection.execute(query) if lines else ()
    return [StoredLicense(*tuple(row)) for row in rows]


@once
def live(
    connection: Connection, host_key: str, now: int, limit: int | None = None
) -> list[StoredLicense]:
    """The licences of a host that hold at *now* and that no other replaces, newest first.

    At most *limit*; None: all.
    """
    holds = or_(END.is_(None), now < END)
    is_active = unindexed(licenses.c.state) == "active"
    query = ALL.where(licenses.c.host_key == host_key, holds, is_active)
    rows = connection.execute(query.order_by(licenses.c.id.desc()).limit(limit))
    return [StoredLicense(*tuple(row)) for row in rows]


class Page(NamedTuple):
    """Licences, the newest first, and the id under which to go on; None: that was all."""

    rows: list[StoredLicense]
    below: int | None


@once
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
    return found(Search(connection, wanted, now), before=before, limit=limit, patient=patient)


def found(search: Search, *, before: int | None, limit: int, patient: bool = False) -> Page:
    """The same of a search that was read before."""
    query = search.query(before, limit + 1)
    if query is None:
        ids, below = search.found(before, limit, patient=patient)
        return Page(by_ids(search.connection, ids), below)
    rows = of_query(search.connection, query)
    return Page(rows[:limit], rows[limit - 1].id if len(rows) > limit else None)


def of_query(connection: Connection, ids: Select[Any]) -> list[StoredLicense]:
    """The licences that a query for *ids* has, the newest first."""
    some = ids.subquery()
    whole = ALL.join(some, some.c.id == licenses.c.id).order_by(licenses.c.id.desc())
    return [StoredLicense(*tuple(row)) for row in connection.execute(whole)]


_BY_IDS = ALL.where(licenses.c.id.in_(bindparam("ids", expanding=True)))


def by_ids(connection: Connection, ids: Sequence[int]) -> list[StoredLicense]:
    """The licences in these rows, in this order."""
    if not ids:
        return []
    rows = [StoredLicense(*tuple(row)) for row in connection.execute(_BY_IDS, {"ids": ids})]
    found = {row.id: row for row in rows}
    return [found[id_] for id_ in ids]


def numbers(
    connection: Connection, wanted: Filter, now: int, *, before: int | None, limit: int
) -> tuple[list[str], int | None]:
    """The numbers of the licences that ``listed`` would give, and the id under which to go on."""
    ids, below = Search(connection, wanted, now).found(before, limit, patient=False)
    query = select(licenses.c.number).where(among(licenses.c.id, ids))
    found = connection.execute(query.order_by(licenses.c.id.desc())).scalars() if ids else ()
    return list(found), below


_ENDLESS = 1 << 62
SORTS: dict[str, Any] = {
    "number": licenses.c.number,
    "customer": func.lower(customers.c.name),
    "product": func.lower(products.c.name),
    "host": func.lower(func.coalesce(licenses.c.host_name, "")),
    "contract": func.lower(func.coalesce(licenses.c.contract, "")),
    "plan": func.lower(func.coalesce(licenses.c.plan, "")),
    "issued_at": licenses.c.issued_at,
    "issued_by": licenses.c.issued_by,
    "expires_at": func.coalesce(licenses.c.expires_at, _ENDLESS),
    "state": licenses.c.state,
}
"""By what licences can be sorted."""
in_order = SortedRows(ALL, licenses, SORTS, StoredLicense).in_order


MOST_OF_CUSTOMER = 500
"""Of so many licences of a customer the events are listed."""


def newest_of_customer(id_: int) -> Question[list[str]]:
    """The numbers of the newest licences of a customer."""
    query = select(licenses.c.number).where(licenses.c.customer_id == id_)
    return each(query.order_by(licenses.c.id.desc()).limit(MOST_OF_CUSTOMER), str)

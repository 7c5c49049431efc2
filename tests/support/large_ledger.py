"""A ledger of many licences, filled by direct inserts."""

import random
from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, Engine, Table, insert, select, text

from license_server.catalog.names import alike_key
from license_server.db.tables import (
    customer_words,
    customers,
    keysets,
    licenses,
    metadata,
    products,
)
from license_server.finding import finding_store, following
from license_server.finding.finding_store import Use
from license_server.licenses import term_days

NOW = 1_795_000_000  # 2026-11-18
PRODUCTS = 12
PER_CUSTOMER = 20
PER_HOST = 100
"""About so many licences have one hostname, as far as four digits tell hosts apart."""
DAY = 86400
_BATCH = 5000
DIGITS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
FIRST = ("Acme", "Nova", "Delta", "Shanghai", "Berlin", "Orion", "Lotus", "Vega", "上海", "深圳")
SECOND = ("Motors", "Robotics", "Institute", "Energy", "Labs", "Foods", "智能", "科技", "Optics")
TOKEN = "eyJhbGciOiJFZDI1NTE5In0." * 35
ZONES = ("UTC", "Asia/Shanghai", "Europe/Berlin", "America/New_York", "Pacific/Auckland")
_STATES = ("active",) * 90 + ("replaced",) * 8 + ("suspended", "revoked")


def customer_name(number: int) -> str:
    """The name of the customer in row *number*."""
    first, second = FIRST[number % len(FIRST)], SECOND[number // 7 % len(SECOND)]
    return f"{first} {second} {number}"


def host_number(chosen: random.Random, count: int) -> int:
    """The number in the name of a host, of a ledger of *count* licences."""
    most = 9999
    hosts = min(most, max(10, count // PER_HOST))
    return chosen.randint(1, hosts) * (most // hosts)


def fill(engine: Engine, count: int, seed: int) -> None:
    """Make the tables where there are none, with *count* licences; indexes are made at the end."""
    chosen = random.Random(seed)
    with engine.begin() as connection:
        metadata.create_all(connection)
        for index in licenses.indexes:
            index.drop(connection)
        _fill_parties(connection, max(1, count // PER_CUSTOMER))
        for rows in _batches(_rows(chosen, count)):
            _insert(connection, rows)
            finding_store.add(connection, _uses(licenses, rows))
        for index in sorted(licenses.indexes, key=lambda index: str(index.name)):
            index.create(connection)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        # PostgreSQL does it by itself within minutes of so many rows (autovacuum).
        is_sqlite = engine.dialect.name == "sqlite"
        connection.execute(text("analyze" if is_sqlite else "vacuum analyze"))


def _fill_parties(connection: Connection, count: int) -> None:
    if connection.execute(select(keysets.c.version)).first() is None:
        connection.execute(insert(keysets), {"version": 1, "token": TOKEN, "created_at": NOW})
    made: list[dict[str, Any]] = [
        {"id": id_, "name": f"product-{id_}", "created_at": NOW} for id_ in range(1, PRODUCTS + 1)
    ]
    connection.execute(insert(products), made)
    finding_store.add(connection, _uses(products, made))
    for rows in _batches(_customer(id_) for id_ in range(1, count + 1)):
        connection.execute(insert(customers), [row | {"created_at": NOW} for row in rows])
        finding_store.add(connection, _uses(customers, rows))
        named = [{"word": f"={alike_key(row['name'])}", "customer_id": row["id"]} for row in rows]
        connection.execute(insert(customer_words), named)


def _uses(table: Table, rows: list[dict[str, Any]]) -> Iterator[Use]:
    """By what *rows* are found; columns that they leave out are empty."""
    empty = dict.fromkeys(table.c.keys())
    return following.uses((table.name, empty | row) for row in rows)


def _customer(id_: int) -> dict[str, Any]:
    return {
        "id": id_,
        "name": customer_name(id_),
        "contact_name": f"Contact {id_}",
        "contact_email": f"it{id_}@example.com",
        "notes": f"Customer {id_ * 7919}" if id_ % 3 == 0 else None,
        "tags": None,
        "domains": None,
    }


def _rows(chosen: random.Random, count: int) -> Iterator[dict[str, Any]]:
    """The oldest first: six years of them, more each year.

    A tenth is perpetual; half of the rest has grace.
    """
    most = max(1, count // PER_CUSTOMER)
    for id_ in range(1, count + 1):
        issued = NOW - int((1 - (id_ / count) ** 0.5) * 6 * 365 * DAY)
        digits = "".join(chosen.choices(DIGITS, k=8))
        number = f"HS-{1970 + issued // (365 * DAY + DAY // 4)}-{digits}"
        ends = None if chosen.random() < 0.1 else issued + chosen.choice((30, 365, 365, 730)) * DAY
        grace = chosen.choice((0, 0, 14, 30)) * DAY
        yield {
            "id": id_,
            "number": number,
            "customer_id": chosen.randint(1, most),
            "product_id": min(chosen.randint(1, PRODUCTS) for _ in range(2)),
            "host_key": f"{chosen.getrandbits(160):040x}",
            "host_name": f"node{host_number(chosen, count)}-gpu",
            "issued_at": issued,
            "expires_at": ends,
            "grace_until": ends + grace if ends and grace else None,
            "replaces": None,
            "token": TOKEN,
            "keyset_version": 1,
            "issued_by": "token:crm",
            "line": number,
            "act": "issue",
            "state": chosen.choice(_STATES),
            "replaced_by": None,
            "request": None,
            "contract": f"PO-{chosen.randint(2020, 2026)}-{id_:06}" if id_ % 3 == 0 else None,
        } | _days(ends, chosen.choice(ZONES))


def _days(ends: int | None, zone: str) -> dict[str, Any]:
    """What a row says of its last day."""
    last = None if ends is None else term_days.last_number(ends, zone)
    return {"time_zone": zone, "last_day": last}


def _batches(rows: Iterator[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    batch: list[dict[str, Any]] = []
    for row in rows:
        batch.append(row)
        if len(batch) == _BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _insert(connection: Connection, rows: list[dict[str, Any]]) -> None:
    names = list(rows[0])
    driver: Any = connection.connection.driver_connection
    if connection.dialect.name == "postgresql":
        copy = f"copy licenses ({', '.join(names)}) from stdin"
        with driver.cursor() as cursor, cursor.copy(copy) as copying:
            for row in rows:
                copying.write_row(tuple(row.values()))
        return
    marks = ", ".join("?" * len(names))
    statement = f"insert into licenses ({', '.join(names)}) values ({marks})"
    driver.executemany(statement, [tuple(row.values()) for row in rows])


def put(connection: Connection, number: int, **changed: Any) -> None:
    """A licence with what is *changed*."""
    row: dict[str, Any] = {
        "number": f"HS-2026-{number:08}",
        "customer_id": 1,
        "product_id": 1,
        "host_key": f"{number:040x}",
        "issued_at": NOW - 400 * DAY,
        "expires_at": None,
        "token": "",
        "keyset_version": 1,
        "issued_by": "command",
        "line": f"HS-2026-{number:08}",
        "act": "issue",
        "state": "active",
        "time_zone": "Asia/Shanghai",
    } | changed
    row |= _days(row["expires_at"], row["time_zone"])
    added = insert(licenses).returning(licenses.c.id)
    row["id"] = connection.execute(added, row).scalar_one()
    left = dict.fromkeys(("host_name", "contract")) | row
    finding_store.add(connection, following.uses([("licenses", left)]))

"""fsck finds every change made to the database behind the server's back.

The claim (docs/THREAT_MODEL.md): against a checkpoint that was kept elsewhere, no row of the ledger
and of its record that the checkpoint covers can be edited, exchanged, doubled or taken away.
"""

import random
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import cycle
from typing import Any

import pytest
from sqlalchemy import Connection, Table, delete, insert, select, text
from sqlalchemy.exc import DBAPIError

from license_server.audit.digests import KEYS
from license_server.db import tables
from tests.support.ledger import Ledger, erase, new_ledger, walk
from tests.support.postgres import new_database

SHORT, LONG = 75, 10_000
TABLES = {"audit_events": "id", "checkpoints": "position", **KEYS}
TICKING = {
    ("users", "totp_used"),
    ("tokens", "used_at"),
    ("requests", "repeats"),
    ("requests", "repeated_at"),
    ("webhooks", "failing_since"),
    ("portal_links", "uses"),
    ("portal_links", "used_at"),
    *(
        ("mails", name)
        for name in ("state", "attempts", "due_at", "leased_by", "answer", "ended_at")
    ),
}
"""What changes without an event."""

Row = dict[str, Any]
Change = tuple[list[Row], list[Row]]
"""Rows that go away, and rows that come."""


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def kept(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Ledger, str]]:
    """A ledger of every act, and a checkpoint of it that is kept elsewhere."""
    url = None if request.param == "sqlite" else new_database()
    ledger = new_ledger(tmp_path_factory.mktemp("vendor"), url)
    walk(ledger)
    ledger.link()
    erase(ledger, "Other")
    yield ledger, ledger.checkpoint()
    ledger.site.database.close()


def edit(rows: list[Row], table: Table, chance: random.Random) -> Change:
    """Another value in one column of a row."""
    row, column = chance.choice(rows), _column(table, chance)
    others = [other[column] for other in rows]
    made = _another(row[column], others, table.c[column].type.python_type, chance)
    return [row], [row | {column: made}]


def exchange(rows: list[Row], table: Table, chance: random.Random) -> Change:
    """Two rows exchange one value: of an event also its id, its position or its link."""
    first, second = chance.sample(rows, 2)
    column = _column(table, chance)
    return [first, second], [
        first | {column: second[column]},
        second | {column: first[column]},
    ]


def reorder(rows: list[Row], table: Table, chance: random.Random) -> Change:
    """Some rows in a row change their places: their keys, or their positions."""
    start = chance.randrange(len(rows))
    some = rows[start : start + chance.randrange(2, 8)]
    key = "position" if table.name == "audit_events" else TABLES[table.name]
    keys = [row[key] for row in some]
    chance.shuffle(keys)
    return some, [row | {key: value} for row, value in zip(some, keys, strict=True)]


def remove(rows: list[Row], table: Table, chance: random.Random) -> Change:
    """One row is gone, or several."""
    return chance.sample(rows, chance.randrange(1, min(4, len(rows)) + 1)), []


def truncate(rows: list[Row], table: Table, chance: random.Random) -> Change:
    """The last rows are gone, or all."""
    return rows[chance.randrange(len(rows)) :], []


def double(rows: list[Row], table: Table, chance: random.Random) -> Change:
    """A row stands there twice, the second time under other names."""
    row = dict(chance.choice(rows))
    for column in table.columns:
        unique = column.primary_key or column.unique or column.name == "position"
        if unique and isinstance(row[column.name], int):
            row[column.name] += 1_000_000
        elif unique and isinstance(row[column.name], bytes):
            row[column.name] += b"2"
        elif unique:
            row[column.name] = f"{row[column.name]}2"
    return [], [row]


CHANGES: tuple[Callable[[list[Row], Table, random.Random], Change], ...] = (
    edit,
    exchange,
    reorder,
    remove,
    truncate,
    double,
)


def _column(table: Table, chance: random.Random) -> str:
    names = [column.name for column in table.columns if (table.name, column.name) not in TICKING]
    return chance.choice(names)


def _another(value: Any, others: list[Any], kind: type, chance: random.Random) -> Any:
    """A value of the same kind, or none."""
    if chance.randrange(4) == 0:
        return chance.choice([None, *others])
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return max(0, value + chance.choice([-1, 1, 60, -86400, 10**6]))
    if isinstance(value, bytes):
        at = chance.randrange(len(value))
        return value[:at] + bytes([value[at] ^ 1 << chance.randrange(8)]) + value[at + 1 :]
    if isinstance(value, str) and value:
        at = chance.randrange(len(value))
        return value[:at] + chance.choice(["", "x", value[at].swapcase(), " "]) + value[at + 1 :]
    return chance.choice([*others, {int: 1, bytes: b"x"}.get(kind, "x")])


def campaign(ledger: Ledger, token: str, count: int, chance: random.Random) -> Counter[str]:
    """Make *count* changes, each by itself, and take them back; what was made and found.

    Fails at the first that fsck does not find.
    """
    tried: Counter[str] = Counter()
    with ledger.site.database.engine.connect() as connection:
        assert ledger.faults_of(connection, token) == []
        stored = {name: _rows(connection, name) for name in TABLES}
        connection.rollback()
        for name in cycle(TABLES):
            if tried.total() >= count:
                break
            make = chance.choice(CHANGES)
            table, rows = tables.metadata.tables[name], stored[name]
            if len(rows) < 2 and make in (exchange, reorder):
                continue
            gone, come = make(rows, table, chance)
            try:
                _apply(connection, table, gone, come)
                unchanged = _rows(connection, name) == rows
            except DBAPIError:  # the database itself does not take it
                unchanged = True
            if unchanged:
                connection.rollback()
                continue
            assert ledger.faults_of(connection, token), (name, make.__name__, gone, come)
            connection.rollback()
            tried[f"{make.__name__} {name}"] += 1
        assert ledger.faults_of(connection, token) == []
    return tried


def _rows(connection: Connection, name: str) -> list[Row]:
    table = tables.metadata.tables[name]
    query = select(table).order_by(table.c[TABLES[name]])
    return [dict(row._mapping) for row in connection.execute(query)]


def _apply(connection: Connection, table: Table, gone: list[Row], come: list[Row]) -> None:
    """Behind the server's back: no foreign key is in the way."""
    sqlite = connection.dialect.name == "sqlite"
    silence = (
        "pragma defer_foreign_keys = on"
        if sqlite
        else "set local session_replication_role = replica"
    )
    connection.execute(text(silence))
    key = table.c[TABLES[table.name]]
    connection.execute(delete(table).where(key.in_([row[key.name] for row in gone])))
    if come:
        connection.execute(insert(table), come)


def test_fsck_finds_every_tampered_row(kept: tuple[Ledger, str]) -> None:
    tried = campaign(*kept, SHORT, random.Random(20261124))
    assert {name.partition(" ")[0] for name in tried} == {make.__name__ for make in CHANGES}
    assert {name.partition(" ")[2] for name in tried} == set(TABLES)


@pytest.mark.torture
def test_fsck_finds_10_000_tampered_rows(kept: tuple[Ledger, str]) -> None:
    ledger, token = kept
    tried = campaign(ledger, token, LONG, random.Random(4))
    kind = ledger.site.database.engine.dialect.name
    print(f"\ntampering ({kind}): {tried.total()} changes, all found")
    for make in CHANGES:
        count = sum(n for name, n in tried.items() if name.startswith(f"{make.__name__} "))
        print(f"  {make.__name__}: {count}")

"""Every index of the two tables that grow is read by a query: each costs every licence.

And of several that could be, SQLite reads the one that tells few.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, event, insert

from license_server.audit import audit_store
from license_server.audit.audit_store import EventFilter
from license_server.catalog import catalog_store, merge_store, offered
from license_server.db.database import Database
from license_server.db.questions import ask
from license_server.db.tables import audit_events, licenses
from license_server.licenses import host_store, kind_store, license_store, statistics
from license_server.licenses.search import Filter
from license_server.renewals import reminder_store
from license_server.renewals.reminder_store import Band, Bounds
from tests.support import large_ledger
from tests.support.large_ledger import DAY, NOW

Ask = Callable[[Connection], object]


def listed(**wanted: Any) -> Ask:
    return lambda connection: license_store.listed(
        connection, Filter(**wanted), NOW, before=None, limit=20
    )


def events(**wanted: Any) -> Ask:
    return lambda connection: audit_store.events(
        connection, EventFilter(**wanted), before=None, limit=20
    )


def of_trial(connection: Connection) -> object:
    return kind_store.earlier_trials(connection, "product-1", 7, "0" * 40, "f" * 16)


def of_host(connection: Connection) -> object:
    return host_store.on_hosts(connection, {"0" * 40}, {("nobody", "studio")}, NOW)


def counts(connection: Connection) -> object:
    return statistics.count(connection, ZoneInfo("UTC"), NOW)


READ_BY: dict[str, Ask] = {
    "ix_licenses_customer_id_id": lambda one: merge_store.count_licenses(one, 7),
    "ix_licenses_ends": counts,
    "ix_licenses_grace": listed(state="grace"),
    "ix_licenses_host_key_id": lambda one: license_store.live(one, "0" * 40, NOW),
    "ix_licenses_host_name_id": listed(host_name="studio-9"),
    "ix_licenses_hosts": of_host,
    "ix_licenses_issued_at_act": counts,
    "ix_licenses_kind_id": listed(kind="trial"),
    "ix_licenses_kinds_customer_id": of_trial,
    "ix_licenses_kinds_host_tag": of_trial,
    "ix_licenses_kinds_stands_for": lambda one: ask(
        one, kind_store.stop_gaps_for("HS-2026-00000001")
    ),
    "ix_licenses_line": lambda one: license_store.of_line(one, "HS-2026-00000001"),
    "ix_licenses_moves": counts,
    "ix_licenses_plan_id": listed(plan="team"),
    "ix_licenses_product_id_id": listed(product="product-1"),
    "ix_licenses_state_id": listed(state="suspended"),
    "ix_audit_events_action_id": events(action="token.revoked"),
    "ix_audit_events_actor_id": events(actor="token:x"),
    "ix_audit_events_at_id": events(since=10, until=20),
    "ix_audit_events_subject_id": lambda one: audit_store.trail(one, ["HS-2026-00000001"]),
    "ix_audit_events_unlinked": lambda one: audit_store.unlinked(one, 100),
    "uq_audit_events_position": audit_store.last_linked,
}


def due(**more: Any) -> Ask:
    wanted = Bounds(NOW // DAY, NOW // DAY + 90, **more)
    return lambda connection: reminder_store.ending(connection, wanted, after=None, limit=20)


def band(connection: Connection) -> object:
    return list(reminder_store.candidates(connection, Band(1, 30, NOW // DAY, NOW // DAY + 3)))


def covered(connection: Connection) -> object:
    newest = license_store.listed(connection, Filter(), NOW, before=None, limit=5).rows
    return reminder_store.covered(connection, newest)


READ_FIRST: dict[str, tuple[Ask, str]] = {
    "what is due": (due(), "ix_licenses_ends"),
    "what is due of a product": (due(product="product-1"), "ix_licenses_ends"),
    "what is due of some products": (
        due(products=frozenset({"product-1", "product-2"})),
        "ix_licenses_ends",
    ),
    "what is due of a customer": (due(customer="Acme Motors 10"), "ix_licenses_customer_id_id"),
    "what may be reminded of": (band, "ix_licenses_ends"),
    "what lasts longer on the same host": (covered, "ix_licenses_host_key_id"),
    "what holds on a host": (READ_BY["ix_licenses_host_key_id"], "ix_licenses_host_key_id"),
    "the first customers": (
        lambda one: catalog_store.customers_after(one, None, 20),
        "sqlite_autoindex_customers_1",
    ),
    "the first names": (
        lambda one: ask(one, offered.customer_names(20)),
        "sqlite_autoindex_customers_1",
    ),
}
"""What is asked of a large ledger, and the index that tells few, or in the right order."""


Steps = Callable[[Ask], list[str]]
"""How SQLite reads what is asked of it."""


@contextmanager
def reading(database: Database) -> Iterator[Steps]:
    asked: list[tuple[str, Any]] = []
    event.listen(
        database.engine,
        "before_cursor_execute",
        lambda _, __, statement, given, *___: asked.append((statement, given)),
    )
    with database.reading() as connection:

        def steps(ask: Ask) -> list[str]:
            asked.clear()
            ask(connection)
            return [
                f"{step[3]} "
                for statement, given in [*asked]
                if statement.startswith(("SELECT", "WITH"))
                for step in connection.exec_driver_sql(f"explain query plan {statement}", given)
            ]

        yield steps


def read(index: str, steps: list[str]) -> bool:
    return any(f"INDEX {index} " in step for step in steps)


def test_every_index_of_licences_and_events_is_read_by_a_query(tmp_path: Path) -> None:
    indexes = {str(index.name) for table in (licenses, audit_events) for index in table.indexes}
    assert READ_BY.keys() == indexes
    database = Database(f"sqlite:///{tmp_path}/indexes.db", create=True)
    large_ledger.fill(database.engine, 2000, seed=1)
    row: dict[str, Any] = {"actor": "c", "action": "a.b", "subject": "s", "details": "{}"}
    linked = row | {"link": bytes(32)}
    rows = [linked | {"at": at, "position": at + 1} for at in range(900)]
    rows += [row | {"at": at, "position": None, "link": None} for at in range(900, 1000)]
    database.write(lambda connection: connection.execute(insert(audit_events), rows))
    with reading(database) as steps:
        unread = {
            index: found for index, ask in READ_BY.items() if not read(index, found := steps(ask))
        }
    database.close()
    assert not unread


def test_the_index_that_tells_few_is_read(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/indexes.db", create=True)
    large_ledger.fill(database.engine, 200, seed=1)
    with reading(database) as steps:
        others = {
            what: found
            for what, (ask, index) in READ_FIRST.items()
            if not read(index, found := steps(ask))
        }
    database.close()
    assert not others

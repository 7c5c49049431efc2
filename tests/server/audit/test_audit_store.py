"""Queries of the audit log use its indexes."""

from pathlib import Path
from typing import Any

from sqlalchemy import event, insert

from license_server.audit import audit_store
from license_server.audit.audit_store import EventFilter
from license_server.db.database import Database
from license_server.db.tables import (
    audit_events,
)
from tests.support import large_ledger


def test_audit_log_queries_use_an_index(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/record.db", create=True)
    large_ledger.fill(database.engine, 1, seed=1)
    row = {"actor": "command", "action": "customer.changed", "subject": "s", "details": "{}"}
    rows = [row | {"at": at} for at in range(5000)]
    database.write(lambda connection: connection.execute(insert(audit_events), rows))
    for wanted, index in (
        (EventFilter(since=10, until=20), "ix_audit_events_at_id"),
        (EventFilter(action="token.revoked"), "ix_audit_events_action_id"),
        (EventFilter(actor="token:x"), "ix_audit_events_actor_id"),
    ):
        asked: list[tuple[str, Any]] = []

        def note(_: Any, __: Any, statement: str, given: Any, *___: Any) -> None:
            asked.append((statement, given))  # noqa: B023

        event.listen(database.engine, "before_cursor_execute", note)
        with database.reading() as connection:
            found = audit_store.events(connection, wanted, before=4000, limit=50)
            event.remove(database.engine, "before_cursor_execute", note)
            statement, given = asked[-1]
            plan = connection.exec_driver_sql(f"explain query plan {statement}", given).all()
        assert any(index in step[3] for step in plan), plan
        assert not any("TEMP B-TREE" in step[3] for step in plan), plan
        assert [one.at for one in found] == ([*range(19, 9, -1)] if wanted.since else [])
    database.close()

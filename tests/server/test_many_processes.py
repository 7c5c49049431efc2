"""Many processes share one PostgreSQL server with its 100 connections: nobody is refused."""

import os
import threading
import time
from collections import Counter
from pathlib import Path

import httpx
import psycopg
import pytest

from license_server.db.turns import CONNECTIONS
from license_server.operations import data_folder
from tests.support import server
from tests.support.postgres import new_database

CLIENTS = 16
_OPEN = (  # the database's own workers are there, too: autovacuum's, say
    "select count(*) from pg_stat_activity"
    " where datname = current_database() and backend_type = 'client backend'"
)
_MOST = "select current_setting('max_connections')::int"


def load(url: str, token: str, number: int, seconds: float, answers: Counter[int]) -> None:
    """Issue, list and search for so many *seconds*, as one client; count the *answers*."""
    end, count = time.monotonic() + seconds, 0
    with httpx.Client(
        base_url=f"{url}/api/v1", headers={"Authorization": f"Bearer {token}"}, timeout=60
    ) as client:
        while time.monotonic() < end or not count:
            host = f'["{number:020x}{count:020x}", "host-{number}-{count}"]'
            order = {"customer": f"Customer {number}", "product": "darwin", "days": 30}
            key = {"Idempotency-Key": f"{number}-{count}-{os.getpid()}"}
            made = client.post("/licenses", json=order | {"host": host}, headers=key)
            for done in (
                made,
                client.get("/licenses", params={"q": f"host-{number}"}),
                client.get(f"/licenses/{made.json().get('id', '')}"),
                httpx.get(f"{url}/readyz", timeout=60),
            ):
                answers[done.status_code] += 1
            count += 1


@pytest.mark.parametrize(
    ("processes", "seconds"),
    [(2, 1.0), pytest.param(20, 60.0, marks=[pytest.mark.torture, pytest.mark.timeout(900)])],
)
def test_processes_under_load_refuse_nothing(
    tmp_path: Path, processes: int, seconds: float
) -> None:
    database_url = new_database()
    data = server.make(tmp_path / "server", database_url).data
    database = data_folder.open_database(server.settings(data, database_url))
    token = server.new_token(database, "load")
    database.close()
    answers, most = [Counter[int]() for _ in range(CLIENTS)], 0
    options = ("--workers", str(processes))
    with (
        server.serving(data, database_url, options=options) as (url, process),
        psycopg.connect(database_url, autocommit=True) as watching,
    ):
        threads = [
            threading.Thread(target=load, args=(url, token, number, seconds, counted))
            for number, counted in enumerate(answers)
        ]
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            most = max(most, watching.execute(_OPEN).fetchall()[0][0])
            threads[0].join(0.1)
        assert watching.execute(_MOST).fetchall() == [(100,)]
        process.terminate()
        assert process.wait(60) == 0
    total = sum(answers, Counter[int]())
    print(f"{processes} processes: {dict(total)}, {most} connections at the most")
    assert set(total) == {200, 201}
    assert total[201] * 3 == total[200]
    assert most <= processes * CONNECTIONS + 1

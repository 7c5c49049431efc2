"""Actions on many licences survive killed servers: each is done once, and reported."""

import csv
import io
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest
from sqlalchemy import text

from license_server.access import accounts, sessions
from license_server.access.sessions import Session
from license_server.actor import COMMAND
from license_server.db.database import Database
from license_server.licenses import reissue
from license_server.sheets import importer
from license_server.sheets.batches import OF_ACTS, Line
from license_server.sheets.job_state import DONE, STOPPED, STOPPED_AFTER
from license_server.web.session import SESSION
from tests.support import server
from tests.support.ledger import Ledger, open_ledger
from tests.support.pages import form
from tests.support.postgres import new_database

LICENCES, KILLS = 300, 1
LICENCES_TORTURE, KILLS_TORTURE = 5_000, 10
ACTS = {"renew": ("renewed", {"term": "days", "days": "365"}), "suspend": ("suspended", {})}


class Vendor(NamedTuple):
    """A vendor whose servers are killed, and somebody at the desk."""

    ledger: Ledger
    url: str | None
    session: Session

    @property
    def database(self) -> Database:
        return self.ledger.site.database

    @contextmanager
    def desk(self) -> Iterator[tuple[httpx.Client, server.Process]]:
        """A server, and a browser that is signed in there."""
        with (
            server.serving(self.ledger.settings.data, self.url) as (
                url,
                process,
            ),
            httpx.Client(
                base_url=url, cookies={SESSION: self.session.secret}, timeout=120
            ) as client,
        ):
            yield client, process

    def send(self, client: httpx.Client, action: str, **fields: str) -> httpx.Response:
        return client.post(action, data={"form_token": self.session.form_token} | fields)

    def query(self, query: str) -> list[tuple[object, ...]]:
        with self.database.reading() as connection:
            return [tuple(row) for row in connection.execute(text(query))]

    def done(self, job: str) -> int:
        """How many lines of a job are done by now."""
        return int(str(self._job(job)[0]))

    def has_done(self, job: str, lines: int) -> bool:
        """Whether so many lines of a job are done by now."""
        return self.done(job) >= lines

    def is_over(self, job: str) -> bool:
        """Whether all lines of a job are done, and that is noted."""
        return self._job(job)[1] == DONE

    def _job(self, job: str) -> list[object]:
        query = "select id, done, state, detail from import_jobs"
        rows = {str(id_): rest for id_, *rest in self.query(query)}
        found = rows[job.rpartition("/")[2]]
        assert found[1] != STOPPED, found
        return found

    def silent_for_long(self) -> None:
        """Let the time pass after which a job that nobody does counts as stopped."""
        query = text(f"update import_jobs set heartbeat_at = heartbeat_at - {STOPPED_AFTER}")
        self.database.write(lambda connection: connection.execute(query))


def vendor(folder: Path, url: str | None, count: int) -> Vendor:
    """A vendor with so many licences."""
    ledger = open_ledger(server.make(folder / "server", url))
    site, now = ledger.site, int(time.time())
    order = {"product": "darwin", "days": 300}
    lines = (
        Line(n, order | {"customer": f"Fleet {n % 9}", "host": f'["{n:040x}", "box-{n}"]'})
        for n in range(1, count + 1)
    )
    given = (site.database, site.issuer, lines, COMMAND, now, os.urandom, None)
    assert sum(len(batch) for batch in importer.issue(*given)) == count
    user = site.database.write(
        lambda c: accounts.insert(c, "desk@example.com", "!", "issuer", COMMAND, now)
    )
    session = site.database.write(
        lambda c: sessions.open_session(c, user, now, 12, os.urandom, "127.0.0.1")
    )
    return Vendor(ledger, url, session)


def preview(there: Vendor, act: str) -> str:
    """The path of the job of *act* on all that are active."""
    chosen = {"act": act, "all": "yes", "state": "active", "reason": "as agreed"}
    with there.desk() as (client, process):
        reply = there.send(client, "/licenses/many", **chosen, **ACTS[act][1])
        assert reply.status_code == 303, reply.text
        process.terminate()
        assert process.wait(60) == 0
    return str(reply.headers["location"])


def run(there: Vendor, job: str, count: int, kills: int) -> list[dict[str, str]]:
    """Do a job in spite of so many kills; its report."""
    chance = random.Random(kills)
    for kill in range(kills + 1):
        there.silent_for_long()
        with there.desk() as (client, process):
            page = client.get(job).text
            reply = there.send(client, f"{job}/issue", **form(page, f"{job}/issue"))
            assert reply.status_code == 303, reply.text
            if kill < kills:
                enough = there.done(job) + chance.randrange(0, 2 * count // (kills + 2))
                enough = min(enough, count - OF_ACTS)
                server.until(process, partial(there.has_done, job, enough))
                process.send_signal(signal.SIGKILL)
                process.wait(60)
                continue
            server.until(process, partial(there.is_over, job))
            report = client.get(f"{job}/result.csv").content.decode("utf-8-sig")
            process.terminate()
            assert process.wait(60) == 0
    return list(csv.DictReader(io.StringIO(report)))


def kill_loop(folder: Path, url: str | None, count: int, kills: int) -> int:
    """Renew and then suspend as many licences; how many events there are then."""
    there = vendor(folder, url, count)
    for act, (past, _) in ACTS.items():
        before = [
            row[0] for row in there.query("select number from licenses where state = 'active'")
        ]
        rows = run(there, preview(there, act), count, kills)
        assert sorted(row["license"] for row in rows) == sorted(map(str, before))
        assert {row["result"] for row in rows} == {"done"}
        assert [int(row["line"]) for row in rows] == list(range(1, count + 1))
        query = f"select subject from audit_events where action = 'license.{past}'"
        told = [row[0] for row in there.query(query)]
        now = "new_license" if act == "renew" else "license"
        assert sorted(map(str, told)) == sorted(row[now] for row in rows)
    replaced = there.query("select replaced_by from licenses where act = 'issue'")
    assert len(set(replaced)) == len(replaced) == count
    states = there.query("select state, count(*) from licenses group by state order by state")
    assert states == [("replaced", count), ("suspended", count)]
    assert there.ledger.faults() == []
    there.ledger.link()
    assert there.ledger.faults() == []
    (events,) = there.query("select count(*) from audit_events")
    there.database.close()
    return int(str(events[0]))


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_each_licence_is_acted_on_once_in_spite_of_killed_servers(
    tmp_path: Path, kind: str
) -> None:
    url = None if kind == "sqlite" else new_database()
    kill_loop(tmp_path, url, LICENCES, KILLS)


POINTS = tuple(
    f"{when} {what}"
    for what in ("licenses", "audit_events", "import_batches", "commit")
    for when in ("before", "after")
)


def cut_off(there: Vendor, point: str, folder: Path, *words: str) -> str:
    """What a command said that ended at a point (tests/support/failing.py)."""
    where = folder / "point"
    where.write_text(point, "ascii")
    env = server.environment(there.ledger.settings.data, there.url) | {"FAILING_AT": str(where)}
    line = [sys.executable, "-m", "tests.support.failing", *words]
    done = subprocess.run(
        line, env=env, cwd=server.REPOSITORY, capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 70, done.stderr
    return done.stderr


def at_each(folder: Path, url: str | None, points: tuple[str, ...]) -> None:
    """A renewal of two batches ends at each of *points*; gone on with, it did each once."""
    count = OF_ACTS + 20
    there = vendor(folder, url, count)
    renew = ("many", "renew", "--state", "active", "--days", "30", "--reason", "as agreed", "--yes")
    for done, point in enumerate(points, 1):
        told = cut_off(there, point, folder, *renew)
        (made,) = there.query(f"select count(*) - {done * count} from licenses")
        assert made[0] == (OF_ACTS if point == "after commit" else 0), point
        job = told.rpartition("many continue ")[2].split()[0]
        report = folder / f"{done}.csv"
        env = server.environment(there.ledger.settings.data, url)
        again = ("many", "continue", job, "--yes", "--report", str(report))
        ended = server.at_once(*again, env=env)
        assert ended.stdout == f"renew, done: {count}\n", ended.stderr
        rows = list(csv.DictReader(report.read_text("utf-8").splitlines()))
        assert len({row["new_license"] for row in rows}) == count
        (kept,) = there.query("select count(*), count(distinct line) from licenses")
        assert kept == ((done + 1) * count, count)
        query = "select count(*) from audit_events where action = 'license.renewed'"
        assert there.query(query) == [(done * count,)]
        assert there.ledger.faults() == []
    there.database.close()


@pytest.mark.parametrize(
    ("kind", "point"), [("sqlite", "after commit"), ("postgresql", "before import_batches")]
)
def test_batch_that_ends_half_way_is_done_once(tmp_path: Path, kind: str, point: str) -> None:
    at_each(tmp_path, None if kind == "sqlite" else new_database(), (point,))


@pytest.mark.torture
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_batch_that_ends_at_any_point_is_done_once(tmp_path: Path, kind: str) -> None:
    at_each(tmp_path, None if kind == "sqlite" else new_database(), POINTS)


@pytest.mark.torture
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_reissue_that_ends_at_any_point_reissues_each_licence_once(
    tmp_path: Path, kind: str
) -> None:
    url = None if kind == "sqlite" else new_database()
    count = reissue.BATCH + 20
    there = vendor(tmp_path, url, count)
    env = server.environment(there.ledger.settings.data, url)
    points = [one for one in ("planned", *POINTS) if "import_batches" not in one]
    for done, point in enumerate(points, 1):
        listed = server.at_once("keys", "list", env=env).stdout
        kid = re.findall(r"^(\S{43})  active", listed, re.MULTILINE)[-1]
        assert server.at_once("keys", "leaked", kid, "--yes", env=env).returncode == 0
        words = ("keys", "reissue", kid, "-o", str(tmp_path / f"out{done}"))
        cut_off(there, point, tmp_path, *words)
        before = reissue.BATCH if point == "after commit" else 0
        ended = server.at_once(*words, env=env)
        assert f"Reissued {count - before} licences; files in " in ended.stderr
        (kept,) = there.query("select count(*), count(distinct line) from licenses")
        assert kept == ((done + 1) * count, count), point
    there.database.close()
    ledger = open_ledger(there.ledger.settings)
    assert ledger.faults() == []
    ledger.site.database.close()


@pytest.mark.torture
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_5000_licences_are_each_acted_on_once_in_spite_of_killed_servers(
    tmp_path: Path, kind: str
) -> None:
    url = None if kind == "sqlite" else new_database()
    begun = time.monotonic()
    events = kill_loop(tmp_path, url, LICENCES_TORTURE, KILLS_TORTURE)
    print(
        f"\nmany at once ({kind}): {LICENCES_TORTURE} licences renewed and then suspended, each "
        f"killed {KILLS_TORTURE} times in the middle; each once; {events} events; "
        f"{time.monotonic() - begun:.0f} s"
    )

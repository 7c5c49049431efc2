"""A server that stops: imports end at their next batch, and nothing waits for what is closed."""

import json
import os
import random
import re
import select
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path

import httpx
import pytest
import sqlalchemy

from license_server.db.database import Database
from license_server.db.errors import ServerStoppingError
from license_server.licenses import license_store
from license_server.licenses.search import Filter
from license_server.operations import data_folder
from license_server.operations.process import Lines
from tests.support import forked, held, server
from tests.support.forked import Forked
from tests.support.postgres import new_database
from tests.support.raw import Raw
from tests.support.sheet_text import sheet

ROWS = 2_500
STOPS, STOPS_TORTURE = 3, 100
CODES = {signal.SIGTERM: 0, signal.SIGHUP: 0, signal.SIGINT: 130}
LIMIT = 120


def send(url: str, token: str, text: str, key: str) -> httpx.Response:
    headers = {
        "Authorization": f"Bearer {token}",
        "Content-Type": "text/csv",
        "Idempotency-Key": key,
    }
    return httpx.post(f"{url}/api/v1/imports", content=text, headers=headers, timeout=120)


def count(database: Database) -> int:
    query = sqlalchemy.text("select count(*) from licenses")
    return int(database.read(lambda c: c.execute(query).scalar_one()))


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        (signal.SIGTERM, "sqlite"),
        (signal.SIGINT, "postgresql"),
        pytest.param(signal.SIGINT, "sqlite", marks=pytest.mark.torture),
        pytest.param(signal.SIGHUP, "sqlite", marks=pytest.mark.torture),
        pytest.param(signal.SIGTERM, "postgresql", marks=pytest.mark.torture),
    ],
)
def test_a_stop_ends_an_import_after_a_batch_and_sending_it_again_finishes_it(
    tmp_path: Path, number: signal.Signals, kind: str
) -> None:
    url_of = None if kind == "sqlite" else new_database()
    text = sheet(ROWS)
    with (
        server.running_server(
            tmp_path, url_of, held.__name__, **{held.HELD_AT: "import"}
        ) as running,
        closing(data_folder.open_database(server.settings(running.data, url_of))) as database,
        ThreadPoolExecutor(1) as pool,
    ):
        reply: Future[httpx.Response] = pool.submit(send, running.url, running.token, text, "one")
        server.until(running.process, lambda: count(database) > 0)
        running.process.send_signal(number)
        stopped = reply.result()
        assert (stopped.status_code, stopped.json()["type"]) == (503, "/problems/server-stopping")
        assert stopped.headers["Retry-After"] == "5"
        assert running.process.wait(LIMIT) == CODES[number]
        done = count(database)
        assert 0 < done < ROWS
        with server.serving(running.data, url_of) as (url, _):
            again = send(url, running.token, text, "one")
        assert again.status_code == 200
        assert count(database) == ROWS
        issued = {one["license"] for one in again.json()["lines"]}
        page = database.read(
            lambda c: license_store.listed(c, Filter(), 0, before=None, limit=ROWS).rows
        )
        assert issued == {one.number for one in page}
    checked = server.command("fsck", env=server.environment(running.data, url_of))
    assert checked.returncode == 0, checked.stdout


def test_a_closed_writer_refuses_work_in_a_plain_way(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/a.sqlite", create=True)
    late: list[Future[int]] = []
    database.writer.submit(lambda _: 1)
    database.close()
    late.append(database.writer.submit(lambda _: 2))
    with pytest.raises(ServerStoppingError):
        late[0].result(60)
    with pytest.raises(ServerStoppingError):
        database.write(lambda _: 3)


def test_no_work_is_left_waiting_when_the_writer_closes_meanwhile(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/a.sqlite", create=True)
    futures: list[Future[int]] = []
    going = threading.Event()

    def submit() -> None:
        for n in range(5_000):
            futures.append(database.writer.submit(lambda _, n=n: n))  # type: ignore[misc]
            if n == 100:
                going.set()

    threads = [threading.Thread(target=submit) for _ in range(3)]
    for thread in threads:
        thread.start()
    going.wait()
    database.close()
    for thread in threads:
        thread.join()
    assert len(futures) == 15_000
    assert all(isinstance(one.exception(60), ServerStoppingError | None) for one in futures)


def test_a_request_that_never_ends_does_not_outlast_the_limit(tmp_path: Path) -> None:
    """A thread that does not come back: the process ends all the same, within its limit."""
    server.make(tmp_path / "server")
    held_at = {held.HELD_AT: "request"}
    with server.serving(tmp_path / "server", None, held.__name__, **held_at) as (url, process):
        asking = threading.Thread(target=_ask, args=(f"{url}/readyz",))
        asking.start()
        log = tmp_path / "server.log"
        server.until(process, lambda: held.HELD in log.read_text())
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
        asking.join()
    assert '"cut off"' in log.read_text()


def test_neither_a_lock_nor_half_a_request_holds_up_a_stop(tmp_path: Path) -> None:
    """Another program keeps SQLite locked, a licence waits for that, and a client has stalled."""
    head = (
        "POST /api/v1/licenses HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {}\r\n"
        "Content-Type: application/json\r\nContent-Length: {}\r\n"
        "Expect: 100-continue\r\n\r\n"
    )
    order = json.dumps({"customer": "A", "product": "b", "days": 9, "host": server.LINE}).encode()
    with (
        server.running_server(tmp_path, module="tests.support.impatient") as running,
        closing(sqlite3.connect(running.data / "hostseal.db", isolation_level=None)) as other,
    ):
        waiting, stalled = Raw(running.url), Raw(running.url)
        with waiting.socket, stalled.socket:
            for one in (waiting, stalled):
                one.send(head.format(running.token, len(order)).encode())
                assert b"100 Continue" in one.until(b"\r\n\r\n")  # the server is at it
            other.execute("BEGIN IMMEDIATE")
            waiting.send(order)
            stalled.send(order[:9])
            running.process.send_signal(signal.SIGTERM)
            assert waiting.rest().startswith(b"HTTP/1.1 503 ")
            assert stalled.rest() == b""
            assert running.process.wait(60) == 0
    log = (tmp_path / "server.log").read_text()
    assert "keeps it locked" in log
    assert not re.search("cut off|Cancel|Traceback", log)


def _ask(url: str) -> None:
    try:
        httpx.get(url, timeout=60)
    except httpx.HTTPError:
        return


@contextmanager
def deaf_server(folder: Path) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """A server whose standard error is a pipe that nobody reads."""
    data = server.make(folder / "server").data
    line = [sys.executable, "-m", "license_server", "serve", "--port", "0"]
    with subprocess.Popen(
        line,
        env=server.environment(data),
        cwd=server.REPOSITORY,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert select.select([process.stdout], [], [], 60)[0]
        try:
            yield process.stdout.readline().decode().strip(), process
        finally:
            process.kill()


def test_requests_go_on_while_nobody_reads_the_log(tmp_path: Path) -> None:
    with deaf_server(tmp_path) as (url, process):
        with httpx.Client(base_url=url, timeout=60) as client:
            for _ in range(500):  # 337 filled the pipe
                assert client.get("/healthz").status_code == 200
        process.send_signal(signal.SIGTERM)
        assert process.wait(LIMIT) == 0


def test_lines_that_nobody_reads_are_counted() -> None:
    reading, writing = os.pipe()
    with os.fdopen(reading) as reader, os.fdopen(writing, "w") as stream:
        lines = Lines(stream)
        for n in range(30_000):
            lines.write(f"line {n:06} {'.' * 100}\n")
        read = [reader.readline() for _ in range(10_000)]
        assert next(line for line in read if line.startswith("line")).startswith("line 000000")
        dropped = [json.loads(line)["count"] for line in read if "log lines dropped" in line]
        assert 19_000 < sum(dropped) <= 20_000  # in one report, or more
        lines.settle(10)


def test_nohup_keeps_the_server_alive_when_the_terminal_goes(tmp_path: Path) -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with server.running_server(tmp_path, module=server.STARTED) as running:
            running.process.send_signal(signal.SIGHUP)
            assert httpx.get(f"{running.url}/healthz", timeout=60).status_code == 200
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_closed_standard_output_does_not_matter_and_a_full_one_is_an_error(
    tmp_path: Path,
) -> None:
    data = server.make(tmp_path / "server").data
    line = [sys.executable, "-m", "license_server", "serve", "--port", "0"]
    shell = ["sh", "-c", 'exec "$@" >/dev/full', "sh", *line]
    done = subprocess.run(
        shell, env=server.environment(data), cwd=server.REPOSITORY, capture_output=True, timeout=60
    )
    assert done.returncode == 65
    assert b"Cannot write" in done.stderr or b"output" in done.stderr


@contextmanager
def held_command(data: Path, at: str, *words: str) -> Iterator[Forked]:
    """A command that is held there by now."""
    env = server.environment(data) | {held.HELD_AT: at}
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as said:
        with os.fdopen(writing, "wb") as stderr:
            given = {"env": env, "stderr": stderr, "module": held.__name__}
            process = forked.shared().start(*words, **given)  # type: ignore[arg-type]
        with process:
            assert said.readline() == f"{held.HELD}\n".encode()
            yield process


@pytest.mark.parametrize("number", CODES)
def test_a_server_that_does_not_listen_yet_stops_with_the_same_codes(
    data: Path, number: signal.Signals
) -> None:
    with held_command(data, "start", "serve", "--port", "0") as process:
        process.send_signal(number)
        assert process.wait(LIMIT) == CODES[number]


@pytest.mark.parametrize("number", CODES)
def test_a_stopped_backup_leaves_no_file(
    data: Path, tmp_path: Path, number: signal.Signals
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    with held_command(data, "backup", "backup", "-o", str(out / "a.tar")) as process:
        assert len(list(out.iterdir())) == 1
        process.send_signal(number)
        assert process.wait(LIMIT) == 128 + number
    assert list(out.iterdir()) == []


def stop_loop(folder: Path, stops: int, rows: int, database_url: str | None) -> int:
    """Stop a server amid imports at random moments; how many licences there are at the end."""
    chance = random.Random(16)
    data = server.make(folder / "server", database_url).data
    with (
        closing(data_folder.open_database(server.settings(data, database_url))) as database,
        ThreadPoolExecutor(2) as pool,
    ):
        token = server.new_token(database, "test")
        text, expected, before = sheet(rows), 0, 0
        for turn in range(stops):
            if turn % 3 == 0:  # of a sheet: each signal once
                numbers = chance.sample(sorted(CODES), 3)
            number = numbers[turn % 3]
            key = f"sheet {turn // 3}"
            with server.serving(data, database_url) as (url, process):
                reply = pool.submit(_sent, url, token, text, key)
                process_ended = chance.random() * 2
                try:
                    process.wait(process_ended)
                except subprocess.TimeoutExpired:
                    process.send_signal(number)
                assert process.wait(LIMIT) == CODES[number]
                told = reply.result()
            assert told in (None, 200, 503), told
            now = count(database)
            assert now >= before
            before = now
            if turn % 3 == 2:
                with server.serving(data, database_url) as (url, _):
                    assert send(url, token, text, key).status_code == 200
                expected += rows
                before = count(database)
                assert before == expected
        checked = server.command("fsck", env=server.environment(data, database_url))
        assert checked.returncode == 0, checked.stdout
        return before


def _sent(url: str, token: str, text: str, key: str) -> int | None:
    try:
        return send(url, token, text, key).status_code
    except httpx.HTTPError:
        return None  # it was stopped before it took the request


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_stops_at_random_moments_lose_and_double_nothing(tmp_path: Path, kind: str) -> None:
    stop_loop(tmp_path, STOPS, 1_500, None if kind == "sqlite" else new_database())


@pytest.mark.torture
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_hundred_stops_at_random_moments_lose_and_double_nothing(
    tmp_path: Path, kind: str
) -> None:
    url = None if kind == "sqlite" else new_database()
    issued = stop_loop(tmp_path, STOPS_TORTURE, ROWS, url)
    print(f"{kind}: {STOPS_TORTURE} stops, {issued} licences")

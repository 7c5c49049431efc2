"""``serve --workers``: several processes at one address, watched by the one that started them."""

import os
import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.support import server
from tests.support.postgres import new_database
from tests.support.problems import exit_code
from tests.support.running import runs
from tests.support.server import Process
from tests.support.shell import run
from tests.support.waiting import until

COUNT = 2


@pytest.fixture(scope="module")
def vendor(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The data folder and the database of a server."""
    url = new_database()
    return server.make(tmp_path_factory.mktemp("workers") / "server", url).data, url


@contextmanager
def serving(vendor: tuple[Path, str], **more: str) -> Iterator[tuple[str, Process]]:
    data, url = vendor
    options = ("--workers", str(COUNT))
    with server.serving(data, url, options=options, **more) as served:
        yield served


def workers(process: Process) -> list[int]:
    """Of the workers, the ids of those that run."""
    path = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    return [int(word) for word in path.read_text().split()] if path.exists() else []


def answered(url: str) -> int:
    """How many requests for /healthz were answered, as whichever worker tells."""
    found = re.search(
        r'^hostseal_requests_total\{.*"/healthz".*\} (\S+)$',
        httpx.get(f"{url}/metrics").text,
        re.MULTILINE,
    )
    assert found
    return int(float(found[1]))


def test_workers_count_together_and_one_that_dies_is_replaced(vendor: tuple[Path, str]) -> None:
    with serving(vendor) as (url, process):
        first = workers(process)
        assert len(first) == COUNT
        for _ in range(20):
            assert httpx.get(f"{url}/healthz").status_code == 200
        assert [answered(url) for _ in range(4)] == [20] * 4
        os.kill(first[0], signal.SIGKILL)
        until(lambda: len({*workers(process)} - {*first}) == 1)
        assert httpx.get(f"{url}/readyz").status_code == 200
        assert answered(url) == 20
        process.terminate()
        assert process.wait(60) == 0
        for pid in first:
            assert not runs(pid)


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGINT])
def test_a_signal_ends_all_of_them(vendor: tuple[Path, str], number: int) -> None:
    with serving(vendor) as (url, process):
        running = workers(process)
        process.send_signal(number)
        assert process.wait(60) == (130 if number == signal.SIGINT else 0)
        assert not any(map(runs, running))
        with pytest.raises(httpx.ConnectError):
            httpx.get(f"{url}/healthz")


def test_workers_end_with_the_process_that_started_them(vendor: tuple[Path, str]) -> None:
    with serving(vendor) as (_, process):
        running = workers(process)
        maps = Path(f"/proc/{running[0]}/maps").read_text()
        (counted,) = set(re.findall(r"/\S+/hostseal-metrics-[^/\s]+", maps))
        process.kill()
        until(lambda: not any(map(runs, running)))
        assert not Path(counted).exists()


def test_what_keeps_a_worker_from_starting_is_told_once(vendor: tuple[Path, str]) -> None:
    data, url = vendor
    env = server.environment(data, url) | {"LICENSE_SERVER_PASSPHRASE": "another passphrase"}
    done = server.command("serve", "--port", "0", "--workers", "3", env=env)
    assert done.returncode == exit_code("passphrase-wrong")
    assert done.stderr.count("[E]: ") == 1


def test_sqlite_is_for_one_process(data: Path) -> None:
    done = run(data, "serve", "--port", "0", "--workers", "2")
    assert done.returncode == exit_code("input-invalid")
    assert "SQLite is for one process" in done.stderr

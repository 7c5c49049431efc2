"""A server at work for long: its memory and its open files stay level."""

import http.client
import json
import resource
import socket
import struct
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import pytest

from tests.support import server
from tests.support.server import LINE

THREADS = 4
MIB = 1024 * 1024
PATIENCE = 1_000
"""Rounds of requests until connections that went away must be closed."""


class Size(NamedTuple):
    """How much is asked of it."""

    requests: int
    half_open: int
    uploads: int


SHORT, LONG = Size(1_200, 60, 3), Size(200_000, 2_000, 50)


class Process(NamedTuple):
    """A server process, as its machine sees it."""

    pid: int
    address: tuple[str, int]
    token: str
    database: str
    """The file, with which the names of those beside it begin."""

    def files(self) -> int:
        """How many files it has open, but those of the database.

        A burst may open more connections to that, up to the pool's size, at any time.
        """
        return sum(not target.startswith(self.database) for target in self.targets())

    def targets(self) -> Iterator[str]:
        """What each open file is."""
        for one in Path(f"/proc/{self.pid}/fd").iterdir():
            with suppress(FileNotFoundError):  # closed since
                yield str(one.readlink())

    def memory(self) -> int:
        """The bytes of it that are in memory."""
        pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        return pages * resource.getpagesize()


@contextmanager
def process(folder: Path) -> Iterator[Process]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8192), hard))
    try:
        with server.running_server(folder) as running:
            place = urlsplit(running.url)
            yield Process(
                running.process.pid,
                (str(place.hostname), int(place.port or 0)),
                running.token,
                str(running.data / "hostseal.db"),
            )
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def ask(made: Process, count: int, seed: int) -> int:
    """Send *count* mixed requests on connections that are kept; how many were answered as due."""
    order = {"customer": "Long", "product": "run", "days": 30, "host": LINE}
    bearer = {"Authorization": f"Bearer {made.token}"}
    mixed = [
        ("GET", "/healthz", None, {}, 200),
        ("GET", "/api/v1/licenses?limit=5", None, bearer, 200),
        ("GET", "/readyz", None, {}, 200),
        ("GET", "/login", None, {}, 200),
        ("GET", "/licenses", None, {}, 303),
        ("GET", "/nothing", None, {}, 404),
        ("POST", "/api/v1/licenses", "{", bearer, 422),
        ("GET", "/api/v1/events", None, bearer, 403),
        ("GET", "/license.revocations", None, {}, 404),
        ("GET", "/api/v1/licenses", None, {}, 401),
    ]
    right, connection = 0, http.client.HTTPConnection(*made.address, timeout=60)
    for n in range(count):
        method, path, body, headers, status = mixed[(n + seed) % len(mixed)]
        if n % 100 == 99:
            method, path, headers, status = "POST", "/api/v1/licenses", bearer, 201
            body = json.dumps(order | {"customer": f"Long {n % 50}"})
        if n % 500 == 499:
            connection.close()
        kind = {"Content-Type": "application/json"} if body else {}
        connection.request(method, path, body, headers | kind)
        reply = connection.getresponse()
        reply.read()
        right += reply.status == status
    connection.close()
    return right


def leave_half_open(made: Process, count: int) -> None:
    """So many connections send half a head, and go away without a word."""
    with ExitStack() as stack:
        for _ in range(count):
            one = stack.enter_context(socket.create_connection(made.address, timeout=60))
            one.sendall(b"GET /healthz HTTP/1.1\r\nHost: ")


def cancel_uploads(made: Process, count: int) -> None:
    """So many uploads break off in their middle, as when the network goes."""
    head = (
        f"POST /api/v1/imports HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {made.token}\r\n"
        f"Content-Type: text/csv\r\nContent-Length: {4 * MIB}\r\n\r\n"
    )
    for _ in range(count):
        with closing(socket.create_connection(made.address, timeout=60)) as one:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            one.sendall(head.encode() + b"x" * MIB)


def run(folder: Path, size: Size) -> str:
    """The figures of a long run, which are level."""
    with process(folder) as made, ThreadPoolExecutor(THREADS) as pool:
        each = size.requests // THREADS // 2

        def half() -> None:
            right = list(pool.map(lambda seed: ask(made, each, seed), range(THREADS)))
            assert right == [each] * THREADS
            leave_half_open(made, size.half_open // 2)
            cancel_uploads(made, size.uploads // 2)

        idle = made.files()
        half()
        files, memory = _settled(made, idle), made.memory()
        half()
        files_after, memory_after = _settled(made, idle), made.memory()
        assert memory_after <= memory + 16 * MIB
        return (
            f"{size.requests} requests, {size.half_open} half-open connections, {size.uploads} "
            f"cancelled uploads: files {files} → {files_after}, memory {memory / MIB:.0f} → "
            f"{memory_after / MIB:.0f} MiB from half of it to the end"
        )


def _settled(made: Process, idle: int) -> int:
    """How many files are open once the connections that went away are closed.

    They are as many as when nothing was asked yet, and two: more of them for long is a leak.
    """
    for _ in range(PATIENCE):
        assert ask(made, 20, 0) == 20
        files = made.files()
        if files <= idle + 2:
            return files
    raise AssertionError(f"{files} files are open, {idle} at first: {sorted(made.targets())}")


def test_memory_and_files_stay_level(tmp_path: Path) -> None:
    run(tmp_path, SHORT)


@pytest.mark.torture
def test_memory_and_files_stay_level_for_long(tmp_path: Path) -> None:
    print(run(tmp_path, LONG))

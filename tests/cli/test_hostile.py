"""Hostile servers, files, environments and interrupts: no traceback, no secret, nothing lost."""

import gzip
import http.server
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from license_cli import client
from license_core.errors import ServerUnreachableError
from license_core.request import parse
from tests.support import hosts
from tests.support.cli import CLI, DAY, NOW, PROGRAM, Done, World, code
from tests.support.loopback import answering, serving

# The server that a licence is fetched from


@pytest.mark.parametrize(
    "document",
    [
        {"type": "/problems/wrong-host"},
        {"type": "/problems/wrong-host", "details": "x", "evidence": 1},
        {"type": "/problems/wrong-host", "details": [["a"]]},
        {"type": "/problems/license-expired", "ended_at": 10**30, "now_at": 1},
        {"type": "/problems/license-expired", "ended_at": -(10**30), "now_at": 1},
        {"type": "/problems/license-expired", "ended_at": "soon", "now_at": True},
        {"type": "/problems/license-expired"},
        {"type": "/problems/not-found", "what": {"a": 1}, "name": None},
        {"type": "/problems/internal-error"},
        {"type": "/problems/usage"},
        {"type": ["wrong-host"]},
        {"type": 7},
        [],
    ],
    ids=json.dumps,
)
@pytest.mark.python_only("fetching over HTTP, which that client does not")
def test_malformed_problem_document_is_reported_as_server_unreachable(
    world: World, document: object
) -> None:
    with answering(409, json.dumps(document).encode(), "application/problem+json") as url:
        done = world.run("install", url)
        assert done.exit_code == code("server-unreachable"), done.err
        assert "responded with status 409" in done.err
        assert world.json("install", url).slugs() == ["server-unreachable"]


@pytest.mark.python_only("fetching over HTTP, which that client does not")
def test_control_characters_in_a_server_problem_are_escaped(world: World) -> None:
    document = {"type": "/problems/not-found", "what": "licence\x1b[2J\n[N]: fine", "name": "x"}
    with answering(404, json.dumps(document).encode(), "application/problem+json") as url:
        done = world.run("install", url)
    assert done.exit_code == code("not-found")
    assert "\x1b" not in done.err
    assert "\n[N]" not in done.err


@pytest.mark.python_only("fetching over HTTP, which that client does not")
def test_install_accepts_an_uppercase_url_scheme(world: World) -> None:
    with answering(200, world.file(), "application/octet-stream") as url:
        done = world.run("install", url.replace("http://", "HTTP://"))
    assert done.exit_code == 0, done.err


@pytest.mark.parametrize("url", ["http://[::1", "https://", "http://a b/", "http://x:99999999/"])
@pytest.mark.python_only("fetching over HTTP, which that client does not")
def test_install_reports_a_malformed_url(world: World, url: str) -> None:
    done = world.run("install", url)
    assert done.exit_code == code("server-unreachable"), done.err
    assert url in done.err


@contextmanager
def dripping(pause: threading.Event) -> Iterator[str]:
    """A server on loopback that begins an answer and never ends it."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"-")
            pause.wait()

        def log_message(self, *_: object) -> None:
            pass

    with serving(Handler) as url:
        try:
            yield url
        finally:
            pause.set()


@pytest.mark.python_only("fetching over HTTP, which that client does not")
def test_fetch_gives_up_on_an_endless_response() -> None:
    with dripping(threading.Event()) as url, pytest.raises(ServerUnreachableError) as caught:
        client.fetch(url, None, seconds=0.2)
    assert "no complete response within" in caught.value.sentence


@pytest.mark.python_only("fetching over HTTP, which that client does not")
def test_install_rejects_a_compressed_response(world: World) -> None:
    asked: list[str | None] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.headers["Accept-Encoding"])
            self.send_response(200)
            self.send_header("Content-Encoding", "gzip")
            self.end_headers()
            self.wfile.write(gzip.compress(world.file()))

        def log_message(self, *_: object) -> None:
            pass

    with serving(Handler) as url:
        done = world.run("install", url)
    assert asked == ["identity"]
    assert done.exit_code == code("server-unreachable"), done.err
    assert "compressed (gzip)" in done.err
    assert not world.license.exists()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ALL_PROXY", "socks5://127.0.0.1:1"),
        ("HTTPS_PROXY", "nonsense://127.0.0.1:1"),
        ("NO_PROXY", "[::1"),
        ("SSL_CERT_FILE", "/nonexistent"),
        ("SSLKEYLOGFILE", "/nonexistent/x"),
    ],
)
@pytest.mark.python_only("fetching over HTTP, which that client does not")
def test_install_reports_unusable_proxy_and_tls_variables(
    world: World, name: str, value: str
) -> None:
    with answering(200, world.file(), "application/octet-stream") as url:
        done = world.run("install", url, env={name: value})
    assert done.exit_code == code("server-unreachable"), done.err
    assert "set in the environment cannot be used" in done.err


@pytest.mark.parametrize("token", ["hst_one\nhst_two", "hst_é", "hst_a b", "\x1b[2J"])
def test_malformed_api_token_is_rejected_without_printing_it(world: World, token: str) -> None:
    path = world.write(token.encode(), "token")
    with answering(200, world.file(), "application/octet-stream") as url:
        for done in (
            world.run("install", url, "--token-file", path),
            world.run("install", url, env={"LICENSE_TOKEN": token}),
        ):
            assert done.exit_code == code("usage"), done.err
            assert "hst_" not in done.err
            assert "[2J" not in done.err
    assert not world.license.exists()


# The surroundings


def test_install_reports_a_closed_standard_input(world: World) -> None:
    line = [*PROGRAM, *world.options(), "install", "-"]
    done = subprocess.run(
        ["sh", "-c", 'exec "$@" <&-', "sh", *line], capture_output=True, text=True, check=False
    )
    assert done.returncode == code("usage"), done.stderr
    assert "standard input" in done.stderr.lower()


def test_verify_succeeds_although_stderr_is_full(present: World) -> None:
    present.put()
    with open("/dev/full", "wb") as full:  # the address may change: there is a warning
        done = present.spawn("verify", stdout=subprocess.PIPE, stderr=full)
    assert done.returncode == 0
    assert b"is valid" in done.stdout


def test_interrupt_at_any_moment_leaves_no_traceback(present: World) -> None:
    present.put()
    line = [*PROGRAM, *present.options(), "verify"]
    for step in range(1, 16):
        process = subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        try:
            process.wait(step * 0.008)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGINT)
        _, err = process.communicate()
        # Before our first line runs the interpreter itself answers; that is not ours to word.
        assert not re.search(rb'File "[^"]*/(cmd|license_c\w+)/.*, line (?!0,)', err), err.decode()


INTERRUPTED = """
import builtins, os, runpy, signal, sys, weakref
at, where = sys.argv.pop(1), sys.argv.pop(1)
theirs = builtins.__import__
signal.signal(signal.SIGINT, signal.default_int_handler)  # what a shell starts with & ignores it
class Waiting: pass
def interrupt(*_): os.kill(os.getpid(), signal.SIGINT); sum(range(9))
def importing(name, *more):
    if name == at:
        builtins.__import__ = theirs
        if where == "here": interrupt()
        waiting = Waiting(); kept = weakref.ref(waiting, interrupt); del waiting
    return theirs(name, *more)
builtins.__import__ = importing
runpy.run_path(sys.argv.pop(1), run_name="__main__")
"""


@pytest.mark.parametrize(
    ("at", "where"),
    [
        ("gc", "here"),
        ("license_cli.app", "here"),
        ("license_cli.app", "in a callback of the interpreter"),
        ("license_core.installed", "here"),
        ("license_core.installed", "in a callback of the interpreter"),
    ],
)
@pytest.mark.python_only("a failure put into the process of Python")
def test_interrupt_during_an_import_exits_silently(present: World, at: str, where: str) -> None:
    present.put()
    line = [sys.executable, "-c", INTERRUPTED, at, where, str(CLI), *present.options(), "verify"]
    done = subprocess.run(line, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr.strip()) == (130, "", "")


def test_request_writes_into_a_named_pipe_without_replacing_it(
    world: World, tmp_path: Path
) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        assert world.run("request", "-o", str(pipe)).exit_code == 0
        text = os.read(reader, 65536).decode()
    finally:
        os.close(reader)
    assert parse(text).name == hosts.HOSTNAME
    assert pipe.is_fifo()


def test_install_does_not_wait_for_a_named_pipe_in_place_of_the_licence(present: World) -> None:
    licence = present.file()
    os.mkfifo(present.license)
    done = present.spawn("install", present.write(licence))
    assert done.returncode == code("write-failed"), done.stderr
    assert present.license.is_fifo()


def test_guard_leaves_named_pipes_in_place_of_its_files_alone(
    present: World, tmp_path: Path
) -> None:
    present.put()
    state, metrics = present.conf / "license.state", tmp_path / "metrics"
    for pipe in (state, metrics):
        os.mkfifo(pipe)
    done = present.spawn("guard", "--metrics", str(metrics), "--", "true")
    assert done.returncode == 0, done.stderr
    assert b"not a regular file" in done.stderr
    assert state.is_fifo()
    assert metrics.is_fifo()


def test_request_does_not_replace_a_socket(world: World, tmp_path: Path) -> None:
    path = tmp_path / "socket"
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        done = world.run("request", "-o", str(path))
    assert done.exit_code == code("write-failed"), done.err
    assert path.is_socket()


@pytest.mark.parametrize("option", ["--customer", "--product"])
def test_request_rejects_unusable_customer_and_product_names(world: World, option: str) -> None:
    out = world.folder / "request.txt"
    for value in ("x" * 300, "\udcff", ""):
        done = world.run("request", option, value, "-o", str(out))
        if value:
            assert done.exit_code == code("usage"), done.err
            assert option.strip("-") in done.err
            assert not out.exists()
        else:
            assert done.exit_code == 0
            parse(out.read_text("utf-8"))


# The clock


def seen(world: World, now: int) -> Done:
    """A check at *now*, of a clock that has gone on there for a week: so that it is believed."""
    world.run("verify", now=now - 7 * DAY)
    return world.run("verify", now=now)


def test_licence_of_another_host_does_not_reset_the_clock_mark(world: World) -> None:
    world.put()
    assert seen(world, NOW + 300 * DAY).exit_code == 0
    elsewhere = world.claims(jti="HS-2027-0000ELSE", iat=NOW + DAY)
    elsewhere = elsewhere._replace(host=elsewhere.host._replace(key="ab" * 20))
    for refused in (elsewhere, elsewhere._replace(aud="other")):
        world.put(world.file(refused))
        assert world.run("verify", now=NOW + 10 * DAY).exit_code != 0
    world.put()
    assert world.run("verify", now=NOW + 10 * DAY).exit_code == code("clock-set-back")


def test_alternating_licences_do_not_reset_the_clock_mark(world: World) -> None:
    first, second = world.claims(), world.claims(jti="HS-2027-0000NEXT", iat=NOW + 10)
    for made in (first, second):
        world.put(world.file(made))
        assert seen(world, NOW + 300 * DAY).exit_code == 0
    for made in (first, second):
        world.put(world.file(made))
        assert world.run("verify", now=NOW + 10 * DAY).exit_code == code("clock-set-back")


def test_setting_the_clock_back_does_not_revive_an_expired_licence(world: World) -> None:
    world.put()
    assert seen(world, NOW + 400 * DAY).exit_code == code("license-expired")
    assert world.run("verify", now=NOW + 10 * DAY).exit_code == code("clock-set-back")


def test_reading_another_root_does_not_reset_the_clock_mark(world: World) -> None:
    world.put()
    assert seen(world, NOW + 300 * DAY).exit_code == 0
    other = hosts.container(world.folder / "other", container_id="ab" * 32)
    for command in ("verify", "get_host_key", "request"):
        world.run("--root", str(other), command, now=NOW + 300 * DAY)
        assert world.run("verify", now=NOW + 10 * DAY).exit_code == code("clock-set-back")


def test_verify_reports_a_lost_state_file_that_get_host_key_recreated(world: World) -> None:
    world.put()
    assert "memory-missing" in world.json("verify").notices()
    assert "memory-missing" not in world.json("verify").notices()
    (world.conf / "license.state").unlink()
    assert world.run("get_host_key").exit_code == 0
    assert "memory-missing" in world.json("verify").notices()
    assert "memory-missing" not in world.json("verify").notices()

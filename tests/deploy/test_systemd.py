"""The units: hardened, and what the timers run."""

import os
import re
import shutil
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from license_server.db.errors import InputInvalidError
from license_server.http.server import handed_over
from tests.support import forked, server
from tests.support.need import need
from tests.support.problems import exit_code
from tests.support.proxies import DEPLOY
from tests.support.shell import run

UNITS = DEPLOY / "systemd"


@pytest.mark.parametrize("unit", ["hostseal-server.service", "hostseal-task@.service"])
def test_unit_is_exposed_by_at_most_two_of_ten(unit: str, tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        need("systemd-analyze", "apt-get install systemd")
    for path in UNITS.iterdir():
        shutil.copy(path, tmp_path)
    line = ["systemd-analyze", "security", "--offline=true", "--no-pager", "--threshold=20"]
    done = subprocess.run(
        [*line, str(tmp_path / unit)], capture_output=True, text=True, env=os.environ
    )
    told = re.findall(r"Overall exposure level .*: ([\d.]+)", done.stdout)
    assert told, done.stderr
    assert float(told[0]) <= 2.0, done.stdout
    assert done.returncode == 0


def test_units_name_only_each_other_and_what_the_package_installs() -> None:
    timers = sorted(path.stem for path in UNITS.glob("*.timer"))
    assert timers == ["hostseal-backup", "hostseal-checkpoint", "hostseal-fsck"]
    for path in UNITS.glob("*.timer"):
        task = path.stem.removeprefix("hostseal-")
        assert f"Unit=hostseal-task@{task}.service\n" in path.read_text()
    for path in UNITS.glob("*.service"):
        text = path.read_text()
        assert "\nLoadCredential=passphrase:/etc/hostseal/passphrase\n" in text
        assert "\nUser=hostseal\n" in text


def task(data: Path, name: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Run what a timer runs, where its service would."""
    env = server.environment(data) | {"PATH": f"{data.parent}/bin:{os.environ['PATH']}"} | more
    return subprocess.run(
        ["sh", str(UNITS / "task"), name],
        cwd=data.parent,
        env=env,
        capture_output=True,
        text=True,
    )


def test_timers_back_up_keep_checkpoints_and_check_the_ledger(tmp_path: Path) -> None:
    data = tmp_path / "server"
    server.make(data)
    forked.write_shim(tmp_path / "bin" / "license-server")
    old = tmp_path / "backups" / "hostseal-2020-01-01.tar"
    old.parent.mkdir()
    old.touch()
    os.utime(old, (0, 0))
    for name in ("backup", "checkpoint", "fsck"):
        done = task(data, name)
        assert done.returncode == 0, done.stderr
    (made,) = (tmp_path / "backups").iterdir()  # the old one went
    (checkpoint,) = (tmp_path / "checkpoints").iterdir()
    assert run(data, "restore", "--check", str(made)).returncode == 0
    assert run(data, "audit", "verify", "--checkpoint", str(checkpoint)).returncode == 0
    with closing(sqlite3.connect(data / "hostseal.db")) as connection, connection:
        connection.execute("update audit_events set subject = 'another' where id = 1")
    assert task(data, "fsck").returncode == exit_code("record-broken")


def test_socket_of_systemd_is_served_and_who_connects_before_waits(tmp_path: Path) -> None:
    """As sd_listen_fds(3) has it: descriptor 3, and the process's own number."""
    data = server.make(tmp_path / "server").data
    script = (
        "import os, sys\n"
        "os.dup2(int(sys.argv[1]), 3)\n"
        "told = {'LISTEN_PID': str(os.getpid()), 'LISTEN_FDS': '1'}\n"
        "os.execve(sys.executable, [sys.executable, '-m', 'license_server', 'serve'],"
        " os.environ | told)\n"
    )
    with socket.create_server(("127.0.0.1", 0)) as listening:
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        with socket.create_connection(listening.getsockname()) as waiting:
            waiting.sendall(b"GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            with subprocess.Popen(
                [sys.executable, "-c", script, str(listening.fileno())],
                env=server.environment(data),
                cwd=server.REPOSITORY,
                pass_fds=[listening.fileno()],
                stdout=subprocess.PIPE,
            ) as process:
                try:
                    assert process.stdout is not None
                    assert process.stdout.readline().decode().strip() == url
                    waiting.settimeout(60)
                    assert waiting.recv(100).startswith(b"HTTP/1.1 200 ")
                finally:
                    process.terminate()
        assert process.returncode == 0


@pytest.mark.parametrize("number", ["²", "x", "9" * 5000], ids=["power", "letter", "long"])
def test_number_of_sockets_that_is_none_is_refused(number: str) -> None:
    with pytest.raises(InputInvalidError, match="is not the number of the sockets"):
        handed_over({"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": number})


@pytest.mark.parametrize(
    ("handed", "said"),
    [
        (lambda: os.open(os.devnull, os.O_RDONLY), "is not a socket"),
        (lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).detach(), "is not of TCP"),
        (lambda: socket.socket(socket.AF_UNIX).detach(), "is not of TCP"),
        (lambda: socket.socket().detach(), "does not listen"),
    ],
    ids=["device", "udp", "unix", "silent"],
)
def test_descriptor_that_cannot_be_served_is_refused(
    monkeypatch: pytest.MonkeyPatch, handed: Callable[[], int], said: str
) -> None:
    descriptor = handed()
    monkeypatch.setattr("license_server.http.server.FIRST_HANDED", descriptor)
    with pytest.raises(InputInvalidError, match=said):
        handed_over({"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "1"})
    if said == "is not a socket":  # the others are closed
        os.close(descriptor)


def test_socket_for_another_process_is_left_alone() -> None:
    environ = {"LISTEN_PID": str(os.getpid() + 1), "LISTEN_FDS": "1"}
    assert handed_over(environ) is None
    assert environ == {}

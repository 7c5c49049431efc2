"""The example platform is never unwatched: its services run under a guard that has checked."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import namespaces
from tests.support.platform import (
    HOLDS,
    NO_SERVICE,
    client,
    ended,
    environment_of,
    pid,
    real_client,
    running,
    sh,
    start,
    stop,
)

SERVICES = ("redis", "scheduler", "designer")
SECONDS = 60


def started(platform: Path, folder: Path, seconds: int = 1000) -> dict[str, int]:
    """The platform, started with the real client; its numbers, ``watch`` for the inner guard."""
    cli = real_client(platform, folder)
    every = str(seconds)
    done = start(os.environ["PATH"], platform, cli, sys.executable, LICENSE_GUARD_SECONDS=every)
    assert done.returncode == 0, done.stderr
    numbers = running(platform)
    keeper = numbers["license_guard"]
    inner = Path(f"/proc/{keeper}/task/{keeper}/children").read_text().split()
    return numbers | {"watch": int(inner[0]), "services": pid(platform, "services")}


def told(file: Path) -> Iterator[str]:
    """The lines of a log, as they come."""
    following = subprocess.Popen(
        ["tail", "-n", "+1", "-F", str(file)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert following.stdout is not None
    try:
        yield from following.stdout
    finally:
        following.kill()
        following.wait()
        following.stdout.close()


def test_guard_has_checked_before_any_service_starts(
    shell: str, platform: Path, tmp_path: Path
) -> None:
    (platform / "services" / "redis").write_text(
        'cd "$PLATFORM_HOME" && cp run/license.prom seen\nexec sleep 86400000\n'
    )
    done = start(shell, platform, real_client(platform, tmp_path), sys.executable)
    assert done.returncode == 0, done.stderr
    assert done.stdout.index("license_guard[  OK  ]") < done.stdout.index("redis[  OK  ]")
    assert 'license_state{state="active"} 1' in (platform / "seen").read_text()


@pytest.mark.parametrize("seconds", ["1h", "0", "0.5", "-1", "", "86401"])
def test_invalid_interval_starts_nothing_and_is_reported(
    path: str, platform: Path, tmp_path: Path, seconds: str
) -> None:
    cli = real_client(platform, tmp_path)
    done = start(path, platform, cli, sys.executable, LICENSE_GUARD_SECONDS=seconds)
    if seconds == "":  # as if it were not set
        assert (done.returncode, len(running(platform))) == (0, 4)
        return
    assert done.returncode == NO_SERVICE
    assert "Starting license_guard[FAILED]" in done.stdout
    assert "'--interval'" in done.stderr
    assert "No service was started" in done.stderr
    for service in SERVICES:
        assert not (platform / "run" / f"{service}.pid").exists()


@pytest.mark.parametrize("end", ["exit 40", "exit 0", "kill -9 $$"])
def test_nothing_starts_when_the_guard_exits_before_its_check(
    shell: str, platform: Path, end: str
) -> None:
    done = start(shell, platform, client(platform, HOLDS, end))
    assert done.returncode == NO_SERVICE
    assert "Starting license_guard[FAILED]" in done.stdout
    assert "redis" not in done.stdout
    assert not (platform / "run" / "redis.pid").exists()


def test_start_sh_waits_for_a_slow_guard(shell: str, platform: Path) -> None:
    begun, go = platform / "begun", platform / "go"
    for pipe in (begun, go):
        os.mkfifo(pipe)
    slow = 'echo >"$PLATFORM_HOME/begun"; read -r _ <"$PLATFORM_HOME/go"'
    cli = client(platform, HOLDS, f'{slow}; while [ "$1" != -- ]; do shift; done; shift; exec "$@"')
    starting = subprocess.Popen(
        [sh(shell), str(platform / "start.sh")],
        env=environment_of(shell, cli, "/bin/sh"),
        stdout=subprocess.PIPE,
        text=True,
    )
    begun.read_text()
    assert not (platform / "run" / "redis.pid").exists()
    go.write_text("\n")
    out, _ = starting.communicate(timeout=SECONDS)
    assert starting.returncode == 0
    assert out.count("[  OK  ]") == 4


@pytest.mark.parametrize(
    "killed", [["license_guard"], ["watch"], ["services"], ["license_guard", "watch"]]
)
def test_services_end_when_the_guard_is_killed(
    platform: Path, tmp_path: Path, killed: list[str]
) -> None:
    numbers = started(platform, tmp_path)
    for name in killed:
        os.kill(numbers[name], signal.SIGKILL)
    for number in numbers.values():
        ended(number)


def test_service_that_ignores_sigterm_ends_when_the_guard_is_killed(
    platform: Path, tmp_path: Path
) -> None:
    (platform / "services" / "redis").write_text("trap '' TERM\nwhile :; do sleep 1; done\n")
    numbers = started(platform, tmp_path, seconds=1)
    os.kill(numbers["watch"], signal.SIGKILL)
    for number in numbers.values():
        ended(number)


def test_platform_starts_again_after_its_guard_was_killed(
    path: str, platform: Path, tmp_path: Path
) -> None:
    numbers = started(platform, tmp_path)
    os.kill(numbers["license_guard"], signal.SIGKILL)
    ended(numbers["license_guard"])
    done = start(path, platform, platform / "cli.py", sys.executable)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("[  OK  ]") == 4
    for number in numbers.values():
        ended(number)
    assert all(os.path.exists(f"/proc/{number}") for number in running(platform).values())


def test_guard_stops_the_platform_when_the_licence_is_removed(
    platform: Path, tmp_path: Path
) -> None:
    numbers = started(platform, tmp_path, seconds=1)
    (platform / "conf" / "license.dat").unlink()
    for number in numbers.values():
        ended(number)
    log = (platform / "run" / "license_guard.log").read_text()
    assert "There is no licence file at" in log
    assert "The licence is no longer valid; stopping." in log
    assert 'license_state{state="refused"} 1' in (platform / "run" / "license.prom").read_text()


def test_platform_keeps_running_while_the_licence_file_is_replaced(
    platform: Path, tmp_path: Path
) -> None:
    numbers = started(platform, tmp_path, seconds=1)
    file, log = platform / "conf" / "license.dat", told(platform / "run" / "license_guard.log")
    licence = file.read_bytes()
    file.unlink()
    assert any("There is no licence file at" in line for line in log)
    file.write_bytes(licence[:200])  # half of it, as `cp` has it for a moment
    assert any("refused" in line for line in log)
    file.write_bytes(licence)
    assert any("Licence state: active" in line for line in log)
    log.close()  # type: ignore[attr-defined]
    assert all(os.path.exists(f"/proc/{number}") for number in numbers.values())


def first_process(platform: Path, folder: Path, *arguments: str) -> "subprocess.Popen[str]":
    inside = () if arguments else namespaces.first_process()
    cli = real_client(platform, folder)
    return subprocess.Popen(
        [*inside, "sh", str(platform / "start.sh"), *arguments],
        env=environment_of(os.environ["PATH"], cli, sys.executable),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("arguments", [(), ("--foreground",)], ids=["first process", "foreground"])
def test_start_sh_as_pid_1_stays_forwards_signals_and_reaps_orphans(
    platform: Path, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    (platform / "services" / "redis").write_text(
        'cd "$PLATFORM_HOME"\n'
        "(sh -c 'echo $$ >orphan' &)\n"
        "until [ -s orphan ]; do :; done\n"
        'while [ -e "/proc/$(cat orphan)" ]; do :; done\n'
        "echo reaped >reaped\n"
        "exec sleep 86400000\n"
    )
    os.mkfifo(platform / "reaped")
    process = first_process(platform, tmp_path, *arguments)
    assert (platform / "reaped").read_text() == "reaped\n"
    assert process.stdout is not None
    lines = iter(process.stdout.readline, "")
    assert any(line == "Starting designer[  OK  ]\n" for line in lines)
    if arguments:
        process.terminate()
    else:
        (first,) = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        os.kill(int(first), signal.SIGTERM)
    out, _ = process.communicate(timeout=SECONDS)
    assert process.returncode == 0
    assert out.splitlines()[-3:] == [f"Stopping {service}[  OK  ]" for service in SERVICES]


def test_start_sh_in_the_foreground_exits_with_the_checks_exit_code(
    platform: Path, tmp_path: Path
) -> None:
    process = first_process(platform, tmp_path, "--foreground")
    assert process.stdout is not None
    lines = iter(process.stdout.readline, "")
    assert any(line == "Starting designer[  OK  ]\n" for line in lines)
    stop(os.environ["PATH"], platform)
    process.communicate(timeout=SECONDS)
    assert process.returncode == 0
    (platform / "conf" / "license.dat").unlink()
    again = start(os.environ["PATH"], platform, platform / "cli.py", sys.executable, "--foreground")
    assert again.returncode == 10


def test_read_only_platform_is_told_to_get_a_folder_in_memory(
    platform: Path, tmp_path: Path
) -> None:
    cli = real_client(platform, tmp_path)
    (platform / "run").mkdir()
    done = subprocess.run(
        [*namespaces.own_mounts(), "sh", "-c", "mount -t tmpfs -o ro disk run && sh start.sh"],
        cwd=platform,
        env=environment_of(os.environ["PATH"], cli, sys.executable),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    assert done.returncode == NO_SERVICE, done.stdout + done.stderr
    assert f"Start a container that is read-only with `--tmpfs {platform}/run`." in done.stderr


@pytest.mark.parametrize(
    "pages",
    [pytest.param(n, marks=pytest.mark.torture if n % 3 else ()) for n in range(9)],
)
def test_nothing_runs_without_the_guard_on_a_full_disk(
    platform: Path, tmp_path: Path, pages: int
) -> None:
    """With so many pages left for run/, which is a small disk of its own."""
    cli = real_client(platform, tmp_path)
    (platform / "run").mkdir()
    script = (
        "mount -t tmpfs -o size=64k disk run || exit 99\n"
        f"head -c {(16 - pages) * 4096} /dev/zero >run/filler\n"
        "sh start.sh; echo $?\n"
        "cat run/*.pid; sh stop.sh >/dev/null\n"
    )
    done = subprocess.run(
        [*namespaces.own_mounts(), "sh", "-c", script],
        cwd=platform,
        env=environment_of(os.environ["PATH"], cli, sys.executable),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    code = next(int(line) for line in done.stdout.splitlines() if line.isdigit())
    started = done.stdout.count("[  OK  ]")
    assert code == (0 if started == 4 else NO_SERVICE), done.stdout + done.stderr
    assert started == 0 or "Starting license_guard[  OK  ]" in done.stdout
    if pages == 0:
        assert "[E]: The disk is full: cannot write" in done.stderr
    if code == NO_SERVICE:
        assert "`df -h " in done.stderr
    for line in done.stdout.splitlines():
        number, _, since = line.partition(" ")
        if number.isdigit() and since.isdigit():
            ended(int(number))

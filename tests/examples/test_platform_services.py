"""The example platform's services: each is started once, and stop.sh tells the truth."""

import os
import signal
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.support.platform import (
    NO_SERVICE,
    client,
    ended,
    noted,
    pid,
    running,
    sh,
    start,
    stop,
)
from tests.support.unprivileged import unprivileged

SERVICES = ("redis", "scheduler", "designer")
DEAF = "trap '' TERM INT HUP\necho $$ >>\"$0.pids\"\n"


def test_services_start_after_a_successful_check(shell: str, platform: Path) -> None:
    done = start(shell, platform, client(platform, 'echo "[N]: Licence X holds ($*)"'))
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        f'[N]: Using production build at "{platform}"',
        "[N]: Licence X holds (verify --wait-network 15)",
        "Starting license_guard[  OK  ]",
        "Starting redis[  OK  ]",
        "Starting scheduler[  OK  ]",
        "Starting designer[  OK  ]",
    ]
    assert all(Path(f"/proc/{number}").exists() for number in running(platform).values())


def test_second_start_does_not_restart_running_services(shell: str, platform: Path) -> None:
    cli = client(platform)
    start(shell, platform, cli)
    before = running(platform)
    done = start(shell, platform, cli)
    assert "license_guard is already running" in done.stdout
    assert "redis is already running" in done.stdout
    assert running(platform) == before


def test_second_start_starts_services_that_have_exited(shell: str, platform: Path) -> None:
    cli = client(platform)
    start(shell, platform, cli)
    before = running(platform)
    os.kill(before["redis"], signal.SIGKILL)
    ended(before["redis"])
    done = start(shell, platform, cli)
    assert "Starting redis[  OK  ]" in done.stdout
    assert "designer is already running" in done.stdout
    assert running(platform) == before | {"redis": pid(platform, "redis")}
    assert pid(platform, "redis") != before["redis"]


def test_pid_of_another_process_does_not_count_as_the_service(shell: str, platform: Path) -> None:
    (platform / "run").mkdir()
    for name in ("redis", "license_guard", "services"):
        (platform / "run" / f"{name}.pid").write_text(f"{os.getpid()} 1\n")
    done = start(shell, platform, client(platform))
    assert "Starting redis[  OK  ]" in done.stdout
    assert os.getpid() not in running(platform).values()


def test_concurrent_starts_start_each_service_once(shell: str, platform: Path) -> None:
    cli = client(platform)
    with ThreadPoolExecutor() as pool:
        starts = list(pool.map(lambda _: start(shell, platform, cli), range(4)))
    said = "".join(done.stdout for done in starts)
    assert [done.returncode for done in starts] == [0] * 4
    for service in ("license_guard", *SERVICES):
        assert said.count(f"Starting {service}[  OK  ]") == 1
        assert said.count(f"{service} is already running") == 3


def test_stop_claims_nothing_where_it_may_not_look(path: str, platform: Path) -> None:
    start(path, platform, client(platform))
    before = running(platform)
    (platform / "run").chmod(0)
    done = stop(path, platform, inside=unprivileged())
    (platform / "run").chmod(0o755)
    assert (done.returncode, done.stdout) == (NO_SERVICE, "")
    assert f"[E]: Cannot read {platform}/run: Permission denied. What runs" in done.stderr
    assert running(platform) == before
    assert all(Path(f"/proc/{number}").exists() for number in before.values())


def test_service_that_may_not_be_signalled_lives_all_the_same(shell: str, platform: Path) -> None:
    (platform / "run").mkdir()
    script = ". ./processes.sh; note redis $1; lives redis || exit 9; ! kill -0 -$1"
    line = [*unprivileged(), sh(shell), "-c", f"PLATFORM_HOME=$PWD; {script}", "sh"]
    sleeping = [*unprivileged(user=65534), "sh", "-c", "echo begun; exec sleep 86400000"]
    with subprocess.Popen(sleeping, start_new_session=True, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"begun\n"  # until then it is this user's
        done = subprocess.run([*line, str(other.pid)], cwd=platform, env={"PATH": shell})
        other.kill()
    assert done.returncode == 0


def test_service_that_exits_at_once_is_reported_as_failed(shell: str, platform: Path) -> None:
    (platform / "services" / "redis").write_text("echo no memory >&2; exit 1\n")
    done = start(shell, platform, client(platform))
    assert done.returncode == NO_SERVICE
    assert "Starting redis[FAILED]" in done.stdout
    assert "Starting designer[  OK  ]" in done.stdout
    assert f"[E]: redis did not start.\n     See {platform}/run/redis.log" in done.stderr
    assert (platform / "run" / "redis.log").read_text() == "no memory\n"


def test_service_is_stopped_when_its_pid_cannot_be_written(shell: str, platform: Path) -> None:
    kept = platform / "run" / "kept"
    (platform / "services" / "redis").write_text(f'echo $$ >"{kept}"; exec sleep 86400000\n')
    number = platform / "run" / "redis.pid"
    number.parent.mkdir()
    number.symlink_to(platform / "nowhere" / "redis.pid")
    done = start(shell, platform, client(platform))
    assert done.returncode == NO_SERVICE
    assert "Starting redis[FAILED]" in done.stdout
    assert f"Stopped redis: cannot write {number}." in done.stderr
    if kept.exists() and kept.read_text():  # it may have been ended before it could say so
        ended(int(kept.read_text()))


def test_missing_service_fails_the_start(shell: str, platform: Path) -> None:
    (platform / "services" / "redis").unlink()
    done = start(shell, platform, client(platform))
    assert done.returncode == NO_SERVICE
    assert "Starting redis[FAILED]" in done.stdout


def test_stop_sh_stops_every_started_service(shell: str, platform: Path) -> None:
    start(shell, platform, client(platform))
    watched = running(platform)
    assert len(watched) == 4
    (platform / "run" / "a.pid").mkdir()  # what is no number of a process stops nothing
    done = stop(shell, platform)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        f"Stopping {service}[  OK  ]" for service in (*SERVICES, "license_guard")
    ]
    for number in watched.values():
        ended(number)
    assert not running(platform)
    assert stop(shell, platform).stdout == ""


def test_stop_sh_kills_a_service_that_ignores_sigterm_and_its_workers(
    shell: str, platform: Path
) -> None:
    _end_sooner(platform)
    service = platform / "services" / "redis"
    service.write_text(f'{DEAF}sh "$0.worker" &\nwait\nwait\n')
    (platform / "services" / "redis.worker").write_text(f"{DEAF}while :; do sleep 1; done\n")
    start(shell, platform, client(platform))
    done = stop(shell, platform)
    assert done.stdout.count("[  OK  ]") == 4
    for script in ("redis", "redis.worker"):
        for number in (platform / "services" / f"{script}.pids").read_text().split():
            ended(int(number))


def test_stop_sh_stops_workers_whose_service_was_killed(shell: str, platform: Path) -> None:
    _end_sooner(platform)
    (platform / "services" / "redis").write_text('sh "$0.worker" &\nexec sleep 86400000\n')
    worker = platform / "services" / "redis.worker"
    worker.write_text('echo $$ >"$0.pids"; while :; do sleep 1; done\n')
    start(shell, platform, client(platform))
    os.kill(pid(platform, "redis"), signal.SIGKILL)
    ended(pid(platform, "redis"))
    assert "Stopping redis[  OK  ]" in stop(shell, platform).stdout
    ended(int((platform / "services" / "redis.worker.pids").read_text()))


def test_stop_sh_stops_services_whose_guard_was_killed(shell: str, platform: Path) -> None:
    """All three that watch were killed at once."""
    start(shell, platform, client(platform))
    services = {name: pid(platform, name) for name in SERVICES}
    for name in ("license_guard", "services"):
        os.kill(pid(platform, name), signal.SIGKILL)
    done = stop(shell, platform)
    assert done.returncode == 0, done.stderr
    for number in services.values():
        ended(number)


def test_concurrent_stops_both_report_correctly(shell: str, platform: Path) -> None:
    _end_sooner(platform)
    (platform / "services" / "redis").write_text(f"{DEAF}while :; do sleep 1; done\n")
    start(shell, platform, client(platform))
    watched = running(platform)
    with ThreadPoolExecutor() as pool:
        stops = list(pool.map(lambda _: stop(shell, platform), range(2)))
    assert [(done.returncode, done.stderr) for done in stops] == [(0, "")] * 2
    assert any("Stopping redis[  OK  ]" in done.stdout for done in stops)
    for number in watched.values():
        ended(number)
    assert not running(platform)


def test_stop_sh_reports_a_service_that_it_cannot_stop(shell: str, platform: Path) -> None:
    """Another user's: seen as by a shell that cannot signal it."""
    _end_sooner(platform)
    start(shell, platform, client(platform))
    for name in ("license_guard", "services"):
        os.kill(pid(platform, name), signal.SIGKILL)
        ended(pid(platform, name))
    powerless = 'kill() { [ "$1" = -0 ]; }\n'
    scripts = platform / "processes.sh"
    kept = scripts.read_text()
    scripts.write_text(kept + powerless)
    done = stop(shell, platform)
    scripts.write_text(kept)
    assert done.returncode == NO_SERVICE
    assert "Stopping redis[FAILED]" in done.stdout
    assert "[E]: redis still runs." in done.stderr
    assert noted(platform, "redis")


def _end_sooner(platform: Path) -> None:
    """Services are killed after a moment, and then not waited for long."""
    scripts = platform / "processes.sh"
    text = scripts.read_text()
    for long, short in (
        ("SECONDS_TO_END=10", "SECONDS_TO_END=1"),
        ("SECONDS_TO_END * 10", "SECONDS_TO_END * 3"),  # tenths, each of which takes longer
        ('wait_for_services "$1" 20', 'wait_for_services "$1" 5'),
    ):
        assert long in text
        text = text.replace(long, short)
    scripts.write_text(text)

"""start.sh of the example platform: nothing starts unless the licence check succeeds."""

import os
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.support.cli import World

REPOSITORY = Path(__file__).resolve().parents[2]
EXAMPLE = REPOSITORY / "examples" / "darwin-platform"
UNCHECKED, NO_SERVICE = 70, 71


@pytest.fixture(params=["dash", "bash"])
def shell(request: pytest.FixtureRequest) -> str:
    found: str | None = shutil.which(request.param)
    if found is None:
        pytest.skip(f"{request.param} is missing: apt-get install {request.param}")
    return found


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "a platform's folder"
    shutil.copytree(EXAMPLE, folder)
    yield folder
    subprocess.run(["sh", folder / "stop.sh"], check=True, capture_output=True)


def client(platform: Path, text: str) -> Path:
    """A client that does as *text* says, in the shell's language; its guard does nothing."""
    path = platform / "client"
    path.write_text(f'[ "$1" = guard ] && exec sleep 1000\n{text}', "ascii")
    return path


def start(
    shell: str, platform: Path, cli: Path | str, python: str = "/bin/sh", cwd: Path | None = None
) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [shell, str(platform / "start.sh")],
        env={"PATH": os.environ["PATH"], "LICENSE_CLI": str(cli), "LICENSE_PYTHON": python},
        cwd=cwd or "/",
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )


def running(platform: Path) -> set[int]:
    return {int(file.read_text().split()[0]) for file in (platform / "run").glob("*.pid")}


def ended(pid: int) -> None:
    """Fails unless the process ends; one that nobody has waited for yet has ended too."""
    try:
        process = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        assert select.select([process], [], [], 60)[0], "a service was left running"
    finally:
        os.close(process)


def test_services_start_after_a_successful_check(shell: str, platform: Path) -> None:
    done = start(shell, platform, client(platform, 'echo "[N]: Licence X holds ($*)"'))
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines == [
        f'[N]: Using production build at "{platform}"',
        "[N]: Licence X holds (verify)",
        "Starting redis[  OK  ]",
        "Starting scheduler[  OK  ]",
        "Starting designer[  OK  ]",
        "Starting license_guard[  OK  ]",
    ]
    assert all(Path(f"/proc/{pid}").exists() for pid in running(platform))


def test_second_start_does_not_restart_running_services(shell: str, platform: Path) -> None:
    cli = client(platform, "echo [N]: Licence X holds")
    start(shell, platform, cli)
    before = running(platform)
    done = start(shell, platform, cli)
    assert "redis is already running" in done.stdout
    assert running(platform) == before


def test_pid_of_another_process_does_not_count_as_the_service(shell: str, platform: Path) -> None:
    (platform / "run").mkdir()
    (platform / "run" / "redis.pid").write_text(f"{os.getpid()} 1\n")
    done = start(shell, platform, client(platform, "echo [N]: Licence X holds"))
    assert "Starting redis[  OK  ]" in done.stdout
    assert os.getpid() not in running(platform)


def test_no_service_runs_before_the_check_succeeds(shell: str, platform: Path) -> None:
    looks = f'ls -A "{platform}/run" 2>&1 && exit 9; echo [N]: Licence X holds'
    done = start(shell, platform, client(platform, looks))
    assert done.returncode == 0, done.stdout
    assert len(running(platform)) == 4


@pytest.mark.parametrize("closed", ["<&-", "<&- >&-", "<&- >&- 2>&-"])
def test_start_sh_works_with_closed_streams(shell: str, platform: Path, closed: str) -> None:
    script = f'exec "$0" "$1" {closed}'
    for ending, code, services in (("exit 7", 7, 0), ("exit 0", 0, 4)):
        environment = {
            "PATH": os.environ["PATH"],
            "LICENSE_CLI": str(client(platform, f"echo [N]: Licence X holds; {ending}")),
            "LICENSE_PYTHON": "/bin/sh",
        }
        done = subprocess.run(
            [shell, "-c", script, shell, platform / "start.sh"],
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
        )
        assert (done.returncode, len(running(platform))) == (code, services)


@pytest.mark.parametrize("code", [*range(1, 126), 130, 141])
def test_nonzero_check_starts_nothing_and_passes_on_its_exit_code(
    platform: Path, code: int
) -> None:
    done = start("/bin/sh", platform, client(platform, f"echo [N]: Licence X holds; exit {code}"))
    assert done.returncode == (code if code < 128 else UNCHECKED)
    assert "Starting" not in done.stdout
    assert "No service was started" in done.stderr
    assert not running(platform)


def test_check_does_not_read_the_callers_stdin(shell: str, platform: Path) -> None:
    cli = client(platform, "read -r line && exit 9; echo [N]: Licence X holds")
    done = subprocess.run(
        [shell, str(platform / "start.sh")],
        env={"PATH": os.environ["PATH"], "LICENSE_CLI": str(cli), "LICENSE_PYTHON": "/bin/sh"},
        input="a line for the next command\n",
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGTERM])
def test_killed_check_starts_nothing(shell: str, platform: Path, number: signal.Signals) -> None:
    done = start(
        shell, platform, client(platform, f"echo [N]: Licence X holds; kill -{int(number)} $$")
    )
    assert done.returncode == UNCHECKED
    assert f"signal {int(number)}" in done.stderr
    assert not running(platform)


@pytest.mark.parametrize(
    ("cli", "python"),
    [
        ("/nonexistent/cli.py", "/bin/sh"),
        ("/nonexistent/cli.py", sys.executable),
        ("/dev/null", sys.executable),  # an empty client ends with 0 and says nothing
        ("/dev/null", "/nonexistent/python"),
        ("/dev/null", "/dev/null"),
        ("/dev/null", "/bin/true"),
        ("it-holds", "/bin/echo"),  # some words and exit 0
        ("", sys.executable),
    ],
)
def test_check_that_cannot_run_starts_nothing_and_is_reported(
    shell: str, platform: Path, cli: str, python: str
) -> None:
    done = start(shell, platform, cli, python)
    assert done.returncode != 0
    assert "[E]:" in done.stderr
    assert "Starting" not in done.stdout
    assert not running(platform)


def test_real_client_starts_nothing_without_a_licence(shell: str, platform: Path) -> None:
    done = start(shell, platform, REPOSITORY / "cmd" / "cli.py", sys.executable)
    assert done.returncode == 10
    assert f"There is no licence file at {platform}/conf/license.dat" in done.stderr
    assert not running(platform)


def real_client(platform: Path, tmp_path: Path) -> Path:
    """The real client with a licence that holds, looking at a recorded container."""
    folder = tmp_path / "world"
    folder.mkdir()
    world = World(folder, now=int(time.time()))
    shutil.copy(world.keys / "root.pub.pem", platform / "keys")
    (platform / "conf" / "license.dat").write_bytes(world.file())
    # Not every machine has an id of its own.
    launcher = platform / "cli.py"
    real = str(REPOSITORY / "cmd" / "cli.py")
    launcher.write_text(
        "import runpy, sys\n"
        f"sys.argv[1:1] = ['--root', {str(world.host)!r}]\n"
        f"runpy.run_path({real!r}, run_name='__main__')\n",
        "utf-8",
    )
    return launcher


def test_real_client_starts_the_services_with_a_valid_licence(
    shell: str, platform: Path, tmp_path: Path
) -> None:
    done = start(shell, platform, real_client(platform, tmp_path), sys.executable)
    assert done.returncode == 0, done.stderr
    assert "(product darwin) is valid until" in done.stdout
    assert len(running(platform)) == 4


def test_services_start_in_any_language(platform: Path, tmp_path: Path) -> None:
    launcher = real_client(platform, tmp_path)
    for language, words in (("zh_CN.UTF-8", "有效，到"), ("de_DE.UTF-8", "is valid until")):
        done = subprocess.run(
            ["sh", str(platform / "start.sh")],
            env={
                "PATH": os.environ["PATH"],
                "LANG": language,
                "LICENSE_CLI": str(launcher),
                "LICENSE_PYTHON": sys.executable,
            },
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
        )
        assert done.returncode == 0, done.stderr
        assert words in done.stdout
        subprocess.run(["sh", platform / "stop.sh"], check=True, capture_output=True)


def test_guard_stops_the_platform_when_the_licence_is_removed(
    platform: Path, tmp_path: Path
) -> None:
    launcher = real_client(platform, tmp_path)
    done = subprocess.run(
        ["sh", str(platform / "start.sh")],
        env={
            "PATH": os.environ["PATH"],
            "LICENSE_CLI": str(launcher),
            "LICENSE_PYTHON": sys.executable,
            "LICENSE_GUARD_SECONDS": "1",
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    services = running(platform)
    assert len(services) == 4
    (platform / "conf" / "license.dat").unlink()
    for service in services:
        ended(service)
    log = (platform / "run" / "license_guard.log").read_text()
    assert "There is no licence file at" in log
    assert "Stopping redis[  OK  ]" in log
    assert 'license_state{state="refused"} 1' in (platform / "run" / "license.prom").read_text()


def test_concurrent_starts_start_each_service_once(shell: str, platform: Path) -> None:
    cli = client(platform, "echo [N]: Licence X holds")
    with ThreadPoolExecutor() as pool:
        starts = list(pool.map(lambda _: start(shell, platform, cli), range(4)))
    said = "".join(done.stdout for done in starts)
    assert [done.returncode for done in starts] == [0] * 4
    for service in ("redis", "scheduler", "designer"):
        assert said.count(f"Starting {service}[  OK  ]") == 1
        assert said.count(f"{service} is already running") == 3


def test_service_that_exits_at_once_is_reported_as_failed(shell: str, platform: Path) -> None:
    (platform / "services" / "redis").write_text("echo no memory >&2; exit 1\n")
    done = start(shell, platform, client(platform, "echo [N]: Licence X holds"))
    assert done.returncode == NO_SERVICE
    assert "Starting redis[FAILED]" in done.stdout
    assert f"See {platform}/run/redis.log" in done.stderr
    assert (platform / "run" / "redis.log").read_text() == "no memory\n"


def test_service_is_stopped_when_its_pid_cannot_be_written(shell: str, platform: Path) -> None:
    kept = platform / "run" / "kept"
    (platform / "services" / "redis").write_text(f'echo $$ >"{kept}"; exec sleep 86400000\n')
    number = platform / "run" / "redis.pid"
    number.parent.mkdir()
    number.symlink_to(platform / "nowhere" / "redis.pid")
    done = start(shell, platform, client(platform, "echo [N]: Licence X holds"))
    assert done.returncode == NO_SERVICE
    assert "Starting redis[FAILED]" in done.stdout
    assert f"Stopped redis: cannot write {number}." in done.stderr
    if kept.exists() and kept.read_text():  # it may have been ended before it could say so
        ended(int(kept.read_text()))


def _run_is_a_file(platform: Path) -> Path:
    (platform / "run").write_text("")
    return platform / "run"


def _folder(name: str) -> Callable[[Path], Path]:
    def make(platform: Path) -> Path:
        (platform / "run" / name).mkdir(parents=True)
        return platform / "run" / name

    return make


@pytest.mark.parametrize(
    "hinder",
    [_run_is_a_file, _folder("start.lock"), _folder("scheduler.pid"), _folder("designer.log")],
)
def test_unwritable_files_are_reported_before_any_service_starts(
    shell: str, platform: Path, hinder: Callable[[Path], Path]
) -> None:
    path = hinder(platform)
    done = start(shell, platform, client(platform, "echo [N]: Licence X holds"))
    assert done.returncode == NO_SERVICE
    assert done.stderr == (
        f"[E]: Cannot write {path}.\n"
        f"     Check it with `ls -ld {path}`; move it away, or give this user write access.\n"
        "[E]: No service was started.\n"
    )
    assert "Starting" not in done.stdout
    if path.is_dir():
        path.rmdir()


def test_missing_flock_is_reported_with_the_install_command(
    shell: str, platform: Path, tmp_path: Path
) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("sh", "dirname", "readlink", "grep", "mkdir"):
        (tools / name).symlink_to(str(shutil.which(name)))
    done = subprocess.run(
        [shell, str(platform / "start.sh")],
        env={
            "PATH": str(tools),
            "LICENSE_CLI": str(client(platform, "echo [N]: Licence X holds")),
            "LICENSE_PYTHON": "/bin/sh",
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    assert done.returncode == NO_SERVICE
    assert done.stderr.startswith("[E]: The command flock is not installed.\n     Install it: ")
    assert not (platform / "run").exists()


def test_missing_service_fails_the_start(shell: str, platform: Path) -> None:
    (platform / "services" / "redis").unlink()
    done = start(shell, platform, client(platform, "echo [N]: Licence X holds"))
    assert done.returncode == NO_SERVICE
    assert "Starting redis[FAILED]" in done.stdout


def test_symlinked_start_sh_finds_the_platform(shell: str, platform: Path, tmp_path: Path) -> None:
    (tmp_path / "start.sh").symlink_to(platform / "start.sh")
    cli = client(platform, "echo [N]: Licence X holds")
    done = subprocess.run(
        [shell, "start.sh"],
        env={"PATH": os.environ["PATH"], "LICENSE_CLI": str(cli), "LICENSE_PYTHON": "/bin/sh"},
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert running(platform)


def test_stop_sh_stops_every_started_service(shell: str, platform: Path) -> None:
    start(shell, platform, client(platform, "echo [N]: Licence X holds"))
    watched = running(platform)
    assert len(watched) == 4
    (platform / "run" / "a.pid").mkdir()  # what is no number of a process stops nothing
    done = subprocess.run([shell, platform / "stop.sh"], capture_output=True, text=True)
    assert done.stdout.count("[  OK  ]") == 4
    for pid in watched:
        ended(pid)
    (platform / "run" / "a.pid").rmdir()
    assert not running(platform)


def test_platform_env_keeps_variables_that_are_already_set(shell: str, platform: Path) -> None:
    script = '. ./platform_env; echo "$LICENSE_CONF|$LICENSE_KEYS"'
    done = subprocess.run(
        [shell, "-euc", script],
        cwd=platform,
        env={"PATH": os.environ["PATH"], "LICENSE_KEYS": "/mine"},
        capture_output=True,
        text=True,
    )
    assert done.stdout == f"{platform}/conf|/mine\n", done.stderr


def test_scripts_pass_shellcheck() -> None:
    scripts = [*EXAMPLE.glob("*.sh"), *EXAMPLE.glob("services/*"), EXAMPLE / "platform_env"]
    checker = Path(sys.executable).with_name("shellcheck")
    if not checker.exists():
        pytest.skip("shellcheck is missing: pip install -r requirements/dev.txt")
    done = subprocess.run([checker, "-x", *scripts], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout

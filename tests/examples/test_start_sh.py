"""start.sh of the example platform: nothing starts unless the check says that the licence holds."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

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
    """A client that does as *text* says, in the shell's language."""
    path = platform / "client"
    path.write_text(text, "ascii")
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


def test_services_start_when_the_check_holds(shell: str, platform: Path) -> None:
    done = start(shell, platform, client(platform, 'echo "[N]: it holds ($*)"'))
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines == [
        f'[N]: Using production build at "{platform}"',
        "[N]: it holds (verify)",
        "Starting redis[  OK  ]",
        "Starting scheduler[  OK  ]",
        "Starting designer[  OK  ]",
    ]
    assert all(Path(f"/proc/{pid}").exists() for pid in running(platform))


def test_a_second_start_starts_nothing_twice(shell: str, platform: Path) -> None:
    cli = client(platform, "echo it holds")
    start(shell, platform, cli)
    before = running(platform)
    done = start(shell, platform, cli)
    assert "redis is running already" in done.stdout
    assert running(platform) == before


def test_the_number_of_another_process_is_not_taken_for_the_service(
    shell: str, platform: Path
) -> None:
    (platform / "run").mkdir()
    (platform / "run" / "redis.pid").write_text(f"{os.getpid()} 1\n")
    done = start(shell, platform, client(platform, "echo it holds"))
    assert "Starting redis[  OK  ]" in done.stdout
    assert os.getpid() not in running(platform)


@pytest.mark.parametrize("code", [*range(1, 126), 130, 141])
def test_any_exit_code_but_0_starts_nothing_and_is_handed_on(platform: Path, code: int) -> None:
    done = start("/bin/sh", platform, client(platform, f"echo it holds; exit {code}"))
    assert done.returncode == (code if code < 128 else UNCHECKED)
    assert "Starting" not in done.stdout
    assert "No service was started" in done.stderr
    assert not running(platform)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGTERM])
def test_a_check_that_is_killed_starts_nothing(
    shell: str, platform: Path, number: signal.Signals
) -> None:
    done = start(shell, platform, client(platform, f"echo it holds; kill -{int(number)} $$"))
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
        ("", sys.executable),
    ],
)
def test_a_check_that_cannot_be_run_starts_nothing_and_says_so(
    shell: str, platform: Path, cli: str, python: str
) -> None:
    done = start(shell, platform, cli, python)
    assert done.returncode != 0
    assert "[E]:" in done.stderr
    assert "Starting" not in done.stdout
    assert not running(platform)


def test_the_real_client_without_a_licence_starts_nothing(shell: str, platform: Path) -> None:
    done = start(shell, platform, REPOSITORY / "cmd" / "cli.py", sys.executable)
    assert done.returncode == 10
    assert f"There is no licence at {platform}/conf/license.dat" in done.stderr
    assert not running(platform)


def test_a_service_that_is_not_there_ends_the_start(shell: str, platform: Path) -> None:
    (platform / "services" / "redis").unlink()
    done = start(shell, platform, client(platform, "echo it holds"))
    assert done.returncode == NO_SERVICE
    assert "Starting redis[FAILED]" in done.stdout


def test_a_link_to_start_sh_finds_the_platform(shell: str, platform: Path, tmp_path: Path) -> None:
    (tmp_path / "start.sh").symlink_to(platform / "start.sh")
    cli = client(platform, "echo it holds")
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


def test_stop_sh_stops_what_was_started(shell: str, platform: Path) -> None:
    start(shell, platform, client(platform, "echo it holds"))
    watched = [os.pidfd_open(pid) for pid in running(platform)]
    assert len(watched) == 3
    done = subprocess.run([shell, platform / "stop.sh"], capture_output=True, text=True)
    assert done.stdout.count("[  OK  ]") == 3
    for process in watched:
        os.close(process)
    assert not running(platform)


def test_platform_env_can_be_sourced_and_keeps_what_is_set(shell: str, platform: Path) -> None:
    script = '. ./platform_env; echo "$LICENSE_CONF|$LICENSE_KEYS"'
    done = subprocess.run(
        [shell, "-euc", script],
        cwd=platform,
        env={"PATH": os.environ["PATH"], "LICENSE_KEYS": "/mine"},
        capture_output=True,
        text=True,
    )
    assert done.stdout == f"{platform}/conf|/mine\n", done.stderr


def test_the_scripts_are_clean_under_shellcheck() -> None:
    scripts = [*EXAMPLE.glob("*.sh"), *EXAMPLE.glob("services/*"), EXAMPLE / "platform_env"]
    checker = Path(sys.executable).with_name("shellcheck")
    if not checker.exists():
        pytest.skip("shellcheck is missing: pip install -r requirements/dev.txt")
    done = subprocess.run([checker, "-x", *scripts], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout

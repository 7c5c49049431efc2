"""start.sh of the example platform: nothing starts unless the check says that the licence holds."""

import os
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support import onefile
from tests.support.need import need
from tests.support.platform import (
    EXAMPLE,
    HOLDS,
    NO_SERVICE,
    REPOSITORY,
    UNCHECKED,
    client,
    environment_of,
    real_client,
    running,
    sh,
    start,
    stop,
)
from tests.support.pythons import oldest
from tests.support.unprivileged import unprivileged


def test_no_service_runs_before_the_check_succeeds(shell: str, platform: Path) -> None:
    done = start(shell, platform, client(platform, f'[ -e "{platform}/run" ] && exit 9; {HOLDS}'))
    assert done.returncode == 0, done.stdout
    assert len(running(platform)) == 4


@pytest.mark.parametrize("closed", ["<&-", "<&- >&-", "<&- >&- 2>&-"])
def test_start_sh_works_with_closed_streams(shell: str, platform: Path, closed: str) -> None:
    script = f'exec "$0" "$1" {closed}'
    for ending, code, services in (("exit 7", 7, 0), ("exit 0", 0, 4)):
        done = subprocess.run(
            [sh(shell), "-c", script, sh(shell), platform / "start.sh"],
            env=environment_of(shell, client(platform, f"{HOLDS}; {ending}"), "/bin/sh"),
            stdin=subprocess.DEVNULL,
            capture_output=True,
        )
        assert (done.returncode, len(running(platform))) == (code, services)


@pytest.mark.parametrize(
    "code",
    [
        *(pytest.param(n, marks=pytest.mark.torture if n % 12 else ()) for n in range(2, 125)),
        *(1, 125, 130, 141),
    ],
)
def test_nonzero_check_starts_nothing_and_passes_on_its_exit_code(
    path: str, platform: Path, code: int
) -> None:
    done = start(path, platform, client(platform, f"{HOLDS}; exit {code}"))
    assert done.returncode == (code if code < 128 else UNCHECKED)
    assert "Starting" not in done.stdout
    assert "No service was started" in done.stderr
    assert not running(platform)


def test_check_does_not_read_the_callers_stdin(shell: str, platform: Path) -> None:
    cli = client(platform, f"read -r line && exit 9; {HOLDS}")
    done = subprocess.run(
        [sh(shell), str(platform / "start.sh")],
        env=environment_of(shell, cli, "/bin/sh"),
        input="a line for the next command\n",
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGTERM])
def test_killed_check_starts_nothing(shell: str, platform: Path, number: signal.Signals) -> None:
    done = start(shell, platform, client(platform, f"{HOLDS}; kill -{int(number)} $$"))
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


def test_refusal_is_said_in_one_language(path: str, platform: Path) -> None:
    done = start(path, platform, REPOSITORY / "cmd" / "cli.py", sys.executable, LANG="zh_CN.UTF-8")
    assert done.returncode == 10
    assert "没有启动任何服务。" in done.stderr
    assert "No service" not in done.stderr


def test_real_client_starts_the_services_with_a_valid_licence(
    shell: str, platform: Path, tmp_path: Path
) -> None:
    done = start(shell, platform, real_client(platform, tmp_path), sys.executable)
    assert done.returncode == 0, done.stderr
    assert "(product darwin) is valid until" in done.stdout
    assert len(running(platform)) == 4


def test_one_file_in_the_platforms_folder_is_its_client(path: str, platform: Path) -> None:
    archive = shutil.copy(onefile.kept(), platform / "hostseal.pyz")
    done = start(path, platform, "", oldest())
    assert done.returncode == 10
    assert f"There is no licence file at {platform}/conf/license.dat" in done.stderr
    assert f"{shlex.quote(str(archive))} get_host_key`" in done.stderr


def test_services_start_in_any_language(path: str, platform: Path, tmp_path: Path) -> None:
    launcher = real_client(platform, tmp_path)
    for language, words in (("zh_CN.UTF-8", "有效，到"), ("de_DE.UTF-8", "is valid until")):
        done = start(path, platform, launcher, sys.executable, LANG=language)
        assert done.returncode == 0, done.stderr
        assert words in done.stdout
        stop(path, platform)


@pytest.mark.parametrize("hide", ["a folder without it", "one that names none"])
def test_nothing_starts_unless_hostseal_toml_names_a_product(
    shell: str, platform: Path, tmp_path: Path, hide: str
) -> None:
    (tmp_path / "mounted").mkdir()
    if hide == "one that names none":
        (tmp_path / "mounted" / "hostseal.toml").write_text("warn_days = 30\n# product = 1\n")
    cli = client(platform)
    done = start(shell, platform, cli, LICENSE_CONF=str(tmp_path / "mounted"))
    assert done.returncode == UNCHECKED
    assert f"[E]: {tmp_path}/mounted/hostseal.toml names no product.\n" in done.stderr
    assert not running(platform)


@pytest.mark.parametrize("barred", ["conf", "conf/hostseal.toml"])
def test_settings_that_cannot_be_read_are_not_said_to_be_missing(
    shell: str, platform: Path, barred: str
) -> None:
    (platform / barred).chmod(0)
    done = start(shell, platform, client(platform), inside=unprivileged())
    (platform / barred).chmod(0o755)
    file = platform / "conf" / "hostseal.toml"
    assert done.returncode == UNCHECKED
    assert f"[E]: Cannot read {file}: Permission denied.\n" in done.stderr
    assert f"`ls -ld {platform}/conf {file}`" in done.stderr
    assert not running(platform)


def test_client_that_cannot_be_read_is_not_looked_for_elsewhere(path: str, platform: Path) -> None:
    (platform / "cmd").mkdir()
    (platform / "cmd" / "cli.py").touch()
    (platform / "cmd").chmod(0)
    script = '. ./platform_env; echo "$LICENSE_CLI"'
    line = [*unprivileged(), sh(path), "-euc", script]
    done = subprocess.run(line, cwd=platform, env={"PATH": path}, capture_output=True, text=True)
    assert done.stdout == f"{platform}/cmd/cli.py\n", done.stderr


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
    [
        _run_is_a_file,
        *map(_folder, ("start.lock", "scheduler.pid", "designer.log", "license_guard.pid")),
    ],
)
def test_unwritable_files_are_reported_before_any_service_starts(
    shell: str, platform: Path, hinder: Callable[[Path], Path]
) -> None:
    path = hinder(platform)
    done = start(shell, platform, client(platform))
    assert done.returncode == NO_SERVICE
    assert done.stderr == (
        f"[E]: Cannot write {path}.\n"
        f"     Check it with `ls -ld {path}`; move it away, or give this user write access.\n"
        "[E]: No service was started.\n"
    )
    assert "Starting" not in done.stdout


@pytest.mark.parametrize("missing", ["flock", "setsid"])
def test_missing_tools_are_reported_with_the_install_command(
    path: str, platform: Path, tmp_path: Path, missing: str
) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in {"sh", "dirname", "readlink", "grep", "mkdir", "flock", "setsid"} - {missing}:
        (tools / name).symlink_to(str(shutil.which(name)))
    done = start(str(tools), platform, client(platform))
    assert done.returncode == NO_SERVICE
    assert done.stderr.startswith(f"[E]: The command {missing} is not installed.\n     Install it")
    assert not (platform / "run").exists()


def test_symlinked_start_sh_finds_the_platform(shell: str, platform: Path, tmp_path: Path) -> None:
    (tmp_path / "start.sh").symlink_to(platform / "start.sh")
    done = subprocess.run(
        [sh(shell), "start.sh"],
        env=environment_of(shell, client(platform), "/bin/sh"),
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert running(platform)


def test_platform_env_keeps_variables_that_are_already_set(shell: str, platform: Path) -> None:
    script = '. ./platform_env; echo "$LICENSE_CONF|$LICENSE_KEYS"'
    done = subprocess.run(
        [sh(shell), "-euc", script],
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
        need("shellcheck", "pip install -r requirements/dev.txt")
    done = subprocess.run([checker, "-x", *scripts], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout

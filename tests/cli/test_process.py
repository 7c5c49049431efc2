"""The client as a process: folders, environments, streams, file systems, kills."""

import json
import os
import random
import re
import shlex
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from license_core.verify import open_license
from tests.support.cli import CLI, PROGRAM, REPOSITORY, World, code
from tests.support.need import need

KILLS, KILLS_TORTURE = 40, 2000
NEVER = (
    "hashlib",
    "subprocess",
    "httpx",
    "fastapi",
    "sqlalchemy",
    "pydantic",
    "asyncio",
    "email",
    "license_server",
)


def imported(world: World, *arguments: str) -> set[str]:
    """The packages that a command imports, as the interpreter itself tells."""
    line = [sys.executable, "-X", "importtime", str(CLI), *world.options(), *arguments]
    done = subprocess.run(line, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    told = (row.rpartition("|") for row in done.stderr.splitlines() if "import time:" in row)
    return {name.strip().partition(".")[0] for _, _, name in told}


@pytest.mark.python_only("what Python imports")
def test_client_imports_no_heavy_modules(present: World) -> None:
    source = present.write(present.file())
    for arguments in (["get_host_key"], ["install", source], ["verify"], ["request"], ["show"]):
        found = imported(present, *arguments)
        assert "license_core" in found
        assert not found & set(NEVER), arguments


@pytest.mark.python_only("what Python imports")
def test_client_does_not_import_cryptography(present: World) -> None:
    source = present.write(present.file())
    for arguments in (["get_host_key"], ["install", source], ["verify"], ["show"]):
        assert "cryptography" not in imported(present, *arguments), arguments


@pytest.mark.python_only("cmd/cli.py and the package")
def test_client_runs_from_any_folder_and_through_a_symlink(present: World, tmp_path: Path) -> None:
    link = tmp_path / "bin" / "cli.py"
    link.parent.mkdir()
    link.symlink_to(CLI)
    answers = {
        subprocess.run(
            [sys.executable, script, *present.options(), "get_host_key"],
            cwd=folder,
            capture_output=True,
            check=True,
        ).stdout
        for script in (CLI, link)
        for folder in ("/", tmp_path, REPOSITORY / "cmd")
    }
    assert len(answers) == 1


@pytest.mark.python_only("cmd/cli.py and the package")
def test_conf_defaults_to_the_folder_beside_cmd(tmp_path: Path) -> None:
    for name in ("cmd", "license_core", "license_cli"):
        shutil.copytree(REPOSITORY / name, tmp_path / name)
    env = {"PATH": os.environ["PATH"]}
    done = subprocess.run(
        [sys.executable, "cmd/cli.py", "verify"], cwd=tmp_path, env=env, capture_output=True
    )
    assert f"{tmp_path}/conf/license.dat" in done.stderr.decode()
    assert done.returncode == code("license-missing")


@pytest.mark.python_only("cmd/cli.py and the package")
def test_license_cli_prints_the_same_host_key_as_cli_py(present: World) -> None:
    command = Path(sys.executable).with_name("license-cli")
    done = subprocess.run([command, *present.options(), "get_host_key"], capture_output=True)
    assert done.stdout == present.spawn("get_host_key").stdout
    assert done.returncode == 0


@pytest.mark.parametrize(
    "env",
    [
        {},
        {"LC_ALL": "C"},
        {"LC_ALL": "POSIX", "PYTHONUTF8": "0"},
        {"LANG": "zh_CN.GB18030"},
        {"PYTHONIOENCODING": "ascii"},
        {"HOME": "/nonexistent"},
        {"LICENSE_CONF": "\udcff"},
    ],
    ids=range(7),
)
def test_client_works_in_any_locale_and_environment(present: World, env: dict[str, str]) -> None:
    present.put(present.file(present.claims(sub="上海 ACME \U0001f600")))
    for command in ("verify", "show", "get_host_key"):
        done = present.spawn(command, env=env)
        assert done.returncode == 0, done.stderr
        assert b"Traceback" not in done.stderr


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize(
    "command",
    [["get_host_key"], ["verify"], ["show"], ["--json", "verify"], ["verify", "--help"], ["-h"]],
)
def test_full_stdout_exits_with_output_failed(
    present: World, command: list[str], unbuffered: str
) -> None:
    present.put()
    env = {"PYTHONUNBUFFERED": unbuffered}
    with open("/dev/full", "wb") as full:
        done = present.spawn(*command, stdout=full, stderr=subprocess.PIPE, env=env)
    assert done.returncode == code("output-failed"), done.stderr
    assert b"No space left on device" in done.stderr
    assert b"Exception" not in done.stderr


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_closed_pipe_exits_with_141_and_no_traceback(present: World, unbuffered: str) -> None:
    read, write = os.pipe()
    os.close(read)
    env = {"PYTHONUNBUFFERED": unbuffered}
    done = present.spawn("get_host_key", stdout=write, stderr=subprocess.PIPE, env=env)
    os.close(write)
    assert done.returncode == 141
    assert b"Traceback" not in done.stderr
    assert b"Exception" not in done.stderr


def test_verify_succeeds_with_all_streams_closed(present: World) -> None:
    present.put()
    line = f"{sys.executable} {CLI} {' '.join(present.options())} verify <&- >&- 2>&-"
    done = subprocess.run(["sh", "-c", line], capture_output=True)
    assert done.returncode == 0


def test_non_utf8_argument_is_reported_as_unreadable(present: World) -> None:
    done = present.spawn("install", os.fsdecode(b"/nonexistent/\xff"))
    assert done.returncode == code("file-unreadable")


@pytest.mark.python_only("what Python imports")
def test_missing_packages_are_reported_with_the_pip_command(present: World) -> None:
    present.put()
    line = [sys.executable, "-S", "-E", str(CLI), *present.options()]

    def run(command: str) -> "subprocess.CompletedProcess[str]":
        env = {"PATH": os.environ["PATH"]}
        return subprocess.run([*line, command], capture_output=True, text=True, env=env)

    assert [run(command).returncode for command in ("get_host_key", "verify")] == [0, 0]
    done = run("show")
    assert done.returncode == code("dependency-missing")
    assert "click is not installed" in done.stderr
    assert "--require-hashes -r requirements/client.txt`" in done.stderr


# What a file system does


def in_namespace(script: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run a shell script where it may mount."""
    root = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    line = ["unshare", "--mount", "--propagation", "private", *root]
    if subprocess.run([*line, "true"], capture_output=True).returncode != 0:
        need("a mount namespace", "run as root, or allow unprivileged user namespaces")
    return subprocess.run(
        [*line, "sh", "-euc", script, "sh", *arguments], capture_output=True, text=True
    )


def mounted_case(world: World, script: str) -> "subprocess.CompletedProcess[str]":
    """Install a new licence where *script* has prepared ``$1``, the folder conf."""
    former, new = world.file(), world.file(world.claims(jti="HS-2026-NEW00000"))
    world.put(former)
    client = shlex.join(PROGRAM)
    command = f'set +e; {client} --conf "$1" --keys "$2" --root "$3" install "$4"; code=$?\n'
    check = 'cmp "$1/license.dat" "$5" >&2; ls -A "$1"; exit $code'
    return in_namespace(
        f"{script}\n{command}{check}",
        str(world.conf),
        str(world.keys),
        str(world.host),
        world.write(new, "new.dat"),
        world.write(former, "former.dat"),
    )


def test_install_reports_a_mounted_licence_file_with_its_folder(present: World) -> None:
    done = mounted_case(present, 'mount --bind "$1/license.dat" "$1/license.dat"')
    assert done.returncode == code("file-is-mounted"), done.stderr
    assert "differ" not in done.stderr
    assert ".tmp" not in done.stdout
    assert str(present.conf) in done.stderr


def test_install_reports_a_read_only_folder(present: World) -> None:
    done = mounted_case(present, 'mount --bind "$1" "$1"; mount -o remount,ro,bind "$1"')
    assert done.returncode == code("folder-not-writable"), done.stderr
    assert "differ" not in done.stderr


def test_install_on_a_full_disk_keeps_the_former_licence(present: World) -> None:
    script = (
        'cp -r "$1" "$1.kept"; mount -t tmpfs -o size=32k,mode=755 t "$1"; cp "$1.kept"/* "$1"/\n'
        'dd if=/dev/zero of="$1/filler" 2>/dev/null || true'
    )
    done = mounted_case(present, script)
    assert done.returncode == code("disk-full"), done.stderr
    assert "differ" not in done.stderr
    assert ".tmp" not in done.stdout


def test_install_reports_a_folder_of_another_user(present: World, tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root, to become another user")
    source = present.write(present.file())
    os.chmod(source, 0o644)
    for folder in [tmp_path, *tmp_path.parents]:
        closed = folder.stat().st_mode & 0o005 != 0o005
        if closed and "pytest-of-" in str(folder):
            os.chmod(folder, folder.stat().st_mode | 0o005)
    line = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    line += [*PROGRAM, *present.options(), "install", source]
    done = subprocess.run(line, capture_output=True, text=True)
    if done.returncode in (1, 127):
        pytest.skip("this interpreter cannot be run by another user")
    assert done.returncode == code("folder-not-writable"), done.stderr
    assert not present.license.exists()


def kill_loop(world: World, times: int, seed: int) -> dict[str, int]:
    """Kill ``install`` at random moments; what stood at the place of the licence afterwards."""
    chance = random.Random(seed)
    versions = [world.file(world.claims(jti=f"HS-2026-{n:08d}")) for n in range(2)]
    sources = [world.write(data, f"{n}.dat") for n, data in enumerate(versions)]
    world.put(versions[0])
    seen = {"old": 0, "new": 0}
    for turn in range(times):
        before = world.license.read_bytes()
        source = sources[turn % 2]
        process = subprocess.Popen(
            [*PROGRAM, *world.options(), "install", source],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            process.wait(chance.uniform(0.02, 0.2))
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
        after = world.license.read_bytes()
        assert after in versions
        open_license(after, roots=(world.root.public_key,))
        seen["old" if after == before else "new"] += 1
    return seen


def test_killed_install_leaves_the_former_or_the_new_licence(present: World) -> None:
    seen = kill_loop(present, KILLS, seed=1)
    assert sum(seen.values()) == KILLS
    assert present.spawn("verify").returncode == 0


@pytest.mark.torture
def test_two_thousand_killed_installs_never_damage_the_licence(present: World) -> None:
    seen = kill_loop(present, KILLS_TORTURE, seed=2)
    print(
        f"\nkilled installs: {KILLS_TORTURE}; {seen['old']} left the old licence, "
        f"{seen['new']} the new one, none anything else"
    )
    assert present.spawn("verify").returncode == 0


def test_json_output_is_one_object(present: World) -> None:
    present.put()
    for command in ("verify", "get_host_key", "show"):
        assert isinstance(json.loads(present.spawn("--json", command).stdout), dict)


def gone(tmp_path: Path, *line: str) -> "subprocess.CompletedProcess[str]":
    """Run *line* in a folder that has been removed."""
    (tmp_path / "gone").mkdir()
    script = 'rmdir "$PWD" && exec "$@"'
    return subprocess.run(
        ["sh", "-c", script, "sh", *line], cwd=tmp_path / "gone", capture_output=True, text=True
    )


@pytest.mark.parametrize("command", [["get_host_key"], ["verify"], ["doctor"], ["request"]])
def test_commands_work_in_a_removed_working_folder(
    present: World, tmp_path: Path, command: list[str]
) -> None:
    present.put()
    done = gone(tmp_path, *PROGRAM, *present.options(), *command)
    assert done.returncode == 0, done.stderr


def test_remedies_in_a_removed_working_folder_name_whole_paths(
    present: World, tmp_path: Path
) -> None:
    done = gone(tmp_path, *PROGRAM, *present.options(), "verify")
    assert done.returncode == code("license-missing")
    assert re.search(r"run `(/|python|hostseal)", done.stderr), done.stderr


@pytest.mark.parametrize(
    ("arguments", "slug"),
    [
        (["--root", "host", "verify"], "host-unidentifiable"),
        (["--conf", "conf", "verify"], "license-missing"),
        (["install", "license.dat"], "file-unreadable"),
        (["request", "-o", "request.txt"], "folder-missing"),
    ],
)
def test_relative_paths_in_a_removed_working_folder_are_reported(
    present: World, tmp_path: Path, arguments: list[str], slug: str
) -> None:
    present.put()
    done = gone(tmp_path, *PROGRAM, *present.options(), *arguments)
    assert done.returncode == code(slug), done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.python_only("cmd/cli.py and the package")
def test_check_installed_works_in_a_removed_working_folder(present: World, tmp_path: Path) -> None:
    present.put()
    where = f"conf={str(present.conf)!r}, keys={str(present.keys)!r}, root={str(present.host)!r}"
    script = (
        f"import sys; sys.path.append({str(REPOSITORY)!r})\n"
        "from license_core import paths\n"
        "paths.__file__ = '/nonexistent/license_core/paths.py'  # as from an installed wheel\n"
        "from license_core.installed import check_installed\n"
        f"print(check_installed({where}).exit_code, check_installed().exit_code)"
    )
    done = gone(tmp_path, sys.executable, "-c", script)
    assert done.stdout == f"0 {code('folder-unnamed')}\n", done.stderr

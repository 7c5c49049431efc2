"""Debian's packages: lintian finds nothing; on a clean Debian they lead to the first licence."""

import filecmp
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from deploy import packed
from deploy.deb import build
from tests.support import cache, debian, first_licence, left_roots, page_commands
from tests.support.need import need
from tests.support.server import REPOSITORY
from tests.support.waiting import until

SERVER, CLIENT = "hostseal-server", "hostseal-client"


def listed(package: Path) -> dict[str, str]:
    """The mode and owner of each file of a package."""
    done = subprocess.run(
        ["dpkg-deb", "--contents", str(package)], capture_output=True, text=True, check=True
    )
    rows = (line.split(None, 5) for line in done.stdout.splitlines())
    return {row[5].removeprefix("./"): f"{row[0]} {row[1]}" for row in rows}


def lint(*packages: Path) -> None:
    if shutil.which("lintian") is None:
        need("lintian", "apt-get install lintian")
    line = ["lintian", "--tag-display-limit", "0", "--fail-on", "error,warning"]
    done = subprocess.run([*line, *map(str, packages)], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.torture
def test_package_of_the_client_has_one_program_that_runs(tmp_path: Path) -> None:
    if shutil.which("dpkg-deb") is None:
        need("dpkg-deb", "Debian")
    package = build.build(CLIENT, "amd64", tmp_path)
    programs = {name: told for name, told in listed(package).items() if told.startswith("-rwx")}
    assert programs == {"usr/bin/license-cli": "-rwxr-xr-x root/root"}
    root = tmp_path / "root"
    subprocess.run(["dpkg-deb", "--extract", package, root], check=True)
    line = [sys.executable, str(root / "usr/bin/license-cli"), "--help"]
    assert "get_host_key" in subprocess.run(line, capture_output=True, text=True, check=True).stdout


def test_pages_that_messages_name_are_in_the_package(tmp_path: Path) -> None:
    for name in (SERVER, CLIENT):
        build.documents(tmp_path, name)
    place = tmp_path / "usr/share/doc" / SERVER
    sources = (path.read_text("utf-8") for path in (REPOSITORY / "license_server").rglob("*.py"))
    named = {page for text in sources for page in re.findall(r"\bdocs/\w+\.md", text)}
    assert [page for page in sorted(named) if not (place / page).exists()] == []
    assert (place / "examples/monitoring/hostseal.rules.yml").exists()
    assert (place / "examples/Caddyfile").exists()
    assert (place.with_name(CLIENT) / "docs/OPERATOR.zh.md").exists()


def test_root_that_a_killed_test_left_is_cleared_and_one_in_use_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    left = tmp_path / "hostseal-root-killed"
    left.mkdir()
    (left / "lock").touch()
    line = ["systemd-nspawn", "-c", "import time; time.sleep(99)", "--directory", f"{left}/clean"]
    with subprocess.Popen(line, executable=sys.executable) as booted:
        # The process is there before what it runs is: only that tells whose it is.
        until(lambda: str(left) in Path(f"/proc/{booted.pid}/cmdline").read_text())
        with left_roots.new() as mine:
            assert not left.exists()
            assert booted.wait(60) == -signal.SIGTERM
            assert left_roots.clear() == []
            assert mine.exists()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.torture
def test_packages_are_the_same_twice_and_lintian_finds_nothing(tmp_path: Path) -> None:
    made = [
        [build.build(name, "amd64", tmp_path / folder) for name in (SERVER, CLIENT)]
        for folder in ("one", "other")
    ]
    for one, other in zip(*made, strict=True):
        assert filecmp.cmp(one, other, shallow=False)
    files = listed(made[0][0])
    assert {told.split()[1] for told in files.values()} == {"root/root"}
    assert [name for name, told in files.items() if "s" in told[:10]] == []
    lint(*made[0])


@contextmanager
def booted(root: Path) -> Iterator[list[str]]:
    """A Debian that runs with systemd in *root*, without a network; what begins a command there."""
    line = ["systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--directory", str(root)]
    more = ["--boot", "--private-network", f"--machine={root.name}"]
    with subprocess.Popen([*line, *more], stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL) as n:
        try:
            leader = _leader(n.pid)
            enter = ["nsenter", "-t", leader, "-m", "-p", "-n", "-u", "-i", "-r", "-w", "--"]
            asked = [*enter, "systemctl", "is-system-running", "--wait"]
            until(lambda: subprocess.run(asked, capture_output=True).returncode in (0, 1))
            yield enter
        finally:
            n.terminate()
            try:
                n.wait(60)
            except subprocess.TimeoutExpired:
                n.kill()


def quoted(program: str) -> str:
    """The command of the units' README that begins so."""
    (found,) = (
        one for one in page_commands.inline("deploy/systemd/README.md") if one.split()[0] == program
    )
    return found


def _leader(pid: int) -> str:
    """Its systemd: there are others before it comes."""
    children = Path(f"/proc/{pid}/task/{pid}/children")
    found: list[str] = []

    def is_there() -> bool:
        for child in children.read_text().split():
            with suppress(OSError):
                if Path(f"/proc/{child}/comm").read_text() == "systemd\n":
                    found.append(child)
        return bool(found)

    until(is_there, lambda: "it does not boot")
    return found[0]


def _debian(place: Path) -> None:
    """A clean Debian 12 with systemd, as its installer leaves it."""
    include = "--include=systemd,systemd-sysv,dbus,ca-certificates"
    options = ["--variant=minbase", include]
    debian.run("debootstrap", *options, build.RELEASE, place, debian.mirror())


@pytest.fixture
def clean() -> Iterator[Path]:
    """Its root, made anew of the one that is kept."""
    missing = debian.missing("debootstrap", "systemd-nspawn", "nsenter")
    if missing:
        need(", ".join(missing), "apt-get install debootstrap systemd-container util-linux")
    try:
        kept = cache.kept(cache.CACHE / "containers" / "debian-12-systemd", _debian)
    except cache.UnavailableError as error:
        need("a clean Debian", f"let this machine reach Debian's mirror ({error})")
    with left_roots.new() as folder:
        root = folder / "clean"
        subprocess.run(["cp", "-a", str(kept), str(root)], check=True)
        shutil.copy("/etc/resolv.conf", root / "etc/resolv.conf")
        yield root


@pytest.mark.torture
def test_clean_debian_issues_its_first_licence_after_three_commands(
    clean: Path, tmp_path: Path
) -> None:
    package = build.build(SERVER, packed.here(), tmp_path)
    shutil.copy(package, clean / "root")
    shutil.copy(first_licence.__file__, clean / "root/desk.py")

    def run(*line: str) -> str:
        env = {"PATH": debian.PATH, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"}
        done = subprocess.run(line, capture_output=True, text=True, env=env)
        assert done.returncode == 0, (line, done.stdout, done.stderr)
        return done.stdout

    install, init, start = page_commands.lines(page_commands.blocks("deploy/deb/README.md")[1])
    chroot = ("chroot", str(clean), "sh", "-c")
    run(*chroot, "apt-get update")
    began = time.monotonic()
    run(*chroot, f"cd /root && {install.replace('install', 'install -y --no-install-recommends')}")
    installed = time.monotonic() - began
    with booted(clean) as enter:
        began = time.monotonic()
        said = run(*enter, "sh", "-c", init)
        run(*enter, "sh", "-c", start)
        invitation = said.split()[-1]
        number = run(*enter, "python3", "/root/desk.py", "http://127.0.0.1:8080", invitation)
        seconds = installed + time.monotonic() - began
        print(f"Debian without Docker: 3 commands, {seconds:.0f} s to licence {number.strip()}")
        for task in ("backup", "checkpoint", "fsck"):
            run(*enter, "systemctl", "start", f"hostseal-task@{task}")
        failed = shlex.split(quoted("systemctl"))
        assert run(*enter, *failed, "--quiet", "--no-legend").strip() == ""
        assert run(*enter, *shlex.split(quoted("journalctl")), "--no-pager") != ""
        told = run(*enter, *shlex.split(quoted("systemd-analyze")), "--no-pager")
        exposed = re.search(r"Overall exposure level .*: ([\d.]+)", told)
        assert exposed
        assert float(exposed[1]) <= 2.0
        # Who connects while it is restarted is answered.
        run(*enter, "systemctl", "restart", "--no-block", "hostseal-server")
        ask = "import urllib.request as u; print(u.urlopen('http://127.0.0.1:8080/healthz').status)"
        assert run(*enter, "python3", "-c", ask) == "200\n"
        run(*enter, "license-server", "fsck")
    # Removed, even purged: the ledger, the keys and the passphrase stay.
    run(*chroot, f"dpkg --purge {SERVER}")
    for left in ("var/lib/hostseal/server/hostseal.db", "etc/hostseal/passphrase"):
        assert (clean / left).exists()

"""``issue``: a valid licence file, and every way in which writing it can fail."""

import grp
import os
import pwd
import re
import shlex
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from license_core.request import LicenseRequest
from license_core.verify import open_license
from license_server.cli import secret_files
from tests.support import server, softhsm
from tests.support.problems import exit_code
from tests.support.server import KEY, LINE, PASSPHRASE
from tests.support.shell import run

ISSUE = ("issue", "--customer", "ACME", "--product", "darwin", "--host", LINE, "--days", "30")


def test_issue_writes_a_valid_licence_file(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "license.dat"
    done = run(
        data, *ISSUE, "--limit", "gpus=4", "--feature", "a", "--feature", "b", "-o", str(out)
    )
    assert done.returncode == 0, done.stderr
    license_ = open_license(out.read_bytes(), roots=server.roots(data)).license
    assert (license_.limits, license_.features) == ({"gpus": 4}, ("a", "b"))
    assert license_.jti in done.stderr
    assert (
        "exact: a change of hostname, IP address, machine or container invalidates it"
        in done.stderr
    )
    assert "anchored" not in done.stderr


def test_issue_explains_both_bindings(data: Path) -> None:
    tags = dict.fromkeys(("hostname", "ip", "machine_id"), "0123456789abcdef")
    text = LicenseRequest(KEY, "x", "hk1-host", tags).to_text()
    done = run(data, *ISSUE, "--host", text, "--match", "anchored", "-o", "-")
    assert "anchored: a change of machine invalidates it; a change of hostname or IP" in done.stderr
    assert "a change of container has no effect" in done.stderr
    assert "exact would mean: a change of hostname, IP address or machine" in done.stderr


@pytest.mark.parametrize(("mode", "warned"), [(0o600, 0), (0o400, 0), (0o640, 1), (0o604, 1)])
def test_passphrase_file_readable_by_others_gives_one_warning(
    data: Path, tmp_path: Path, mode: int, warned: int
) -> None:
    path = tmp_path / "pass phrase"
    path.write_text(f"{PASSPHRASE}\n", "utf-8")
    path.chmod(mode)
    done = run(data, *ISSUE, "-o", "-", LICENSE_SERVER_PASSPHRASE_FILE=str(path))
    assert done.returncode == 0
    assert done.stderr.count("[W]:") == done.stderr.count(f"chmod 600 '{path}'") == warned
    assert "chmod" not in done.stdout


@pytest.mark.skipif(os.geteuid() != 0, reason="a file for somebody else is given away by root")
def test_passphrase_file_that_is_read_by_its_group_alone_gives_no_warning(
    data: Path, tmp_path: Path
) -> None:
    """As Kubernetes mounts it for a pod that is not root."""
    path = tmp_path / "passphrase"
    path.write_text(f"{PASSPHRASE}\n", "utf-8")
    os.chown(path, 10001, 0)
    for mode, warned in ((0o440, 0), (0o444, 1)):
        path.chmod(mode)
        done = run(data, *ISSUE, "-o", "-", LICENSE_SERVER_PASSPHRASE_FILE=str(path))
        assert (done.returncode, done.stderr.count("readable by others")) == (0, warned)


@pytest.mark.skipif(os.geteuid() != 0, reason="a file for somebody else is given away by root")
def test_secret_file_is_open_where_its_group_has_somebody_else(tmp_path: Path) -> None:
    path = tmp_path / "a secret"
    path.write_text("x")
    path.chmod(0o440)
    users = pwd.getpwall()
    shared = next(user.pw_gid for user in users if user.pw_uid not in (0, 10001) and user.pw_gid)
    nobody = max({group.gr_gid for group in grp.getgrall() if group.gr_gid < 60_000}) + 4000
    for group, open_ in ((nobody, False), (shared, True)):
        os.chown(path, 10001, group)
        remedy = f"chown 0 '{path}' && chmod 600 '{path}'"
        assert secret_files.remedy(path) == (remedy if open_ else None)


@pytest.mark.parametrize("text", [f"{LINE}\n", LicenseRequest(key=KEY, name="x").to_text()])
def test_issue_reads_the_request_from_a_file(data: Path, tmp_path: Path, text: str) -> None:
    sent = tmp_path / "request.txt"
    sent.write_text(text, "utf-8")
    done = run(data, *ISSUE, "--host", f"@{sent}", "-o", "-")
    license_ = open_license(done.stdout.encode(), roots=server.roots(data)).license
    assert license_.host.key == KEY


def licenses(data: Path) -> int:
    stored = sqlite3.connect(data / "hostseal.db").execute("select count(*) from licenses")
    return int(stored.fetchone()[0])


def test_issue_into_a_folder_is_rejected_and_issues_nothing(data: Path, tmp_path: Path) -> None:
    done = run(data, *ISSUE, "-o", str(tmp_path))
    assert done.returncode == exit_code("path-is-folder"), done.stderr
    assert f"{tmp_path} is a folder" in done.stderr
    assert licenses(data) == 0


def test_unwritten_licence_is_reported_with_the_command_to_fetch_it(
    data: Path, tmp_path: Path
) -> None:
    device = tmp_path / "full"
    device.symlink_to("/dev/full")  # by a name of its own: what would replace it hurts nobody
    for output in (str(device), "-"):
        with open("/dev/full", "wb") as full:
            line = [sys.executable, "-m", "license_server", *ISSUE, "-o", output]
            done = subprocess.run(
                line,
                env=server.environment(data),
                cwd=server.REPOSITORY,
                stdout=full,
                stderr=subprocess.PIPE,
                text=True,
            )
        assert done.returncode == exit_code("license-not-written"), done.stderr
        number = re.search(r"Licence (HS-\S+) was issued", done.stderr)
        assert number
        command = re.search(r"`(.* file HS-.* -o) FILE`", done.stderr)
        assert command
        assert "xception" not in done.stderr
        fetched = subprocess.run(
            [*shlex.split(command[1]), str(tmp_path / "license.dat")],
            env=server.environment(data),
            cwd=server.REPOSITORY,
            capture_output=True,
        )
        assert fetched.returncode == 0, fetched.stderr
        file = (tmp_path / "license.dat").read_bytes()
        assert open_license(file, roots=server.roots(data)).license.jti == number[1]


def test_issue_warns_of_a_replaced_file_and_another_valid_licence(
    data: Path, tmp_path: Path
) -> None:
    out = tmp_path / "license.dat"
    first = run(data, *ISSUE, "-o", str(out))
    assert "[W]" not in first.stderr
    number = first.stderr.split()[0]
    second = run(data, *ISSUE, "-o", str(out))
    assert second.returncode == 0
    assert f"[W]: {out} already existed and was replaced." in second.stderr
    assert f"`--replaces {number}`" in second.stderr
    third = run(data, *ISSUE, "-o", "-", "--replaces", number)
    assert third.stderr.count("[W]") == 1  # the second one; the first was named


def test_issue_suggests_the_at_sign_before_a_file_name(data: Path, tmp_path: Path) -> None:
    sent = tmp_path / "request.txt"
    sent.write_text(LINE, "utf-8")
    done = run(data, *ISSUE, "--host", str(sent), "-o", "-")
    assert done.returncode == exit_code("input-invalid")
    assert f"`--host @{sent}`" in done.stderr


def test_issue_to_stdout_prints_only_the_licence_file(data: Path) -> None:
    done = run(data, *ISSUE, "-o", "-")
    assert open_license(done.stdout.encode(), roots=server.roots(data))


@pytest.mark.parametrize(
    ("arguments", "slug"),
    [
        (["--limit", "gpus"], "input-invalid"),
        (["--limit", "gpus=-1"], "input-invalid"),
        (["--limit", f"gpus={'9' * 5000}"], "input-invalid"),
        (["--limit", "gpus=1", "--limit", "gpus=9"], "input-invalid"),
        (["--customer", os.fsdecode(b"\xff")], "input-invalid"),
        (["--host", "@/nonexistent/request.txt"], "file-unreadable"),
        (["--host", "hello"], "request-unreadable"),
        (["--days", "0"], "input-invalid"),
        (["--days", "many"], "usage"),
        (["-o", "/nonexistent/folder/file"], "folder-missing"),
    ],
)
def test_failed_issue_records_nothing(
    data: Path, tmp_path: Path, arguments: list[str], slug: str
) -> None:
    done = run(data, *ISSUE, "-o", str(tmp_path / "license.dat"), *arguments)
    assert done.returncode == exit_code(slug), done.stderr
    assert not (tmp_path / "license.dat").exists()
    assert licenses(data) == 0


@softhsm.about_key_files
def test_wrong_passphrase_is_reported(data: Path) -> None:
    done = run(data, *ISSUE, "-o", "-", LICENSE_SERVER_PASSPHRASE="wrong")
    assert done.returncode == exit_code("passphrase-wrong")


def test_issue_writes_into_a_pipe_or_symlink_without_replacing_it(
    data: Path, tmp_path: Path
) -> None:
    pipe, link, target = tmp_path / "pipe", tmp_path / "link", tmp_path / "target"
    os.mkfifo(pipe)
    link.symlink_to(target)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        assert run(data, *ISSUE, "-o", str(pipe)).returncode == 0
        assert open_license(os.read(reader, 65536), roots=server.roots(data))
    finally:
        os.close(reader)
    assert pipe.is_fifo()
    assert run(data, *ISSUE, "-o", str(link)).returncode == 0
    assert link.is_symlink()
    assert open_license(target.read_bytes(), roots=server.roots(data))

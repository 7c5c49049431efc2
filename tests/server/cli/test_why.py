"""``why``: from what an operator sent to the command that mends it."""

import re
from pathlib import Path

from tests.support.problems import exit_code
from tests.support.requests import of_container
from tests.support.shell import run

ISSUE = ("issue", "--customer", "ACME", "--product", "darwin", "--days", "30", "-o", "-")


def test_why_names_the_licence_and_the_command_that_moves_it(data: Path, tmp_path: Path) -> None:
    folder = tmp_path / "hosts"
    folder.mkdir()
    issued = run(data, *ISSUE, "--host", of_container(folder).to_text())
    found = re.search(r"HS-\d{4}-\w{8}", issued.stderr)
    assert found, issued.stderr
    mail = tmp_path / "mail.txt"
    mail.write_text(f"It stopped!\n{of_container(folder, ip='172.17.0.9').to_text()}", "utf-8")
    told = run(data, "why", str(mail))
    assert told.returncode == 0, told.stderr
    assert f"[N]: {found[0]} for ACME (product darwin, host studio2_gpu)" in told.stdout
    assert f"[W]: Only the IP address differs from the host of {found[0]}." in told.stdout
    line = next(one for one in told.stdout.splitlines() if "rehost" in one)
    words = line.replace("TEXT", "moved").replace("license.dat", str(tmp_path / "new")).split()
    assert words[0] == "license-server"
    moved = run(data, *words[1:])
    assert moved.returncode == 0, moved.stderr
    assert run(data, "why", str(mail)).stdout.count("license-server rehost") == 0


def test_why_says_what_it_cannot_read_or_find(data: Path, tmp_path: Path) -> None:
    mail = tmp_path / "mail.txt"
    mail.write_text("gpu box 7 stopped: HS-2026-7F3K9QXB", "utf-8")
    told = run(data, "why", str(mail)).stdout
    assert "[W]: No licence has the number HS-2026-7F3K9QXB." in told
    assert "[E]: No licence was found for it." in told
    assert run(data, "why", str(tmp_path / "none")).returncode == exit_code("file-unreadable")

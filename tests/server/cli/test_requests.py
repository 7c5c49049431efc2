"""``license-server requests``: the queue in the shell, from a mail to the file."""

from pathlib import Path

import pytest

from license_core.license import License
from license_core.verify import open_license
from tests.support import server
from tests.support.requests import of_container
from tests.support.shell import command, run

NAMED = ("--customer", "ACME", "--product", "darwin", "--sender", "li@acme.example")


@pytest.fixture
def asked(tmp_path: Path, data: Path) -> Path:
    """A mail with the request of a container, for a vendor with a product."""
    command(data, "product", "add", "darwin")
    mail = tmp_path / "mail.txt"
    mail.write_text(f"Dear support,\n\n{of_container(tmp_path).to_text()}\nLi\x1b[2J\n", "utf-8")
    return mail


def licence(data: Path, path: Path) -> License:
    return open_license(path.read_bytes(), roots=server.roots(data)).license


def test_mail_is_filed_once_shown_and_issued(data: Path, asked: Path, tmp_path: Path) -> None:
    filed = run(data, "requests", "file", str(asked), *NAMED)
    assert filed.stdout.splitlines()[0] == "Filed as request 1."
    again = run(data, "requests", "file", str(asked), *NAMED)
    assert "This was asked before: it is request 1, which is in the queue." in again.stdout
    shown = run(data, "requests", "show", "1").stdout
    for said in ("customer   ACME (given)", "sender     li@acme.example", "  Dear support,"):
        assert said in shown, said
    assert "\x1b" not in shown
    listed = run(data, "requests", "list").stdout.splitlines()
    assert listed[1].split()[:2] == ["1", "new"]
    out = tmp_path / "license.dat"
    issued = run(data, "requests", "issue", "1", "--days", "30", "-o", str(out))
    assert issued.returncode == 0, issued.stderr
    assert licence(data, out).sub == "ACME"
    assert run(data, "requests", "list").stdout.splitlines()[1:] == []
    everything = run(data, "requests", "list", "--all").stdout
    assert licence(data, out).jti in everything
    late = run(data, "requests", "refuse", "1", "--reason", "late")
    assert f"Request 1 is answered with {licence(data, out).jti}." in late.stderr


def test_drifted_host_is_moved(data: Path, asked: Path, tmp_path: Path) -> None:
    run(data, "requests", "file", str(asked), *NAMED)
    first, second = tmp_path / "first.dat", tmp_path / "second.dat"
    run(data, "requests", "issue", "1", "--days", "30", "-o", str(first))
    asked.write_text(of_container(tmp_path, ip="172.17.0.9").to_text())
    run(data, "requests", "file", str(asked), *NAMED)
    shown = run(data, "requests", "show", "2").stdout
    before = licence(data, first)
    assert f"Only the IP address differs from the host of {before.jti}." in shown
    moved = run(data, "requests", "issue", "2", "--move", "-o", str(second))
    assert moved.returncode == 0, moved.stderr
    assert licence(data, second).replaces == before.jti


def test_guarded_product_makes_a_proposal_and_no_file(
    data: Path, asked: Path, tmp_path: Path
) -> None:
    command(data, "product", "change", "darwin", "--needs-approval")
    run(data, "requests", "file", str(asked), *NAMED)
    out = tmp_path / "license.dat"
    done = run(data, "requests", "issue", "1", "--days", "30", "-o", str(out))
    assert done.returncode == 96
    assert not out.exists()
    assert "waiting" in run(data, "requests", "list").stdout


def test_text_without_a_host_is_filed_and_refused(data: Path, asked: Path) -> None:
    asked.write_text("please send us our licence")
    run(data, "requests", "file", str(asked))
    assert "No host was read" in run(data, "requests", "show", "1").stdout
    done = run(data, "requests", "refuse", "1", "--reason", "who are you?")
    assert done.stdout == "Request 1 refused.\n"

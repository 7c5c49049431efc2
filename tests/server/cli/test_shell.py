"""The ledger from the shell: ``license-server`` does what the API does."""

from pathlib import Path

import pytest

from license_core.verify import open_license
from tests.support import cli_tables, server
from tests.support.server import LINE, OTHER_LINE
from tests.support.shell import command


def run(data: Path, *arguments: str, code: int = 0) -> str:
    """What a command says, on both streams."""
    env = {"LICENSE_SERVER_PASSPHRASE": server.PASSPHRASE}
    done = server.at_once("--data", str(data), *arguments, env=server.environment(data) | env)
    assert done.returncode == code, done.stderr
    return done.stdout + done.stderr


def issued(data: Path, path: Path, *arguments: str) -> str:
    """The number of the licence that a command wrote to *path*."""
    run(data, *arguments, "-o", str(path))
    return open_license(path.read_bytes(), roots=server.roots(data)).license.jti


def test_shell_commands_cover_a_licences_whole_history(data: Path, tmp_path: Path) -> None:
    order = ("issue", "--customer", "ACME", "--product", "darwin", "--days", "9", "--host", LINE)
    first = issued(data, tmp_path / "1.dat", *order)
    second = issued(data, tmp_path / "2.dat", "renew", first, "--days", "30")
    third = issued(
        data, tmp_path / "3.dat", "rehost", second, "--host", OTHER_LINE, "--reason", "moved"
    )
    fourth = issued(data, tmp_path / "4.dat", "change", third, "--limit", "gpus=8", "--yes")
    assert "suspended" in run(data, "suspend", fourth, "--reason", "unpaid")
    fifth = issued(data, tmp_path / "5.dat", "reinstate", fourth, "--reason", "paid")
    assert "revoked" in run(data, "revoke", fifth, "--reason", "stolen", "--yes")
    told = run(data, "history", first)
    for number in (first, second, third, fourth, fifth):
        assert number in told
    assert "license.rehosted" in told
    assert ": moved" in told
    limits = open_license(
        (tmp_path / "5.dat").read_bytes(), roots=server.roots(data)
    ).license.limits
    assert limits == {"gpus": 8}
    assert "was revoked" in run(data, "renew", fifth, "--days", "3", "-o", "-", code=90)


def test_shell_commands_manage_customers_products_and_proposals(data: Path, tmp_path: Path) -> None:
    assert "ACME" in run(data, "customer", "add", "ACME", "--contact-email", "it@acme.example")
    run(data, "customer", "change", "ACME", "--rename", "ACME Corp", "--notes", "pays late")
    assert "it@acme.example" in run(data, "customer", "list", "--search", "corp")
    run(data, "product", "add", "darwin", "--defaults", '{"days": 30}', "--needs-approval")
    (listed,) = cli_tables.rows(run(data, "product", "list"))
    assert (listed["NAME"], listed["LONGEST TERM"], listed["APPROVAL"]) == ("darwin", "any", "yes")
    order = ("issue", "--customer", "ACME Corp", "--product", "darwin", "--host", LINE)
    path = tmp_path / "license.dat"
    assert "waiting as proposal 1" in run(data, *order, "-o", str(path), code=96)
    assert not path.exists()
    assert "ACME Corp" in run(data, "proposal", "list")
    assert "someone else" in run(data, "proposal", "approve", "1", code=79)
    run(data, "proposal", "refuse", "1", "--reason", "a mistake")
    assert run(data, "proposal", "list") == "No proposal waits.\n"
    run(data, "product", "change", "darwin", "--needs-no-approval", "--longest-days", "20")
    (listed,) = cli_tables.rows(run(data, "product", "list"))
    assert (listed["LONGEST TERM"], listed["APPROVAL"]) == ("20 d", "")
    assert "20-day limit" in run(data, *order, "--days", "60", "-o", str(path), code=91)


@pytest.mark.parametrize("arguments", [["renew"], ["product", "add"], ["customer"]])
def test_command_groups_have_help_pages(data: Path, arguments: list[str]) -> None:
    code, _ = command(data, *arguments, "--help")
    assert code == 0

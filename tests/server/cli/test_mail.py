"""``license-server mail``: a licence is queued, looked at, cancelled, and held after a restore."""

from pathlib import Path

from license_core.verify import open_license
from tests.support import server
from tests.support.cli_tables import rows
from tests.support.server import LINE

SENDS = {
    "LICENSE_SERVER_SMTP_HOST": "smtp.vendor.example",
    "LICENSE_SERVER_MAIL_FROM": "Vendor <support@vendor.example>",
}


def run(data: Path, *arguments: str, code: int = 0, **more: str) -> str:
    """What a command says, on both streams."""
    env = server.environment(data) | SENDS | more
    done = server.at_once("--data", str(data), *arguments, env=env)
    assert done.returncode == code, done.stderr
    return done.stdout + done.stderr


def issued(data: Path, folder: Path) -> str:
    """A licence of a customer who has an address; its number."""
    run(data, "customer", "add", "ACME", "--contact-email", "li@acme.example")
    order = ("issue", "--customer", "ACME", "--product", "darwin", "--days", "9", "--host", LINE)
    run(data, *order, "-o", str(folder / "1.dat"))
    file = (folder / "1.dat").read_bytes()
    return open_license(file, roots=server.roots(data)).license.jti


def test_a_licence_is_queued_shown_and_cancelled_in_the_shell(data: Path, tmp_path: Path) -> None:
    number = issued(data, tmp_path)
    assert "Mail 1 to li@acme.example is queued." in run(data, "mail", "send", number)
    (row,) = rows(run(data, "mail", "list"))
    told = [row[name] for name in ("NUMBER", "STATE", "LICENCE", "TO")]
    assert told == ["1", "waiting", number, "li@acme.example"]
    shown = run(data, "mail", "show", "1")
    assert "BEGIN LICENSE" in shown
    assert "Answer: none yet" in shown
    run(data, "mail", "retry", "1")
    run(data, "mail", "cancel", "1")
    refused = run(data, "mail", "retry", "1", code=108)
    assert 'The state of mail 1 is "cancelled"; nothing was done.' in refused
    assert run(data, "mail", "list") == "No mail is waiting.\n"
    assert "cancelled" in run(data, "mail", "list", "--all")
    nothing = run(data, "renewals", "--product", "studio")
    assert nothing == "No licence expires that matches.\n"
    assert run(data, "portal", "list", "ACME") == "This customer has no links.\n"
    run(data, "fsck")


def test_a_server_without_a_mail_server_queues_nothing(data: Path, tmp_path: Path) -> None:
    number = issued(data, tmp_path)
    said = run(data, "mail", "send", number, code=107, LICENSE_SERVER_SMTP_HOST="")
    assert "LICENSE_SERVER_SMTP_HOST" in said
    assert run(data, "mail", "list") == "No mail is waiting.\n"


def test_what_was_waiting_is_held_and_named_after_a_restore(data: Path, tmp_path: Path) -> None:
    run(data, "mail", "send", issued(data, tmp_path))
    run(data, "backup", "-o", str(tmp_path / "b.tar"), "--with-keys")
    again = tmp_path / "again"
    said = run(again, "restore", str(tmp_path / "b.tar"))
    assert "held mails: 1 to li@acme.example" in said
    assert rows(run(again, "mail", "list"))[0]["STATE"] == "held"
    run(again, "mail", "retry", "1")
    assert rows(run(again, "mail", "list"))[0]["STATE"] == "waiting"

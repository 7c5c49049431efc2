"""Every problem that only the server raises, through its command or over HTTP."""

import socket
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy

from license_core.problems import PROBLEMS
from license_server.http.problem_types import ROWS, STATUS
from license_server.operations import data_folder, schema
from tests.support import server, softhsm
from tests.support.desk import Desk
from tests.support.pages import hidden
from tests.support.server import EMAIL, LINE
from tests.support.shell import command

SERVER_ONLY = ROWS.keys() - {row.slug for row in PROBLEMS.values()}

ISSUE = ["issue", "--customer", "ACME", "--product", "darwin", "--days", "9", "-o", "-", "--host"]
ISSUE_REQUEST = ["requests", "issue", "1", "--days", "9", "-o", "-", "--customer"]
ISSUE_NEARLY = ["dawrin" if word == "darwin" else word for word in ISSUE]


def _damaged_database(data: Path) -> None:
    (data / "hostseal.db").write_bytes(b"no database" * 99)


def _version(version: str) -> Callable[[Path], None]:
    def change(data: Path) -> None:
        database = data_folder.open_database(server.settings(data))
        query = sqlalchemy.text("update alembic_version set version_num = :version")
        database.write(lambda connection: connection.execute(query, {"version": version}))
        database.close()

    return change


def _open_key(data: Path) -> None:
    (data / "keys" / "signing.key.pem").chmod(0o640)


def _no_key(data: Path) -> None:
    (data / "keys" / "signing.key.pem").unlink()


def _other_role(data: Path) -> None:
    database = data_folder.open_database(server.settings(data))
    database.write(lambda c: c.execute(sqlalchemy.text("update users set role = 'reader'")))
    database.close()


def _sheet(data: Path, text: str) -> None:
    (data / "orders.csv").write_text(text)


def _key_of_a_strange_name(data: Path) -> None:
    (data / "root copy.pub.pem").write_bytes(b"")


def _product_darwin(data: Path) -> None:
    command(data, "product", "add", "darwin")


def _archived_product(data: Path) -> None:
    _product_darwin(data)
    command(data, "product", "archive", "darwin")


def _after_a_trial(data: Path) -> None:
    _product_darwin(data)
    command(data, "plan", "add", "darwin", "Trial", "--days", "30", "--trial")
    command(data, *ISSUE, LINE, "--plan", "Trial")


def _refused_request(data: Path) -> None:
    _request(data, LINE)
    command(data, "requests", "refuse", "1", "--reason", "no contract")


def _request_without_host(data: Path) -> None:
    _request(data, "please send us our licence")


def _request(data: Path, text: str) -> None:
    (data / "mail.txt").write_text(text)
    command(data, "requests", "file", str(data / "mail.txt"), "--product", "darwin")


def _nothing(_: Path) -> None:
    pass


COMMANDS: dict[str, tuple[Callable[[Path], object], list[str], dict[str, str | None]]] = {
    "request-unreadable": (_nothing, [*ISSUE, "hello"], {}),
    "request-damaged": (
        _nothing,
        [*ISSUE, "-----BEGIN LICENSE REQUEST-----\nA\n-----END LICENSE REQUEST-----"],
        {},
    ),
    "request-ambiguous": (_nothing, [*ISSUE, f"{LINE} {LINE.replace('5', '6')}"], {}),
    "passphrase-missing": (_nothing, [*ISSUE, LINE], {"LICENSE_SERVER_PASSPHRASE": None}),
    "passphrase-wrong": (_nothing, [*ISSUE, LINE], {"LICENSE_SERVER_PASSPHRASE": "wrong"}),
    "already-initialised": (
        _nothing,
        ["init"],
        {"LICENSE_SERVER_ADMIN_PASSWORD": "a long password"},
    ),
    "not-initialised": (lambda data: (data / "root.pub.pem").unlink(), [*ISSUE, LINE], {}),
    "database-unavailable": (_damaged_database, [*ISSUE, LINE], {}),
    "signer-unavailable": (_no_key, [*ISSUE, LINE], {}),
    "secret-file-open": (_open_key, [*ISSUE, LINE], {}),
    "input-invalid": (_nothing, [*ISSUE, LINE, "--limit", "gpus"], {}),
    "product-unknown": (_product_darwin, [*ISSUE_NEARLY, LINE], {}),
    "archived": (_archived_product, [*ISSUE, LINE], {}),
    "plan-unknown": (_product_darwin, [*ISSUE, LINE, "--plan", "Pro"], {}),
    "trial-used": (_after_a_trial, [*ISSUE, LINE, "--plan", "Trial"], {}),
    "request-closed": (_refused_request, [*ISSUE_REQUEST, "ACME"], {}),
    "request-without-host": (_request_without_host, [*ISSUE_REQUEST, "ACME"], {}),
    "schema-newer": (_version("9999"), [*ISSUE, LINE], {}),
    "address-in-use": (_nothing, ["serve", "--port", "{taken}"], {}),
    "not-found": (_nothing, ["token", "revoke", "nobody"], {}),
    "last-administrator": (_nothing, ["user", "end", EMAIL], {}),
    "sheet-invalid": (
        lambda data: _sheet(data, "salary\n1\n"),
        ["import", "licenses", "{data}/orders.csv"],
        {},
    ),
    "import-refused": (
        lambda data: _sheet(data, "customer,host\nACME,nothing\n"),
        ["import", "licenses", "{data}/orders.csv"],
        {},
    ),
    "usage": (_nothing, ["serve", "--nonsense"], {}),
    "record-broken": (_other_role, ["fsck"], {}),
    "record-key-unavailable": (lambda data: (data / "record.pub.pem").unlink(), ["fsck"], {}),
    "keyset-refused": (
        _nothing,
        ["keys", "install", str(server.REPOSITORY / "README.md")],
        {},
    ),
    "revocations-too-large": (
        _nothing,
        ["revocations", "publish", "-o", "-"],
        {"LICENSE_SERVER_REVOCATIONS_BYTES": "1024"},
    ),
    "backup-invalid": (_nothing, ["restore", "/dev/null"], {}),
    "check-failed": (lambda data: data.chmod(0o755), ["check", "--offline"], {}),
    "ledger-superseded": (lambda data: (data / "ledger").write_text("x"), [*ISSUE, LINE], {}),
    "backup-not-made": (_key_of_a_strange_name, ["backup", "-o", "/dev/null"], {}),
}


_OF_KEY_FILES = {"passphrase-missing", "passphrase-wrong", "signer-unavailable", "secret-file-open"}


@pytest.mark.parametrize(
    "slug",
    [
        pytest.param(slug, marks=softhsm.about_key_files) if slug in _OF_KEY_FILES else slug
        for slug in COMMANDS
    ],
)
def test_command_exits_with_the_problems_code(data: Path, slug: str) -> None:
    prepare, arguments, env = COMMANDS[slug]
    prepare(data)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        facts = {"{data}": str(data), "{taken}": str(taken.getsockname()[1])}
        given = [facts.get(one, one).replace("{data}", str(data)) for one in arguments]
        code, said = command(data, *given, **env)
    assert code == ROWS[slug].exit_code, said
    assert "[E]: " in said


def test_older_database_is_reported_with_the_upgrade_command(data: Path) -> None:
    database = data_folder.open_database(server.settings(data))
    database.write(lambda connection: schema.downgrade(connection, "0001"))
    database.close()
    code, said = command(data, *ISSUE, LINE)
    assert code == ROWS["schema-outdated"].exit_code
    assert f"`license-server --data {data} upgrade`" in said


def _api(desk: Desk, method: str, path: str, **more: object) -> str:
    reply = desk.client.request(method, f"/api/v1{path}", headers=desk.bearer, **more)  # type: ignore[arg-type]
    document = reply.json()
    slug = str(document["type"]).rpartition("/")[2]
    assert reply.status_code == document["status"] == STATUS[slug]
    return slug


def test_api_problems_have_their_status(desk: Desk) -> None:
    order = {"customer": "A", "product": "b", "days": 1, "host": LINE}
    key = {"Idempotency-Key": f"k{desk.clock.now}"}
    assert _api(desk, "GET", "/nothing") == "not-found"
    assert _api(desk, "PUT", "/licenses") == "method-not-allowed"
    assert _api(desk, "POST", "/licenses", content=b"x" * 300_000) == "request-too-large"
    desk.client.post("/api/v1/licenses", json=order, headers=desk.bearer | key)
    reply = desk.client.post(
        "/api/v1/licenses", json=order | {"days": 2}, headers=desk.bearer | key
    )
    assert reply.json()["type"] == "/problems/idempotency-key-reused"
    assert desk.client.get("/api/v1/licenses").json()["type"] == "/problems/not-authenticated"


def test_desk_problems_are_shown_by_title(desk: Desk) -> None:
    def sign_in(**changed: str) -> str:
        token = hidden(desk.client.get("/login").text, "form_token")
        fields = {"form_token": token, "email": f"x{desk.clock.now}@a", "password": "wrong"}
        return str(desk.client.post("/login", data=fields | changed).text)

    assert ROWS["form-expired"].title in sign_in(form_token="another")
    told = [sign_in() for _ in range(7)]
    assert ROWS["too-many-attempts"].title in told[-1]
    assert EMAIL not in told[-1]
    reply = desk.client.get("/invitation?secret=none")
    assert reply.status_code == STATUS["invitation-over"]
    assert ROWS["invitation-over"].title in reply.text


def test_every_server_problem_has_a_case() -> None:
    over_http = {
        "not-authenticated",
        "form-expired",
        "invitation-over",
        "portal-link-over",  # portal/test_portal_api.py
        "license-erased",  # erasure/test_customer_erasure.py
        "licenses-live",
        "openid-refused",  # test_openid.py
        "codes-required",  # test_codes_required.py
        "openid-unavailable",
        "rate-limited",  # test_rates.py
        "too-many-attempts",
        "idempotency-key-reused",
        "method-not-allowed",
        "request-too-large",
        # licenses/test_actions.py
        "still-running",
        "server-stopping",  # test_stops.py
        "changed-meanwhile",
        "license-state",
        "term-too-long",
        "rehosts-used-up",
        "stop-gap-used",
        "proposal-decided",
        "mail-off",  # mail/test_outbox_desk.py
        "mail-state",
        "mailbox-off",  # mail/test_mailbox.py
        "mailbox-unreadable",
        # test_api.py
        "term-over",
        "evidence-missing",
        "too-large-to-sign",  # signing/test_key_services.py
        "signing-over",  # web/test_issue.py, operations/test_check.py
    }
    # tests/server/cli/test_command.py, test_shell.py, test_base_install.py
    process = {"data-folder-open"}  # operations/test_ledger_identity.py
    process |= {"license-not-written", "name-taken", "approval-pending", "extra-missing"}
    assert COMMANDS.keys() | over_http | process | {"schema-outdated"} >= SERVER_ONLY


def test_server_remedies_do_not_mention_the_client_command() -> None:
    for slug in SERVER_ONLY:
        assert "{cli}" not in ROWS[slug].remedy, slug

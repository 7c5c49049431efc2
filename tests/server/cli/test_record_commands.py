"""``license-server audit`` and ``fsck``: output, files and exit codes."""

import io
import json
import shutil
import sqlite3
from pathlib import Path

import pytest

from license_server.cli.progress import Progress
from license_server.http.problem_types import ROWS
from license_server.operations import data_folder, schema
from tests.support import server
from tests.support.ledger import NOW, line, new_ledger, walk

CODES = {slug: row.exit_code for slug, row in ROWS.items()}
NO_SECRET = {"LICENSE_SERVER_PASSPHRASE": None, "LICENSE_SERVER_PASSPHRASE_FILE": None}


@pytest.fixture(scope="module")
def walked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a vendor who has done everything, whose bytes no test changes."""
    ledger = new_ledger(tmp_path_factory.mktemp("vendor"), None)
    walk(ledger)
    ledger.site.database.close()
    return ledger.settings.data


@pytest.fixture
def vendor(walked: Path, tmp_path: Path) -> Path:
    """A copy of that folder."""
    copy = tmp_path / "server"
    copy.mkdir()
    for path in walked.rglob("*"):
        if path.is_file():
            (copy / path.relative_to(walked)).parent.mkdir(exist_ok=True)
            shutil.copy(path, copy / path.relative_to(walked))  # with its mode
    return copy


def run(data: Path, *arguments: str, **env: str | None) -> tuple[int, str, str]:
    given: dict[str, str | None] = {"LICENSE_SERVER_PASSPHRASE": server.PASSPHRASE}
    done = server.at_once("--data", str(data), *arguments, env=given | env)
    assert "Traceback" not in done.stdout + done.stderr
    return done.returncode, done.stdout, done.stderr


def edit(data: Path, query: str) -> None:
    database = sqlite3.connect(data / "hostseal.db")
    with database:
        database.execute(query)
    database.close()


def test_untouched_ledger_passes_without_a_passphrase(vendor: Path, tmp_path: Path) -> None:
    kept = str(tmp_path / "checkpoint")
    code, _, err = run(vendor, "audit", "checkpoint", "-o", kept)
    assert (code, "Checkpoint at position" in err) == (0, True)
    for check in (("fsck",), ("audit", "verify")):
        code, out, _ = run(vendor, *check, "--checkpoint", kept, **NO_SECRET)
        assert (code, "No faults found" in out) == (0, True)
        code, out, _ = run(vendor, *check, "--checkpoint", kept, "--json", **NO_SECRET)
        assert (code, json.loads(out)["faults"]) == (0, 0)


def test_fsck_prints_each_fault_as_a_line_or_json_object(vendor: Path) -> None:
    edit(vendor, "update customers set notes = 'x' where name = 'Other'")
    edit(vendor, "update licenses set host_name = 'elsewhere' where id = 1")
    code, out, err = run(vendor, "fsck")
    assert code == CODES["record-broken"]
    assert [text.partition(":")[0] for text in out.splitlines()] == [
        "row-differs",
        "row-differs",
        "license-differs",
    ]
    assert "Faults found: 3" in err
    assert "as evidence" in err
    code, out, _ = run(vendor, "fsck", "--json")
    *faults, last = map(json.loads, out.splitlines())
    assert code == CODES["record-broken"]
    assert [fault["fault"] for fault in faults] == ["row-differs", "row-differs", "license-differs"]
    assert faults[2]["detail"] == "its host_name does not match what was signed"
    assert last["faults"] == 3
    assert run(vendor, "audit", "verify")[0] == 0  # the record itself is whole


@pytest.mark.parametrize(
    ("query", "kind"),
    [
        ("update audit_events set reason = 'x' where id = 5", "chain-broken"),
        ("delete from audit_events where position = 3", "chain-gap"),
        ("delete from audit_events where position > 9", "chain-cut"),
        ("update audit_events set position = position + 1000 where position > 9", "chain-gap"),
        ("delete from checkpoints where position in (select min(position) from checkpoints)",
         "checkpoint-gone"),
        ("update checkpoints set created_at = created_at + 1", "checkpoint-invalid"),
        ("update checkpoints set token = 'a.b.c'", "checkpoint-invalid"),
        ("update audit_events set rows = 'x' where position = 1", "event-invalid"),
        ("update audit_events set rows = '[]' where position = 1", "event-invalid"),
        ("update audit_events set position = 'x' where position = 4", "chain-gap"),
        ("update keysets set token = 'a.b.c'", "keyset-invalid"),
        ("update licenses set token = x'00' where id = 2", "license-invalid"),
        ("update licenses set product_id = 2 where id = 2", "license-differs"),
        ("update licenses set line = 'HS-2026-00000000' where id = 2", "line-broken"),
        ("update licenses set replaced_by = null where id = 1", "line-broken"),
        ("update licenses set replaced_by = number where id = 1", "line-broken"),
        ("update licenses set plan = 'Gold' where id = 2", "plan-unknown"),
        ("update licenses set kind = 'gift' where id = 2", "kind-differs"),
        ("update licenses set stands_for = number where id = 2", "kind-differs"),
        ("update licenses set kind = 'stop-gap', stands_for = 'HS-0' where id = 2", "kind-differs"),
        ("update licenses set host_tag = 'x' where id = 2", "kind-differs"),
        ("update licenses set kind = 'trial'", "given-twice"),
        ("update requests set state = 'issued' where state = 'new'", "request-differs"),
        ("update requests set state = 'new' where state = 'waiting'", "request-differs"),
        ("update requests set state = 'lost' where state = 'new'", "request-differs"),
        ("update requests set open_key = null where state = 'new'", "request-differs"),
        ("update requests set closed_at = null where state = 'issued'", "request-differs"),
        ("update requests set license = 'HS-2026-00000000' where state = 'issued'",
         "request-differs"),
        ("update requests set earlier = 'HS-2026-00000000' where id = 1", "request-differs"),
        ("update requests set proposal = null where state = 'waiting'", "request-differs"),
        ("update requests set proposal = 999 where state = 'waiting'", "request-differs"),
        ("update proposals set state = 'refused' where state = 'waiting'", "request-differs"),
        ("update proposals set number = null where state = 'approved'", "request-differs"),
        ("delete from requests where state = 'expired'", "row-gone"),
        ("update customers set notes = x'ff' where id = 1", "row-differs"),
        ("delete from tokens where name = 'crm'", "row-gone"),
        ("insert into customers (name, created_at) values ('M', 1)", "row-unrecorded"),
        ("update idempotency_keys set location = '/api/v1/licenses/HS-2026-00000000'",
         "reply-wrong"),
    ],
)  # fmt: skip
def test_fsck_reports_every_kind_of_fault(vendor: Path, query: str, kind: str) -> None:
    edit(vendor, query)
    code, out, _ = run(vendor, "fsck", "--json")
    assert code == CODES["record-broken"]
    assert kind in [json.loads(text).get("fault") for text in out.splitlines()]


def test_rebuilt_hash_chain_fails_against_a_kept_checkpoint(vendor: Path, tmp_path: Path) -> None:
    """Whoever has the database and the record's key can make a chain that holds by itself."""
    kept, now = str(tmp_path / "kept"), str(tmp_path / "now")
    run(vendor, "audit", "checkpoint", "-o", kept)
    edit(vendor, "update audit_events set reason = 'another' where position = 4")
    edit(vendor, "update audit_events set position = null, link = null")
    edit(vendor, "delete from checkpoints")
    assert run(vendor, "audit", "checkpoint", "-o", now)[0] == 0
    assert run(vendor, "fsck", "--checkpoint", now)[0] == 0
    code, out, _ = run(vendor, "fsck", "--checkpoint", kept)
    assert (code, "checkpoint-differs" in out) == (CODES["record-broken"], True)


def test_unusable_checkpoint_files_are_reported(vendor: Path, tmp_path: Path) -> None:
    assert run(vendor, "fsck", "--checkpoint", "/nowhere")[0] == CODES["file-unreadable"]
    other = tmp_path / "other"
    other.write_bytes(b"\xff\0no token\n")
    code, out, _ = run(vendor, "audit", "verify", "--checkpoint", str(other))
    assert (code, out.startswith("checkpoint-invalid: ")) == (CODES["record-broken"], True)


def test_audit_list_filters_by_action_subject_and_date(vendor: Path) -> None:
    code, out, _ = run(vendor, "audit", "list", "--action", "license.revoked")
    (shown,) = out.splitlines()
    assert code == 0
    assert shown.split("\t")[1:4] == ["user:issuer@example.com", "192.0.2.7", "license.revoked"]
    assert shown.endswith("\tnot paid")
    number = shown.split("\t")[4]
    _, out, _ = run(vendor, "audit", "list", "--subject", number)
    assert len(out.splitlines()) == 2
    _, out, _ = run(vendor, "audit", "list", "--limit", "3")
    assert len(out.splitlines()) == 3
    day = "2026-11-18"  # of NOW
    assert run(vendor, "audit", "list", "--since", day, "--until", day)[1] != ""
    assert run(vendor, "audit", "list", "--until", "2026-11-17")[1] == ""
    assert run(vendor, "audit", "list", "--since", "2026-11-19")[1] == ""
    assert run(vendor, "audit", "list", "--since", "yesterday")[0] == CODES["usage"]
    assert NOW // 86400 == 20775


def test_audit_export_contains_the_whole_chain_and_no_secret(vendor: Path, tmp_path: Path) -> None:
    target = tmp_path / "record.jsonl"
    assert run(vendor, "audit", "export", "-o", str(target))[0] == 0
    lines = [json.loads(text) for text in target.read_text("utf-8").splitlines()]
    assert [each["position"] for each in lines] == list(range(1, len(lines) + 1))
    assert lines[0]["event"]["action"] == "server.initialised"
    assert "user.password-changed" in {each["event"]["action"] for each in lines}
    for secret in (server.PASSPHRASE, server.PASSWORD, "another one"):
        assert secret not in target.read_text("utf-8")


def test_upgrade_creates_a_missing_audit_log_key(vendor: Path, tmp_path: Path) -> None:
    (vendor / "keys" / "record.key.pem").unlink()
    (vendor / "record.pub.pem").unlink()
    assert run(vendor, "fsck")[0] == CODES["record-key-unavailable"]
    assert run(vendor, "serve", "--port", "0")[0] == CODES["record-key-unavailable"]
    database = data_folder.open_any_database(server.settings(vendor))
    database.write(lambda connection: schema.downgrade(connection, "0001"))
    database.close()
    assert run(vendor, "upgrade", **NO_SECRET)[0] == CODES["passphrase-missing"]
    assert run(vendor, "upgrade")[0] == 0
    before = (vendor / "record.pub.pem").read_bytes()
    assert run(vendor, "upgrade", **NO_SECRET)[0] == 0
    assert (vendor / "record.pub.pem").read_bytes() == before
    kept = str(tmp_path / "kept")
    assert run(vendor, "audit", "checkpoint", "-o", kept)[0] == 0
    assert run(vendor, "fsck", "--checkpoint", kept)[0] == 0


def test_mismatched_audit_log_key_is_reported(vendor: Path) -> None:
    (vendor / "record.pub.pem").write_bytes((vendor / "root.pub.pem").read_bytes())
    code, _, err = run(vendor, "audit", "checkpoint", "-o", "-")
    assert (code, "not the public half" in err) == (CODES["record-key-unavailable"], True)
    (vendor / "keys" / "record.key.pem").unlink()
    assert run(vendor, "audit", "checkpoint", "-o", "-")[0] == CODES["record-key-unavailable"]


def test_next_command_links_and_checkpoints_an_issued_licence(vendor: Path, tmp_path: Path) -> None:
    order = ("--customer", "A", "--product", "darwin", "--days", "9", "--host", line(20))
    assert run(vendor, "issue", *order, "-o", "-")[0] == 0
    assert run(vendor, "fsck")[0] == 0
    kept = str(tmp_path / "kept")
    run(vendor, "audit", "checkpoint", "-o", kept)
    edit(vendor, "update licenses set request = 'x' where id in (select max(id) from licenses)")
    assert run(vendor, "fsck", "--checkpoint", kept)[0] == CODES["record-broken"]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_progress_is_shown_only_at_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    for stream, shown in ((Terminal(), True), (io.StringIO(), False)):
        monkeypatch.setattr("sys.stderr", stream)
        progress = Progress(2500, "rows")
        for _ in range(2500):
            progress.advance(1)
        progress.clear()
        assert ("2,000 of 2,500 rows" in stream.getvalue()) is shown
        assert bool(stream.getvalue()) is shown

"""``webhook``: added, changed, rotated, paused, listed, replayed and removed."""

from pathlib import Path

import pytest

from tests.support.problems import exit_code
from tests.support.shell import run

URL = "https://crm.example.com/hooks/licences"


def test_webhook_lives_its_life_in_the_shell(data: Path) -> None:
    secret = run(data, "webhook", "add", "CRM", URL, "--event", "license.issued").stdout.strip()
    assert secret.startswith("whsec_")
    stored = (data / "hostseal.db").read_bytes()
    assert secret.removeprefix("whsec_").encode() not in stored
    assert run(data, "webhook", "add", "CRM", URL).returncode == exit_code("name-taken")
    assert run(data, "webhook", "pause", "CRM").returncode == 0
    listed = run(data, "webhook", "list").stdout
    assert "paused: asked" in listed
    assert secret not in listed
    assert run(data, "webhook", "test", "CRM").stdout.startswith("Delivery 1 is on its way")
    waiting = run(data, "webhook", "deliveries", "CRM", "--state", "waiting").stdout
    assert "webhook.test" in waiting
    assert run(data, "webhook", "change", "CRM", "--all-events", "--name", "ERP").returncode == 0
    assert run(data, "webhook", "rotate", "ERP", "--hours", "1").stdout.strip() != secret
    assert run(data, "webhook", "resume", "ERP", "--discard").returncode == 0
    assert "discarded" in run(data, "webhook", "deliveries", "ERP").stdout
    replayed = run(data, "webhook", "replay", "ERP", "--delivery", "1").stdout
    assert replayed == "1 delivery is sent again.\n"
    again = run(data, "webhook", "replay", "ERP", "--since", "2026-01-01", "--failed").stdout
    assert again == "0 deliveries are sent again.\n"
    assert run(data, "webhook", "remove", "ERP").returncode == 0
    assert run(data, "webhook", "pause", "ERP").returncode == exit_code("not-found")
    assert "ERP" not in run(data, "webhook", "list").stdout
    assert run(data, "fsck").returncode == 0


@pytest.mark.parametrize("url", ["https://127.0.0.1/", "http://crm.example.com/", "crm.example"])
def test_url_that_leads_nowhere_allowed_is_refused(data: Path, url: str) -> None:
    assert run(data, "webhook", "add", "CRM", url).returncode == exit_code("input-invalid")


def test_replay_wants_to_know_what(data: Path) -> None:
    run(data, "webhook", "add", "CRM", URL)
    assert run(data, "webhook", "replay", "CRM").returncode == exit_code("usage")
    assert run(data, "webhook", "replay", "CRM", "--delivery", "7").returncode == exit_code(
        "not-found"
    )


def test_deliveries_are_held_after_a_restore(data: Path, tmp_path: Path) -> None:
    run(data, "webhook", "add", "CRM", URL)
    run(data, "webhook", "test", "CRM")
    kept, restored = tmp_path / "kept.tar", tmp_path / "restored"
    assert run(data, "backup", "-o", str(kept), "--with-keys").returncode == 0
    said = run(restored, "restore", str(kept)).stdout
    assert "CRM" in said
    assert "paused: restored" in run(restored, "webhook", "list").stdout
    assert "waiting" in run(restored, "webhook", "deliveries", "CRM").stdout
    assert run(restored, "fsck").returncode == 0

"""``token`` and ``user``: created, listed, revoked."""

import os
import subprocess
import sys
from pathlib import Path

from license_server.access import invitations, tokens
from license_server.actor import Actor
from license_server.operations import data_folder
from license_server.permissions import ROLES
from tests.support import server
from tests.support.cli_tables import rows
from tests.support.problems import exit_code
from tests.support.shell import run

NEVER = 10**11
"""So late an instant that an invitation of then has not expired."""


def test_token_create_fails_when_the_token_cannot_be_printed(data: Path) -> None:
    line = [sys.executable, "-m", "license_server", "token", "create", "ci"]
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            line,
            env=server.environment(data),
            cwd=server.REPOSITORY,
            stdout=full,
            stderr=subprocess.PIPE,
        )
    assert done.returncode == exit_code("output-failed")
    assert b"Exception" not in done.stderr


def test_tokens_are_created_listed_and_revoked(data: Path) -> None:
    made = run(data, "token", "create", "ci").stdout.strip()
    listed = run(data, "token", "list").stdout
    assert "ci" in listed
    assert made.split("_", 2)[2] not in listed
    assert made.split("_", 2)[2].encode() not in (data / "hostseal.db").read_bytes()
    assert run(data, "token", "create", "ci").returncode == exit_code("name-taken")
    assert run(data, "token", "revoke", "ci").returncode == 0
    assert run(data, "token", "revoke", "ci").returncode == exit_code("not-found")


def test_users_are_added_and_given_passwords(data: Path) -> None:
    given = {"LICENSE_SERVER_ADMIN_PASSWORD": "another password"}
    assert (
        run(data, "user", "add", "Second@Example.com", "--role", "reader", **given).returncode == 0
    )
    again = run(data, "user", "add", "second@example.com", "--role", "reader", **given)
    assert again.returncode == exit_code("input-invalid")
    assert run(data, "user", "passwd", "second@example.com", **given).returncode == 0
    nobody = run(data, "user", "passwd", "nobody@example.com", **given)
    assert nobody.returncode == exit_code("not-found")


def test_user_commands_name_the_tokens_that_stop_and_go_on_with_the_account(data: Path) -> None:
    given = {"LICENSE_SERVER_ADMIN_PASSWORD": "another password"}
    assert run(data, "user", "add", "anna@example.com", "--role", "reader", **given).returncode == 0
    run(data, "token", "create", "portal")
    anna = Actor("user:anna@example.com", ROLES["administrator"])
    grant = tokens.Grant(frozenset({"licenses:read", "record:read"}))
    database = data_folder.open_database(server.settings(data))
    database.write(lambda c: tokens.new_token(c, "crm", anna, 1, os.urandom, grant))
    database.write(lambda c: invitations.invite(c, "b@x", "auditor", anna, NEVER, os.urandom))
    database.close()

    def listed() -> dict[str, list[str]]:
        found = rows(run(data, "token", "list").stdout)
        return {one["NAME"]: list(one.values())[1:] for one in found}

    assert "limited to that role: crm." in run(data, "user", "role", anna.name[5:], "issuer").stdout
    assert listed()["crm"][-1] == "created by anna@example.com (issuer): without record:read"
    assert "may not invite them any more" in run(data, "user", "list").stdout
    assert "ended with the account: crm." in run(data, "user", "end", anna.name[5:]).stdout
    assert listed()["crm"][3] == "ended with the account of anna@example.com"
    assert listed()["portal"][3::2] == ["no expiry", "created on the server"]
    assert "valid again: crm." in run(data, "user", "reopen", anna.name[5:]).stdout
    assert listed()["crm"][3] == "no expiry"

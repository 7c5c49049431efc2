"""In the shell, whoever typed the command is who acted."""

import json
import os
import pwd
from pathlib import Path

import pytest

from license_server.cli import caller
from tests.support.server import LINE, at_once, environment

ME = pwd.getpwuid(os.getuid()).pw_name


@pytest.mark.parametrize(
    ("environ", "name"),
    [
        ({}, f"command:{ME}"),
        ({"SUDO_USER": "alice"}, f"command:alice as {ME}"),
        ({"SUDO_USER": ME}, f"command:{ME}"),
        ({"SUDO_USER": "al\nice\t "}, f"command:alice as {ME}"),
    ],
)
def test_actor_is_the_login_and_whoever_called_sudo(environ: dict[str, str], name: str) -> None:
    assert caller.of(os.getuid(), environ).name == name


def test_user_without_a_name_is_told_by_number() -> None:
    assert caller.of(4_000_000_000, {}).name == "command:uid 4000000000"


def listed(data: Path, *options: str) -> list[list[str]]:
    done = at_once("audit", "list", *options, env=environment(data))
    assert done.returncode == 0, done.stderr
    return [line.split("\t") for line in done.stdout.splitlines()]


def test_issue_takes_a_reason_and_names_who_typed_it(data: Path) -> None:
    env = environment(data) | {"SUDO_USER": "alice"}
    words = ("--customer", "ACME", "--product", "darwin", "--days", "9", "--host", LINE)
    done = at_once("issue", *words, "--reason", "as agreed", "--yes", "-o", "-", env=env)
    assert done.returncode == 0, done.stderr
    who = f"command:alice as {ME}"
    (event,) = listed(data, "--action", "license.issued")
    assert (event[1], event[5]) == (who, "as agreed")
    assert [event[1] for event in listed(data, "--actor", "command", "--kind", "licenses")] == [who]
    assert listed(data, "--license", event[4])[0][3:5] == event[3:5]
    assert {event[4] for event in listed(data, "--customer", "ACME")} == {"ACME", event[4]}


def test_changes_are_in_the_list_of_events(data: Path) -> None:
    env = environment(data)
    at_once("product", "add", "seal", "--defaults", json.dumps({"days": 30}), env=env)
    at_once("product", "change", "seal", "--defaults", json.dumps({"days": 365}), env=env)
    (event,) = listed(data, "--action", "product.changed")
    assert event[6] == "defaults.days: 30 → 365"


def test_erased_values_are_gone_from_the_list_of_events(data: Path) -> None:
    env = environment(data)
    at_once("customer", "add", "ACME", "--contact-email", "ada@acme.example", env=env)
    assert "ada@acme.example" in listed(data, "--action", "customer.added")[0][6]
    at_once("portal", "link", "ACME", env=env | {"LICENSE_SERVER_PORTAL": "true"})
    erase = ("customer", "erase", "ACME", "--contact")
    assert at_once(*erase, env=env).returncode == 2  # it asks first
    assert at_once(*erase, "--yes", env=env).returncode == 0
    assert "contact_email: (erased)" in listed(data, "--action", "customer.added")[0][6]
    assert len(listed(data, "--action", "portal.link-withdrawn")) == 1
    assert at_once("fsck", env=env).returncode == 0


def test_one_command_does_not_approve_what_another_proposed(data: Path) -> None:
    env = environment(data)
    at_once("product", "add", "seal", "--needs-approval", env=env)
    words = ("--customer", "ACME", "--product", "seal", "--days", "9", "--host", LINE)
    at_once("issue", *words, "--yes", "-o", "-", env=env | {"SUDO_USER": "alice"})
    done = at_once("proposal", "approve", "1", env=env | {"SUDO_USER": "bob"})
    assert "your own proposal" in done.stderr

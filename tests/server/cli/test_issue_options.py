"""``issue``, ``renew`` and ``change``: the profile of a line, and what a successor takes away."""

import json
import re
from pathlib import Path

import pytest

from license_core.license import License
from license_core.request import LicenseRequest
from license_core.verify import open_license
from tests.support import server
from tests.support.problems import exit_code
from tests.support.server import KEY, LINE
from tests.support.shell import run

ORDER = ("issue", "--customer", "ACME", "--product", "darwin", "--days", "30")
OF_HOST = json.dumps([KEY, "studio2_gpu", "hk1-host"])


def issued(data: Path, *arguments: str) -> License:
    done = run(data, *arguments, "-o", "-")
    assert done.returncode == 0, done.stderr
    return open_license(done.stdout.encode(), roots=server.roots(data)).license


@pytest.mark.parametrize(
    ("host", "more", "profile"),
    [
        (LINE, (), "hk1"),
        (OF_HOST, (), "hk1-host"),
        (LINE, ("--profile", "hk1-host"), "hk1-host"),
        (OF_HOST, ("--profile", "hk1"), "hk1"),
        (KEY, ("--profile", "hk1-host"), "hk1-host"),
    ],
)
def test_the_licence_has_the_profile_of_the_line_or_of_the_option(
    data: Path, host: str, more: tuple[str, ...], profile: str
) -> None:
    license_ = issued(data, *ORDER, "--host", host, *more)
    assert (license_.host.key, license_.host.profile) == (KEY, profile)


def test_a_request_is_of_the_profile_that_it_says(data: Path) -> None:
    text = LicenseRequest(KEY, "x", "hk1-host", {"machine_id": "ab" * 8}).to_text()
    assert issued(data, *ORDER, "--host", text, "--profile", "hk1-host").host.name == "x"
    done = run(data, *ORDER, "--host", text, "--profile", "hk1", "-o", "-")
    assert done.returncode == exit_code("input-invalid")
    assert "the request is for profile hk1-host" in done.stderr


def test_a_move_takes_the_profile_too(data: Path) -> None:
    first = issued(data, *ORDER, "--host", LINE)
    moved = issued(
        *(data, "rehost", first.jti, "--reason", "x"),
        *("--host", LINE.replace("5591", "6602"), "--profile", "hk1-host"),
    )
    assert moved.host.profile == "hk1-host"


def test_an_anchored_licence_that_any_copy_can_use_says_so_where_it_is_ordered(
    data: Path,
) -> None:
    tags = dict.fromkeys(("hostname", "ip", "machine_id"), "0123456789abcdef")
    of_machine = LicenseRequest(KEY, "x", "hk1-host", tags).to_text()
    of_container = LicenseRequest(KEY, "x", "hk1", tags | {"container_id": "ab" * 8}).to_text()
    words = "it is valid in every container"
    for text, match, is_said in (
        (of_machine, "anchored", True),
        (of_machine, "exact", False),
        (of_container, "anchored", False),
    ):
        done = run(data, *ORDER, "--host", text, "--match", match, "-o", "-")
        assert (words in done.stderr) is is_said


@pytest.mark.parametrize(
    ("act", "words"),
    [
        (("change", "--limit", "gpus=2"), "without export; gpus 2 instead of 4"),
        (("change", "--feature", "train"), "without export"),
        (("renew", "--days", "2", "--continue-from", "now"), r"until .* instead of"),
    ],
    ids=lambda value: value[0],
)
def test_what_goes_is_said_before_it_is_done_and_a_script_agrees_beforehand(
    data: Path, act: tuple[str, ...], words: str
) -> None:
    order = (*ORDER, "--host", LINE, "--feature", "export", "--limit", "gpus=4")
    first = issued(data, *order)
    name, *options = act
    if "--limit" in act:
        options += ["--feature", "train"]
    refused = run(data, name, first.jti, *options, "-o", "-")
    assert (refused.returncode, refused.stdout) == (exit_code("usage"), "")
    assert "without a terminal nobody can be asked. If it is agreed, add --yes." in refused.stderr
    assert f" {name} --help`" in refused.stderr
    done = run(data, name, first.jti, *options, "--yes", "-o", "-")
    assert done.returncode == 0, done.stderr
    warned = re.search(
        rf"\[W\]: The new licence grants less than {first.jti}: {words}", done.stderr
    )
    told = re.search(r"^HS-.* for ACME", done.stderr, re.MULTILINE)
    assert warned and told and warned.start() < told.start(), done.stderr


def test_what_grants_as_much_is_not_remarked_on(data: Path) -> None:
    first = issued(data, *ORDER, "--host", LINE, "--limit", "gpus=4")
    done = run(data, "renew", first.jti, "--days", "365", "-o", "-")
    assert "grants less" not in done.stderr

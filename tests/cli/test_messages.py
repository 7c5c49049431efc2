"""Messages of the client: every problem with its remedy, and hostile text escaped."""

import base64
import os
from pathlib import Path

import pytest

from license_core import armor
from license_core.problems import PROBLEMS
from tests.support import hosts
from tests.support.cli import DAY, NOW, NUMBER, World, code
from tests.support.client_problems import verify


def test_verify_reports_all_problems_and_exits_with_the_first_code(world: World) -> None:
    world.put(world.file(world.claims(aud="other"), world.keyset(state="revoked")))
    hosts.container(world.host, ip="172.17.0.9")
    done = world.json("verify", now=NOW + 400 * DAY)
    expected = ["signing-key-revoked", "wrong-product", "wrong-host", "license-expired"]
    assert done.slugs() == expected
    assert done.exit_code == code(expected[0])


@pytest.mark.parametrize(
    "name", ["verify", "show", "install"], ids=lambda name: f"{name}-without-words"
)
def test_control_characters_in_a_licence_are_escaped(world: World, name: str) -> None:
    hostile = "\x1b[2J\x1b]0;x\x07\u202eevil\r\n[N]: all is well"
    world.put(world.file(world.claims(sub=hostile, jti="HS\x1b[1A")))
    source = [world.write(world.file(world.claims(sub=hostile)))] if name == "install" else []
    done = world.run(name, *source)
    assert done.exit_code == 0
    for sign in ("\x1b", "\x07", "\u202e", "\r"):
        assert sign not in done.out + done.err
    assert "\n[N]: all is well" not in done.out


@pytest.mark.parametrize(
    "data",
    [
        b"\0" * 1000,
        b"\xff\xfe" * 500,
        bytes(range(256)) * 20,
        b"-----BEGIN LICENSE-----" * 500,
        b"-----BEGIN LICENSE-----\n" + b"=" * 60000,
        "\u2014".encode() * 20000,
        base64.b64encode(os.urandom(3000)),
        b"-----BEGIN LICENSE-----\n" + b"." * 60000 + b"\n-----END LICENSE-----\n",
        armor.wrap(armor.LICENSE, "a.b.c").encode(),
    ],
    ids=range(9),
)
def test_garbage_file_ends_with_a_documented_exit_code(world: World, data: bytes) -> None:
    codes = {row.exit_code for row in PROBLEMS.values()} - {1}
    for arguments in (["verify"], ["show"], ["install", world.write(data)]):
        world.put(data)
        assert world.run(*arguments).exit_code in codes


def test_install_reports_a_missing_file_with_a_non_utf8_path(world: World) -> None:
    done = world.run("install", os.fsdecode(b"/nonexistent/\xff\n"))
    assert done.exit_code == code("file-unreadable")
    assert Path(world.license).exists() is False


def test_show_names_the_kind_of_a_file_that_is_not_a_licence(world: World) -> None:
    request = str(world.folder / "request.txt")
    world.run("request", "-o", request)
    keyset = world.file().partition(b"-----BEGIN LICENSE KEYSET")
    files = {
        request: "it is a request, to be sent to the vendor",
        str(world.keys / "root.pub.pem"): "it is a public key",
        world.write(keyset[1] + keyset[2], "keyset.dat"): "it is a keyset",
        world.write(world.revocations(NUMBER), "list.dat"): "it is a revocation list",
        world.write(b"hello", "hello.dat"): "it is in an unknown format",
        world.write(b"\r\n \0", "empty.dat"): "it is empty",
        world.write(b"\n<!DOCTYPE html><title>Sign in</title>", "page.dat"): "it is a web page",
    }
    for path, words in files.items():
        done = world.run("show", path)
        assert done.exit_code == code("license-block-missing")
        assert words in done.err


def test_show_of_a_missing_file_does_not_advise_install(world: World) -> None:
    done = world.run("show", "/nonexistent/license.dat")
    assert done.exit_code == code("file-unreadable")
    assert "install" not in done.err


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (["instal", "x"], "Did you mean install?"),
        (["get-host-key"], "Did you mean get_host_key?"),
    ],
)
def test_usage_errors_suggest_the_correct_command_line(
    world: World, line: list[str], words: str
) -> None:
    done = world.run(*line)
    assert done.exit_code == code("usage")
    assert words in done.err


def test_verify_mentions_the_request_command_once(world: World) -> None:
    world.put(world.file(world.claims(tags=False)))
    hosts.container(world.host, ip="172.17.0.3")
    assert world.run("verify").err.count("output of `python cmd/cli.py request`") == 1


def test_missing_settings_are_reported_as_naming_no_product(world: World) -> None:
    (world.conf / "hostseal.toml").unlink()
    assert "names no product" in verify(world).err


@pytest.mark.parametrize("number", ["٣", "３", "1_0", " 3", "3.0", ""])
def test_numbers_are_plain_digits(world: World, number: str) -> None:
    done = world.run("verify", f"--warn-days={number}")
    assert done.exit_code == code("usage")
    assert f"{number!r} is not a valid integer" in done.err

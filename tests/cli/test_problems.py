"""Every problem of the table that the client can meet, through its command line, with its code."""

import base64
import errno
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from unittest.mock import patch

import pytest

import license_cli
from license_core import armor, jws
from license_core.problems import PROBLEMS
from tests.support import hosts
from tests.support.cli import DAY, NOW, NUMBER, Done, World, code, flipped, new_signer
from tests.support.loopback import answering
from tests.support.vendor import keyset, license_block, revocations, roots

READ_BY_THE_VENDOR = {"request-unreadable", "request-damaged", "request-ambiguous"}
"""The core reads requests, and only the vendor's side calls it: tests/server/test_problems.py."""

Case = Callable[[World], Done]
CASES: dict[str, Case] = {}


def reaches(slug: str) -> Callable[[Case], Case]:
    def keep(case: Case) -> Case:
        CASES[slug] = case
        return case

    return keep


def verify(world: World, data: bytes | None = None, now: int | None = None) -> Done:
    world.put(data)
    return world.run("verify", now=now)


@reaches("internal-error")
def _internal(world: World) -> Done:
    def broken(*_: object) -> None:
        raise RuntimeError("a case that nobody knows")

    with patch("license_core.stability.network_mode", broken):
        return world.run("get_host_key")


@reaches("usage")
def _usage(world: World) -> Done:
    return world.run("verify", "--nonsense")


@reaches("dependency-missing")
def _dependency(world: World) -> Done:
    with patch.dict(sys.modules, {"httpx": None}):
        sys.modules.pop("license_cli.client", None)
        vars(license_cli).pop("client", None)
        return world.run("install", "http://127.0.0.1:1/license.dat")


@reaches("license-missing")
def _missing(world: World) -> Done:
    return world.run("verify")


@reaches("file-unreadable")
def _unreadable(world: World) -> Done:
    world.license.mkdir()
    return world.run("verify")


@reaches("file-too-large")
def _too_large(world: World) -> Done:
    return verify(world, world.file() + b"\n" * 65536)


@reaches("license-block-missing")
def _no_block(world: World) -> Done:
    return verify(world, b"Thank you for your order.\n")


@reaches("license-damaged")
def _damaged(world: World) -> Done:
    return verify(world, world.file()[:300])


@reaches("license-several")
def _several(world: World) -> Done:
    return verify(world, world.file() * 2)


@reaches("license-claims-invalid")
def _claims(world: World) -> Done:
    return verify(world, world.seal(world.claims().payload().replace(b'"ver":1', b'"ver":"1"')))


@reaches("license-unsupported")
def _unsupported(world: World) -> Done:
    return verify(world, world.seal(world.claims().payload().replace(b'"ver":1', b'"ver":2')))


@reaches("settings-invalid")
def _settings(world: World) -> Done:
    (world.conf / "hostseal.toml").write_text("produkt = 1\n")
    return verify(world)


@reaches("revocations-invalid")
def _revocations(world: World) -> Done:
    (world.conf / "license.revocations").write_bytes(world.revocations(signer=new_signer()))
    return verify(world)


@reaches("trusted-key-missing")
def _no_key(world: World) -> Done:
    (world.keys / "root.pub.pem").unlink()
    return verify(world)


@reaches("trusted-key-invalid")
def _bad_key(world: World) -> Done:
    (world.keys / "root.pub.pem").write_text("no key\n")
    return verify(world)


@reaches("keyset-missing")
def _no_keyset(world: World) -> Done:
    return verify(world, world.file().partition(b"-----BEGIN LICENSE KEYSET")[0])


@reaches("keyset-untrusted")
def _untrusted(world: World) -> Done:
    return verify(world, world.file(keyset=world.keyset(root=new_signer())))


@reaches("keyset-invalid")
def _keyset(world: World) -> Done:
    return verify(world, world.file(keyset=jws.sign(b"{}", world.root, jws.KEYSET)))


@reaches("keyset-rolled-back")
def _rolled_back(world: World) -> Done:
    world.put(license_block(world) + keyset(world, 4))
    world.run("verify")
    return verify(world)


@reaches("roots-invalid")
def _roots(world: World) -> Done:
    return verify(world, world.file() + roots(world, 1, new_signer(), by=[world.root]))


@reaches("roots-skipped")
def _skipped(world: World) -> Done:
    return verify(world, world.file() + roots(world, 2, world.root, by=[world.root]))


@reaches("revocations-rolled-back")
def _older_list(world: World) -> Done:
    world.run("install", world.write(world.file()))
    world.run("install", world.write(revocations(world, 2)))
    return world.run("install", world.write(revocations(world, 1)))


@reaches("keyset-expired")
def _keyset_ended(world: World) -> Done:
    return verify(world, world.file(keyset=world.keyset(end=NOW)))


@reaches("signing-key-unknown")
def _unknown_key(world: World) -> Done:
    token = jws.sign(world.claims().payload(), new_signer(), jws.LICENSE)
    return verify(world, world.wrap(token, world.keyset()))


@reaches("signature-invalid")
def _signature(world: World) -> Done:
    token = jws.sign(world.claims().payload(), world.signing, jws.LICENSE)
    return verify(world, world.wrap(flipped(token), world.keyset()))


@reaches("signing-key-revoked")
def _key_revoked(world: World) -> Done:
    return verify(world, world.file(keyset=world.keyset(state="revoked")))


@reaches("signing-key-not-allowed")
def _key_not_allowed(world: World) -> Done:
    return verify(world, world.file(keyset=world.keyset(products=("other",))))


@reaches("wrong-host")
def _wrong_host(world: World) -> Done:
    world.put()
    hosts.container(world.host, container_id="ab" * 32)
    return world.run("verify")


@reaches("wrong-product")
def _wrong_product(world: World) -> Done:
    return verify(world, world.file(world.claims(aud="other")))


@reaches("host-unidentifiable")
def _nobody(world: World) -> Done:
    hosts.container(world.host, machine_id=None, container_id=None)
    return world.run("get_host_key")


@reaches("host-machine-id-not-bound")
def _not_bound(world: World) -> Done:
    return world.run("get_host_key", "--profile", "hk1-host")


@reaches("gpus-not-licensed")
def _gpus(world: World) -> Done:
    hosts.container(world.host, gpus=5)
    return verify(world)


@reaches("feature-not-licensed")
def _feature(world: World) -> Done:
    world.put()
    return world.run("verify", "--require", "export", "--require", "train")


@reaches("pinned-address-differs")
def _pinned(world: World) -> Done:
    return world.run("get_host_key", env={"LICENSE_PINNED_IP": "172.30.0.10"})


@reaches("license-expired")
def _expired(world: World) -> Done:
    return verify(world, now=NOW + 365 * DAY)


@reaches("license-not-yet-valid")
def _not_yet(world: World) -> Done:
    return verify(world, world.file(world.claims(nbf=NOW + 5 * DAY)))


@reaches("clock-set-back")
def _clock(world: World) -> Done:
    world.put()
    assert world.run("verify", now=NOW + 9 * DAY).exit_code == 0
    return world.run("verify", now=NOW + 7 * DAY)


@reaches("license-revoked")
def _revoked(world: World) -> Done:
    (world.conf / "license.revocations").write_bytes(world.revocations(NUMBER))
    return verify(world)


@reaches("maintenance-ended")
def _maintenance(world: World) -> Done:
    (world.conf / "hostseal.toml").write_text('product = "darwin"\nreleased = 2027-02-01\n')
    return verify(world, world.file(world.claims(maintenance_until=NOW)))


def _failing(error: int) -> Callable[..., None]:
    def rename(*_: object) -> None:
        raise OSError(error, os.strerror(error))

    return rename


def _install_where(world: World, error: int) -> Done:
    """The system's refusal, as the file system gives it; the real ones are in test_install.py."""
    source = world.write(world.file())
    with patch("os.rename", _failing(error)):
        return world.run("install", source)


@reaches("file-is-mounted")
def _mounted(world: World) -> Done:
    return _install_where(world, errno.EBUSY)


@reaches("folder-not-writable")
def _read_only(world: World) -> Done:
    return _install_where(world, errno.EROFS)


@reaches("disk-full")
def _full(world: World) -> Done:
    return _install_where(world, errno.ENOSPC)


@reaches("write-failed")
def _failed(world: World) -> Done:
    return _install_where(world, errno.EIO)


@reaches("server-unreachable")
def _unreachable(world: World) -> Done:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    return world.run("install", f"http://127.0.0.1:{port}/license.dat")


@reaches("not-found")
def _not_found(world: World) -> Done:
    document = b'{"type":"/problems/not-found","what":"licence","name":"HS-1","status":404}'
    with answering(404, document, "application/problem+json") as url:
        return world.run("install", url)


@reaches("output-failed")
def _no_output(world: World) -> Done:
    with open("/dev/full", "wb") as full:
        done = world.spawn("get_host_key", stdout=full, stderr=subprocess.PIPE)
    return Done(done.returncode, "", done.stderr.decode())


@reaches("program-not-started")
def _no_program(world: World) -> Done:
    world.now = int(time.time())  # guard's own check is a process of today
    world.put()
    done = world.run("guard", "--", "/nonexistent/scheduler")
    return done._replace(err=done.err[done.err.index("[E]: ") :])  # first, that the licence holds


@reaches("not-authenticated")
def _no_token(world: World) -> Done:
    document = b'{"type":"/problems/not-authenticated","reason":"nobody is signed in"}'
    with answering(401, document, "application/problem+json") as url:
        return world.run("install", url)


@reaches("rate-limited")
def _rate_limited(world: World) -> Done:
    document = b'{"type":"/problems/rate-limited","seconds":1,"limit":"60 requests a minute"}'
    with answering(429, document, "application/problem+json") as url:
        return world.run("install", url)


@reaches("database-unavailable")
def _database_unavailable(world: World) -> Done:
    document = b'{"type":"/problems/database-unavailable","reason":"the log says more under 1"}'
    with answering(503, document, "application/problem+json") as url:
        return world.run("install", url)


@reaches("signer-unavailable")
def _signer_unavailable(world: World) -> Done:
    document = b'{"type":"/problems/signer-unavailable","reason":"the log says more under 1"}'
    with answering(503, document, "application/problem+json") as url:
        return world.run("install", url)


@reaches("folder-missing")
def _no_folder(world: World) -> Done:
    return world.run("request", "-o", str(world.folder / "missing" / "request.txt"))


@reaches("path-is-folder")
def _folder(world: World) -> Done:
    return world.run("request", "-o", str(world.folder))


@reaches("not-permitted")
def _not_permitted(world: World) -> Done:
    return world.run("install", "http://vendor.invalid/x", env={"LICENSE_TOKEN": "hst_x_y"})


@pytest.mark.parametrize("slug", CASES)
def test_the_problem_ends_with_its_exit_code_and_says_what_to_do(world: World, slug: str) -> None:
    done = CASES[slug](world)
    assert done.exit_code == code(slug), done.err
    first, *rest = done.err.splitlines()
    assert first.startswith("[E]: ")
    assert len(first) > 12
    assert rest
    assert all(line.startswith(("     ", "[E]: ", "[W]: ")) for line in rest)
    assert "{" not in done.err
    assert "None" not in done.err


def test_every_row_of_the_table_is_reached_here_but_for_what_only_the_vendor_reads() -> None:
    assert {row.slug for row in PROBLEMS.values()} == CASES.keys() | READ_BY_THE_VENDOR
    assert not CASES.keys() & READ_BY_THE_VENDOR


def test_a_problem_in_json_has_the_same_code_and_its_facts(world: World) -> None:
    world.put(world.file(world.claims(aud="other")))
    done = world.json("verify")
    answer = done.json()
    assert done.exit_code == answer["exit_code"] == code("wrong-product")
    assert answer["ok"] is False
    (problem,) = answer["problems"]
    assert problem["facts"] == {"licensed": "other", "product": "darwin"}
    assert answer["license"]["jti"] == NUMBER


def test_everything_that_is_wrong_is_said_and_the_first_gives_the_code(world: World) -> None:
    world.put(world.file(world.claims(aud="other"), world.keyset(state="revoked")))
    hosts.container(world.host, ip="172.17.0.9")
    done = world.json("verify", now=NOW + 400 * DAY)
    expected = ["signing-key-revoked", "wrong-product", "wrong-host", "license-expired"]
    assert done.slugs() == expected
    assert done.exit_code == code(expected[0])


@pytest.mark.parametrize(
    "name", ["verify", "show", "install"], ids=lambda name: f"{name}-without-words"
)
def test_a_hostile_value_cannot_move_the_cursor(world: World, name: str) -> None:
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
def test_a_file_of_any_kind_ends_in_words(world: World, data: bytes) -> None:
    codes = {row.exit_code for row in PROBLEMS.values()} - {1}
    for arguments in (["verify"], ["show"], ["install", world.write(data)]):
        world.put(data)
        assert world.run(*arguments).exit_code in codes


def test_a_path_that_is_no_text_is_told(world: World) -> None:
    done = world.run("install", os.fsdecode(b"/nonexistent/\xff\n"))
    assert done.exit_code == code("file-unreadable")
    assert Path(world.license).exists() is False


@pytest.mark.parametrize(
    ("slug", "words"),
    [
        ("not-authenticated", ("LICENSE_TOKEN", "`--token-file FILE`")),
        ("folder-missing", ("`mkdir -p ",)),
        ("dependency-missing", ("--require-hashes -r requirements/client.txt", "--no-index")),
    ],
)
def test_a_remedy_names_what_is_to_be_typed(
    world: World, slug: str, words: tuple[str, ...]
) -> None:
    said = CASES[slug](world).err
    assert all(word in said for word in words), said


def test_a_file_that_is_no_licence_is_called_what_it_is(world: World) -> None:
    request = str(world.folder / "request.txt")
    world.run("request", "-o", request)
    keyset = world.file().partition(b"-----BEGIN LICENSE KEYSET")
    files = {
        request: "it is a request, which goes to the vendor",
        str(world.keys / "root.pub.pem"): "it is a public key",
        world.write(keyset[1] + keyset[2], "keyset.dat"): "it is a keyset",
        world.write(world.revocations(NUMBER), "list.dat"): "it is a revocation list",
        world.write(b"hello", "hello.dat"): "it is something else",
    }
    for path, words in files.items():
        done = world.run("show", path)
        assert done.exit_code == code("license-block-missing")
        assert words in done.err


def test_show_of_a_file_that_is_not_there_speaks_of_that_file(world: World) -> None:
    done = world.run("show", "/nonexistent/license.dat")
    assert done.exit_code == code("file-unreadable")
    assert "install" not in done.err


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (["instal", "x"], "Did you mean install?"),
        (["get-host-key"], "Did you mean get_host_key?"),
        (
            ["verify", "--lang", "zh"],
            "It stands before the command: `cli.py --lang [en|zh] verify`.",
        ),
        (["verify", "--conf", "/x"], "`cli.py --conf DIR verify`"),
    ],
)
def test_a_line_that_is_nearly_right_is_set_right(
    world: World, line: list[str], words: str
) -> None:
    done = world.run(*line)
    assert done.exit_code == code("usage")
    assert words in done.err


def test_where_the_request_goes_is_said_once(world: World) -> None:
    world.put(world.file(world.claims(tags=False)))
    hosts.container(world.host, ip="172.17.0.3")
    assert world.run("verify").err.count("output of `python cmd/cli.py request`") == 1


def test_settings_that_are_not_there_name_no_product_either(world: World) -> None:
    (world.conf / "hostseal.toml").unlink()
    assert "No product is named in" in verify(world).err

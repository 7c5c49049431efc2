"""``return``: the licence goes, the text for the vendor stays, and the file is refused here."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from license_core import giveback, request
from license_core.license import License
from tests.support import hosts
from tests.support.cli import DAY, NOW, NUMBER, World, code


def asked(world: World) -> str:
    """The digest that a request of this host names."""
    made = world.folder / "asked.txt"
    assert world.run("request", "-o", str(made)).exit_code == 0
    digest = request.parse(made.read_text()).return_digest
    assert digest is not None
    return digest


def issued(world: World, digest: str | None = None, **changes: Any) -> License:
    """A licence as it is issued for that request."""
    made = world.claims(**changes)
    return made._replace(host=made.host._replace(return_digest=digest or asked(world)))


def test_a_licence_is_given_back_with_the_secret_that_its_request_named(world: World) -> None:
    digest = asked(world)
    assert asked(world) == digest, "each request of a host names the same"
    secrets = world.conf / "license.return"
    assert secrets.stat().st_mode & 0o777 == 0o600
    file = world.file(issued(world, digest))
    assert world.run("install", world.write(file)).exit_code == 0
    done = world.run("return", "--yes")
    assert (done.exit_code, world.license.exists()) == (0, False)
    returned = giveback.parse(done.out)
    assert returned is not None
    assert (returned.number, returned.iat) == (NUMBER, NOW + DAY)
    assert returned.secret is not None
    assert giveback.digest_of(returned.secret) == digest
    assert hosts.IP not in done.out

    again = world.run("return", now=NOW + 9 * DAY)
    assert (again.exit_code, again.out) == (0, done.out)
    verify = world.run("verify")
    assert verify.exit_code == code("license-missing")
    assert f"{NUMBER} was given back" in verify.err
    for line in ("install", str(world.write(file))), ("verify",):
        world.put(file)
        refused = world.run(*line)
        assert refused.exit_code == code("license-returned")
        assert "request" in refused.err
        assert world.license.read_bytes() == file
    world.license.unlink()

    assert asked(world) != digest, "what was revealed is named by no request again"
    new = world.file(issued(world, jti="HS-2027-SECOND00", iat=NOW + DAY, nbf=NOW + DAY))
    assert world.run("install", world.write(new)).exit_code == 0
    second = world.json("return", "--yes").json()
    assert (second["number"], second["evidence"]) == ("HS-2027-SECOND00", True)


def test_the_licence_before_it_goes_too(world: World) -> None:
    first = world.file(issued(world))
    second = world.file(issued(world, jti="HS-2027-SECOND00", replaces=NUMBER))
    for data in (first, second):
        assert world.run("install", world.write(data)).exit_code == 0
    done = world.json("return", "--yes").json()
    assert len(done["removed"]) == 2
    assert not list(world.conf.glob("license.dat*"))
    for data in (first, second):
        assert world.run("install", world.write(data)).exit_code == code("license-returned")


def test_older_files_of_a_lineage_do_not_bring_it_back(world: World) -> None:
    digest = asked(world)
    numbers = [f"HS-2027-{letter * 8}" for letter in "ABCD"]
    files = []
    for at, number in enumerate(numbers):
        before = numbers[at - 1] if at else None
        files.append(world.file(issued(world, digest, jti=number, iat=NOW + at, replaces=before)))
    for data in files:
        assert world.run("install", world.write(data)).exit_code == 0
    assert world.run("return", "--yes").exit_code == 0
    for data in files:
        assert world.run("install", world.write(data)).exit_code == code("license-returned")
    others = issued(world, digest, jti="HS-2027-OTHER000", sub="Another Customer")
    later = issued(world, digest, jti="HS-2027-LATER000", iat=NOW + 4)
    for one in (others, later):
        assert world.run("install", world.write(world.file(one))).exit_code == 0


@pytest.mark.parametrize("digest", [None, giveback.digest_of(bytes(32))])
def test_without_its_secret_the_text_has_no_evidence_and_says_so(
    world: World, digest: str | None
) -> None:
    made = world.claims()
    world.put(world.file(made._replace(host=made.host._replace(return_digest=digest))))
    done = world.run("return", "--yes")
    returned = giveback.parse(done.out)
    assert returned is not None
    assert (returned.number, returned.secret) == (NUMBER, None)
    assert "proves nothing" in done.err


def test_nothing_is_removed_that_nobody_agreed_to(world: World) -> None:
    world.put()
    for line in ("return",), ("--json", "return"):
        done = world.run(*line)
        assert done.exit_code == code("usage")
        assert "--yes" in done.err + done.out
        assert world.license.exists()
    assert not (world.conf / "license.returned").exists()


def test_what_cannot_be_given_back_stays_and_is_named(world: World) -> None:
    assert world.run("return", "--yes").exit_code == code("license-missing")
    world.put(b"no licence at all")
    assert world.run("return", "--yes").exit_code == code("license-block-missing")
    world.put()
    hosts.container(world.host, container_id="9" * 64)
    assert world.run("return", "--yes").exit_code == code("wrong-host")
    assert world.license.exists()
    hosts.container(world.host)
    text = world.license.read_text()
    in_variable = world.run("return", "--yes", env={"LICENSE": text})
    assert in_variable.exit_code == code("usage")
    assert "LICENSE" in in_variable.err
    kept = world.folder / "secret"
    (kept / "..1").mkdir(parents=True)
    (kept / "..1" / "license.dat").write_text(text)
    (kept / "..data").symlink_to("..1")
    (kept / "license.dat").symlink_to("..data/license.dat")
    by_kubernetes = world.run("return", "--yes", env={"LICENSE_FILE": str(kept / "license.dat")})
    assert by_kubernetes.exit_code == code("folder-not-writable")
    assert "kubectl" in by_kubernetes.err
    assert (kept / "license.dat").exists()


def test_a_licence_that_has_expired_can_be_given_back(world: World) -> None:
    world.put(world.file(issued(world)))
    later = NOW + 500 * DAY
    assert world.run("verify", now=later).exit_code == code("license-expired")
    assert world.run("return", "--yes", now=later).exit_code == 0


def test_where_nothing_is_remembered_the_file_goes_all_the_same(world: World) -> None:
    off = {"LICENSE_STATE": "none"}
    made = world.run("request", env=off)
    assert request.parse(made.out).return_digest is None
    assert not (world.conf / "license.return").exists()
    file = world.file()
    world.put(file)
    done = world.json("return", "--yes", env=off)
    assert "memory-off" in done.notices()
    world.put(file)
    assert world.run("verify", env=off).exit_code == 0


def test_the_secret_is_where_the_memory_is(world: World, tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir()
    there = {"LICENSE_STATE": str(state)}
    assert request.parse(world.run("request", env=there).out).return_digest
    assert [path.name for path in sorted(state.iterdir())] == ["license.return", "license.state"]


def test_a_damaged_file_of_secrets_is_replaced_and_its_licence_has_no_evidence(
    world: World,
) -> None:
    digest = asked(world)
    world.put(world.file(issued(world, digest)))
    for damaged in (b"", b"[]", b'{"ver":1,"secrets":[{"key":"x"}]}', b"\xff"):
        (world.conf / "license.return").write_bytes(damaged)
        assert asked(world) != digest
    assert world.json("return", "--yes").json()["evidence"] is False


@pytest.mark.python_only("functions of the client in Python")
@pytest.mark.parametrize("step", range(1, 12))
def test_whoever_is_killed_in_the_middle_has_the_licence_or_the_text(
    world: World, step: int
) -> None:
    """Whichever of its changes to the disk is the last one."""
    digest = asked(world)
    world.put(world.file(issued(world, digest)))
    done = 0

    def dying(real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **more: Any) -> Any:
            nonlocal done
            done += 1
            if done == step:
                raise KeyboardInterrupt
            return real(*arguments, **more)

        return call

    with patch.multiple(
        os, rename=dying(os.rename), unlink=dying(os.unlink), fsync=dying(os.fsync)
    ):
        ended = world.run("return", "--yes")
    assert ended.exit_code in (0, 130)
    assert world.license.exists() or (world.conf / "license.returned").exists()
    again = world.run("return", "--yes", now=NOW + 3 * DAY)
    assert again.exit_code == 0
    returned = giveback.parse(again.out)
    assert returned is not None
    assert returned.secret is not None
    assert giveback.digest_of(returned.secret) == digest
    assert not world.license.exists()
    assert asked(world) != digest

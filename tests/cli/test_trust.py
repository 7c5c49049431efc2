"""The trust file and the state file: what a host keeps about keys."""

import errno
import os
from unittest.mock import patch

import pytest

from license_core import (
    armor,
    jws,
    memory,
)
from license_core.keyset import Keyset, SigningKey
from tests.support.cli import DAY, World, code, new_signer
from tests.support.trusting import TOP, files, install, notices, slugs, verified
from tests.support.vendor import entry, keyset, license_block, revocations, roots


def test_only_keysets_and_roots_of_normal_size_are_cached() -> None:
    def kept(label: str, size: int) -> int:
        armor._joined_before.cache_clear()
        armor.unwrap(armor.wrap(label, "A" * size).encode())
        return armor._joined_before.cache_info().currsize

    assert [kept(label, 100) for label in (armor.KEYSET, armor.ROOTS)] == [1, 1]
    assert [kept(label, 100) for label in (armor.LICENSE, armor.REVOCATIONS)] == [0, 0]
    assert kept(armor.KEYSET, 2 * armor.MAX_FILE) == 0


def test_no_trust_file_is_written_until_a_key_changes(world: World) -> None:
    install(world, world.file())
    world.json("verify")
    assert files(world).keys() == {"hostseal.toml", "license.dat", "license.state"}


def test_damaged_trust_file_is_reported_and_rewritten(world: World) -> None:
    install(world, world.file())
    install(world, keyset(world, 4))
    path = world.conf / "license.trust"
    good = path.read_bytes()
    world.put(license_block(world) + keyset(world, 4))
    path.write_bytes(good[:-30])
    done = world.json("verify")
    assert (done.exit_code, notices(done)) == (0, ["trust-invalid"])
    assert path.read_bytes() == good
    assert notices(world.json("verify")) == []


@pytest.mark.python_only("a failure put into the process of Python")
def test_state_file_stays_when_the_trust_file_cannot_be_written(world: World) -> None:
    install(world, world.file())
    world.put(license_block(world) + keyset(world, 4))
    before = (world.conf / "license.state").read_bytes()
    rename = os.rename

    def full(source: str, target: str) -> None:
        if target == str(world.conf / "license.trust"):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        rename(source, target)

    with patch("os.rename", full):
        assert notices(world.json("verify")) == ["memory-not-written"]
    assert (world.conf / "license.state").read_bytes() == before


def test_state_file_of_a_former_client_is_read_and_updated(world: World) -> None:
    install(world, world.file())
    facts = world.facts()
    state = world.conf / "license.state"
    kept = memory.parse(state.read_bytes(), facts)
    former = memory.dump(
        kept._replace(trust=(0, 0), revocations_number=0, revocations_kid=None, list=None), facts
    )
    assert b"keyset_version" not in former
    state.write_bytes(former)
    assert notices(world.json("verify")) == []
    assert memory.parse(state.read_bytes(), facts).trust == (0, 3)


def test_check_under_an_older_keyset_does_not_record_a_list(
    world: World,
) -> None:
    lost, good = new_signer(), entry(world, world.signing)
    old = license_block(world) + keyset(world, 4, good, entry(world, lost))
    new = license_block(world) + keyset(world, 5, good, entry(world, lost, state="revoked"))
    install(world, old)
    install(world, new)
    install(world, revocations(world, 7))
    kept = memory.parse((world.conf / "license.state").read_bytes(), world.facts())
    (world.conf / "license.revocations").write_bytes(revocations(world, TOP, by=lost))
    (world.conf / "license.trust").unlink()
    world.put(old)
    assert world.json("verify").slugs() == ["keyset-rolled-back"]
    world.put(new)
    assert world.json("verify").slugs() == ["revocations-invalid"]
    seen = memory.parse((world.conf / "license.state").read_bytes(), world.facts())
    assert (seen.revocations_number, seen.revocations_kid) == (7, kept.revocations_kid)


def test_keys_too_large_for_the_trust_file_are_rejected(world: World) -> None:
    install(world, world.file())
    former, documents = [world.root], b""
    for version in range(1, 5):
        later = [new_signer() for _ in range(6)]
        documents += roots(world, version, *later, by=[*former, *later], threshold=2)
        former = later
    # The label lets a file be as long as a list.
    large = b"LICENSE REVOCATIONS\n" + documents + keyset(world, 4, by=former)
    assert slugs(world, large) == ["file-too-large"]
    assert verified(world) == (0, 0, 3)


@pytest.mark.parametrize(
    "trust",
    [
        b"-----BEGIN LICENSE KEYSET-----\nabc",
        "-----BEGIN LICENSE X-----\nabc\n-----END LICENSE X-----\n".encode("utf-16"),
        b"\0" * 200,
    ],
    ids=["cut off", "UTF-16", "zeros"],
)
def test_a_damaged_trust_file_hides_no_keyset_of_the_installed_licence(
    world: World, trust: bytes
) -> None:
    later = new_signer()

    def of(version: int, state: str) -> str:
        until = world.now + 999 * DAY
        keys = (
            SigningKey(world.signing.public_key, world.now - DAY, until, state),
            SigningKey(later.public_key, world.now - DAY, until),
        )
        return Keyset("Example Vendor", version, world.now - DAY, keys).sign(world.root)

    former = world.seal(world.claims(jti="HS-2027-FORMER00").payload(), of(3, "active"))
    token = jws.sign(world.claims().payload(), later, jws.LICENSE)
    install(world, world.wrap(token, of(4, "revoked")))
    (world.conf / "license.state").unlink()
    (world.conf / "license.trust").write_bytes(trust)
    done = world.run("install", "--yes", world.write(former))
    assert done.exit_code == code("signing-key-revoked")
    assert world.run("verify").exit_code == 0

"""Keysets: active, retired and revoked keys, and versions, on a host without a network."""

import json

import pytest

from license_core import (
    armor,
    b64url,
    jws,
)
from license_core.keyset import Keyset
from tests.support.cli import World, new_signer
from tests.support.trusting import TOP, files, install, slugs, verified
from tests.support.vendor import VENDOR, entry, keyset, license_block, roots


def test_licences_signed_by_either_of_two_active_keys_are_valid(world: World) -> None:
    old, new = world.signing, new_signer()
    both = keyset(world, 4, entry(world, old), entry(world, new))
    assert slugs(world, license_block(world, by=old) + both) == []
    assert slugs(world, license_block(world, by=new) + both) == []


def test_licence_signed_by_a_retired_key_is_valid(world: World) -> None:
    retired = keyset(world, 4, entry(world, world.signing, state="retired"))
    assert slugs(world, license_block(world) + retired) == []


def test_revoked_key_stays_revoked_despite_an_older_keyset(
    world: World,
) -> None:
    revoked = keyset(world, 4, entry(world, world.signing, state="revoked"))
    assert slugs(world, license_block(world) + revoked) == ["signing-key-revoked"]
    install(world, world.file())
    done = install(world, revoked, ends="signing-key-revoked")
    assert done.err.startswith("[E]: The vendor has revoked signing key")
    install(world, revoked, ends="signing-key-revoked")  # as it had before
    assert world.json("verify").slugs() == ["signing-key-revoked"]
    # The licence that was there before comes again with its own keyset: nothing is forgotten.
    assert slugs(world, world.file()) == ["signing-key-revoked"]
    present = new_signer()
    both = keyset(world, 5, entry(world, world.signing, state="revoked"), entry(world, present))
    install(world, license_block(world, by=present) + both)
    assert verified(world) == (0, 0, 5)


def test_key_missing_from_the_keyset_is_unknown(world: World) -> None:
    assert slugs(world, license_block(world, by=new_signer()) + keyset(world, 3)) == [
        "signing-key-unknown"
    ]


def test_another_key_under_a_known_kid_is_rejected(world: World) -> None:
    stranger = new_signer()
    header = jws.header(world.signing.public_key.kid, jws.LICENSE)
    signed = f"{header}.{b64url.encode(world.claims().payload())}"
    token = f"{signed}.{b64url.encode(stranger.sign(signed.encode()))}"
    file = armor.wrap(armor.LICENSE, token).encode() + keyset(world, 3)
    assert slugs(world, file) == ["signature-invalid"]
    named = entry(world, stranger).to_dict() | {"kid": world.signing.public_key.kid}
    members = Keyset(VENDOR, 3, world.now, (entry(world, stranger),)).to_dict()
    forged = jws.sign(json.dumps(members | {"keys": [named]}).encode(), world.root, jws.KEYSET)
    assert slugs(world, world.file(keyset=forged)) == ["keyset-invalid"]


def test_key_for_one_product_cannot_sign_for_another(world: World) -> None:
    own = keyset(world, 3, entry(world, world.signing, products=("other",)))
    assert slugs(world, license_block(world) + own) == ["signing-key-not-allowed"]
    (world.conf / "hostseal.toml").write_text('product = "other"\n', "ascii")
    assert slugs(world, license_block(world, world.claims(aud="other")) + own) == []


@pytest.mark.parametrize(("nbf", "exp", "holds"), [(0, 1, True), (1, 9, False), (-9, 0, False)])
def test_key_signs_from_nbf_until_just_before_exp(
    world: World, nbf: int, exp: int, holds: bool
) -> None:
    key = entry(world, world.signing, nbf=world.now + nbf, exp=world.now + exp)
    found = slugs(world, license_block(world) + keyset(world, 3, key))
    assert found == ([] if holds else ["signing-key-not-allowed"])


def test_expired_keyset_covers_only_licences_issued_before(world: World) -> None:
    ended = keyset(world, 3, exp=world.now)
    assert slugs(world, license_block(world) + ended) == ["keyset-expired"]
    assert slugs(world, license_block(world, world.claims(iat=world.now - 1)) + ended) == []


def test_host_never_returns_to_an_older_keyset(world: World) -> None:
    install(world, license_block(world) + keyset(world, 3))
    former = world.license.read_bytes()
    install(world, license_block(world) + keyset(world, 5))
    before = files(world)
    done = world.json("install", world.write(keyset(world, 4)))
    assert done.slugs() == ["keyset-rolled-back"]
    assert files(world) == before
    # By `cp` in place of `install`: what was learned counts beside the older licence …
    world.put(former)
    assert verified(world) == (0, 0, 5)
    # … and where somebody lost it, the memory still knows.
    (world.conf / "license.trust").unlink()
    for _ in range(2):
        assert world.json("verify").slugs() == ["keyset-rolled-back"]
    install(world, keyset(world, 5))
    assert verified(world) == (0, 0, 5)


def test_older_licence_is_installed_under_the_newer_keyset(
    world: World,
) -> None:
    install(world, license_block(world) + keyset(world, 5))
    install(world, license_block(world) + keyset(world, 4))
    assert verified(world) == (0, 0, 5)


def test_different_keyset_of_a_known_version_is_ignored(world: World) -> None:
    install(world, world.file())
    install(world, keyset(world, 4))
    before, thief = files(world), new_signer()
    install(world, keyset(world, 4, entry(world, thief)))
    assert files(world)["license.trust"] == before["license.trust"]
    theirs = license_block(world, by=thief) + keyset(world, 4, entry(world, thief))
    assert slugs(world, theirs) == ["signing-key-unknown"]


def test_keyset_versions_may_be_skipped(world: World) -> None:
    install(world, world.file())
    install(world, keyset(world, 90))
    assert verified(world) == (0, 0, 90)


def test_untrusted_keyset_is_not_installed_and_a_check_ignores_it(
    world: World,
) -> None:
    install(world, world.file())
    foreign = keyset(world, 9, by=[new_signer()])
    before = files(world)
    assert world.json("install", world.write(foreign)).slugs() == ["keyset-untrusted"]
    assert files(world) == before
    assert slugs(world, world.file() + foreign) == ["keyset-untrusted"]
    world.put(world.file() + foreign)
    assert verified(world) == (0, 0, 3)


def test_replacing_a_leaked_root_voids_its_keyset_versions(world: World) -> None:
    install(world, world.file())
    thief = new_signer()
    install(world, keyset(world, TOP, entry(world, thief)), ends="signing-key-unknown")
    assert world.json("verify").slugs() == ["signing-key-unknown"]
    assert slugs(world, world.file()) == ["signing-key-unknown"]
    fresh = new_signer()
    rotated = roots(world, 1, fresh, by=[world.root, fresh])
    install(world, rotated + keyset(world, 1, by=[fresh]))
    assert verified(world) == (0, 1, 1)
    # The thief's keyset is higher, and his own first version of the roots comes second.
    theirs = roots(world, 1, thief, by=[world.root, thief])
    stolen = license_block(world, by=thief)
    assert slugs(world, stolen + keyset(world, TOP)) == ["signing-key-unknown"]
    more = theirs + keyset(world, TOP, entry(world, thief), by=[thief])
    assert slugs(world, stolen + more) == ["signing-key-unknown", "keyset-untrusted"]
    world.put(stolen + theirs + keyset(world, TOP, entry(world, thief), by=[thief]))
    assert world.json("verify").slugs() == ["signing-key-unknown"]

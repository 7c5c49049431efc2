"""Signing keys that come, go and leak, as a cut-off site sees them."""

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


def test_while_two_keys_overlap_licences_of_both_hold(world: World) -> None:
    old, new = world.signing, new_signer()
    both = keyset(world, 4, entry(world, old), entry(world, new))
    assert slugs(world, license_block(world, by=old) + both) == []
    assert slugs(world, license_block(world, by=new) + both) == []


def test_what_a_retired_key_signed_holds(world: World) -> None:
    retired = keyset(world, 4, entry(world, world.signing, state="retired"))
    assert slugs(world, license_block(world) + retired) == []


def test_what_a_revoked_key_signed_is_refused_also_where_the_licence_names_it_active(
    world: World,
) -> None:
    revoked = keyset(world, 4, entry(world, world.signing, state="revoked"))
    assert slugs(world, license_block(world) + revoked) == ["signing-key-revoked"]
    install(world, world.file())
    assert install(world, revoked).err.startswith("[E]: The vendor has revoked signing key")
    assert world.json("verify").slugs() == ["signing-key-revoked"]
    # The licence that was there before comes again with its own keyset: nothing is forgotten.
    assert slugs(world, world.file()) == ["signing-key-revoked"]
    present = new_signer()
    both = keyset(world, 5, entry(world, world.signing, state="revoked"), entry(world, present))
    install(world, license_block(world, by=present) + both)
    assert verified(world) == (0, 0, 5)


def test_a_key_that_no_keyset_names_is_unknown(world: World) -> None:
    assert slugs(world, license_block(world, by=new_signer()) + keyset(world, 3)) == [
        "signing-key-unknown"
    ]


def test_the_right_kid_with_the_wrong_key_is_no_signature(world: World) -> None:
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


def test_the_key_of_one_product_signs_nothing_for_another(world: World) -> None:
    own = keyset(world, 3, entry(world, world.signing, products=("other",)))
    assert slugs(world, license_block(world) + own) == ["signing-key-not-allowed"]
    (world.conf / "hostseal.toml").write_text('product = "other"\n', "ascii")
    assert slugs(world, license_block(world, world.claims(aud="other")) + own) == []


@pytest.mark.parametrize(("nbf", "exp", "holds"), [(0, 1, True), (1, 9, False), (-9, 0, False)])
def test_a_key_signs_from_its_first_instant_on_and_before_its_last(
    world: World, nbf: int, exp: int, holds: bool
) -> None:
    key = entry(world, world.signing, nbf=world.now + nbf, exp=world.now + exp)
    found = slugs(world, license_block(world) + keyset(world, 3, key))
    assert found == ([] if holds else ["signing-key-not-allowed"])


def test_a_keyset_that_has_ended_vouches_for_no_later_licence(world: World) -> None:
    ended = keyset(world, 3, exp=world.now)
    assert slugs(world, license_block(world) + ended) == ["keyset-expired"]
    assert slugs(world, license_block(world, world.claims(iat=world.now - 1)) + ended) == []


def test_a_site_never_goes_back_to_an_older_keyset(world: World) -> None:
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


def test_a_licence_from_before_is_installed_under_the_keyset_of_the_one_that_it_replaces(
    world: World,
) -> None:
    install(world, license_block(world) + keyset(world, 5))
    install(world, license_block(world) + keyset(world, 4))
    assert verified(world) == (0, 0, 5)


def test_a_version_that_is_known_is_not_said_anew(world: World) -> None:
    install(world, world.file())
    install(world, keyset(world, 4))
    before, thief = files(world), new_signer()
    install(world, keyset(world, 4, entry(world, thief)))
    assert files(world)["license.trust"] == before["license.trust"]
    theirs = license_block(world, by=thief) + keyset(world, 4, entry(world, thief))
    assert slugs(world, theirs) == ["signing-key-unknown"]


def test_versions_of_keysets_may_be_skipped(world: World) -> None:
    install(world, world.file())
    install(world, keyset(world, 90))
    assert verified(world) == (0, 0, 90)


def test_a_keyset_by_a_stranger_is_refused_as_a_file_and_passed_over_in_a_licence(
    world: World,
) -> None:
    install(world, world.file())
    foreign = keyset(world, 9, by=[new_signer()])
    before = files(world)
    assert world.json("install", world.write(foreign)).slugs() == ["keyset-untrusted"]
    assert files(world) == before
    install(world, world.file() + foreign)
    assert verified(world) == (0, 0, 3)


def test_a_fast_forward_by_a_leaked_root_ends_with_that_root(world: World) -> None:
    install(world, world.file())
    thief = new_signer()
    install(world, keyset(world, TOP, entry(world, thief)))
    assert world.json("verify").slugs() == ["signing-key-unknown"]
    assert slugs(world, world.file()) == ["signing-key-unknown"]
    fresh = new_signer()
    rotated = roots(world, 1, fresh, by=[world.root, fresh])
    install(world, rotated + keyset(world, 1, by=[fresh]))
    assert verified(world) == (0, 1, 1)
    # The thief's keyset is higher, and his own first version of the roots comes second.
    theirs = roots(world, 1, thief, by=[world.root, thief])
    stolen = license_block(world, by=thief)
    for more in (keyset(world, TOP), theirs + keyset(world, TOP, entry(world, thief), by=[thief])):
        assert slugs(world, stolen + more) == ["signing-key-unknown"]
    world.put(stolen + theirs + keyset(world, TOP, entry(world, thief), by=[thief]))
    assert world.json("verify").slugs() == ["signing-key-unknown"]

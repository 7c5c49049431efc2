"""Root keys: thresholds, and chains of roots documents."""

import json

import pytest

from license_core import (
    armor,
    b64url,
    jws,
)
from tests.support.cli import World, new_signer
from tests.support.trusting import files, first_token, install, slugs, trust_roots, verified
from tests.support.vendor import keyset, license_block, roots


@pytest.mark.parametrize(
    ("needed", "by", "found"),
    [
        (1, "A", []),
        (1, "B", []),
        (2, "A", ["keyset-untrusted"]),
        (2, "AA", ["keyset-untrusted"]),
        (2, "AX", ["keyset-untrusted"]),
        (2, "AC", []),
        (2, "CBA", []),
        (4, "ABC", ["keyset-untrusted"]),
    ],
)
def test_keyset_needs_signatures_by_enough_different_roots(
    world: World, needed: int, by: str, found: list[str]
) -> None:
    keys = {name: new_signer() for name in "ABCX"}
    trust_roots(world, *(keys[name] for name in "ABC"), needed=needed)
    made = keyset(world, 3, by=[keys[name] for name in by])
    assert slugs(world, license_block(world) + made) == found


def test_one_of_two_roots_is_enough_by_default(world: World) -> None:
    other = new_signer()
    trust_roots(world, world.root, other)
    assert slugs(world, license_block(world) + keyset(world, 3, by=[other])) == []


def test_two_roots_must_sign_the_same_bytes(world: World) -> None:
    other = new_signer()
    trust_roots(world, world.root, other, needed=2)
    two = keyset(world, 3) + keyset(world, 4, by=[other])
    assert slugs(world, license_block(world) + two) == ["keyset-untrusted"]
    said = world.run("install", world.write(license_block(world) + two)).err
    assert "1 trusted root key signed it; 2 must" in said


def test_root_key_in_two_files_and_blocks_counts_once(world: World) -> None:
    trust_roots(world, world.root, world.root, needed=2)
    twice = keyset(world, 3, by=[world.root, world.root])
    assert slugs(world, license_block(world) + twice) == ["keyset-untrusted"]


def test_roots_document_naming_one_key_twice_is_rejected(world: World) -> None:
    fresh = new_signer()
    once = json.loads(b64url.decode(first_token(roots(world, 1, fresh, by=[fresh])).split(".")[1]))
    twice = json.dumps(once | {"keys": once["keys"] * 2, "threshold": 2}).encode()
    blocks = [jws.sign(twice, key, jws.ROOTS) for key in (world.root, fresh)]
    text = "".join(armor.wrap(armor.ROOTS, token) for token in blocks).encode()
    assert slugs(world, license_block(world) + text + keyset(world, 3)) == ["roots-invalid"]


def test_licence_can_carry_a_chain_of_roots_documents(world: World) -> None:
    first, second, third = (new_signer() for _ in range(3))
    chain = roots(world, 1, first, second, by=[world.root, first, second], threshold=2)
    chain += roots(world, 2, second, third, by=[first, second, third], threshold=2)
    last = keyset(world, 1, by=[second, third])
    install(world, license_block(world) + chain + last)
    assert verified(world) == (0, 2, 1)
    # A licence from before carries no roots, and its keyset is by a root that is trusted no more.
    assert slugs(world, world.file()) == []
    assert verified(world) == (0, 2, 1)
    assert "roots 2" in world.run("verify").out
    assert "roots 2" in world.run("show").out
    assert "roots 2" in world.run("doctor").out


@pytest.mark.parametrize("missing", ["first", "second", "own", "former"])
def test_chain_of_roots_with_a_gap_is_rejected(world: World, missing: str) -> None:
    one, two, three = (new_signer() for _ in range(3))
    trust_roots(world, world.root, three)
    chain = b"" if missing == "first" else roots(world, 1, one, by=[world.root, one])
    if missing == "second":  # the roots that are known signed a later version
        chain += roots(world, 3, two, by=[one, two])
    elif missing == "own":  # the new root cannot be used: nobody has shown its signature
        chain += roots(world, 2, two, by=[one])
    elif missing == "former":
        chain += roots(world, 2, two, by=[two])
    else:
        chain += roots(world, 2, two, by=[one, two])
    found = slugs(world, license_block(world) + chain + keyset(world, 1, by=[two]))
    assert (
        found
        == {
            "first": ["keyset-untrusted", "roots-invalid"],
            "second": ["roots-skipped", "keyset-untrusted"],
            "own": ["roots-invalid", "keyset-untrusted"],
            "former": ["keyset-untrusted", "roots-invalid"],
        }[missing]
    )


def test_new_roots_need_the_threshold_of_the_former_ones(world: World) -> None:
    other, fresh = new_signer(), new_signer()
    trust_roots(world, world.root, other, needed=2)
    last = license_block(world) + keyset(world, 1, by=[fresh])
    alone = roots(world, 1, fresh, by=[world.root, fresh])
    assert slugs(world, alone + last) == ["keyset-untrusted", "roots-invalid"]
    assert slugs(world, roots(world, 1, fresh, by=[world.root, other, fresh]) + last) == []


def test_new_roots_that_signed_no_keyset_are_rejected(world: World) -> None:
    install(world, world.file())
    before, fresh = files(world), new_signer()
    rotated = world.write(roots(world, 1, fresh, by=[world.root, fresh]))
    assert world.json("install", rotated).slugs() == ["keyset-untrusted"]
    assert files(world) == before
    # Where the old root stays, what it signed does too.
    kept = roots(world, 1, world.root, fresh, by=[world.root, fresh])
    assert "Keyset 3 (roots 1) is now trusted on this host." in install(world, kept).out
    assert verified(world) == (0, 1, 3)
    # Sent again it brings nothing.
    assert "Keyset 3 (roots 1) was already known;" in install(world, kept).out
    assert verified(world) == (0, 1, 3)


def test_roots_that_nobody_trusted_signed_are_rejected(world: World) -> None:
    install(world, world.file())
    worthless = roots(world, 1, new_signer(), by=[new_signer()])
    assert slugs(world, worthless) == ["roots-invalid"]
    assert slugs(world, world.file() + worthless) == ["roots-invalid"]
    # A check passes them over: the licence is valid without.
    world.put(world.file() + worthless)
    assert verified(world) == (0, 0, 3)


def test_root_key_that_is_not_shipped_may_sign_beside_enough_that_are(world: World) -> None:
    other, fresh = new_signer(), new_signer()
    rotated = roots(world, 1, world.root, fresh, by=[other, world.root, fresh])
    install(world, world.file() + rotated + keyset(world, 4, by=[other, world.root]))
    assert verified(world) == (0, 1, 4)


def test_root_that_the_product_does_not_ship_is_untrusted(world: World) -> None:
    testing = new_signer()
    made = keyset(world, 3, by=[testing])
    assert slugs(world, license_block(world) + made) == ["keyset-untrusted"]
    trust_roots(world, testing)
    assert slugs(world, license_block(world) + made) == []

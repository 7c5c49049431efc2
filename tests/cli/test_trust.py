"""Keys that come, go and leak, cell by cell, through the command line of a cut-off site."""

import base64
import json

import pytest

from license_core import (
    armor,
    b64url,
    jws,
    memory,
)
from license_core.keyset import Keyset
from license_core.signer import MemorySigner
from tests.support.cli import DAY, NUMBER, Done, World, code, flipped, new_signer
from tests.support.vendor import VENDOR, entry, keyset, license_block, revocations, roots

TOP = 2**53 - 1
"""The highest version that there is."""


def slugs(world: World, data: bytes) -> list[str]:
    """What is wrong with a licence file, by ``install``, which leaves the folder as it was then."""
    before = files(world)
    done = world.json("install", world.write(data))
    found = done.slugs()
    assert done.exit_code == (code(found[0]) if found else 0)
    if found:
        assert files(world) == before
    return found


def files(world: World) -> dict[str, bytes]:
    """Every file of the folder conf, byte for byte."""
    return {path.name: path.read_bytes() for path in world.conf.iterdir()}


def install(world: World, data: bytes) -> Done:
    """``install`` of a file that is taken."""
    done = world.run("install", world.write(data))
    assert done.exit_code == 0, done.err
    return done


def trust_roots(world: World, *keys: MemorySigner, needed: int = 1) -> None:
    """The product ships these roots, and wants so many of them."""
    for path in world.keys.iterdir():
        path.unlink()
    for number, key in enumerate(keys):
        (world.keys / f"root-{number}.pub.pem").write_text(key.public_key.to_pem(), "ascii")
    text = f'product = "darwin"\nroots_needed = {needed}\n'
    (world.conf / "hostseal.toml").write_text(text, "ascii")


def notices(done: Done) -> list[str]:
    """What an answer says beside its problems, but for what hangs on the host's network."""
    return [slug for slug in done.notices() if slug != "address-may-change"]


def verified(world: World) -> tuple[int, int, int]:
    """Exit code of ``verify``, and the versions of roots and keyset that it believed."""
    done = world.json("verify")
    return done.exit_code, done.json()["roots_version"], done.json()["keyset_version"]


# Signing keys


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
    assert install(world, revoked).err.startswith("[E]: The vendor has withdrawn signing key")
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


# Keysets


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


# Roots


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
def test_as_many_different_roots_must_sign_as_the_product_says(
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


def test_two_roots_must_have_signed_the_very_same_bytes(world: World) -> None:
    other = new_signer()
    trust_roots(world, world.root, other, needed=2)
    two = keyset(world, 3) + keyset(world, 4, by=[other])
    assert slugs(world, license_block(world) + two) == ["keyset-untrusted"]
    said = world.run("install", world.write(license_block(world) + two)).err
    assert "1 trusted root keys signed it, and 2 must" in said


def test_one_key_in_two_files_and_in_two_blocks_is_one(world: World) -> None:
    trust_roots(world, world.root, world.root, needed=2)
    twice = keyset(world, 3, by=[world.root, world.root])
    assert slugs(world, license_block(world) + twice) == ["keyset-untrusted"]


def test_a_document_that_names_one_root_twice_is_refused(world: World) -> None:
    fresh = new_signer()
    once = json.loads(b64url.decode(_token(roots(world, 1, fresh, by=[fresh])).split(".")[1]))
    twice = json.dumps(once | {"keys": once["keys"] * 2, "threshold": 2}).encode()
    blocks = [jws.sign(twice, key, jws.ROOTS) for key in (world.root, fresh)]
    text = "".join(armor.wrap(armor.ROOTS, token) for token in blocks).encode()
    assert slugs(world, license_block(world) + text + keyset(world, 3)) == ["roots-invalid"]


def test_roots_follow_on_roots_inside_a_licence_and_the_image_stays(world: World) -> None:
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
def test_a_chain_with_a_gap_leads_nowhere(world: World, missing: str) -> None:
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
            "first": ["keyset-untrusted"],
            "second": ["roots-skipped"],
            "own": ["roots-invalid"],
            "former": ["keyset-untrusted"],
        }[missing]
    )


def test_new_roots_need_the_threshold_of_the_old_ones(world: World) -> None:
    other, fresh = new_signer(), new_signer()
    trust_roots(world, world.root, other, needed=2)
    last = license_block(world) + keyset(world, 1, by=[fresh])
    alone = roots(world, 1, fresh, by=[world.root, fresh])
    assert slugs(world, alone + last) == ["keyset-untrusted"]
    assert slugs(world, roots(world, 1, fresh, by=[world.root, other, fresh]) + last) == []


def test_new_roots_without_their_keyset_are_refused_as_a_file(world: World) -> None:
    install(world, world.file())
    before, fresh = files(world), new_signer()
    rotated = world.write(roots(world, 1, fresh, by=[world.root, fresh]))
    assert world.json("install", rotated).slugs() == ["keyset-untrusted"]
    assert files(world) == before
    # Where the old root stays, what it signed does too.
    kept = roots(world, 1, world.root, fresh, by=[world.root, fresh])
    assert "Keyset 3 (roots 1) is known now." in install(world, kept).out
    assert verified(world) == (0, 1, 3)
    # Sent again, or with a block that nobody signed, it brings nothing.
    worthless = roots(world, 2, fresh, by=[new_signer()])
    for nothing in (kept, worthless):
        said = install(world, nothing).out
        assert "Keyset 3 (roots 1) was known;" in said
        assert verified(world) == (0, 1, 3)


def test_a_test_root_is_not_trusted_in_production(world: World) -> None:
    testing = new_signer()
    made = keyset(world, 3, by=[testing])
    assert slugs(world, license_block(world) + made) == ["keyset-untrusted"]
    trust_roots(world, testing)
    assert slugs(world, license_block(world) + made) == []


# Points and signatures

FIELD, ORDER = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493
SMALL = 0x05FC536D880238B13933C6D305ACDFD5F098EFF289F4C345B027B2C28F95E826
POINTS = {
    "order 1": 1,
    "order 2": FIELD - 1,
    "order 4": 0,
    "order 8": SMALL,
    "order 8, other": FIELD - SMALL,
    "not canonical": FIELD + 2,
    "not canonical, order 1": FIELD + 1,
}


@pytest.mark.parametrize("where", ["signing", "root", "roots"])
@pytest.mark.parametrize("point", POINTS)
def test_a_point_of_low_order_or_not_canonical_is_no_key(
    world: World, point: str, where: str
) -> None:
    raw = POINTS[point].to_bytes(32, "little")
    if where == "root":
        spki = bytes.fromhex("302a300506032b6570032100") + raw
        text = base64.b64encode(spki).decode()
        pem = f"-----BEGIN PUBLIC KEY-----\n{text}\n-----END PUBLIC KEY-----\n"
        (world.keys / "low.pub.pem").write_text(pem, "ascii")
        assert slugs(world, world.file()) == ["trusted-key-invalid"]
        return
    fresh = new_signer()
    if where == "signing":
        good = keyset(world, 3)
        label, typ, slug = armor.KEYSET, jws.KEYSET, "keyset-invalid"
    else:
        good = roots(world, 1, fresh, by=[world.root])
        label, typ, slug = armor.ROOTS, jws.ROOTS, "roots-invalid"
    members = json.loads(b64url.decode(_token(good).split(".")[1]))
    members["keys"][0]["x"] = b64url.encode(raw)
    forged = jws.sign(json.dumps(members).encode(), world.root, typ)
    bad = armor.wrap(label, forged).encode()
    rest = b"" if where == "signing" else keyset(world, 3)
    assert slugs(world, license_block(world) + bad + rest) == [slug]


@pytest.mark.parametrize("what", ["license", "keyset", "roots"])
@pytest.mark.parametrize("how", ["flipped", "S + L", "unused bits", "padded"])
def test_a_signature_has_one_text(world: World, what: str, how: str) -> None:
    fresh = new_signer()
    blocks = {
        "license": license_block(world),
        "roots": roots(world, 1, fresh, by=[world.root]),
        "keyset": keyset(world, 3, by=[fresh]),
    }
    own = roots(world, 1, fresh, by=[fresh])
    assert slugs(world, b"".join(blocks.values()) + own) == []
    for name in ("license.dat", "license.trust", "license.state"):
        (world.conf / name).unlink(missing_ok=True)
    token = _token(blocks[what])
    head, _, last = token.rpartition(".")
    signature = b64url.decode(last)
    raised = (int.from_bytes(signature[32:], "little") + ORDER).to_bytes(32, "little")
    worse = {
        "flipped": flipped(token),
        "S + L": f"{head}.{b64url.encode(signature[:32] + raised)}",
        "unused bits": token[:-1] + chr(ord(token[-1]) + 1),  # A, Q, g, w: the next one
        "padded": f"{token}==",
    }[how]
    label = {"license": armor.LICENSE, "keyset": armor.KEYSET, "roots": armor.ROOTS}[what]
    blocks[what] = armor.wrap(label, worse).encode()
    is_token = how in ("flipped", "S + L")
    if what == "license":
        expected = "signature-invalid" if is_token else "license-damaged"
    else:
        expected = "license-damaged" if what == "keyset" and not is_token else "keyset-untrusted"
    assert slugs(world, b"".join(blocks.values()) + own) == [expected]


def _token(block: bytes) -> str:
    """The first token of these blocks."""
    return next(iter(armor.unwrap(block).values()))[0]


# Revocation lists


def test_a_list_is_installed_and_a_lower_number_is_refused(world: World) -> None:
    install(world, world.file())
    done = install(world, revocations(world, 7, "HS-2027-1", exp=world.now + 9 * DAY))
    assert "Revocation list 7 is known now." in done.out
    before = files(world)
    older = world.write(revocations(world, 6))
    assert world.json("install", older).slugs() == ["revocations-rolled-back"]
    remembered = world.conf / "license.state"
    remembered.unlink()  # the list that is there knows its number too
    assert world.json("install", older).slugs() == ["revocations-rolled-back"]
    remembered.write_bytes(before["license.state"])
    (world.conf / "license.revocations").unlink()
    assert world.json("install", older).slugs() == ["revocations-rolled-back"]
    assert notices(world.json("verify")) == ["revocations-dropped"]
    install(world, revocations(world, 7, "HS-2027-1", exp=world.now + 9 * DAY))
    assert files(world).keys() == before.keys()
    for command in ("verify", "show", "doctor"):
        words = "revocation list 7, 3 days old" if command != "doctor" else "list 7, 3 days old"
        assert words in world.run(command, now=world.now + 3 * DAY).out
    late = world.json("verify", now=world.now + 9 * DAY)
    assert (late.exit_code, notices(late)) == (0, ["revocations-old"])
    assert late.json()["revocations"] == {
        "number": 7,
        "iat": world.now,
        "exp": world.now + 9 * DAY,
    }


def test_a_list_of_the_highest_number_by_a_leaked_key_ends_with_that_key(world: World) -> None:
    install(world, world.file())
    leaked, present = new_signer(), new_signer()
    both = (entry(world, world.signing), entry(world, leaked))
    install(world, keyset(world, 4, *both))
    install(world, revocations(world, TOP, by=leaked))
    older = world.write(revocations(world, 2))
    assert world.json("install", older).slugs() == ["revocations-rolled-back"]
    withdrawn = [entry(world, world.signing), entry(world, leaked, state="revoked")]
    install(world, keyset(world, 5, *withdrawn, entry(world, present)))
    assert world.json("verify").slugs() == ["revocations-invalid"]
    install(world, revocations(world, 2, by=present))
    assert notices(world.json("verify")) == []
    assert world.json("verify").json()["revocations"]["number"] == 2


def test_a_list_that_revokes_the_installed_licence_is_taken_and_said(world: World) -> None:
    install(world, world.file())
    done = install(world, revocations(world, 8, NUMBER))
    assert "By what is known now the installed licence does not hold:" in done.out
    assert "The vendor has revoked licence" in done.err
    assert world.json("verify").slugs() == ["license-revoked"]
    install(world, world.file(world.claims(jti="HS-2027-NEW")))


@pytest.mark.parametrize("how", ["stranger", "revoked", "damaged", "two", "first"])
def test_a_list_that_nobody_vouches_for_leaves_the_old_one_in_place(world: World, how: str) -> None:
    if how != "first":
        install(world, world.file())
        install(world, revocations(world, 1))
    other = new_signer()
    made = revocations(world, 2, by=other)
    if how == "revoked":
        install(
            world,
            keyset(world, 4, entry(world, world.signing), entry(world, other, state="revoked")),
        )
    elif how == "damaged":
        made = armor.wrap(armor.REVOCATIONS, flipped(_token(revocations(world, 2)))).encode()
    elif how == "two":
        made = revocations(world, 2) + revocations(world, 3)
    before = files(world)
    assert world.json("install", world.write(made)).slugs() == ["revocations-invalid"]
    assert files(world) == before


def test_a_list_with_the_keyset_that_is_known_says_nothing_but_the_list(world: World) -> None:
    known = keyset(world, 3)  # as a server publishes it
    install(world, world.file())
    install(world, revocations(world, 1) + known)
    said = install(world, revocations(world, 2) + known).out
    assert "Revocation list 2 is known now." in said
    assert "Keyset" not in said
    assert "license.trust" not in said


def test_only_what_vouches_for_licences_is_kept_for_the_next_file() -> None:
    def kept(label: str, size: int) -> int:
        armor._joined_before.cache_clear()
        armor.unwrap(armor.wrap(label, "A" * size).encode())
        return armor._joined_before.cache_info().currsize

    assert [kept(label, 100) for label in (armor.KEYSET, armor.ROOTS)] == [1, 1]
    assert [kept(label, 100) for label in (armor.LICENSE, armor.REVOCATIONS)] == [0, 0]
    assert kept(armor.KEYSET, 2 * armor.MAX_FILE) == 0


def test_one_file_can_bring_roots_keyset_and_list_and_all_or_nothing_is_taken(
    world: World,
) -> None:
    install(world, world.file())
    fresh, signing = new_signer(), new_signer()
    rotated = roots(world, 1, fresh, by=[world.root, fresh])
    rotated += keyset(world, 1, entry(world, world.signing), entry(world, signing), by=[fresh])
    before = files(world)
    bad = rotated + revocations(world, 1, by=new_signer())
    assert world.json("install", world.write(bad)).slugs() == ["revocations-invalid"]
    assert files(world) == before
    done = world.json("install", world.write(rotated + revocations(world, 1, by=signing)))
    assert done.json()["installed"] == [
        str(world.conf / "license.trust"),
        str(world.conf / "license.revocations"),
    ]
    assert done.json()["check"]["ok"] is True
    assert verified(world) == (0, 1, 1)


@pytest.mark.parametrize(
    ("changed", "number"),
    [("nothing", 6), ("host", 5), ("list", 5), ("licence", 5), ("keyset", 5)],
)
def test_a_list_that_was_read_is_not_read_again_until_something_is_another(
    world: World, changed: str, number: int
) -> None:
    install(world, world.file())
    install(world, revocations(world, 5, "HS-2027-1"))
    assert world.json("verify").json()["revocations"]["number"] == 5
    facts, state = world.facts(), world.conf / "license.state"
    kept = memory.parse(state.read_bytes(), facts)
    assert kept.list is not None
    # Another number for the same file can only come from the memory.
    told = kept._replace(list=kept.list._replace(number=6))
    here = facts._replace(container_id="60" * 32) if changed == "host" else facts
    state.write_bytes(memory.dump(told, here))
    if changed == "list":
        with (world.conf / "license.revocations").open("ab") as file:
            file.write(b"\n")
    elif changed == "licence":
        world.put(world.file(world.claims(jti="HS-2027-2")))
    elif changed == "keyset":
        world.put(license_block(world) + keyset(world, 4))
    done = world.json("verify")
    assert (done.exit_code, done.json()["revocations"]["number"]) == (0, number)


def test_a_list_of_100_000_is_installed_though_no_licence_may_be_so_long(world: World) -> None:
    install(world, world.file())
    listed = revocations(world, 3, *(f"HS-2027-{number}" for number in range(100_000)))
    assert len(listed) > 2_000_000
    install(world, listed)
    assert world.json("verify").json()["revocations"]["number"] == 3
    # Line ends and spaces may change on the way, also in a long file; it is not mended beyond that.
    install(world, listed.replace(b"\n", b" \r\n"))
    quoted = b"".join(b"> " + row for row in listed.splitlines(keepends=True))
    assert world.json("install", world.write(quoted)).slugs() == ["revocations-invalid"]
    large = world.file() + b"\n" * 65536
    assert world.json("install", world.write(large)).slugs() == ["file-too-large"]
    larger = listed + b"\n" * 16 * 1024 * 1024
    assert world.json("install", world.write(larger)).slugs() == ["file-too-large"]


def test_a_list_that_spares_one_licence_is_looked_through_for_another(world: World) -> None:
    install(world, world.file())
    install(world, revocations(world, 5, "HS-2027-1"))
    world.json("verify")
    world.put(world.file(world.claims(jti="HS-2027-1")))
    assert world.json("verify").slugs() == ["license-revoked"]


# What is kept


def test_a_vendor_who_never_changed_a_key_costs_no_file(world: World) -> None:
    install(world, world.file())
    world.json("verify")
    assert files(world).keys() == {"hostseal.toml", "license.dat", "license.state"}


def test_what_was_learned_and_is_damaged_is_said_and_made_anew(world: World) -> None:
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


def test_nothing_is_remembered_that_could_not_be_kept(world: World) -> None:
    install(world, world.file())
    world.put(license_block(world) + keyset(world, 4))
    before = (world.conf / "license.state").read_bytes()
    (world.conf / "license.trust").symlink_to("/nonexistent/license.trust")
    assert notices(world.json("verify")) == ["memory-not-written"]
    assert (world.conf / "license.state").read_bytes() == before


def test_a_memory_of_a_former_client_is_read_and_goes_on(world: World) -> None:
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


def test_what_a_check_under_an_older_keyset_found_in_a_list_is_not_remembered(
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


def test_a_trust_that_no_check_could_read_again_is_refused(world: World) -> None:
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

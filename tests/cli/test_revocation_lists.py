"""Revocation lists on a host: installed, outdated, cached, rolled back."""

import pytest

from license_core import (
    armor,
    memory,
)
from license_core.paths import MAX_REVOCATIONS
from license_core.revocation import digest
from tests.support.cli import DAY, NUMBER, World, code, flipped, new_signer
from tests.support.trusting import TOP, files, first_token, install, notices, verified
from tests.support.vendor import entry, keyset, license_block, revocations, roots

OURS = digest(NUMBER).hex()
OTHERS = "0" if OURS[0] != "0" else "1"


def test_list_is_installed_and_a_lower_number_is_rejected(world: World) -> None:
    install(world, world.file())
    done = install(world, revocations(world, 7, "HS-2027-1", exp=world.now + 9 * DAY))
    assert "Revocation list 7 is now in force on this host." in done.out
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


def test_revoking_a_leaked_key_voids_its_list_number(world: World) -> None:
    install(world, world.file())
    leaked, present = new_signer(), new_signer()
    both = (entry(world, world.signing), entry(world, leaked))
    install(world, keyset(world, 4, *both))
    install(world, revocations(world, TOP, by=leaked))
    older = world.write(revocations(world, 2))
    assert world.json("install", older).slugs() == ["revocations-rolled-back"]
    withdrawn = [entry(world, world.signing), entry(world, leaked, state="revoked")]
    fifth = keyset(world, 5, *withdrawn, entry(world, present))
    install(world, fifth, ends="revocations-invalid")
    assert world.json("verify").slugs() == ["revocations-invalid"]
    install(world, revocations(world, 2, by=present))
    assert notices(world.json("verify")) == []
    assert world.json("verify").json()["revocations"]["number"] == 2


def test_installing_a_list_reports_that_it_revokes_the_licence(world: World) -> None:
    install(world, world.file())
    done = install(world, revocations(world, 8, NUMBER), ends="license-revoked")
    assert "With these changes the installed licence is not valid:" in done.out
    assert "The vendor has revoked licence" in done.err
    assert world.json("verify").slugs() == ["license-revoked"]
    again = world.run("install", world.write(revocations(world, 8, NUMBER)))
    assert again.exit_code == code("license-revoked")
    assert "Revocation list 8 was already in force on this host." in again.out
    assert "The installed licence is still not valid:" in again.out
    install(world, world.file(world.claims(jti="HS-2027-NEW")))


def test_a_list_before_the_first_licence_waits_for_that(world: World) -> None:
    listed = world.write(revocations(world, 8))
    done = world.run("install", listed)
    assert done.exit_code == code("revocations-invalid")
    assert "Install a licence on this host first" in done.err
    assert "Ask your vendor" not in done.err
    install(world, world.file())
    assert world.run("install", listed).exit_code == 0


@pytest.mark.parametrize("how", ["stranger", "revoked", "damaged", "two", "first"])
def test_untrusted_list_is_rejected_and_the_former_one_stays(world: World, how: str) -> None:
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
        made = armor.wrap(armor.REVOCATIONS, flipped(first_token(revocations(world, 2)))).encode()
    elif how == "two":
        made = revocations(world, 2) + revocations(world, 3)
    before = files(world)
    assert world.json("install", world.write(made)).slugs() == ["revocations-invalid"]
    assert files(world) == before


def test_known_keyset_beside_a_list_is_not_mentioned(world: World) -> None:
    known = keyset(world, 3)  # as a server publishes it
    install(world, world.file())
    install(world, revocations(world, 1) + known)
    said = install(world, revocations(world, 2) + known).out
    assert "Revocation list 2 is now in force on this host." in said
    assert "Keyset" not in said
    assert "license.trust" not in said


def test_roots_keyset_and_list_in_one_file_install_all_or_nothing(
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
def test_list_is_cached_until_list_host_licence_or_keyset_changes(
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


def test_list_of_100_000_licences_is_installed(world: World) -> None:
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
    assert world.json("install", world.write(larger)).slugs() == ["list-too-large"]


def test_cached_list_is_searched_again_for_another_licence(world: World) -> None:
    install(world, world.file())
    install(world, revocations(world, 5, "HS-2027-1"))
    world.json("verify")
    world.put(world.file(world.claims(jti="HS-2027-1")))
    assert world.json("verify").slugs() == ["license-revoked"]


def test_shard_of_the_installed_licence_is_taken_out_of_a_file_of_several(world: World) -> None:
    install(world, world.file())
    install(world, revocations(world, 5, "HS-2027-1"))
    several = b"".join(
        revocations(world, 6, NUMBER, prefix=prefix) for prefix in "0123456789abcdef"
    )
    install(world, several, ends="license-revoked")
    shard = (world.conf / "license.revocations").read_bytes()
    assert shard == revocations(world, 6, NUMBER, prefix=OURS[0])
    whole = revocations(world, 6)  # of the same number, so they can take each other's place
    install(world, whole)
    install(world, revocations(world, 6, prefix=OURS[0]))
    assert world.json("verify").json()["revocations"]["number"] == 6


def test_list_that_covers_the_licence_is_not_replaced_by_one_that_does_not(world: World) -> None:
    install(world, world.file())
    install(world, revocations(world, 5))
    before = files(world)
    for made in (
        revocations(world, 6, prefix=OTHERS),
        revocations(world, 6, prefix=OTHERS) + revocations(world, 6, prefix=OTHERS + "1"),
    ):
        done = world.run("install", world.write(made))
        assert done.exit_code == code("revocations-invalid")
        assert f"it is for other licences than {NUMBER}" in done.err
        assert f"Ask your vendor for the revocation list of licence {NUMBER}" in done.err
    both = revocations(world, 6, prefix=OURS[0]) + revocations(world, 6, prefix=OURS[:2])
    assert world.json("install", world.write(both)).slugs() == ["revocations-invalid"]
    assert files(world) == before


def test_shard_of_others_is_told_until_there_is_the_right_one(world: World) -> None:
    install(world, world.file())
    beside = world.conf / "license.revocations"
    beside.write_bytes(revocations(world, 6, prefix=OTHERS))
    for _ in range(2):  # what was found out once must be said again
        assert notices(world.json("verify")) == ["revocations-of-others"]
    said = world.run("verify").err
    assert f"Revocation list 6 is a part for other licences than {NUMBER}: {beside}." in said
    install(world, revocations(world, 6, prefix=OURS[:2]))
    assert notices(world.json("verify")) == []


def test_renewal_holds_beside_the_shard_of_the_former_licence(world: World) -> None:
    install(world, world.file())
    install(world, revocations(world, 6, prefix=OURS[:3]))
    renewed = world.claims(jti="HS-2027-NEW")._replace(iat=world.now + 1)
    world.now += 1
    done = world.json("install", world.write(world.file(renewed)))
    assert (done.exit_code, notices(done)) == (0, [])
    assert notices(world.json("verify")) == []


def test_list_that_is_too_large_is_named_and_replaced_by_one_that_is_not(world: World) -> None:
    install(world, world.file())
    beside = world.conf / "license.revocations"
    beside.write_bytes(revocations(world, 6) + b"\n" * MAX_REVOCATIONS)
    done = world.run("verify")
    assert done.exit_code == code("list-too-large")
    size = beside.stat().st_size
    assert f"The revocation list {beside} has {size} bytes; at most 16777216 are read." in done.err
    assert "install FILE`" in done.err
    install(world, revocations(world, 6, prefix=OURS[:3]))
    assert world.json("verify").exit_code == 0

"""A file is installed with all that it has, or not at all: every pair of blocks in one file.

The host knows roots 1, keyset 3 and list 5, and has a licence that is valid.
"""

import itertools
import json
from typing import NamedTuple

import pytest

from license_core import armor, b64url, jws
from license_core.request import LicenseRequest
from tests.support.cli import World, code, flipped, new_signer
from tests.support.trusting import files, first_token, install
from tests.support.vendor import keyset, license_block, revocations, roots


class Block(NamedTuple):
    """What may stand in a file, and what is wrong with it."""

    text: bytes
    slug: str | None = None
    """The problem that the file is refused with; None: nothing is wrong with it."""
    words: str = ""
    """What must be said of it."""
    beside_licence: bool = True
    """Whether it is a problem beside a licence, too."""


def _damaged(label: str) -> bytes:
    return armor.wrap(label, "AAAA").encode()


def _flipped(label: str, block: bytes) -> bytes:
    return armor.wrap(label, flipped(first_token(block))).encode()


def _emptied(world: World) -> bytes:
    """A keyset that the root signed, and that has no key."""
    token = first_token(keyset(world, 4))
    members = json.loads(b64url.decode(token.split(".")[1])) | {"keys": []}
    return armor.wrap(
        armor.KEYSET, jws.sign(json.dumps(members).encode(), world.root, jws.KEYSET)
    ).encode()


class Site(NamedTuple):
    """A host with a history, and the blocks that it is sent."""

    world: World
    blocks: dict[str, Block]
    conf: dict[str, bytes]
    """Its folder conf, which each case begins with."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    world, fresh, thief = World(tmp_path_factory.mktemp("pairs")), new_signer(), new_signer()
    kept = (world.root, fresh)
    first = roots(world, 1, *kept, by=[world.root, fresh])
    install(world, world.file())
    install(world, first)
    install(world, revocations(world, 5))
    later = world.claims(jti="HS-2027-LATER", iat=world.now + 1)
    untrusted = "no root key of version"
    blocks = {
        "licence": Block(license_block(world, later)),
        "licence, forged": Block(
            _flipped(armor.LICENSE, license_block(world, later)), "signature-invalid", "modified"
        ),
        "licence, of an unknown key": Block(
            license_block(world, later, by=thief), "signing-key-unknown", "No key in keyset"
        ),
        "licence, meaningless": Block(_damaged(armor.LICENSE), "license-damaged", "1 part"),
        "licence, expired": Block(
            license_block(world, later._replace(exp=world.now + 2)), "license-expired", "expired"
        ),
        "licence, of another product": Block(
            license_block(world, later._replace(aud="other")), "wrong-product", "other"
        ),
        "keyset": Block(keyset(world, 4)),
        "keyset, known": Block(keyset(world, 3)),
        "keyset, stale": Block(keyset(world, 2), "keyset-rolled-back", "is 2", False),
        "keyset, of another root": Block(
            keyset(world, 9, by=[thief]), "keyset-untrusted", untrusted
        ),
        "keyset, forged": Block(
            _flipped(armor.KEYSET, keyset(world, 4)), "keyset-untrusted", untrusted
        ),
        "keyset, meaningless": Block(_damaged(armor.KEYSET), "license-damaged", "the keyset: "),
        "keyset, empty": Block(_emptied(world), "keyset-invalid", "not an array of keys"),
        "list": Block(revocations(world, 6)),
        "list, known": Block(revocations(world, 5)),
        "list, stale": Block(revocations(world, 4), "revocations-rolled-back", "list 4", False),
        "list, of another key": Block(
            revocations(world, 6, by=thief), "revocations-invalid", "no trusted key"
        ),
        "list, meaningless": Block(
            _damaged(armor.REVOCATIONS), "revocations-invalid", "it has 1 part"
        ),
        "roots": Block(roots(world, 2, *kept, by=[world.root, fresh])),
        "roots, known": Block(first),
        "roots, of strangers": Block(
            roots(world, 2, thief, by=[thief]), "roots-invalid", "no trusted key"
        ),
        "roots, forged": Block(
            _flipped(armor.ROOTS, roots(world, 2, fresh, by=[world.root])),
            "roots-invalid",
            "signature is invalid",
        ),
        "roots, meaningless": Block(_damaged(armor.ROOTS), "roots-invalid", "it has 1 part"),
        "roots, of a later version": Block(
            roots(world, 4, *kept, by=[world.root, fresh]), "roots-skipped", "version 4"
        ),
        "request": Block(LicenseRequest("0" * 40, "quoted").to_text().encode()),
        "a block of a later version": Block(_damaged("LICENSE FUTURE")),
    }
    return Site(world, blocks, files(world))


def _kind(name: str) -> str:
    return name.partition(",")[0]


def _expected(names: tuple[str, ...], blocks: dict[str, Block]) -> dict[str, str]:
    """The problems that the file of these blocks is refused with, and what is said of each."""
    names = _once(names)
    kinds = [_kind(name) for name in names]
    is_licence = "licence" in kinds
    if not set(kinds) & {"licence", "keyset", "list", "roots"}:
        return {"license-block-missing": ""}
    if kinds.count("licence") > 1:
        return {"license-several": "2 licences"}
    skipped = "roots, of a later version" in names  # nothing can be said of a licence then
    found = {
        block.slug: block.words
        for kind, block in ((_kind(name), blocks[name]) for name in names)
        if block.slug and (block.beside_licence or not is_licence)
        if not (skipped and kind == "licence")
    }
    # Beside what is not too old, or where no trust can be had, nothing is too old.
    if set(names) & {"keyset", "keyset, known", "roots", "roots, of a later version"}:
        found.pop("keyset-rolled-back", None)
    if kinds.count("list") > 1:
        found.pop("revocations-rolled-back", None)
        if is_licence or "revocations-invalid" not in found:
            found["revocations-invalid"] = "2 lists"
    return found


def _once(names: tuple[str, ...]) -> tuple[str, ...]:
    """The blocks as `install` takes them: the same token twice is one."""
    twice = {"licence", "list"}
    is_undone = not any(name.endswith("meaningless") for name in names)
    if is_undone and any(names.count(name) > 1 and _kind(name) in twice for name in names):
        return tuple(dict.fromkeys(names))
    return names


def _files(site: Site, names: tuple[str, ...]) -> None:
    """Install a file of these blocks, and look at all that came of it."""
    world, blocks = site.world, site.blocks
    for path in world.conf.iterdir():
        path.unlink()
    for name, data in site.conf.items():
        (world.conf / name).write_bytes(data)
    source = world.write(b"".join(blocks[name].text for name in names))
    expected = _expected(names, blocks)
    done = world.json("install", source)
    if expected:
        assert set(done.slugs()) == set(expected), names
        assert done.exit_code == code(done.slugs()[0]), names
        said = " ".join(problem["sentence"] for problem in done.json()["problems"])
        for words in expected.values():
            assert words in said, names
        assert files(world) == site.conf, names
        return
    assert done.exit_code == 0, (names, done)
    after = files(world)
    if "licence" in names:
        once = b"".join(blocks[name].text for name in _once(names))
        assert after["license.dat"] == once
        assert after["license.dat.old"] == site.conf["license.dat"]
    else:
        assert after["license.dat"] == site.conf["license.dat"]
        assert after["license.revocations"] == (
            blocks["list"].text if "list" in names else site.conf["license.revocations"]
        )
    learned = armor.unwrap(after["license.trust"])
    assert (first_token(blocks["roots"].text) in learned[armor.ROOTS]) == ("roots" in names)
    assert (first_token(blocks["keyset"].text) in learned[armor.KEYSET]) == ("keyset" in names)
    assert world.run("verify").exit_code == 0, names


def test_every_block_alone_is_installed_or_refused_by_name(site: Site) -> None:
    for name in site.blocks:
        _files(site, (name,))


def test_some_pairs_of_blocks_are_installed_whole_or_refused_by_name(site: Site) -> None:
    for names in list(itertools.product(site.blocks, repeat=2))[::11]:
        _files(site, names)


@pytest.mark.torture
def test_every_pair_of_blocks_is_installed_whole_or_refused_by_name(site: Site) -> None:
    for names in itertools.product(site.blocks, repeat=2):
        _files(site, names)
    print(f"\n{len(site.blocks) ** 2} pairs of {len(site.blocks)} blocks")


def test_each_of_several_refused_blocks_is_counted(site: Site) -> None:
    world, blocks = site.world, site.blocks
    strange = [blocks[name].text for name in ("roots, of strangers", "roots, meaningless")]
    done = world.json("install", world.write(blocks["roots"].text + b"".join(strange)))
    said = [problem["sentence"] for problem in done.json()["problems"]]
    # Two root keys signed the good one, each in a block.
    assert [sentence.partition(":")[2][:16] for sentence in said] == [
        " block 3 of 4: n",
        " block 4 of 4: i",
    ]

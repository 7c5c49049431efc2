"""A host without a network that installs licences, keysets, roots and lists."""

from license_core import (
    armor,
)
from license_core.signer import MemorySigner
from tests.support.cli import Done, World, code

TOP = 2**53 - 1
"""The highest version that there is."""


def slugs(world: World, data: bytes) -> list[str]:
    """The problems that ``install`` finds in a licence file; empty if it was installed."""
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


def install(world: World, data: bytes, *, ends: str | None = None) -> Done:
    """Install a file, which must succeed; *ends* is the problem that the installed licence gets."""
    done = world.run("install", world.write(data))
    assert done.exit_code == (code(ends) if ends else 0), done.err
    return done


def trust_roots(world: World, *keys: MemorySigner, needed: int = 1) -> None:
    """Make the product ship these root keys and require *needed* of them."""
    for path in world.keys.iterdir():
        path.unlink()
    for number, key in enumerate(keys):
        (world.keys / f"root-{number}.pub.pem").write_text(key.public_key.to_pem(), "ascii")
    text = f'product = "darwin"\nroots_needed = {needed}\n'
    (world.conf / "hostseal.toml").write_text(text, "ascii")


def notices(done: Done) -> list[str]:
    """The notices of an answer, without those about the host's network."""
    return [slug for slug in done.notices() if slug != "address-may-change"]


def verified(world: World) -> tuple[int, int, int]:
    """The exit code of ``verify``, and the versions of roots and keyset that it trusted."""
    done = world.json("verify")
    return done.exit_code, done.json()["roots_version"], done.json()["keyset_version"]


def first_token(block: bytes) -> str:
    """The first token of these blocks."""
    return next(iter(armor.unwrap(block).values()))[0]

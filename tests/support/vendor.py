"""The vendor's offline side for tests: signs keysets, roots, licences and lists as text."""

from collections.abc import Sequence

from license_core import armor, jws
from license_core.keyset import Keyset, SigningKey
from license_core.license import License
from license_core.revocation import Revocations
from license_core.roots import Roots
from license_core.signer import MemorySigner
from tests.support.cli import DAY, World

VENDOR = "Example Vendor"


def entry(world: World, signer: MemorySigner, **changes: object) -> SigningKey:
    """A signing key of a keyset, valid from yesterday for ten years."""
    key = SigningKey(signer.public_key, world.now - DAY, world.now + 3650 * DAY)
    return key._replace(**changes)  # type: ignore[arg-type]


def keyset(
    world: World,
    version: int,
    *keys: SigningKey,
    by: Sequence[MemorySigner] = (),
    exp: int | None = None,
) -> bytes:
    """The blocks of a keyset, by default of the world's signing key, signed *by* each of these."""
    keys = keys or (entry(world, world.signing),)
    made = Keyset(VENDOR, version, world.now - DAY, keys, exp)
    return _blocks(armor.KEYSET, [made.sign(root) for root in by or [world.root]])


def roots(
    world: World,
    version: int,
    *keys: MemorySigner,
    by: Sequence[MemorySigner],
    threshold: int = 1,
) -> bytes:
    """The blocks of a roots document that names *keys*, signed *by* each of these."""
    public = tuple(key.public_key for key in keys)
    made = Roots(VENDOR, version, world.now - DAY, threshold, public)
    return _blocks(armor.ROOTS, [made.sign(root) for root in by])


def license_block(
    world: World, license_: License | None = None, by: MemorySigner | None = None
) -> bytes:
    """The block of a licence alone."""
    payload = (license_ or world.claims()).payload()
    token = jws.sign(payload, by or world.signing, jws.LICENSE)
    return _blocks(armor.LICENSE, [token])


def revocations(
    world: World,
    number: int,
    *revoked: str,
    by: MemorySigner | None = None,
    exp: int | None = None,
    prefix: str = "",
) -> bytes:
    """The block of a revocation list, or of its shard for the digests that begin with *prefix*."""
    made = Revocations.of(revoked, iss=VENDOR, number=number, iat=world.now, exp=exp).shard(prefix)
    return _blocks(armor.REVOCATIONS, [made.sign(by or world.signing)])


def _blocks(label: str, tokens: Sequence[str]) -> bytes:
    return "".join(armor.wrap(label, token) for token in tokens).encode()

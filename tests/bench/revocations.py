"""A start of a site with a revocation list: of 10 licences to a million, whole and in shards."""

import statistics
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from license_core.keyset import Keyset, SigningKey, TrustedKeyset
from license_core.revocation import Revocations
from license_core.roots import Roots
from license_server.settings import LARGEST_LIST
from license_server.signing.issuer import Issuer
from license_server.signing.list_file import file_of
from license_server.signing.revocation_lists import signed_or_not
from license_server.signing.revocation_shards import Shards
from license_server.signing.revocation_store import StoredList
from tests.bench.processes import CLI, Cost, Spawner
from tests.bench.site import YEAR, Site, make_site

SIZES = (10, 1_000, 100_000, 1_000_000)
NUMBER = "B-1"
"""Of the site's licence, which no list has."""


class Measured(NamedTuple):
    """One list at one site."""

    revoked: int
    what: str
    size: int | None
    """Bytes of its file; None: the server refuses to make it."""
    first: list[Cost]
    later: list[Cost]
    bare: list[Cost]


def measure(folder: Path, caches: Path, runs: int, now: int) -> str:
    """The table: *runs* turns of a start without a list, the first with it, and a later one."""
    site = make_site(folder, now)
    spawner = Spawner(caches)
    found = [one for size in SIZES for one in _of_size(site, spawner, runs, size)]
    spawner.close()
    lines = [
        "| revoked | the site has | size | first `verify` | a later one | peak of the first |",
        "|---|---|---|---|---|---|",
    ]
    return "\n".join([*lines, *map(_line, found)]) + "\n"


def _of_size(site: Site, spawner: Spawner, runs: int, revoked: int) -> Iterator[Measured]:
    """What the server makes of a list of so many: the whole one, and the shard of the licence."""
    listed = Revocations.of(
        (f"R-{n}" for n in range(revoked)), iss="Example Vendor", number=1, iat=site.now
    )
    issuer = _issuer(site)
    new = StoredList(1, "", site.now, site.now + YEAR, 1, "")
    stored = new._replace(token=signed_or_not(listed, new, issuer, LARGEST_LIST))
    whole = file_of(stored) if stored.is_whole else None
    yield _measured(site, spawner, runs, revoked, "the whole list", whole)
    shards = Shards(stored, issuer)
    if shards.digits:
        shard = shards.of([NUMBER], site.now).body
        yield _measured(site, spawner, runs, revoked, f"its shard, of {shards.count:,}", shard)


def _measured(
    site: Site, spawner: Spawner, runs: int, revoked: int, what: str, file: bytes | None
) -> Measured:
    path, state = site.conf / "license.revocations", site.conf / "license.state"
    folders = ["--conf", str(site.conf), "--keys", str(site.keys), "--root", str(site.host)]
    line = [sys.executable, str(CLI), *folders, "verify"]
    spawner.run(line)  # compiles what is not compiled yet, and writes the memory
    unknown = state.read_bytes()
    measured = Measured(revoked, what, None if file is None else len(file), [], [], [])
    for _ in range(0 if file is None else runs):
        measured.bare.append(spawner.run(line))
        path.write_bytes(file or b"")
        measured.first.append(spawner.run(line))
        measured.later.append(spawner.run(line))
        path.unlink()
        state.write_bytes(unknown)
    return measured


def _issuer(site: Site) -> Issuer:
    """The vendor, as the server has it."""
    key = SigningKey(site.signing.public_key, site.now - YEAR, site.now + 5 * YEAR)
    keyset = TrustedKeyset(Keyset("Example Vendor", 1, site.now, (key,)))
    roots = Roots.shipped([site.root.public_key], 1)
    return Issuer("Example Vendor", site.signing, keyset, "", roots, roots)


def _line(one: Measured) -> str:
    begin = f"| {one.revoked:,} | {one.what} |"
    if one.size is None:
        return f"{begin} the server makes no such file | | | |"
    size = f"{one.size / 1024:,.1f} KiB"
    first, later = (_ratio(costs, one.bare) for costs in (one.first, one.later))
    peak = statistics.median(cost.peak_kib for cost in one.first) / 1024
    return f"{begin} {size} | {first} | {later} | {peak:.1f} MiB |"


def _ratio(costs: list[Cost], bare: list[Cost]) -> str:
    pairs = zip(costs, bare, strict=True)
    ratio = statistics.median(cost.cpu / base.cpu for cost, base in pairs)
    milliseconds = statistics.median(cost.cpu for cost in costs) * 1000
    return f"{ratio:.2f}, {milliseconds:.0f} ms"

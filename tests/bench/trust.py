"""A start of a site that knows everything, against one that has nothing but its licence."""

import statistics
import sys
from pathlib import Path

from license_core import armor
from license_core.keyset import Keyset, SigningKey
from license_core.revocation import Revocations
from license_core.roots import Roots
from license_core.signer import MemorySigner
from tests.bench.processes import CLI, Cost, Spawner
from tests.bench.site import YEAR, Site, make_site
from tests.bench.table import Row

REVOKED = 100_000


def measure(folder: Path, caches: Path, runs: int, now: int) -> list[Row]:
    """*runs* turns of bare, known and read anew, one after the other; medians of their ratios."""
    bare, known = (make_site(_made(folder / name), now) for name in ("bare", "known"))
    teach(known)
    spawner = Spawner(caches)
    lines = [_line(bare), _line(known)]
    for line in lines:  # compiles what is not compiled yet, and writes the memory
        spawner.run(line)
    state = known.conf / "license.state"
    costs: dict[str, list[Cost]] = {"bare": [], "known": [], "anew": []}
    for _ in range(runs):
        costs["bare"].append(spawner.run(lines[0]))
        costs["known"].append(spawner.run(lines[1]))
        remembered = state.read_bytes()
        state.unlink()
        costs["anew"].append(spawner.run(lines[1]))
        state.write_bytes(remembered)
    spawner.close()
    return [
        _row("`verify`, keyset learned and 100,000 revoked", costs, "known", "≤ 1.30"),
        _row("… the first time, when the list is read", costs, "anew", "first figure"),
    ]


def teach(site: Site) -> None:
    """New roots, a keyset that they signed, and a long list that spares the licence."""
    fresh = MemorySigner.from_seed(bytes(32))
    key = SigningKey(site.signing.public_key, site.now - YEAR, site.now + 5 * YEAR)
    roots = Roots("Example Vendor", 1, site.now, 1, (fresh.public_key,))
    keyset = Keyset("Example Vendor", 2, site.now, (key,)).sign(fresh)
    text = "".join(armor.wrap(armor.ROOTS, roots.sign(by)) for by in (site.root, fresh))
    (site.conf / "license.trust").write_text(text + armor.wrap(armor.KEYSET, keyset), "ascii")
    revoked = (f"R-{number}" for number in range(REVOKED))
    listed = Revocations.of(revoked, iss="Example Vendor", number=1, iat=site.now)
    block = armor.wrap(armor.REVOCATIONS, listed.sign(site.signing))
    (site.conf / "license.revocations").write_text(block, "ascii")


def _row(what: str, costs: dict[str, list[Cost]], name: str, goal: str) -> Row:
    pairs = zip(costs[name], costs["bare"], strict=True)
    median_ms = statistics.median(cost.seconds for cost in costs[name]) * 1000
    peak = statistics.median(cost.peak_kib for cost in costs[name]) / 1024
    ratios = [cost.seconds / base.seconds for cost, base in pairs]
    return Row.of(what, ratios, goal, f"{median_ms:.0f} ms, {peak:.1f} MiB")


def _line(site: Site) -> list[str]:
    folders = ["--conf", str(site.conf), "--keys", str(site.keys), "--root", str(site.host)]
    return [sys.executable, str(CLI), *folders, "verify"]


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder

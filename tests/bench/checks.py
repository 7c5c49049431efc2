"""``check()`` in one process, against one bare Ed25519 verification; and a check made again."""

import time
from collections.abc import Callable
from typing import TypeVar

from license_core import armor, b64url, check_installed
from license_core.keyset import open_keyset
from license_core.settings import Settings
from license_core.verify import check
from tests.bench.site import PRODUCT, Site
from tests.bench.table import Row

LICENCES = 50
AGAIN = 20_000

_Item = TypeVar("_Item")


def measure(site: Site, rounds: int) -> list[Row]:
    """*rounds* turns of bare, cold, warm over the same licences; ratios of checks a second."""
    files = [site.licence(f"B-{number}") for number in range(LICENCES)]
    roots = (site.root.public_key,)
    settings = Settings(product=PRODUCT)

    def check_one(data: bytes) -> None:
        report = check(
            data, roots=roots, facts=site.facts, now=site.now, settings=settings, memory=None
        )
        report.require_valid()

    def check_cold(data: bytes) -> None:
        open_keyset.cache_clear()
        check_one(data)

    tokens = [armor.unwrap(data)[armor.LICENSE][0].rpartition(".") for data in files]
    signed = [(b64url.decode(end), start.encode("ascii")) for start, _, end in tokens]
    key = site.signing.public_key

    def bare(pair: tuple[bytes, bytes]) -> None:
        if not key.verifies(*pair):
            raise RuntimeError("the bench's own licence does not verify")

    cold_ratios, warm_ratios = [], []
    bare_times, cold_times, warm_times = [], [], []
    for _ in range(rounds):
        bare_times.append(_seconds(bare, signed))
        cold_times.append(_seconds(check_cold, files))
        warm_times.append(_seconds(check_one, files))
        cold_ratios.append(bare_times[-1] / cold_times[-1])
        warm_ratios.append(bare_times[-1] / warm_times[-1])
    return [
        Row.of("`check()` a second, keyset new", cold_ratios, "≥ 0.40", _rate(cold_times)),
        Row.of("`check()` a second, keyset seen before", warm_ratios, "≥ 0.80", _rate(warm_times)),
        _again(site),
    ]


def _again(site: Site) -> Row:
    """``check_installed()`` with nothing changed, against the same with another instant.

    Processor time, which is what a product pays. The clock goes on meanwhile, so that what is due
    once a second is in it.
    """

    def first(instant: int) -> None:
        check_installed(site.conf, site.keys, product=PRODUCT, now=instant)

    def again(_: int) -> None:
        check_installed(site.conf, site.keys, product=PRODUCT)

    firsts, agains = [], []
    for _ in range(5):
        instants = [site.now + number for number in range(LICENCES)]
        firsts.append(_seconds(first, instants, time.process_time) / LICENCES)
        agains.append(_seconds(again, [0] * AGAIN, time.process_time) / AGAIN)
    ratios = [after / before for before, after in zip(firsts, agains, strict=True)]
    micro, before = sorted(agains)[2] * 1e6, sorted(firsts)[2] * 1e6
    note = f"{micro:.1f} µs against {before:,.0f}"
    return Row.of("`check_installed()` called again, nothing changed", ratios, "≤ 30 µs", note)


def _seconds(
    function: Callable[[_Item], None],
    items: list[_Item],
    clock: Callable[[], float] = time.perf_counter,
) -> float:
    started = clock()
    for item in items:
        function(item)
    return clock() - started


def _rate(times: list[float]) -> str:
    return f"{LICENCES / sorted(times)[len(times) // 2]:,.0f} a second"

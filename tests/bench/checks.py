"""``check()`` in one process, against one bare Ed25519 verification."""

import time
from collections.abc import Callable
from typing import TypeVar

from license_core import armor, b64url
from license_core.keyset import open_keyset
from license_core.settings import Settings
from license_core.verify import check
from tests.bench.site import PRODUCT, Site
from tests.bench.table import Row

LICENCES = 50

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
    ]


def _seconds(function: Callable[[_Item], None], items: list[_Item]) -> float:
    started = time.perf_counter()
    for item in items:
        function(item)
    return time.perf_counter() - started


def _rate(times: list[float]) -> str:
    return f"{LICENCES / sorted(times)[len(times) // 2]:,.0f} a second"

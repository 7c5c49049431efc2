"""Hosts at random: another part, another key; the same parts, the same key; and never a crash."""

import random
import time
from pathlib import Path

import pytest

from license_core import hostkey, stability
from license_core.errors import LicenseError
from license_core.probe import read_facts
from tests.support.random_hosts import IDENTIFIED, PARTS, RandomHost, random_host, spoilt

HOSTS, HOSTS_TORTURE = 300, 100_000
MOST_SECONDS = 1.0
"""Of this process alone, so that a busy machine changes nothing."""


def key_of(host: RandomHost, root: Path) -> str | None:
    facts = read_facts(str(host.write(root)), {})
    assert stability.notices(facts) is not None
    try:
        return hostkey.derive(facts).key
    except LicenseError as error:
        assert error.slug == "host-unidentifiable"
        return None


@pytest.mark.parametrize("count", [HOSTS, pytest.param(HOSTS_TORTURE, marks=pytest.mark.torture)])
def test_key_follows_the_parts_and_nothing_else(count: int, tmp_path: Path) -> None:
    chance = random.Random(count)
    root = tmp_path / "host"
    keys: dict[tuple[object, ...], str] = {}
    owners: dict[str, tuple[object, ...]] = {}
    for _ in range(count // 4):
        host = random_host(chance)
        part = chance.choice(PARTS)
        for other in (host, host.shaken(chance), host.with_other(part, chance)):
            key = key_of(other, root)
            assert (key is not None) is other.has_key, other
            if key is not None:
                assert keys.setdefault(other.parts, key) == key, other
                assert owners.setdefault(key, other.parts) == other.parts, other
        spoilt(root, chance)
        began = time.thread_time()
        try:
            hostkey.derive(read_facts(str(root), {}))
        except LicenseError as error:
            assert error.sentence
        assert time.thread_time() - began < MOST_SECONDS, host
    assert len(keys) == len(owners) > count // 20


def test_hosts_of_every_kind_are_among_them() -> None:
    chance = random.Random(1)
    assert {random_host(chance).kind for _ in range(500)} > IDENTIFIED

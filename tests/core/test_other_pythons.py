"""The core reads on other Pythons what it reads on this one, from vectors to state files."""

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from license_core.memory import Memory, dump
from tests.support import pythons, readings
from tests.support.cases import CASES
from tests.support.mutated_vectors import changed, mutants
from tests.support.readings import question
from tests.support.sent_files import FILES, SORTS

MANY = 10
"""How many times as much the long campaign asks."""
_SETTINGS = b'product = "darwin" # ours\nwarn_days = 30\nreleased = 2026-11-30\nroots_needed = 2\n'
_REQUIREMENTS = b"cpus = 8\nmemory_gib = 64\ngpus = 4\ndisk_gib = 50\nports = [3001, 3_002]\n"
_BASE64 = b"ABCDabcd0123-_+/AA=="
UUENCODED = b"Content-Transfer-Encoding: x-uuencode\n\nbegin 644 x\n#zzzz\n`\nend\n"
_STATES = [
    dump(Memory(900, 5, "A", authentic=True), readings.HOST),
    dump(Memory(900, 5, "A").remember_host(readings.HOST), readings.HOST._replace(ip="10.0.0.1")),
]


def asked(folder: Path, many: int) -> Iterator[str]:
    """The questions, of which files and hosts are written to *folder*."""
    chance = random.Random(many)
    for number, data in enumerate(mutants(200 * many, many)):
        path = folder / f"{number}.txt"
        path.write_bytes(data)
        yield question("vector", str(path).encode())
    for _ in range(100 * many):
        yield question("settings", changed(chance, _SETTINGS))
        yield question("requirements", changed(chance, _REQUIREMENTS))
        yield question("state", changed(chance, chance.choice(_STATES)))
        yield question("base64", changed(chance, _BASE64))
    for name in list(SORTS)[:: max(1, 6 // many)]:
        sent = SORTS[name](FILES["licence"])
        data = sent if isinstance(sent, bytes) else sent.encode()
        yield question("parcel", data)
        yield question("parcel", changed(chance, data))
    yield question("parcel", UUENCODED)
    for number, case in enumerate(CASES):
        for when, make in (("before", case.before), ("after", case.after)):
            root = folder / f"{number}-{when}"
            make(root)
            yield question("host", str(root).encode(), env=case.env, profile=case.profile)


@pytest.fixture(scope="module")
def answered(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What this Python reads, by question."""
    folder = tmp_path_factory.mktemp("asked")
    return {line: json.loads(readings.answer(line)) for line in asked(folder, 1)}


def differing(version: str, answered: dict[str, Any]) -> list[tuple[str, Any, Any]]:
    """What another Python reads otherwise."""
    if version not in pythons.others():
        pytest.skip(f"another Python {version} is missing: {pythons.where_to_get(version)}")
    given = pythons.asked(pythons.others()[version], readings.__name__, answered)
    pairs = zip(answered.items(), given, strict=True)
    return [(line, ours, its) for (line, ours), its in pairs if its != ours]


@pytest.mark.parametrize("version", ["3.8", "3.13"])
def test_files_and_hosts_are_read_alike(version: str, answered: dict[str, Any]) -> None:
    assert sum("read" in one for one in answered.values()) > len(answered) // 3
    assert differing(version, answered) == []


@pytest.mark.torture
@pytest.mark.parametrize("version", pythons.OTHERS)
def test_many_files_and_hosts_are_read_alike(version: str, tmp_path: Path) -> None:
    answered = {line: json.loads(readings.answer(line)) for line in asked(tmp_path, MANY)}
    assert differing(version, answered) == []

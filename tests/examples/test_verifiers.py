"""The verifiers in examples/verifiers pass every vector, and agree with ours on mutated ones."""

import base64
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from license_core import armor
from license_core.revocation import Revocations
from tests.support.mutated_vectors import mutants
from tests.support.verifiers import VERIFIERS, Running, available
from tests.vectors import material
from tests.vectors.ours import CASES, Vector, answer

MUTATIONS, MUTATIONS_TORTURE = 5_000, 100_000
OF_SHELL = 750
"""Of so many the shell is asked its share, which starts a program for nearly every step."""

pytestmark = pytest.mark.xdist_group("verifiers")  # they share the mutated vectors and our answers


@pytest.fixture(scope="module", params=VERIFIERS)
def running(request: pytest.FixtureRequest) -> Iterator[Running]:
    with Running(available(request.param)) as verifier:
        yield verifier


@pytest.mark.parametrize("slow", [12, pytest.param(1, marks=pytest.mark.torture)])
def test_verifier_passes_every_vector_and_agrees_with_ours(running: Running, slow: int) -> None:
    """In the suite a slow one is asked one vector in twelve."""
    cases = CASES if running.verifier.every == 1 else CASES[::slow]
    vectors = {path.stem: Vector(path) for path in cases}
    given = dict(zip(vectors, running.answers(cases), strict=True))
    broken = {
        name: (given[name], vector.promised())
        for name, vector in vectors.items()
        if given[name] | vector.promised() != given[name]
    }
    assert broken == {}
    assert given == {name: answer(vector) for name, vector in vectors.items()}


@pytest.mark.parametrize("count", [10_000, pytest.param(100_000, marks=pytest.mark.torture)])
def test_verifier_searches_a_long_list(running: Running, count: int, tmp_path: Path) -> None:
    others = [f"HS-2027-{number}" for number in range(count)]
    paths = [tmp_path / "others", tmp_path / "ours"]
    for path, revoked in zip(paths, (others, [*others, "HS-2027-0000TEST"]), strict=True):
        path.write_bytes(beside_a_good_licence(revoked))
    given = running.answers(paths)
    assert given == [answer(Vector(path)) for path in paths]
    assert [one["problems"] for one in given] == [[], ["license-revoked"]]


def beside_a_good_licence(revoked: list[str]) -> bytes:
    """A vector whose licence is good, with a list beside it of the numbers in *revoked*."""
    listed = Revocations.of(revoked, iss="Example Vendor", number=7, iat=material.ISSUED)
    block = armor.wrap(armor.REVOCATIONS, listed.sign(material.SIGNING))
    good = next(path for path in CASES if path.stem == "license-good").read_bytes()
    return b"revocations: " + base64.b64encode(block.encode()) + b"\n" + good


class Mutated(NamedTuple):
    """A mutated vector's file, and our answer to it."""

    path: Path
    ours: dict[str, Any]

    @property
    def primary(self) -> str:
        """The slug of the primary problem; ``none``."""
        return next(iter(self.ours["problems"]), "none")


@pytest.fixture(scope="module")
def mutated() -> Iterator[Callable[[int, int], list[Mutated]]]:
    """So many mutated vectors of a seed: made, and answered by us, once for all verifiers."""
    made = dict[tuple[int, int], list[Mutated]]()
    with tempfile.TemporaryDirectory() as folder:

        def of(count: int, seed: int) -> list[Mutated]:
            if (count, seed) not in made:
                made[count, seed] = []
                for number, data in enumerate(mutants(count, seed)):
                    path = Path(folder, f"{seed}-{number}.txt")
                    path.write_bytes(data)
                    made[count, seed].append(Mutated(path, answer(Vector(path))))
            return made[count, seed]

        yield of


Cases = Callable[[int, int], list[Mutated]]


def asked(running: Running, cases: list[Mutated]) -> int:
    """How many of *cases* a verifier was asked; AssertionError where it differs from us."""
    share = cases[:: running.verifier.every]
    given = running.answers([case.path for case in share])
    for case, its in zip(share, given, strict=True):
        assert its == case.ours, case.path.read_bytes()
    return len(share)


def test_mutated_vectors_reach_many_problems(mutated: Cases) -> None:
    seen = Counter(case.primary for case in mutated(MUTATIONS, 1))
    assert len(seen) >= 25, "the mutations do not reach far enough"
    assert seen["none"] >= MUTATIONS // 30


def test_verifier_agrees_with_ours_on_mutated_vectors(running: Running, mutated: Cases) -> None:
    cases = mutated(MUTATIONS, 1)
    assert asked(running, cases if running.verifier.every == 1 else cases[:OF_SHELL]) >= 150


@pytest.mark.torture
@pytest.mark.timeout(14_400)
def test_verifier_agrees_with_ours_on_100_000_mutated_vectors(
    running: Running, mutated: Cases
) -> None:
    cases = mutated(MUTATIONS_TORTURE, 2)
    count = asked(running, cases)
    seen = Counter(case.primary for case in cases)
    kinds = ", ".join(f"{slug} {number}" for slug, number in sorted(seen.items()))
    print(f"\n{running.verifier.command[-1]}: {count} mutated vectors, the same answers; {kinds}")

"""The verifiers in examples/verifiers pass every vector, and agree with ours on mutated ones."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.mutated_vectors import mutants
from tests.support.verifiers import VERIFIERS, Running, available
from tests.vectors.ours import CASES, Vector, answer

MUTATIONS, MUTATIONS_TORTURE = 500, 100_000
BATCH = 200
LANGUAGES = [pytest.param(name, marks=pytest.mark.xdist_group(name)) for name in VERIFIERS]


@pytest.fixture(scope="module", params=LANGUAGES)
def running(request: pytest.FixtureRequest) -> Iterator[Running]:
    with Running(available(request.param)) as verifier:
        yield verifier


@pytest.mark.parametrize("slow", [3, pytest.param(1, marks=pytest.mark.torture)])
def test_verifier_passes_every_vector_and_agrees_with_ours(running: Running, slow: int) -> None:
    """In the suite a slow one is asked one vector in three."""
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


def written(folder: Path, every: int, count: int, seed: int) -> Iterator[list[Path]]:
    """One in *every* of *count* mutated vectors as files, some at a time."""
    paths: list[Path] = []
    for number, data in enumerate(mutants(count, seed)):
        if number % every == 0:
            paths.append(folder / f"{len(paths)}.txt")
            paths[-1].write_bytes(data)
        if len(paths) == BATCH or (number == count - 1 and paths):
            yield paths
            paths = []


def agreed(running: Running, folder: Path, count: int, seed: int) -> dict[str, int]:
    """How often each primary problem was found; AssertionError where an answer differs."""
    seen = dict[str, int]()
    for paths in written(folder, running.verifier.every, count, seed):
        for path, given in zip(paths, running.answers(paths), strict=True):
            ours = answer(Vector(path))
            assert given == ours, path.read_bytes()
            slug = next(iter(ours["problems"]), "none")
            seen[slug] = seen.get(slug, 0) + 1
    return seen


def test_verifier_agrees_with_ours_on_mutated_vectors(running: Running, tmp_path: Path) -> None:
    every = running.verifier.every
    seen = agreed(running, tmp_path, MUTATIONS, seed=1)
    assert sum(seen.values()) == -(-MUTATIONS // every)
    if every == 1:
        assert len(seen) >= 15, "the mutations do not reach far enough"
        assert seen["none"] >= MUTATIONS // 30


@pytest.mark.torture
@pytest.mark.timeout(14_400)
def test_verifier_agrees_with_ours_on_100_000_mutated_vectors(
    running: Running, tmp_path: Path
) -> None:
    seen = agreed(running, tmp_path, MUTATIONS_TORTURE, seed=2)
    kinds = ", ".join(f"{slug} {count}" for slug, count in sorted(seen.items()))
    program = running.verifier.command[-1]
    print(f"\n{program}: {sum(seen.values())} mutated vectors, the same answer to each; {kinds}")

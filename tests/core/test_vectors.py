"""Every vector in tests/vectors gives its expected answer."""

from pathlib import Path

import pytest

from tests.vectors import generate
from tests.vectors.ours import CASES, FOLDER, ROOT, SPOKEN, Vector, answer


@pytest.mark.parametrize("path", [*CASES, *SPOKEN], ids=lambda path: path.stem)
def test_vector_gives_its_expected_answer(path: Path) -> None:
    vector = Vector(path)
    given = answer(vector)
    assert given | vector.promised() == given


def test_vectors_are_up_to_date_with_their_generator() -> None:
    made = generate.all_files()
    paths = (*CASES, *SPOKEN, ROOT)
    kept = {path.relative_to(FOLDER).as_posix(): path.read_bytes() for path in paths}
    assert kept == made


def test_there_are_enough_vectors_of_each_kind() -> None:
    kinds = [Vector(path).lines["kind"] for path in [*CASES, *SPOKEN]]
    assert len(kinds) >= 60
    assert {kind: kinds.count(kind) > 1 for kind in kinds} == dict.fromkeys(
        ("host", "text", "telephone", "return", "license", "thumbprint", "signature"), True
    )

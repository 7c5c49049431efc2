"""A copy of the example's platform, and each shell that its scripts have to run in."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.platform import SHELLS, copied, shell_folder, stop


@pytest.fixture(params=SHELLS)
def shell(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A PATH on which each of SHELLS in turn is ``sh``."""
    path = shell_folder(request.param, tmp_path / "bin")
    if path is None:
        pytest.skip(f"{request.param} is missing: apt-get install {request.param}")
    return path


@pytest.fixture
def path() -> str:
    """This machine's PATH, for what does not depend on the shell."""
    return os.environ["PATH"]


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[Path]:
    folder = copied(tmp_path / "a platform's folder")
    yield folder
    stop(os.environ["PATH"], folder)

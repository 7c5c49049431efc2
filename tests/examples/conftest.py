"""A copy of the example's platform, and each shell that its scripts have to run in.

In the suite each test has one of the shells, as its name falls, and in `make torture` the others.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from zlib import crc32

import pytest

from tests.support.platform import SHELLS, copied, shell_folder, stop


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "shell" in metafunc.fixturenames:
        chosen = SHELLS[crc32(metafunc.function.__name__.encode()) % len(SHELLS)]
        shells = [
            pytest.param(one, marks=() if one == chosen else pytest.mark.torture) for one in SHELLS
        ]
        metafunc.parametrize("shell", shells, indirect=True)


@pytest.fixture
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

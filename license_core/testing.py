"""The test kit as a plugin of pytest: ``pytest_plugins = ["license_core.testing"]``.

Without pytest, for ``unittest``, use ``license_core.testkit`` itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from license_core.testkit import DAY, STATES, Clock, Kit, State

__all__ = ["DAY", "STATES", "Clock", "Kit", "State", "license_kit"]


@pytest.fixture
def license_kit(tmp_path: Path) -> Iterator[Kit]:
    """A kit that is in force for one test; nothing is installed yet."""
    with Kit(tmp_path / "license-kit").in_force() as kit:
        yield kit

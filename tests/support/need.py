"""Skips a test, or fails it in CI, where a tool is missing."""

import os
from typing import NoReturn

import pytest


def need(what: str, remedy: str) -> NoReturn:
    """Skip with what to install; where ``CI=true`` it may not be missing, so fail."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"{what} is needed with CI=true: {remedy}", pytrace=False)
    pytest.skip(f"{what} is missing: {remedy}")

"""Errors have typed facts. mypy checks this file too: an ignore that is not needed fails there."""

from typing import assert_type

import pytest

from license_core.errors import LicenseExpiredError, LicenseMissingError, UsageError
from license_core.problems import PROBLEMS
from license_server.licenses.errors import TermOverError


def test_error_facts_are_typed_attributes() -> None:
    missing, expired = LicenseMissingError(path="conf"), LicenseExpiredError(ended_at=1, now_at=2)
    assert assert_type(missing.path, str) == "conf"
    assert assert_type(expired.now_at, int) == 2
    assert expired.facts == {"ended_at": 1, "now_at": 2}


def test_misspelt_fact_fails_in_mypy_and_in_the_sentence() -> None:
    error = LicenseMissingError(pth="conf")  # type: ignore[call-arg]
    with pytest.raises(KeyError, match="path"):
        str(error)
    with pytest.raises(AttributeError):
        error.path  # noqa: B018
    LicenseExpiredError(ended_at="tomorrow", now_at=2)  # type: ignore[arg-type]


def test_undeclared_fact_cannot_be_read() -> None:
    with pytest.raises(AttributeError):
        UsageError(reason="x").nothing  # type: ignore[attr-defined]  # noqa: B018


def test_core_errors_have_rows_in_the_table_and_server_errors_their_own() -> None:
    assert LicenseMissingError(path="x").row is LicenseMissingError.row
    assert LicenseMissingError.row is PROBLEMS["LicenseMissingError"]
    assert TermOverError(field="end", last="2026-01-01").slug == "term-over"
    assert TermOverError.__name__ not in PROBLEMS

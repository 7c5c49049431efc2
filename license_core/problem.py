"""One problem: its stable name, its exit code, and its words (SPEC section 9)."""

from __future__ import annotations

from license_core.record import NamedTuple


class Problem(NamedTuple):
    """One row: a refusal, as a shell and a person meet it."""

    slug: str
    exit_code: int
    title: str
    sentence: str
    remedy: str

"""Refusals of revocation lists; their words are in problems.py."""

from __future__ import annotations

from license_core.errors import LicenseError


class RevocationsInvalidError(LicenseError):
    """The revocation list is damaged or untrusted."""

    path: str
    reason: str


class RevocationsRolledBackError(LicenseError):
    """This host has seen a later revocation list."""

    number: int
    seen_number: int


class ListTooLargeError(LicenseError):
    """A revocation list is larger than a client reads (SPEC section 4.1)."""

    path: str
    size: int
    cap: int


class RevocationsTooLargeError(LicenseError):
    """A whole revocation list is larger than clients read, or than can be signed."""

    number: int

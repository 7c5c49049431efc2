"""A request as a vendor received it: more is undone than every reader undoes (SPEC 6.6)."""

from __future__ import annotations

from license_core import request
from license_core.errors import RequestDamagedError, RequestUnreadableError
from license_core.parcel import open_parcel
from license_core.request import LicenseRequest

_LEAST = 100
"""No request has fewer characters."""


def parse(text: str) -> LicenseRequest:
    """As ``request.parse``; where that finds none, in what other programs made of one."""
    try:
        return request.parse(text)
    except (RequestUnreadableError, RequestDamagedError):
        if not _LEAST <= len(text) <= request.MAX_TEXT:
            raise
        opened = open_parcel(text.encode("utf-8", "replace"))
        if opened.what is None:
            raise
        return request.parse(opened.data.decode("utf-8"))

"""A request as a vendor received it: more is undone than every reader undoes (SPEC 4.5, 6.6)."""

from __future__ import annotations

from license_core import pasted, phonecode_reader, request
from license_core.errors import (
    RequestAmbiguousError,
    RequestDamagedError,
    RequestUnreadableError,
)
from license_core.parcel import open_parcel
from license_core.phonecode_reader import Code, Wrong
from license_core.request import LicenseRequest

_LEAST = 100
"""No request has fewer characters; nor has a host key beside a telephone code."""


def parse(text: str) -> LicenseRequest:
    """As ``request.parse``; where that finds none, in what other programs made of one.

    A telephone code is as good as the line that it stands for; of a wrong one RequestDamagedError
    names the groups to ask for again.
    """
    try:
        found = request.parse(text)
    except (RequestUnreadableError, RequestDamagedError) as error:
        if len(text) > request.MAX_TEXT:
            raise
        shown = pasted.undamaged(text) if isinstance(error, RequestUnreadableError) else ""
        codes, wrong = phonecode_reader.read(shown)
        if codes:
            return _of_codes(codes, shown)
        if len(text) >= _LEAST:
            opened = open_parcel(text.encode("utf-8", "replace"))
            if opened.what is not None:
                return request.parse(opened.data.decode("utf-8"))
        if wrong is None:
            raise
        raise _misheard(wrong) from error
    if len(text) >= _LEAST:
        codes = phonecode_reader.read(pasted.undamaged(text)).codes
        _check_alike({found.key, *(code.key for code in codes)})
    return found


def spoken(text: str) -> LicenseRequest | None:
    """What the telephone code in *text* says; None where there is none.

    Raises RequestDamagedError, which names the groups to ask for again, or RequestAmbiguousError.
    """
    shown = pasted.undamaged(text[: request.MAX_TEXT])
    codes, wrong = phonecode_reader.read(shown)
    if wrong is not None:
        raise _misheard(wrong)
    return _of_codes(codes, shown) if codes else None


def _misheard(wrong: Wrong) -> RequestDamagedError:
    return RequestDamagedError(reason=wrong.reason).advised(("read-groups-again",))


def _of_codes(codes: list[Code], text: str) -> LicenseRequest:
    """What the telephone codes in *text* say, which are of one host."""
    _check_alike({code.key for code in codes})
    last = codes[-1]
    return LicenseRequest(last.key, phonecode_reader.name_after(text[last.end :]), last.profile)


def _check_alike(keys: set[str]) -> None:
    if len(keys) > 1:
        raise RequestAmbiguousError(count=len(keys))

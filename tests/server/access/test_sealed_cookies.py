"""Sealed cookies open only unchanged, for their purpose, until they expire."""

import base64

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from license_server.access.sealed_cookies import (
    CookieExpiredError,
    CookieInvalidError,
    SealedCookies,
)

COOKIES = SealedCookies(bytes(range(32)))
VALUE = {"user": 7, "name": "数据"}
SEALED = COOKIES.seal("signing in", VALUE, 1000)


def test_sealed_cookie_opens_until_it_expires() -> None:
    assert COOKIES.open("signing in", SEALED, 999) == VALUE
    with pytest.raises(CookieExpiredError):
        COOKIES.open("signing in", SEALED, 1000)


def test_cookie_of_another_purpose_or_key_is_rejected() -> None:
    with pytest.raises(CookieInvalidError):
        COOKIES.open("openid", SEALED, 0)
    with pytest.raises(CookieInvalidError):
        SealedCookies(bytes(32)).open("signing in", SEALED, 0)


def test_cookie_with_any_changed_character_is_rejected() -> None:
    for at, character in enumerate(SEALED):
        other = "B" if character == "A" else "A"
        changed = SEALED[:at] + other + SEALED[at + 1 :]
        # The last character of base64 has bits that count for nothing.
        if _decoded(changed) != _decoded(SEALED):
            with pytest.raises(CookieInvalidError):
                COOKIES.open("signing in", changed, 0)


@given(st.text(max_size=200))
@settings(max_examples=500, deadline=None, derandomize=True)
def test_arbitrary_text_is_rejected_as_a_cookie(text: str) -> None:
    with pytest.raises(CookieInvalidError):
        COOKIES.open("signing in", text, 0)


def _decoded(sealed: str) -> list[bytes]:
    return [base64.urlsafe_b64decode(part + "==") for part in sealed.split(".")]

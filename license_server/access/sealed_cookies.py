"""Cookies that this server reads back: anyone may read them, nobody else can write them.

They are signed with itsdangerous (HMAC-SHA-256), each for one purpose and until one instant, so
that nothing has to be stored for somebody who is on the way to signing in.
"""

import hashlib
from collections.abc import Mapping
from typing import Any

from itsdangerous import BadData, URLSafeSerializer

_UNTIL = "until"


class CookieInvalidError(ValueError):
    """This server did not write it, or for another purpose."""


class CookieExpiredError(ValueError):
    """Its time is over."""


class SealedCookies:
    """Writes and reads sealed cookies with one key."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def seal(self, purpose: str, value: Mapping[str, Any], until: int) -> str:
        """The text of a cookie that holds *value*, as JSON, *until* an instant in seconds."""
        return str(self._serializer(purpose).dumps({**value, _UNTIL: until}))

    def open(self, purpose: str, text: str, now: int) -> dict[str, Any]:
        """The value in a cookie of this *purpose*.

        Raises CookieInvalidError, or CookieExpiredError where its time was over by *now*.
        """
        try:
            value: dict[str, Any] = self._serializer(purpose).loads(text)
        except BadData as error:
            raise CookieInvalidError(str(error)) from error
        if value.pop(_UNTIL) <= now:
            raise CookieExpiredError
        return value

    def _serializer(self, purpose: str) -> URLSafeSerializer:
        options = {"key_derivation": "hmac", "digest_method": hashlib.sha256}
        return URLSafeSerializer(self._key, salt=f"hostseal {purpose}", signer_kwargs=options)

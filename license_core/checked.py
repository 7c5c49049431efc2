"""Members with a checksum, as a token of a block: against damage, not against people.

A request (SPEC section 4.2) and a return text (SPEC section 4.6) are such tokens. What is signed
needs none.
"""

from __future__ import annotations

from license_core import armor, b64url, strictjson
from license_core.sha256 import sha256

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any, TypeVar

    T = TypeVar("T")
_CHARACTERS = 8
"""So many of the checksum's stand behind the members."""


def write(members: Mapping[str, Any]) -> str:
    """The token of *members*."""
    payload = strictjson.dumps(members)
    return f"{b64url.encode(payload)}.{_checksum(payload)}"


def read(token: str, meaning: Callable[[Any], T]) -> T:
    """What *meaning* makes of the members in a *token*, however its dashes are to be read.

    Raises ValueError where it is damaged, and what *meaning* raises.
    """
    error: ValueError | None = None
    for reading in armor.readings(token):
        try:
            body, _, check = reading.partition(".")
            payload = b64url.decode(body)
            if check != _checksum(payload):
                raise ValueError("its checksum is wrong")
            return meaning(strictjson.loads(payload))
        except ValueError as refused:
            error = refused
    assert error is not None  # noqa: S101  # there is a reading of each token
    raise error


def _checksum(payload: bytes) -> str:
    return b64url.encode(sha256(payload))[:_CHARACTERS]

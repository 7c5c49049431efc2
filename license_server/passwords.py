"""Passwords: argon2id, never more than a few at a time."""

import threading

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.profiles import RFC_9106_LOW_MEMORY

from license_core.errors import InputInvalidError

LEAST, MOST = 10, 200
"""How many characters a password has."""

_HASHER = PasswordHasher.from_parameters(RFC_9106_LOW_MEMORY)
# One takes 64 MiB and all of a core for a moment: a flood of guesses must wait its turn.
_AT_ONCE = threading.Semaphore(2)


def check(password: str) -> None:
    """Raise InputInvalidError for a password that is too short or too long."""
    if not LEAST <= len(password) <= MOST:
        reason = f"a password has {LEAST} to {MOST} characters, this one has {len(password)}"
        raise InputInvalidError(field="password", reason=reason)


def hash_(password: str) -> str:
    """The encoded hash of *password*, with its salt and costs."""
    with _AT_ONCE:
        return _HASHER.hash(password.encode("utf-8", "replace"))


def verify(password: str, hashed: str | None) -> bool:
    """Whether *password* is the one that was hashed; it takes as long where there is none."""
    with _AT_ONCE:
        try:
            right = _HASHER.verify(hashed or _NOBODY, password[:MOST].encode("utf-8", "replace"))
        except (VerificationError, InvalidHashError):
            return False
    return right and hashed is not None


_NOBODY = _HASHER.hash(b"nobody's password")

"""Passwords: hashed with argon2id, only a few at a time."""

from concurrent.futures import ThreadPoolExecutor

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.profiles import RFC_9106_LOW_MEMORY

from license_core.reason import Reason
from license_server.db.errors import InputInvalidError

LEAST, MOST = 10, 200
"""How many characters a password has."""
NONE = "!"
"""In place of the hash of somebody who has no password."""

HASHER = PasswordHasher.from_parameters(RFC_9106_LOW_MEMORY)
WORKERS = ThreadPoolExecutor(2, "passwords")
"""Where a server judges passwords. One takes 64 MiB and all of a core for a moment: a flood of
guesses waits here, and holds up nothing else."""


def check(password: str) -> None:
    """Raise InputInvalidError for a password that is too short or too long."""
    if not LEAST <= len(password) <= MOST:
        reason = Reason(
            "a password has {least} to {most} characters, this one has {count}",
            least=LEAST,
            most=MOST,
            count=len(password),
        )
        raise InputInvalidError(field="password", reason=reason)


def hash_(password: str) -> str:
    """The encoded hash of *password*, with its salt and costs."""
    return HASHER.hash(password.encode("utf-8", "replace"))


def verify(password: str, hashed: str | None) -> bool:
    """Whether *password* is the one that was hashed; it takes as long where there is none."""
    hashed = None if hashed == NONE else hashed
    try:
        right = HASHER.verify(hashed or _nobodys(), password[:MOST].encode("utf-8", "replace"))
    except (VerificationError, InvalidHashError):
        return False
    return right and hashed is not None


def _nobodys() -> str:
    """The hash of no password, as costly to judge as those of HASHER."""
    costs = f"m={HASHER.memory_cost},t={HASHER.time_cost},p={HASHER.parallelism}"
    return f"$argon2id$v=19${costs}${'A' * 22}${'A' * 43}"  # base64: 16 and 32 bytes of zero

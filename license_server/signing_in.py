"""Signing in with a password: slowed after wrong attempts, and never telling which part was wrong.

An attempt is counted before its password is looked at, so that many at once gain nothing.
"""

from typing import NamedTuple

from sqlalchemy import Connection

from license_core.errors import NotAuthenticatedError, TooManyAttemptsError
from license_server import passwords, store
from license_server.store import StoredUser

LONGEST_WAIT = 900
"""Seconds."""
_FORGET_AFTER = 3600
# How many wrong attempts are free: of one address at one account, of one address, at one account.
_FREE_PAIR, _FREE_ADDRESS, _FREE_ACCOUNT = 5, 20, 100


class Attempt(NamedTuple):
    """Somebody at *address* who wants to be *email*."""

    email: str
    address: str

    def allowances(self) -> dict[str, int]:
        """What is counted, and how many failures of it are free."""
        return {
            f"pair:{self.email}:{self.address}"[:300]: _FREE_PAIR,
            f"address:{self.address}"[:300]: _FREE_ADDRESS,
            f"account:{self.email}"[:300]: _FREE_ACCOUNT,
        }


def count(connection: Connection, attempt: Attempt, now: int) -> None:
    """Count *attempt* as failed until it has succeeded. Raises TooManyAttemptsError."""
    store.forget_failures_before(connection, now - _FORGET_AFTER)
    counted = {
        subject: (store.failures(connection, subject) or (0, 0), free)
        for subject, free in attempt.allowances().items()
    }
    wait = max(
        _wait(failures, last_at, free, now) for (failures, last_at), free in counted.values()
    )
    if wait > 0:
        raise TooManyAttemptsError(seconds=wait)
    for subject, ((failures, _), _) in counted.items():
        store.set_failures(connection, subject, failures + 1, now)


def succeeded(connection: Connection, attempt: Attempt) -> None:
    """Forget the failures of this account from this address."""
    store.forget_failures(connection, next(iter(attempt.allowances())))
    store.forget_failures(connection, f"account:{attempt.email}"[:300])


def judge(user: StoredUser | None, password: str) -> StoredUser:
    """*user*, if *password* is theirs; slow on purpose. Raises NotAuthenticatedError."""
    if not passwords.verify(password, user.password_hash if user else None) or user is None:
        raise NotAuthenticatedError(reason="The address or the password is wrong")
    return user


def _wait(failures: int, last_at: int, free: int, now: int) -> int:
    """For how many seconds after *last_at* nobody may try again, less what has passed."""
    if failures < free:
        return 0
    due = last_at + min(LONGEST_WAIT, 1 << min(failures - free + 1, 20))
    return max(0, due - now)

"""Password sign-in: slowed down after failures, and silent about which part was wrong.

An attempt is counted before its password is looked at, so that many at once gain nothing.
"""

import hashlib
import hmac
from collections.abc import Callable, Mapping
from ipaddress import IPv6Address, ip_address, ip_network
from types import MappingProxyType
from typing import NamedTuple

from sqlalchemy import Connection

from license_core import b64url
from license_core.errors import NotAuthenticatedError
from license_server.access import access_store, passwords
from license_server.access.access_store import StoredUser
from license_server.access.errors import TooManyAttemptsError
from license_server.access.sealed_cookies import SealedCookies

Random = Callable[[int], bytes]
LONGEST_WAIT = 900
"""Seconds."""
HALF_SECONDS = 300
"""How long after the password the code may come."""
_HALF = "signing in"
CODE = "code-"
"""What is guessed after the password."""
_FORGET_AFTER = 3600
# How many wrong attempts are free: of one address at one account, of one address, at one account.
_FREE_PAIR, _FREE_ADDRESS, _FREE_ACCOUNT = 5, 20, 100
# Of codes fewer are free at an account: who guesses them has its password.
_FREE_CODES = 10


class Attempt(NamedTuple):
    """Somebody at *address* who wants to be *email*."""

    email: str
    address: str
    """Of IPv6, the network: whoever has one address of it has all."""
    browser: str | None = None
    """The number of the browser, where this account has signed in with it before."""
    what: str = ""
    """What is guessed, where it is not a password: counted by itself."""
    before: tuple[int, int] = (0, 0)
    """How often its address had failed before it was counted, and when last."""
    counted: Mapping[str, int] = MappingProxyType({})
    """Once it is counted: how often each of its ``allowances`` has failed, with it."""

    @classmethod
    def of(cls, email: str, address: str, browser: str | None = None, what: str = "") -> "Attempt":
        """The attempt from an *address* as the connection gives it."""
        return cls(email, network(address), browser, what)

    @property
    def of_address(self) -> str:
        """What is counted of its address, whomever it wants to be."""
        return f"{self.what}address:{self.address}"[:300]

    @property
    def failures(self) -> int:
        """How often its address, or browser, has failed at this account by now, with it."""
        return next((self.counted.get(subject, 1) for subject in self.allowances()), 1)

    def allowances(self) -> dict[str, int]:
        """What is counted, and how many failures of it are free.

        A known browser is counted by itself, so that strangers who guess do not lock out whoever
        the account belongs to.
        """
        if self.browser is not None:
            return {f"{self.what}browser:{self.browser}": _FREE_PAIR}
        return {
            f"{self.what}pair:{self.email}:{self.address}"[:300]: _FREE_PAIR,
            f"{self.what}account:{self.email}"[:300]: _FREE_CODES if self.what else _FREE_ACCOUNT,
            self.of_address: _FREE_ADDRESS,
        }


def network(address: str) -> str:
    """What counts as one address: of IPv6 all that begin with the same 64 bits."""
    try:
        ip = ip_address(address)
    except ValueError:
        return address
    if isinstance(ip, IPv6Address):
        return str(ip.ipv4_mapped or ip_network((ip, 64), strict=False))
    return address


def half(user: StoredUser, cookies: SealedCookies, now: int) -> str:
    """What a browser keeps between the password of *user* and their code."""
    value = {"user": user.id, "password": _password_mark(user)}
    return cookies.seal(_HALF, value, now + HALF_SECONDS)


def whose_half(connection: Connection, kept: str, cookies: SealedCookies, now: int) -> StoredUser:
    """Whose password was right, by what their browser keeps. Raises NotAuthenticatedError.

    A password that was changed meanwhile was not the right one.
    """
    refused = NotAuthenticatedError(reason="The password was entered too long ago")
    try:
        value = cookies.open(_HALF, kept, now)
    except ValueError as error:
        raise refused from error
    user = access_store.user_by_id(connection, value["user"])
    if user is None or user.ended_at is not None or value["password"] != _password_mark(user):
        raise refused
    return user


def _password_mark(user: StoredUser) -> str:
    """Changes with the password, and tells nothing of it: what is hashed holds a random salt."""
    return hashlib.sha256(user.password_hash.encode()).hexdigest()[:16]


def introduce(user: StoredUser, random: Random) -> str:
    """What a browser keeps in order to be known at the next signing in of *user*."""
    number = b64url.encode(random(12))
    return f"{number}.{_proof(user, number)}"


def recognise(user: StoredUser | None, kept: str) -> str | None:
    """The number of the browser that keeps *kept*, if *user* was introduced to it.

    A changed password makes all browsers strangers.
    """
    number, _, proof = kept.partition(".")
    if user is None or user.password_hash == passwords.NONE:
        return None
    if not hmac.compare_digest(_proof(user, number).encode(), proof.encode()):
        return None
    return number


def _proof(user: StoredUser, number: str) -> str:
    text = f"hostseal browser\n{user.email}\n{number}".encode()
    return b64url.encode(hmac.digest(user.password_hash.encode(), text, "sha256"))


def count(connection: Connection, attempt: Attempt, now: int) -> Attempt:
    """Count *attempt* as failed until the one that is given back has succeeded.

    Raises TooManyAttemptsError.
    """
    access_store.forget_failures_before(connection, now - _FORGET_AFTER)
    counted = {
        subject: (access_store.failures(connection, subject) or (0, 0), free)
        for subject, free in attempt.allowances().items()
    }
    wait = max(
        _wait(failures, last_at, free, now) for (failures, last_at), free in counted.values()
    )
    if wait > 0:
        raise TooManyAttemptsError(seconds=wait)
    for subject, ((failures, _), _) in counted.items():
        access_store.set_failures(connection, subject, failures + 1, now)
    before, _ = counted.get(attempt.of_address, ((0, 0), 0))
    by_now = {subject: failures + 1 for subject, ((failures, _), _) in counted.items()}
    return attempt._replace(before=before, counted=by_now)


def succeeded(connection: Connection, attempt: Attempt) -> None:
    """Forget the failures of this account, from this address or browser.

    Those of others from the address stay as they were before *attempt*, which was none.
    """
    for subject in attempt.allowances():
        failures, last_at = access_store.failures(connection, subject) or (0, 0)
        access_store.forget_failures(connection, subject)
        if subject == attempt.of_address and failures > 1:
            before, before_at = attempt.before
            last_at = before_at if failures == before + 1 else last_at  # none failed meanwhile
            access_store.set_failures(connection, subject, failures - 1, last_at)


def judge(user: StoredUser | None, password: str) -> StoredUser:
    """*user*, if *password* is theirs; slow on purpose. Raises NotAuthenticatedError."""
    hashed = user.password_hash if user is not None and user.ended_at is None else None
    if not passwords.verify(password, hashed) or user is None:
        raise NotAuthenticatedError(reason="The email address or password is wrong")
    return user


def _wait(failures: int, last_at: int, free: int, now: int) -> int:
    """For how many seconds after *last_at* nobody may try again, less what has passed.

    What a clock that was ahead wrote down counts as long ago.
    """
    if last_at > now + LONGEST_WAIT:
        return 0
    return max(0, last_at + wait_after(failures, free) - now)


def wait_after(failures: int, free: int) -> int:
    """For how many seconds nobody may try again after so many failures, some of them *free*."""
    return 0 if failures < free else min(LONGEST_WAIT, 1 << min(failures - free + 1, 20))

"""Failed sign-ins in the audit log: the first one is told, and then how many there were.

What somebody typed for an account is told only where there is one of that address: it may be a
password that was typed in the wrong place. An hour has a bounded number of these events, whoever
tries, so that a flood of guesses makes neither the hash chain grow nor the writer slow; those of
accounts that there are do not compete with guesses at others.
"""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection

from license_core.wording import utc
from license_server.access import access_store, login
from license_server.access.access_store import StoredUser
from license_server.access.login import Attempt
from license_server.actor import NOBODY
from license_server.audit import events

UNKNOWN = "unknown account"
"""The subject of an event where there is no account of the address that was typed."""
MOST_AN_HOUR = 60
"""So many of these events are written within an hour of the clock about accounts that there are,
and as many about others; of the rest the next hour tells how many there were."""
_HOUR = 3600
_LONGEST_ADDRESS = 64


def failed(
    connection: Connection,
    attempt: Attempt,
    user: StoredUser | None,
    address: str,
    slug: str,
    now: int,
) -> None:
    """Tell of an *attempt* at *user* from *address*, which failed at *now* for *slug*.

    Of the failures that were counted together the first is told, the tenth, the hundredth, …; and
    each from which on somebody has to wait.
    """
    subject = UNKNOWN if user is None else user.email
    counted = attempt.failures if user is not None else attempt.counted.get(attempt.of_address, 1)
    if _is_told(counted):
        _record(connection, "sign-in.failed", subject, address, now, slug=slug, failures=counted)
    for what, seconds in locks(attempt):
        _record(connection, "sign-in.locked", subject, address, now, locked=what, seconds=seconds)


def refused(connection: Connection, address: str, slug: str, now: int) -> None:
    """Tell of somebody at *address* whom single sign-on refused at *now* for *slug*."""
    counter = f"openid-address:{login.network(address)}"[:300]
    before, _ = access_store.failures(connection, counter) or (0, 0)
    access_store.set_failures(connection, counter, before + 1, now)
    if _is_told(before + 1):
        _record(connection, "sign-in.failed", UNKNOWN, address, now, slug=slug, failures=before + 1)


def locks(attempt: Attempt) -> Iterator[tuple[str, int]]:
    """What a failed *attempt* has locked, and for how many seconds: as it begins, and at most."""
    for subject, free in attempt.allowances().items():
        seconds = login.wait_after(attempt.counted.get(subject, 0), free)
        before = login.wait_after(attempt.counted.get(subject, 0) - 1, free)
        if before == 0 < seconds or before < seconds == login.LONGEST_WAIT:
            yield subject.removeprefix(attempt.what).partition(":")[0], seconds


def _is_told(count: int) -> bool:
    """Whether *count* is 1, 10, 100 and so on."""
    return str(count).rstrip("0") == "1"


def _record(
    connection: Connection, action: str, subject: str, address: str, now: int, **details: Any
) -> None:
    actor = NOBODY._replace(address=address[:_LONGEST_ADDRESS] or None)
    counter = f"{access_store.TOLD}{'others' if subject == UNKNOWN else 'accounts'}"
    count, last = access_store.failures(connection, counter) or (0, now)
    if last // _HOUR != now // _HOUR:
        if count > MOST_AN_HOUR:
            whose = UNKNOWN if subject == UNKNOWN else "accounts"
            hour, others = utc(last - last % _HOUR), count - MOST_AN_HOUR
            events.record(
                connection, now, NOBODY, "sign-in.failed", whose, hour=hour, not_listed=others
            )
        count = 0
    access_store.set_failures(connection, counter, count + 1, now)
    if count < MOST_AN_HOUR:
        events.record(connection, now, actor, action, subject, **details)

"""The second factor: one-time codes (TOTP, RFC 6238) and recovery codes.

A code holds for its 30 seconds and for one step before and after; a step is accepted once. A
recovery code is accepted once, and stored as its SHA-256.
"""

import base64
from collections.abc import Callable

import pyotp
from pyotp.exceptions import OTPVerificationError
from sqlalchemy import Connection

from license_core.errors import NotAuthenticatedError
from license_server.access import access_store, accounts, secrets
from license_server.access.access_store import StoredUser
from license_server.access.totp_seeds import Seeds
from license_server.actor import Actor
from license_server.audit import events
from license_server.db.errors import InputInvalidError

Random = Callable[[int], bytes]
RECOVERY_CODES = 10
SEED_BYTES = 20
"""As RFC 4226 section 4 recommends."""
_WINDOW = 1
_CODE_BYTES = 10


def new_seed(random: Random) -> bytes:
    """A seed for somebody's codes."""
    return random(SEED_BYTES)


def text_of(seed: bytes) -> str:
    """A seed as people type it: base32."""
    return base64.b32encode(seed).decode("ascii")


def address_of(seed: bytes, email: str, vendor: str) -> str:
    """The ``otpauth:`` text that an authenticator reads."""
    return pyotp.TOTP(text_of(seed), name=email, issuer=vendor).provisioning_uri()


def step_of(seed: bytes, code: str, now: int) -> int | None:
    """The time step that *code* is of, if it is accepted at *now*."""
    if not (len(code) == 6 and code.isascii() and code.isdigit()):
        return None
    try:
        return pyotp.TOTP(text_of(seed)).verify_and_get_timecode(
            code, for_time=now, valid_window=_WINDOW
        )
    except OTPVerificationError:
        return None


def accept(
    connection: Connection, user: StoredUser, code: str, seeds: Seeds, now: int, actor: Actor
) -> None:
    """Take a one-time code or a recovery code of *user*; each is taken once.

    Raises NotAuthenticatedError.
    """
    plain = "".join(code.split()).replace("-", "").upper()
    if user.totp is None or user.ended_at is not None:
        raise NotAuthenticatedError(reason="One-time codes are not turned on for this account")
    step = step_of(seeds.open(user.id, user.totp), plain, now)
    if step is not None and access_store.take_step(connection, user.id, step):
        return
    if access_store.take_recovery_code(connection, user.id, secrets.hash_of(plain), now):
        events.record(connection, now, actor, "recovery-code.used", user.email)
        return
    raise NotAuthenticatedError(reason="The code is wrong or has already been used")


def set_up(
    connection: Connection,
    user: StoredUser,
    sealed: bytes,
    code: str,
    seeds: Seeds,
    actor: Actor,
    now: int,
    random: Random,
) -> list[str]:
    """Ask *user* for codes of the *sealed* seed from now on; the recovery codes, told this once.

    Raises InputInvalidError for a code that is not of this seed.
    """
    step = step_of(seeds.open(user.id, sealed), "".join(code.split()), now)
    if step is None:
        reason = "the code is not the current one; check the clock of your device"
        raise InputInvalidError(field="code", reason=reason)
    changed = access_store.change_user(connection, user.id, totp=sealed, totp_used=step)
    accounts.record(connection, changed, actor, "user.codes-set-up", now, user)
    return new_recovery_codes(connection, user, actor, now, random)


def end(connection: Connection, user: StoredUser, actor: Actor, now: int) -> StoredUser:
    """Ask *user* for codes no more; who may, the caller has checked."""
    access_store.set_recovery_codes(connection, user.id, [])
    changed = access_store.change_user(connection, user.id, totp=None, totp_used=None)
    accounts.record(connection, changed, actor, "user.codes-ended", now, user)
    return changed


def end_of_other(connection: Connection, user: StoredUser, actor: Actor, now: int) -> StoredUser:
    """Let somebody who lost their device and their recovery codes in with the password alone.

    Raises NotPermittedError.
    """
    accounts.check_manager(connection, user, actor)
    access_store.end_sessions_of(connection, user.id)
    return end(connection, user, actor, now)


def new_recovery_codes(
    connection: Connection, user: StoredUser, actor: Actor, now: int, random: Random
) -> list[str]:
    """Ten new recovery codes, told this once; earlier ones hold no more."""
    codes = [base64.b32encode(random(_CODE_BYTES)).decode("ascii") for _ in range(RECOVERY_CODES)]
    access_store.set_recovery_codes(connection, user.id, [secrets.hash_of(code) for code in codes])
    events.record(connection, now, actor, "recovery-codes.made", user.email)
    return [in_groups(code) for code in codes]


def in_groups(text: str) -> str:
    """*text* in groups of four, as people read it off."""
    return "-".join(text[start : start + 4] for start in range(0, len(text), 4))

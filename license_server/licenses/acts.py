"""The acts on licences: issue, renew, rehost, change, suspend, reinstate, revoke, reissue.

Nothing is edited in place. An act that changes what holds is a new signed licence that names the
one it replaces, and the former row says what became of it. An act is planned by reading, drawn up
and signed without a database, and recorded in one transaction, in which whoever comes second is
told so.
"""

from typing import Any

from license_core.claims import ClaimError
from license_core.reason import Reason
from license_server.actor import Actor
from license_server.catalog import fields
from license_server.db.errors import InputInvalidError
from license_server.licenses import (
    orders,
)
from license_server.licenses.errors import LicenseStateError
from license_server.licenses.license_store import StoredLicense

PERMISSIONS = {
    "issue": "licenses:issue",
    "renew": "licenses:issue",
    "rehost": "licenses:issue",
    "change": "licenses:issue",
    "suspend": "licenses:end",
    "reinstate": "licenses:end",
    "revoke": "licenses:end",
    "reissue": "licenses:issue",
}
"""Each act, and what one must be permitted to do it."""
_FROM = {
    "renew": ("active",),
    "rehost": ("active",),
    "change": ("active",),
    "reinstate": ("suspended",),
    "suspend": ("active",),
    "revoke": ("active", "suspended"),
}
_LEAVES = {"suspend": "suspended", "revoke": "revoked"}
_NEEDS_REASON = ("rehost", "suspend", "reinstate", "revoke", "reissue")
_PAST = {
    "issue": "issued",
    "renew": "renewed",
    "rehost": "rehosted",
    "change": "changed",
    "suspend": "suspended",
    "reinstate": "reinstated",
    "revoke": "revoked",
    "reissue": "reissued",
}
_LONGEST_REASON = 1000
_WORDS = {"rehost": "move to another host"}


def possible(stored: StoredLicense, actor: Actor) -> tuple[str, ...]:
    """The acts that are open to *actor* on a licence now."""
    return tuple(
        act
        for act, states in _FROM.items()
        if stored.state in states
        and PERMISSIONS[act] in actor.permissions
        and actor.may_use(stored.product)
    )


def check_state(stored: StoredLicense, act: str) -> None:
    """Raise LicenseStateError unless *act* is possible on what *stored* is by now."""
    if stored.state not in _FROM.get(act, ("active",)):
        became = {
            "active": Reason("is in force"),
            "replaced": Reason("was replaced by {number}", number=stored.replaced_by),
            "suspended": Reason("is suspended"),
            "revoked": Reason("was revoked"),
        }[stored.state]
        raise LicenseStateError(number=stored.number, act=_word(act), became=became)


def read_reason(members: dict[str, Any], *, needed: bool) -> str | None:
    """Take the reason out of *members*. Raises InputInvalidError."""
    given = {name: members.pop(name, None) for name in (orders.REASON,)}
    if given[orders.REASON] is None:
        if needed:
            raise InputInvalidError(field=orders.REASON, reason="it is missing: say why")
        return None
    try:
        reason = fields.clean_text(given, orders.REASON, _LONGEST_REASON)
    except ClaimError as error:
        raise InputInvalidError(field=error.claim, reason=error.reason) from error
    return reason


def _word(act: str) -> Reason:
    """What an act is called in a sentence."""
    return Reason(_WORDS.get(act, act))

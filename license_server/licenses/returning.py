"""Giving a licence back: what the operator's text proves (SPEC section 4.6).

The secret in it is evidence where the licence names its digest. Anything else is what somebody
says, and a person has to say that it is to be believed.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from sqlalchemy import Connection

from license_core import b64url, giveback
from license_core.giveback import Returned
from license_core.license import License
from license_core.reason import Reason
from license_server.catalog.faults import Faults
from license_server.db.errors import InputInvalidError
from license_server.licenses import issuing, return_store
from license_server.licenses.acts import RETURN, TEXT, UNPROVEN, Act
from license_server.licenses.license_store import StoredLicense


class Claim(NamedTuple):
    """What somebody says of a licence that was given back."""

    returned: Returned | None
    """What the operator's text says; None: there is no text."""
    unproven: bool = False
    """Whether it is to be believed without evidence."""


def take(members: dict[str, Any], faults: Faults) -> Claim:
    """Take what is said of it out of *members*; *faults* learn what is wrong."""
    given = {name: members.pop(name, None) for name in RETURN.may_change}
    returned = faults.read(TEXT, _read_text, given)
    unproven = faults.read(UNPROVEN, _read_unproven, given)
    return Claim(returned, bool(unproven))


def evidence(connection: Connection, stored: StoredLicense, claim: Claim) -> str | None:
    """The secret that proves that *stored* was given back; None: somebody says so.

    Raises InputInvalidError where the text is of another licence, or its secret does not fit, and
    where nothing proves it, as a secret that was revealed before, and nobody has said that this is
    known.
    """
    returned = claim.returned
    if returned is not None and returned.number != stored.number:
        raise _refused(TEXT, Reason("it is of the licence {number}", number=returned.number))
    if returned is not None and proves(connection, stored, returned):
        return b64url.encode(returned.secret or b"")
    digest = issuing.claims_of(stored).host.return_digest
    fits = returned is not None and _fits(stored, returned)
    if returned is not None and returned.secret is not None and digest is not None and not fits:
        raise _refused(TEXT, "its secret is not the one that the licence names")
    if not claim.unproven:
        reason = "nothing proves that the licence was removed; say that you know, to end it"
        if fits:
            reason = Reason(
                "the secret in the text was revealed when another licence was given back, so it "
                "proves nothing for {number}; say that you know, to end it",
                number=stored.number,
            )
        raise _refused(UNPROVEN, reason)
    return None


def proves(connection: Connection, stored: StoredLicense, returned: Returned) -> bool:
    """Whether the secret in a text is the one that the licence names, and was no other's before.

    Licences of several products have the secret of their host in common, and it proves one.
    """
    if returned.secret is None or not _fits(stored, returned):
        return False
    return not return_store.is_revealed(connection, returned.secret)


def _fits(stored: StoredLicense, returned: Returned) -> bool:
    if returned.number != stored.number or returned.secret is None:
        return False
    named = issuing.claims_of(stored).host.return_digest
    return giveback.digest_of(returned.secret) == named


def before(former: StoredLicense, act: Act) -> License:
    """What *former* says, as far as what *act* issues may say it again.

    A secret that was revealed, or will be for another licence, proves nothing.
    """
    said = issuing.claims_of(former)
    if former.state == RETURN.leaves or act.stands_in:
        return said._replace(host=said.host._replace(return_digest=None))
    return said


def _read_text(given: Mapping[str, Any]) -> Returned | None:
    text = given[TEXT]
    if text is None or text == "":
        return None
    if not isinstance(text, str):
        raise _refused(TEXT, "it is not a text")
    if len(text) > giveback.MAX_TEXT:
        most = giveback.MAX_TEXT
        reason = Reason("it is longer than {most:# character|# characters}", most=most)
        raise _refused(TEXT, reason)
    try:
        found = giveback.parse(text)
    except ValueError as error:
        raise _refused(TEXT, Reason("it is damaged: {reason}", reason=str(error))) from error
    if found is None:
        raise _refused(TEXT, "it is not what `return` prints")
    return found


def _read_unproven(given: Mapping[str, Any]) -> bool:
    value = given[UNPROVEN]
    if value is not None and not isinstance(value, bool):
        raise _refused(UNPROVEN, "it is neither true nor false")
    return bool(value)


def _refused(field: str, reason: str) -> InputInvalidError:
    return InputInvalidError(field=field, reason=reason)

"""Whether reminders agree with the licences and mails that they name (SPEC section 11.3)."""

from collections.abc import Iterator

from sqlalchemy import Connection

from license_server.renewals import reminder_store
from license_server.renewals.reminding import MAILED, OUTCOMES

_NO_MAIL = 0
"""In place of a mail to an owner: by then there was nothing to tell."""


def faults(connection: Connection) -> Iterator[tuple[int, str]]:
    """The number of each reminder with which something is wrong, and what."""
    for one, line, mail, owner_mail in reminder_store.beside(connection):
        if one.outcome not in OUTCOMES:
            yield one.id, f"there is no outcome {one.outcome}"
        elif (one.outcome == MAILED) != (one.mail is not None):
            yield one.id, f"it is {one.outcome}, and names {one.mail or 'no mail'}"
        if line is None:
            yield one.id, f"{one.license}, of which it reminds, does not exist"
        elif line != one.line:
            yield one.id, f"{one.license} is of the lineage {line}, not {one.line}"
        if one.mail is not None and mail is None:
            yield one.id, f"mail {one.mail}, which it names, does not exist"
        if one.owner_mail not in (None, _NO_MAIL) and owner_mail is None:
            yield one.id, f"mail {one.owner_mail}, which it names, does not exist"

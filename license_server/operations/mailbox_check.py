"""Whether what is known of mails that were read agrees with the requests (SPEC section 11.3)."""

import re
from collections.abc import Iterator

from sqlalchemy import Connection

from license_server.mail import mailbox_store
from license_server.mail.collecting import OUTCOMES
from license_server.mail.mailbox_store import FILED, ReadMail

_DIGEST = re.compile("[0-9a-f]{64}")


def faults(connection: Connection) -> Iterator[tuple[int, str]]:
    """The number of each mail that was read with which something is wrong, and what."""
    for mail, request in mailbox_store.beside_requests(connection):
        for detail in _faults(mail, request):
            yield mail.id, detail


def _faults(mail: ReadMail, request: int | None) -> Iterator[str]:
    if mail.outcome not in OUTCOMES:
        yield f"there is no outcome {mail.outcome}"
    elif (mail.outcome == FILED) != (mail.requests > 0):
        yield f"it is {mail.outcome}, with {mail.requests} requests"
    if (mail.requests > 0) != (mail.request is not None):
        yield f"it has {mail.requests} requests, and names {mail.request or 'none'}"
    if mail.request is not None and request is None:
        yield f"request {mail.request}, which it names, does not exist"
    if not _DIGEST.fullmatch(mail.digest):
        yield "its digest is none"

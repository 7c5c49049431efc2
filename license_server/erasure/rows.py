"""What is left of a row once what it tells of people is erased. Each goes on being what it was."""

from collections.abc import Callable, Iterable
from typing import Any

from license_server.erasure.erasure_store import (
    LICENSES,
    LINKS,
    MAILS,
    PROPOSALS,
    REQUESTS,
    SENDER,
    Row,
)
from license_server.licenses import erased_claims, issuing
from license_server.mail import outbox_store
from license_server.requests import request_store

GONE = "erased"
"""In place of a text that must not be missing."""
NOBODY = "erased@erased.invalid"
"""In place of an address: none, by its domain (RFC 2606)."""

_SUBJECTS: dict[str, Callable[[Row], Iterable[str | None]]] = {
    MAILS: lambda row: (f"mail {row['id']}", row["license"]),
    REQUESTS: lambda row: (f"request/{row['id']}",),
    PROPOSALS: lambda row: (f"proposal/{row['id']}", row["subject"], row["number"]),
    LINKS: lambda _: (),
    LICENSES: lambda row: (row["number"], row["replaced_by"]),
    "customers": lambda row: (row["name"],),
}


def subjects(table: str, found: Iterable[Row]) -> set[str]:
    """Of what the events tell that rows of *table* were bound by."""
    each = (one for row in found for one in _SUBJECTS[table](row))
    return {one for one in each if one is not None}


def of_license(row: Row, customer: str) -> dict[str, Any]:
    """What is left of a licence: what was sold, when, until when, and what became of it."""
    claims = issuing.claims_in(row["token"])
    return {
        "token": erased_claims.in_place_of(claims, customer),
        "host_key": erased_claims.host_key(row["number"]),
        "host_name": None,
        "request": None,
        "host_tag": None,
    }


def of_mail(row: Row, now: int, recipient: str | None = None) -> dict[str, Any]:
    """What is left of a mail; one that was not sent yet never is.

    *recipient*: in place of its address; None: that stays.
    """
    values: dict[str, Any] = {
        "subject": GONE,
        "body": "",
        "message_id": f"{GONE}-{row['id']}",
        "thread": None,
        "answer": None,
    }
    if recipient is not None:
        values |= {"recipient": recipient, "recipient_name": None}
    if row["state"] in outbox_store.OPEN:
        values |= {"state": outbox_store.CANCELLED, "ended_at": now, "leased_by": None}
    return values


def of_request(row: Row, customer: str, by: str, now: int) -> dict[str, Any]:
    """What is left of a request; one that is open is refused."""
    values: dict[str, Any] = dict.fromkeys(SENDER)
    values |= {"host": None, "host_key": None, "host_name": None, "reason": None, "rule": None}
    values["customer"] = customer
    if row["state"] in request_store.OPEN:
        closed = {"open_key": None, "closed_by": by, "closed_at": now, "proposal": None}
        values |= {"state": "refused"} | closed
    return values


def of_proposal(row: Row, customer: str, by: str, now: int) -> dict[str, Any]:
    """What is left of a proposal; one that waits is refused."""
    values: dict[str, Any] = {
        "members": "{}",
        "customer": customer,
        "reason": None,
        "decision": None,
    }
    if row["state"] == "waiting":
        values |= {"state": "refused", "decided_by": by, "decided_at": now}
    return values


def of_link(row: Row, now: int) -> dict[str, Any]:
    """What is left of a link into the portal: it leads nowhere."""
    return {"label": None, "withdrawn_at": row["withdrawn_at"] or now}


def of_customer(name: str, now: int) -> dict[str, Any]:
    """What is left of a customer that is called *name* by now."""
    blank = ("contact_name", "contact_email", "language", "notes", "tags", "owner", "domains")
    return {**dict.fromkeys(blank), "name": name, "no_reminders": True, "erased_at": now}

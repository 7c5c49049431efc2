"""What a webhook is told of an event: a small JSON document, and the same bytes at each attempt.

It names things, and says how they stood right after the act. Neither people nor secrets are in it:
whoever wants to know more asks the API.
"""

import time
from collections.abc import Mapping
from typing import Any

from license_core import strictjson

VERSION = 1
"""Of what ``data`` holds; members may be added to it under the same version."""
TEST = "webhook.test"
"""What is sent to try a webhook; nobody subscribes to it."""
ENDING = "license.ending"
"""That a licence expires, or has expired."""
EVENTS = (
    *("license.issued", "license.renewed", "license.rehosted", "license.changed"),
    *("license.stop-gap", "license.suspended", "license.reinstated", "license.revoked"),
    *("license.unrevoked", "license.returned", "license.reissued", "license.noted", ENDING),
    *("proposal.made", "proposal.approved", "proposal.refused"),
    *("request.filed", "request.issued", "request.refused", "request.expired"),
    *("customer.added", "customer.changed", "customer.archived", "customer.unarchived"),
    *("customer.merged", "customer.contact-erased", "customer.erased"),
    *("product.added", "product.changed", "product.archived", "product.unarchived"),
    "revocations.published",
)
"""The events of the audit log that webhooks are told of, in the order in which they are offered."""

Data = dict[str, Any]
Row = Mapping[str, Any]


def body(event: str, at: int, data: Data) -> bytes:
    """The payload of Standard Webhooks: what happened, when, and to what."""
    return strictjson.dumps(
        {"type": event, "timestamp": _utc(at), "data": {"version": VERSION} | data}
    )


def of_licence(row: Row, customer: str, product: str) -> Data:
    """A licence as its *row* says."""
    return {
        "license": {
            "id": row["number"],
            "state": row["state"],
            "customer": customer,
            "product": product,
            "plan": row["plan"],
            "kind": row["kind"],
            "contract": row["contract"],
            "host": {"key": row["host_key"], "name": row["host_name"]},
            "issued_at": _utc(row["issued_at"]),
            "expires_at": _instant(row["expires_at"]),
            "line": row["line"],
            "replaces": row["replaces"],
            "replaced_by": row["replaced_by"],
            "stands_for": row["stands_for"],
        }
    }


def of_reminder(details: Mapping[str, Any]) -> Data:
    """A reminder of the end of a licence, as the *details* of its event say."""
    return {"reminder": {"days": details["days"], "outcome": details["outcome"]}}


def of_proposal(row: Row) -> Data:
    """A proposal as its *row* says."""
    told = {name: row[name] for name in ("id", "state", "act", "customer", "product")}
    return {"proposal": told | {"license": row["subject"], "issued": row["number"]}}


def of_request(row: Row) -> Data:
    """A request as its *row* says, without who sent it and what was written."""
    told = {name: row[name] for name in ("id", "state", "source", "customer", "product")}
    return {
        "request": told
        | {
            "host": {"key": row["host_key"], "name": row["host_name"]},
            "received_at": _utc(row["received_at"]),
            "proposal": row["proposal"],
            "license": row["license"],
        }
    }


def of_customer(row: Row) -> Data:
    """A customer as its *row* says, without the people there."""
    return {"customer": _party(row) | {"merged_into": row["merged_into"]}}


def of_product(row: Row) -> Data:
    """A product as its *row* says."""
    return {"product": _party(row) | {"title": row["title"]}}


def of_list(row: Row) -> Data:
    """A revocation list that was published."""
    instants = {name: _utc(row[name]) for name in ("created_at", "expires_at")}
    return {"revocations": {"number": row["number"]} | instants}


def _party(row: Row) -> Data:
    return {"id": row["id"], "name": row["name"], "archived": row["archived_at"] is not None}


def _instant(seconds: int | None) -> str | None:
    return None if seconds is None else _utc(seconds)


def _utc(seconds: int) -> str:
    """An instant as RFC 3339 has it."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))

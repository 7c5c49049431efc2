"""What is stored, as JSON. Instants are RFC 3339 texts in UTC, or null."""

import time
from typing import Any

from license_core import strictjson
from license_core.errors import LicenseError, Notice
from license_server.access.access_store import (
    Invitation,
    StoredToken,
    StoredUser,
)
from license_server.api import PREFIX
from license_server.audit.audit_store import Event, StoredCheckpoint
from license_server.catalog import products
from license_server.catalog.catalog_store import Customer, Product
from license_server.licenses import issuing
from license_server.licenses.license_store import StoredLicense
from license_server.licenses.planning import Plan
from license_server.licenses.proposal_store import Proposal


def license_json(stored: StoredLicense, now: int) -> dict[str, Any]:
    """A licence, with links to itself and its file."""
    license_ = issuing.claims_of(stored)
    here = f"{PREFIX}/licenses/{stored.number}"
    return {
        "id": stored.number,
        "state": stored.state_at(now),
        "customer": stored.customer,
        "product": stored.product,
        "edition": license_.edition,
        "features": list(license_.features),
        "limits": dict(license_.limits or {}),
        "host": {
            "key": license_.host.key,
            "name": license_.host.name,
            "profile": license_.host.profile,
            "match": license_.host.match,
            "tags": sorted(license_.host.tags or {}),
        },
        "issued_at": instant(stored.issued_at),
        "issued_by": stored.issued_by,
        "act": stored.act,
        "expires_at": instant(stored.expires_at),
        "notify_from": instant(license_.notify_from),
        "grace_until": instant(stored.grace_until),
        "maintenance_until": instant(license_.maintenance_until),
        "line": stored.line,
        "replaces": stored.replaces,
        "replaced_by": stored.replaced_by,
        "links": {"self": here, "file": f"{here}/license.dat"},
    }


def plan_json(planned: Plan) -> dict[str, Any]:
    """What an act would do."""
    order = planned.order
    return {
        "dry_run": True,
        "act": planned.act,
        "customer": order.customer,
        "product": order.product,
        "host": {"key": order.request.key, "name": order.request.name, "match": order.match},
        "expires_at": instant(order.expires_at),
        "replaces": order.replaces,
        "needs_approval": planned.needs_approval,
        "refusals": [remark_json(error) for error in planned.refusals],
        "notices": [remark_json(notice) for notice in planned.notices],
    }


def remark_json(told: LicenseError | Notice) -> dict[str, str]:
    """A refusal or a notice, in words."""
    return {"slug": told.slug, "detail": told.sentence, "remedy": told.remedy()}


def customer_json(customer: Customer) -> dict[str, Any]:
    """A customer."""
    return {
        "id": customer.id,
        "name": customer.name,
        "contact_name": customer.contact_name,
        "contact_email": customer.contact_email,
        "language": customer.language,
        "notes": customer.notes,
        "created_at": instant(customer.created_at),
    }


def product_json(product: Product) -> dict[str, Any]:
    """A product and its rules."""
    return {
        "name": product.name,
        "defaults": products.defaults(product),
        "longest_days": product.longest_days,
        "rehosts": product.rehosts,
        "needs_approval": product.needs_approval,
        "created_at": instant(product.created_at),
    }


def proposal_json(proposal: Proposal) -> dict[str, Any]:
    """A proposal and what became of it."""
    return {
        "id": proposal.id,
        "state": proposal.state,
        "act": proposal.act,
        "license": proposal.subject,
        "customer": proposal.customer,
        "product": proposal.product,
        "members": strictjson.loads(proposal.members.encode("utf-8")),
        "reason": proposal.reason,
        "proposed_by": proposal.proposed_by,
        "proposed_at": instant(proposal.proposed_at),
        "decided_by": proposal.decided_by,
        "decided_at": instant(proposal.decided_at),
        "decision": proposal.decision,
        "issued": proposal.number,
    }


def event_json(event: Event) -> dict[str, Any]:
    """An event of the record."""
    return {
        "id": event.id,
        "at": instant(event.at),
        "actor": event.actor,
        "address": event.address,
        "action": event.action,
        "subject": event.subject,
        "reason": event.reason,
        "details": strictjson.loads(event.details.encode("utf-8")),
        "position": event.position,
    }


def checkpoint_json(checkpoint: StoredCheckpoint) -> dict[str, Any]:
    """A checkpoint of the record, with the token to be kept elsewhere."""
    return {
        "position": checkpoint.position,
        "made_at": instant(checkpoint.created_at),
        "token": checkpoint.token,
    }


def user_json(user: StoredUser) -> dict[str, Any]:
    """Somebody who may sign in."""
    return {
        "id": user.id,
        "email": user.email,
        "role": user.role,
        "totp": user.totp is not None,
        "created_at": instant(user.created_at),
        "ended_at": instant(user.ended_at),
    }


def invitation_json(invitation: Invitation, now: int) -> dict[str, Any]:
    """An invitation, without its secret."""
    return {
        "id": invitation.id,
        "email": invitation.email,
        "role": invitation.role,
        "invited_by": invitation.invited_by,
        "created_at": instant(invitation.created_at),
        "expires_at": instant(invitation.expires_at),
        "holds": invitation.expires_at > now,
    }


def token_json(token: StoredToken) -> dict[str, Any]:
    """A token, without its secret."""
    return {
        "id": token.id,
        "name": token.name,
        "scopes": token.scopes.split(),
        "products": None if token.products is None else strictjson.loads(token.products.encode()),
        "created_at": instant(token.created_at),
        "expires_at": instant(token.expires_at),
        "used_at": instant(token.used_at),
        "revoked_at": instant(token.revoked_at),
    }


def instant(seconds: int | None) -> str | None:
    """An instant as RFC 3339 has it."""
    if seconds is None:
        return None
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))

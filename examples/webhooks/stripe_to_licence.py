r"""A payment at Stripe becomes a licence: takes Stripe's webhook, and calls the licence server.

The Checkout session carries what is to be issued in its metadata: customer, product, plan or days,
and host (the line that the operator sent). The Idempotency-Key is made of the session, so that it
is issued once however often Stripe tells of it.

    LICENSE_SERVER=https://licences.example.com LICENSE_TOKEN_FILE=token \
    STRIPE_SECRET_FILE=stripe-secret python examples/webhooks/stripe_to_licence.py
"""

import hashlib
import hmac
import json
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
from receiver import TOLERANCE, RefusedError, serve

PAID = ("checkout.session.completed", "checkout.session.async_payment_succeeded")
MEMBERS = ("customer", "product", "plan", "host", "contract")


def verified(headers: Mapping[str, str], body: bytes, secret: str, now: float) -> Any:
    """The event of Stripe in *body* (docs.stripe.com/webhooks). Raises RefusedError."""
    pairs = [part.partition("=") for part in headers.get("stripe-signature", "").split(",")]
    timestamp = next((value for name, _, value in pairs if name == "t"), "")
    signed = f"{timestamp}.".encode() + body
    expected = hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
    given = [value for name, _, value in pairs if name == "v1"]
    if not any(hmac.compare_digest(expected.encode(), one.encode()) for one in given):
        raise RefusedError("the signature is wrong")
    if abs(now - float(timestamp)) > TOLERANCE:
        raise RefusedError("the signature is old")
    return json.loads(body)


def take(headers: Mapping[str, str], body: bytes) -> None:
    """Issue the licence that was paid. Raises RefusedError."""
    secret = Path(os.environ["STRIPE_SECRET_FILE"]).read_text("ascii").split()[0]
    event = verified(headers, body, secret, time.time())
    session = event["data"]["object"]
    if event["type"] not in PAID or session["payment_status"] == "unpaid":
        return  # nothing to do
    told = session["metadata"]
    order: dict[str, Any] = {name: told[name] for name in MEMBERS if name in told}
    if "days" in told:
        order["days"] = int(told["days"])
    order["reason"] = f"paid at Stripe, session {session['id']}"
    reply = httpx.post(
        f"{os.environ['LICENSE_SERVER']}/api/v1/licenses",
        json=order,
        headers={
            "Authorization": f"Bearer {Path(os.environ['LICENSE_TOKEN_FILE']).read_text().strip()}",
            "Idempotency-Key": f"stripe {session['id']}",
        },
        timeout=30,
    )
    if reply.status_code == 422:  # somebody has to look: Stripe shows what was refused
        raise RefusedError(f"{session['id']}: {reply.json()['detail']}")
    reply.raise_for_status()
    print(f"{session['id']}: {reply.json()['id']}", flush=True)


if __name__ == "__main__":
    serve(take)

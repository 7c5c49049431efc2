"""Each operation replies with the bytes recorded in ``replies.json``: members, order, nulls.

Programs read them. A reply that is to change is written anew, for review, by
``python -m tests.server.api.test_replies``.
"""

import hashlib
import itertools
import json
import re
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from license_server.access import accounts, tokens
from license_server.actor import COMMAND
from license_server.app import create_app
from license_server.operations import data_folder
from license_server.permissions import PERMISSIONS
from license_server.signing.signature_count import tally
from tests.support import server
from tests.support.server import LINE

KEPT = Path(__file__).with_name("replies.json")
NOW = 1_795_000_000
ELSEWHERE = '["77be715e1107f928d1f2e5bae8e47a27ebd3c343", "studio9_gpu"]'
KEY = "55917890141cb1c89accc5e53a929acb1867c42c"
HEADERS = ("content-type", "location", "etag", "content-disposition")
UNKEPT = re.compile(
    r'("(?:token|secret|path|detail|remedy|kept|ledger)":"|"message":"msg_|\?secret=)(?:[^"\\]|\\.)+'
)
"""Checkpoints, which need this run's keys; what is shown once, or drawn by the database; and
sentences, which may improve."""
Step = tuple[str, str, Any]


def steps() -> Iterator[Step]:
    """Method, path and body; ``{n}`` in a path is the id in the reply to step n, from 0."""
    order = {"customer": "ACME 上海", "product": "darwin", "days": 30, "host": LINE}
    yield "POST", "/licenses", order | {"limits": {"gpus": 4}, "features": ["export", "api"]}
    yield "GET", "/licenses/{0}", None
    yield "POST", "/licenses?dry_run=true", order | {"edition": "pro", "days": 90}
    yield "POST", "/licenses/{0}/notes", {"note": 'asked for "more"\tby telephone'}
    yield "POST", "/licenses/{0}/renew", {"expires": "2027-12-31", "time_zone": "Asia/Shanghai"}
    yield "POST", "/licenses/{4}/rehost", {"host": ELSEWHERE, "reason": "made anew"}
    changed = {"edition": "pro", "maintenance_until": "2027-06-30", "notify_days": 10}
    yield "POST", "/licenses/{5}/change", changed
    yield "POST", "/licenses/{6}/suspend?dry_run=true", {"reason": "unpaid"}
    yield "POST", "/licenses/{6}/suspend", {"reason": "unpaid"}
    yield "POST", "/licenses/{6}/reinstate", {"reason": "paid"}
    yield "POST", "/licenses/{9}/revoke", {"reason": "the contract ended"}
    yield "GET", "/licenses/{10}/history", None
    perpetual = {"customer": "Beta", "product": "tool", "perpetual": True, "host": ELSEWHERE}
    yield "POST", "/licenses", perpetual
    yield "GET", "/licenses?limit=2", None
    yield "GET", "/licenses?state=revoked", None
    yield "GET", "/licenses?q=nobody", None
    contact = {"contact_name": "Ada", "contact_email": "ada@acme.example", "language": "zh"}
    yield "POST", "/customers", {"name": "Gamma\u2028 & Co"} | contact
    yield "GET", "/customers/{16}", None
    yield "PATCH", "/customers/{16}", {"notes": "pays late\nas a rule", "language": None}
    yield "GET", "/customers", None
    yield "GET", "/customers?limit=1", None
    rules = {"defaults": {"days": 365, "limits": {"gpus": 2}}, "rehosts": 3}
    yield "POST", "/products", {"name": "owl"} | rules
    yield "GET", "/products/owl", None
    yield "PATCH", "/products/owl", {"needs_approval": True, "longest_days": 400}
    yield "GET", "/products", None
    yield "POST", "/licenses", order | {"product": "owl", "reason": "a big customer"}
    yield "GET", "/proposals/{25}", None
    yield "POST", "/proposals/{25}/refuse", {"reason": "a mistake"}
    yield "POST", "/licenses", {"customer": "Beta", "product": "owl", "host": LINE, "days": 5}
    yield "POST", "@other/proposals/{28}/approve", {"reason": "checked with sales"}
    yield "GET", "/proposals", None
    yield "GET", "/proposals?state=waiting", None
    yield "POST", "/tokens", {"name": "crm", "scopes": ["licenses:read"], "products": ["owl"]}
    yield "POST", "/tokens/{32}/revoke", None
    yield "GET", "/tokens", None
    yield "POST", "/invitations", {"email": "ada@example.com", "role": "issuer", "days": 7}
    yield "GET", "/invitations", None
    yield "POST", "/invitations/{35}/withdraw", None
    yield "GET", "/users", None
    yield "GET", "/users/2", None
    yield "PATCH", "/users/2", {"role": "reader"}
    yield "POST", "/users/2/end", None
    yield "POST", "/users/2/reopen", None
    yield "POST", "/users/2/end-sessions", None
    yield "POST", "/users/2/end-codes", None
    sheet = f"customer,product,host,days\nACME,tool,{KEY},365\nACME,tool,nothing,9\n"
    yield "POST", "/imports?dry_run=true", sheet
    yield "POST", "/imports?skip_wrong=true", sheet
    yield "GET", "/exports/licenses.csv", None
    yield "GET", "/events?limit=200", None
    yield "GET", "/events?subject=nobody", None
    yield "GET", "/checkpoints?limit=2", None
    yield "POST", "/revocations", {"days": 7}
    yield "GET", "/revocations", None
    yield "POST", "/diagnoses", {"text": f"HS-2026-7F3K9QXB\n{ELSEWHERE}"}
    yield "PATCH", "/products/owl", {"commands": {"client": "./owl", "start": "-"}}
    yield "PATCH", "/products/owl/letters", {"moved": {"en": "Licence {number} moved\n{moved}"}}
    yield "GET", "/products/owl/letters", None
    asked = {"text": f"new address:\n{ELSEWHERE}", "customer": "Beta", "product": "cat"}
    yield "POST", "/requests", asked | {"sender_name": "Li", "sender_address": "li@beta.example"}
    yield "POST", "/requests", asked | {"text": f"any news? {ELSEWHERE}"}
    yield "POST", "/requests/1/assign", {}
    yield "POST", "/requests/1/note", {"text": "asked sales"}
    yield "POST", "/requests/1/reply", {"text": "Please wait until tomorrow."}
    yield "POST", "/requests/1/reply", {"text": "Which host is it?", "mail": True}
    yield "GET", "/requests/1", None
    yield "POST", "/requests/1/issue?dry_run=true", {"days": 30}
    yield "POST", "/requests/1/issue", {"days": 30}
    yield "POST", "/requests/1/send", None
    moved = json.dumps(["c1" * 20, "studio9_gpu"])
    yield (
        "POST",
        "/requests",
        {"text": f"studio9_gpu is another one now: {moved}", "product": "cat"},
    )
    yield "POST", "/requests/2/move", {"reason": "made anew"}
    yield "POST", "/requests", {"text": "please send our licence again", "product": "cat"}
    yield "POST", "/requests/3/refuse", {"reason": "who are you?"}
    yield "GET", "/requests?state=issued", None
    hook = {"name": "CRM", "url": "https://crm.invalid/hook", "events": ["license.issued"]}
    yield "POST", "/webhooks", hook
    yield "POST", "/webhooks/1/test", {}
    yield "POST", "/licenses", {"customer": "Beta", "product": "tool", "days": 7, "host": LINE}
    yield "GET", "/webhooks/1/deliveries?limit=1", None
    yield "GET", "/webhooks/1/deliveries/1", None
    yield "POST", "/customers/1/portal-links", {"label": "Ningbo", "products": ["owl"]}
    yield "GET", "/customers/1/portal-links", None
    yield "POST", "/portal-links/1/withdraw", None
    yield "POST", "/webhooks/1/pause", None
    yield "POST", "/webhooks/1/resume", {"discard": True}
    yield "POST", "/webhooks/1/deliveries/1/replay", {}
    yield "POST", "/webhooks/1/replay", {"since": "2026-01-01"}
    yield "PATCH", "/webhooks/1", {"events": None, "products": ["tool"]}
    yield "POST", "/webhooks/1/rotate", {"hours": 0}
    yield "GET", "/webhooks/1", None
    yield "GET", "/webhooks", None
    yield "POST", "/webhooks/1/remove", None
    yield "GET", "/customers/1/erasure", None
    yield "POST", "/customers/1/erase", {"reason": "asked for", "live": True}
    yield "GET", "/licenses/{10}", None
    yield "GET", "/events?subject=%231, erased", None
    yield "GET", "/users/2/erasure", None
    yield "POST", "/users/2/erase", {"reason": "has left"}
    yield "POST", "/users/2/reopen", None


def chance() -> Callable[[int], bytes]:
    """Bytes that are the same in each run."""
    count = itertools.count()
    return lambda size: hashlib.shake_256(str(next(count)).encode()).digest(size)


def replies(folder: Path, database_url: str | None) -> list[dict[str, Any]]:
    """What a new server replies to each step; its background work is done between two."""
    settings = server.make(folder / "server", database_url, NOW)
    random = chance()
    app = create_app(settings, clock=lambda: NOW, random=random)
    site = app.state.server.site
    grant = tokens.Grant(frozenset(PERMISSIONS))
    bearers = {
        who: site.database.write(
            lambda c, who=who: tokens.new_token(c, who, COMMAND, NOW, random, grant)
        )
        for who in ("one", "other")
    }
    somebody = ("eve@example.com", server.PASSWORD, "issuer", COMMAND, NOW)
    site.database.write(lambda connection: accounts.add(connection, *somebody))
    notary = data_folder.open_notary(settings, site.issuer.name, tally(site.database))
    client, made = TestClient(app), list[dict[str, Any]]()
    for method, path, body in steps():
        who, _, path_ = path.partition("/")
        filled = f"/api/v1/{path_}".format(*(one.get("id") for one in made))
        headers = {"Authorization": f"Bearer {bearers[who.lstrip('@') or 'one']}"}
        headers["Content-Type"] = "text/csv" if isinstance(body, str) else "application/json"
        content = body if isinstance(body, str | None) else json.dumps(body)
        site.database.write(lambda connection: notary.keep(connection, NOW, 0))
        reply = client.request(method, filled, content=content, headers=headers)
        made.append(_kept(method, filled, reply))
    site.database.close()
    return [{name: value for name, value in one.items() if name != "id"} for one in made]


def _kept(method: str, path: str, reply: Any) -> dict[str, Any]:
    told = {name: reply.headers[name] for name in HEADERS if name in reply.headers}
    if "etag" in told:
        told["etag"] = "…"  # of this run's keys and salts
    members = json.loads(reply.content) if told.get("content-type") == "application/json" else {}
    body = UNKEPT.sub(r"\1…", reply.text)
    return {
        "asked": f"{method} {path}",
        "id": members.get("id"),
        "status": reply.status_code,
        "headers": told,
        "body": body,
    }


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_every_operation_replies_with_the_recorded_bytes(tmp_path: Path, kind: str) -> None:
    from tests.support.postgres import new_database

    made = replies(tmp_path, None if kind == "sqlite" else new_database())
    kept = json.loads(KEPT.read_text("utf-8"))
    for one, before in zip(made, kept, strict=True):
        assert one == before


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        text = json.dumps(replies(Path(folder), None), ensure_ascii=False, indent=1)
        KEPT.write_text(text + "\n", "utf-8")

"""Every route by every role and every scope: each cell is really called.

The rows are written by hand (tests/support/routes.py), and the routes are read from the
application: a route without a row fails. ``python -m tests.server.test_permissions`` writes
docs/PERMISSIONS.md.
"""

import os
import re
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts

from license_server.access import access_store, accounts, sessions, tokens
from license_server.actor import COMMAND
from license_server.api import PREFIX
from license_server.permissions import PERMISSIONS, ROLES
from license_server.web.session import SESSION
from tests.support import portal, product_limits, server
from tests.support.desk import Desk
from tests.support.postgres import on_sqlite
from tests.support.routes import ANYONE, PORTAL, ROWS, SIGNED_IN

PAGE = server.REPOSITORY / "docs" / "PERMISSIONS.md"
VALUES = {
    "act": "end",
    "kind": "issued",
    "number": "HS-2026-00000000",
    "id": "999999999",
    "delivery": "999999999",
    "name": "none",
    "slug": "none",
    "secret": "none",
}


def routes(app: FastAPI) -> set[str]:
    found = set()
    for context in iter_route_contexts(app.routes):
        methods = getattr(context, "methods", None) or {"?"}
        found |= {f"{method} {context.path}" for method in methods}
    return found


def target(row: str) -> tuple[str, str]:
    method, path = row.split()
    return method, re.sub(r"\{(\w+)\}", lambda found: VALUES[found[1]], path)


def allowed(need: str, permissions: frozenset[str] | None) -> bool:
    """Whether somebody with these permissions may; None: nobody."""
    if need == ANYONE:
        return True
    if need == PORTAL:
        return False
    return permissions is not None and (need == SIGNED_IN or need in permissions)


GRANTS: dict[str, frozenset[str]] = dict(ROLES) | {
    f"token {scope}": frozenset({scope}) for scope in PERMISSIONS
}


def call_api(desk: Desk, row: str, token: str | None) -> int:
    method, path = target(row)
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    body: dict[str, Any] = {} if method == "GET" else {"json": {}}
    reply = desk.client.request(method, path, headers=headers, **body)
    if reply.status_code == 403:
        assert reply.json()["type"] == "/problems/not-permitted"
    return int(reply.status_code)


def call_page(desk: Desk, row: str, user: access_store.StoredUser | None) -> int:
    """The status of a page; 401 where somebody is sent to sign in."""
    method, path = target(row)
    desk.client.cookies.clear()
    fields = {}
    if user is not None:
        session = desk.site.database.write(
            lambda c: sessions.open_session(c, user, desk.clock.now, 1, os.urandom, "192.0.2.1")
        )
        desk.client.cookies.set(SESSION, session.secret)
        fields = {"form_token": session.form_token}
    body: dict[str, Any] = {} if method == "GET" else {"data": fields | {"once": "x"}}
    reply = desk.client.request(method, path, **body)
    sent_away = reply.headers.get("location", "").startswith("/login")
    sent_away = sent_away and ROWS[row] != ANYONE and (user is None or row != "POST /logout")
    if ROWS[row] != ANYONE:
        assert "This form has expired" not in reply.text
    return 401 if sent_away else int(reply.status_code)


def test_every_route_has_a_row_and_every_row_has_a_route(desk: Desk) -> None:
    app = desk.client.app
    assert isinstance(app, FastAPI)
    assert routes(app) == ROWS.keys()


API = [row for row in ROWS if PREFIX in row]
PAGES = [row for row in ROWS if PREFIX not in row and ROWS[row] != PORTAL]
IN_PORTAL = [row for row in ROWS if ROWS[row] == PORTAL]


@on_sqlite
@pytest.mark.parametrize("who", [None, *GRANTS])
def test_every_api_route_enforces_its_permission(desk: Desk, who: str | None) -> None:
    token = None
    if who is not None:
        name = f"{who} {desk.clock.now}"
        grant = tokens.Grant(GRANTS[who])
        token = server.new_token(desk.site.database, name, desk.clock.now, grant)
    refused = 401 if who is None else 403
    permissions = None if who is None else GRANTS[who]
    seen = {row: call_api(desk, row, token) for row in API}
    for row, status in seen.items():
        if allowed(ROWS[row], permissions):
            assert status not in (401, 403), row
        else:
            assert status == refused, row
    assert not [row for row, status in seen.items() if status >= 500]


@on_sqlite
@pytest.mark.parametrize("who", [None, *ROLES])
def test_every_desk_page_enforces_its_permission(desk: Desk, who: str | None) -> None:
    user = None
    if who is not None:
        email = f"{who}-{desk.clock.now}@example.com"
        user = desk.site.database.write(
            lambda c: accounts.insert(c, email, "!", who, COMMAND, desk.clock.now)
        )
    permissions = None if who is None else ROLES[who]
    for row in PAGES:
        status = call_page(desk, row, user)
        assert status < 500, row
        if ROWS[row] == ANYONE:
            assert status != 401, row
        elif allowed(ROWS[row], permissions):
            assert status not in (401, 403), row
        else:
            assert status == (401 if who is None else 403), row


@on_sqlite
@pytest.mark.parametrize("row", PAGES)
def test_api_token_opens_no_desk_page(desk: Desk, row: str) -> None:
    if ROWS[row] != ANYONE:
        method, path = target(row)
        reply = desk.client.request(method, path, headers=desk.bearer)
        assert reply.headers["location"].startswith("/login")


@on_sqlite
def test_customer_in_the_portal_gets_what_is_theirs_and_nothing_else(desk: Desk) -> None:
    acme = portal.invited(desk)
    for row, need in ROWS.items():
        method, path = target(row)
        desk.client.cookies.clear()
        secret, form_token = portal.enter(desk, acme)
        desk.client.cookies.set(portal.SESSION, secret)
        headers = acme.bearer if path.startswith((portal.API, PREFIX)) else {}
        body: dict[str, Any] = {} if method == "GET" else {"json": {}}
        if not headers and method != "GET":
            body = {"data": {"form_token": form_token, "once": "x"}}
        reply = desk.client.request(method, path, headers=headers, **body)
        sent_away = reply.headers.get("location", "").startswith("/login")
        status = 401 if sent_away and need != ANYONE else reply.status_code
        if need in (PORTAL, ANYONE):
            assert status != 401 and status < 500, row
            assert need == ANYONE or status != 403, row
        else:
            assert status == 401, row


@on_sqlite
def test_portal_is_shut_to_strangers_to_users_of_the_desk_and_to_their_tokens(desk: Desk) -> None:
    user = desk.site.database.read(lambda c: access_store.user_by_email(c, server.EMAIL))
    assert user is not None
    for row in IN_PORTAL:
        method, path = target(row)
        body: dict[str, Any] = {} if method == "GET" else {"json": {}}
        for headers in ({}, desk.bearer):
            desk.client.cookies.clear()
            reply = desk.client.request(method, path, headers=headers, **body)
            away = reply.headers.get("location", "").startswith("/portal")
            assert (401 if away else reply.status_code) in (401, 403), row
        reply_to_user = call_page(desk, row, user)
        assert reply_to_user in (303, 401, 403), row


def test_reader_sees_no_link_to_issue(desk: Desk) -> None:
    email = f"shown-{desk.clock.now}@example.com"
    for role, shown in (("reader", False), ("issuer", True)):
        user = desk.site.database.write(
            lambda c, role=role: accounts.insert(  # type: ignore[misc]
                c, f"{role}-{email}", "!", role, COMMAND, desk.clock.now
            )
        )
        session = desk.site.database.write(
            lambda c, user=user: sessions.open_session(  # type: ignore[misc]
                c, user, desk.clock.now, 1, os.urandom, ""
            )
        )
        desk.client.cookies.set(SESSION, session.secret)
        assert ("/licenses/new" in desk.client.get("/licenses").text) is shown


INTRODUCTION = """\
# Who may do what

Every route by every role. `python -m tests.server.test_permissions` writes this page
from the tests that call every cell. An empty cell means rejected: with 403, or with 401
(at the desk: the sign-in page) for somebody who is not signed in.

An API token may call a route under `/api/v1` if its scopes include the permission, and
the role of the person who created it does at that moment. It cannot open pages of the
desk. [Limited to products](#api-tokens-limited-to-products), it sees only those.

*Customer* is somebody of a customer in the customer portal, by a link. They see what is
of their customer; whatever is of another answers as if it did not exist.

Beyond the table:

- An API token ends with the account of the person who created it, directly or through
  another token. If they get another role, it keeps those of its scopes that the role
  allows. With the account or the role, what it may do comes back. A token created by a
  command on the server has no such person.
- An invitation is valid, and a proposal can be approved, only while whoever made it may
  still do so: the account is enabled, the role allows it, the token was not revoked.
- Nobody approves their own proposal, neither directly nor with an API token of theirs.
- Refusing somebody else's proposal needs `proposals:decide`.
- Nobody changes their own role or closes their own account, nor with an API token of
  theirs.
- Nobody grants a role or a scope that they do not have.
- At least one administrator can always sign in.

"""

LIMITED = """
## API tokens limited to products

What a token gets that has the permission and is limited to products. *Its own*: a licence,
proposal or product of its products, or a customer whose licences are all of them, those
that have ended included. *Shared*: a customer that has or had licences of other products
too. *Others*: anything of other products only. *Without a licence*: a customer that never
had one. *None*: what does not exist. Others and none get the same answer.

- *name only*: the id, the name and the date on which it was added; contact, language and
  notes are null.
- *rejected*: 403; an import rejects the row.
- *name taken*: a name is one customer for all products, so adding it again, or renaming
  another one to it, is rejected whoever the customer is of. A licence for that name is
  issued to that customer.
- Lists, exports, searches and the warnings of a dry run leave out what is *not found*: a
  customer that the token does not see counts as new, and is no similar name.
- `record:read`, `people:manage` and `tokens:manage` concern the whole server: no token has
  them that is limited to products.

"""


def page() -> str:
    lines = []
    for row, need in ROWS.items():
        marks = ["yes" if allowed(need, ROLES[role]) else "" for role in ROLES]
        nobody = "yes" if allowed(need, None) else ""
        portal_ = "yes" if need in (ANYONE, PORTAL) else ""
        said = need if need in (ANYONE, SIGNED_IN, PORTAL) else f"`{need}`"
        cells = [f"`{row}`", said, nobody, portal_, *marks]
        lines.append(f"| {' | '.join(cells)} |\n")
    scopes = [f"| `{name}` | {does} |\n" for name, does in PERMISSIONS.items()]
    return (
        INTRODUCTION + "| permission | allows you to |\n| --- | --- |\n" + "".join(scopes) + "\n"
        f"| route | permission | not signed in | customer | {' | '.join(ROLES)} |\n"
        f"| --- | --- | --- | --- |{' --- |' * len(ROLES)}\n"
        f"{''.join(lines)}{LIMITED}{product_limits.table()}"
    )


def test_permissions_page_is_up_to_date() -> None:
    assert PAGE.read_text("utf-8") == page()


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")

"""What the API's description (OpenAPI 3.1) says of each operation, in one table."""

from typing import Any, NamedTuple

from fastapi import Request

from license_server.api import schemas
from license_server.api.access_responses import (
    InvitationList,
    NewInvitation,
    NewToken,
    Token,
    TokenList,
    User,
    UserPage,
)
from license_server.api.audit_responses import CheckpointPage, EventPage
from license_server.api.catalog_responses import Customer, CustomerPage, Product, ProductPage
from license_server.api.license_responses import (
    DryRun,
    EndingDryRun,
    History,
    Imported,
    License,
    LicensePage,
    Noted,
    Proposal,
    ProposalPage,
)
from license_server.api.schemas import Schema
from license_server.licenses.acts import OFFERED, Act

_LINE = '["55917890141cb1c89accc5e53a929acb1867c42c", "studio2_gpu"]'
_NUMBER = "HS-2026-7F3K9QXB"
ALWAYS = (
    "not-authenticated",
    "not-permitted",
    "rate-limited",
    "database-unavailable",
    "server-stopping",
)
"""The problems that every operation answers with."""
_ISSUING = (
    "input-invalid",
    "request-unreadable",
    "request-damaged",
    "request-ambiguous",
    "not-found",
    "license-state",
    "term-over",
    "term-too-long",
    "rehosts-used-up",
    "evidence-missing",
    "changed-meanwhile",
    "signer-unavailable",
)
_KEYED = ("idempotency-key-reused", "still-running", "request-too-large")


class Operation(NamedTuple):
    """One operation: what it takes and gives, and which problems it answers with."""

    summary: str
    replies: dict[int, Any]
    """The class of each reply; None: the bytes of a file, or nothing with 204."""
    problems: tuple[str, ...] = ()
    body: Schema | None = None
    example: Any = None
    query: dict[str, Schema] = {}  # noqa: RUF012  # never changed
    media_type: str = "application/json"
    """Of what it takes."""
    gives: str = "application/octet-stream"
    """Of a reply that is the bytes of a file."""
    matches: bool = False
    """Whether it heeds ``If-Match``."""
    id: Schema | None = None
    """Of the id in its path, where that is not a row's number."""


_DRY = {"dry_run": {"type": "string", "enum": ["true", "false"]}}
_PAGING = {"limit": schemas.LIMIT, "cursor": schemas.CURSOR}


def _list(summary: str, page: type, **query: Schema) -> Operation:
    return Operation(summary, {200: page}, ("input-invalid",), query=query | _PAGING)


def _issuing(summary: str, body: Schema, example: dict[str, Any], *, matches: bool) -> Operation:
    replies = {201: License, 202: Proposal, 200: DryRun}
    return Operation(
        summary, replies, (*_ISSUING, *_KEYED), body, example, query=_DRY, matches=matches
    )


def _of_act(act: Act) -> Operation:
    """An act on a licence."""
    body, example = schemas.of_act(act), dict(act.example)
    if act.names_host:
        example = {"host": _LINE} | example
    if act.issues:
        return _issuing(act.words.summary, body, example, matches=True)
    problems = ("input-invalid", "not-found", "license-state", "changed-meanwhile", *_KEYED)
    replies = {200: License | EndingDryRun}
    return Operation(act.words.summary, replies, problems, body, example, _DRY, matches=True)


_LICENCE_FILTERS: dict[str, Schema] = {
    "customer": schemas.PLAIN,
    "product": schemas.PLAIN,
    "host_key": schemas.PLAIN,
    "host_name": schemas.PLAIN,
    "number": schemas.PLAIN,
    "line": schemas.PLAIN,
    "q": schemas.PLAIN,
    "state": schemas.STATE,
    "expires_from": schemas.DAY,
    "expires_before": schemas.DAY,
}

OPERATIONS = {
    "licenses.list": _list(
        "List and search licences",
        LicensePage,
        **_LICENCE_FILTERS,
    ),
    "licenses.issue": _issuing(
        "Issue a licence",
        schemas.ORDER,
        {
            "customer": "ACME",
            "product": "darwin",
            "days": 365,
            "host": _LINE,
            "limits": {"gpus": 4},
        },
        matches=False,
    ),
    "licenses.get": Operation("Get a licence", {200: License}, ("not-found",)),
    "licenses.file": Operation("Download license.dat", {200: None}, ("not-found",)),
    "licenses.history": Operation("Get the history of a licence", {200: History}, ("not-found",)),
    "licenses.note": Operation(
        "Add a note to a licence",
        {201: Noted},
        ("input-invalid", "not-found", *_KEYED),
        schemas.NOTE,
        {"note": "asked for a quotation"},
    ),
    **{f"licenses.{act.name}": _of_act(act) for act in OFFERED},
    "customers.list": _list("List customers", CustomerPage, q=schemas.PLAIN),
    "customers.add": Operation(
        "Add a customer",
        {201: Customer},
        ("input-invalid", "name-taken", *_KEYED),
        schemas.NEW_CUSTOMER,
        {"name": "ACME", "contact_email": "it@acme.example", "language": "en"},
    ),
    "customers.get": Operation("Get a customer", {200: Customer}, ("not-found",)),
    "customers.change": Operation(
        "Change a customer",
        {200: Customer},
        ("input-invalid", "name-taken", "not-found", "changed-meanwhile", "request-too-large"),
        schemas.CHANGED_CUSTOMER,
        {"notes": "pays late"},
        matches=True,
    ),
    "products.list": _list("List products", ProductPage),
    "products.add": Operation(
        "Add a product",
        {201: Product},
        ("input-invalid", "name-taken", *_KEYED),
        schemas.NEW_PRODUCT,
        {"name": "darwin", "defaults": {"days": 365}, "rehosts": 3},
    ),
    "products.get": Operation("Get a product", {200: Product}, ("not-found",)),
    "products.change": Operation(
        "Change a product's rules",
        {200: Product},
        ("input-invalid", "not-found", "changed-meanwhile", "request-too-large"),
        schemas.CHANGED_PRODUCT,
        {"needs_approval": True},
        matches=True,
    ),
    "proposals.list": _list(
        "List proposals",
        ProposalPage,
        state=schemas.PROPOSAL_STATE,
    ),
    "proposals.get": Operation("Get a proposal", {200: Proposal}, ("not-found",)),
    "proposals.approve": Operation(
        "Approve a proposal and issue its licence",
        {201: License},
        (*_ISSUING, "proposal-decided", *_KEYED),
        schemas.MAYBE_WHY,
        {"reason": "checked with sales"},
    ),
    "proposals.refuse": Operation(
        "Refuse a proposal",
        {200: Proposal},
        ("input-invalid", "not-found", "proposal-decided", *_KEYED),
        schemas.WHY,
        {"reason": "a mistake"},
    ),
    "tokens.list": Operation("List API tokens", {200: TokenList}, ("input-invalid",)),
    "tokens.create": Operation(
        "Create an API token",
        {201: NewToken},
        ("input-invalid", "name-taken", "request-too-large"),
        schemas.TOKEN_WANTED,
        {"name": "crm", "scopes": ["licenses:read"], "days": 365},
    ),
    "tokens.revoke": Operation(
        "Revoke an API token", {200: Token}, ("not-found",), id=schemas.TOKEN_ID
    ),
    "users.list": _list("List users", UserPage),
    "users.get": Operation("Get a user", {200: User}, ("not-found",)),
    "users.change": Operation(
        "Change a user's role",
        {200: User},
        (
            "input-invalid",
            "not-found",
            "last-administrator",
            "changed-meanwhile",
            "request-too-large",
        ),
        schemas.USER_CHANGED,
        {"role": "issuer"},
        matches=True,
    ),
    "users.end": Operation("Disable a user", {200: User}, ("not-found", "last-administrator")),
    "users.reopen": Operation("Enable a user", {200: User}, ("not-found",)),
    "users.end-sessions": Operation("End a user's sessions", {200: User}, ("not-found",)),
    "users.end-codes": Operation("Turn off a user's one-time codes", {200: User}, ("not-found",)),
    "invitations.list": Operation(
        "List invitations",
        {200: InvitationList},
        ("input-invalid",),
    ),
    "invitations.create": Operation(
        "Invite a user",
        {201: NewInvitation},
        ("input-invalid", "name-taken", "request-too-large"),
        schemas.INVITATION_WANTED,
        {"email": "ada@example.com", "role": "issuer", "days": 7},
    ),
    "invitations.withdraw": Operation(
        "Withdraw an invitation", {204: None}, ("not-found",), id=schemas.INVITATION_ID
    ),
    "imports.issue": Operation(
        "Import orders from CSV",
        {200: Imported},
        (
            "input-invalid",
            "sheet-invalid",
            "import-refused",
            "signer-unavailable",
            *_KEYED,
        ),
        schemas.SHEET,
        "customer,product,host,days\nACME,darwin,55917890141cb1c89accc5e53a929acb1867c42c,365\n",
        _DRY | {"skip_wrong": {"type": "string", "enum": ["true", "false"]}},
        media_type="text/csv",
    ),
    "exports.licenses": Operation(
        "Export licences as CSV",
        {200: None},
        ("input-invalid",),
        query=_LICENCE_FILTERS,
        gives="text/csv",
    ),
    "checkpoints.list": _list("List checkpoints", CheckpointPage),
    "events.list": _list(
        "List events",
        EventPage,
        subject=schemas.PLAIN,
        actor=schemas.PLAIN,
        action=schemas.PLAIN,
    ),
}
"""Each operation by its operationId."""


def describe(operation: str) -> dict[str, Any]:
    """What a route keeps of its *operation*: the name by which the description finds it."""
    return {"operationId": operation}


def operation_of(request: Request) -> Operation:
    """What *request* asks for."""
    return OPERATIONS[request.scope["route"].openapi_extra["operationId"]]


def always(operation: Operation) -> tuple[str, ...]:
    """The slugs of all problems that an operation answers with."""
    return (*ALWAYS, *operation.problems)

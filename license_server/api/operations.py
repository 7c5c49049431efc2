"""What the API's description (OpenAPI 3.1) says of each operation, in one table."""

from typing import Any

from fastapi import Request

from license_server.api import schemas
from license_server.api.access_responses import (
    ErasedUser,
    InvitationList,
    NewInvitation,
    NewToken,
    Token,
    TokenList,
    User,
    UserErasure,
    UserPage,
)
from license_server.api.audit_responses import CheckpointPage, EventPage
from license_server.api.catalog_responses import (
    Customer,
    CustomerPage,
    ErasedCustomer,
    Erasure,
    Letters,
    Product,
    ProductPage,
)
from license_server.api.diagnosis_responses import Diagnosis
from license_server.api.find_responses import Finding
from license_server.api.job_responses import Job, Planned
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
from license_server.api.mail_responses import Mail, MailPage
from license_server.api.operation import ALWAYS, ISSUING, KEYED, Operation, listing
from license_server.api.portal_operations import PORTAL
from license_server.api.renewal_responses import RenewalPage
from license_server.api.request_responses import (
    FiledRequest,
    LicenseRequest,
    Message,
    RequestPage,
    SeenRequest,
)
from license_server.api.revocation_responses import ListInForce, PublishedList
from license_server.api.schemas import Schema
from license_server.api.webhook_operations import WEBHOOKS
from license_server.licenses.acts import OFFERED, Act

_LINE = '["55917890141cb1c89accc5e53a929acb1867c42c", "studio2_gpu"]'
_NUMBER = "HS-2026-7F3K9QXB"
_DRY = {"dry_run": {"type": "string", "enum": ["true", "false"]}}


def _issuing(summary: str, body: Schema, example: dict[str, Any], *, matches: bool) -> Operation:
    replies = {201: License, 202: Proposal, 200: DryRun}
    return Operation(
        summary, replies, (*ISSUING, *KEYED), body, example, query=_DRY, matches=matches
    )


def _of_mail(summary: str) -> Operation:
    return Operation(summary, {200: Mail}, ("not-found", "mail-state", *KEYED))


def _answering(summary: str, body: Schema, example: dict[str, Any]) -> Operation:
    """An act that answers a request."""
    made = _issuing(summary, body, example, matches=False)
    problems = (*made.problems, "request-closed", "request-without-host")
    return made._replace(problems=problems)


def _of_act(act: Act) -> Operation:
    """An act on a licence."""
    body, example = schemas.of_act(act), dict(act.example)
    if act.names_host and not act.stands_in:
        example = {"host": _LINE} | example
    if act.issues:
        return _issuing(act.words.summary, body, example, matches=True)
    problems = ("input-invalid", "not-found", "license-state", "changed-meanwhile", *KEYED)
    replies = {200: License | EndingDryRun}
    return Operation(act.words.summary, replies, problems, body, example, _DRY, matches=True)


OPERATIONS = {
    "licenses.list": listing(
        "List and search licences",
        LicensePage,
        **schemas.LICENCE_FILTERS,
    ),
    "find": Operation(
        "Find anything",
        {200: Finding},
        ("input-invalid",),
        query={"q": schemas.PLAIN | {"maxLength": 200}},
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
        ("input-invalid", "not-found", *KEYED),
        schemas.NOTE,
        {"note": "asked for a quotation"},
    ),
    **{f"licenses.{act.name}": _of_act(act) for act in OFFERED},
    "diagnoses.make": Operation(
        "Find out why a product stopped",
        {200: Diagnosis},
        ("input-invalid", "request-too-large"),
        schemas.DIAGNOSIS,
        {"text": "[E]: The licence is for host …"},
    ),
    "customers.list": listing(
        "List customers", CustomerPage, q=schemas.PLAIN, tag=schemas.PLAIN, archived=schemas.TRUTH
    ),
    "customers.add": Operation(
        "Add a customer",
        {201: Customer},
        ("input-invalid", "name-taken", *KEYED),
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
    "products.list": listing("List products", ProductPage, archived=schemas.TRUTH),
    "customers.archive": Operation("Archive a customer", {200: Customer}, ("not-found",)),
    "customers.unarchive": Operation(
        "Take a customer out of the archive", {200: Customer}, ("not-found",)
    ),
    "customers.merge": Operation(
        "Merge a customer into another",
        {200: Customer},
        ("input-invalid", "not-found", "request-too-large"),
        schemas.MERGE,
        {"into": 7},
    ),
    "customers.erasure": Operation(
        "Preview the erasure of a customer", {200: Erasure}, ("not-found",)
    ),
    "customers.erase": Operation(
        "Erase a customer",
        {200: ErasedCustomer},
        ("input-invalid", "not-found", "licenses-live", "request-too-large"),
        schemas.ERASE,
        {"reason": "asked for on 2026-11-30"},
    ),
    "products.archive": Operation("Archive a product", {200: Product}, ("not-found",)),
    "products.unarchive": Operation(
        "Take a product out of the archive", {200: Product}, ("not-found",)
    ),
    "products.add": Operation(
        "Add a product",
        {201: Product},
        ("input-invalid", "plan-unknown", "name-taken", *KEYED),
        schemas.NEW_PRODUCT,
        {"name": "darwin", "defaults": {"days": 365}, "rehosts": 3},
    ),
    "products.get": Operation("Get a product", {200: Product}, ("not-found",)),
    "products.change": Operation(
        "Change a product's rules",
        {200: Product},
        ("input-invalid", "plan-unknown", "not-found", "changed-meanwhile", "request-too-large"),
        schemas.CHANGED_PRODUCT,
        {"needs_approval": True},
        matches=True,
    ),
    "products.letters": Operation("Get the letters of a product", {200: Letters}, ("not-found",)),
    "products.change_letters": Operation(
        "Change letters of a product",
        {200: Letters},
        ("input-invalid", "not-found", "changed-meanwhile", "request-too-large"),
        schemas.CHANGED_LETTERS,
        {"renewed": {"en": "Licence {number} renewed\n{greeting}\n\n{validity}\n", "zh": None}},
        matches=True,
    ),
    "proposals.list": listing(
        "List proposals",
        ProposalPage,
        state=schemas.PROPOSAL_STATE,
    ),
    "proposals.get": Operation("Get a proposal", {200: Proposal}, ("not-found",)),
    "proposals.approve": Operation(
        "Approve a proposal and issue its licence",
        {201: License},
        (*ISSUING, "proposal-decided", *KEYED),
        schemas.MAYBE_WHY,
        {"reason": "checked with sales"},
    ),
    "proposals.refuse": Operation(
        "Refuse a proposal",
        {200: Proposal},
        ("input-invalid", "not-found", "proposal-decided", *KEYED),
        schemas.WHY,
        {"reason": "a mistake"},
    ),
    "requests.list": listing(
        "List requests",
        RequestPage,
        state=schemas.REQUEST_STATE,
        source=schemas.REQUEST_SOURCE,
        owner=schemas.PLAIN,
        host_key=schemas.PLAIN,
    ),
    "requests.file": Operation(
        "File a request",
        {201: FiledRequest, 200: FiledRequest},
        ("input-invalid", *KEYED),
        schemas.REQUEST,
        {"text": _LINE, "sender_address": "li@acme.example"},
    ),
    "requests.get": Operation("Get a request", {200: SeenRequest}, ("not-found",)),
    "requests.assign": Operation(
        "Take or assign a request",
        {200: LicenseRequest},
        ("input-invalid", "not-found", "changed-meanwhile", *KEYED),
        schemas.OWNER,
        {"owner": "user:ada@example.com"},
    ),
    "requests.note": Operation(
        "Add a note to a request",
        {201: Message},
        ("input-invalid", "not-found", *KEYED),
        schemas.WRITTEN,
        {"text": "asked sales whether it is paid"},
    ),
    "requests.reply": Operation(
        "Reply to a request",
        {201: Message},
        ("input-invalid", "not-found", "mail-off", *KEYED),
        schemas.REPLY,
        {"text": "Please send the output of `request`.", "mail": True},
    ),
    "requests.send": Operation(
        "Mail the licence of a request to its sender",
        {201: Mail},
        ("input-invalid", "not-found", "license-state", "mail-off", *KEYED),
    ),
    "requests.issue": _answering(
        "Issue the licence of a request", schemas.ANSWER_ORDER, {"days": 365}
    ),
    "requests.move": _answering(
        "Move the earlier licence of a request", schemas.ANSWER_MOVE, {"reason": "new address"}
    ),
    "requests.answer": Operation(
        "Answer a request with an existing licence",
        {200: LicenseRequest},
        ("input-invalid", "not-found", "request-closed", *KEYED),
        schemas.ANSWER,
        {"license": _NUMBER},
    ),
    "requests.refuse": Operation(
        "Refuse a request",
        {200: LicenseRequest},
        ("input-invalid", "not-found", "request-closed", *KEYED),
        schemas.WHY,
        {"reason": "the contract has ended"},
    ),
    "renewals.list": listing(
        "List what expires",
        RenewalPage,
        days=schemas.DAYS_AHEAD,
        product=schemas.PLAIN,
        customer=schemas.PLAIN,
        owner=schemas.PLAIN,
    ),
    "mails.list": listing("List mails that go out", MailPage, state=schemas.MAIL_STATE),
    "mails.get": Operation("Get a mail", {200: Mail}, ("not-found",)),
    "mails.retry": _of_mail("Send a mail now"),
    "mails.cancel": _of_mail("Cancel a mail"),
    "revocations.get": Operation(
        "Get the revocation list in force", {200: ListInForce}, ("not-found",)
    ),
    "revocations.publish": Operation(
        "Publish a revocation list",
        {201: PublishedList},
        ("input-invalid", "signer-unavailable", "too-large-to-sign", *KEYED),
        schemas.LIST_WANTED,
        {"days": 30},
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
    "users.list": listing("List users", UserPage),
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
    "users.erasure": Operation("Preview the erasure of a user", {200: UserErasure}, ("not-found",)),
    "users.erase": Operation(
        "Erase a user",
        {200: ErasedUser},
        ("input-invalid", "not-found", "last-administrator", "request-too-large"),
        schemas.ERASE_USER,
        {"reason": "has left"},
    ),
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
    **PORTAL,
    **WEBHOOKS,
    "jobs.make": Operation(
        "Choose many licences for an action",
        {201: Planned},
        ("input-invalid", "not-found", *KEYED),
        schemas.JOB,
        {
            "act": "renew",
            "filter": {"customer": "ACME", "expires_until": "2027-01-31"},
            "order": {"days": 365},
        },
    ),
    "jobs.get": Operation("Get a job", {200: Job}, ("not-found",), id=schemas.JOB_ID),
    "jobs.begin": Operation(
        "Begin or continue a job", {202: Job}, ("not-found",), id=schemas.JOB_ID
    ),
    "jobs.report": Operation(
        "Download the report of a job",
        {200: None},
        ("not-found",),
        gives="text/csv",
        id=schemas.JOB_ID,
    ),
    "imports.issue": Operation(
        "Import orders from CSV",
        {200: Imported},
        (
            "input-invalid",
            "sheet-invalid",
            "import-refused",
            "signer-unavailable",
            "too-large-to-sign",
            *KEYED,
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
        query=schemas.LICENCE_FILTERS,
        gives="text/csv",
    ),
    "exports.customers": Operation(
        "Export customers as CSV",
        {200: None},
        ("input-invalid",),
        query={"q": schemas.PLAIN, "tag": schemas.PLAIN, "archived": schemas.TRUTH},
        gives="text/csv",
    ),
    "checkpoints.list": listing("List checkpoints", CheckpointPage),
    "events.list": listing(
        "List events",
        EventPage,
        subject=schemas.PLAIN,
        actor=schemas.PLAIN,
        action=schemas.PLAIN,
        kind=schemas.KIND,
        person=schemas.PLAIN,
        customer=schemas.PLAIN,
        license=schemas.PLAIN,
        since=schemas.DAY,
        until=schemas.DAY,
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

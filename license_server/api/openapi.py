"""``/openapi.json``: the API's description (OpenAPI 3.1), derived from its routes and replies."""

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any

from fastapi import APIRouter, Request
from fastapi.routing import APIRoute
from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from starlette.responses import Response

from license_core import strictjson
from license_server.api import (
    PREFIX,
    audit,
    diagnoses,
    find,
    jobs,
    letters,
    licenses,
    mails,
    messages,
    parties,
    portal_links,
    proposals,
    renewals,
    requests,
    responses,
    revocations,
    schemas,
    sheets,
    tokens,
    users,
    webhooks,
)
from license_server.api.auth import Needs
from license_server.api.catalog_responses import Customer, Product
from license_server.api.license_responses import License, Proposal
from license_server.api.mail_responses import Mail
from license_server.api.operation import Operation
from license_server.api.operations import (
    OPERATIONS,
    always,
)
from license_server.api.schemas import Schema
from license_server.http import problem_json
from license_server.http.problem_json import Problem
from license_server.http.problem_types import ROWS, STATUS

_PATH: dict[str, dict[str, Any]] = {
    "number": schemas.NUMBER,
    "id": schemas.ID,
    "delivery": schemas.ID,
    "name": {"type": "string", "pattern": r"^[A-Za-z0-9][A-Za-z0-9._:\-]{0,63}$"},
}

ROUTERS = (
    licenses.router,
    diagnoses.router,
    find.router,
    parties.router,
    letters.router,
    proposals.router,
    requests.router,
    renewals.router,
    mails.router,
    revocations.router,
    audit.router,
    tokens.router,
    users.router,
    portal_links.router,
    webhooks.router,
    jobs.router,
    sheets.router,
)
"""The rooms of the API."""

PATH = f"{PREFIX}/openapi.json"
"""Where the description is."""

router = APIRouter(prefix=PREFIX)
_OF_ALL = ("list", "issue", "add")
_LINKED = {
    License: ("licenses", "number", "id"),
    Customer: ("customers", "id", "id"),
    Product: ("products", "name", "name"),
    Proposal: ("proposals", "id", "id"),
    Mail: ("mails", "id", "id"),
}
_REFERENCE = "#/components/schemas/{model}"


@router.get(PATH.removeprefix(PREFIX))
async def description(request: Request) -> Response:
    """This description; it needs no token."""
    messages.check_query(request, ())
    return Response(_written(), media_type=messages.MEDIA_TYPE)


@cache
def _written() -> bytes:
    return strictjson.dumps(document())


def operations() -> Iterator[tuple[str, str, str, APIRoute]]:
    """Each operation of the API: its method, path, name and route."""
    for room in ROUTERS:
        for route in room.routes:
            if isinstance(route, APIRoute) and route.openapi_extra:
                for method in sorted(route.methods or ()):
                    yield method, route.path, route.openapi_extra["operationId"], route


@cache
def document() -> dict[str, Any]:
    """The description of the API."""
    shapes, components = _shapes()
    paths: dict[str, dict[str, Any]] = {}
    for method, path, name, route in operations():
        paths.setdefault(path, {})[method.lower()] = _operation(name, path, route, shapes)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Hostseal",
            "version": "1",
            "description": "Host-bound licences. Errors are "
            "application/problem+json (RFC 9457); see docs/API.md.",
        },
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
            "schemas": components,
        },
        "security": [{"bearer": []}],
    }


class _Shaper(GenerateJsonSchema):
    """Schemas as they are written by hand: no titles that repeat a name, null as a type."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002  # its base says so
        return False

    def nullable_schema(self, schema: Any) -> JsonSchemaValue:
        inner = self.generate_inner(schema["schema"])
        if isinstance(inner.get("type"), str):
            return inner | {"type": [inner["type"], "null"]}
        return super().nullable_schema(schema)


def _shapes() -> tuple[dict[Any, Schema], dict[str, Schema]]:
    """The schema of each reply, and the components to which they refer."""
    kinds = {kind: kind for told in OPERATIONS.values() for kind in told.replies.values() if kind}
    found, more = TypeAdapter.json_schemas(
        [(kind, "serialization", responses.adapter(kind)) for kind in (*kinds, Problem)],
        schema_generator=_Shaper,
        ref_template=_REFERENCE,
    )
    return {kind: schema for (kind, _), schema in found.items()}, more["$defs"]


def permission(route: APIRoute) -> str | None:
    """What a route demands of its caller."""
    for dependency in route.dependant.dependencies:
        if isinstance(dependency.call, Needs):
            return dependency.call.permission
    return None


def _operation(
    name: str, path: str, route: APIRoute, shapes: Mapping[Any, Schema]
) -> dict[str, Any]:
    told = OPERATIONS[name]
    parameters = [
        {"name": found, "in": "path", "required": True, "schema": told.id or _PATH[found]}
        for found in re.findall(r"{(\w+)}", path)
    ]
    parameters += [
        {"name": found, "in": "query", "schema": schema} for found, schema in told.query.items()
    ]
    if told.matches:
        parameters.append(_header("If-Match", schemas.ETAG, "The ETag of the version you loaded."))
    if told.body is not None and "idempotency-key-reused" in told.problems:
        told_once = "Makes it safe to repeat the request: it gets the same reply."
        parameters.append(_header("Idempotency-Key", schemas.KEY, told_once))
    described: dict[str, Any] = {
        "operationId": name,
        "tags": list(route.tags),
        "summary": told.summary,
        "description": f"{route.description.strip()}\n\nPermission: `{permission(route)}`.",
        "parameters": parameters,
        "responses": _responses(told, shapes),
    }
    if told.body is not None:
        example = {} if told.example is None else {"example": told.example}
        content = {"schema": told.body} | example
        described["requestBody"] = {
            "required": True,
            "content": {told.media_type: content},
        }
    return described


def _header(name: str, schema: dict[str, Any], words: str) -> dict[str, Any]:
    return {"name": name, "in": "header", "schema": schema, "description": words}


def _responses(told: Operation, shapes: Mapping[Any, Schema]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for status, kind in told.replies.items():
        found[str(status)] = {"description": told.summary}
        if status == 204:
            continue
        if kind is None:
            found[str(status)]["content"] = {told.gives: {"schema": {}}}
        else:
            found[str(status)]["content"] = {messages.MEDIA_TYPE: {"schema": shapes[kind]}}
        if kind in _LINKED and status in (201, 202):
            found[str(status)]["links"] = _links(*_LINKED[kind])
    for status, slugs in by_status(always(told)).items():
        found[str(status)] = {
            "description": ", ".join(f"`{slug}`: {ROWS[slug].title}" for slug in slugs),
            "content": {problem_json.MEDIA_TYPE: {"schema": shapes[Problem]}},
        }
    return found


def _links(kind: str, parameter: str, member: str) -> dict[str, Any]:
    """What may be done with that which an operation has made (OpenAPI 3.1 section 4.8.20)."""
    return {
        name: {"operationId": name, "parameters": {parameter: f"$response.body#/{member}"}}
        for name in OPERATIONS
        if name.startswith(f"{kind}.") and name.partition(".")[2] not in _OF_ALL
    }


def allowed(path: str) -> set[str]:
    """The methods that the API takes at *path*; empty: there is no such path."""
    found = {method for method, _, _, route in operations() if route.path_regex.fullmatch(path)}
    return {"GET"} if path in (PATH, f"{PREFIX}/docs", f"{PREFIX}/docs/more") else found


def by_status(slugs: Iterable[str]) -> dict[int, list[str]]:
    """The *slugs* of problems by the HTTP status that goes with each."""
    found: dict[int, list[str]] = {}
    for slug in dict.fromkeys(slugs):
        found.setdefault(STATUS[slug], []).append(slug)
    return found

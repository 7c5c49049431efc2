"""``/api/v1/docs`` covers the whole description, and its examples work."""

import re
import shlex
from collections.abc import Iterator
from html import unescape
from typing import Any

import pytest
from starlette.testclient import TestClient

from license_server.api import notation, openapi, reference
from license_server.api.operations import OPERATIONS, always
from license_server.api.reference import Entry
from license_server.app import create_app
from license_server.http.middleware import SECURITY
from license_server.web.api_reference import LABELS
from tests.support import server
from tests.support.api import Caller, slug
from tests.support.catalogue import translated
from tests.support.desk import Clock, Desk

ENTRIES = [entry for group in reference.groups() for entry in group.entries]


def test_anyone_can_read_the_reference(desk: Desk) -> None:
    reply = desk.client.get("/api/v1/docs")
    assert reply.status_code == 200
    assert "/api/v1/openapi.json" in reply.text
    refused = desk.client.post("/api/v1/docs")
    assert (refused.status_code, refused.headers["allow"]) == (405, "GET")


@pytest.mark.parametrize("path", ["/api/v1/docs", "/api/v1/docs/more"])
def test_reference_uses_nothing_that_its_security_policy_forbids(desk: Desk, path: str) -> None:
    reply = desk.client.get(path)
    assert len(reply.content) < 100_000
    policy = SECURITY["Content-Security-Policy"]
    assert reply.headers["content-security-policy"] == policy
    assert not re.search(
        r"<style|\sstyle=|<script(?![^>]* src=)|\son\w+=|https?://(?!test|crm\.invalid)", reply.text
    )


def both_pages(desk: Desk) -> str:
    return "".join(desk.client.get(f"/api/v1/docs{more}").text for more in ("", "/more"))


def test_every_described_operation_is_on_a_reference_page(desk: Desk) -> None:
    page = both_pages(desk)
    document = openapi.document()
    for path, methods in document["paths"].items():
        for method, told in methods.items():
            found = re.search(
                rf'<section [^>]*id="{told["operationId"]}">.*?</section>', page, re.DOTALL
            )
            assert found, told["operationId"]
            section = unescape(found[0])
            assert f"{method.upper()}</span> <code>{path}</code>" in section
            assert told["summary"] in section
            for parameter in told["parameters"]:
                assert f"<code>{parameter['name']}</code>" in section, parameter
            for status in told["responses"]:
                assert status in section + page.partition("<nav")[0].partition("<main")[2]
            body = told.get("requestBody", {}).get("content", {}).get("application/json")
            if body is not None:
                for variant in body["schema"].get("oneOf", [body["schema"]]):
                    for name in variant["properties"]:
                        assert f"<code>{name}</code>" in section, name


def test_reference_names_the_permission_and_problems_of_each_operation(desk: Desk) -> None:
    page = both_pages(desk)
    permissions = {name: openapi.permission(route) for _, _, name, route in openapi.operations()}
    for entry in ENTRIES:
        section = page.partition(f'id="{entry.id}">')[2].partition("</section>")[0]
        assert f"<code>{permissions[entry.id]}</code>" in section
        of_all = page.partition('<nav class="contents"')[0]
        for name in always(OPERATIONS[entry.id]):
            assert f'href="/problems/{name}"' in section + of_all, (entry.id, name)


def test_every_group_has_a_name_in_both_languages() -> None:
    assert {group.name for group in reference.groups()} == LABELS.keys()
    assert not set(LABELS.values()) - translated()


@pytest.fixture(scope="module")
def changed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A vendor with the examples' customers and product, whom nobody minds being changed."""
    clock = Clock()
    made = server.make(tmp_path_factory.mktemp("examples") / "server", None, clock.now)
    app = create_app(made, clock=clock)
    with TestClient(app) as client:
        desk = Desk(client, app.state.server.site, made, "", clock)
        caller = Caller(desk, "furnish")
        for path, members in (
            ("/products", OPERATIONS["products.add"].example),
            ("/customers", OPERATIONS["customers.add"].example),
            *(("/customers", {"name": f"Customer {place}"}) for place in range(2, 8)),
        ):
            assert caller.post(path, **members).status_code == 201
        yield desk


STATES = (
    *("not-found", "name-taken", "last-administrator", "import-refused", "request-closed"),
    *("licenses-live", "mail-off"),
)
"""What an example that is understood may be refused for, before or after another one."""


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.id)
def test_every_example_is_understood_by_the_api(changed: Desk, entry: Entry) -> None:
    words = shlex.split(entry.example.replace(" \\\n", " "))
    assert words[0] == "curl"
    said = [words[at + 1] for at, word in enumerate(words) if word == "-H"]
    assert said[0] == "Authorization: Bearer $LICENSE_TOKEN"
    method = words[words.index("-X") + 1] if "-X" in words else "GET"
    address = next(word for word in words if word.startswith(reference.BASE))
    data = words[words.index("-d") + 1] if "-d" in words else None
    if "--data-binary" in words:
        data = str(OPERATIONS[entry.id].example)
    headers = dict(header.split(": ", 1) for header in said[1:])
    path = address.removeprefix(f"{reference.BASE}/api/v1")
    reply = Caller(changed, entry.id).send(method, path, content=data, headers=headers)
    if not reply.is_success:
        assert slug(reply) in always(OPERATIONS[entry.id])
        assert slug(reply) in STATES


@pytest.mark.parametrize(
    ("schema", "written"),
    [
        ({"type": ["string", "null"], "format": "date-time"}, "date-time | null"),
        ({"anyOf": [{"type": "null"}, {"type": "integer"}, {"enum": [0, None]}]}, "integer | null"),
        ({"type": "array", "items": {"enum": ["a", "b"]}}, '("a" | "b")[]'),
        ({"type": "object", "additionalProperties": {"type": "boolean"}}, "{[name]: boolean}"),
        ({"type": "object", "properties": {"a": {"type": "string"}}}, "{\n  a?: string\n}"),
        ({"$ref": "#/components/schemas/Links"}, "{\n  self: string,\n  file: string\n}"),
        ({"anyOf": [{"const": True}, {"const": False}]}, "boolean"),
        ({}, "any"),
    ],
)
def test_schemas_are_written_in_short_notation(schema: Any, written: str) -> None:
    components = openapi.document()["components"]["schemas"]
    assert notation.write([schema], components) == written

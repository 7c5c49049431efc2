"""The API reference for people: derived from the description, in the order of its routes.

Schemas are told in a short notation (notation.py).
"""

import json
import shlex
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, NamedTuple

from license_server.api import PREFIX, notation, openapi
from license_server.api.operation import ALWAYS, ISSUING, KEYED
from license_server.api.operations import OPERATIONS, always
from license_server.api.schemas import Schema

PATH = f"{PREFIX}/docs"
"""Where the page is."""
BASE = "{base}"
"""What stands in an example for the address of the server."""
_TOKEN = '-H "Authorization: Bearer $LICENSE_TOKEN"'
_IN_PATHS = {
    "/jobs/{id}": "/jobs/5f3e0b7c9d1a4e62b8f00d3c7a9e1b24",
    "/tokens/{id}": "/tokens/9669536a9d4f",
    "/invitations/{id}": "/invitations/dafb001f704bd5bc",
    "{number}": "HS-2026-7F3K9QXB",
    "{name}": "darwin",
    "{id}": "1",
    "{delivery}": "7",
}
_FILES = {
    "/license.dat": "license.dat",
    "/licenses.csv": "licences.csv",
    "/customers.csv": "customers.csv",
    "/report.csv": "report.csv",
}
"""How the paths of files end, and what curl is to call them."""


class Row(NamedTuple):
    """A parameter, or a member of a body."""

    name: str
    kind: str
    """Its type, in the notation."""
    required: bool
    told: str
    """What else is said of it."""
    place: str = ""
    """Of a parameter: ``path``, ``query`` or ``header``."""


class Answer(NamedTuple):
    """A reply."""

    status: int
    media_type: str
    names: tuple[str, ...]
    """Of its schema: one of these shapes; none: it is no JSON."""


class Refusal(NamedTuple):
    """The problems that are answered with one status."""

    status: int
    slugs: tuple[str, ...]


class Body(NamedTuple):
    """What an operation takes."""

    media_type: str
    told: str
    rows: tuple[Row, ...]
    one_of: tuple[str, ...]
    """The members of which exactly one is given."""


class Entry(NamedTuple):
    """An operation."""

    id: str
    method: str
    path: str
    summary: str
    told: str
    permission: str
    parameters: tuple[Row, ...]
    body: Body | None
    answers: tuple[Answer, ...]
    refusals: tuple[Refusal, ...]
    """Beside those of every operation."""
    example: str
    """A command to be pasted; BASE stands for the server."""


class Group(NamedTuple):
    """The operations on one kind of thing."""

    name: str
    entries: tuple[Entry, ...]


@cache
def groups() -> tuple[Group, ...]:
    """All operations, by what they are about."""
    document = openapi.document()
    found: dict[str, list[Entry]] = {}
    for path, methods in document["paths"].items():
        for method, told in methods.items():
            found.setdefault(told["tags"][0], []).append(_entry(method, path, told))
    return tuple(Group(name, tuple(entries)) for name, entries in found.items())


@cache
def shapes() -> Mapping[str, str]:
    """What replies are made of: each object by its name, in the notation."""
    components = openapi.document()["components"]["schemas"]
    entries = (one for group in groups() for one in group.entries)
    replied = {name for one in entries for answer in one.answers for name in answer.names}
    told: dict[str, str] = {}
    while rest := replied - told.keys():
        for name in rest:
            told[name] = notation.write([components[name]], components)
            replied |= _named_in(components[name], components)
    return dict(sorted(told.items()))


def _named_in(schema: Any, components: Mapping[str, Schema]) -> set[str]:
    """The objects that *schema* refers to, through others that have no members."""
    if isinstance(schema, list):
        return {name for part in schema for name in _named_in(part, components)}
    if not isinstance(schema, dict):
        return set()
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        found = components[name]
        return {name} if "properties" in found else _named_in(found, components)
    return {name for part in schema.values() for name in _named_in(part, components)}


def refusals_of_all() -> tuple[Refusal, ...]:
    """The problems that every operation answers with."""
    return _refusals(ALWAYS)


def refusals_of_keyed() -> tuple[Refusal, ...]:
    """The problems that every operation which takes an ``Idempotency-Key`` answers with."""
    return _refusals(KEYED)


def refusals_of_issuing() -> tuple[Refusal, ...]:
    """The problems that every operation which issues a licence answers with."""
    return _refusals(ISSUING)


def _entry(method: str, path: str, told: Mapping[str, Any]) -> Entry:
    words, _, permission = told["description"].rpartition("\n\nPermission: ")
    slugs = always(OPERATIONS[told["operationId"]])
    shared = [group for group in (KEYED, ISSUING) if {*group}.issubset(slugs)]
    told_above = {*ALWAYS}.union(*shared)
    own = [slug for slug in slugs if slug not in told_above]
    return Entry(
        told["operationId"],
        method.upper(),
        path,
        told["summary"],
        words,
        permission.strip("`."),
        tuple(_parameter(one) for one in told["parameters"]),
        _body(told["requestBody"]) if "requestBody" in told else None,
        tuple(_answers(told["responses"])),
        _refusals(own),
        _example(method, path, told),
    )


def _parameter(told: Mapping[str, Any]) -> Row:
    kind, words = notation.write([told["schema"]], {}), told.get("description", "")
    return Row(told["name"], kind, told.get("required", False), words, told["in"])


def _body(told: Mapping[str, Any]) -> Body:
    ((media_type, content),) = told["content"].items()
    schema = content["schema"]
    variants = schema.get("oneOf", [schema])
    always_ = set.intersection(*(set(one.get("required", ())) for one in variants))
    either = [name for one in variants for name in one.get("required", ()) if name not in always_]
    rows = [
        Row(name, notation.write(kinds, {}), name in always_, kinds[0].get("description", ""))
        for name, kinds in _members(variants).items()
    ]
    return Body(media_type, schema.get("description", ""), tuple(rows), tuple(either))


def _members(variants: list[Schema]) -> dict[str, list[Schema]]:
    """The members of all *variants*, each with its schema in each."""
    found: dict[str, list[Schema]] = {}
    for variant in variants:
        for name, schema in variant.get("properties", {}).items():
            found.setdefault(name, []).append(schema)
    return found


def _answers(responses: Mapping[str, Any]) -> Iterator[Answer]:
    for status, told in sorted(responses.items()):
        if int(status) >= 400:
            continue
        if "content" not in told:
            yield Answer(int(status), "", ())
            continue
        ((media_type, content),) = told["content"].items()
        schema = content["schema"]
        parts = schema.get("anyOf", [schema])
        names = [one.get("$ref", "").rpartition("/")[2] for one in parts]
        yield Answer(int(status), media_type, tuple(filter(None, names)))


def _refusals(slugs: Any) -> tuple[Refusal, ...]:
    found = openapi.by_status(slugs)
    return tuple(Refusal(status, tuple(found[status])) for status in sorted(found))


def _example(method: str, path: str, told: Mapping[str, Any]) -> str:
    """A command for curl that asks for the operation."""
    place = path
    for part, example in _IN_PATHS.items():
        place = place.replace(part, example)
    parts = [f"curl -X {method.upper()} {BASE}{place}", _TOKEN, *_sent(told)]
    file = next((name for end, name in _FILES.items() if path.endswith(end)), None)
    if file is not None:
        parts.append(f"-o {file}")
    return " \\\n  ".join(parts).replace("curl -X GET", "curl")


def _sent(told: Mapping[str, Any]) -> Iterator[str]:
    """What curl is told of a body and its key."""
    if "requestBody" not in told:
        return
    ((media_type, content),) = told["requestBody"]["content"].items()
    yield f'-H "Content-Type: {media_type}"'
    if any(one["name"] == "Idempotency-Key" for one in told["parameters"]):
        yield '-H "Idempotency-Key: $(uuidgen)"'
    if isinstance(content["example"], str):
        yield "--data-binary @licences.csv"
    else:
        yield f"-d {shlex.quote(json.dumps(content['example'], ensure_ascii=False))}"

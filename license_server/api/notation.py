"""Schemas in short, for people: ``{id: integer, notes?: string | null}``.

What a schema refers to stands in its place, but for objects within others, which stand by their
names; a question mark follows what may be left out.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from license_server.api.schemas import Schema

_NULL = "null"


def write(schemas: Iterable[Schema], components: Mapping[str, Schema]) -> str:
    """What one of *schemas* allows, which may refer to *components*."""
    return " | ".join(_kinds(schemas, components, 0))


def _kinds(schemas: Iterable[Schema], components: Mapping[str, Schema], depth: int) -> list[str]:
    """The alternatives, each once; null is the last, and a value goes where its type stands."""
    found = [kind for schema in schemas for kind in _alternatives(schema, components, depth)]
    types = {kind.partition(" ")[0] for kind in found}
    kinds = [kind for kind in dict.fromkeys(found) if kind != _NULL]
    if "integer" in types:
        kinds = [kind for kind in kinds if not kind.isdigit()]
    if {"true", "false"} <= types:
        kinds = ["boolean", *(kind for kind in kinds if kind not in ("true", "false"))]
    return [*kinds, _NULL] if _NULL in found else kinds


def _alternatives(schema: Schema, components: Mapping[str, Schema], depth: int) -> Iterable[str]:
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        schema = components[name]
        if depth and "properties" in schema:
            return [name]
    if "const" in schema or "enum" in schema:
        values = schema.get("enum", [schema.get("const")])
        return [json.dumps(value) for value in values]
    parts = schema.get("anyOf") or schema.get("oneOf")
    if parts is not None:
        return _kinds(parts, components, depth)
    types = schema.get("type", "any")
    each = [types] if isinstance(types, str) else types
    return [_of_type(kind, schema, components, depth) for kind in each]


def _of_type(kind: str, schema: Schema, components: Mapping[str, Schema], depth: int) -> str:
    if kind == "array":
        kinds = _kinds([schema["items"]], components, depth)
        return f"{kinds[0]}[]" if len(kinds) == 1 else f"({' | '.join(kinds)})[]"
    if kind == "object":
        return _object(schema, components, depth)
    if kind == "integer" and "maximum" in schema:
        return f"integer {schema['minimum']}…{schema['maximum']}"
    return str(schema.get("format", kind)) if kind == "string" else kind


def _object(schema: Schema, components: Mapping[str, Schema], depth: int) -> str:
    if "properties" in schema:
        required, pad = schema.get("required", ()), "  " * depth
        members: list[str] = []
        for name, member in schema["properties"].items():
            kinds = " | ".join(_kinds([member], components, depth + 1))
            members.append(f"{pad}  {name}{'' if name in required else '?'}: {kinds}")
        return "{\n" + ",\n".join(members) + f"\n{pad}}}"
    values: Any = schema.get("additionalProperties")
    if isinstance(values, dict):
        return f"{{[name]: {' | '.join(_kinds([values], components, depth))}}}"
    return "object"

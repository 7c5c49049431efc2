"""How replies are written: a class declares the members, bytes and schema derive from it.

Members stand in the order in which they are written; what is not there is null. Instants are
RFC 3339 texts in UTC. A reply of other types than its class says is not written.

The classes are dataclasses, which Pydantic describes and writes: twice as fast as its own
models: what we made ourselves need not be validated.
"""

import time
from collections.abc import Callable
from dataclasses import fields
from functools import cache
from typing import Annotated, Any, TypeVar, overload

from pydantic import Field, TypeAdapter
from pydantic_core import SchemaSerializer

R = TypeVar("R")
Instant = Annotated[str, Field(json_schema_extra={"format": "date-time"})]


@cache
def adapter(kind: Any) -> TypeAdapter[Any]:
    """What Pydantic makes of the reply *kind*."""
    return TypeAdapter(kind)


@cache
def _writer(kind: type) -> SchemaSerializer:
    serializer = adapter(kind).serializer
    assert isinstance(serializer, SchemaSerializer)  # noqa: S101  # of a class that is complete
    return serializer


def to_json(reply: Any) -> bytes:
    """The bytes of a reply: UTF-8, no spaces, the members in their order."""
    kind: Any = type(reply)
    return _writer(kind).to_json(reply, warnings="error")


@overload
def instant(seconds: int) -> str: ...
@overload
def instant(seconds: None) -> None: ...
@overload
def instant(seconds: int | None) -> str | None: ...
def instant(seconds: int | None) -> str | None:
    """An instant as RFC 3339 has it."""
    if seconds is None:
        return None
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


@cache
def _members(kind: Any) -> tuple[tuple[str, bool], ...]:
    """The names of the members of *kind*, and whether each is an instant."""
    return tuple((one.name, one.type in (Instant, Instant | None)) for one in fields(kind))


def from_row(kind: Callable[..., R], row: Any, **others: Any) -> R:
    """The reply *kind* to what is stored in *row*: members of the same names, and the *others*."""
    members = {
        name: instant(getattr(row, name)) if is_instant else getattr(row, name)
        for name, is_instant in _members(kind)
        if name not in others
    }
    return kind(**members | others)

"""Strict JSON (RFC 8259): every text has one meaning.

Refused, beyond what the grammar refuses: a name twice in one object, NaN and infinities, text
that is not UTF-8 or has a lone surrogate, and nesting deeper than ``MAX_DEPTH`` (SPEC section 2.3).
Depth is measured before parsing, so no input can exhaust the stack.
"""

import json
import re
from typing import Any

from license_core.reason import Reason

MAX_DEPTH = 8

_WHITE_SPACE = " \t\n\r"  # RFC 8259 section 2

# A string, closed or not, is passed over in one piece: nothing is looked at twice.
_STRING_OR_BRACKET = rb'(?s)"(?:[^"\\]|\\.?)*+"?|[\[{\]}]'


def loads(data: bytes) -> Any:
    """The value of the JSON text *data*, parsed once.

    Raises ValueError, with a reason for people, for anything that is not strict JSON.
    """
    if data.count(b"[") + data.count(b"{") > MAX_DEPTH:
        _refuse_depth(data)
    try:
        text = data.decode("utf-8").strip(_WHITE_SPACE)
        value, end = _scan(text, 0)
    except UnicodeDecodeError as error:
        raise ValueError("it is not UTF-8") from error
    except StopIteration as error:  # how the scanner says that a value is missing
        raise ValueError(
            Reason("it is not JSON (no value at character {at})", at=error.value)
        ) from error
    except json.JSONDecodeError as error:
        raise ValueError(
            Reason("it is not JSON ({reason} at character {at})", reason=error.msg, at=error.pos)
        ) from error
    if end != len(text):
        raise ValueError(Reason("it is not JSON (extra data at character {at})", at=end))
    if "\\" in text:
        _refuse_lone_surrogates(value)
    return value


def dumps(value: Any) -> bytes:
    """The JSON text of *value*: UTF-8, no spaces, names in the order given."""
    return "".join(_write(value, 0)).encode()


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) == len(pairs):
        return members
    names = [name for name, _ in pairs]
    twice = next(name for name in names if names.count(name) > 1)
    raise ValueError(Reason("the name {name!r} appears twice in one object", name=twice))


def _refuse_constant(name: str) -> None:
    raise ValueError(Reason("{name} is not JSON", name=name))


# The writer itself, which ``JSONEncoder.encode`` would make anew for each value. It keeps nothing
# of what it writes: no marks against circles, so that a circle is a RecursionError.
_write = json.encoder.c_make_encoder(  # type: ignore[attr-defined]
    None, json.JSONEncoder().default, json.encoder.encode_basestring, None, ":", ",", *[False] * 3
)
_STEPS = {b"[": 1, b"{": 1, b"]": -1, b"}": -1}
# The scanner itself: what ``raw_decode`` calls.
_DECODER = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_refuse_constant)
_scan = _DECODER.scan_once  # type: ignore[attr-defined]


def _refuse_depth(data: bytes) -> None:
    depth = 0
    for found in re.finditer(_STRING_OR_BRACKET, data):
        depth += _STEPS.get(found[0], 0)
        if depth > MAX_DEPTH:
            raise ValueError(
                Reason("it is nested deeper than {most:# level|# levels}", most=MAX_DEPTH)
            )


def _refuse_lone_surrogates(value: Any) -> None:
    try:
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError as error:
        raise ValueError("it contains a lone surrogate") from error

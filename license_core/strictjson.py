"""Strict JSON (RFC 8259): every text has one meaning.

Refused, beyond what the grammar refuses: a name twice in one object, NaN and infinities, text
that is not UTF-8 or has a lone surrogate, an integer of more than ``MAX_DIGITS``, and nesting
deeper than ``MAX_DEPTH`` (SPEC section 2.3). Depth is measured before parsing, so no input can
exhaust the stack.
"""

from __future__ import annotations

import json
from typing import Any

from license_core.reason import Reason

MAX_DEPTH = 8
MAX_DIGITS = 4300
"""The most digits of an integer: as many as Python's own reader takes."""

_WHITE_SPACE = " \t\n\r"  # RFC 8259 section 2

_TO_SQUARE = bytes.maketrans(b"{}", b"[]")
_NO_STRUCTURE = bytes(sorted(set(range(256)) - set(b'"[]{}')))


def loads(data: bytes) -> Any:
    """The value of the JSON text *data*, parsed once.

    Raises ValueError, with a reason for people, for anything that is not strict JSON.
    """
    if data.count(b"[") + data.count(b"{") > MAX_DEPTH:
        _refuse_depth(data)
    try:
        text = data.decode("utf-8").strip(_WHITE_SPACE)
        value, end = (_scan if len(data) <= MAX_DIGITS else _scan_long)(text, 0)
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
    seen: set[str] = set()
    for name, _ in pairs:
        if name in seen:
            raise ValueError(Reason("the name {name!r} appears twice in one object", name=name))
        seen.add(name)
    return members


def _refuse_constant(name: str) -> None:
    raise ValueError(Reason("{name} is not JSON", name=name))


# The writer itself, which ``JSONEncoder.encode`` would make anew for each value. It keeps nothing
# of what it writes: no marks against circles, so that a circle is a RecursionError.
_write = json.encoder.c_make_encoder(  # type: ignore[attr-defined]
    None, json.JSONEncoder().default, json.encoder.encode_basestring, None, ":", ",", *[False] * 3
)


def _integer(digits: str) -> int:
    if len(digits.lstrip("-")) > MAX_DIGITS:
        raise ValueError(
            Reason("an integer has more than {most:# digit|# digits}", most=MAX_DIGITS)
        )
    return int(digits)


# The scanners themselves: what ``raw_decode`` calls. A short text has no integer that is too long.
_DECODER = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_refuse_constant)
_scan = _DECODER.scan_once  # type: ignore[attr-defined]
_DECODER_LONG = json.JSONDecoder(
    object_pairs_hook=_unique, parse_constant=_refuse_constant, parse_int=_integer
)
_scan_long = _DECODER_LONG.scan_once  # type: ignore[attr-defined]


def _refuse_depth(data: bytes) -> None:
    """Raises ValueError where the brackets of *data* are nested deeper than ``MAX_DEPTH``.

    The innermost pairs are removed, level by level: the whole text at once, since one of 16 MiB
    may be nothing but brackets. Where they do not match, the parser ends before it is deep.
    """
    brackets = _brackets(data)
    for _ in range(MAX_DEPTH):
        if not brackets:
            return
        brackets = brackets.replace(b"[]", b"")
    opened = brackets.count(b"[")
    if b"[]" in brackets or opened > MAX_DEPTH:
        raise ValueError(Reason("it is nested deeper than {most:# level|# levels}", most=MAX_DEPTH))


def _brackets(data: bytes) -> bytes:
    """The brackets of *data* that stand in no string, those of objects as those of arrays."""
    # Without escapes each quote begins or ends a string. Two with nothing between them change
    # nothing for what is before and after them.
    data = data.replace(b"\\\\", b"").replace(b'\\"', b"")
    data = data.translate(_TO_SQUARE, _NO_STRUCTURE).replace(b'""', b"")
    return b"".join(data.split(b'"')[::2])


def _refuse_lone_surrogates(value: Any) -> None:
    try:
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError as error:
        raise ValueError("it contains a lone surrogate") from error

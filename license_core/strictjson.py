"""Strict JSON (RFC 8259): every text has one meaning.

Refused, beyond what the grammar refuses: a name twice in one object, NaN and infinities, text
that is not UTF-8 or has a lone surrogate, an integer of more than ``MAX_DIGITS``, and nesting
deeper than ``MAX_DEPTH`` (SPEC section 2.3). Depth is measured before parsing, so no input can
exhaust the stack.
"""

from __future__ import annotations

# The scanner and the writer of the standard library, without what `json` wraps around them.
from _json import encode_basestring, encode_basestring_ascii, make_encoder, make_scanner

from license_core.reason import Reason

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

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
        value, end = _value(text, _scan if len(data) <= MAX_DIGITS else _scan_long)
    except UnicodeDecodeError as error:
        raise ValueError("it is not UTF-8") from error
    except StopIteration as error:  # how the scanner says that a value is missing
        raise ValueError(
            Reason("it is not JSON (no value at character {at})", at=error.value)
        ) from error
    except ValueError as error:
        # What the scanner raises is a class of `json`.
        told, at = getattr(error, "msg", None), getattr(error, "pos", None)
        if told is None:
            raise
        raise ValueError(
            Reason("it is not JSON ({reason} at character {at})", reason=told, at=at)
        ) from error
    if end != len(text):
        raise ValueError(Reason("it is not JSON (extra data at character {at})", at=end))
    if "\\" in text:
        _refuse_lone_surrogates(value)
    return value


def _value(text: str, scan: Callable[[str, int], tuple[Any, int]]) -> tuple[Any, int]:
    """The value that *text* begins with, and where it ends."""
    try:
        return scan(text, 0)
    except SystemError:  # older scanners cannot say what is wrong unless somebody imported `json`
        import json.decoder  # noqa: F401

        return scan(text, 0)


def dumps(value: Any) -> bytes:
    """The JSON text of *value*: UTF-8, no spaces, names in the order given."""
    return "".join(_write(value, 0)).encode()


def shown(value: Any, indent: str = "\n") -> str:
    """The JSON text of *value* for people and their programs: ASCII, two blanks a level."""
    if isinstance(value, str):
        return encode_basestring_ascii(value)
    deeper = indent + "  "
    if isinstance(value, dict):
        members = [f"{shown(name)}: {shown(value[name], deeper)}" for name in value]
        return f"{{{deeper}{f',{deeper}'.join(members)}{indent}}}" if members else "{}"
    if isinstance(value, (list, tuple)):
        items = [shown(item, deeper) for item in value]
        return f"[{deeper}{f',{deeper}'.join(items)}{indent}]" if items else "[]"
    return "".join(_write(value, 0))


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


def _refuse_kind(value: object) -> None:
    raise TypeError(f"{type(value).__name__} is no kind of JSON")


# Nothing of what is written is kept: no marks against circles, so that one is a RecursionError.
_KINDS = (None, _refuse_kind, encode_basestring, None, ":", ",", False, False)
_write = make_encoder(*_KINDS, False)


def _integer(digits: str) -> int:
    if len(digits.lstrip("-")) > MAX_DIGITS:
        raise ValueError(
            Reason("an integer has more than {most:# digit|# digits}", most=MAX_DIGITS)
        )
    return int(digits)


class _Rules:
    """What a scanner asks how to read."""

    strict = True
    object_hook = None
    object_pairs_hook = staticmethod(_unique)
    parse_float = float
    parse_constant = staticmethod(_refuse_constant)

    def __init__(self, parse_int: Callable[[str], int]) -> None:
        self.parse_int = parse_int


# A short text has no integer that is too long.
_scan = make_scanner(_Rules(int))  # type: ignore[arg-type]
_scan_long = make_scanner(_Rules(_integer))  # type: ignore[arg-type]


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
        # A number that is too great for a float is no fault of a text.
        "".join(make_encoder(*_KINDS, True)(value, 0)).encode("utf-8")
    except UnicodeEncodeError as error:
        raise ValueError("it contains a lone surrogate") from error

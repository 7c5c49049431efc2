"""A file of TOML 1.0, as a product ships it: settings and requirements (SPEC section 7.1).

The reader of the standard library goes through a dotted key once for each of its parts, so that
60 KB of ``a.a.a…`` take it 16 seconds. No file of ours nests: one that nests deeper than
``MAX_DEPTH`` is refused before it is read, and reading takes a time that hangs on the size alone.
"""

from __future__ import annotations

import sys

from license_core.reason import Reason

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

MAX_DEPTH = 8
"""The most parts of a dotted key, and levels of brackets."""

_UTF8_MARK = b"\xef\xbb\xbf"
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
# What says nothing of how deep a text is: strings of all four kinds, and comments. One that has no
# end goes to that of the line, or of the text: nothing is looked at twice.
_OPAQUE = (
    r'(?s:"""(?:[^\\]|\\.)*?(?:"""|\Z)|'
    r"'{3}.*?(?:'{3}|\Z)|"
    r'"(?:[^"\\\n]|\\.)*"?|'
    r"'[^'\n]*'?|"
    r"#[^\n]*)"
)
_BETWEEN_KEYS = r"[=,{}\[\]\n]"
_TO_SQUARE = {ord("{"): "[", ord("}"): "]"}


def text_of(data: bytes) -> bytes:
    """*data* without the byte order mark that some editors begin a file with.

    Raises ValueError for UTF-16, which other editors write.
    """
    # No text in UTF-8 has a zero byte, and one in UTF-16 that begins with ASCII has one here.
    if data.startswith(_UTF16_MARKS) or b"\0" in data[:2]:
        raise ValueError("it is UTF-16; save it as UTF-8")
    return data[len(_UTF8_MARK) :] if data.startswith(_UTF8_MARK) else data


def loads(data: bytes) -> dict[str, Any]:
    """The values in the text *data*. Raises ValueError, with a reason for people."""
    # 3 ms, which most files do not need
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib

    try:
        text = data.decode("utf-8")
        _refuse_depth(text)
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(Reason("it is not TOML ({error})", error=error)) from error


def _refuse_depth(text: str) -> None:
    import re

    bare = re.sub(_OPAQUE, '""', text)
    parts = max(key.count(".") for key in re.split(_BETWEEN_KEYS, bare)) + 1
    brackets = "".join(re.findall(r"[\[\]]", bare.translate(_TO_SQUARE)))
    for _ in range(MAX_DEPTH):
        brackets = brackets.replace("[]", "")
    if parts > MAX_DEPTH or "[]" in brackets or brackets.count("[") > MAX_DEPTH:
        raise ValueError(Reason("it is nested deeper than {most:# level|# levels}", most=MAX_DEPTH))

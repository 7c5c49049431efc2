"""A file of TOML 1.0, as a product ships it: settings and requirements (SPEC section 7.1)."""

from typing import Any

from license_core.reason import Reason

_UTF8_MARK = b"\xef\xbb\xbf"
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")


def text_of(data: bytes) -> bytes:
    """*data* without the byte order mark that some editors begin a file with.

    Raises ValueError for UTF-16, which other editors write.
    """
    # No text in UTF-8 has a zero byte, and one in UTF-16 that begins with ASCII has one here.
    if data.startswith(_UTF16_MARKS) or b"\0" in data[:2]:
        raise ValueError("it is UTF-16; save it as UTF-8")
    return data.removeprefix(_UTF8_MARK)


def loads(text: bytes) -> dict[str, Any]:
    """The values in *text*. Raises ValueError, with a reason for people, for what is not TOML."""
    import tomllib  # 3 ms, which most files do not need

    try:
        return tomllib.loads(text.decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(Reason("it is not TOML ({error})", error=error)) from error

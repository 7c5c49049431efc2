"""The charset of a text: what its label says, unless its bytes show that the label is wrong.

Only charsets that mail programs write are known. UTF-7 is refused: it hides one text in another.
"""

import codecs
import re
from typing import NamedTuple

_GB, _BIG5 = "gb18030", "big5hkscs"
_CODECS = {
    **dict.fromkeys(("", "ascii", "us-ascii", "ansi_x3.4-1968", "utf-8", "utf8"), "utf-8"),
    **dict.fromkeys(
        ("gb2312", "gb_2312-80", "gbk", "x-gbk", "cp936", "ms936", "windows-936", "euc-cn"), _GB
    ),
    **dict.fromkeys(("gb18030", "gb18030-2022", "chinese", "iso-ir-58", "csgb2312"), _GB),
    **dict.fromkeys(("big5", "big5-hkscs", "x-big5", "cn-big5", "cp950", "csbig5"), _BIG5),
    "hz-gb-2312": "hz",
    **dict.fromkeys(("utf-16", "utf-16le", "utf-16be", "unicode"), "utf-16"),
    **dict.fromkeys(("ks_c_5601-1987", "euc-kr", "cp949", "uhc"), "cp949"),
    **dict.fromkeys(("shift_jis", "sjis", "x-sjis", "cp932", "windows-31j"), "cp932"),
    **{name: name for name in ("euc-jp", "iso-2022-jp", "iso-2022-kr", "koi8-r", "koi8-u")},
    **dict.fromkeys(("iso-8859-1", "iso8859-1", "latin1", "cp1252"), "cp1252"),
    **{f"iso-8859-{n}": f"iso8859-{n}" for n in (*range(2, 12), *range(13, 17))},
    **{f"windows-{n}": f"cp{n}" for n in (874, *range(1250, 1259))},
}
_ESCAPING = {"hz", "iso-2022-jp", "iso-2022-kr"}
"""They write all characters with bytes of ASCII."""
_WIDE = {_GB, _BIG5, "cp949", "cp932", "euc-jp"}
_SIGN = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")
_LEAST_SIGNS = 4
"""So many characters of UTF-8 are no chance in a text of another charset."""
_GB_PAIRS = re.compile(rb"(?:[\xa1-\xf7][\xa1-\xfe])+")
_BIG5_PAIRS = re.compile(rb"(?:[\xa1-\xf9][\x40-\x7e\xa1-\xfe])+")
_HIGH = re.compile(rb"[\x80-\xff]")
_LEAST_PAIRED = 4
_MOST_PAIRED = 20
"""One byte in so many may be alone: of a text that was cut, or that has a sign of another page."""


class Decoded(NamedTuple):
    """A text, and whether its charset is one that is refused."""

    text: str
    is_refused: bool = False


def decode(data: bytes, label: str | None) -> Decoded:
    """The text that *data* is; bytes that are no character become U+FFFD."""
    name = (label or "").strip().strip("\"'").lower()
    if name.replace("_", "-") in ("utf-7", "unicode-1-1-utf-7", "x-unicode-2-0-utf-7", "utf7"):
        return Decoded("", is_refused=True)
    codec = _CODECS.get(name.replace("_", "-"), _CODECS.get(name, "utf-8"))
    return Decoded(data.decode(_shown(data, codec), "replace").lstrip("\ufeff"))


def _shown(data: bytes, labelled: str) -> str:
    """The codec that *data* is in, which is said to be *labelled*."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    if data.startswith(codecs.BOM_UTF8) or data.count(0) > len(data) // 8:
        return "utf-8-sig" if data.startswith(codecs.BOM_UTF8) else _half(data)
    if labelled in _ESCAPING:
        return labelled
    if data.isascii():
        return "utf-8"
    if _is(data, "utf-8") and (labelled not in _WIDE or len(_SIGN.findall(data)) >= _LEAST_SIGNS):
        return "utf-8"
    if labelled in _WIDE:
        return labelled if _is(data, labelled) else _closest(data, labelled)
    chinese = _chinese(data)
    if chinese or labelled not in ("utf-8", "utf-16"):
        return chinese or labelled
    # A text of Europe has hardly a run that would be UTF-8; one that was cut has one broken run.
    return "utf-8" if len(_SIGN.findall(data)) >= _LEAST_SIGNS else "cp1252"


def _half(data: bytes) -> str:
    """The order of the bytes of UTF-16 without a mark."""
    return "utf-16-be" if data[::2].count(0) > data[1::2].count(0) else "utf-16-le"


def _is(data: bytes, codec: str) -> bool:
    try:
        data.decode(codec)
    except UnicodeDecodeError:
        return False
    return True


def _chinese(data: bytes) -> str | None:
    """The charset in which what is not ASCII comes in pairs; letters of Europe seldom do."""
    for codec, pairs in ((_GB, _GB_PAIRS), (_BIG5, _BIG5_PAIRS)):
        high = sum(map(len, pairs.findall(data)))
        alone = len(_HIGH.findall(pairs.sub(b"", data)))
        if high >= _LEAST_PAIRED and alone * _MOST_PAIRED <= high:
            return codec
    return None


def _closest(data: bytes, labelled: str) -> str:
    """Where the label does not fit, as after a cut: the charset with the fewest errors."""
    choices = (labelled, "utf-8", _GB, _BIG5)
    return min(choices, key=lambda one: data.decode(one, "replace").count("\ufffd"))

"""The fields of a header (RFC 5322, RFC 2047, RFC 2231), as people and programs write them.

Nothing that comes out has a control character, so that no value can become a field of another mail.
"""

import binascii
import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

from license_server.mail import charsets, limits

_FIELD = re.compile(rb"([!-9;-~]{1,100})[ \t]*:(.*)", re.DOTALL)
_WORD = r"=\?([A-Za-z0-9_.:*-]{1,60})\?([bBqQ])\?([^?\r\n]{0,4000})\?="
_WORDS = re.compile(rf"{_WORD}(?:\s*{_WORD})*")
_ONE_WORD = re.compile(_WORD)
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u200b-\u200f\u202a-\u202e\u2066-\u2069]+")
_PARAMETER = re.compile(
    r"\s*+([A-Za-z0-9_.-]{1,40}(?:\*[0-9]{1,3})?\*?)\s*+=\s*+"
    r'(?:"((?:[^"\\]++|\\.)*+)"|([^;"]*+))'
)
_MOST_PARAMETERS = 60
_LONGEST_PARAMETERS = 4096
_CONTINUED = re.compile(r"(?P<name>[^*]+)(?:\*(?P<number>[0-9]+))?(?P<encoded>\*)?")
_MESSAGE_ID = re.compile(r"<([^<>\s\x00-\x20\x7f]{1,250})>")
_MOST_REFERENCES = 50


class Fields:
    """The fields of one header, in their order."""

    def __init__(self, fields: list[tuple[str, bytes]]) -> None:
        self.all = fields

    @classmethod
    def read(cls, header: bytes) -> "Fields":
        """The fields in *header*, as far as the limits go."""
        found: list[tuple[str, bytes]] = []
        for line in header[: limits.HEADER].replace(b"\r\n", b"\n").split(b"\n"):
            if line[:1] in (b" ", b"\t") and found:
                name, value = found[-1]
                if len(value) < limits.FIELD:
                    found[-1] = name, value + b" " + line.strip()
                continue
            field = _FIELD.match(line)
            if field is not None and len(found) < limits.FIELDS:
                found.append((field[1].decode("ascii").lower(), field[2].strip()))
        return cls([(name, value[: limits.FIELD]) for name, value in found])

    def raw(self, name: str) -> str:
        """The first field of this name, as it was sent; empty where there is none."""
        return next(self.every(name), "")

    def every(self, name: str) -> Iterator[str]:
        """All fields of this name, as they were sent."""
        return (_plain(charsets.decode(raw, None).text) for of, raw in self.all if of == name)

    def text(self, name: str) -> str:
        """The first field of this name, as people read it."""
        return words(self.raw(name))

    def value(self, name: str) -> str:
        """The first field of this name without its parameters, in lower case."""
        return self.raw(name).partition(";")[0].strip().lower()

    def parameters(self, name: str) -> Mapping[str, str]:
        """The parameters of the first field of this name."""
        return parameters(self.raw(name))

    def ids(self, name: str) -> tuple[str, ...]:
        """The message ids in all fields of this name, with their brackets."""
        found = (f"<{one}>" for of in self.every(name) for one in _MESSAGE_ID.findall(of))
        return tuple(dict.fromkeys(one for one in found if one.isascii()))[-_MOST_REFERENCES:]


def _plain(text: str) -> str:
    return _CONTROLS.sub(" ", text).strip()


def words(text: str) -> str:
    """*text* with its encoded words decoded (RFC 2047), without control characters."""
    return _plain(_WORDS.sub(_decoded, text))


def _decoded(run: re.Match[str]) -> str:
    """Encoded words with nothing but blanks between them.

    What follows in the same charset is joined first: programs cut within a character.
    """
    texts: list[tuple[str, bytes]] = []
    for charset, encoding, payload in _ONE_WORD.findall(run[0]):
        label = charset.partition("*")[0].lower()  # RFC 2231 lets a language follow
        data = _payload(encoding, payload)
        if texts and texts[-1][0] == label:
            texts[-1] = label, texts[-1][1] + data
        else:
            texts.append((label, data))
    return "".join(charsets.decode(data, label).text for label, data in texts)


def _payload(encoding: str, payload: str) -> bytes:
    if encoding in "qQ":
        return binascii.a2b_qp(payload.encode("utf-8", "replace"), header=True)
    digits = re.sub(r"[^A-Za-z0-9+/]", "", payload)
    digits = digits[: len(digits) - (1 if len(digits) % 4 == 1 else 0)]
    return binascii.a2b_base64(digits + "=" * (-len(digits) % 4))


class _Piece(NamedTuple):
    """A piece of a parameter that goes on (RFC 2231 section 3)."""

    number: int
    text: str
    is_encoded: bool


def parameters(field: str) -> dict[str, str]:
    """The parameters of *field*: by name in lower case, decoded."""
    field, at = field[:_LONGEST_PARAMETERS], 0
    pieces: dict[str, list[_Piece]] = {}
    for _ in range(_MOST_PARAMETERS):
        at = field.find(";", at) + 1
        one = _PARAMETER.match(field, at) if at else None
        if not at:
            break
        if one is None:
            continue
        at = one.end()
        name = _CONTINUED.fullmatch(one[1].lower())
        if name is None:
            continue
        text = re.sub(r"\\(.)", r"\1", one[2]) if one[2] is not None else one[3].strip()
        of = pieces.setdefault(name["name"], [])
        of.append(_Piece(int(name["number"] or 0), text, name["encoded"] is not None))
    return {name: _joined(of) for name, of in pieces.items()}


def _joined(pieces: list[_Piece]) -> str:
    if not any(one.is_encoded for one in pieces):
        return words(
            "".join(one.text for one in sorted(pieces)) if len(pieces) > 1 else pieces[0][1]
        )
    charset, data = None, b""
    # Where a parameter stands there both encoded and plainly, the encoded one counts.
    ordered = sorted(one for one in pieces if one.is_encoded or one.number > 0)
    for place, one in enumerate(ordered):
        text = one.text
        if place == 0 and one.is_encoded and text.count("'") >= 2:
            charset, _, text = text.split("'", 2)
        data += unquote_to_bytes(text) if one.is_encoded else text.encode("utf-8", "replace")
    return _plain(charsets.decode(data, charset).text)

"""The letters that go with a product's licences: texts with named places, and how they are filled.

A place is a name in braces. Nothing else in a letter means anything, so that no letter can run
anything; a brace itself is written twice. A line of which every place is empty is left out.
"""

import re
from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import Connection

from license_core import claims, strictjson
from license_core.claims import ClaimError
from license_core.reason import Reason
from license_server.actor import Actor
from license_server.catalog import products
from license_server.catalog.catalog_store import Product
from license_server.catalog.faults import Faults
from license_server.catalog.letter_texts import (
    KINDS,
    LANGUAGES,
    default_of,
    places_of,
)

_OF_ACTS = {"issue": "issued", "renew": "renewed", "rehost": "moved"}
LONGEST = 5000
_PIECE = re.compile(r"\{\{|\}\}|\{([^{}\n]*)\}|[{}]")
_ALONE = re.compile(r"( *)\{([a-z_]+)\}")
_SHOWN = 40


def kind_of(act: str) -> str:
    """The kind of the letter that goes with a licence that came of *act* (licenses/acts.py)."""
    return _OF_ACTS.get(act, "changed")


def own(product: Product | None) -> dict[str, dict[str, str]]:
    """The texts that *product* has of its own: by kind, then by language."""
    if product is None or product.letters is None:
        return {}
    found: dict[str, dict[str, str]] = strictjson.loads(product.letters.encode("utf-8"))
    return found


def text_of(product: Product | None, kind: str, language: str) -> str:
    """The text of a letter: the product's own, else the default. Its first line is the subject."""
    return own(product).get(kind, {}).get(language) or default_of(kind, language)


def change(
    connection: Connection,
    name: str,
    members: Mapping[str, Any],
    actor: Actor,
    now: int,
    expected: str | None = None,
) -> Product:
    """Change letters of a product: *members* has kind to language to text, None for the default.

    Raises as products.change does.
    """
    texts = read(members)

    def values(former: Product) -> dict[str, str | None]:
        products.expect(former, expected)
        left: dict[str, dict[str, str]] = {}
        for kind in KINDS:
            merged = {**own(former).get(kind, {}), **texts.get(kind, {})}
            kept = {language: text for language, text in merged.items() if text is not None}
            if kept:
                left[kind] = kept
        return {"letters": strictjson.dumps(left).decode("utf-8") if left else None}

    return products.change_by(connection, name, values, actor, now)


def read(members: Mapping[str, Any]) -> dict[str, dict[str, str | None]]:
    """The texts in *members*: kind to language to text. Raises InputInvalidError, with all faults.

    A text that is the default is None.
    """
    faults = Faults()
    faults.refuse_others(members, tuple(KINDS), "there is no such letter")
    found: dict[str, dict[str, str | None]] = {}
    for kind in KINDS:
        of = members.get(kind)
        if of is None:
            found[kind] = dict.fromkeys(LANGUAGES) if kind in members else {}
            continue
        if not isinstance(of, dict):
            faults.refuse(kind, "it is not an object")
            continue
        for language in of:
            if language not in LANGUAGES:
                faults.refuse(f"{kind}.{language[:8]}", "there is no letter in this language")
        found[kind] = {
            language: faults.read(f"{kind}.{language}", _text, of, kind, language)
            for language in LANGUAGES
            if language in of
        }
    faults.check()
    return found


def _text(of: Mapping[str, Any], kind: str, language: str) -> str | None:
    member, text = f"{kind}.{language}", of[language]
    if text is None or (isinstance(text, str) and not text.strip()):
        return None
    text = claims.text({member: text}, member, longest=LONGEST) or ""
    text = "\n".join(line.rstrip() for line in text.replace("\r\n", "\n").split("\n"))
    text = text.strip("\n") + "\n"
    places = places_of(kind)
    for number, line in enumerate(text.split("\n"), 1):
        reason = _wrong(line, places)
        if reason is not None:
            raise ClaimError(member, Reason("line {line}: {reason}", line=number, reason=reason))
    return None if text == default_of(kind, language) else text


def _wrong(line: str, places: Collection[str]) -> Reason | None:
    """What is wrong with a *line* of a letter that has these *places*."""
    for character in line:
        if not character.isprintable():
            code = f"U+{ord(character):04X}"
            return Reason("it has the control character {code}", code=code)
    for piece in _PIECE.finditer(line):
        if piece[0] in ("{", "}"):
            return Reason("a brace stands alone; write {doubled} for a brace", doubled="{{ or }}")
        if piece[1] is not None and piece[1] not in places:
            return Reason(
                "there is no place {place}; there are: {allowed}",
                place=f"{{{piece[1][:_SHOWN]}}}",
                allowed=" ".join(f"{{{name}}}" for name in places),
            )
    return None


def filled(text: str, values: Mapping[str, str]) -> tuple[str, str]:
    """Subject and text of a letter: *text* with a value in each place (letter_texts.places_of).

    A value of several lines that stands alone has the indentation of its place on each. Where
    nothing is left of the subject, it is the first line of the text.
    """
    subject, _, rest = text.rstrip("\n").partition("\n")
    lines: list[str] = []
    for line in rest.split("\n"):
        names = [piece[1] for piece in _PIECE.finditer(line) if piece[1] is not None]
        if names and not any(values[name] for name in names):
            continue
        alone = _ALONE.fullmatch(line)
        if alone is not None:
            value = values[alone[2]].split("\n")
            lines += [f"{alone[1]}{one}" if one else "" for one in value]
        else:
            lines.append(_inline(line, values))
    body = re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip("\n")
    told = " ".join(_inline(subject, values).split())
    return told or next(filter(None, body.split("\n")), ""), f"{body}\n"


def _inline(line: str, values: Mapping[str, str]) -> str:
    return _PIECE.sub(lambda piece: _value(piece, values), line)


def _value(piece: re.Match[str], values: Mapping[str, str]) -> str:
    if piece[1] is None:
        return piece[0][0]
    return " ".join(values[piece[1]].split("\n"))

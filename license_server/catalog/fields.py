"""Text fields that customers, products and licences share."""

import unicodedata
from collections.abc import Mapping
from typing import Any

from license_core import claims
from license_core.claims import ClaimError
from license_core.reason import Reason
from license_core.wording import BLANK, is_selector


def clean_text(given: Mapping[str, Any], member: str, longest: int = 200) -> str | None:
    """Text for people: composed characters (Unicode NFC), no control characters, no edges.

    What is not seen is not kept: characters that only say how the one before them is to look.
    """
    value = claims.text(given, member, longest=longest)
    if value is None:
        return None
    if value.isascii() and value.isprintable() and value == value.strip() and "  " not in value:
        return value  # many are clean already
    seen = "".join(one for one in value if not is_selector(one))
    clean = unicodedata.normalize("NFC", " ".join(seen.split()))
    if not clean.isprintable():
        raise ClaimError(member, "it has control characters")
    if not BLANK.isdisjoint(clean) or (clean and not any(map(_seen, clean))):
        raise ClaimError(member, "it contains invisible characters")
    return value if clean == value else claims.text({member: clean}, member, longest=longest)


def _seen(character: str) -> bool:
    """Whether it shows by itself: no mark that only changes the character before it."""
    return unicodedata.category(character) not in ("Mn", "Me")


def choice_name(given: Mapping[str, Any], member: str) -> str | None:
    """The name of a product, an edition or the like. Raises ClaimError."""
    value = given.get(member)
    if value.__class__ is str and claims.choice_name(value):
        return value
    value = claims.text(given, member)
    if value is not None:
        raise ClaimError(
            member,
            Reason(
                "{value!r} is not a valid name: use 1 to 64 letters, digits, `.`, `_`, `:` or `-`",
                value=value,
            ),
        )
    return value


def truth(given: Mapping[str, Any], member: str) -> bool:
    """True or false. Raises ClaimError."""
    value = given.get(member)
    if not isinstance(value, bool):
        raise ClaimError(member, "it is neither true nor false")
    return value


def present(members: Mapping[str, Any]) -> dict[str, Any]:
    """Those of *members* that say something: a null counts as absent."""
    return {member: value for member, value in members.items() if value is not None}

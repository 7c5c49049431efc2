"""Tags of customers: free words, by which they are filtered and found.

A tag has one spelling, whoever types it: width and case do not matter. In the ledger they stand in
one text, a line each.
"""

import re
import unicodedata
from collections.abc import Mapping
from typing import Any

from license_core.claims import ClaimError
from license_core.reason import Reason
from license_server.catalog.fields import clean_text

MOST = 20
LONGEST = 40
_SEPARATORS = re.compile(r"[,;，；、\n]+")


def read(given: Mapping[str, Any], member: str) -> str | None:
    """The tags in a list of texts, as they are stored. Raises ClaimError."""
    texts = given.get(member)
    if texts is None:
        return None
    if not isinstance(texts, list):
        raise ClaimError(member, "it is not a list")
    found = dict.fromkeys(_tag(text, member) for text in texts)
    if len(found) > MOST:
        raise ClaimError(member, too_many(len(found)))
    return "\n".join(found) or None


def of(stored: str | None) -> list[str]:
    """The tags in a text as it is stored."""
    return stored.split("\n") if stored else []


def split(text: str) -> list[str]:
    """The tags in a *text* as people type them, with commas or semicolons between."""
    return [one for part in _SEPARATORS.split(text) if (one := part.strip())]


def folded(text: str) -> str:
    """A tag in the spelling that it has."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def too_many(count: int) -> Reason:
    """Why a customer cannot have so many."""
    return Reason("there are {count}, and at most {most} are allowed", count=count, most=MOST)


def _tag(text: Any, member: str) -> str:
    tag = folded(clean_text({member: text}, member, LONGEST) or "")
    if not tag or len(tag) > LONGEST:
        raise ClaimError(member, Reason("a tag has 1 to {most} characters", most=LONGEST))
    if _SEPARATORS.search(tag):
        raise ClaimError(member, Reason("the tag {value!r} has a comma or semicolon", value=tag))
    return tag

"""What the receiving server found out of who sent a mail (RFC 8601).

Anybody can write such a field. Only the topmost one counts, and only if it is of the server that
the settings name: that server is to remove others with its name (RFC 8601 section 5). A sender is
vouched for by DMARC (RFC 7489), or by a signature (RFC 6376) of the very domain in From; not by SPF
alone, which says nothing of From.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from license_server.mail.fields import Fields

_FIELD = "authentication-results"
_MOST_RESULTS = 50
_RESULT = re.compile(r"([a-z][a-z0-9-]*)(?:/[0-9]+)?=([a-z]+)")
_PROPERTY = re.compile(r"([a-z]+\.[a-z0-9-]+)=(\S+)")
_QUOTED = "\0"
"""What stands in place of a quoted text: nothing that is compared has it."""
_OF_FROM = {"dmarc": "header.from", "dkim": "header.d"}
"""What vouches for From, and the property that names the domain."""


class Authentication(NamedTuple):
    """Results by method, and the domain of From where one of them vouches for it."""

    domain: str | None = None
    """None where nobody vouches for it."""
    results: tuple[tuple[str, str], ...] = ()
    """Each method, such as ``dmarc``, with its result, such as ``pass``."""


def read(fields: Fields, from_domain: str | None, server: str | None) -> Authentication:
    """What the *server* with this name found; nothing where it is not set, or did not look."""
    field = _bare(fields.raw(_FIELD).lower())
    said = [] if field is None else re.sub(r"\s*=\s*", "=", field).split(";")
    if not server or not from_domain or not said or said[0].split()[:1] != [server.lower()]:
        return Authentication()
    results: list[tuple[str, str]] = []
    vouching = False
    for one in said[1:_MOST_RESULTS]:
        first, *rest = one.split() or [""]
        found = _RESULT.fullmatch(first)
        if found is None:
            continue
        method, result = found.groups()
        results.append((method, result))
        named = [domain for name, domain in _properties(rest) if name == _OF_FROM.get(method)]
        vouching = vouching or (result == "pass" and named == [from_domain])
    dmarc = {result for method, result in results if method == "dmarc"}
    is_vouched = vouching and dmarc <= {"pass", "none"}
    return Authentication(from_domain if is_vouched else None, tuple(results))


def _properties(words: list[str]) -> Iterator[tuple[str, str]]:
    for word in words:
        found = _PROPERTY.fullmatch(word)
        if found is not None:
            yield found[1], found[2]


def _bare(field: str) -> str | None:
    """*field* without comments and quoted texts; None for one in which they do not end.

    A sender chooses what some of them say, as the mailbox of SMTP's MAIL FROM.
    """
    kept: list[str] = []
    depth, quoted, escaped = 0, False, False
    for char in field:
        if escaped:
            escaped = False
        elif char == "\\" and (quoted or depth):
            escaped = True
        elif quoted:
            quoted = char != '"'
        elif char == '"' and not depth:
            quoted = True
            kept.append(_QUOTED)
        elif char == "(":
            depth += 1
            kept.append(" ")
        elif char == ")" and depth:
            depth -= 1
        elif not depth:
            kept.append(char)
    return None if depth or quoted else "".join(kept)

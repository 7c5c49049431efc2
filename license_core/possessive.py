r"""Regular expressions with possessive quantifiers, which Python knows from 3.11 on.

``[a-z]*+`` takes all that it can and gives nothing back, so that no text takes a pattern more than
a look at each of its characters. Where the interpreter has no such quantifier, what it stands
behind is looked for by a group in a lookahead, which is never entered again, and then taken by a
reference to that group: ``(?=(?P<p0>[a-z]*))(?P=p0)``.
"""

from __future__ import annotations

import re
import sys
from functools import lru_cache

_ESCAPE = r"\\(?:x[0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4}|U[0-9A-Fa-f]{8}|.)"
_ATOM = re.compile(rf"{_ESCAPE}|\[\^?\]?(?:{_ESCAPE}|[^\]\\])*\]|.", re.DOTALL)
_QUANTIFIER = re.compile(r"[*+?]|\{\d*(?:,\d*)?\}")


@lru_cache(maxsize=64)
def compiled(pattern: str) -> re.Pattern[str]:
    """*pattern*, which may have possessive quantifiers behind what is not a lookaround.

    Groups of the pattern should have names: the numbers of those behind such a quantifier differ
    between versions of Python.
    """
    return re.compile(pattern if sys.version_info >= (3, 11) else spelled_out(pattern))


def spelled_out(pattern: str) -> str:
    """*pattern* without possessive quantifiers, for the same texts."""
    return "".join(_Reader(pattern).read_group())


class _Reader:
    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        self._at = 0
        self._groups = 0

    def read_group(self) -> list[str]:
        """What is up to the end of this group, or of the pattern, part by part."""
        parts: list[str] = []
        while self._at < len(self._pattern) and self._pattern[self._at] != ")":
            if self._pattern[self._at] == "(":
                self._at += 1
                atom = f"({''.join(self.read_group())})"
                self._at += 1
            else:
                atom = self._take(_ATOM)
            quantifier = self._take(_QUANTIFIER)
            if quantifier and self._pattern[self._at : self._at + 1] == "+":
                self._at += 1
                name = f"possessive_{self._groups}"
                self._groups += 1
                atom, quantifier = f"(?=(?P<{name}>{atom}{quantifier}))(?P={name})", ""
            parts += [atom, quantifier]
        return parts

    def _take(self, what: re.Pattern[str]) -> str:
        found = what.match(self._pattern, self._at)
        if found is None:
            return ""
        self._at = found.end()
        return found[0]

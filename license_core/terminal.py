"""What terminals and printers obey: colours, links, and characters over one another (ECMA-48).

As the characters themselves, and as ``cat -v`` and editors show them.
"""

from __future__ import annotations

import re

COLOURS = (
    r"(?:\x1b|\^\[|\u241b)"
    r"(?:\[[0-9;:?]{0,40}[A-Za-z]|\][^\x07\x1b\n]{0,2000}(?:\x07|\x1b\\))"
)
"""Links, too."""
_SHOWN_BACKSPACE = r"\^H|\u2408"
_RUN = r"([^\x08]*)(\x08*)"


def shown(text: str) -> str:
    """*text* without colours and links, and as it is read."""
    return overstruck(re.sub(COLOURS, "", text))


def overstruck(text: str) -> str:
    """*text* as it is read: a backspace goes back by one, and what follows takes that place.

    An underscore takes no letter's place: it underlines.
    """
    text = re.sub(_SHOWN_BACKSPACE, "\b", text)
    return "\n".join(_overlaid(line) if "\b" in line else line for line in text.split("\n"))


def _overlaid(line: str) -> str:
    cells: list[str] = []
    at = 0
    for run in re.finditer(_RUN, line):
        for new in run[1]:
            if at == len(cells):
                cells.append(new)
            elif new != "_" or cells[at] == " ":
                cells[at] = new
            at += 1
        at = max(0, at - len(run[2]))
    return "".join(cells)

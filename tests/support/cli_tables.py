"""The tables that `license-server` prints for people, read again."""

import re


def rows(text: str) -> list[dict[str, str]]:
    """The rows of a table, each by its heading; nothing for a text without one."""
    heading, *lines = text.splitlines() or [""]
    names = [(found[0].strip(), found.start()) for found in re.finditer(r"\S+(?: \S+)*", heading)]
    ends = [start for _, start in names[1:]] + [None]
    return [
        {name: line[start:end].strip() for (name, start), end in zip(names, ends, strict=True)}
        for line in lines
    ]

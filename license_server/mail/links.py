"""The secrets of links in what is kept of mails: who reads it may not come in by them.

A mail that comes back, and a person's answer, quote the link that was sent (docs/adr/0038): broken
into lines, or within the link of a filter that looks at where it leads (``%3Fsecret%3D``).
"""

import re

MASK = "***"
_BREAK = r"(?:=?[ \t]*\r?\n[ \t>|]*)"
_CHARACTER = r"[A-Za-z0-9_-]"
_SECRET = re.compile(
    r"(?i)((?:\?|&(?:amp;)?|=3f|[%-](?:25)*(?:3f|26))secret(?:=3d|=|[%-](?:25)*3d))"
    rf"{_BREAK}?(?:(?:{_CHARACTER}{_BREAK}?){{42}}{_CHARACTER}|{_CHARACTER}+)"
)
"""A secret has 43 characters (256 bits); what is cut short ends with its line."""


def masked(text: str) -> str:
    """*text* without the secrets of links such as ``/portal/open?secret=...``."""
    return _SECRET.sub(rf"\1{MASK}", text)

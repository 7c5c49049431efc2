"""Pasted text: what mail, chat, office programs and terminals do to a line, undone (SPEC 4.4).

What comes out has one sort of quote, comma and hyphen, all in ASCII, and no white space but spaces,
tabs and line feeds. No hexadecimal digit that a person sees comes or goes.
"""

from __future__ import annotations

import re

from license_core.armor import SOFT_BREAK

# Exactly 40 digits after a label's equals sign are a key, and not an octet and 38 digits.
_OCTETS = (
    r"(?:(?<![A-Za-z\x80-\U0010ffff])|(?!=[0-9a-fA-F]{40}(?![0-9a-fA-F])))(?:=[0-9a-fA-F]{2})+"
    r"|(?:%[0-9a-fA-F]{2})+"
)
_IN_A_KEY_OR_NAME = r"[\0-\x08\x0b\x0c\x0e-\x1a\x1c-\x1f0-9A-Za-z\x7f]"
_TAG = r"</?([A-Za-z][A-Za-z0-9:]{0,9})(?:[ \t\r\n][^<>]*)?/?>|<(?:https?|mailto):[^<>]*>"
_INLINE = r"a|abbr|b|big|code|del|em|font|i|ins|mark|o:p|s|small|span|strong|sub|sup|tt|u|wbr"
_CELL = "td|th"
_ENTITY = r"&(?:#([0-9]{1,7})|#[xX]([0-9a-fA-F]{1,6})|([a-z]{2,5}));"
_ENTITIES = {
    "amp": "&",
    "apos": "'",
    "gt": ">",
    "ldquo": '"',
    "lsquo": "'",
    "lt": "<",
    "nbsp": " ",
    "quot": '"',
    "rdquo": '"',
    "rsquo": "'",
}
# A string of JSON in a text has its own quotes escaped, and so do strings in strings.
_DEEPEST = 3
_ESCAPED_QUOTE = '\\"'
_ESCAPE = r'\\(["\\/bfnrt]|u001[bB])'
_ESCAPES = {"u001b": "\x1b", "u001B": "\x1b", "b": " ", "f": "\n", "n": "\n", "r": "\n", "t": "\t"}
_BREAK_BEFORE_A_KEY = r"\\[nrt](?=[0-9a-fA-F]{40})"
_BREAK = "\r\n?|[\v\f\x1c-\x1e\x85\u2028\u2029]"
_TERMINAL = (
    "\x1b\\][^\x07\x1b\n]*(?:\x07|\x1b\\\\)"  # a title
    "|(?:\x1b|\\^\\[)\\[[0-9;?]*[@-~]"  # a colour, a movement
    r"|\[[0-9]{1,3}(?:;[0-9]{1,3})*[mMK]"  # the same without its ESC
)
_UNSEEN = (
    "[\0-\x08\x0e-\x1b\x7f\xad\u034f\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\u2800"
    "\u3164\ufe00-\ufe0f\ufeff\ufffc]"
)
_QUOTES = "'`*~\xab\xbb\u2018-\u201f\u2032\u2033\u300c-\u300f\u301d-\u301f"  # each stands for "
_FOLDED: dict[int, int | str] = {
    **{code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)},  # full-width forms
    **dict.fromkeys(map(ord, "\x1f\xa0\u1680\u202f\u205f\u3000"), " "),
    **dict.fromkeys(range(0x2000, 0x200B), " "),
    **dict.fromkeys((*range(0x2010, 0x2014), 0x2212, 0xFE58, 0xFE63), "-"),
    **dict.fromkeys(map(ord, "\u3010\u3014"), "["),
    **dict.fromkeys(map(ord, "\u3011\u3015"), "]"),
    **dict.fromkeys(map(ord, "\u3002\uff61"), "."),
    0x3001: ",",
}
_RULE = "[>|\u2500-\u257f]"
# What a quotation, a list or a comparison has at the start of a line, before its text.
_LINE_MARK = '(?m)^[ \t]*(?:[":#%!\u2022\u2023\u25aa\xb7-]{1,9}(?=[ \t])|\\+)'
_MEMBER = r'(?ai)"{1,2}(?:hostname|profile|check)"{1,2} ?:\s{0,2}'
_LABEL = r"(?ai),?\s{0,2}(?:host[ _-]?name|\u4e3b\u673a\u540d|profile|check) ?[:=]"


def undamaged(text: str) -> str:
    """*text* as it was written, as far as that can be told."""
    text = re.sub(_OCTETS, _decoded, re.sub(SOFT_BREAK, " \n", text))
    text = re.sub(_ENTITY, _character, re.sub(_TAG, _shown, text))
    for _ in range(_DEEPEST):
        if _ESCAPED_QUOTE not in text:
            break
        text = re.sub(_ESCAPE, lambda found: _ESCAPES.get(found[1], found[1]), text)
    text = re.sub(_BREAK, "\n", re.sub(_BREAK_BEFORE_A_KEY, "\n", text))
    text = re.sub(_TERMINAL, "", text)
    text = re.sub(f"[{_QUOTES}]", '"', re.sub(_UNSEEN, "", text).translate(_FOLDED))
    text = re.sub(_LINE_MARK, " ", re.sub(_RULE, " ", text))
    return re.sub(_LABEL, ",", re.sub(_MEMBER, "", text))


def _decoded(run: re.Match[str]) -> str:
    """Octets of quoted-printable or of a URL that are neither of a key nor of a name."""
    try:
        text = bytes.fromhex(run[0].replace("=", "").replace("%", "")).decode()
    except UnicodeDecodeError:
        return run[0]
    return run[0] if re.search(_IN_A_KEY_OR_NAME, text) else text


def _shown(tag: re.Match[str]) -> str:
    """What a page shows for a tag of HTML: nothing, a column's edge, or a new line."""
    name = (tag[1] or "a").lower()
    if re.fullmatch(_INLINE, name):
        return ""
    return "\t" if re.fullmatch(_CELL, name) else "\n"


def _character(entity: re.Match[str]) -> str:
    """The character that an entity of HTML stands for; itself where it is none."""
    decimal, hexadecimal, name = entity.groups()
    if name:
        return _ENTITIES.get(name, entity[0])
    code = int(decimal) if decimal else int(hexadecimal, 16)
    is_text = code < 0xD800 or 0xE000 <= code < 0x110000
    return chr(code) if is_text else entity[0]

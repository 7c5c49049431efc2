"""The language in which somebody writes, as far as a few words tell."""

import re

_CHINESE = re.compile("[\u4e00-\u9fff]")
_JAPANESE = re.compile("[\u3040-\u30ff]")
_WORDS = re.compile(
    r"(?i)\b(?:the|and|our|please|you|your|we|us|it|is|are|was|to|of|on|for|with|this|that|have|need"
    r"|hello|hi|dear|thanks?|thank|kind|best|regards|below|attached|morning|send|issue|today)\b"
)
_CHARACTERS = 4
"""So many characters of Chinese say as much as one of these words, and its neighbours."""
_LEAST = 2
_LOOKED_AT = 20_000


def guess(text: str) -> str | None:
    """``zh``, ``en``, or None where it is neither, or cannot be told."""
    text = text[:_LOOKED_AT]
    chinese, words = len(_CHINESE.findall(text)), len(_WORDS.findall(text))
    if _JAPANESE.search(text) and len(_JAPANESE.findall(text)) * 4 > chinese:
        return None
    if chinese >= _LEAST and chinese >= words * _CHARACTERS:
        return "zh"
    return "en" if words >= _LEAST else None

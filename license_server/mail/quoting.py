"""Which lines of a mail its writer has written, and which are those of an earlier mail."""

import re

_MARKED = re.compile(r"^[ \t]*[>|]")
_BEGINS = re.compile(
    r"(?i)^\s*(?:"
    r"-{2,}\s*(?:original message|forwarded message|原始邮件|原始郵件|回复的原邮件|转发的?邮件)"
    r"|on .{6,200} wrote:\s*$"
    r"|(?:at|在|於) ?.{6,200}(?:写道|寫道|写到|wrote)\s*[:：]\s*$"
    r"|_{20,}\s*$"
    r")"
)
_FROM = re.compile(r"(?i)^[ \t*]*(?:from|发件人|寄件者)\s*[:：]")
_SENT = re.compile(
    r"(?i)^[ \t*]*(?:sent|date|to|subject|发送时间|发件时间|日期|收件人|主题"
    r"|寄件日期|收件者|主旨)\s*[:：]"
)


def fresh(text: str) -> str:
    """The lines of *text* that do not quote: up to where an earlier mail begins, without marks."""
    found: list[str] = []
    lines = text.split("\n")
    for n, line in enumerate(lines):
        if len(line) < 400 and _begins(line, lines[n + 1 : n + 4]):
            break
        if not _MARKED.match(line):
            found.append(line)
    return "\n".join(found)


def _begins(line: str, following: list[str]) -> bool:
    if _BEGINS.match(line):
        return True
    return bool(_FROM.match(line)) and any(_SENT.match(one[:200]) for one in following)
